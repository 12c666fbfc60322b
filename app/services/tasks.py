"""Tasks and running clocks: what has to be done, by when, and on what authority."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import CaseEvent, Clock, Task
from app.models.terms import EventKind
from app.services import clock_rules, clocks
from app.services.access import Permission, require
from app.services.clocks import DueDate
from app.services.open_case import require_open
from app.services.restriction import require_case
from app.services.workspace import Workspace

DueState = Literal["overdue", "due", "later", "none"]


@dataclass(frozen=True, slots=True)
class NextItem:
    """A task or a running clock of a case.

    Attributes:
        kind: task, visit or clock.
        detail: second line: place and time of a visit, or what kind of rule a clock is.
        state: against today; ``none`` where there is no date.
        clock: the computed due date with its reasoning; None for tasks.
    """

    id: str
    kind: str
    what: str
    detail: str
    due_on: date | None
    state: DueState
    statutory: bool
    clock: DueDate | None


def due_state(due: date | None, today: date) -> DueState:
    """Return how a date stands against today."""
    if due is None:
        return "none"
    if due < today:
        return "overdue"
    return "due" if due == today else "later"


def add_task(
    ws: Workspace,
    case_id: str | None,
    text: str,
    *,
    due_on: date | None = None,
    user_id: str | None = None,
    kind: str = "task",
    at_time: str = "",
    place: str = "",
) -> str:
    """Add a task or a visit and return its id.

    Args:
        ws: the workspace.
        case_id: the case it belongs to, or None.
        text: what to do.
        due_on: last day, inclusive.
        user_id: who does it; the person signed in when left out.
        kind: task or visit.
        at_time: London wall time of a visit, such as 10:15.
        place: where a visit goes.

    Raises:
        UserError: nothing typed, or the case is closed.
    """
    require(ws.actor, Permission.EDIT_CASES, case_id)
    if not text.strip():
        raise UserError("Say what has to be done.", field="text")
    with ws.write("Added a visit" if kind == "visit" else "Added a task") as session:
        if case_id is not None:
            require_open(session, ws.actor, case_id, Permission.EDIT_CASES)
        task = Task(
            case_id=case_id,
            user_id=user_id or ws.actor.user_id,
            text=text.strip(),
            kind=kind,
            due_on=due_on,
            at_time=at_time,
            place=place,
        )
        session.add(task)
        session.flush()
        return task.id


def set_task_done(ws: Workspace, task_id: str, *, done: bool = True) -> None:
    """Tick a task off, or put it back.

    Raises:
        UserError: the task is gone.
    """
    require(ws.actor, Permission.EDIT_CASES)
    with ws.write("Completed a task" if done else "Put a task back") as session:
        task = session.get(Task, task_id)
        if task is None:
            raise UserError("This task is no longer here. Nothing was changed.")
        if task.case_id is not None:
            require_case(session, ws.actor, task.case_id, Permission.EDIT_CASES)
        task.done_at = ws.time.now() if done else None


def add_clock(ws: Workspace, case_id: str, rule_id: str, started_on: date, *, label: str = "") -> str:
    """Start a clock on a case and return its id.

    Args:
        ws: the workspace.
        case_id: an open case.
        rule_id: key into ``resources/clocks``.
        started_on: local day of the trigger, such as the day of service.
        label: what it is called here, when not the rule's own label.

    Raises:
        UserError: the rule is unknown, not in force or has no countdown; the day is in the future.
    """
    require(ws.actor, Permission.EDIT_CASES, case_id)
    with ws.write("Started a clock") as session:
        return add_clock_in(session, ws, case_id, rule_id, started_on, label=label)


def add_clock_in(
    session: Session, ws: Workspace, case_id: str, rule_id: str, started_on: date, *, label: str = ""
) -> str:
    """Start a clock inside a write, e.g. with the letter that triggers it. See :func:`add_clock`."""
    rule = clock_rules.rule(rule_id)
    if not rule.in_force:
        raise UserError("This rule is not known to be in force, so its clock cannot start.", field="rule")
    if not rule.counted:
        raise UserError("This rule has no countdown.", field="rule")
    if started_on > ws.time.today():
        raise UserError("The date must be today or earlier.", field="started_on")
    require_open(session, ws.actor, case_id, Permission.EDIT_CASES)
    clock = Clock(case_id=case_id, rule=rule_id, label=label, started_on=started_on)
    session.add(clock)
    session.flush()
    return clock.id


def meet_clock(ws: Workspace, clock_id: str, *, on: date | None = None) -> None:
    """Record that what a clock waited for has happened.

    Raises:
        UserError: the clock is gone or no longer runs, or the day is in the future or before the trigger.
    """
    require(ws.actor, Permission.EDIT_CASES)
    day = on or ws.time.today()
    with ws.write("Met a clock") as session:
        clock = _running(session, ws, clock_id)
        if day > ws.time.today() or day < clock.started_on:
            raise UserError("The date must be between the start of the clock and today.", field="on")
        clock.met_on = day
        session.add(_clock_event(ws, clock, "done", ""))


def stop_clock(ws: Workspace, clock_id: str, *, reason: str) -> None:
    """Stop a clock with a reason. It is kept with its dates, never deleted.

    Raises:
        UserError: no reason, or the clock no longer runs.
    """
    require(ws.actor, Permission.EDIT_CASES)
    if not reason.strip():
        raise UserError("Say why the clock stops.", field="reason")
    with ws.write("Stopped a clock") as session:
        clock = _running(session, ws, clock_id)
        clock.stopped_on = ws.time.today()
        clock.stop_reason = reason.strip()
        session.add(_clock_event(ws, clock, "stopped", reason.strip()))


def _running(session: Session, ws: Workspace, clock_id: str) -> Clock:
    clock = session.get(Clock, clock_id)
    if clock is not None:
        require_open(session, ws.actor, clock.case_id, Permission.EDIT_CASES)
    if clock is None or clock.met_on or clock.stopped_on:
        raise UserError("This clock no longer runs. Nothing was changed.")
    return clock


def _clock_event(ws: Workspace, clock: Clock, word: str, body: str) -> CaseEvent:
    return CaseEvent(
        case_id=clock.case_id,
        kind=EventKind.DECISION,
        happened_at=ws.time.now(),
        title=f"{clocks.label_of(clock.rule, clock.label)}: {word}",
        body=body,
        actor_name=ws.actor.name,
    )


def next_items(session: Session, case_id: str, today: date) -> tuple[NextItem, ...]:
    """Return a case's open tasks and running clocks, the soonest first; what has no date comes last."""
    items = [*_task_items(session, case_id, today), *_clock_items(session, case_id, today)]
    return tuple(sorted(items, key=lambda each: (each.due_on is None, each.due_on or today, not each.statutory)))


def _task_items(session: Session, case_id: str, today: date) -> Iterable[NextItem]:
    for task in session.scalars(select(Task).where(Task.case_id == case_id, Task.done_at.is_(None))):
        detail = ", ".join(part for part in (task.at_time, task.place) if part)
        state = due_state(task.due_on, today)
        yield NextItem(task.id, task.kind, task.text, detail, task.due_on, state, statutory=False, clock=None)


def _clock_items(session: Session, case_id: str, today: date) -> Iterable[NextItem]:
    running = select(Clock).where(Clock.case_id == case_id, Clock.met_on.is_(None), Clock.stopped_on.is_(None))
    for clock in session.scalars(running):
        what = clocks.label_of(clock.rule, clock.label)
        if clock.rule not in clock_rules.load_rules():
            detail = "Update Rollcall to see when this is due"
            yield NextItem(clock.id, "clock", what, detail, None, "none", statutory=False, clock=None)
            continue
        due = clocks.due_on(clock.rule, clock.started_on, today, label=clock.label)
        state = due_state(due.due_on, today)
        yield NextItem(clock.id, "clock", what, due.basis, due.due_on, state, due.statutory, due)
