"""``rollcall case`` for people and machines."""

import json

import pytest

from app.cli import main as cli
from tests.conftest import PASSPHRASE
from tests.services.casework import open_isla

REFERENCE = "CME-2026-00001"


@pytest.fixture
def command(make_vault, tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "GROUPS", {"case": cli.GROUPS["case"]})
    vault = make_vault("dawn")
    open_isla(vault.workspace())
    folder = vault.folder
    vault.close()
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)

    def run(*words):
        return cli.run(["--vault", str(folder), "--passphrase-file", str(secret), "case", *words])

    return run


def test_listing_shows_reference_name_stage_and_what_is_due(command, capsys):
    assert command("list") == 0
    said = capsys.readouterr().out
    assert f"{REFERENCE}  Isla Merrow, " in said
    assert "Second home visit by 16 November 2026" in said
    assert command("list", "--json", "--text", "merrow") == 0
    assert [row["reference"] for row in json.loads(capsys.readouterr().out)] == [REFERENCE]
    assert command("list", "--text", "nobody") == 0
    assert "No case matches." in capsys.readouterr().out


def test_a_note_is_shown_and_is_in_history(command, capsys):
    assert command("note", REFERENCE, "Rang twice.\nVoicemail full.", "--kind", "call") == 0
    assert command("show", REFERENCE) == 0
    said = capsys.readouterr().out
    assert "Dawn Ellery: Rang twice." in said
    assert "    Voicemail full." in said
    assert command("history", REFERENCE, "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["reason"] == "Added a call"


def test_a_stage_moves_with_a_reason(command, capsys):
    assert command("stage", REFERENCE, "enquiries", "--reason", "Nobody answers") == 0
    assert "is now at Enquiries" in capsys.readouterr().out
    assert command("history", REFERENCE) == 0
    assert "Case Stage: Initial checks -> Enquiries" in capsys.readouterr().out
    assert command("show", REFERENCE, "--json") == 0
    assert json.loads(capsys.readouterr().out)["case"]["identity"]["stage"] == "enquiries"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("show", "CME-1999-00001"), 1, "not on this laptop"),
        (("note", REFERENCE, "  "), 1, "Type the note"),
        (("stage", REFERENCE, "enquiries", "--reason", " "), 1, "Say why"),
        (("stage", REFERENCE, "closed", "--reason", "x"), 2, "closed"),
        (("list", "--view", "theirs"), 2, "theirs"),
    ],
)
def test_what_is_refused_says_why(command, capsys, words, status, said):
    assert command(*words) == status
    assert said in capsys.readouterr().err
