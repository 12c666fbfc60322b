"""Which cases one person may open: restricted cases have a named list, and a declared interest closes a case.

A restriction covers the child: another case of the same child shows the same address. So does a declared interest.
Every reading and writing of a case asks :func:`require_case`; lists ask :func:`sight_of` once and leave out or blank
what this person may not see.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import ColumnElement, Table, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.errors import AccessRefused
from app.models import BreakGlass, Case, CaseAccess, InterestDeclared, Relationship, User
from app.services.access import Permission, require
from app.services.rows import connection_of, converter_of, driver, stored_key

if TYPE_CHECKING:
    from app.services.workspace import Actor

# Asked before every save, so the driver asks it: composing the statement anew cost more than answering it.
_ASKED = """
SELECT c.status,
  EXISTS (SELECT 1 FROM "case" AS o WHERE o.child_id = c.child_id AND o.restricted = 1),
  EXISTS (SELECT 1 FROM interest_declared AS i
          WHERE i.user_id = ? AND i.ended_at IS NULL AND (i.child_id = c.child_id OR i.case_id = c.id))
FROM "case" AS c WHERE c.id = ?
"""
# Every list asks these, so they are one statement each, whatever the number of restricted cases.
_MASKED = """
SELECT x.id, x.child_id FROM "case" AS x WHERE x.child_id IN (
  SELECT r.child_id FROM "case" AS r WHERE r.restricted = 1
    AND NOT EXISTS (SELECT 1 FROM case_access AS a
                    WHERE a.case_id = r.id AND a.user_id = ? AND a.ended_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM break_glass AS b
                    WHERE b.case_id = r.id AND b.user_id = ? AND b.from_at <= ? AND b.until_at > ?))
"""
_HIDDEN = """
SELECT x.id, d.child_id FROM (
  SELECT coalesce(i.child_id, c.child_id) AS child_id FROM interest_declared AS i
  LEFT JOIN "case" AS c ON c.id = i.case_id WHERE i.user_id = ? AND i.ended_at IS NULL) AS d
LEFT JOIN "case" AS x ON x.child_id = d.child_id
"""
_STORED_INSTANT = converter_of(cast("Table", BreakGlass.__table__), "from_at")
CONFLICT_WORDS: Final = "You have declared a conflict of interest here. Ask a supervisor."


@dataclass(frozen=True, slots=True)
class Sight:
    """What one person may not see now; empty sets for nearly everybody.

    Attributes:
        masked: cases of which only the child's name, the reference and the officer are shown.
        hidden: cases that are not shown at all.
        masked_children, hidden_children: the children of those cases.
    """

    masked: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    masked_children: frozenset[str] = frozenset()
    hidden_children: frozenset[str] = frozenset()

    @property
    def closed(self) -> frozenset[str]:
        """Cases that this person may not open."""
        return self.masked | self.hidden

    @property
    def closed_children(self) -> frozenset[str]:
        """Children whose record this person may not open."""
        return self.masked_children | self.hidden_children

    def open_cases(self, column: InstrumentedAttribute[Any]) -> list[ColumnElement[bool]]:
        """Return the conditions under which a row's case is one this person may open; none when all are."""
        return _outside(column, self.closed)

    def shown_cases(self, column: InstrumentedAttribute[Any]) -> list[ColumnElement[bool]]:
        """Return the conditions under which a row's case may be named to this person."""
        return _outside(column, self.hidden)


_ALL: Final = Sight()


def _outside(column: InstrumentedAttribute[Any], cases: frozenset[str]) -> list[ColumnElement[bool]]:
    return [or_(column.is_(None), column.not_in(cases))] if cases else []


def sight_of(session: Session, actor: "Actor") -> Sight:
    """Return what a person may not see, from two indexed look-ups: lists ask it once a reading."""
    cursor = driver(connection_of(session))
    key, now = stored_key(actor.user_id) if actor.user_id else "", _STORED_INSTANT(now_of(session))
    masked = cursor.execute(_MASKED, (key, key, now, now)).fetchall()
    hidden = cursor.execute(_HIDDEN, (key,)).fetchall() if key else []
    if not masked and not hidden:
        return _ALL
    hidden_children = frozenset(_id(child) for _, child in hidden if child)
    return Sight(
        masked=frozenset(_id(case) for case, child in masked if _id(child) not in hidden_children),
        hidden=frozenset(_id(case) for case, _ in hidden if case),
        masked_children=frozenset(_id(child) for _, child in masked) - hidden_children,
        hidden_children=hidden_children,
    )


def named_cases(session: Session, actor: "Actor", case_ids: Iterable[str]) -> set[str]:
    """Return those of some restricted cases that a person may open now: on the list, or in an emergency."""
    wanted = list(case_ids)
    if actor.user_id is None or not wanted:
        return set()
    now = now_of(session)
    listed = select(CaseAccess.case_id).where(
        CaseAccess.case_id.in_(wanted), CaseAccess.user_id == actor.user_id, CaseAccess.ended_at.is_(None)
    )
    emergency = select(BreakGlass.case_id).where(
        BreakGlass.case_id.in_(wanted),
        BreakGlass.user_id == actor.user_id,
        BreakGlass.from_at <= now,
        BreakGlass.until_at > now,
    )
    return {*session.scalars(listed), *session.scalars(emergency)}


def require_case(session: Session, actor: "Actor", case_id: str, permission: Permission) -> str | None:
    """Refuse what a person may not do with one case.

    Args:
        session: of the vault, reading or writing.
        actor: who asks.
        case_id: the case.
        permission: what is to be done with it.

    Returns:
        The case's status, or None when it is not on this laptop.

    Raises:
        AccessRefused: the role may not, the case is restricted and the person is not on its list, or the person has
            declared a conflict of interest.
    """
    require(actor, permission, case_id)
    if session.new or session.dirty:
        session.flush()
    user = stored_key(actor.user_id) if actor.user_id else ""
    found = driver(connection_of(session)).execute(_ASKED, (user, stored_key(case_id))).fetchone()
    if found is None:
        return None
    status, restricted, declared = found
    if declared:
        raise AccessRefused(CONFLICT_WORDS, permission=permission.name, subject=case_id)
    if restricted and not _on_every_list(session, actor, case_id):
        raise AccessRefused(restricted_words(session, case_id), permission=permission.name, subject=case_id)
    return str(status)


def require_child(session: Session, actor: "Actor", child_id: str, permission: Permission) -> None:
    """Refuse what a person may not do with a child's record: the same as with any of the child's cases.

    Raises:
        AccessRefused: in words.
    """
    require(actor, permission, child_id)
    case_id = session.scalars(select(Case.id).where(Case.child_id == child_id).limit(1)).first()
    if case_id is not None:
        require_case(session, actor, case_id, permission)
    elif child_id in sight_of(session, actor).hidden_children:
        raise AccessRefused(CONFLICT_WORDS, permission=permission.name, subject=child_id)


def require_person(session: Session, actor: "Actor", person_id: str, permission: Permission) -> None:
    """Refuse what a person may not do with a parent, carer or professional.

    Somebody who belongs to several children is open to whoever may open one of them.

    Raises:
        AccessRefused: in words.
    """
    require(actor, permission, person_id)
    children = set(session.scalars(select(Relationship.child_id).where(Relationship.person_id == person_id)))
    closed = sight_of(session, actor).closed_children
    if children and children <= closed:
        require_child(session, actor, min(children), permission)


def named_interests(session: Session, user_id: str) -> set[str]:
    """Return the children a person has declared a conflict of interest in."""
    rows = session.execute(
        select(InterestDeclared.child_id, Case.child_id)
        .outerjoin(Case, Case.id == InterestDeclared.case_id)
        .where(InterestDeclared.user_id == user_id, InterestDeclared.ended_at.is_(None))
    )
    return {child for pair in rows for child in pair if child}


def restricted_words(session: Session, case_id: str) -> str:
    """Return who to ask for access to a restricted case, in words."""
    officer = session.scalars(
        select(User.name).join(Case, Case.officer_id == User.id).where(Case.id == case_id)
    ).one_or_none()
    whom = f"{officer} or a supervisor" if officer else "a supervisor"
    return f"This case is restricted. Ask {whom} for access."


def now_of(session: Session) -> datetime:
    """Return the time by the clock of the workspace a session belongs to."""
    now: datetime = session.info["time"].now()
    return now


def _on_every_list(session: Session, actor: "Actor", case_id: str) -> bool:
    child_id = session.scalars(select(Case.child_id).where(Case.id == case_id)).one()
    restricted = set(session.scalars(select(Case.id).where(Case.child_id == child_id, Case.restricted.is_(True))))
    return restricted <= named_cases(session, actor, restricted)


def _id(stored: str) -> str:
    return f"{stored[:8]}-{stored[8:12]}-{stored[12:16]}-{stored[16:20]}-{stored[20:]}"
