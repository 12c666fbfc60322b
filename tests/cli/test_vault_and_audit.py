"""``rollcall vault`` and ``rollcall audit``, with their exit statuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main as cli
from app.models.terms import Role
from app.services import search
from app.services.vault import Vault
from app.services.vault.keys import KdfParameters
from app.services.vault.recovery_key import RecoveryKey
from tests.conftest import PASSPHRASE, QUICK

Run = Callable[..., int]


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(f"{PASSPHRASE}\n")
    return path


@pytest.fixture
def command(make_vault: Callable[..., Vault], passphrase_file: Path) -> Run:
    vault = make_vault("dawn")
    folder = vault.folder
    vault.close()

    def run(*words: str, passphrase: Path = passphrase_file) -> int:
        return cli.run(["--vault", str(folder), "--passphrase-file", str(passphrase), *words])

    return run


def test_a_vault_is_made_once_and_checked(
    tmp_path: Path, passphrase_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KdfParameters, "tuned", classmethod(lambda *_args, **_options: QUICK))
    words = ["--vault", str(tmp_path / "new"), "--passphrase-file", str(passphrase_file), "vault"]
    assert cli.run([*words, "create", "--label", "Laptop 12", "--no-keyring", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert RecoveryKey.parse(made.pop("recovery_key"))
    assert made == {"folder": str(tmp_path / "new"), "keyring": False}
    assert cli.run([*words, "create", "--no-keyring"]) == 1
    assert "already holds a vault" in capsys.readouterr().err
    assert cli.run([*words, "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sound"] is True


def test_a_wrong_passphrase_is_refused_with_its_reason(
    command: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not this one at all")
    assert command("vault", "check", passphrase=wrong) == 1
    assert "4 tries left" in capsys.readouterr().err


def test_a_damaged_page_is_found(
    make_vault: Callable[..., Vault], passphrase_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vault = make_vault("damaged")
    folder = vault.folder
    vault.close()
    path = folder / "cases.db"
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)
    assert cli.run(["--vault", str(folder), "--passphrase-file", str(passphrase_file), "vault", "check"]) == 1
    assert "sound: True" not in capsys.readouterr().out


def test_the_chain_verifies_and_only_some_roles_may_read_it(command: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("audit", "verify", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["finding"] is None
    assert said["entries"] > 0
    assert command("audit", "show") == 1
    assert "Your role cannot read the audit" in capsys.readouterr().err


def test_a_broken_chain_is_exit_status_one(
    make_vault: Callable[..., Vault], passphrase_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vault = make_vault("broken")
    with vault.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE audit_entry SET body = replace(body, 'Rollcall', 'Nobody') WHERE sequence = 1"
        )
    folder = vault.folder
    vault.close()
    assert cli.run(["--vault", str(folder), "--passphrase-file", str(passphrase_file), "audit", "verify"]) == 1
    assert "The chain breaks at entry 1: the entry was edited." in capsys.readouterr().out


@pytest.mark.parametrize("words", [("nonsense",), ("vault", "nonsense"), ("audit", "show", "--count", "many")])
def test_wrong_use_is_exit_status_two(command: Run, words: tuple[str, ...]) -> None:
    assert command(*words) == 2


def test_a_supervisor_lists_filters_and_exports_the_audit(
    make_vault: Callable[..., Vault], passphrase_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vault = make_vault("read", role=Role.SUPERVISOR, person="Ruth Okonjo")
    folder = vault.folder
    search.find(vault.workspace(), "Isla Merrow")
    vault.close()
    start = ["--vault", str(folder), "--passphrase-file", str(passphrase_file), "audit"]
    assert cli.run([*start, "show", "--kind", "unlocking", "--person", "ruth okonjo", "--json"]) == 0
    assert {row["action"] for row in json.loads(capsys.readouterr().out)} == {"Unlocked"}
    assert cli.run([*start, "show", "--searched", "ISLA merrow"]) == 0
    assert "Searched, among children, 0 found" in capsys.readouterr().out
    assert cli.run([*start, "show", "--kind", "nonsense"]) == 2
    assert cli.run([*start, "show", "--person", "Nobody"]) == 2
    assert cli.run([*start, "export", str(tmp_path / "audit.csv"), "--kind", "audit", "--json"]) == 0
    capsys.readouterr()
    assert (tmp_path / "audit.csv").read_text(encoding="utf-8-sig").startswith('"Entry","When (London)"')
    assert cli.run([*start, "export", str(tmp_path / "audit.csv")]) == 1
    assert cli.run([*start, "verify", "--report", str(tmp_path / "report.txt")]) == 0
    assert "Head " in capsys.readouterr().out
    assert "by Ruth Okonjo" in (tmp_path / "report.txt").read_text()
