"""``rollcall team``: the queue for people and machines, and allocations with their exit status."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main as cli
from app.demo.people import populate
from app.models.terms import Role
from app.services.vault import Vault
from tests.conftest import PASSPHRASE


@pytest.fixture
def command(make_vault: Callable[..., Vault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setattr(cli, "GROUPS", {"team": cli.GROUPS["team"]})
    vault = make_vault("ruth", role=Role.SUPERVISOR, person="Ruth Okonjo")
    populate(vault.workspace(), everyone=False)
    folder = vault.folder
    vault.close()
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)

    def run(*words: str) -> int:
        return cli.run(["--vault", str(folder), "--passphrase-file", str(secret), "team", *words])

    return run


def test_the_queue_is_told_to_people_and_to_machines(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("queue", "--team", "west team") == 0
    told = capsys.readouterr().out
    assert "Samir Beltrane (Has the sibling)" in told
    assert command("queue", "--json") == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)["waiting"]][-1] == "Esme Corrigan"


def test_allocating_answers_0_and_a_stale_one_answers_1(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with_year = _reference(command, capsys, "Amara Oyelade")
    assert command("allocate", with_year, "--to", "samir.beltrane") == 0
    assert "Amara Oyelade allocated to Samir Beltrane" in capsys.readouterr().out
    assert command("allocate", with_year, "--to", "Tom Hadlow") == 1
    assert "Already allocated by Ruth Okonjo to Samir Beltrane." in capsys.readouterr().out
    assert command("allocate", with_year, "--to", "Tom Hadlow", "--move") == 1
    assert "Say why the case moves" in capsys.readouterr().err
    assert command("allocate", with_year, "--to", "Tom Hadlow", "--move", "--reason", "Covers the area") == 0


@pytest.mark.parametrize(("words", "said"), [(["CME-1999-00001", "--to", "Tom Hadlow"], "not on this laptop")])
def test_what_is_not_here_is_refused_with_a_reason(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert command("allocate", *words) == 1
    assert said in capsys.readouterr().err


def test_an_unknown_team_is_wrong_use(command: Callable[..., int]) -> None:
    assert command("queue", "--team", "North team") == 2


def _reference(command: Callable[..., int], capsys: pytest.CaptureFixture[str], name: str) -> str:
    command("queue", "--json")
    waiting = json.loads(capsys.readouterr().out)["waiting"]
    return str(next(row["reference"] for row in waiting if row["name"] == name))
