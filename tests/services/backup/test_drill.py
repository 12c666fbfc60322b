"""The drill opens the newest backup to its last page, touches nothing, and what it finds is remembered."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from app.errors import UserError
from app.models import SyncState
from app.services.backup import drill as drills
from app.services.backup import files
from app.services.backup.drill import DrillReport, Opening, drill, last_drill, last_proven
from app.services.backup.manifest import NAME, Manifest, read_manifest
from app.services.backup.words import Stopped
from app.services.journal import AUDIT_BACKED_UP
from app.services.vault import Vault
from app.services.vault.database import connect
from app.timesource import FrozenTime
from tests.services.backup.conftest import BackUp, contents

Try = Callable[..., DrillReport]


@pytest.fixture
def try_newest(kept: Vault, opening: Opening, frozen_time: FrozenTime) -> Try:
    def run(**options: object) -> DrillReport:
        return drill(kept.folder, kept.keys, kept.engine, opening, time=frozen_time, **options)  # type: ignore[arg-type]  # passed on

    return run


def signed_again(backup: Path, vault: Vault, **changes: object) -> None:
    """Rewrite a manifest as somebody with the keys would, so that only what the databases hold speaks against it."""
    manifest = read_manifest(backup)
    entries = []
    for entry in manifest.files:
        with files.closed_file(backup / entry.name) as descriptor:
            found = files.hash_of(descriptor)
        entries.append({"name": entry.name, "size": found.size, "sha256": found.sha256})
    whole = {**json.loads(manifest.encoded()), "files": entries, **changes}
    import msgspec

    again = msgspec.convert(whole, Manifest).authenticated(vault.keys)
    (backup / NAME).write_bytes(again.encoded())


def test_a_good_backup_is_proven_and_not_touched(
    kept: Vault, back_up_now: BackUp, try_newest: Try, frozen_time: FrozenTime
) -> None:
    info = back_up_now()
    before = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in info.folder.iterdir()}
    report = try_newest()
    assert report.ok, report.words
    assert (report.name, report.made_at, report.at) == (info.name, info.made_at, frozen_time.now())
    assert report.records > 3
    assert last_proven(kept.engine) == last_drill(kept.engine) == report
    after = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in info.folder.iterdir()}
    assert after == before
    assert contents(kept.folder / "backups") == {info.name}
    with kept.engine.connect() as connection:
        stored = connection.execute(select(SyncState.value).where(SyncState.name == AUDIT_BACKED_UP)).scalar()
    assert stored == str(info.manifest.audit_entries)


def test_a_large_one_is_read_where_it_lies(
    back_up_now: BackUp, try_newest: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drills, "MOST_IN_MEMORY", 1)
    back_up_now()
    assert try_newest().ok


def test_without_a_backup_there_is_nothing_to_try(kept: Vault, try_newest: Try) -> None:
    (kept.folder / "backups").mkdir(exist_ok=True)
    with pytest.raises(UserError, match="no backup to try"):
        try_newest()


@pytest.mark.parametrize("name", ["cases.db", "documents.db", "lifeboat.log"])
def test_a_rotten_byte_fails_the_drill_and_an_older_proof_stays(
    kept: Vault, back_up_now: BackUp, try_newest: Try, frozen_time: FrozenTime, name: str
) -> None:
    back_up_now()
    proof = try_newest()
    frozen_time.advance(days=1)
    path = back_up_now().folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.unlink()  # documents.db is one file with the earlier backup's
    path.write_bytes(content)
    report = try_newest()
    assert not report.ok
    assert name in report.words
    assert last_proven(kept.engine) == proof
    assert last_drill(kept.engine) == report


@pytest.mark.parametrize("name", ["cases.db", "documents.db"])
def test_a_page_that_was_copied_wrong_is_found_even_where_the_hash_agrees(
    kept: Vault, back_up_now: BackUp, try_newest: Try, name: str
) -> None:
    info = back_up_now()
    content = bytearray((info.folder / name).read_bytes())
    content[len(content) - 2000] ^= 1
    (info.folder / name).write_bytes(content)
    signed_again(info.folder, kept)
    report = try_newest()
    assert not report.ok
    assert name in report.words


def test_records_that_are_missing_are_found_even_where_every_page_is_whole(
    kept: Vault, back_up_now: BackUp, try_newest: Try
) -> None:
    info = back_up_now()
    connection = connect(info.folder / "cases.db", kept.keys.cases)
    connection.execute("DELETE FROM case_event")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    signed_again(info.folder, kept)
    assert "holds 0 events" in try_newest().words
    signed_again(info.folder, kept, counts={**read_manifest(info.folder).counts, "events": 0}, audit_head="00" * 32)
    assert "do not end where they did" in try_newest().words


def test_a_vault_file_of_other_keys_fails_it(kept: Vault, back_up_now: BackUp, try_newest: Try) -> None:
    info = back_up_now()
    for name in ("vault.json", "vault-copy.json"):
        text = (info.folder / name).read_text()
        (info.folder / name).write_text(text.replace("Test laptop", "Best laptop"))
    assert "vault.json" in try_newest().words


@pytest.mark.parametrize("step", [0, 3, 6])
def test_a_cancelled_drill_remembers_nothing(kept: Vault, back_up_now: BackUp, try_newest: Try, step: int) -> None:
    back_up_now()
    asked = iter(range(10_000))
    with pytest.raises(Stopped):
        try_newest(cancelled=lambda: next(asked) >= step)
    assert last_drill(kept.engine) is None
    assert try_newest().ok  # and nobody holds the turn
