"""``rollcall-central`` and ``rollcall sync``, as they are typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.central import main as central_main
from app.cli import main as rollcall_main

PASSPHRASE = "seven blue kettles sing"


def central_store(arguments: list[str], dsn: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = central_main.run([*arguments, "--dsn", dsn])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_council_is_set_up_and_a_laptop_enrolled_from_the_command_line(
    postgres_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.central.embedded import serve_in_thread
    from app.services.sync import enrolment
    from app.services.vault.keys import KdfParameters

    assert central_store(["migrate"], postgres_dsn, capsys)[0] == 0
    add = ["add-user", "dawn", "--name", "Dawn Ellery", "--team", "West team", "--authority", "Marlshire"]
    status, out, _ = central_store([*add, "--json"], postgres_dsn, capsys)
    assert status == 0
    user_id = json.loads(out)["user_id"]
    status, _, words = central_store(add, postgres_dsn, capsys)
    assert (status, words.strip()) == (1, "There is already somebody called dawn. Nobody was added.")
    status, _, words = central_store(["enrol", "nobody"], postgres_dsn, capsys)
    assert status == 1
    code = json.loads(central_store(["enrol", "dawn", "--json"], postgres_dsn, capsys)[1])["code"]
    assert central_main.run(["enrol"]) == 2
    capsys.readouterr()

    quick = KdfParameters(memory_kib=1024, passes=1, lanes=1)
    real = enrolment.create_and_enrol
    monkeypatch.setattr(
        enrolment,
        "create_and_enrol",
        lambda *given, **named: real(*given, **{**named, "kdf": quick, "use_system_keyring": False}),
    )
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE + "\n")
    vault = ["--vault", str(tmp_path / "vault"), "--passphrase-file", str(secret), "sync"]
    with serve_in_thread(postgres_dsn) as running:
        assert rollcall_main.run([*vault, "enrol", running.url, code, "--json"]) == 0
        device_id = json.loads(capsys.readouterr().out)["device_id"]
        assert rollcall_main.run([*vault, "now", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["refused"] == 0
        assert rollcall_main.run([*vault, "status"]) == 0
        assert "Everything you have recorded is in the central store." in capsys.readouterr().out
        found = json.loads(central_store(["devices", "--json"], postgres_dsn, capsys)[1])["devices"]
        assert [(each["id"], each["person"]) for each in found] == [(device_id, "Dawn Ellery")]
        health = json.loads(central_store(["health", "--json"], postgres_dsn, capsys)[1])
        assert (health["status"], health["laptops"]) == ("ok", 1)
        assert central_store(["allow-import", device_id], postgres_dsn, capsys)[0] == 0
        running.stop()
        assert rollcall_main.run([*vault, "now"]) == 1
        assert "Could not reach the central store. Your work is kept." in capsys.readouterr().err
    with serve_in_thread(postgres_dsn, port=running.port):
        assert central_store(["revoke", device_id, "--lost"], postgres_dsn, capsys)[0] == 0
        assert rollcall_main.run([*vault, "now"]) == 1
        assert "The records on this laptop were removed." in capsys.readouterr().err
        assert [path.name for path in (tmp_path / "vault").iterdir()] == ["ended.json"]
        assert central_store(["rescues"], postgres_dsn, capsys)[1].strip() == "Nothing was handed in."
    assert user_id


def test_a_dsn_that_is_not_postgresql_is_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, words = central_store(["health"], "sqlite:///x", capsys)
    assert (status, words.strip()) == (1, "The DSN must start with postgresql://. Nothing was changed.")


def test_a_database_that_is_away_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, words = central_store(["health"], "postgresql://nobody@127.0.0.1:9/none", capsys)
    assert status == 1
    assert words.startswith("The database does not answer.")


def test_a_newer_store_is_refused(postgres_dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    import psycopg

    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version_central SET version_num = 'c9999'")
    status, _, words = central_store(["health"], postgres_dsn, capsys)
    assert status == 1
    assert "written by a newer Rollcall" in words


def test_the_newest_revision_is_the_last_of_its_chain() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from app.central import database

    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == database.NEWEST


def test_the_migrations_make_the_tables_the_program_expects(central: Any) -> None:
    from sqlalchemy import inspect

    from app.central.tables import metadata
    from app.models import SYNCED_TABLES

    inspector = inspect(central.services.engine)
    assert {*metadata.tables, *SYNCED_TABLES} <= set(inspector.get_table_names())
    for table in metadata.tables.values():
        assert {column.name for column in table.columns} == {c["name"] for c in inspector.get_columns(table.name)}


def test_a_served_store_leaves_no_postgresql_behind_when_it_is_stopped(tmp_path: Path) -> None:
    import os
    import signal
    import socket
    import subprocess
    import sys
    import time

    import httpx

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "postgres"
    command = [sys.executable, "-m", "app.central.main", "serve", "--data", str(folder), "--port", str(port)]
    served = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ})
    try:
        for _ in range(300):
            try:
                health = httpx.get(f"http://127.0.0.1:{port}/v1/health", trust_env=False, timeout=2)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        assert health.json()["status"] == "ok"
        assert (folder / "postmaster.pid").exists()
    finally:
        served.send_signal(signal.SIGTERM)
        _, said = served.communicate(timeout=30)
    assert served.returncode == 0, said
    assert not (folder / "postmaster.pid").exists()
