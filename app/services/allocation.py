"""Giving cases to officers: one or many at once, never over somebody else's decision.

A case counts its allocations. Whoever allocates says which count they saw; if it has moved on, that case is left as
it is and reported, and the others are allocated. After a sync the same rule shows as a conflict on the officer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.ids import new_id
from app.models import Assignment, Case, CaseEvent, Child, Clock, Conflict, User
from app.models.terms import CaseStatus, ConflictState, EventKind
from app.services.access import Permission, allowed, require
from app.services.named_list import follow_officer
from app.services.restriction import named_interests, require_case, sight_of
from app.services.workspace import Workspace

_FIRST_CONTACT = "local_first_contact"
_TRIAGE = "local_triage"
UNDONE = "Allocation undone"


@dataclass(frozen=True, slots=True)
class Allocated:
    """A case that was given; ``number`` is its allocation count now, ``clock_id`` the clock that it started."""

    case_id: str
    reference: str
    name: str
    number: int
    before: str | None
    clock_id: str | None


@dataclass(frozen=True, slots=True)
class NotAllocated:
    """A case that was left as it is, and why, for the screen."""

    case_id: str
    reference: str
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class AllocationResult:
    """What an allocation did."""

    officer_id: str
    officer: str
    done: tuple[Allocated, ...]
    stale: tuple[NotAllocated, ...]

    @property
    def words(self) -> str:
        """What was done, for the toast."""
        if not self.done:
            return "Nothing was allocated"
        what = self.done[0].name if len(self.done) == 1 else f"{len(self.done)} cases"
        return f"{what} allocated to {self.officer}"


def allocate(
    ws: Workspace,
    case_ids: Sequence[str],
    officer_id: str,
    reason: str = "",
    *,
    expected: Mapping[str, int] | None = None,
) -> AllocationResult:
    """Give cases to an officer, all in one commit.

    Args:
        ws: a supervisor's workspace.
        case_ids: which.
        officer_id: to whom: an active person who may work on cases.
        reason: why; required when a case is taken from somebody.
        expected: the allocation count of each case as the screen showed it. A case without one must still wait.

    Returns:
        What was given and what was left because it had moved on.

    Raises:
        AccessRefused: the role may not allocate.
        UserError: no case chosen, the officer cannot take cases, or a reason is missing.
    """
    require(ws.actor, Permission.ALLOCATE_CASES)
    if not case_ids:
        raise UserError("Choose at least one case. Nothing was changed.", field="cases")
    words = "Allocated a case" if len(case_ids) == 1 else f"Allocated {len(case_ids)} cases"
    with ws.write(words) as session:
        officer = _officer(session, officer_id)
        interests = named_interests(session, officer.id)
        done: list[Allocated] = []
        stale: list[NotAllocated] = []
        for case_id in dict.fromkeys(case_ids):
            case = session.get(Case, case_id)
            if case is None:
                raise UserError("A case is not on this laptop any more. Sync, then look again. Nothing was changed.")
            require_case(session, ws.actor, case_id, Permission.ALLOCATE_CASES)
            if case.child_id in interests:
                raise UserError(
                    f"{officer.name} has declared a conflict of interest in one of these cases. "
                    "Choose somebody else. Nothing was changed.",
                    "officer",
                )
            shown = (expected or {}).get(case_id)
            left = _why_not(session, case, shown, officer)
            if left:
                stale.append(left)
            else:
                done.append(_give(session, ws, case, officer, reason.strip()))
    return AllocationResult(officer_id, officer.name, tuple(done), tuple(stale))


def undo(ws: Workspace, result: AllocationResult) -> int:
    """Take an allocation back: each case returns to whoever had it before, as a new step in its history.

    A case that has been allocated again since is left alone.

    Returns:
        How many went back.
    """
    require(ws.actor, Permission.ALLOCATE_CASES)
    count = 0
    with ws.write("Took an allocation back") as session:
        for given in result.done:
            case = session.get(Case, given.case_id)
            if case is None or case.allocation != given.number or case.status is not CaseStatus.OPEN:
                continue
            require_case(session, ws.actor, case.id, Permission.ALLOCATE_CASES)
            follow_officer(session, ws, case, case.officer_id, given.before)
            case.officer_id, case.allocation = given.before, case.allocation + 1
            back = session.get(User, given.before) if given.before else None
            title = f"Allocation to {result.officer} taken back"
            body = f"With {back.name} again." if back else "Waiting in the team queue again."
            session.add(_event(ws, case.id, title, body))
            if back is not None:
                session.add(_assignment(ws, case, back.id, UNDONE))
            clock = session.get(Clock, given.clock_id) if given.clock_id else None
            if clock is not None and clock.met_on is None:
                clock.stopped_on, clock.stop_reason = ws.time.today(), UNDONE
            count += 1
    return count


def look_up(ws: Workspace, officer: str, references: Sequence[str]) -> tuple[str, dict[str, int]]:
    """Return an officer's id, and each case's id with its allocation count, from what people type.

    Args:
        ws: a supervisor's workspace.
        officer: username or name, in any case of letters.
        references: case references.

    Raises:
        UserError: nobody or nothing of that name is on this laptop.
    """
    require(ws.actor, Permission.ALLOCATE_CASES)
    wanted = officer.strip().casefold()
    with ws.read() as session:
        people = session.execute(select(User.id, User.name, User.username).where(User.active.is_(True)))
        found = [person.id for person in people if wanted in {person.name.casefold(), person.username.casefold()}]
        if len(found) != 1:
            raise UserError(
                f"Nobody is called {officer} on this laptop. Give a username. Nothing was changed.", "officer"
            )
        cases: dict[str, int] = {}
        hidden = sight_of(session, ws.actor).hidden
        for reference in references:
            query = select(Case.id, Case.allocation).where(Case.reference == reference.strip().upper())
            case = session.execute(query).first()
            if case is None or case.id in hidden:
                raise UserError(f"{reference} is not on this laptop. Nothing was changed.", "cases")
            cases[case.id] = case.allocation
    return found[0], cases


def keep_allocation(ws: Workspace, conflict_id: str) -> None:
    """Settle a stale allocation by leaving the case with the officer who has it.

    Raises:
        UserError: it was settled already, or it is not about an officer.
    """
    require(ws.actor, Permission.ALLOCATE_CASES)
    with ws.write("Left an allocation as it is") as session:
        conflict = session.get(Conflict, conflict_id)
        if conflict is None or conflict.state is not ConflictState.OPEN:
            raise UserError("This was decided already. Nothing was changed.")
        if (conflict.table_name, conflict.field) != ("case", "officer_id"):
            raise UserError("This conflict is not about an officer. Open the case to decide it. Nothing was changed.")
        require_case(session, ws.actor, conflict.row_id, Permission.ALLOCATE_CASES)
        conflict.state, conflict.chosen = ConflictState.RESOLVED, conflict.kept
        conflict.decided_by, conflict.decided_at = ws.actor.user_id, ws.time.now()
        _tell_it_stays(session, ws, conflict)


def settle(
    session: Session, ws: Workspace, case_id: str, conflicts: Sequence[Conflict], officer_id: str | None, reason: str
) -> None:
    """Settle stale allocations of a case: it stays where it is, or goes to the officer who was named second.

    Args:
        session: writing.
        ws: a supervisor's workspace.
        case_id: the case.
        conflicts: about its officer, all open.
        officer_id: who is to have it; None leaves it waiting, where nobody has it.
        reason: why, for its history.

    Raises:
        AccessRefused: the role may not allocate, or the case is closed to the person.
        UserError: the officer cannot take cases, or the case would go back to nobody.
    """
    require_case(session, ws.actor, case_id, Permission.ALLOCATE_CASES)
    case = session.get_one(Case, case_id)
    if case.officer_id == officer_id:
        for conflict in conflicts:
            _tell_it_stays(session, ws, conflict)
    elif officer_id is None:
        raise UserError("Somebody has this case. Move it in the team queue. Nothing was changed.", "officer")
    else:
        officer = _officer(session, officer_id)
        if case.child_id in named_interests(session, officer.id):
            raise UserError(
                f"{officer.name} has declared a conflict of interest in this case. Choose somebody else. "
                "Nothing was changed.",
                "officer",
            )
        _give(session, ws, case, officer, reason or "Chosen between two allocations")
    for conflict in conflicts:
        conflict.state, conflict.chosen = ConflictState.RESOLVED, officer_id
        conflict.decided_by, conflict.decided_at = ws.actor.user_id, ws.time.now()


def _tell_it_stays(session: Session, ws: Workspace, conflict: Conflict) -> None:
    """Say on the timeline that the second allocation came to nothing, and stop the clock that it had started."""
    kept, offered = (session.get(User, str(value)) if value else None for value in (conflict.kept, conflict.offered))
    title = f"Stays with {kept.name}" if kept else "Stays in the team queue"
    body = f"The allocation to {offered.name} came second." if offered else "The second allocation came to nothing."
    session.add(_event(ws, conflict.row_id, title, body))
    running = select(Clock).where(
        Clock.case_id == conflict.row_id,
        Clock.rule == _FIRST_CONTACT,
        Clock.met_on.is_(None),
        Clock.stopped_on.is_(None),
    )
    for clock in session.scalars(running.order_by(Clock.created_at, Clock.id)).all()[1 if kept else 0 :]:
        clock.stopped_on, clock.stop_reason = ws.time.today(), "Allocated twice"


def _officer(session: Session, officer_id: str) -> User:
    officer = session.get(User, officer_id)
    if officer is None or not officer.active:
        raise UserError("This person is not on this laptop. Sync, then choose again. Nothing was changed.", "officer")
    if not allowed(officer.role, Permission.EDIT_CASES):
        raise UserError(f"{officer.name} does not work on cases. Choose somebody else. Nothing was changed.", "officer")
    return officer


def _why_not(session: Session, case: Case, shown: int | None, officer: User) -> NotAllocated | None:
    child = session.get_one(Child, case.child_id)
    name = f"{child.forename} {child.surname}".strip()
    message = ""
    if case.status is not CaseStatus.OPEN:
        message = "This case was closed. It is left as it is."
    elif shown is None and case.officer_id is not None:
        message = _already(session, case)
    elif shown is not None and shown != case.allocation:
        message = (
            _already(session, case) if case.officer_id else "This case changed since. Look again, then allocate it."
        )
    elif case.officer_id == officer.id:
        message = f"{officer.name} has this case already."
    return NotAllocated(case.id, case.reference, name, message) if message else None


def _already(session: Session, case: Case) -> str:
    holder = session.get(User, case.officer_id)
    to = holder.name if holder else "another officer"
    latest = session.scalars(
        select(Assignment).where(Assignment.case_id == case.id).order_by(Assignment.number.desc()).limit(1)
    ).first()
    by = session.get(User, latest.by_id) if latest and latest.by_id else None
    return f"Already allocated by {by.name} to {to}." if by else f"Already allocated to {to}."


def _give(session: Session, ws: Workspace, case: Case, officer: User, reason: str) -> Allocated:
    before = case.officer_id
    if before is not None and not reason:
        raise UserError("Say why the case moves to somebody else. Nothing was changed.", field="reason")
    follow_officer(session, ws, case, before, officer.id)
    case.officer_id, case.allocation = officer.id, case.allocation + 1
    session.add(_assignment(ws, case, officer.id, reason))
    session.add(_event(ws, case.id, f"Allocated to {officer.name}", reason))
    child = session.get_one(Child, case.child_id)
    name = f"{child.forename} {child.surname}".strip()
    return Allocated(case.id, case.reference, name, case.allocation, before, _turn_clocks(session, ws, case, before))


def _turn_clocks(session: Session, ws: Workspace, case: Case, before: str | None) -> str | None:
    """A first allocation ends triage and starts the officer's first contact (resources/clocks/local.toml)."""
    if before is not None:
        return None
    today = ws.time.today()
    clocks = session.scalars(select(Clock).where(Clock.case_id == case.id, Clock.stopped_on.is_(None))).all()
    for clock in clocks:
        if clock.rule == _TRIAGE and clock.met_on is None:
            clock.met_on = today
    if any(clock.rule == _FIRST_CONTACT for clock in clocks):
        return None
    started = Clock(id=new_id(), case_id=case.id, rule=_FIRST_CONTACT, started_on=today)
    session.add(started)
    return started.id


def _assignment(ws: Workspace, case: Case, officer_id: str, reason: str) -> Assignment:
    return Assignment(
        case_id=case.id,
        officer_id=officer_id,
        by_id=ws.actor.user_id,
        number=case.allocation,
        reason=reason,
        assigned_at=ws.time.now(),
    )


def _event(ws: Workspace, case_id: str, title: str, body: str) -> CaseEvent:
    return CaseEvent(
        case_id=case_id,
        kind=EventKind.ALLOCATION,
        happened_at=ws.time.now(),
        title=title,
        body=body,
        actor_name=ws.actor.name,
    )
