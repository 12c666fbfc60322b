"""Which change sets a person may send for which cases: restricted cases, emergencies and conflicts of interest.

The same rules as :mod:`app.services.restriction`, asked of the central store's own records. A laptop works offline, so
what counts is how things stood when the change was made: work done before a case was restricted, while its author was
on the list, or in an emergency, is taken whenever it arrives.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, or_, select

from app.central.grants import AccessRows, Grant
from app.models import SYNCED_TABLES, Case, Relationship
from app.models.terms import Role
from app.services.changes import Change, ChangeSet

_CASE_FIELDS: Final = ("case_id",)
_CHILD_FIELDS: Final = ("child_id", "sibling_id")
ACCESS_TABLES: Final = frozenset({"case_access", "break_glass", "access_request", "interest_declared"})
"""Who may open what: judged by rules of their own (:mod:`app.central.grants`)."""
RESTRICTED: Final = (
    "This case is restricted, and the person who made this change was not on its list. Ask a supervisor."
)
INTERESTED: Final = (
    "The person who made this change has declared a conflict of interest in this case. Ask a supervisor."
)


@dataclass(frozen=True, slots=True)
class Closed:
    """The children whose records a person may not write, with all their cases."""

    children: frozenset[str]
    cases: frozenset[str]


class Scope:
    """How access stands, as of the change sets judged so far."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = AccessRows(connection)
        self._restricted: dict[str, str] = {
            row.id: row.child_id for row in connection.execute(select(Case.id, Case.child_id).where(Case.restricted))
        }
        self._rows.load(self._restricted)

    def refusal(self, change_set: ChangeSet, actor_id: str, role: Role) -> str | None:
        """Return why a change set is refused, or None.

        Args:
            change_set: of the right shape, and within the role.
            actor_id: in whose name.
            role: theirs.
        """
        made_at = datetime.fromisoformat(change_set.made_at)
        grant = Grant(self._rows, self._restricted, change_set, actor_id, role, made_at)
        plain = [change for change in change_set.changes if change.table not in ACCESS_TABLES and not _marks(change)]
        told = [change for change in change_set.changes if change.table != "interest_declared"]
        interests = self._rows.interests_of(actor_id, made_at)
        if interests and told and self._touches(told, self._closed(interests)):
            return INTERESTED
        masked = self._masked(actor_id, made_at)
        if masked and plain and self._touches(plain, self._closed(masked)):
            return RESTRICTED
        return grant.refusal()

    def take(self, change_set: ChangeSet) -> None:
        """Let a change set that will be merged count for those after it in the same batch."""
        for change in change_set.changes:
            if change.table == "case":
                self._take_case(change)
            elif change.table in ACCESS_TABLES:
                self._rows.take(change)

    def _take_case(self, change: Change) -> None:
        mark = change.fields.get("restricted")
        if mark is None:
            return
        if mark[-1]:
            self._restricted[change.row] = self._child_of(change)
        else:
            self._restricted.pop(change.row, None)

    def _child_of(self, change: Change) -> str:
        given = change.fields.get("child_id")
        if given is not None and given[-1]:
            return str(given[-1])
        return str(self._connection.execute(select(Case.child_id).where(Case.id == change.row)).scalar())

    def _masked(self, actor_id: str, made_at: datetime) -> set[str]:
        """Return the children with a restricted case that was closed to a person when a change was made."""
        return {
            child_id
            for case_id, child_id in self._restricted.items()
            if not self._rows.open_to(case_id, actor_id, made_at)
        }

    def _closed(self, children: set[str]) -> Closed:
        found = self._connection.execute(select(Case.id).where(Case.child_id.in_(children))).scalars()
        cases = {case for case, child in self._restricted.items() if child in children}
        return Closed(frozenset(children), frozenset(cases | set(found)))

    def _touches(self, changes: Sequence[Change], closed: Closed) -> bool:
        if any(_names(change, closed) for change in changes):
            return True
        if any(self._stored(table, ids, closed) for table, ids in _looked_up(changes).items()):
            return True
        return self._people(changes, closed)

    def _stored(self, table_name: str, ids: Sequence[str], closed: Closed) -> bool:
        """Return whether any of some stored rows belongs to a closed case or child."""
        table = _table(table_name)
        about = [table.c[name].in_(closed.cases) for name in _CASE_FIELDS if name in table.c]
        about += [table.c[name].in_(closed.children) for name in _CHILD_FIELDS if name in table.c]
        if not about:
            return False
        query = select(table.c.id).where(table.c.id.in_(ids), or_(*about)).limit(1)
        return self._connection.execute(query).first() is not None

    def _people(self, changes: Sequence[Change], closed: Closed) -> bool:
        """Return whether a person is touched all of whose children are closed."""
        people = self._person_ids(changes)
        if not people:
            return False
        children: dict[str, set[str]] = {}
        for row in self._connection.execute(
            select(Relationship.person_id, Relationship.child_id).where(Relationship.person_id.in_(people))
        ):
            children.setdefault(str(row.person_id), set()).add(row.child_id)
        return any(theirs <= closed.children for theirs in children.values())

    def _person_ids(self, changes: Sequence[Change]) -> set[str]:
        people = {change.row for change in changes if change.table == "person"}
        for change in changes:
            people |= {str(value) for value in change.fields.get("person_id", ()) if value}
        for table_name, ids in _looked_up(changes).items():
            table = _table(table_name)
            if "person_id" in table.c:
                found = self._connection.execute(select(table.c.person_id).where(table.c.id.in_(ids))).scalars()
                people |= {str(value) for value in found if value}
        return people


def _marks(change: Change) -> bool:
    """Return whether a change does nothing but restrict a case or open it again."""
    return change.table == "case" and change.op == "update" and set(change.fields) == {"restricted"}


def _names(change: Change, closed: Closed) -> bool:
    """Return whether a change itself names a closed case or child."""
    if change.row in (closed.cases if change.table == "case" else closed.children if change.table == "child" else ()):
        return True
    if change.table == "conflict":
        about = _values(change.fields, ("subject_id", "row_id"))
        return any(value in closed.cases or value in closed.children for value in about)
    return any(value in closed.cases for value in _values(change.fields, _CASE_FIELDS)) or any(
        value in closed.children for value in _values(change.fields, _CHILD_FIELDS)
    )


def _values(fields: Mapping[str, Sequence[Any]], names: Iterable[str]) -> list[str]:
    return [str(value) for name in names for value in fields.get(name, ()) if value]


def _looked_up(changes: Sequence[Change]) -> dict[str, list[str]]:
    """Return the rows whose case or child their changes do not tell, by table."""
    wanted: dict[str, list[str]] = {}
    for change in changes:
        if change.op != "insert" and change.table not in ("case", "child", "person"):
            wanted.setdefault(change.table, []).append(change.row)
    return wanted


def _table(name: str) -> Table:
    table = SYNCED_TABLES[name].__table__
    assert isinstance(table, Table)  # every synced class is mapped to a table
    return table
