"""Which case an open conflict belongs to, for the person looking: the case, its child, or a person of the family."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, or_, select
from sqlalchemy.orm import Session

from app.models import CaseRow, Conflict, Relationship
from app.models.terms import CaseStatus, ConflictState
from app.services.access import TABLE_PERMISSIONS, Permission, allowed
from app.services.batches import batched
from app.services.restriction import Sight, sight_of
from app.services.workspace import Actor

_PEOPLE_TABLES = frozenset({"authority", "team", "user", "device"})


@dataclass(frozen=True, slots=True)
class Placed:
    """An open conflict, and the case it is shown on; None for what belongs to no case (a loose task, a referral)."""

    conflict: Conflict
    case: CaseRow | None

    @property
    def key(self) -> str:
        """What it is grouped by: the case, or the record itself."""
        return self.case.case_id if self.case is not None else f"{self.conflict.table_name}:{self.conflict.row_id}"


def placed(
    session: Session, actor: Actor, *conditions: ColumnElement[bool], within: ColumnElement[bool] | None = None
) -> list[Placed]:
    """Return the open conflicts that a person may see, the oldest first.

    Args:
        session: of the vault.
        actor: who looks; without the permission to read cases nothing of a case is returned.
        conditions: on the conflicts.
        within: on the cases, such as one team's; then what belongs to no case is left out.
    """
    if not allowed(actor.role, Permission.READ_CASES):
        return []
    conflicts = session.scalars(
        select(Conflict)
        .where(Conflict.state == ConflictState.OPEN, *conditions)
        .order_by(Conflict.offered_at, Conflict.id)
    ).all()
    if not conflicts:
        return []
    sight = sight_of(session, actor)
    cases, known = _cases(session, {each.subject_id for each in conflicts if each.subject_id}, sight, within)
    found = []
    for each in conflicts:
        subject = each.subject_id or ""
        if subject in cases:
            found.append(Placed(each, cases[subject]))
        elif within is None and subject not in known and _loose(each, actor):
            found.append(Placed(each, None))
    return found


def about_case(session: Session, case_id: str) -> ColumnElement[bool]:
    """Return the condition under which a conflict belongs to a case, its child or the child's family."""
    child_id = session.execute(select(CaseRow.child_id).where(CaseRow.case_id == case_id)).scalar()
    people = select(Relationship.person_id).where(
        Relationship.child_id == child_id, Relationship.person_id.is_not(None)
    )
    return or_(Conflict.subject_id.in_([case_id, child_id or case_id]), Conflict.subject_id.in_(people))


def _loose(conflict: Conflict, actor: Actor) -> bool:
    """Return whether what belongs to no case may be shown: people and laptops only to whoever keeps them."""
    if conflict.table_name in _PEOPLE_TABLES:
        return any(allowed(actor.role, each) for each in TABLE_PERMISSIONS.get(conflict.table_name, ()))
    return True


def _cases(
    session: Session, subjects: Iterable[str], sight: Sight, within: ColumnElement[bool] | None
) -> tuple[dict[str, CaseRow], set[str]]:
    """Return, by subject, the case it is shown on, and the subjects that belong to some case at all."""
    wanted = sorted(subjects)
    cases: dict[str, CaseRow] = {}
    known: set[str] = set()
    family: dict[str, list[str]] = {}
    for some in batched(wanted, 400):
        query = select(Relationship.person_id, Relationship.child_id).where(Relationship.person_id.in_(some))
        for person_id, child_id in session.execute(query.order_by(Relationship.created_at)):
            family.setdefault(str(person_id), []).append(child_id)
    children = {child for each in family.values() for child in each}
    for some in batched(sorted({*wanted, *children}), 400):
        about = or_(CaseRow.case_id.in_(some), CaseRow.child_id.in_(some))
        # A child's open case before a closed one, the newest first.
        order = (case((CaseRow.status == CaseStatus.OPEN.value, 0), else_=1), CaseRow.opened_on.desc())
        for row in session.scalars(select(CaseRow).where(about).order_by(*order)):
            known |= {row.case_id, row.child_id}
            if row.case_id not in sight.closed and row.child_id not in sight.closed_children:
                cases[row.case_id] = row
                cases.setdefault(row.child_id, row)
    if within is not None:
        cases = _only(session, cases, within)
    for person_id, theirs in family.items():
        known |= {person_id} if any(child in known for child in theirs) else set()
        first = next((cases[child] for child in theirs if child in cases), None)
        if first is not None:
            cases.setdefault(person_id, first)
    # A child without a case may be hidden too.
    known |= set(wanted) & sight.closed_children
    return cases, known


def _only(session: Session, cases: dict[str, CaseRow], within: ColumnElement[bool]) -> dict[str, CaseRow]:
    kept: set[str] = set()
    ids = sorted({row.case_id for row in cases.values()})
    for some in batched(ids, 400):
        kept |= set(session.scalars(select(CaseRow.case_id).where(and_(within, CaseRow.case_id.in_(some)))))
    return {subject: row for subject, row in cases.items() if row.case_id in kept}


def by_key(found: Sequence[Placed]) -> dict[str, list[Placed]]:
    """Return the conflicts by what they are grouped by, the group with the oldest first."""
    groups: dict[str, list[Placed]] = {}
    for each in found:
        groups.setdefault(each.key, []).append(each)
    return groups
