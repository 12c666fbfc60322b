"""Laptops without vaults that keep what they are sent, and the rule of who may hold what, written a second time."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from app.central import records
from app.central.services import CentralServices
from app.ids import new_id
from app.models import SYNCED_TABLES
from app.models.terms import Role
from app.services.changes import Change, ChangeSet, decode
from app.services.sync import protocol
from app.services.sync.shapes import columns_of, wire_defaults
from tests.central.test_store import Laptop

Key = tuple[str, str]
State = dict[Key, dict[str, Any]]
REFERENCE = {"authority", "team", "user", "device", "local_authority", "school", "school_link"}
NO_CASES = {Role.AUDITOR, Role.ADMINISTRATOR}
KEEPERS = {Role.CASEWORKER, Role.DUTY, Role.SUPERVISOR, Role.INFORMATION_GOVERNANCE}


def units_in(state: State, key: Key) -> set[str]:
    """Return the children a row leads to, by the plain words of the model."""
    table, row_id = key
    row = state.get(key)
    if row is None:
        return set()
    if table == "child":
        return {row_id}
    if table == "person":
        return _of_person(state, row_id)
    if table == "conflict":
        subject = row["subject_id"]
        found = {subject} if ("child", subject) in state else set()
        for other in ("case", "referral", "task", "document"):
            found |= units_in(state, (other, subject))
        return found | _of_person(state, subject)
    if row.get("case_id"):
        return units_in(state, ("case", row["case_id"]))
    if row.get("child_id"):
        return {row["child_id"]}
    if row.get("person_id"):
        return _of_person(state, row["person_id"])
    return units_in(state, ("letter", row["letter_id"])) if row.get("letter_id") else set()


def _of_person(state: State, person: str) -> set[str]:
    return {
        row["child_id"] for (table, _), row in state.items() if table == "relationship" and row["person_id"] == person
    }


def is_loose(state: State, key: Key) -> bool:
    table, row = key[0], state[key]
    if table in ("task", "referral", "document"):
        return not any(row.get(name) for name in ("case_id", "child_id", "letter_id"))
    if table == "conflict":
        others = (("task", row["subject_id"]), ("referral", row["subject_id"]), ("document", row["subject_id"]))
        return row["table_name"] in REFERENCE or any(other in state and is_loose(state, other) for other in others)
    return False


def may_hold(state: State, user: dict[str, Any], unit: str, now: datetime) -> bool:
    """Return whether one person may see one child, by the plain words of the rule."""
    if not user["active"] or user["role"] in NO_CASES or ("child", unit) not in state:
        return False
    cases = [row for (table, _), row in state.items() if table == "case" and row["child_id"] == unit]
    ids = {case["id"] for case in cases}
    for (table, _), row in state.items():
        theirs = table == "interest_declared" and row["user_id"] == user["id"] and row["ended_at"] is None
        if theirs and (row["child_id"] == unit or row["case_id"] in ids):
            return False
    wide = user["role"] == Role.INFORMATION_GOVERNANCE or user["team_id"] is None
    if cases and not wide and not any(case["team_id"] in (None, user["team_id"]) for case in cases):
        return False
    return user["role"] in KEEPERS or all(
        _open(state, case["id"], user["id"], now) for case in cases if case["restricted"]
    )


def _open(state: State, case: str, user: str, now: datetime) -> bool:
    for (table, _), row in state.items():
        if table == "case_access" and (row["case_id"], row["user_id"], row["ended_at"]) == (case, user, None):
            return True
        theirs = table == "break_glass" and (row["case_id"], row["user_id"]) == (case, user)
        if theirs and datetime.fromisoformat(row["from_at"]) <= now < datetime.fromisoformat(row["until_at"]):
            return True
    return False


def stored(services: CentralServices) -> State:
    """Return every synced row of the central store."""
    found: State = {}
    with services.engine.connect() as connection:
        for table in SYNCED_TABLES:
            ids = [str(row[0]) for row in connection.exec_driver_sql(f'SELECT id FROM "{table}"')]
            found |= {(table, row_id): row for row_id, row in records.load(connection, table, ids).items()}
    return found


@dataclass
class Mirror:
    """A laptop that keeps what it is sent."""

    services: CentralServices
    laptop: Laptop
    people: list[str]
    version: int = protocol.VERSION
    rows: State = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    cursor: int = 0
    started: bool = False
    own: dict[str, ChangeSet] = field(default_factory=dict)
    received: list[Any] = field(default_factory=list)

    @property
    def device(self) -> str:
        return self.laptop.device_id

    # -- what it is told -----------------------------------------------------------------------------------------

    def pull(self, limit: int = 2000) -> None:
        """Pull to the head, or start with a snapshot."""
        if not self.started:
            self.first_pull()
        while True:
            answer = self.services.reader.pull(self.device, self.cursor, limit, self.version)
            self.take(answer)
            if self.cursor >= answer.head:
                return

    def first_pull(self) -> None:
        start = self.services.reader.snapshot_start(self.device)
        table: str | None = next(iter(SYNCED_TABLES))
        after: str | None = None
        while table is not None:
            answer = self.services.reader.snapshot(self.device, table, after, 40)
            self._take_pages(answer.pages)
            table, after = answer.next_table, answer.next_after
        self.held = {row_id for table, row_id in self.rows if table == "child"}
        self.cursor, self.started = start.revision, True

    def take(self, answer: protocol.PullAnswer) -> None:
        """Apply a page as the protocol says: entries, what goes, what comes."""
        assert [entry.revision for entry in answer.entries] == sorted({entry.revision for entry in answer.entries})
        for entry in answer.entries:
            assert self.cursor < entry.revision <= answer.cursor
            for change in self._changes(entry):
                self._apply(change)
        if self.version == 1:
            assert answer.scope is None
            assert [entry.revision for entry in answer.entries] == list(range(self.cursor + 1, answer.cursor + 1))
        else:
            assert answer.scope is not None
            self._follow(answer.scope)
        self.cursor = answer.cursor

    def _follow(self, scope: protocol.ScopeChange) -> None:
        for table, row_id in scope.gone:
            self.rows.pop((table, row_id), None)
        born = {row_id for table, row_id in self.rows if table == "child"} - self.held - set(scope.leave)
        before = copy.copy(self.rows)
        self.held = (self.held | born) - set(scope.leave)
        if scope.leave:
            for key in list(self.rows):
                units = units_in(before, key)
                if units and not units & (self.held | set(scope.arrive)):
                    del self.rows[key]
        wanted = list(scope.arrive)
        while wanted:
            answer = self.services.reader.units(self.device, wanted)
            self._take_pages(answer.pages)
            self.held |= set(answer.whole)
            settled = {*answer.whole, *answer.closed}
            assert settled
            wanted = [unit for unit in wanted if unit not in settled]

    def _changes(self, entry: protocol.LogEntry) -> list[Change]:
        self.received.append(entry.body + entry.effective)
        if entry.effective:
            return msgspec.json.decode(entry.effective, type=list[Change])
        if entry.body:
            return decode(entry.body).changes
        own = self.own.get(entry.change_set_id)
        return own.changes if own is not None else []

    def _apply(self, change: Change) -> None:
        key = (change.table, change.row)
        news = {name: pair[1] for name, pair in change.fields.items()}
        if change.op == "delete":
            self.rows.pop(key, None)
        elif key in self.rows:
            self.rows[key] = {**self.rows[key], **news}
        elif change.op == "insert":
            self.rows[key] = {**wire_defaults(change.table), **news}

    def _take_pages(self, pages: Iterable[protocol.SnapshotPage]) -> None:
        for page in pages:
            self.received.append(page.rows)
            for values in msgspec.json.decode(page.rows):
                row = dict(zip(page.columns, values, strict=True))
                self.rows[page.table, row["id"]] = row

    # -- what it sends -------------------------------------------------------------------------------------------

    def push(self, *changes: Change, base: int | None = None) -> protocol.PushResult:
        change_set = self.laptop.change_set(*changes, base=self.cursor if base is None else base)
        self.own[change_set.id] = change_set
        (result,) = self.laptop.push(change_set)
        return result

    # -- what it should hold -------------------------------------------------------------------------------------

    def visible(self, state: State, now: datetime) -> set[str]:
        users = [state["user", person] for person in self.people]
        return {
            row_id
            for table, row_id in state
            if table == "child" and any(may_hold(state, user, row_id, now) for user in users)
        }

    def expected(self, state: State, now: datetime) -> State:
        """Return the projection of the central state by the rule."""
        visible = self.visible(state, now)
        reads = any(
            state["user", person]["active"] and state["user", person]["role"] not in NO_CASES for person in self.people
        )
        return {
            key: row
            for key, row in state.items()
            if key[0] in REFERENCE or units_in(state, key) & visible or (reads and is_loose(state, key))
        }

    def check(self, state: State, now: datetime) -> None:
        expected = self.expected(state, now)
        assert self.rows.keys() == expected.keys(), {
            "too many": sorted(self.rows.keys() - expected.keys()),
            "missing": sorted(expected.keys() - self.rows.keys()),
            "whose": [state["user", person]["role"] for person in self.people],
        }
        for key, row in expected.items():
            assert self.rows[key] == row, key
        assert self.held == self.visible(state, now)


@dataclass
class World:
    """Two teams, people of several roles with a laptop each, and what happens to them."""

    services: CentralServices
    time: Any
    mirrors: list[Mirror] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        people, tag = self.services.people, new_id()[-12:]
        names = [f"West {tag}", f"East {tag}"]
        self.teams = [people.ensure_team(name) for name in names]
        for name, role, team in (
            ("dawn", "caseworker", names[0]),
            ("bess", "business_support", names[0]),
            ("ed", "caseworker", names[1]),
            ("ina", "inclusion", names[1]),
            ("nora", "court_officer", ""),
            ("gita", "information_governance", ""),
            ("ada", "administrator", ""),
        ):
            user = people.add_user(f"{name}-{tag}", name.title(), role, team)
            self.users.append(user)
            self.mirrors.append(Mirror(self.services, Laptop(self.services, user), [user]))

    @property
    def state(self) -> State:
        return stored(self.services)

    def now(self) -> datetime:
        return self.time.now()

    def record(self, *changes: Change) -> None:
        self.services.store.record(list(changes), "Test")

    def text(self, unit: str) -> str:
        """Return words that say to which child they belong, to find where they arrive."""
        self.count += 1
        words = f"words {new_id()}"
        self.marks[words] = unit
        return words

    def insert(self, table: str, **values: Any) -> Change:
        row = {"id": new_id(), "created_at": self.now().isoformat(), **values}
        return Change(table, row["id"], "insert", {name: [None, value] for name, value in row.items()})

    def update(self, table: str, row_id: str, **values: Any) -> Change:
        row = self.state[table, row_id]
        return Change(table, row_id, "update", {name: [row[name], value] for name, value in values.items()})

    def delete(self, table: str, row_id: str) -> Change:
        row = self.state[table, row_id]
        return Change(table, row_id, "delete", {name: [row[name], None] for name in columns_of(table)})

    def of(self, table: str) -> list[dict[str, Any]]:
        """Return this world's rows of a table."""
        mine = set(self.children)
        state = self.state
        rows = [(key, row) for key, row in state.items() if key[0] == table]
        return [row for key, row in rows if units_in(state, key) & mine or row.get("created_by") in self.users]

    # -- what happens --------------------------------------------------------------------------------------------

    def family(self, team: str | None, *, parent: bool = True) -> list[Change]:
        child = self.insert("child", forename="Isla", surname="Merrow")
        child.fields["source"] = [None, self.text(child.row)]
        case = self.insert(
            "case",
            reference=f"X-{new_id()}",
            child_id=child.row,
            team_id=team,
            opened_on="2026-11-02",
            reason=self.text(child.row),
        )
        changes = [child, case]
        if parent:
            person = self.insert("person", forename="Carla")
            tie = self.insert("relationship", child_id=child.row, person_id=person.row, kind="PAM")
            home = self.insert("address", person_id=person.row, lines="1 Road")
            changes += [person, tie, home]
        self.children.append(child.row)
        self.cases.append(case.row)
        return changes

    def leaks(self, mirror: Mirror, visible: set[str]) -> list[str]:
        """Return the words that a laptop was sent and that belong to a child it may not hold now."""
        sent = b"".join(mirror.received).decode()
        mirror.received.clear()
        return [words for words, unit in self.marks.items() if unit not in visible and words in sent]
