"""The vault opens with its passphrase and keyring secret, and with nothing else."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from app.errors import EnvironmentFault, UserError
from app.models import SYNCED_TABLES, Child
from app.models.base import Base
from app.services.vault import create_vault, open_vault
from app.services.vault.database import open_engine
from app.services.vault.device_secret import SERVICE
from app.services.vault.keys import MINIMUM_MEMORY_KIB, KdfParameters
from app.services.vault.migrate import NEWEST, bring_up_to_date, stored_revision
from app.services.vault.vault import Vault
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE, QUICK


class BoxKeyring:
    """Keeps secrets in a dictionary, as an operating system's keyring would."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


def test_what_was_written_is_there_after_closing_and_opening(
    make_vault: Callable[..., Vault], frozen_time: FrozenTime
) -> None:
    vault = make_vault()
    with vault.workspace().write("Met") as session:
        session.add(Child(forename="Testina", surname="Sentinelson"))
    vault.close()
    again = open_vault(vault.folder, PASSPHRASE, time=frozen_time)
    with again.workspace().read() as session:
        assert session.query(Child).one().surname == "Sentinelson"
    again.close()


def test_files_hold_nothing_readable(make_vault: Callable[..., Vault]) -> None:
    vault = make_vault()
    with vault.workspace().write("Met") as session:
        session.add(Child(forename="Testina", surname="Sentinelson"))
    for path in vault.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"Sentinelson" not in content, path.name
            assert b"Dawn" not in content, path.name
            assert not content.startswith(b"SQLite format 3"), path.name


def test_a_wrong_passphrase_is_counted_and_makes_the_next_try_wait(
    make_vault: Callable[..., Vault], frozen_time: FrozenTime
) -> None:
    folder = make_vault().folder
    for left in ("4 tries left", "3 tries left", "2 tries left", "1 try left"):
        with pytest.raises(UserError, match=left):
            open_vault(folder, "not this one at all", time=frozen_time)
    with pytest.raises(UserError, match=r"Try again after 09:15"):
        open_vault(folder, "not this one at all", time=frozen_time)
    with pytest.raises(UserError, match="Try again after"):
        open_vault(folder, PASSPHRASE, time=frozen_time)
    frozen_time.advance(minutes=16)
    open_vault(folder, PASSPHRASE, time=frozen_time).close()
    with pytest.raises(UserError, match="4 tries left"):
        open_vault(folder, "not this one at all", time=frozen_time)


def test_the_keyring_secret_is_needed_and_is_32_bytes(tmp_path: Path, frozen_time: FrozenTime) -> None:
    box = BoxKeyring()
    create_vault(tmp_path / "v", PASSPHRASE, time=frozen_time, keyring=box, kdf=QUICK).close()
    ((service, _), secret), *more = box.kept.items()
    assert service == SERVICE
    assert not more
    import base64

    assert len(base64.b64decode(secret)) == 32
    open_vault(tmp_path / "v", PASSPHRASE, time=frozen_time, keyring=box).close()
    with pytest.raises(EnvironmentFault, match="keyring no longer holds"):
        open_vault(tmp_path / "v", PASSPHRASE, time=frozen_time, keyring=BoxKeyring())
    other = BoxKeyring()
    other.kept = {key: base64.b64encode(bytes(32)).decode() for key in box.kept}
    with pytest.raises(UserError, match="not recognised"):
        open_vault(tmp_path / "v", PASSPHRASE, time=frozen_time, keyring=other)


def test_a_vault_from_a_newer_version_is_refused_and_left_alone(
    make_vault: Callable[..., Vault], frozen_time: FrozenTime
) -> None:
    vault = make_vault()
    paths = [vault.folder / name for name in ("vault.json", "vault-copy.json")]
    original = paths[0].read_text()
    newer = json.loads(original)
    newer["header"]["format"] = 3
    for path in paths:
        path.write_text(json.dumps(newer))
    with pytest.raises(UserError, match="another version of Rollcall"):
        open_vault(vault.folder, PASSPHRASE, time=frozen_time)
    for path in paths:
        path.write_text(original)
    with vault.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="newer Rollcall"):
        open_vault(vault.folder, PASSPHRASE, time=frozen_time)
    assert stored_revision(vault.engine) == "9999"


def test_a_missing_vault_and_a_missing_database_say_what_to_do(
    tmp_path: Path, make_vault: Callable[..., Vault], frozen_time: FrozenTime
) -> None:
    with pytest.raises(UserError, match="no vault on this laptop"):
        open_vault(tmp_path / "nothing", PASSPHRASE, time=frozen_time)
    vault = make_vault()
    vault.close()
    (vault.folder / "cases.db").unlink()
    with pytest.raises(UserError, match=r"cases\.db is missing"):
        open_vault(vault.folder, PASSPHRASE, time=frozen_time)


def test_an_existing_vault_is_never_made_anew_and_a_short_passphrase_is_refused(
    make_vault: Callable[..., Vault], tmp_path: Path, frozen_time: FrozenTime
) -> None:
    with pytest.raises(UserError, match="already holds a vault"):
        create_vault(make_vault().folder, PASSPHRASE, time=frozen_time, kdf=QUICK)
    with pytest.raises(UserError, match="at least 12") as caught:
        create_vault(tmp_path / "short", "short", time=frozen_time, kdf=QUICK)
    assert caught.value.field == "passphrase"
    assert not (tmp_path / "short" / "vault.json").exists()


def test_a_commit_survives_a_power_cut(workspace: Workspace) -> None:
    with workspace.read() as session:
        connection = session.connection()
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA temp_store").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA cipher_version").scalar().startswith("4.")


def test_tuned_parameters_never_fall_below_the_minimum() -> None:
    tuned = KdfParameters.tuned(0.01)
    assert tuned.memory_kib >= MINIMUM_MEMORY_KIB
    assert tuned.passes >= 2


def test_the_wrong_key_does_not_open_a_database(make_vault: Callable[..., Vault]) -> None:
    vault = make_vault()
    vault.close()
    with pytest.raises(UserError, match="damaged or has another key"):
        open_engine(vault.folder / "cases.db", bytes(32))


def test_the_migrated_vault_has_exactly_the_tables_and_columns_of_the_models(workspace: Workspace) -> None:
    with workspace.read() as session:
        found = inspect(session.connection())
        for table in Base.metadata.sorted_tables:
            assert {column["name"] for column in found.get_columns(table.name)} == set(table.columns.keys()), table.name
            assert {index["name"] for index in found.get_indexes(table.name)} >= {index.name for index in table.indexes}


def test_the_newest_revision_is_the_one_named_and_central_gets_only_synced_tables(tmp_path: Path) -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "app/models/migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST
    engine = create_engine(f"sqlite:///{tmp_path / 'central.db'}")
    bring_up_to_date(engine, "central")
    assert set(inspect(engine).get_table_names()) - {"alembic_version"} >= set(SYNCED_TABLES)
    assert "change_set" not in inspect(engine).get_table_names()
    engine.dispose()


def test_the_clock_set_back_does_not_shorten_the_wait(
    make_vault: Callable[..., Vault], frozen_time: FrozenTime
) -> None:
    folder = make_vault().folder
    for _ in range(5):
        with pytest.raises(UserError):
            open_vault(folder, "not this one at all", time=frozen_time)
    frozen_time.move_to(datetime(2026, 11, 17, 8, 50, tzinfo=UTC))
    with pytest.raises(UserError, match="Try again after"):
        open_vault(folder, PASSPHRASE, time=frozen_time)
