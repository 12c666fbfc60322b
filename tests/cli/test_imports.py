"""``rollcall import`` on a real vault: what it prints, what it saves, and its exit status."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli import main as cli
from app.services.vault import Vault
from tests.conftest import PASSPHRASE

SAMPLES = Path(__file__).parents[1] / "services" / "exchange" / "samples"


@pytest.fixture
def rollcall(
    vault: Vault, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    monkeypatch.setattr(cli, "GROUPS", {"import": cli.GROUPS["import"]})
    folder = vault.folder
    vault.close()
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)

    def act(*arguments: str) -> tuple[int, str]:
        status = cli.run(["--vault", str(folder), "--passphrase-file", str(secret), *arguments])
        out = capsys.readouterr()
        return status, out.out + out.err

    return act


def test_schools_links_and_codes_go_in(rollcall: Callable[..., tuple[int, str]]) -> None:
    status, out = rollcall("import", "gias", str(SAMPLES / "gias_hampshire_2017_relayout.csv"))
    assert status == 0
    assert "Schools (GIAS): 173 rows read; 173 added" in out
    status, out = rollcall("import", "gias-links", str(SAMPLES / "gias_links_hampshire_20250422.csv"), "--json")
    answer: dict[str, Any] = json.loads(out)
    assert (status, answer["rows"], answer["refused"]) == (0, 290, 0)
    assert rollcall("import", "la-codes", str(SAMPLES / "la_codes.csv"), "--dry-run")[1].startswith(
        "Local authority codes: 155 rows read; 155 would be added"
    )


def test_a_ctf_with_a_known_child_waits_for_a_person(rollcall: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    sample = SAMPLES / "8500000_CTF_XXXXXXX_001.xml"
    assert rollcall("import", "ctf", str(sample))[0] == 0
    other = tmp_path / "again.xml"
    other.write_bytes(sample.read_bytes().replace(b"SAMPLE-MIS", b"OTHER-MIS"))
    status, out = rollcall("import", "ctf", str(other))
    assert status == 1
    assert "Compare the records and choose" in out
    status, out = rollcall("import", "ctf", str(other), "--accept-matches")
    assert (status, "1 changed" in out) == (0, True)


def test_refused_rows_are_saved_and_a_bad_file_exits_with_its_reason(
    rollcall: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    listing = tmp_path / "list.csv"
    listing.write_text("Name,Date of deletion,Ground\nA B,17/11/2026,9(1)(i)\nC D,soon,9(1)(i)\n")
    saved = tmp_path / "bad.csv"
    status, out = rollcall("import", "deletions", str(listing), "--report", str(saved))
    assert status == 0
    assert "refused  line 3, Date of deletion: This is not a date" in out
    assert b'"C D","soon"' in saved.read_bytes()
    listing.write_text("not,a,list\n1,2,3\n")
    status, out = rollcall("import", "deletions", str(listing))
    assert (status, "Nothing was imported." in out) == (1, True)
    assert rollcall("import", "deletions", str(tmp_path / "absent.csv"))[0] == 1
    assert rollcall("import", "unknown")[0] == 2
