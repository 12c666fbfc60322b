"""``rollcall conflicts``: seen by people and machines, decided with an exit status."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main as cli
from app.services.vault import Vault
from tests.conftest import PASSPHRASE
from tests.services.conflict_scene import make_scene

CALEB = "CME-2026-0381"


@pytest.fixture
def command(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setattr(cli, "GROUPS", {"conflicts": cli.GROUPS["conflicts"]})
    make_scene(vault.workspace())
    folder = vault.folder
    vault.close()
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)

    def run(*words: str) -> int:
        return cli.run(["--vault", str(folder), "--passphrase-file", str(secret), "conflicts", *words])

    return run


def test_cases_and_their_values_are_listed(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("list") == 0
    assert f"{CALEB}  Caleb Ostwick: 4 fields, also changed by Samir Beltrane" in capsys.readouterr().out
    assert command("list", CALEB) == 0
    told = capsys.readouterr().out
    assert "1  Home address" in told
    assert "1 Yours: 3 Orchard Mews, Pennyford MH6 8RA [Dawn Ellery, Mon 16 Nov 14:20" in told
    assert command("list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["choices"] == 5


def test_a_choice_is_decided_and_then_gone(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("decide", CALEB, "3", "--take", "theirs", "--reason", "Rang the school") == 0
    assert "Stage decided" in capsys.readouterr().out
    assert command("decide", CALEB, "3", "--take", "both") == 0
    assert "Outcome decided" in capsys.readouterr().out
    assert command("decide", CALEB, "2", "--value", "value=07700 900777") == 0
    assert "Mother’s phone decided" in capsys.readouterr().out
    assert command("decide", CALEB, "1", "--take", "2") == 0
    assert command("list", CALEB) == 1
    assert "Nothing is left to decide here." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([CALEB, "9", "--take", "yours"], 2, "There are 4 choices"),
        ([CALEB, "1"], 2, "--take yours, theirs, both"),
        ([CALEB, "1", "--take", "both"], 1, "Both cannot be kept here."),
        (["CME-1999-00001", "1", "--take", "yours"], 1, "not on this laptop"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    assert command("decide", *words) == status
    assert said in capsys.readouterr().err
