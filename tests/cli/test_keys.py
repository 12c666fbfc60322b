"""Changing the ways into a vault from the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main as cli
from app.services import audit
from app.services.vault import Vault, open_vault
from app.services.vault.keys import KdfParameters
from app.timesource import SystemTime
from tests.conftest import PASSPHRASE, QUICK

OTHER = "nine green ladders hum"
Run = Callable[..., dict[str, str]]


@pytest.fixture
def folder(make_vault: Callable[..., Vault], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(KdfParameters, "tuned", classmethod(lambda _cls, *_a, **_k: QUICK))
    monkeypatch.setattr("app.services.vault.device_secret.system_keyring", lambda: None)
    vault = make_vault()
    vault.close()
    return vault.folder


@pytest.fixture
def command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str, passphrase: str = PASSPHRASE, status: int = 0) -> dict[str, str]:
        (tmp_path / "passphrase").write_text(passphrase + "\n")
        (tmp_path / "new").write_text(OTHER + "\n")
        arguments = ["--vault", str(folder), "--passphrase-file", str(tmp_path / "passphrase"), "vault", *words]
        assert cli.run(arguments) == status, capsys.readouterr()
        told = capsys.readouterr()
        return json.loads(told.out) if told.out else {"error": told.err}

    return run


def actions(folder: Path, passphrase: str) -> list[str]:
    vault = open_vault(folder, passphrase, time=SystemTime())
    try:
        with vault.system_workspace().read() as session:
            assert audit.verify(session).finding is None
            return [str(row.action) for row in session.execute(audit_rows())]
    finally:
        vault.close()


def audit_rows() -> object:
    from sqlalchemy import select

    from app.models import AuditEntry

    return select(AuditEntry.action).order_by(AuditEntry.sequence)


def test_the_passphrase_is_changed(command: Run, folder: Path, tmp_path: Path) -> None:
    new = ("--new-passphrase-file", str(tmp_path / "new"))
    assert "4 tries left" in command("passphrase", *new, passphrase="not the passphrase", status=1)["error"]
    command("passphrase", *new, "--json")
    assert "changed the passphrase" in actions(folder, OTHER)
    assert "not recognised" in command("check", status=1)["error"]


def test_a_lost_passphrase_is_recovered_with_the_recovery_key(command: Run, folder: Path, tmp_path: Path) -> None:
    first = command("recovery-key", "--json")["recovery_key"]
    (tmp_path / "key").write_text(first.lower().replace("-", " "))
    words = ("--recovery-key-file", str(tmp_path / "key"), "--new-passphrase-file", str(tmp_path / "new"))
    second = command("recover", *words, "--json")["recovery_key"]
    assert second != first
    assert {"made a recovery key", "recovered"} <= set(actions(folder, OTHER))
    assert "older one" in command("recover", *words, "--json", status=1)["error"]


def test_rotating_leaves_a_backup_on_either_side(command: Run, folder: Path) -> None:
    assert set(command("rotate", "--json")["files"]) == {"cases.db", "documents.db"}
    assert "rotated the keys" in actions(folder, PASSPHRASE)
    assert len(list((folder / "backups").glob("20*"))) == 2
