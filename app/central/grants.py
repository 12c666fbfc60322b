"""Who may give, take and ask for access: the rules of named lists, emergencies, requests and declared interests.

Everybody speaks for themselves: an emergency, a request and a declared interest are made by the person they are about
and decided by somebody else. A list is changed by who is on it, and by information governance.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from app.models import AccessRequest, BreakGlass, Case, CaseAccess, InterestDeclared
from app.models.terms import Role
from app.services.access_rules import access_rules
from app.services.changes import Change, ChangeSet

_CLOCK_SLACK: Final = timedelta(minutes=10)
"""Between the moment in an emergency and the moment of its commit, by one laptop's clock."""
NOT_THEIRS: Final = "This change speaks for somebody else. Only the person it is about can make it."
OWN: Final = "Nobody decides about themselves. Ask another supervisor."
NOT_ON_LIST: Final = "Only somebody on this case's list, or information governance, can change the list."
ODD_EMERGENCY: Final = "An emergency starts when it is opened and ends within the hours allowed. Open the case again."
KEPT: Final = "This record of access is kept as it was made."
_DECISION_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "case_access": frozenset({"ended_at", "ended_by"}),
    "break_glass": frozenset({"reviewed_by", "reviewed_at", "review"}),
    "access_request": frozenset({"granted", "decided_by", "decided_at", "answer"}),
    "interest_declared": frozenset({"ended_at", "ended_by", "end_reason"}),
}
_MODELS: Final = {model.__tablename__: model for model in (CaseAccess, BreakGlass, AccessRequest, InterestDeclared)}
Row = dict[str, Any]


class AccessRows:
    """The records of access, read as they are needed, with what the batch has changed so far."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changed: dict[tuple[str, str], Row] = {}
        self._by_case: dict[tuple[str, str], dict[str, Row]] = {}
        self._interests: dict[str, dict[str, Row]] = {}

    def load(self, case_ids: Iterable[str]) -> None:
        """Read the lists and emergencies of some cases at once."""
        wanted = list(case_ids)
        if not wanted:
            return
        models: tuple[Any, ...] = (CaseAccess, BreakGlass)
        for model in models:
            table = model.__tablename__
            self._by_case |= {(table, case_id): {} for case_id in wanted}
            for row in self._connection.execute(select(model.__table__).where(model.case_id.in_(wanted))).mappings():
                self._by_case[table, row["case_id"]][row["id"]] = dict(row)

    def get(self, table: str, row_id: str) -> Row | None:
        """Return a row as it stands in this batch."""
        if (table, row_id) in self._changed:
            return self._changed[table, row_id]
        model = _MODELS[table]
        found = self._connection.execute(select(model.__table__).where(model.id == row_id)).mappings().first()
        return dict(found) if found is not None else None

    def take(self, change: Change) -> None:
        """Let a change count."""
        row = self.get(change.table, change.row) or {"id": change.row}
        for name, pair in change.fields.items():
            instant = name.endswith("_at") and isinstance(pair[-1], str)
            row[name] = datetime.fromisoformat(pair[-1]) if instant else pair[-1]
        self._changed[change.table, change.row] = row
        if row.get("case_id"):
            self._of_case(change.table, row["case_id"])[change.row] = row
        if change.table == "interest_declared":
            self._of_user(row["user_id"])[change.row] = row

    def listed(self, case_id: str, user_id: str, at: datetime) -> bool:
        """Return whether a person was on a case's list at a moment."""
        return any(
            row["user_id"] == user_id and row["granted_at"] <= at and _still(row, at)
            for row in self._of_case("case_access", case_id).values()
        )

    def open_to(self, case_id: str, user_id: str, at: datetime) -> bool:
        """Return whether a restricted case was open to a person at a moment."""
        if self.listed(case_id, user_id, at) or at < self._restricted_since(case_id):
            return True
        return any(
            row["user_id"] == user_id and row["from_at"] <= at < row["until_at"]
            for row in self._of_case("break_glass", case_id).values()
        )

    def interests_of(self, user_id: str, at: datetime) -> set[str]:
        """Return the children a person had declared a conflict of interest in at a moment."""
        rows = [row for row in self._of_user(user_id).values() if row["declared_at"] <= at and _still(row, at)]
        children = {str(row["child_id"]) for row in rows if row.get("child_id")}
        cases = [row["case_id"] for row in rows if row.get("case_id") and not row.get("child_id")]
        if cases:
            children |= set(self._connection.execute(select(Case.child_id).where(Case.id.in_(cases))).scalars())
        return children

    def _restricted_since(self, case_id: str) -> datetime:
        """Return when a case was restricted: the first name on the list as it is; never, where there is none."""
        starts = [
            row["granted_at"] for row in self._of_case("case_access", case_id).values() if not row.get("ended_at")
        ]
        return min(starts, default=datetime.min.replace(tzinfo=UTC))

    def _of_case(self, table: str, case_id: str) -> dict[str, Row]:
        key = (table, case_id)
        if key not in self._by_case:
            model: Any = _MODELS[table]
            found = self._connection.execute(select(model.__table__).where(model.case_id == case_id)).mappings()
            self._by_case[key] = {row["id"]: dict(row) for row in found}
        return self._by_case[key]

    def _of_user(self, user_id: str) -> dict[str, Row]:
        if user_id not in self._interests:
            query = select(InterestDeclared.__table__).where(InterestDeclared.user_id == user_id)
            self._interests[user_id] = {row["id"]: dict(row) for row in self._connection.execute(query).mappings()}
        return self._interests[user_id]


class Grant:
    """Judges the changes to access in one change set."""

    def __init__(
        self,
        rows: AccessRows,
        restricted: Mapping[str, str],
        change_set: ChangeSet,
        actor_id: str,
        role: Role,
        made_at: datetime,
    ) -> None:
        self._rows = rows
        self._restricted = restricted
        self._changes = change_set.changes
        self._actor = actor_id
        self._oversees = role is Role.INFORMATION_GOVERNANCE
        self._made_at = made_at
        self._restricts = {
            change.row for change in self._changes if change.table == "case" and _news(change).get("restricted")
        }

    def refusal(self) -> str | None:
        """Return why one of the changes is refused, or None."""
        for change in self._changes:
            if change.table in _DECISION_FIELDS:
                why = self._record(change)
            elif change.table == "case" and "restricted" in change.fields:
                why = None if _news(change)["restricted"] else self._list(change.row)
            else:
                continue
            if why is not None:
                return why
        return None

    def _record(self, change: Change) -> str | None:
        if change.op == "insert":
            return self._made(change)
        if change.op != "update" or not set(change.fields) <= _DECISION_FIELDS[change.table]:
            return KEPT
        row = self._rows.get(change.table, change.row)
        if row is None:
            return None
        if change.table == "case_access":
            return self._list(row["case_id"])
        if row["user_id"] == self._actor:
            return OWN
        return self._list(row["case_id"]) if change.table == "access_request" else None

    def _made(self, change: Change) -> str | None:
        new = _news(change)
        if change.table == "case_access":
            return self._put_on_list(new)
        if new.get("user_id") != self._actor:
            return NOT_THEIRS
        if any(new.get(name) for name in _DECISION_FIELDS[change.table]):
            return OWN
        return self._emergency(new) if change.table == "break_glass" else None

    def _put_on_list(self, new: Mapping[str, Any]) -> str | None:
        case_id = str(new.get("case_id"))
        if case_id in self._restricts and case_id not in self._restricted:
            return None
        if new.get("user_id") == self._actor and not self._oversees:
            return OWN
        return self._list(case_id)

    def _list(self, case_id: str) -> str | None:
        known = self._oversees or case_id not in self._restricted
        return None if known or self._rows.listed(case_id, self._actor, self._made_at) else NOT_ON_LIST

    def _emergency(self, new: Mapping[str, Any]) -> str | None:
        starts, ends = (datetime.fromisoformat(str(new[name])) for name in ("from_at", "until_at"))
        most = timedelta(hours=access_rules().emergency_hours_most)
        fits = abs(starts - self._made_at) <= _CLOCK_SLACK and timedelta() < ends - starts <= most
        return None if fits else ODD_EMERGENCY


def _news(change: Change) -> dict[str, Any]:
    return {name: pair[-1] for name, pair in change.fields.items()}


def _still(row: Row, at: datetime) -> bool:
    return row.get("ended_at") is None or at < row["ended_at"]
