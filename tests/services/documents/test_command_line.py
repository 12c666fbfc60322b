"""``rollcall document`` does the same work without the window; statuses are 0 done, 1 refused, 2 wrong use."""

import json
from pathlib import Path

import pytest

from app.cli import main
from app.services.vault import Vault
from app.services.workspace import Workspace
from tests.conftest import PASSPHRASE
from tests.services.documents import files
from tests.services.documents.conftest import Family


def test_a_letter_goes_from_file_to_case_and_back_out(
    vault: Vault,
    workspace: Workspace,
    family: Family,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(main, "GROUPS", {"document": main.GROUPS["document"]})
    vault.close()
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE + "\n")
    letter, bad = tmp_path / "letter.pdf", tmp_path / "bad.pdf"
    letter.write_bytes(files.pdf([["UPN: G999206814057"]]))
    bad.write_bytes(files.zip_archive())

    def run(*arguments: str) -> tuple[int, str]:
        status = main.run(["--vault", str(vault.folder), "--passphrase-file", str(secret), "document", *arguments])
        return status, capsys.readouterr().out

    status, out = run("add", str(letter), str(bad), "--json")
    report = json.loads(out)
    assert status == 1
    assert [refused["name"] for refused in report["refused"]] == ["bad.pdf"]
    document_id = report["added"][0]["document_id"]
    assert "Strong match" in run("list")[1]
    assert "Strong match: Zofia Halewicz" in run("show", document_id[-6:])[1]
    saved = tmp_path / "saved.pdf"
    status, _ = run("link", document_id, family.zofia_reference, "--kind", "other", "--from", "Thornwick Academy")
    assert status == 0
    status, out = run("show", document_id, "--save", str(saved))
    assert (status, saved.read_bytes()) == (0, letter.read_bytes())
    assert f"Linked to Zofia Halewicz, {family.zofia_reference}" in out
    assert run("link", document_id, family.zofia_reference)[0] == 1
    assert run("link", document_id, "CME-2026-99999")[0] == 1
    assert run("show", "no-such-id")[0] == 1
    assert run("link", document_id, family.zofia_reference, "--kind", "nonsense")[0] == 2
    assert run("list", "--state", "lost")[0] == 2
