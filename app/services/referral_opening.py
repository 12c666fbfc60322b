"""The last step of a referral: a case with its child and family in one transaction, or a known case joined."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.errors import UserError
from app.models import SYNCED_TABLES, Case, CaseEvent, Clock, Referral
from app.models.terms import CaseStatus, EventKind, ReferralState, Stage
from app.services import cases, clock_rules, matching, referral_form, referrals
from app.services.access import Permission, require
from app.services.match_details import latest_case
from app.services.matching import Strength
from app.services.referral_form import Answers
from app.services.referral_records import Recorded, Recorder
from app.services.referral_words import ground_words, last_school, source_name
from app.services.restriction import require_case, require_child, sight_of
from app.timesource import format_date

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.services.workspace import Workspace

UNDO_DAYS = 30


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of a referral.

    Attributes:
        joined: the case was there before.
        reopened: it was closed before.
    """

    case_id: str
    reference: str
    joined: bool = False
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """A referral that joined a known case lately and can still be taken out again."""

    referral_id: str
    case_id: str
    reference: str
    child_name: str
    until: date


def open_case(ws: "Workspace", referral_id: str) -> Opened:
    """Open the case of a referral, or add the referral to the case of the child it was matched to.

    Everything is one transaction: if any part fails, nothing is changed and the draft is kept.

    Raises:
        UserError: an answer is missing (``field`` is ``step:field``), the match check is not made or is out of date,
            or the referral has been dealt with.
        AccessRefused: the role may not take referrals.
    """
    require(ws.actor, Permission.TAKE_REFERRALS)
    with ws.write("Opened a case from a referral") as session:
        record = session.get(Referral, referral_id)
        if record is None or record.state not in referrals.WAITING:
            raise UserError("This referral has been dealt with. Open its case to see it. Nothing was changed.")
        if record.child_id is not None:
            require_child(session, ws.actor, record.child_id, Permission.TAKE_REFERRALS)
        answers = referral_form.from_json(record.answers)
        _check_answers(ws, record, answers)
        _check_match(session, record, answers)
        same = record.match_decision.get("choice") == referrals.SAME_CHILD
        known_id = record.match_decision.get("child_id") if same else record.child_id
        if known_id is not None:
            require_child(session, ws.actor, known_id, Permission.TAKE_REFERRALS)
        recorded = Recorder(session, ws, answers, known_id).record()
        before = latest_case(session, recorded.child_id) if known_id else None
        opened, state = _case_for(session, ws, recorded, before, answers)
        record.child_id, record.case_id = recorded.child_id, opened.case_id
        record.state = ReferralState.ADDED_TO_CASE if opened.joined else ReferralState.OPENED
        record.match_decision = {**record.match_decision, "undo": _undo_note(ws, recorded, state)}
        if answers.queries:
            session.add(_event(ws, opened.case_id, "Questions for the sender", "\n".join(answers.queries)))
        return opened


def _check_answers(ws: "Workspace", record: Referral, answers: Answers) -> None:
    joined = record.match_decision.get("choice") == referrals.SAME_CHILD
    found = referral_form.problems(answers, ws.time.today(), joined=joined)
    if found:
        first = found[0]
        step = referral_form.STEP_WORDS[first.step]
        raise UserError(f"{step}: {first.message} The referral is kept.", f"{first.step}:{first.field}")


def _check_match(session: "Session", record: Referral, answers: Answers) -> None:
    decision = record.match_decision
    if record.state is ReferralState.AWAITING_MANAGER or decision.get("choice") == referrals.ASKED_MANAGER:
        raise UserError("A manager is checking the match. The case can be opened when that is done.", "match:")
    if decision.get("choice") not in {referrals.SAME_CHILD, referrals.NEW_CHILD, referrals.NOBODY_FOUND}:
        raise UserError("Check for a match before you open the case. The referral is kept.", "match:")
    if decision.get("about") != referrals.fingerprint(answers):
        raise UserError("The child's details changed after the match check. Check for a match again.", "match:")
    if decision["choice"] == referrals.SAME_CHILD:
        return
    seen = {shown.get("child_id") for shown in decision.get("shown", [])} | {record.child_id}
    hits = matching.find_hits(session, referral_form.subject_of(answers))
    if any(hit.strength is Strength.STRONG and hit.child.id not in seen for hit in hits):
        raise UserError("A strong match has reached this laptop since you checked. Check for a match again.", "match:")


def _case_for(
    session: "Session", ws: "Workspace", recorded: Recorded, before: Case | None, answers: Answers
) -> tuple[Opened, dict[str, Any]]:
    received = referral_form.day(answers.who.received_on) or ws.time.today()
    if before is None:
        opened = cases.open_case_in(
            session,
            ws,
            recorded.child_id,
            source=_source(answers),
            source_name=source_name(answers),
            reason=reason_text(answers),
            area=answers.child.town.strip(),
            received_on=received,
        )
        return Opened(opened.id, opened.reference), {}
    state = {
        "status": before.status.value,
        "stage": before.stage.value,
        "stage_since": before.stage_since.isoformat() if before.stage_since else None,
        "closed_on": before.closed_on.isoformat() if before.closed_on else None,
    }
    reopened = before.status is CaseStatus.CLOSED
    title = f"Referral received from {source_name(answers)}" if source_name(answers) else "Referral received"
    session.add(_event(ws, before.id, title, reason_text(answers), EventKind.REFERRAL))
    if reopened:
        before.status, before.stage = CaseStatus.OPEN, Stage.INITIAL_CHECKS
        before.stage_since, before.closed_on = received, None
        clocks = [Clock(case_id=before.id, rule=rule.id, started_on=received) for rule in clock_rules.opening_rules()]
        session.add_all(clocks)
        session.add(
            _event(ws, before.id, "Case reopened", "A new referral is about the same child.", EventKind.DECISION)
        )
        session.flush()
        recorded.made += [("clock", clock.id) for clock in clocks]
    return Opened(before.id, before.reference, joined=True, reopened=reopened), state


def _source(answers: Answers) -> Any:
    from app.models.terms import ReferralSource

    return ReferralSource(answers.who.source)


def reason_text(answers: Answers) -> str:
    """Return why the child was referred, for the timeline: reason, school, ground, what was tried and is known."""
    known = answers.known
    _, school = last_school(answers)
    until = referral_form.day(known.on_roll_until)
    lines = [answers.who.reason.strip()]
    if school:
        lines.append(f"Last school: {school}" + (f", on the register until {format_date(until)}." if until else "."))
    if ground_words(answers):
        lines.append(f"Ground for removal: {ground_words(answers)}.")
    if known.destination.strip():
        lines.append(f"Said to be going to: {known.destination.strip()}.")
    if known.tried.strip():
        lines.append(f"Tried so far: {known.tried.strip()}")
    if known.notes.strip():
        lines.append(known.notes.strip())
    return "\n".join(line for line in lines if line)


def _event(ws: "Workspace", case_id: str, title: str, body: str, kind: EventKind = EventKind.NOTE) -> CaseEvent:
    return CaseEvent(
        case_id=case_id, kind=kind, happened_at=ws.time.now(), title=title, body=body, actor_name=ws.actor.name
    )


def _undo_note(ws: "Workspace", recorded: Recorded, state: dict[str, Any]) -> dict[str, Any]:
    if not state:
        return {}
    return {
        "until": (ws.time.today() + timedelta(days=UNDO_DAYS)).isoformat(),
        "case_before": state,
        "made": [list(one) for one in recorded.made],
        "filled": [[*one[:3], one[3].isoformat() if isinstance(one[3], date) else one[3]] for one in recorded.filled],
    }


def lately_joined(ws: "Workspace") -> list[Joined]:
    """Return the referrals that joined a known case in the last 30 days."""
    require(ws.actor, Permission.TAKE_REFERRALS)
    today = ws.time.today()
    with ws.read() as session:
        rows = session.execute(
            select(Referral, Case.reference)
            .join(Case, Case.id == Referral.case_id)
            .where(
                Referral.state == ReferralState.ADDED_TO_CASE, *sight_of(session, ws.actor).open_cases(Referral.case_id)
            )
            .order_by(Referral.created_at.desc())
        ).all()
        found = []
        for record, reference in rows:
            until = referral_form.day(str(record.match_decision.get("undo", {}).get("until", "")))
            if until is not None and until >= today and record.case_id:
                name = referral_form.from_json(record.answers).child_name
                found.append(Joined(record.id, record.case_id, reference, name, until))
        return found


def separate(ws: "Workspace", referral_id: str, *, reason: str) -> None:
    """Take a referral out of the case it joined: it was another child after all.

    What the referral added is taken off, a case it reopened is closed again as it was, and both timelines keep their
    lines. The referral is a draft again with its match still to check.

    Raises:
        UserError: no reason, not joined, or more than 30 days ago.
    """
    require(ws.actor, Permission.TAKE_REFERRALS)
    if not reason.strip():
        raise UserError("Say why this is not the same child.", "reason")
    with ws.write("Took a referral out of a case") as session:
        record = session.get(Referral, referral_id)
        undo = record.match_decision.get("undo") if record is not None else None
        if record is None or record.state is not ReferralState.ADDED_TO_CASE or not undo or not record.case_id:
            raise UserError("This referral is not in a case it can be taken out of. Nothing was changed.")
        until = referral_form.day(str(undo["until"]))
        if until is None or until < ws.time.today():
            raise UserError("More than 30 days have passed. Ask a supervisor to correct the case. Nothing was changed.")
        require_case(session, ws.actor, record.case_id, Permission.TAKE_REFERRALS)
        case = session.get_one(Case, record.case_id)
        _take_back(session, undo)
        _put_case_back(case, undo["case_before"])
        session.add(_event(ws, case.id, "Referral taken out of this case", reason.strip(), EventKind.DECISION))
        record.state, record.child_id, record.case_id = ReferralState.DRAFT, None, None
        record.match_decision = {"taken_out": reason.strip(), "taken_out_by": ws.actor.name}


def _take_back(session: "Session", undo: dict[str, Any]) -> None:
    for table, row_id, name, value in undo.get("filled", []):
        record = session.get(SYNCED_TABLES[table], row_id)
        held = getattr(record, name, None) if record is not None else None
        plain = held.isoformat() if isinstance(held, date) else held
        if record is not None and plain == value:  # somebody's later correction stays
            setattr(record, name, "" if isinstance(held, str) else None)
    for table, row_id in reversed(undo.get("made", [])):
        record = session.get(SYNCED_TABLES[table], row_id)
        if record is not None:
            session.delete(record)
    session.flush()


def _put_case_back(case: Case, before: dict[str, Any]) -> None:
    if before.get("status") != CaseStatus.CLOSED.value or case.status is not CaseStatus.OPEN:
        return
    case.status, case.stage = CaseStatus.CLOSED, Stage(before["stage"])
    case.stage_since = referral_form.day(before["stage_since"] or "")
    case.closed_on = referral_form.day(before["closed_on"] or "")
