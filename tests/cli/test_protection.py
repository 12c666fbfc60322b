"""``rollcall vault protection``: needs no passphrase, tells which keyring is active and which ways in there are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends import fail

from app.cli import main as cli
from app.services.vault import create_vault
from app.services.vault.authority_wrap import AuthorityKey, fingerprint
from app.services.vault.recovery_key import RecoveryKey
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE, QUICK
from tests.services.vault.boxes import BoxKeyring

Ask = Callable[[Path], tuple[dict[str, Any], str]]


@pytest.fixture
def active(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Make a back end the active one."""

    def choose(backend: Any) -> None:
        monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
        monkeypatch.setattr(keyring.core, "load_env", lambda: backend)

    return choose


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Ask about a vault, as JSON and in words."""

    def both(folder: Path) -> tuple[dict[str, Any], str]:
        assert cli.run(["--vault", str(folder), "vault", "protection", "--json"]) == 0
        value = json.loads(capsys.readouterr().out)
        assert cli.run(["--vault", str(folder), "vault", "protection"]) == 0
        return value, capsys.readouterr().out

    return both


def test_a_vault_with_every_way_in(
    tmp_path: Path, frozen_time: FrozenTime, active: Callable[[Any], None], ask: Ask
) -> None:
    box: Any = type("WinVaultKeyring", (BoxKeyring,), {"__module__": "keyring.backends.Windows"})()
    active(box)
    key = AuthorityKey.new().public_key
    vault = create_vault(
        tmp_path / "v", PASSPHRASE, time=frozen_time, use_system_keyring=True, kdf=QUICK, recovery=RecoveryKey.new()
    )
    vault.set_authority_key(key)
    vault.close()
    value, words = ask(tmp_path / "v")
    assert value["keyring"]["kind"] == "usable"
    assert (value["passphrase_only"], value["secret_held"]) == (False, True)
    assert (value["recovery_key_made_on"], value["authority_since"]) == ("2026-11-17", "2026-11-17")
    assert value["authority_key"] == fingerprint(key)
    assert "Windows Credential Manager keeps this laptop's half of the key." in words
    assert "opens by the passphrase and the secret that the keyring holds" in words
    box.kept.clear()
    value, words = ask(tmp_path / "v")
    assert value["secret_held"] is False
    assert "The keyring has lost this vault's secret. Use rollcall vault recover." in words


def test_a_vault_with_the_passphrase_alone(
    tmp_path: Path, frozen_time: FrozenTime, active: Callable[[Any], None], ask: Ask
) -> None:
    nothing: Any = fail.Keyring
    active(nothing())
    create_vault(tmp_path / "v", PASSPHRASE, time=frozen_time, use_system_keyring=True, kdf=QUICK).close()
    value, words = ask(tmp_path / "v")
    assert (value["keyring"]["kind"], value["passphrase_only"], value["secret_held"]) == ("none", True, None)
    assert (value["recovery_key_made_on"], value["authority_since"], value["authority_key"]) == (None, None, "")
    assert words.splitlines() == [
        "Keyring: This machine has no keyring.",
        "This vault opens by the passphrase alone.",
        "Passphrase set: 17 November 2026.",
        "Recovery key: none.",
        "Authority key: none, so IT cannot recover this laptop.",
    ]


def test_where_there_is_no_vault_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--vault", str(tmp_path), "vault", "protection"]) == 1
    assert "There is no vault on this laptop yet." in capsys.readouterr().err
