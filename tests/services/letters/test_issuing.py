"""Issuing: what is frozen, what is filed with it, and what a failure leaves behind."""

import hashlib
import json
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from app.errors import AccessRefused, UserError
from app.models import CaseEvent, ChangeSetRow, Clock, Document, Draft, Letter, Task
from app.models.terms import DocumentState, EventKind, LetterState, Role
from app.services.letters import facts as letter_facts
from app.services.letters import letters, listing
from app.services.letters.compose import compose
from app.services.workspace import Workspace
from tests.services.letters.world import first_letter, open_rhys


def _all(ws: Workspace, table: type, **where: object) -> list:
    with ws.read() as session:
        return list(session.scalars(select(table).filter_by(**where)))


def test_an_issued_letter_opens_again_to_the_same_bytes(workspace: Workspace) -> None:
    issued = letters.issue(workspace, first_letter(workspace, open_rhys(workspace)))
    again = letters.issued_bytes(workspace, issued.letter_id)
    assert again.startswith(b"%PDF")
    assert hashlib.sha256(again).hexdigest() == issued.sha256
    row = _all(workspace, Letter, id=issued.letter_id)[0]
    assert (row.state, row.sha256, row.document_id) == (LetterState.ISSUED, issued.sha256, issued.document_id)
    assert row.issued_by == workspace.actor.user_id
    assert row.issued_at == workspace.time.now()


def test_issuing_files_the_letter_on_the_case_and_starts_the_reply_clock(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    issued = letters.issue(workspace, first_letter(workspace, case_id))
    document = _all(workspace, Document, id=issued.document_id)[0]
    assert (document.state, document.case_id, document.letter_id) == (
        DocumentState.ISSUED,
        case_id,
        issued.letter_id,
    )
    assert document.page_count == issued.page_count
    assert "Tell us about Rhys’s education" in document.text
    event = _all(workspace, CaseEvent, letter_id=issued.letter_id)[0]
    assert event.kind is EventKind.LETTER
    assert event.title == "First enquiry to parent sent, CME-2026-00001/L1"
    assert event.body == "To Mr Gareth Pendleford, father. First class post. Reply by Friday 27 November 2026."
    clock = _all(workspace, Clock, case_id=case_id, rule="local_letter_reply")[0]
    assert clock.started_on == date(2026, 11, 17)


def test_everything_travels_in_one_change_set(workspace: Workspace) -> None:
    draft = letters.keep(workspace, first_letter(workspace, open_rhys(workspace)))
    before = len(_all(workspace, ChangeSetRow))
    letters.issue(workspace, draft)
    rows = _all(workspace, ChangeSetRow)
    assert len(rows) == before + 1
    tables = {change["table"] for change in json.loads(rows[-1].body)["changes"]}
    assert {"letter", "document", "case_event", "clock"} <= tables


def test_a_failure_after_the_bytes_are_stored_leaves_the_draft_and_nothing_else(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = open_rhys(workspace)
    draft = letters.keep(workspace, replace(first_letter(workspace, case_id), typed={"last_school": "Elsewhere"}))

    def fail(*_arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(letters, "_start_waiting", fail)
    with pytest.raises(OSError, match="disk full"):
        letters.issue(workspace, draft)
    assert _all(workspace, Letter, id=draft.letter_id)[0].state is LetterState.DRAFT
    assert _all(workspace, Document) == []
    assert _all(workspace, CaseEvent, letter_id=draft.letter_id) == []
    assert letters.load(workspace, draft.letter_id).typed == {"last_school": "Elsewhere"}
    monkeypatch.undo()
    assert letters.issue(workspace, letters.load(workspace, draft.letter_id)).reference == draft.reference


def test_a_letter_is_sent_once(workspace: Workspace) -> None:
    draft = letters.keep(workspace, first_letter(workspace, open_rhys(workspace)))
    letters.issue(workspace, draft)
    with pytest.raises(UserError, match="already been sent"):
        letters.issue(workspace, draft)
    with pytest.raises(UserError, match="already been sent"):
        letters.save(workspace, draft)
    with pytest.raises(UserError, match="already been sent"):
        letters.discard(workspace, draft.letter_id)
    assert len(_all(workspace, Document)) == 1


def test_a_correction_is_a_new_letter_that_replaces_the_first(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    typed = {"last_school": "Saltenby Junior", "reply_by": "2026-12-01"}
    first = letters.issue(workspace, replace(first_letter(workspace, case_id), typed=typed))
    before = letters.issued_bytes(workspace, first.letter_id)
    second = letters.issue(workspace, letters.correct(workspace, first.letter_id))
    assert second.reference == "CME-2026-00001/L2"
    rows = {row.reference: row for row in _all(workspace, Letter)}
    assert rows[first.reference].state is LetterState.SUPERSEDED
    assert rows[second.reference].supersedes_id == first.letter_id
    assert letters.issued_bytes(workspace, first.letter_id) == before
    assert letters.issued_bytes(workspace, second.letter_id) != before
    with pytest.raises(UserError, match="can be corrected"):
        letters.correct(workspace, first.letter_id)


def test_another_reply_date_than_the_usual_becomes_a_task(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    letters.issue(workspace, replace(first_letter(workspace, case_id), typed={"reply_by": "2026-12-04"}))
    assert _all(workspace, Clock, rule="local_letter_reply") == []
    task = _all(workspace, Task, case_id=case_id)[0]
    assert (task.text, task.due_on) == ("Check for a reply to CME-2026-00001/L1", date(2026, 12, 4))


def test_something_missing_is_refused_until_it_is_there(workspace: Workspace) -> None:
    case_id = open_rhys(workspace, address=False)
    draft = letters.keep(workspace, first_letter(workspace, case_id))
    with pytest.raises(UserError, match="has no current address") as refused:
        letters.issue(workspace, draft)
    assert refused.value.field == "recipient_address"
    assert "The letter is not sent, and the draft is kept." in refused.value.message
    assert _all(workspace, Document) == []
    assert letters.issue(workspace, replace(draft, delivery="HD")).page_count == 2


def test_an_emptied_required_field_is_refused(workspace: Workspace) -> None:
    draft = replace(first_letter(workspace, open_rhys(workspace)), typed={"reply_by": ""})
    with pytest.raises(UserError, match="Enter a date in “Reply by”") as refused:
        letters.issue(workspace, draft)
    assert refused.value.field == "reply_by"


def test_what_is_typed_is_kept_on_this_laptop_and_saved_when_asked(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    draft = letters.keep(workspace, first_letter(workspace, case_id))
    sets = len(_all(workspace, ChangeSetRow))
    typed = replace(draft, typed={"last_school": "Kingsholt Primary"}, points=16, delivery="HD")
    letters.keep(workspace, typed)
    assert len(_all(workspace, ChangeSetRow)) == sets, "keeping what is typed is no business of other laptops"
    assert letters.load(workspace, draft.letter_id) == typed
    letters.save(workspace, typed)
    assert _all(workspace, Draft) == []
    assert letters.load(workspace, draft.letter_id) == typed
    assert _all(workspace, Letter, id=draft.letter_id)[0].format_points == 16
    letters.discard(workspace, draft.letter_id)
    assert _all(workspace, Letter) == []


def test_letters_of_a_case_are_numbered_in_the_order_they_are_started(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    one, two = first_letter(workspace, case_id), first_letter(workspace, case_id)
    assert [letters.keep(workspace, each).reference for each in (two, one)] == [
        "CME-2026-00001/L1",
        "CME-2026-00001/L2",
    ]


def test_a_letter_sent_while_it_was_being_kept_is_one_letter(workspace: Workspace) -> None:
    fresh = first_letter(workspace, open_rhys(workspace))
    letters.keep(workspace, fresh)
    issued = letters.issue(workspace, replace(fresh, typed={"last_school": "Quarry"}))
    assert [row.reference for row in _all(workspace, Letter)] == [issued.reference]
    assert "Quarry" in _all(workspace, Document)[0].text
    with pytest.raises(UserError, match="already been sent"):
        letters.issue(workspace, fresh)
    with pytest.raises(UserError, match="already been sent"):
        letters.keep(workspace, fresh)


def test_the_list_shows_where_each_letter_stands(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    letters.issue(workspace, first_letter(workspace, case_id))
    letters.keep(workspace, first_letter(workspace, case_id, "L05"))
    lines = listing.letters(workspace, case_id=case_id)
    assert {(line.reference, line.state_words, line.recipient) for line in lines} == {
        ("CME-2026-00001/L1", "Sent", "Mr Gareth Pendleford"),
        ("CME-2026-00001/L2", "Draft", "Mrs Jane Carrow"),
    }
    assert lines[0].child_name == "Rhys Pendleford"
    assert listing.letters(workspace, case_id="01890a5d-ac96-774b-bcce-b302099a8057") == []


def test_a_role_that_may_not_write_letters_is_refused(make_vault) -> None:
    ws = make_vault("business", role=Role.CASEWORKER).workspace()
    draft = letters.keep(ws, first_letter(ws, open_rhys(ws)))
    ws.actor = replace(ws.actor, role=Role.BUSINESS_SUPPORT)
    for attempt in (letters.issue, letters.keep, letters.save):
        with pytest.raises(AccessRefused):
            attempt(ws, draft)


def test_the_values_that_were_printed_are_kept_with_where_they_came_from(workspace: Workspace) -> None:
    draft = replace(first_letter(workspace, open_rhys(workspace)), typed={"last_school": "Saltenby Junior"})
    issued = letters.issue(workspace, draft)
    fields = _all(workspace, Letter, id=issued.letter_id)[0].values["fields"]
    assert fields["child_name"] == ["Rhys Pendleford", "case"]
    assert fields["last_school"] == ["Saltenby Junior", "typed"]
    assert fields["council_name"] == ["Marlshire County Council", "council"]


def test_the_same_values_give_the_same_bytes(workspace: Workspace) -> None:
    draft = first_letter(workspace, open_rhys(workspace))
    facts = letter_facts.read(workspace, draft.case_id)
    first = letters.preview(compose(facts, draft))
    letters.preview(compose(facts, replace(draft, typed={"last_school": "مدرسة النور 王小明 Đặng"})))
    assert letters.preview(compose(facts, draft)) == first


def test_a_letter_that_was_not_sent_has_no_bytes_to_open(workspace: Workspace) -> None:
    draft = letters.keep(workspace, first_letter(workspace, open_rhys(workspace)))
    with pytest.raises(UserError, match="not been sent"):
        letters.issued_bytes(workspace, draft.letter_id)
