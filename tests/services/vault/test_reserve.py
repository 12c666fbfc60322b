"""A really full disk: saving, locking and syncing go on, large things wait, and people are told."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import EnvironmentFault
from app.models import CaseEvent, ChangeSetRow
from app.models.terms import ChangeState
from app.services import audit, cases, drafts
from app.services.audit import Action
from app.services.documents.intake import add_bytes
from app.services.exchange.gias import import_schools
from app.services.room import DiskFull
from app.services.vault import Vault, open_vault, reserve
from app.services.vault.check import check_vault
from app.services.vault.reserve import Reserve
from app.timesource import FrozenTime
from tests.bench.bench_gias import extract
from tests.conftest import PASSPHRASE, QUICK
from tests.services.casework import open_isla

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 40 MiB."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={40 * MIB}", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let root mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def small_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "SIZE", 8 * MIB)
    monkeypatch.setattr(reserve, "LEAST", 4 * MIB)


@pytest.fixture
def enrolled(small_disk: Path, small_reserve: None, central: Any, frozen_time: FrozenTime) -> Iterator[Vault]:
    """A laptop whose vault stands on the small disk, enrolled with a real central store."""
    from app.services.sync.enrolment import create_and_enrol

    code = central.services.trust.make_code(central.people["dawn"])
    vault = create_and_enrol(
        small_disk / "vault", central.url, code, "Small laptop", PASSPHRASE, time=frozen_time, kdf=QUICK
    )
    yield vault
    vault.close()


def free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def fill(disk: Path) -> Path:
    """Another program takes every byte that is left."""
    filler = disk / f"filler {len(list(disk.iterdir()))}"
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(64 * 1024))
    with filler.open("ab", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(512))
    assert free(disk) < 64 * 1024
    return filler


def waiting(vault: Vault) -> int:
    with vault.engine.connect() as connection:
        return connection.execute(
            select(func.count()).select_from(ChangeSetRow).where(ChangeSetRow.state == ChangeState.PENDING)
        ).scalar_one()


def test_on_a_full_disk_saving_drafts_audit_locking_and_syncing_go_on(
    enrolled: Vault, small_disk: Path, frozen_time: FrozenTime, sync_once: Callable[[Any], Any]
) -> None:
    ws = enrolled.workspace()
    case_id = open_isla(ws)
    assert not ws.room().in_use
    assert (enrolled.folder / "reserve").stat().st_blocks * 512 >= 8 * MIB
    fill(small_disk)

    cases.add_note(ws, case_id, text="Saved on a full disk\n" + "x" * 50_000)
    for number in range(50):
        cases.add_note(ws, case_id, text=f"Visit {number}")
    drafts.save_draft(ws, drafts.note_key(case_id), "Half a sentence when it locked")
    ws.audit(Action.LOCKED)
    assert ws.room().in_use
    assert not (enrolled.folder / "reserve").exists()

    enrolled.close()
    again = open_vault(enrolled.folder, PASSPHRASE, time=frozen_time)
    ws = again.workspace()
    assert drafts.load_draft(ws, drafts.note_key(case_id)) == "Half a sentence when it locked"
    assert waiting(again) > 50
    sync_once(ws)
    assert waiting(again) == 0
    assert check_vault(again).sound
    with ws.read() as session:
        assert audit.verify(session).finding is None
        titles = set(session.scalars(select(CaseEvent.title)))
    assert {"Saved on a full disk", "Visit 49"} <= titles
    again.close()


def test_a_vault_opens_on_a_disk_that_was_filled_while_it_was_locked(
    enrolled: Vault, small_disk: Path, frozen_time: FrozenTime, sync_once: Callable[[Any], Any]
) -> None:
    case_id = open_isla(enrolled.workspace())
    enrolled.close()
    fill(small_disk)
    again = open_vault(enrolled.folder, PASSPHRASE, time=frozen_time)
    ws = again.workspace()
    cases.add_note(ws, case_id, text="Saved all the same")
    sync_once(ws)
    assert waiting(again) == 0
    again.close()


def test_without_a_reserve_the_same_disk_refuses_in_words_and_the_vault_stays_whole(
    enrolled: Vault, small_disk: Path, frozen_time: FrozenTime
) -> None:
    ws = enrolled.workspace()
    case_id = open_isla(ws)
    enrolled.reserve.let_go()
    before = waiting(enrolled)
    filler = fill(small_disk)
    with pytest.raises(EnvironmentFault, match=r"This laptop has less than 1 MB left\. Sync,.*not saved"):
        for _ in range(5):
            cases.add_note(ws, case_id, text="x" * 90_000)
    filler.unlink()
    saved = waiting(enrolled) - before
    cases.add_note(ws, case_id, text="There is room again")
    assert waiting(enrolled) == before + saved + 1
    assert check_vault(enrolled).sound
    enrolled.close()
    again = open_vault(enrolled.folder, PASSPHRASE, time=frozen_time)
    assert again.lifeboat.caught_up is not None
    assert again.lifeboat.caught_up.redone == 0
    again.close()


def test_large_things_wait_while_the_reserve_is_in_use_and_go_on_when_there_is_room(
    enrolled: Vault, small_disk: Path
) -> None:
    ws = enrolled.workspace()
    filler = fill(small_disk)
    open_isla(ws)
    with pytest.raises(DiskFull, match=r"Imports and documents wait until there is room\. Notes are still saved"):
        import_schools(enrolled.system_workspace(), extract(20))
    with pytest.raises(DiskFull):
        add_bytes(ws, "scan.pdf", b"%PDF-1.7")
    filler.unlink()
    assert not ws.room().in_use
    assert (enrolled.folder / "reserve").exists()
    assert import_schools(enrolled.system_workspace(), extract(20)).added == 20


def test_the_reserve_holds_real_blocks_and_is_made_only_where_there_is_room(tmp_path: Path) -> None:
    kept = Reserve(tmp_path, size=MIB, least=MIB)
    assert kept.prepare()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= MIB
    assert (tmp_path / "reserve").stat().st_mode & 0o077 == 0
    kept.before_write()
    assert (tmp_path / "reserve").exists()
    kept.let_go()
    assert not (tmp_path / "reserve").exists()
    state = kept.state()
    assert not state.in_use
    assert (tmp_path / "reserve").exists()
    too_large = Reserve(tmp_path / "none", size=1 << 60, least=MIB)
    (tmp_path / "none").mkdir()
    assert not too_large.prepare()
    assert too_large.state().in_use
    assert "MB left. Sync, then remove old visit packs. Nothing has been deleted." in too_large.state().words
