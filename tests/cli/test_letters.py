"""``rollcall letter``: from a template to a letter that has gone out, for people and for machines."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main as cli
from app.services.vault import Vault
from tests.conftest import PASSPHRASE
from tests.services.letters.world import open_rhys

CASE = "CME-2026-00001"


@pytest.fixture
def command(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setattr(cli, "GROUPS", {"letter": cli.GROUPS["letter"]})
    open_rhys(vault.workspace())
    folder = vault.folder
    vault.close()
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)

    def run(*words: str) -> int:
        return cli.run(["--vault", str(folder), "--passphrase-file", str(secret), "letter", *words])

    return run


def test_a_letter_goes_from_draft_to_sent(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command("draft", CASE, "--template", "L01", "--to", "Gareth", "--set", "last_school=Quarry", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["reference"], said["can_be_sent"], said["recipient"]) == (
        f"{CASE}/L1",
        True,
        "Mr Gareth Pendleford, father",
    )
    shown, sent, again = tmp_path / "draft.pdf", tmp_path / "sent.pdf", tmp_path / "again.pdf"
    assert command("preview", said["reference"], "--out", str(shown)) == 0
    assert shown.read_bytes().startswith(b"%PDF")
    capsys.readouterr()
    assert command("issue", said["letter_id"], "--out", str(sent), "--json") == 0
    issued = json.loads(capsys.readouterr().out)
    assert command("save", f"{CASE}/l1", "--out", str(again)) == 0
    assert again.read_bytes() == sent.read_bytes() != shown.read_bytes()
    capsys.readouterr()
    assert command("list", "--case", CASE, "--json") == 0
    line = json.loads(capsys.readouterr().out)[0]
    assert (line["state"], line["document_id"]) == ("issued", issued["document_id"])
    assert command("save", f"{CASE}/L1", "--out", str(again)) == 1
    assert "There is a file at that place already" in capsys.readouterr().err
    assert command("issue", said["reference"]) == 1
    assert "already been sent" in capsys.readouterr().err


def test_templates_and_lists_are_told_in_words(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("templates") == 0
    assert "L05  Enquiry to school, version 1: reply_by, last_attended" in capsys.readouterr().out
    assert command("list") == 0
    assert capsys.readouterr().out == "No letters.\n"
    assert command("draft", CASE, "--template", "L05") == 0
    assert command("list") == 0
    assert f"{CASE}/L1  Draft: Enquiry to school, about Rhys Pendleford, to Mrs Jane Carrow" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["draft", "CME-1999-00001"], 1, "not on this laptop"),
        (["draft", CASE, "--to", "Nobody"], 2, "fits 0 people"),
        (["draft", CASE, "--set", "shoe_size=4"], 2, "field=value"),
        (["draft", CASE, "--delivery", "PT"], 2, "one of: P1, HD, SE"),
        (["draft", CASE, "--points", "9"], 2, "12, 16 or 18"),
        (["draft", CASE, "--template", "Z9"], 1, "no letter template Z9"),
        (["issue", f"{CASE}/L9"], 1, "There is no letter"),
        (["save", "x", "--out", "y.pdf"], 1, "There is no letter"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    assert command(*words) == status
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert said in told
