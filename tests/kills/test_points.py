"""Rollcall ends at the worst moments of a commit: what was reported is there, and both files agree again."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from app.models import CaseEvent, Team
from app.services import audit, cases
from app.services.vault import Vault
from app.services.vault.check import check_vault
from app.services.vault.lifeboat_reading import read_lifeboat
from tests.kills.points import POINTS
from tests.kills.vaults import clock, make_template, opened

MAY_BE_FINISHED = {"before_the_commit", "after_the_commit"}
"""The record of the note in which it died was whole: opening the vault finishes it, or the database had it."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("points")
    make_template(folder / "vault", folder / "empty.db")
    return folder / "vault"


def notes(vault: Vault) -> dict[str, str]:
    with vault.workspace().read() as session:
        return {row.id: row.title for row in session.execute(select(CaseEvent.id, CaseEvent.title))}


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_an_exact_point_loses_nothing_that_was_reported(point: str, template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    shutil.copytree(template, folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.kills.points", str(folder), point],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    vault = opened(folder, clock(2))
    try:
        found = notes(vault)
        assert found[done.stdout.strip()] == "Reported"
        assert ("Never reported" in found.values()) == (point in MAY_BE_FINISHED)
        assert check_vault(vault).sound
        with vault.workspace().read() as session:
            assert audit.verify(session).finding is None
            assert session.scalars(select(Team.id).where(Team.name == "Team 0")).first() is None
        # Both go on together.
        with vault.workspace().read() as session:
            case_id = session.scalars(select(CaseEvent.case_id)).first()
        cases.add_note(vault.workspace(), str(case_id), text="Afterwards")
        contents = read_lifeboat(folder / "lifeboat.log", vault.keys.lifeboat)
        assert (contents.damaged, contents.torn, contents.unfinished) == ([], False, 0)
        assert not (folder / "lifeboat.new").exists() or point == "making_it_anew"
        sequences = [own.sequence for own in contents.change_sets]
        assert sequences == list(range(1, len(sequences) + 1))
        assert b"Afterwards" in contents.change_sets[-1].body
    finally:
        vault.close()
    # And nothing is left to be brought together at the next opening.
    vault = opened(folder, clock(3))
    assert vault.lifeboat.caught_up is not None
    assert not vault.lifeboat.caught_up.made_anew
    vault.close()
