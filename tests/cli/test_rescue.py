"""``rollcall vault rescue`` with its exit statuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main as cli
from app.services.vault import Vault
from tests.conftest import PASSPHRASE
from tests.services.casework import add_child


@pytest.fixture
def folder(make_vault: Callable[..., Vault]) -> Path:
    vault = make_vault()
    add_child(vault.workspace())
    vault.close()
    return vault.folder


@pytest.fixture
def rescue(folder: Path, tmp_path: Path) -> Callable[..., int]:
    words = tmp_path / "passphrase"
    words.write_text(PASSPHRASE)
    return lambda *more: cli.run(["--vault", str(folder), "--passphrase-file", str(words), "vault", "rescue", *more])


def test_a_whole_vault_is_read_and_left_alone(
    rescue: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "cases.db").read_bytes()
    assert rescue() == 0
    assert "Every page of both databases is in order" in capsys.readouterr().out
    assert (folder / "cases.db").read_bytes() == before
    assert not (folder / "set-aside").exists()


def test_a_damaged_vault_is_rebuilt_and_the_report_says_what_came_from_where(
    rescue: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cases.db").write_bytes(b"")
    assert rescue("--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["damaged"] is True
    assert [source["kind"] for source in said["report"]["sources"]] == ["new", "lifeboat"]
    assert said["report"]["sources"][1]["change_sets"] == 2
    assert any("set-aside/" in line for line in said["words"])
    assert "Isla" not in json.dumps(said)
    assert rescue() == 0
    assert "Nothing was changed" in capsys.readouterr().out


def test_a_page_put_right_in_a_vault_that_was_never_enrolled(
    rescue: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray((folder / "cases.db").read_bytes())
    content[4096 * 6 + 33] ^= 4
    (folder / "cases.db").write_bytes(content)
    assert rescue("--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"]["sources"][0] | {"records": 0, "change_sets": 0, "audit_entries": 0} == {
        "kind": "mended",
        "file": "cases.db",
        "name": "",
        "first_at": "",
        "made_at": "",
        "records": 0,
        "change_sets": 0,
        "audit_entries": 0,
        "drafts": 0,
        "documents": 0,
        "pages": 1,
    }


def test_what_no_source_has_is_exit_status_one(
    rescue: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cases.db").unlink()
    (folder / "lifeboat.log").unlink()
    assert rescue() == 1
    assert "Enrol it again" in capsys.readouterr().out
