"""Who may hold what, said once more in plain Python: the need to know as the governance pages put it.

Written from the rule, not from the product's tables of ways and not from its SQL, so that the two can disagree.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Key = tuple[str, str]
Row = dict[str, Any]
EVERYBODY, CASEWORK, NOBODY = "everybody", "casework", "nobody"
_OPEN = frozenset(
    {"authority", "team", "user", "device", "local_authority", "school", "school_link"}
    | {"team_key", "team_key_wrap", "handed_in"}
)
_BY_CHILD = frozenset(
    {"child_name", "relationship", "enrolment", "health_link", "safety_flag", "case"},
)
_BY_CASE = frozenset(
    {
        "case_event",
        "enquiry",
        "clock",
        "assignment",
        "closure",
        "case_access",
        "break_glass",
        "access_request",
        "letter",
    }
)
_WITHOUT_CASES = frozenset({"administrator", "auditor"})
_WHOLE_AUTHORITY = frozenset({"information_governance"})
_EMERGENCY_OR_REVIEW = frozenset({"caseworker", "duty", "supervisor", "information_governance"})
"""Roles whose laptops keep restricted cases, closed: a doorstep has no signal."""


@dataclass
class Oracle:
    """The central store's records, and who may hold which."""

    rows: dict[Key, Row]
    now: datetime
    _cases: dict[str, list[Row]] = field(default_factory=dict)
    _families: dict[str, set[str]] = field(default_factory=dict)
    _interests: list[Row] = field(default_factory=list)
    _lists: list[tuple[str, Row]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for (table, _), row in self.rows.items():
            if table == "interest_declared":
                self._interests.append(row)
            elif table in ("case_access", "break_glass"):
                self._lists.append((table, row))
            if table == "case":
                self._cases.setdefault(row["child_id"], []).append(row)
            elif table == "relationship" and row["person_id"]:
                self._families.setdefault(row["person_id"], set()).add(row["child_id"])

    # -- whose a row is ------------------------------------------------------------------------------------------

    def units(self, table: str, row: Row) -> set[str]:
        """Return the children a row is about, or one of the words above."""
        if table in _OPEN:
            return {EVERYBODY}
        if table == "child":
            return {row["id"]}
        if table in _BY_CHILD:
            return {row["child_id"]}
        if table in _BY_CASE:
            return self._of_case(row["case_id"])
        if table == "person":
            return set(self._families.get(row["id"], ())) or {NOBODY}
        if table in ("address", "contact_point"):
            return self._of_child_or_person(row)
        if table == "conflict":
            return self._of_conflict(row)
        return self._of_post(row)

    def _of_case(self, case_id: str) -> set[str]:
        case = self.rows.get(("case", case_id))
        return {case["child_id"]} if case else {NOBODY}

    def _of_child_or_person(self, row: Row) -> set[str]:
        if row["child_id"]:
            return {row["child_id"]}
        return set(self._families.get(row["person_id"] or "", ())) or {NOBODY}

    def _of_post(self, row: Row) -> set[str]:
        """Of what may be linked to nothing yet: a referral, a task, a document, an interest."""
        if row.get("case_id"):
            return self._of_case(row["case_id"])
        if row.get("child_id"):
            return {row["child_id"]}
        if row.get("letter_id"):
            letter = self.rows.get(("letter", row["letter_id"]))
            return self._of_case(letter["case_id"]) if letter else {NOBODY}
        return {CASEWORK}

    def _of_conflict(self, row: Row) -> set[str]:
        if row["table_name"] in _OPEN:
            return {EVERYBODY}
        subject = row["subject_id"]
        found: set[str] = set()
        for table in ("child", "case", "referral", "task", "document"):
            about = self.rows.get((table, subject or ""))
            if about is not None:
                found |= self.units(table, about)
        found |= self._families.get(subject or "", set())
        return found or {NOBODY}

    # -- who may hold it -----------------------------------------------------------------------------------------

    def held_by(self, people: Iterable[str]) -> "Held":
        """Return what a laptop of these people may hold."""
        users = [self.rows.get(("user", person)) for person in people]
        working = [user for user in users if user and user["active"] and user["role"] not in _WITHOUT_CASES]
        children = {key[1] for key in self.rows if key[0] == "child"}
        seen = {child for child in children for user in working if self._sees(user, child)}
        return Held(self, seen, reads_cases=bool(working))

    def _sees(self, user: Row, child: str) -> bool:
        cases = self._cases.get(child, [])
        if self._interested(user["id"], child):
            return False
        wide = user["role"] in _WHOLE_AUTHORITY or user["team_id"] is None
        if cases and not wide and not any(case["team_id"] in (None, user["team_id"]) for case in cases):
            return False
        if user["role"] in _EMERGENCY_OR_REVIEW:
            return True
        return all(self._listed(user["id"], case["id"]) for case in cases if case["restricted"])

    def _interested(self, user_id: str, child: str) -> bool:
        return any(
            row["user_id"] == user_id and row["ended_at"] is None and child in self._of_post(row)
            for row in self._interests
        )

    def _listed(self, user_id: str, case_id: str) -> bool:
        for table, row in self._lists:
            if (row["case_id"], row["user_id"]) != (case_id, user_id):
                continue
            if table == "case_access" and row["ended_at"] is None:
                return True
            if table == "break_glass" and _at(row["from_at"]) <= self.now < _at(row["until_at"]):
                return True
        return False


@dataclass
class Held:
    """What one laptop may hold."""

    oracle: Oracle
    children: set[str]
    reads_cases: bool

    def must(self, table: str, row: Row) -> bool:
        """Return whether a row has to be there."""
        units = self.oracle.units(table, row)
        return units == {EVERYBODY} or (CASEWORK in units and self.reads_cases) or bool(units & self.children)

    def may(self, table: str, row: Row) -> bool:
        """Return whether a row may be there: also what leads to a record that is gone, and is nobody's."""
        return self.must(table, row) or self.oracle.units(table, row) == {NOBODY}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
