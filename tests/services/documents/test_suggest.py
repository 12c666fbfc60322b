"""Which case a page may belong to: each clue with its strength, its words and its place on the page."""

from datetime import date

import pytest

from app.models import Case, Child, ChildName
from app.models.terms import CaseStatus
from app.services import cases
from app.services.documents import intake, reading, suggest, tray
from app.services.documents.clues import find_clues
from app.services.documents.suggest import Strength, Suggestions
from app.services.letters import code as letter_code
from app.services.workspace import Workspace
from tests.services.documents import files
from tests.services.documents.conftest import Family


def _suggest(ws: Workspace, *lines: str, qr: str = "") -> Suggestions:
    added = intake.add_bytes(ws, "scan.pdf", files.pdf([lines], qr=qr))
    return suggest.suggest(ws, added.document_id)


def _words(found: Suggestions) -> list[str]:
    return [reason.words for reason in found.candidates[0].reasons]


def test_the_code_of_our_letter_is_certain(workspace: Workspace, family: Family) -> None:
    found = _suggest(workspace, "A page without a name", qr=letter_code.make(family.letter_id))
    assert found.candidates[0].case_id == family.zofia_case
    assert found.candidates[0].strength is Strength.CERTAIN
    assert found.chosen == 0
    assert _words(found) == ["Carries the code of our letter CME-2026-00001/L1"]
    assert found.summary == ("strong", "Certain match")


def test_a_code_is_found_on_a_scanned_picture_too(workspace: Workspace, family: Family) -> None:
    page = files.page_image("slip", (1240, 1754), qr=letter_code.make(family.letter_id))
    added = intake.add_bytes(workspace, "slip.tif", files.tiff([files.page_image("first"), page]))
    found = suggest.suggest(workspace, added.document_id)
    assert found.candidates[0].case_id == family.zofia_case
    mark = found.candidates[0].reasons[0].marks[0]
    assert mark.page == 1
    assert mark.box is not None
    assert mark.box[1] > 0.7


def test_a_code_of_a_letter_that_is_not_here_says_so(workspace: Workspace, family: Family) -> None:
    found = _suggest(workspace, "A page", qr=letter_code.make("019338c1-0000-7000-8000-000000000000"))
    assert found.candidates == ()
    assert "not on this laptop" in found.note


@pytest.mark.parametrize("content", ["https://example.org/", "RC1:SOMETHING:ELSE", "RC1", "x" * 400])
def test_a_code_of_somebody_else_means_nothing(workspace: Workspace, family: Family, content: str) -> None:
    found = _suggest(workspace, "A page", qr=content)
    assert (found.candidates, found.note) == ((), "")


@pytest.mark.parametrize(
    "written", ["CME-2026-00001", "CME-2026-0001", "cme-2026-1", "CME 2026/00001", "CME\u20132026\u201300001"]
)
def test_a_case_reference_is_strong_however_many_digits(workspace: Workspace, family: Family, written: str) -> None:
    added = intake.add_bytes(workspace, "scan.png", files.encoded(files.page_image(written), "PNG"))
    with workspace.write("Read by other means") as session:
        from app.models import Document

        session.get_one(Document, added.document_id).text = f"Your reference: {written} of Monday"
    found = suggest.suggest(workspace, added.document_id)
    assert found.candidates[0].case_id == family.zofia_case
    assert _words(found) == ["Quotes this case reference"]
    assert found.chosen == 0


def test_upn_name_with_birth_and_reference_are_three_numbered_reasons(workspace: Workspace, family: Family) -> None:
    found = _suggest(
        workspace,
        f"Your reference: {family.zofia_reference}",
        "Pupil: Zofia Halewicz, born 2 February 2014",
        "UPN: G999206814057",
    )
    (candidate,) = found.candidates
    assert [(reason.number, reason.words) for reason in candidate.reasons] == [
        (1, "UPN is the same"),
        (2, "Name and date of birth are the same"),
        (3, "Quotes this case reference"),
    ]
    assert candidate.about == "12, Year 8 · CME-2026-00001 · yours"
    assert found.summary == ("strong", "Strong match")


@pytest.mark.parametrize(
    "line",
    [
        "Zofia Halewicz, born 2 February 2014",
        "ZOFIA HALEWICZ DOB 02/02/2014",
        "HALEWICZ, Zofia 2.2.14",
        "Zofia Maria Halewicz (2014-02-02)",
        "zofia halewicz February 2nd, 2014",
    ],
)
def test_a_name_with_its_date_of_birth_is_strong(workspace: Workspace, family: Family, line: str) -> None:
    found = _suggest(workspace, line)
    assert found.candidates[0].strength is Strength.STRONG
    assert _words(found) == ["Name and date of birth are the same"]


def test_a_former_name_counts_with_the_date_of_birth(workspace: Workspace, family: Family) -> None:
    with workspace.write("Added a name") as session:
        child_id = session.get_one(Case, family.zofia_case).child_id
        session.add(ChildName(child_id=child_id, forename="Zofia", surname="Żurek"))
    found = _suggest(workspace, "Zofia Zurek, born 2 February 2014")
    assert found.candidates[0].strength is Strength.STRONG


@pytest.mark.parametrize(
    "line",
    [
        "Marta Nowicka, born 2 February 2014",  # the right day, the wrong name
        "Zofia Nowicka, born 2 February 2014",
        "Yours faithfully, A. Stranger",
        "2 February 2014",
    ],
)
def test_a_wrong_name_suggests_nobody(workspace: Workspace, family: Family, line: str) -> None:
    found = _suggest(workspace, line)
    assert found.candidates == ()
    assert found.chosen is None
    assert found.summary == ("none", "No match yet")


def test_a_name_alone_is_possible_and_never_chosen_beforehand(workspace: Workspace, family: Family) -> None:
    found = _suggest(workspace, "We write about Kit Marrable-Stone of this school")
    assert found.candidates[0].case_id == family.other_case
    assert found.candidates[0].strength is Strength.POSSIBLE
    assert found.chosen is None
    assert found.summary == ("possible", "1 possible match")


def test_a_name_that_only_sounds_alike_is_weak(workspace: Workspace, family: Family) -> None:
    found = _suggest(workspace, "We write about Zofia Halevitz of this school")
    if found.candidates:  # metaphone decides; either way nobody is chosen
        assert found.candidates[0].strength is Strength.WEAK
    assert found.chosen is None
    alike = _suggest(workspace, "We write about Zofia Hallewicz of this school")
    assert alike.candidates[0].strength is Strength.WEAK
    assert alike.summary == ("weak", "Weak match")


def test_a_surname_with_a_postcode_is_possible_unless_the_address_is_protected(
    workspace: Workspace, family: Family
) -> None:
    from app.models import Address

    found = _suggest(workspace, "Mrs Marrable-Stone", "4 Quay Street", "Aldermere MH1 4QQ")
    assert _words(found) == ["Surname and postcode are the same"]
    with workspace.write("Protected an address") as session:
        from sqlalchemy import select

        session.scalars(select(Address)).one().protected = True
    assert _suggest(workspace, "Mrs Marrable-Stone at MH1 4QQ again").candidates == ()


def test_two_children_quoted_by_reference_are_both_shown_and_neither_chosen(
    workspace: Workspace, family: Family
) -> None:
    found = _suggest(workspace, f"References {family.zofia_reference} and {family.other_reference}")
    assert len(found.candidates) == 2
    assert found.chosen is None
    assert found.summary == ("possible", "2 possible matches")


def test_a_closed_case_is_shown_but_cannot_be_chosen(workspace: Workspace, family: Family) -> None:
    with workspace.write("Closed") as session:
        case = session.get_one(Case, family.zofia_case)
        case.status, case.closed_on = CaseStatus.CLOSED, date(2026, 11, 3)
    found = _suggest(workspace, f"Your reference {family.zofia_reference}")
    assert not found.candidates[0].can_link
    assert found.candidates[0].note == "Closed on 3 November 2026"
    assert found.chosen is None


def test_the_open_case_is_suggested_before_an_earlier_closed_one(workspace: Workspace, family: Family) -> None:
    with workspace.write("Closed") as session:
        case = session.get_one(Case, family.zofia_case)
        case.status, case.closed_on = CaseStatus.CLOSED, date(2026, 11, 3)
        child_id = case.child_id
    newer = cases.open_case(workspace, child_id)
    found = _suggest(workspace, "UPN G999206814057")
    assert [candidate.case_id for candidate in found.candidates] == [newer]


def test_rings_stand_where_the_words_stand(workspace: Workspace, family: Family) -> None:
    added = intake.add_bytes(
        workspace, "scan.pdf", files.pdf([["First page"], ["", "UPN: G999206814057", "", "Zofia Halewicz 2/2/2014"]])
    )
    candidate = suggest.suggest(workspace, added.document_id).candidates[0]
    marks = reading.marks_of(workspace, tray.document(workspace, added.document_id).sha256, candidate)
    by_number = {mark.number: mark for mark in marks}
    assert {mark.page for mark in marks} == {1}
    upn, name = by_number[1].box, by_number[2].box
    assert 0.15 < upn[0] < 0.2  # after "UPN: " which starts at 72 of 595 points
    assert upn[0] < upn[2] < 0.4
    assert abs(upn[1] - (842 - 748) / 842) < 0.02
    assert name[1] > upn[3]


def test_a_box_a_line_when_words_run_over_the_end_of_one() -> None:
    from app.services.documents.clues import Span
    from app.services.documents.protocol import PageWords, Word

    read = PageWords(
        "Zofia\nHalewicz here",
        [Word(0, 5, (0.7, 0.1, 0.8, 0.12)), Word(6, 14, (0.1, 0.2, 0.2, 0.22)), Word(15, 19, (0.3, 0.2, 0.4, 0.22))],
    )
    assert reading.boxes_of(read, Span(0, 0, 14)) == [(0.7, 0.1, 0.8, 0.12), (0.1, 0.2, 0.2, 0.22)]


def test_twins_are_told_apart_by_forename(workspace: Workspace, family: Family) -> None:
    with workspace.write("A twin") as session:
        twin = Child(forename="Kasia", surname="Halewicz", born_on=date(2014, 2, 2))
        session.add(twin)
        session.flush()
        twin_id = twin.id
    twin_case = cases.open_case(workspace, twin_id)
    found = _suggest(workspace, "Kasia Halewicz, born 2 February 2014")
    assert found.candidates[0].case_id == twin_case
    assert all(candidate.case_id != family.zofia_case for candidate in found.candidates)


def test_clues_in_a_long_list_stay_bounded() -> None:
    text = " ".join(f"CME-2026-{number:05d} born 1 May 2015" for number in range(2000))
    clues = find_clues(text)
    assert len(clues.references) == 200


def test_an_impossible_date_is_passed_over() -> None:
    assert find_clues("31 February 2014 and 45/13/2014").dates == {}
