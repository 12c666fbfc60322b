"""Linking, setting aside and undoing: one transaction each, said on the timeline, nothing lost."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.errors import AccessRefused, EnvironmentFault, UserError
from app.models import AuditEntry, Case, CaseEvent, ChangeSetRow, Document, Task
from app.models.terms import CaseStatus, DocumentState, EventKind, Role
from app.services.changes import decode
from app.services.documents import export, intake, reading, suggest, tray
from app.services.documents.kinds import document_kinds, guess_kind
from app.services.workspace import Workspace
from tests.services.documents import files
from tests.services.documents.conftest import Family


@pytest.fixture
def letter(workspace: Workspace, family: Family) -> str:
    lines = [
        line.format(
            reference=family.zofia_reference, name="Zofia Halewicz", born="2 February 2014", upn="G999206814057"
        )
        for line in files.ADMISSION_LETTER
    ]
    return intake.add_bytes(workspace, "scan.pdf", files.pdf([lines, ["Page two"]])).document_id


def _link(ws: Workspace, document_id: str, case_id: str, **changes: object) -> tray.LinkDone:
    values: dict[str, object] = {
        "kind": "school_confirms_admission",
        "sender": "Thornwick Academy",
        "received_on": ws.time.today() - timedelta(days=1),
        "follow_up_task": "Check attendance and consider closing",
    }
    return tray.link(ws, document_id, case_id, **{**values, **changes})  # type: ignore[arg-type]  # mixed values


def test_linking_writes_document_timeline_and_task_in_one_change_set(
    workspace: Workspace, family: Family, letter: str
) -> None:
    found = suggest.suggest(workspace, letter)
    candidate = found.candidates[0]
    detail = tray.document(workspace, letter)
    marks = reading.marks_of(workspace, detail.sha256, candidate)
    done = _link(workspace, letter, candidate.case_id, candidate=candidate, marks=marks)
    with workspace.read() as session:
        document = session.get_one(Document, letter)
        event = session.get_one(CaseEvent, done.event_id)
        task = session.get_one(Task, done.task_id)
        last = session.scalars(select(ChangeSetRow).order_by(ChangeSetRow.sequence.desc())).first()
    assert (document.state, document.case_id) == (DocumentState.LINKED, family.zofia_case)
    assert document.title == "Thornwick Academy: school confirms admission"
    assert [reason for reason in document.reading["link"]["reasons"]] == [r.words for r in candidate.reasons]
    assert {mark["number"] for mark in document.reading["link"]["marks"]} == {1, 2, 3}
    assert (event.kind, event.title) == (EventKind.DOCUMENT, "School confirms admission")
    assert event.body == "From Thornwick Academy. Received 16 November 2026. 2 pages."
    assert event.document_id == letter
    assert (task.text, task.user_id) == ("Check attendance and consider closing", workspace.actor.user_id)
    assert task.due_on == date(2026, 11, 24)
    assert last is not None
    assert {change.table for change in decode(last.body).changes} == {"document", "case_event", "task"}


def test_a_link_that_fails_leaves_nothing_behind(workspace: Workspace, family: Family, letter: str) -> None:
    with workspace.write("Closed") as session:
        session.get_one(Case, family.zofia_case).status = CaseStatus.CLOSED
    with pytest.raises(UserError, match="closed"):
        _link(workspace, letter, family.zofia_case)
    assert tray.document(workspace, letter).state is DocumentState.TO_LINK
    with workspace.read() as session:
        assert session.scalar(select(func.count()).select_from(Task)) == 0
        assert session.scalars(select(CaseEvent).where(CaseEvent.kind == EventKind.DOCUMENT)).all() == []


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"kind": ""}, "kind", "Choose what it is."),
        ({"received_on": None}, "received_on", "Received must be today or earlier."),
        ({"received_on": date(2026, 11, 18)}, "received_on", "Received must be today or earlier."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    workspace: Workspace, family: Family, letter: str, changes: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(UserError, match=words) as raised:
        _link(workspace, letter, family.zofia_case, **changes)
    assert raised.value.field == field
    assert tray.document(workspace, letter).state is DocumentState.TO_LINK


def test_a_document_linked_meanwhile_is_not_linked_again(workspace: Workspace, family: Family, letter: str) -> None:
    _link(workspace, letter, family.zofia_case)
    with pytest.raises(UserError, match=f"already on {family.zofia_reference}"):
        _link(workspace, letter, family.other_case)
    assert tray.document(workspace, letter).case_id == family.zofia_case


def test_undo_returns_the_page_corrects_the_timeline_and_takes_the_task_back(
    workspace: Workspace, family: Family, letter: str
) -> None:
    done = _link(workspace, letter, family.zofia_case)
    tray.undo_link(workspace, done)
    detail = tray.document(workspace, letter)
    assert (detail.state, detail.case_id, detail.case_name) == (DocumentState.TO_LINK, None, "")
    with workspace.read() as session:
        events = session.scalars(
            select(CaseEvent).where(CaseEvent.kind == EventKind.DOCUMENT).order_by(CaseEvent.id)
        ).all()
        assert session.get(Task, done.task_id) is None
    assert [event.corrects_id for event in events] == [None, done.event_id]
    with pytest.raises(UserError, match="moved since"):
        tray.undo_link(workspace, done)


def test_undo_keeps_a_task_that_is_already_done(workspace: Workspace, family: Family, letter: str) -> None:
    done = _link(workspace, letter, family.zofia_case)
    with workspace.write("Done") as session:
        session.get_one(Task, done.task_id).done_at = workspace.time.now()
    tray.undo_link(workspace, done)
    with workspace.read() as session:
        assert session.get(Task, done.task_id) is not None


def test_a_document_can_be_taken_off_its_case_later(workspace: Workspace, family: Family, letter: str) -> None:
    done = _link(workspace, letter, family.zofia_case)
    tray.unlink(workspace, letter)
    assert tray.document(workspace, letter).state is DocumentState.TO_LINK
    with workspace.read() as session:
        correction = session.scalars(select(CaseEvent).where(CaseEvent.corrects_id == done.event_id)).one()
    assert "link undone" in correction.title
    with pytest.raises(UserError, match="not linked"):
        tray.unlink(workspace, letter)


def test_setting_aside_and_not_for_us_need_a_reason_and_can_be_undone(workspace: Workspace, letter: str) -> None:
    with pytest.raises(UserError, match="Say why") as raised:
        tray.set_aside(workspace, letter, reason="  ")
    assert raised.value.field == "reason"
    tray.set_aside(workspace, letter, reason="Asked the school for page 2")
    assert tray.counts(workspace) == tray.TrayCounts(to_link=0, set_aside=1, linked=0)
    (row,) = tray.list_documents(workspace, DocumentState.SET_ASIDE)
    assert row.detail == "Asked the school for page 2"
    tray.not_for_us(workspace, letter, reason="For admissions")
    assert tray.counts(workspace) == tray.TrayCounts(0, 0, 0)
    tray.put_back(workspace, letter)
    assert tray.counts(workspace).to_link == 1
    assert tray.document(workspace, letter).state_reason == ""
    with pytest.raises(UserError):
        tray.not_for_us(workspace, letter, reason="")


def test_the_list_says_what_it_is_and_which_case_it_is_on(workspace: Workspace, family: Family, letter: str) -> None:
    (row,) = tray.list_documents(workspace, DocumentState.TO_LINK)
    assert (row.about, row.source, row.here, row.detail) == ("PDF, 2 pages", "Added", True, "")
    _link(workspace, letter, family.zofia_case)
    (linked,) = tray.list_documents(workspace, DocumentState.LINKED)
    assert linked.detail == f"Zofia Halewicz, {family.zofia_reference}"
    assert [row.id for row in tray.of_case(workspace, family.zofia_case)] == [letter]


def test_turning_a_page_is_kept_and_turning_it_back_leaves_nothing(workspace: Workspace, letter: str) -> None:
    before = workspace.documents.get(tray.document(workspace, letter).sha256)
    tray.rotate(workspace, letter, 1, 270)
    assert tray.document(workspace, letter).rotation == {1: 270}
    tray.rotate(workspace, letter, 1, 360)
    assert tray.document(workspace, letter).rotation == {}
    assert workspace.documents.get(tray.document(workspace, letter).sha256) == before


def test_a_document_whose_bytes_have_not_come_is_listed_as_not_here(workspace: Workspace, letter: str) -> None:
    with workspace.write("As if pulled") as session:
        session.get_one(Document, letter).sha256 = "d" * 64
    (row,) = tray.list_documents(workspace, DocumentState.TO_LINK)
    assert not row.here
    with pytest.raises(EnvironmentFault, match="not on this laptop yet"):
        workspace.documents.pages.image("d" * 64, 0, 100)


def test_export_writes_the_original_once_and_is_audited(workspace: Workspace, letter: str, tmp_path: Path) -> None:
    target = tmp_path / "letter.pdf"
    export.export_document(workspace, letter, target)
    assert target.read_bytes() == workspace.documents.get(tray.document(workspace, letter).sha256)
    with workspace.read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc())).first()
    assert entry is not None
    assert (entry.action, entry.subject_id) == ("exported", letter)
    with pytest.raises(UserError, match="already"):
        export.export_document(workspace, letter, target)
    with pytest.raises(EnvironmentFault, match="could not be saved"):
        export.export_document(workspace, letter, tmp_path / "no such folder" / "letter.pdf")


def test_roles_without_linking_may_not_link(make_vault) -> None:  # type: ignore[no-untyped-def]  # a factory fixture
    ws = make_vault("inclusion", role=Role.INCLUSION).workspace()
    with pytest.raises(AccessRefused):
        tray.set_aside(ws, "00000000-0000-7000-8000-000000000000", reason="x")


def test_follow_ups_are_never_due_at_a_weekend() -> None:
    for offset in range(14):
        day = date(2026, 11, 16) + timedelta(days=offset)
        due = tray.default_follow_up_on(day)
        assert due.weekday() < 5
        assert 4 < (due - day).days <= 7


def test_every_kind_has_words_and_is_guessed_by_its_own_phrases() -> None:
    kinds = document_kinds()
    assert list(kinds)[-1] == "other"
    assert len({kind.label for kind in kinds.values()}) == len(kinds)
    for kind in kinds.values():
        assert kind.label[0].isupper()
        for phrase in kind.phrases:
            assert guess_kind(f"We write to say: {phrase}.") in kinds
    assert guess_kind("Confirmation of\nadmission") == "school_confirms_admission"
    assert guess_kind("nothing of the sort") == ""
