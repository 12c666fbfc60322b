"""The cases: referral, allocation, clocks, enquiries, and what happened, each by the person who did it."""

from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy.orm import Session

from app.demo import families, spec
from app.demo.days import Days
from app.demo.spec import CaseSpec, ChildSpec, DueSpec
from app.demo.world import Deed, World
from app.errors import BugError
from app.ids import new_id
from app.models import Assignment, Case, CaseEvent, Clock, Closure, Enquiry, Referral, Task
from app.models.terms import STAGE_WORDS, CaseStatus, EnquiryState, EventKind, ReferralState, Stage
from app.services import clocks
from app.services.working_days import why_not_working

_RULES_BY_WORD = {"visit": "local_second_home_visit", "offer": "local_offer_reply", "start": "local_start_date"}


def deeds(world: World, children: list[ChildSpec], *, bulk: bool = False) -> list[Deed]:
    """Return everything that happened about these children, unsorted."""
    found: list[Deed] = []
    for serial, child in enumerate(children, start=100):
        found += _about(world, child, serial, bulk=bulk)
    return found


def _opened(case: CaseSpec, days: Days) -> date:
    return days.working(case.opened) if case.waiting is None else days.ago(case.waiting)


def _about(world: World, child: ChildSpec, serial: int, *, bulk: bool) -> list[Deed]:
    days, case = world.days, child.case
    if case is None:
        at = days.moment(days.working(-200), "09:00")
        return [Deed(at, "ruth", "School census", lambda s, w: families.add_child(s, w, child, serial), bulk=True)]
    day = _opened(case, days)
    # References of one day are given in order, from 09:12 as in the pictures.
    found = [Deed(days.moment(day, "09:12"), "ruth", "Opened a case", lambda s, w: _open(s, w, child, serial), bulk)]
    if case.officer:
        found.append(
            Deed(days.moment(day, "09:40"), "ruth", "Allocated a case", lambda s, w: _allocate(s, w, child), bulk)
        )
    if child.story:
        found += _story(world, child)
    else:
        found += _usual(world, child, bulk=bulk)
    if case.closed is not None:
        closed_at = days.moment(days.working(case.closed), "15:00")
        found.append(Deed(closed_at, "ruth", "Closed a case", lambda s, w: _close(s, w, child), bulk))
    if child.due:
        _, started = clock_of(child, days)
        at = days.moment(max(started, day), "10:02")
        found.append(Deed(at, case.officer, "Started a clock", lambda s, w: _clock(s, w, child), bulk))
    return found


def _open(session: Session, world: World, child: ChildSpec, serial: int) -> None:
    case = child.episode
    families.add_child(session, world, child, serial)
    day = _opened(case, world.days)
    case_id = new_id()
    world.cases[child.key] = case_id
    first = Stage.INITIAL_CHECKS
    session.add(
        Case(
            id=case_id,
            reference=world.reference(case.ref),
            child_id=world.children[child.key],
            team_id=world.teams["west"],
            stage=first,
            stage_since=day,
            opened_on=day,
            source=case.source,
            source_name=case.from_,
            area=case.area,
            reason=case.reason,
        )
    )
    school = families.school(child.school)
    session.add(
        Referral(
            state=ReferralState.OPENED,
            source=case.source,
            referrer_organisation=case.from_,
            school_urn=school.urn if school else "",
            received_on=day,
            reason=case.reason,
            answers={},
            match_decision={},
            child_id=world.children[child.key],
            case_id=case_id,
        )
    )
    _checklist(session, world, child)
    if not child.story:
        _event(
            session, world, child, (day, "09:12"), "ruth", EventKind.REFERRAL, f"Referral received from {case.from_}"
        )


def _checklist(session: Session, world: World, child: ChildSpec) -> None:
    if child.story:
        return
    started = child.case is not None and child.case.stage is not Stage.INITIAL_CHECKS
    for position, (kind, label, by_school) in enumerate(_standard_enquiries()):
        asked = started and position < 4
        session.add(
            Enquiry(
                case_id=world.cases[child.key],
                kind=kind,
                label=label,
                by_school=by_school,
                position=position,
                state=EnquiryState.ANSWERED if asked else EnquiryState.NOT_STARTED,
                asked_on=world.days.working(child.case.opened + 1) if asked and child.case else None,
                answered_on=world.days.working(min(0, child.case.opened + 3)) if asked and child.case else None,
                outcome="Nothing new." if asked else "",
            )
        )


@cache
def _standard_enquiries() -> list[tuple[str, str, bool]]:
    import tomllib

    from app.paths import RESOURCES

    rules = tomllib.loads((RESOURCES / "rules" / "enquiries.toml").read_text(encoding="utf-8"))["enquiry"]
    return [(rule["kind"], rule["label"], rule["by"] == "school") for rule in rules if rule["standard"]]


def _allocate(session: Session, world: World, child: ChildSpec) -> None:
    case = child.episode
    record = session.get_one(Case, world.cases[child.key])
    record.officer_id, record.allocation = world.users[case.officer], 1
    day = _opened(case, world.days)
    at = world.days.moment(day, "09:40")
    session.add(
        Assignment(
            case_id=record.id,
            officer_id=world.users[case.officer],
            by_id=world.users["ruth"],
            number=1,
            reason="",
            assigned_at=at,
        )
    )
    if case.stage not in {Stage.INITIAL_CHECKS, Stage.CLOSED}:
        record.stage, record.stage_since = case.stage, day
    if not child.story:
        words = f"Allocated to {world.names[case.officer]}"
        _event(session, world, child, (day, "09:40"), "ruth", EventKind.ALLOCATION, words)


def _close(session: Session, world: World, child: ChildSpec) -> None:
    case = child.episode
    day = world.days.working(case.closed or 0)
    record = session.get_one(Case, world.cases[child.key])
    record.status, record.stage, record.stage_since, record.closed_on = CaseStatus.CLOSED, Stage.CLOSED, day, day
    session.add(
        Closure(
            case_id=record.id,
            outcome=case.outcome,
            evidence=case.evidence,
            proposed_by=world.users[case.officer],
            proposed_on=world.days.working((case.closed or 0) - 1),
            approved_by=world.users["ruth"],
            approved_on=day,
        )
    )
    _event(session, world, child, (day, "15:00"), "ruth", EventKind.DECISION, "Case closed", case.evidence)


def _usual(world: World, child: ChildSpec, *, bulk: bool) -> list[Deed]:
    """Return the ordinary steps: enquiries begun, and the newest line."""
    case, days = child.episode, world.days
    found: list[Deed] = []
    if case.officer and case.stage not in {Stage.INITIAL_CHECKS, Stage.CLOSED}:
        words = f"Stage changed from Initial checks to {STAGE_WORDS[case.stage]}"
        when = (days.working(case.opened), "11:20")
        found.append(_told(world, child, when, case.officer, EventKind.STAGE, words, bulk=bulk))
    if child.last:
        at = "08:20" if child.last.day == 0 else "15:35"
        when = (days.working(child.last.day), at)
        found.append(_told(world, child, when, case.officer, child.last.kind, child.last.title, bulk=bulk))
    if child.proposed:
        at_moment = days.moment(days.working(-1), "16:10")
        found.append(Deed(at_moment, case.officer, "Proposed closing a case", lambda s, w: _propose(s, w, child), bulk))
    return found


def _propose(session: Session, world: World, child: ChildSpec) -> None:
    session.add(
        Closure(
            case_id=world.cases[child.key],
            outcome=child.proposed,
            evidence="The new school confirmed the first session attended.",
            proposed_by=world.users[child.episode.officer],
            proposed_on=world.days.working(-1),
        )
    )


def _story(world: World, child: ChildSpec) -> list[Deed]:
    days, told = world.days, spec.stories()
    found = []
    for line in told.isla:
        if world.with_papers and line.kind in {EventKind.LETTER, EventKind.DOCUMENT}:
            continue
        when = (days.working(line.day), line.at)
        seen = days.working(int(child.seen[0])) if child.seen else days.today
        body = line.body.replace("{seen}", f"{seen.day} {seen:%B}")
        found.append(_told(world, child, when, line.by, line.kind, line.title, body))
    case = child.episode
    for position, enquiry in enumerate(told.enquiry):
        at = days.moment(days.working(case.opened), f"10:{position + 5:02d}")

        def begin(session: Session, world: World, position: int = position, line: spec.EnquirySpec = enquiry) -> None:
            session.add(_enquiry(world, child, position, line))

        found.append(Deed(at, case.officer, "Planned the enquiries", begin))
        if enquiry.answered is not None:
            at = days.moment(days.working(enquiry.answered), "11:45")

            def answer(
                session: Session, world: World, position: int = position, line: spec.EnquirySpec = enquiry
            ) -> None:
                _answer(session, world, child, position, line)

            found.append(Deed(at, case.officer, "Recorded an answer", answer))
    return found


def _enquiry(world: World, child: ChildSpec, position: int, line: spec.EnquirySpec) -> Enquiry:
    answered = line.answered is not None
    return Enquiry(
        case_id=world.cases[child.key],
        kind=line.kind,
        label=line.label,
        by_school=line.by_school,
        position=position,
        state=EnquiryState.SENT if answered else line.state,
        asked_on=world.days.working(line.asked) if line.asked is not None else None,
        due_on=world.days.working(line.due) if line.due is not None else None,
    )


def _answer(session: Session, world: World, child: ChildSpec, position: int, line: spec.EnquirySpec) -> None:
    from sqlalchemy import select

    query = select(Enquiry).where(Enquiry.case_id == world.cases[child.key], Enquiry.position == position)
    record = session.scalars(query).one()
    record.state, record.outcome = line.state, line.outcome
    record.answered_on = world.days.working(line.answered or 0)


def _told(
    world: World,
    child: ChildSpec,
    when: tuple[date, str],
    by: str,
    kind: EventKind,
    title: str,
    body: str = "",
    *,
    bulk: bool = False,
) -> Deed:
    def act(session: Session, world: World) -> None:
        _event(session, world, child, when, by, kind, title, body)

    return Deed(world.days.moment(*when), by, f"Added to the timeline: {kind.value}", act, bulk)


def _event(
    session: Session,
    world: World,
    child: ChildSpec,
    when: tuple[date, str],
    by: str,
    kind: EventKind,
    title: str,
    body: str = "",
) -> None:
    session.add(
        CaseEvent(
            case_id=world.cases[child.key],
            kind=kind,
            happened_at=world.days.moment(*when),
            title=title,
            body=body,
            actor_name=world.names[by],
        )
    )


def _clock(session: Session, world: World, child: ChildSpec) -> None:
    rule, started = clock_of(child, world.days)
    session.add(
        Clock(case_id=world.cases[child.key], rule=rule, label=child.due.what if child.due else "", started_on=started)
    )


def clock_of(child: ChildSpec, days: Days) -> tuple[str, date]:
    """Return the rule a child's due thing runs under, and when it started."""
    if child.due is None:
        raise BugError(f"{child.key} has nothing due.")
    rule = rule_of(child.due)
    return rule, start_for(rule, days.working(child.due.at), days.today)


def rule_of(due: DueSpec) -> str:
    """Return the clock rule that a due thing of the data files runs under."""
    if due.statutory:
        return "ground_i_continuous_absence" if due.length == 20 else "s437_notice"
    if due.length == 5:
        return "local_home_visit"
    if due.length == 20:
        return "local_supervisor_review"
    for word, rule in (
        ("visit", "local_second_home_visit"),
        ("offer", "local_offer_reply"),
        ("start", "local_start_date"),
    ):
        if word in due.what:
            return rule
    return "local_school_reply" if due.at <= 9 else "local_supervisor_review"


@cache
def start_for(rule: str, due_on: date, today: date) -> date:
    """Return the latest day up to today on which the clock can have started to end on a day, or just before it."""
    day = min(due_on, today)
    for _ in range(120):
        last = clocks.last_day(rule, day)
        if last is not None and last <= due_on and not why_not_working(day):
            return day
        day -= timedelta(days=1)
    return day


def to_do(world: World) -> list[Deed]:
    """Return the tasks and today's visits."""
    told, days = spec.stories(), world.days
    at = days.moment(days.working(-1), "16:30")

    def act(session: Session, world: World) -> None:
        dawn: dict[str, Any] = {"user_id": world.users["dawn"]}
        for task in told.task:
            owner = {} if task.case_only else dawn
            session.add(Task(case_id=world.cases[task.child], text=task.text, due_on=days.working(task.due), **owner))
        for visit in told.visit:
            session.add(
                Task(
                    case_id=world.cases[visit.child],
                    text=visit.text,
                    kind="visit",
                    due_on=days.today,
                    at_time=visit.at,
                    place=visit.place,
                    **dawn,
                )
            )

    return [Deed(at, "dawn", "Planned the day", act)]
