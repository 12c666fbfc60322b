"""People and cases for the document tests; nobody here exists."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from app.models import Address, Child, Letter, School
from app.services import cases
from app.services.workspace import Workspace


@dataclass(frozen=True)
class Family:
    zofia_case: str
    zofia_reference: str
    other_case: str
    other_reference: str
    letter_id: str


@pytest.fixture
def family(workspace: Workspace) -> Family:
    """Zofia Halewicz with an open case of the signed-in officer's, and Kit Marrable with another."""
    with workspace.write("Set up") as session:
        zofia = Child(forename="Zofia", surname="Halewicz", born_on=date(2014, 2, 2), upn="G999206814057")
        kit = Child(forename="Kit", surname="Marrable-Stone", born_on=date(2015, 5, 30), upn="H999206814058")
        session.add_all([zofia, kit])
        session.flush()
        session.add(
            Address(
                child_id=kit.id, lines="4 Quay Street", town="Aldermere", postcode="MH1 4QQ", from_on=date(2020, 1, 1)
            )
        )
        session.add(
            School(urn="999001", la_code="999", establishment_number="4001", name="Thornwick Academy", invented=True)
        )
        ids = zofia.id, kit.id
    opened = [cases.open_case(workspace, child_id, officer_id=workspace.actor.user_id) for child_id in ids]
    with workspace.write("Wrote a letter") as session:
        letter = Letter(
            case_id=opened[0],
            number=1,
            reference="CME-2026-00001/L1",
            template="L01",
            template_version="1",
            title="First enquiry",
            values={},
        )
        session.add(letter)
        session.flush()
        letter_id = letter.id
    return Family(opened[0], "CME-2026-00001", opened[1], "CME-2026-00002", letter_id)


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for temporary files, of this process and of workers started in it."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    tempfile.tempdir = None
