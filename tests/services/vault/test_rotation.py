"""New data keys: everything is still there, the old keys open nothing, and an interruption anywhere is harmless."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.errors import EnvironmentFault, UserError
from app.models.base import Base
from app.services.vault import Vault, VaultDamaged, open_vault, rotation, unlock, unlock_with_recovery
from app.services.vault.database import connect
from app.services.vault.keys import DataKeys
from app.services.vault.recovery_key import RecoveryKey
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE

RECOVERY = RecoveryKey("0123456789ABCDEFGHJKMNPQRS")


class StoppedError(Exception):
    """The power went."""


@pytest.fixture
def folder(tmp_path: Path, frozen_time: FrozenTime, make_vault: Callable[..., Vault]) -> Path:
    vault = make_vault()
    with vault.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM user")).scalar() == 1
    vault.workspace().documents.put(b"a scanned page " * 50_000, "application/pdf")
    vault.set_recovery_key(RECOVERY, PASSPHRASE)
    vault.close()
    return vault.folder


def state(folder: Path, time: FrozenTime) -> dict[str, Any]:
    vault = open_vault(folder, PASSPHRASE, time=time)
    try:
        with vault.engine.connect() as connection:
            found: dict[str, Any] = {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar()
                for table in Base.metadata.sorted_tables
            }
            found["people"] = connection.execute(text("SELECT name FROM user")).scalars().all()
            found["sound"] = connection.execute(text("PRAGMA integrity_check")).scalars().all()
        store = vault.workspace().documents
        with store._engine.connect() as connection:
            found["chunks"] = connection.execute(text("SELECT hash, length(data) FROM chunk ORDER BY hash")).all()
        return found
    finally:
        vault.close()


def test_everything_is_there_under_new_keys_and_the_old_ones_open_nothing(
    folder: Path, frozen_time: FrozenTime
) -> None:
    before, old = state(folder, frozen_time), unlock(folder, PASSPHRASE, time=frozen_time).keys
    told: list[tuple[int, int, str]] = []
    report = rotation.rotate(folder, PASSPHRASE, time=frozen_time, progress=lambda *at: told.append(at))
    assert set(report.files) == {"cases.db", "documents.db"}
    assert told
    assert state(folder, frozen_time) == before
    new = unlock(folder, PASSPHRASE, time=frozen_time).keys
    assert new.cases != old.cases
    assert new.documents != old.documents
    assert new.lifeboat != old.lifeboat
    for name, key in (("cases.db", old.cases), ("documents.db", old.documents)):
        with pytest.raises(VaultDamaged):
            connect(folder / name, key)
    assert unlock_with_recovery(folder, RECOVERY.text, time=frozen_time).keys == new
    assert not list(folder.glob("*.next*"))


@pytest.mark.parametrize("at", range(24))
def test_stopped_anywhere_the_vault_opens_and_the_rotation_goes_on(
    folder: Path, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    before = state(folder, frozen_time)
    count = 0

    def stopping(original: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == at + 1:
                raise StoppedError
            return original(*arguments, **named)

        return step

    with monkeypatch.context() as patch:
        for name in ("_copy", "_hash", "_copy_lifeboat", "finish"):
            patch.setattr(rotation, name, stopping(getattr(rotation, name)))
        patch.setattr("app.services.vault.vault_file.write_durably", stopping(rotation.vault_file.write_durably))
        patch.setattr(Path, "replace", stopping(Path.replace))
        try:
            rotation.rotate(folder, PASSPHRASE, time=frozen_time)
        except StoppedError:
            pass
        else:
            assert count <= at, "every step was passed"
    # A copy of what a power cut leaves: the vault opens from it, and another attempt ends well.
    left = folder.parent / "left"
    shutil.copytree(folder, left)
    assert state(left, frozen_time) == before
    rotation.rotate(folder, PASSPHRASE, time=frozen_time)
    assert state(folder, frozen_time) == before
    assert not list(folder.glob("*.next*"))


def test_what_was_copied_before_an_interruption_is_not_copied_again(
    folder: Path, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    original = rotation._copy

    def second_fails(source: Any, path: Path, key: bytes, name: str, tell: Any) -> None:
        copied.append(name)
        if copied == ["cases.db", "documents.db"]:
            raise StoppedError
        original(source, path, key, name, tell)

    monkeypatch.setattr(rotation, "_copy", second_fails)
    with pytest.raises(StoppedError):
        rotation.rotate(folder, PASSPHRASE, time=frozen_time)
    report = rotation.rotate(folder, PASSPHRASE, time=frozen_time)
    assert report.resumed == ("cases.db",)
    assert copied == ["cases.db", "documents.db", "documents.db"]


def test_work_done_after_an_interruption_is_in_the_rotated_vault(
    folder: Path, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(rotation, "_copy_lifeboat", lambda *_: (_ for _ in ()).throw(StoppedError))
        with pytest.raises(StoppedError):
            rotation.rotate(folder, PASSPHRASE, time=frozen_time)
    vault = open_vault(folder, PASSPHRASE, time=frozen_time)
    vault.set_user(vault.workspace().actor.user_id or "")
    with vault.engine.begin() as connection:
        connection.execute(text("INSERT INTO sync_state (name, value) VALUES ('since', 'then')"))
    vault.close()
    report = rotation.rotate(folder, PASSPHRASE, time=frozen_time)
    assert "cases.db" in report.files
    vault = open_vault(folder, PASSPHRASE, time=frozen_time)
    with vault.engine.connect() as connection:
        assert connection.execute(text("SELECT value FROM sync_state WHERE name = 'since'")).scalar() == "then"
    vault.close()


def test_an_open_vault_is_not_rotated(folder: Path, frozen_time: FrozenTime) -> None:
    vault = open_vault(folder, PASSPHRASE, time=frozen_time)
    with pytest.raises(EnvironmentFault, match="open on this vault"):
        rotation.rotate(folder, PASSPHRASE, time=frozen_time)
    vault.close()
    state(folder, frozen_time)


def test_a_wrong_passphrase_rotates_nothing(folder: Path, frozen_time: FrozenTime) -> None:
    whole = (folder / "vault.json").read_bytes()
    with pytest.raises(UserError, match="not recognised"):
        rotation.rotate(folder, "not the passphrase", time=frozen_time)
    assert (folder / "vault.json").read_bytes() == whole


def test_fresh_keys_differ() -> None:
    keys = DataKeys.fresh()
    assert len({keys.cases, keys.documents, keys.lifeboat}) == 3
