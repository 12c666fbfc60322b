"""Which cases have something to decide, how much and since when; and how many of them concern one person."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Case, ChangeLine, ChangeSetRow, Child, User
from app.models.terms import ChangeState
from app.services.access import Permission, allowed, require
from app.services.conflicts.fields import Together, choices_in
from app.services.conflicts.permissions import missing
from app.services.conflicts.shown import ConflictCase, ConflictList
from app.services.conflicts.subjects import Placed, by_key, placed
from app.services.conflicts.words import title_of
from app.services.history_words import table_words
from app.services.workspace import Actor, Workspace
from app.timesource import to_london

JOINED_DAYS: Final = 7
_MOST_JOINED: Final = 5000


def list_cases(ws: Workspace) -> ConflictList:
    """Return the cases with open conflicts that this person may open, the one that waits longest first.

    Raises:
        AccessRefused: the role may not read cases.
    """
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        found = placed(session, ws.actor)
        names = {row.id: row.name for row in session.execute(select(User.id, User.name))}
        cases = tuple(_row(ws, key, some, names, ws.time.today()) for key, some in by_key(found).items())
        changes, joined = _joined(session, ws)
    return ConflictList(cases, sum(each.choices for each in cases), changes, joined)


def review_count(session: Session, actor: Actor) -> int:
    """Return how many choices wait that a person may see: what the sync pill counts."""
    return len(set(_choices(placed(session, actor)).values()))


def count(ws: Workspace) -> int:
    """Return how many choices wait, for people who read cases; nothing of a case is shown."""
    if not allowed(ws.actor.role, Permission.READ_CASES):
        return 0
    with ws.read() as session:
        return review_count(session, ws.actor)


def _choices(found: Sequence[Placed]) -> dict[str, tuple[str, str, Together]]:
    """Return, by conflict, the choice that it belongs to."""
    about = {each.conflict.id: (each.conflict.table_name, each.conflict.row_id, each.conflict.field) for each in found}
    places = choices_in(about.values())
    return {conflict_id: places[columns] for conflict_id, columns in about.items()}


def _row(ws: Workspace, key: str, some: Sequence[Placed], names: dict[str, str], today: date) -> ConflictCase:
    case = some[0].case
    choices: dict[tuple[str, str, Together], str] = {}
    mine: set[tuple[str, str, Together]] = set()
    places = _choices(some)
    for each in some:
        conflict, choice = each.conflict, places[each.conflict.id]
        choices.setdefault(choice, choice[2].title or title_of(conflict.table_name, choice[2].fields[0]))
        if missing(ws.actor, conflict.table_name, (conflict.field,)) is None:
            mine.add(choice)
    people = [person for each in some for person in (each.conflict.kept_by, each.conflict.offered_by)]
    officers = dict.fromkeys(names[person] for person in people if person in names)
    own = names.get(ws.actor.user_id or "", "")
    oldest = min(each.conflict.offered_at for each in some)
    return ConflictCase(
        key=key,
        case_id=case.case_id if case else None,
        reference=case.reference if case else "",
        name=case.child_name if case else table_words(some[0].conflict.table_name),
        choices=len(choices),
        mine=len(mine),
        fields=tuple(dict.fromkeys(choices.values())),
        others=tuple(name for name in officers if name != own),
        officers=tuple(officers),
        oldest_at=oldest,
        age_days=max(0, (today - to_london(oldest).date()).days),
    )


def _joined(session: Session, ws: Workspace) -> tuple[int, int]:
    """Return how many change sets arrived in the last week and met nothing, and on how many children's cases."""
    since = ws.time.now() - timedelta(days=JOINED_DAYS)
    # Keys are in the order of making, so the newest are found without reading the rest.
    newest = (
        select(ChangeSetRow.id)
        .where(ChangeSetRow.state == ChangeState.RECEIVED, ChangeSetRow.made_at >= since)
        .order_by(ChangeSetRow.id.desc())
        .limit(_MOST_JOINED)
        .subquery()
    )
    child = func.coalesce(Case.child_id, Child.id)
    query = (
        select(func.count(func.distinct(ChangeLine.change_set_id)), func.count(func.distinct(child)))
        .join(newest, newest.c.id == ChangeLine.change_set_id)
        .outerjoin(Case, Case.id == ChangeLine.subject_id)
        .outerjoin(Child, Child.id == ChangeLine.subject_id)
        .where(child.is_not(None))
    )
    changes, cases = session.execute(query).one()
    return int(changes), int(cases)
