"""A vault made by an earlier Rollcall is backed up before it is migrated; a migration that fails changes nothing."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from app.errors import EnvironmentFault
from app.models import Case
from app.services.backup import make
from app.services.backup.listing import list_backups, verify_backup
from app.services.backup.manifest import Reason
from app.services.vault import Vault, create_vault, migrate, open_vault
from app.services.vault.database import open_copy
from app.services.vault.migrate import NEWEST, stored_revision
from app.timesource import FrozenTime
from tests import quick_schema
from tests.conftest import PASSPHRASE, QUICK
from tests.services.casework import open_isla


@pytest.fixture
def first_vault(tmp_path: Path, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A vault at the first schema, with a row in it."""
    with monkeypatch.context() as earlier:
        from alembic import command

        upgrade = command.upgrade
        earlier.setattr(migrate, "bring_up_to_date", quick_schema.migrated)
        earlier.setattr(command, "upgrade", lambda config, _revision: upgrade(config, "0001"))
        earlier.setattr("app.services.vault.vault.LifeboatKeeper.catch_up", lambda _keeper, _newest: None)
        vault = create_vault(tmp_path / "first", PASSPHRASE, time=frozen_time, label="Old laptop", kdf=QUICK)
        with vault.engine.begin() as connection:
            connection.execute(text("INSERT INTO sync_state VALUES ('server', 'https://central.marlshire.example')"))
        assert stored_revision(vault.engine) == "0001"
        vault.close()
    return tmp_path / "first"


def test_an_old_vault_is_backed_up_and_then_migrated(first_vault: Path, frozen_time: FrozenTime) -> None:
    vault = open_vault(first_vault, PASSPHRASE, time=frozen_time)
    assert stored_revision(vault.engine) == NEWEST
    (made,) = list_backups(first_vault, vault.keys)
    assert (made.reason, made.manifest.schema) == (Reason.MIGRATION, "0001")
    assert vault.backed_up_first == made or vault.backed_up_first.name == made.name
    verify_backup(made.folder, vault.keys)
    with closing(open_copy(made.folder / "cases.db", vault.keys.cases)) as copy:
        assert copy.execute("SELECT value FROM sync_state WHERE name = 'server'").fetchone()
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    vault.close()
    open_vault(first_vault, PASSPHRASE, time=frozen_time).close()
    assert len(list_backups(first_vault)) == 1  # a vault of this version is not backed up at each opening


def test_a_migration_that_fails_half_way_leaves_the_vault_as_it_was_and_the_backup(
    first_vault: Path, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        from alembic import op

        broken.setattr(op, "create_index", _fail)
        with pytest.raises(RuntimeError, match="half-way"):
            open_vault(first_vault, PASSPHRASE, time=frozen_time)
    assert len(list_backups(first_vault)) == 1
    frozen_time.advance(minutes=1)
    vault = open_vault(first_vault, PASSPHRASE, time=frozen_time)
    assert stored_revision(vault.engine) == NEWEST
    assert [info.manifest.schema for info in list_backups(first_vault, vault.keys)] == ["0001", "0001"]
    vault.close()


def _fail(*_args: object, **_options: object) -> None:
    raise RuntimeError("half-way")


def test_nothing_is_migrated_where_no_backup_can_be_made(
    first_vault: Path, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(make.shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]  # the shape it returns
        with pytest.raises(EnvironmentFault, match="Make room"):
            open_vault(first_vault, PASSPHRASE, time=frozen_time)
    assert list_backups(first_vault) == []
    vault = open_vault(first_vault, PASSPHRASE, time=frozen_time)
    assert [info.manifest.schema for info in list_backups(first_vault, vault.keys)] == ["0001"]
    vault.close()


def test_a_vault_with_cases_keeps_them_through_a_backup_and_its_migration(
    make_vault: Callable[..., Vault], frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = make_vault()
    case_id = open_isla(vault.workspace())
    vault.close()
    with monkeypatch.context() as later:  # the same schema under an older name: only the hook is of interest
        later.setattr(migrate, "NEWEST", "9999")
        open_vault(vault.folder, PASSPHRASE, time=frozen_time).close()
    again = open_vault(vault.folder, PASSPHRASE, time=frozen_time)
    (made,) = list_backups(vault.folder, again.keys)
    assert made.manifest.counts["cases"] == 1
    with again.workspace().read() as session:
        assert session.get(Case, case_id) is not None
    again.close()
