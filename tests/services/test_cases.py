from datetime import date, timedelta

import pytest
from sqlalchemy import delete, func, select

from app.errors import AccessRefused, UserError
from app.models import AuditEntry, Case, CaseEvent, ChangeSetRow, Child, Clock, Draft, Enquiry, ReferenceLease, Task
from app.models.terms import CaseStatus, EnquiryState, EventKind, Role, Stage
from app.services import case_page, cases, drafts, enquiries, history, tasks
from tests.services.casework import add_child, open_isla


def events(ws, case_id):
    with ws.read() as session:
        found = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.id))
        return [(event.kind, event.title, event.body) for event in found]


def change_sets(ws):
    with ws.read() as session:
        return session.execute(select(func.count()).select_from(ChangeSetRow)).scalar_one()


def test_opening_a_case_takes_the_next_number_and_seeds_checklist_and_clocks_in_one_change_set(workspace):
    child_id = add_child(workspace)
    before = change_sets(workspace)
    case_id = cases.open_case(workspace, child_id, source_name="Pennyford Primary", received_on=date(2026, 11, 2))
    assert change_sets(workspace) == before + 1
    with workspace.read() as session:
        case = session.get_one(Case, case_id)
        assert case.reference == "CME-2026-00001"
        assert case.stage is Stage.INITIAL_CHECKS
        assert session.execute(select(func.count()).where(Enquiry.case_id == case_id)).scalar_one() == 11
        rules = set(session.scalars(select(Clock.rule).where(Clock.case_id == case_id)))
    assert rules == {"local_second_home_visit", "local_supervisor_review"}
    assert events(workspace, case_id)[0][1] == "Referral received from Pennyford Primary"
    row = cases.rows(workspace, [case_id])[0]
    assert (row.due_what, row.due_on, row.statutory) == ("Second home visit", date(2026, 11, 16), False)


def test_references_follow_each_other_and_run_out_in_words(workspace):
    with workspace.write("Shorter lease") as session:
        lease = session.scalars(select(ReferenceLease)).one()
        lease.next = lease.last
    open_isla(workspace)
    other = add_child(workspace, "Finn")
    before = change_sets(workspace)
    with pytest.raises(UserError, match="no case numbers left"):
        cases.open_case(workspace, other)
    assert change_sets(workspace) == before


def test_a_child_has_one_open_case_at_a_time(workspace):
    case_id = open_isla(workspace)
    with workspace.read() as session:
        child_id = session.get_one(Case, case_id).child_id
    with pytest.raises(UserError, match="already has an open case, CME-2026-00001"):
        cases.open_case(workspace, child_id)


def test_a_case_for_a_child_who_is_not_here_is_refused(workspace):
    with pytest.raises(UserError, match="not on this laptop"):
        cases.open_case(workspace, "0190b8a0-0000-7000-8000-000000000000")


def test_a_note_is_on_the_timeline_in_history_and_in_the_outbox_and_its_draft_is_gone(workspace):
    case_id = open_isla(workspace)
    drafts.save_draft(workspace, drafts.note_key(case_id), "Rang twice.")
    before = change_sets(workspace)
    event_id = cases.add_note(workspace, case_id, text="Rang twice. Voicemail full.", kind=EventKind.CALL)
    assert change_sets(workspace) == before + 1
    newest = case_page.timeline(workspace, case_id)[0]
    assert (newest.id, newest.title, newest.kind, newest.waiting) == (
        event_id,
        "Rang twice. Voicemail full.",
        EventKind.CALL,
        True,
    )
    entry = history.of_case(workspace, case_id)[0]
    assert entry.reason == "Added a call"
    assert entry.state == "On this laptop, waiting to sync"
    assert drafts.load_draft(workspace, drafts.note_key(case_id)) == ""
    row = cases.rows(workspace, [case_id])[0]
    assert row.last_activity == "Rang twice. Voicemail full."


@pytest.mark.parametrize(
    ("text", "title", "body"),
    [
        ("Short", "Short", ""),
        ("First line\nSecond line\n", "First line", "Second line"),
        ("word " * 40, "Note", ("word " * 40).strip()),
    ],
)
def test_a_note_keeps_the_words_as_first_written(workspace, text, title, body):
    case_id = open_isla(workspace)
    cases.add_note(workspace, case_id, text=text)
    assert events(workspace, case_id)[-1] == (EventKind.NOTE, title, body)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": "  "}, "Type the note"),
        ({"text": "x" * 100_001}, "longer than 100,000"),
        ({"text": "x", "kind": EventKind.LETTER}, "Choose note"),
    ],
)
def test_a_bad_note_is_refused_and_changes_nothing(workspace, options, message):
    case_id = open_isla(workspace)
    before = change_sets(workspace)
    with pytest.raises(UserError, match=message):
        cases.add_note(workspace, case_id, **options)
    assert change_sets(workspace) == before


def test_a_note_in_the_future_is_refused(workspace):
    case_id = open_isla(workspace)
    with pytest.raises(UserError, match="now or earlier"):
        cases.add_note(workspace, case_id, text="x", happened_at=workspace.time.now() + timedelta(minutes=1))


def test_a_correction_is_a_later_line_that_names_the_earlier_one(workspace):
    case_id = open_isla(workspace)
    first = cases.add_note(workspace, case_id, text="Seen at 12 Chapel Rise")
    cases.add_note(workspace, case_id, text="It was 21 Chapel Rise", corrects_id=first)
    titles = {event.title: event.corrects for event in case_page.timeline(workspace, case_id)}
    assert titles["It was 21 Chapel Rise"] == "Seen at 12 Chapel Rise"
    assert "Seen at 12 Chapel Rise" in titles


def test_a_sighting_moves_last_seen_forward_but_never_back(workspace, frozen_time):
    case_id = open_isla(workspace)
    cases.add_note(workspace, case_id, text="Seen in the park", kind=EventKind.SIGHTING, place="Tanner's Row")
    old = frozen_time.now() - timedelta(days=300)
    cases.add_note(workspace, case_id, text="Seen before", kind=EventKind.SIGHTING, happened_at=old, place="School")
    with workspace.read() as session:
        child = session.scalars(select(Child)).one()
    assert (child.last_seen_on, child.last_seen_where, child.last_seen_by) == (
        date(2026, 11, 17),
        "Tanner's Row",
        "Dawn Ellery",
    )


def test_a_stage_changes_with_a_reason_and_a_line(workspace):
    case_id = open_isla(workspace)
    with pytest.raises(UserError, match="why"):
        cases.change_stage(workspace, case_id, Stage.ENQUIRIES, reason=" ")
    with pytest.raises(UserError, match="already at"):
        cases.change_stage(workspace, case_id, Stage.INITIAL_CHECKS, reason="x")
    with pytest.raises(UserError, match="Close case"):
        cases.change_stage(workspace, case_id, Stage.CLOSED, reason="x")
    cases.change_stage(workspace, case_id, Stage.ENQUIRIES, reason="Nobody answers")
    assert events(workspace, case_id)[-1] == (
        EventKind.STAGE,
        "Stage changed from Initial checks to Enquiries",
        "Nobody answers",
    )
    view = case_page.load_case(workspace, case_id)
    assert view.identity.stage_words == "Enquiries, day 0"


def test_only_a_supervisor_closes_a_case(workspace):
    case_id = open_isla(workspace)
    with pytest.raises(AccessRefused):
        cases.close_case(workspace, case_id, outcome="R1")


def test_closing_stops_the_clocks_makes_the_case_read_only_and_can_be_undone(supervisor_workspace):
    ws = supervisor_workspace
    case_id = open_isla(ws)
    with pytest.raises(UserError, match="what shows"):
        cases.close_case(ws, case_id, outcome="U1")
    with pytest.raises(UserError, match="how the case ended"):
        cases.close_case(ws, case_id, outcome="Z9")
    cases.close_case(ws, case_id, outcome="M1", evidence="Kingsholt Council wrote on 12 November")
    with ws.read() as session:
        assert session.get_one(Case, case_id).status is CaseStatus.CLOSED
        assert all(clock.stop_reason == "Case closed" for clock in session.scalars(select(Clock)))
    assert cases.rows(ws, [case_id])[0].due_on is None
    with pytest.raises(UserError, match="closed"):
        cases.add_note(ws, case_id, text="Late")
    assert not case_page.load_case(ws, case_id).editable
    with pytest.raises(UserError, match="why"):
        cases.reopen_case(ws, case_id, reason="")
    cases.reopen_case(ws, case_id, reason="Seen again")
    cases.add_note(ws, case_id, text="On time")
    with pytest.raises(UserError, match="not closed"):
        cases.reopen_case(ws, case_id, reason="Again")


def test_reading_a_case_is_audited_and_reading_again_after_a_change_is_not(workspace):
    case_id = open_isla(workspace)

    def readings():
        with workspace.read() as session:
            query = select(func.count()).where(AuditEntry.action == "read", AuditEntry.subject_id == case_id)
            return session.execute(query).scalar_one()

    case_page.load_case(workspace, case_id)
    case_page.load_case(workspace, case_id, audited=False)
    assert readings() == 1


def test_an_auditor_may_not_read_a_case(make_vault):
    ws = make_vault("auditor", role=Role.AUDITOR).workspace()
    for call in (lambda: cases.count(ws, cases.CaseQuery()), lambda: case_page.load_case(ws, "x")):
        with pytest.raises(AccessRefused):
            call()


def test_an_enquiry_not_needed_asks_why_and_an_answer_asks_what(workspace):
    case_id = open_isla(workspace)
    line = case_page.load_case(workspace, case_id).enquiries[0]
    with pytest.raises(UserError, match="why"):
        enquiries.record(workspace, line.id, EnquiryState.NOT_NEEDED)
    with pytest.raises(UserError, match="what the answer was"):
        enquiries.record(workspace, line.id, EnquiryState.ANSWERED)
    with pytest.raises(UserError, match="today or earlier"):
        enquiries.record(workspace, line.id, EnquiryState.SENT, on=date(2026, 11, 18))
    enquiries.record(workspace, line.id, EnquiryState.NOT_NEEDED, reason="No numbers held")
    settled = case_page.load_case(workspace, case_id).enquiries[-1]
    assert (settled.id, settled.done, settled.reason) == (line.id, True, "No numbers held")


def test_asking_starts_the_reply_window_and_no_trace_is_a_result(workspace):
    case_id = open_isla(workspace)
    line = case_page.load_case(workspace, case_id).enquiries[0]
    enquiries.record(workspace, line.id, EnquiryState.SENT, on=date(2026, 11, 12))
    asked = next(e for e in case_page.load_case(workspace, case_id).enquiries if e.id == line.id)
    assert (asked.asked_on, asked.due_on, asked.done) == (date(2026, 11, 12), date(2026, 11, 19), False)
    enquiries.record(workspace, line.id, EnquiryState.NO_TRACE)
    done = next(e for e in case_page.load_case(workspace, case_id).enquiries if e.id == line.id)
    assert done.done
    assert events(workspace, case_id)[-1][1] == f"{line.label}: no trace"


def test_no_reply_is_not_a_result(workspace):
    case_id = open_isla(workspace)
    line = case_page.load_case(workspace, case_id).enquiries[0]
    enquiries.record(workspace, line.id, EnquiryState.EXPIRED)
    assert not next(e for e in case_page.load_case(workspace, case_id).enquiries if e.id == line.id).done


def test_a_line_of_ones_own_needs_words(workspace):
    case_id = open_isla(workspace)
    with pytest.raises(UserError, match="who or what"):
        enquiries.add_enquiry(workspace, case_id, "other")
    added = enquiries.add_enquiry(workspace, case_id, "other", "Kingsholt Council")
    assert added in {line.id for line in case_page.load_case(workspace, case_id).enquiries}


def test_every_line_of_the_checklist_has_its_mark_and_source():
    lines = enquiries.checklist()
    assert len(lines) == 22
    assert len({line.kind for line in lines}) == 22
    assert all(line.mark in {"verified", "unverified"} and line.source for line in lines)


def test_tasks_and_clocks_are_next_in_order_and_go_when_done(workspace):
    case_id = open_isla(workspace)
    task = tasks.add_task(workspace, case_id, "Decide: refer to social care?", due_on=date(2026, 11, 20))
    notice = tasks.add_clock(workspace, case_id, "s437_notice", date(2026, 11, 3))
    view = case_page.load_case(workspace, case_id)
    assert [(item.what, item.state) for item in view.next_items] == [
        ("Second home visit", "overdue"),
        ("Parent's reply to section 437 notice", "due"),
        ("Decide: refer to social care?", "later"),
        ("20-day review", "later"),
    ]
    tasks.set_task_done(workspace, task)
    tasks.meet_clock(workspace, notice)
    visit = view.next_items[0]
    with pytest.raises(UserError, match="why"):
        tasks.stop_clock(workspace, visit.id, reason="")
    tasks.stop_clock(workspace, visit.id, reason="Family located")
    with pytest.raises(UserError, match="no longer runs"):
        tasks.meet_clock(workspace, visit.id)
    assert [item.what for item in case_page.load_case(workspace, case_id).next_items] == ["20-day review"]
    with workspace.read() as session:
        assert session.get_one(Task, task).done_at == workspace.time.now()


@pytest.mark.parametrize(
    ("rule", "started", "message"),
    [
        ("new_school_nomination", date(2026, 11, 3), "not known to be in force"),
        ("s447_consider_eso", date(2026, 11, 3), "no countdown"),
        ("s437_notice", date(2026, 11, 18), "today or earlier"),
        ("nonsense", date(2026, 11, 3), "does not know"),
    ],
)
def test_a_clock_that_cannot_start_is_refused(workspace, rule, started, message):
    case_id = open_isla(workspace)
    with pytest.raises(UserError, match=message):
        tasks.add_clock(workspace, case_id, rule, started)


def test_a_clock_from_a_newer_version_is_shown_and_never_counted(workspace):
    case_id = open_isla(workspace)
    with workspace.write("From the future") as session:
        session.execute(select(1))
        session.add(Clock(case_id=case_id, rule="from_the_future", label="A new thing", started_on=date(2026, 11, 1)))
    item = next(i for i in case_page.load_case(workspace, case_id).next_items if i.what == "A new thing")
    assert item.due_on is None
    assert "Update Rollcall" in item.detail


def test_drafts_are_kept_for_their_writer_and_not_in_the_outbox(workspace):
    before = change_sets(workspace)
    drafts.save_draft(workspace, "note:1", "half a thought")
    drafts.save_draft(workspace, "note:1", "half a thought, and more")
    assert drafts.load_draft(workspace, "note:1") == "half a thought, and more"
    assert change_sets(workspace) == before
    drafts.save_draft(workspace, "note:1", "   ")
    assert drafts.load_draft(workspace, "note:1") == ""
    with workspace.read() as session:
        assert session.execute(select(func.count()).select_from(Draft)).scalar_one() == 0


def test_history_tells_field_by_field_with_names_and_words(workspace):
    case_id = open_isla(workspace)
    cases.change_stage(workspace, case_id, Stage.LOCATED, reason="Found at an aunt's")
    entry = history.of_case(workspace, case_id)[0]
    assert (entry.who, entry.reason) == ("Dawn Ellery", "Changed the stage")
    lines = {(line.record, line.field): (line.before, line.after) for line in entry.lines}
    assert lines["Case", "Stage"] == ("Initial checks", "Located")
    assert lines["Case", "Stage since"] == ("2 November 2026", "17 November 2026")
    opened = history.of_case(workspace, case_id)[1]
    assert any(line.field == "Officer" and line.after == "Dawn Ellery" for line in opened.lines)


def test_history_of_a_missing_case_is_refused(workspace):
    with pytest.raises(UserError, match="not on this laptop"):
        history.of_case(workspace, "0190b8a0-0000-7000-8000-000000000000")


def test_a_vault_without_leases_says_to_connect(workspace):
    with workspace.local_session() as session:
        session.execute(delete(ReferenceLease))
    with pytest.raises(UserError, match="Connect to the central store"):
        open_isla(workspace)
