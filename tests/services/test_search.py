"""Finding a case from a few letters."""

from datetime import date

import pytest

from app.errors import AccessRefused
from app.models import Case, Child, ChildName
from app.models.terms import CaseStatus, Role, Stage
from app.services import search
from app.services.workspace import Workspace


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    people = (
        ("Zoë", "Łukasiewicz", "CME-2026-0001", "G999206814057", CaseStatus.OPEN),
        ("Zoe", "Hale", "CME-2026-0002", "", CaseStatus.CLOSED),
        ("Sean", "O’Neill", "CME-2026-0003", "", CaseStatus.OPEN),
    )
    with workspace.write("Set up") as session:
        for forename, surname, reference, upn, status in people:
            child = Child(forename=forename, surname=surname, born_on=date(2014, 2, 2), upn=upn)
            session.add(child)
            session.flush()
            if surname == "Hale":
                session.add(ChildName(child_id=child.id, forename="Zoe", surname="Vance-Holt"))
            session.add(
                Case(
                    reference=reference,
                    child_id=child.id,
                    officer_id=workspace.actor.user_id,
                    stage=Stage.ENQUIRIES if status is CaseStatus.OPEN else Stage.CLOSED,
                    status=status,
                    opened_on=workspace.time.today(),
                )
            )
    return workspace


def titles(ws: Workspace, words: str) -> list[str]:
    return [hit.title for hit in search.find(ws, words)]


def test_accents_and_case_do_not_matter_and_open_cases_come_first(filled):
    assert titles(filled, "zoe") == ["Zoë Łukasiewicz", "Zoe Hale"]
    assert titles(filled, "ZOË") == ["Zoë Łukasiewicz", "Zoe Hale"]


def test_every_word_must_begin_a_word(filled):
    assert titles(filled, "zoe luk") == ["Zoë Łukasiewicz"]
    assert titles(filled, "zoe oneill") == []


def test_a_reference_or_a_upn_finds_its_case_and_says_so(filled):
    assert [(hit.title, hit.why) for hit in search.find(filled, "G9992068")] == [("Zoë Łukasiewicz", "UPN")]
    assert [(hit.title, hit.why) for hit in search.find(filled, "CME-2026-0003")] == [("Sean O’Neill", "Reference")]


def test_another_name_finds_the_child_and_says_so(filled):
    assert [(hit.title, hit.why) for hit in search.find(filled, "vance")] == [("Zoe Hale", "Another name")]


@pytest.mark.parametrize(
    "typed", ['"', "AND OR NOT", "zoe* OR x", "title:zoe", "(", "-", "'; DROP TABLE case_row", "\0"]
)
def test_nothing_typed_is_read_as_an_operator(filled, typed):
    search.find(filled, typed)
    assert titles(filled, "sean") == ["Sean O’Neill"]


def test_nothing_typed_finds_nothing_and_a_very_long_line_is_cut(filled):
    assert titles(filled, "   ") == []
    assert titles(filled, "x" * 100_000) == []
    assert len(search.find(filled, "cme", limit=2)) == 2


def test_recent_cases_are_this_persons_open_ones(filled):
    assert {hit.title for hit in search.recent(filled)} == {"Zoë Łukasiewicz", "Sean O’Neill"}


def test_a_role_without_cases_is_refused(make_vault):
    ws = make_vault("auditor", role=Role.AUDITOR, person="Ana Ditor").workspace()
    with pytest.raises(AccessRefused):
        search.find(ws, "zoe")
    with pytest.raises(AccessRefused):
        search.recent(ws)
