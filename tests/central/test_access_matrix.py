"""The central store refuses by the one table of roles, and by restricted cases, emergencies and declared interests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.central import grants, scope
from app.central.services import CentralServices
from app.ids import new_id
from app.models import SYNCED_TABLES, Case, CaseAccess, Child, Person, Relationship, User
from app.models.terms import RelationshipKind, Role
from app.services import named_list
from app.services.access import (
    CASE_CONTENT,
    FIELD_PERMISSIONS,
    ROLE_PERMISSIONS,
    TABLE_PERMISSIONS,
    Permission,
    allowed,
)
from app.services.changes import Change
from app.services.sync.protocol import ACCEPTED, REFUSED, RESCUE
from app.services.sync.shapes import wire_defaults
from tests.central.test_store import NOW, Laptop, insert

START = datetime(2026, 11, 17, 9, tzinfo=UTC)


def at(**since: int) -> str:
    return (START + timedelta(**since)).isoformat()


def update(table: str, row: str, **fields: tuple[Any, Any]) -> Change:
    return Change(table, row, "update", {name: list(pair) for name, pair in fields.items()})


@pytest.fixture
def services(central: Any) -> CentralServices:
    return central.services


@pytest.fixture
def scene(central: Any) -> "Scene":
    return Scene(central)


class Scene:
    """A restricted case with Ruth, a supervisor, on its list; and people of every role with a laptop."""

    def __init__(self, central: Any) -> None:
        self.services: CentralServices = central.services
        self.people: dict[str, str] = central.people
        self.child, self.case, self.mother = new_id(), new_id(), new_id()
        add = self.services.people.add_records
        add(
            [
                (Child, {"id": self.child, "forename": "Isla", "surname": "Merrow"}),
                (Case, {"id": self.case, "reference": "CME-2026-00001", "child_id": self.child, **_opened()}),
                (Person, {"id": self.mother, "forename": "Carla", "surname": "Merrow"}),
                (Relationship, {"child_id": self.child, "person_id": self.mother, "kind": RelationshipKind.MOTHER}),
            ],
            "Set up",
        )
        self.listed("ruth")

    def listed(self, username: str, **values: Any) -> str:
        row = {"case_id": self.case, "user_id": self.people[username], "granted_at": START, "reason": "Test", **values}
        return self.services.people.add_records([(CaseAccess, row)], "Put on the list")[0]

    def laptop(self, username: str, role: Role | None = None) -> Laptop:
        if username not in self.people:
            self.people[username] = self.services.people.add_user(username, username.title(), role or "caseworker")
        return Laptop(self.services, self.people[username])

    def note(self, **values: Any) -> Change:
        return insert("case_event", case_id=self.case, kind="note", happened_at=NOW, title="Note", **values)

    def emergency(self, username: str, **values: Any) -> Change:
        row = {"case_id": self.case, "user_id": self.people[username], "reason": "The child is on the doorstep now"}
        return insert("break_glass", **{**row, "from_at": at(), "until_at": at(hours=4), **values})


def _opened() -> dict[str, Any]:
    return {"opened_on": START.date(), "restricted": True}


def outcome(laptop: Laptop, *changes: Change, **values: Any) -> tuple[str, str]:
    (result,) = laptop.push(laptop.change_set(*changes, **values))
    return result.state, result.reason


def test_every_synced_table_says_who_may_write_it() -> None:
    assert set(TABLE_PERMISSIONS) == set(SYNCED_TABLES)
    for table, field in FIELD_PERMISSIONS:
        assert field in SYNCED_TABLES[table].__table__.columns


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_write_exactly_its_own_tables(central: Any, role: Role) -> None:
    people = central.services.people
    laptop = Laptop(central.services, people.add_user(f"{role}-one", "Some Body", role))
    answers = laptop.push(*[laptop.change_set(_any_row(table), sequence=n) for n, table in enumerate(SYNCED_TABLES, 1)])
    for table, answer in zip(SYNCED_TABLES, answers, strict=True):
        may = any(allowed(role, permission) for permission in TABLE_PERMISSIONS[table])
        refused_by_role = answer.state == REFUSED and answer.reason.startswith("Your role cannot ")
        assert refused_by_role is not may, (role, table, answer.reason)


def _any_row(table: str) -> Change:
    """Return a row of a table with something in each column that must not be empty."""
    values: dict[str, Any] = {}
    columns = SYNCED_TABLES[table].__table__.columns
    for name, default in wire_defaults(table).items():
        column = columns[name]
        if default is None and not column.nullable and name not in ("id", "created_at"):
            values[name] = _something(column)
        elif default is not None:
            values[name] = default
    return insert(table, **values)


def _something(column: Any) -> Any:
    if getattr(column.type, "enums", None):
        return column.type.enums[0]
    kinds = {"Uuid": new_id(), "UtcDateTime": NOW, "Date": "2026-11-02", "JSON": {}, "Integer": 1, "Boolean": False}
    return kinds.get(type(column.type).__name__, f"x{new_id()}")


def test_auditors_and_administrators_write_nothing_of_a_case() -> None:
    content = {table for table, needs in TABLE_PERMISSIONS.items() if set(needs) & CASE_CONTENT}
    assert {"child", "case", "case_event", "document", "letter", "task", "address", "conflict"} <= content
    for role in (Role.AUDITOR, Role.ADMINISTRATOR):
        assert not ROLE_PERMISSIONS[role] & CASE_CONTENT


def test_only_a_name_on_the_list_writes_a_restricted_case(scene: Scene) -> None:
    assert outcome(scene.laptop("ruth"), scene.note())[0] == ACCEPTED
    assert outcome(scene.laptop("dawn"), scene.note()) == (REFUSED, scope.RESTRICTED)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: update("case", s.case, area=("", "Saltenby")),
        lambda s: update("child", s.child, surname=("Merrow", "Else")),
        lambda s: insert("task", case_id=s.case, text="Visit"),
        lambda s: insert("enquiry", case_id=s.case, kind="gp", label="GP"),
        lambda s: insert("address", child_id=s.child, lines="1 Road"),
        lambda s: insert("address", person_id=s.mother, lines="1 Road"),
        lambda s: update("person", s.mother, surname=("Merrow", "Else")),
        lambda s: insert("case", reference="CME-2026-00002", child_id=s.child, opened_on="2026-11-02"),
    ],
)
def test_every_way_into_a_restricted_case_is_closed(scene: Scene, change: Callable[[Scene], Change]) -> None:
    assert outcome(scene.laptop("dawn"), change(scene)) == (REFUSED, scope.RESTRICTED)


def test_a_row_of_a_restricted_case_is_known_without_its_case_being_named(scene: Scene) -> None:
    task = insert("task", case_id=scene.case, text="Visit")
    assert outcome(scene.laptop("ruth"), task)[0] == ACCEPTED
    change = update("task", task.row, done_at=(None, NOW))
    assert outcome(scene.laptop("dawn"), change) == (REFUSED, scope.RESTRICTED)


def test_a_person_with_another_child_that_is_open_can_be_corrected(scene: Scene) -> None:
    dawn = scene.laptop("dawn")
    brother = insert("child", forename="Finn", surname="Merrow")
    tie = insert("relationship", child_id=brother.row, person_id=scene.mother, kind="PAM")
    assert outcome(dawn, brother, tie) == (REFUSED, scope.RESTRICTED)
    assert outcome(scene.laptop("ruth"), brother, tie)[0] == ACCEPTED
    assert outcome(dawn, update("person", scene.mother, surname=("Merrow", "Else")))[0] == ACCEPTED


def test_what_was_written_while_on_the_list_is_taken_whenever_it_arrives(scene: Scene) -> None:
    scene.listed("dawn", ended_at=START + timedelta(hours=1))
    dawn = scene.laptop("dawn")
    assert outcome(dawn, scene.note(), made_at=at(minutes=59))[0] == ACCEPTED
    assert outcome(dawn, scene.note(), made_at=at(minutes=61)) == (REFUSED, scope.RESTRICTED)


def test_what_was_written_before_the_case_was_restricted_is_taken(scene: Scene) -> None:
    dawn = scene.laptop("dawn")
    assert outcome(dawn, scene.note(), made_at=at(seconds=-1))[0] == ACCEPTED
    assert outcome(dawn, scene.note(), made_at=at())[0] == REFUSED


def test_an_emergency_opens_the_case_until_it_ends_and_for_nobody_else(scene: Scene) -> None:
    dawn, other = scene.laptop("dawn"), scene.laptop("oona")
    results = dawn.push(
        dawn.change_set(scene.emergency("dawn")),
        dawn.change_set(scene.note(), sequence=2, made_at=at(hours=3)),
        dawn.change_set(scene.note(), sequence=3, made_at=at(hours=4)),
    )
    assert [(each.state, each.reason) for each in results] == [
        (ACCEPTED, ""),
        (ACCEPTED, ""),
        (REFUSED, scope.RESTRICTED),
    ]
    assert outcome(other, scene.note(), made_at=at(hours=1)) == (REFUSED, scope.RESTRICTED)


@pytest.mark.parametrize(
    "values",
    [
        {"until_at": at(hours=13)},
        {"until_at": at()},
        {"from_at": at(hours=2), "until_at": at(hours=6)},
        {"from_at": at(hours=-2)},
    ],
)
def test_an_emergency_lasts_no_longer_than_allowed_and_starts_when_it_is_made(scene: Scene, values: Any) -> None:
    assert outcome(scene.laptop("dawn"), scene.emergency("dawn", **values)) == (REFUSED, grants.ODD_EMERGENCY)


def test_nobody_opens_a_case_in_an_emergency_for_somebody_else_or_reviews_their_own(scene: Scene) -> None:
    dawn, ruth = scene.laptop("dawn"), scene.laptop("ruth")
    assert outcome(dawn, scene.emergency("ruth")) == (REFUSED, grants.NOT_THEIRS)
    assert outcome(dawn, scene.emergency("dawn", reviewed_by=scene.people["dawn"])) == (REFUSED, grants.OWN)
    opened = scene.emergency("dawn")
    assert outcome(dawn, opened)[0] == ACCEPTED
    reviewed = update("break_glass", opened.row, review=("", "Rightly opened"), reviewed_at=(None, NOW))
    assert outcome(dawn, reviewed)[1].startswith("Your role cannot review who opened")
    longer = update("break_glass", opened.row, until_at=(at(hours=4), at(hours=400)))
    assert outcome(dawn, longer) == (REFUSED, grants.KEPT)
    assert outcome(ruth, reviewed)[0] == ACCEPTED
    own = scene.emergency("ruth")
    assert outcome(ruth, own)[0] == ACCEPTED
    assert outcome(ruth, update("break_glass", own.row, review=("", "Fine"))) == (REFUSED, grants.OWN)


def test_a_list_is_changed_by_those_on_it_and_by_information_governance(scene: Scene) -> None:
    stranger = scene.laptop("stella", Role.SUPERVISOR)
    keeper = scene.laptop("gita", Role.INFORMATION_GOVERNANCE)

    def put(username: str) -> Change:
        return insert("case_access", case_id=scene.case, user_id=scene.people[username], granted_at=NOW, reason="x")

    assert outcome(stranger, put("stella")) == (REFUSED, grants.OWN)
    assert outcome(stranger, put("dawn")) == (REFUSED, grants.NOT_ON_LIST)
    opened = update("case", scene.case, restricted=(True, False))
    assert outcome(stranger, opened) == (REFUSED, grants.NOT_ON_LIST)
    assert outcome(scene.laptop("dawn"), opened)[1].startswith("Your role cannot restrict cases")
    assert outcome(scene.laptop("ruth"), put("dawn"))[0] == ACCEPTED
    assert outcome(keeper, put("gita"))[0] == ACCEPTED
    assert outcome(keeper, opened)[0] == ACCEPTED


def test_an_emergency_gives_no_right_to_change_the_list(scene: Scene) -> None:
    stranger = scene.laptop("stella", Role.SUPERVISOR)
    assert outcome(stranger, scene.emergency("stella"))[0] == ACCEPTED
    row = {"case_id": scene.case, "granted_at": NOW, "reason": "x"}
    assert outcome(stranger, insert("case_access", user_id=scene.people["dawn"], **row)) == (
        REFUSED,
        grants.NOT_ON_LIST,
    )


def test_a_declared_interest_closes_the_case_and_only_another_supervisor_opens_it(scene: Scene) -> None:
    ruth = scene.laptop("ruth")
    declared = insert(
        "interest_declared", user_id=scene.people["ruth"], case_id=scene.case, child_id=scene.child, declared_at=NOW
    )
    results = ruth.push(
        ruth.change_set(declared), ruth.change_set(scene.note(), sequence=2), ruth.change_set(scene.note(), sequence=3)
    )
    assert [each.state for each in results] == [ACCEPTED, RESCUE, RESCUE]
    assert results[1].reason == scope.INTERESTED
    ended = update("interest_declared", declared.row, ended_at=(None, at(hours=1)), end_reason=("", "Mistake"))
    assert outcome(ruth, ended) == (REFUSED, grants.OWN)
    other = scene.laptop("stella", Role.SUPERVISOR)
    assert outcome(other, ended, made_at=at(hours=1))[0] == ACCEPTED
    assert outcome(ruth, scene.note(), made_at=at(minutes=30)) == (RESCUE, scope.INTERESTED)
    assert outcome(ruth, scene.note(), made_at=at(hours=2))[0] == ACCEPTED


def test_nobody_declares_an_interest_or_asks_for_access_in_anothers_name(scene: Scene) -> None:
    dawn = scene.laptop("dawn")
    for table, when in (("access_request", "asked_at"), ("interest_declared", "declared_at")):
        row = {"case_id": scene.case, when: NOW}
        assert outcome(dawn, insert(table, user_id=scene.people["ruth"], **row)) == (REFUSED, grants.NOT_THEIRS)
        assert outcome(dawn, insert(table, user_id=scene.people["dawn"], **row))[0] == ACCEPTED


def test_a_case_restricted_offline_closes_for_others_once_both_laptops_have_synced(
    central: Any, enrol_laptop: Callable[..., Any], sync_once: Callable[[Any], Any], frozen_time: Any
) -> None:
    from tests.services.casework import open_isla

    dawn, ruth = enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()
    for ws in (dawn, ruth):
        sync_once(ws)
    case_id = open_isla(dawn, officer_id=None)
    sync_once(dawn)
    sync_once(ruth)
    frozen_time.advance(hours=1)
    named_list.restrict(ruth, case_id, reason="The child of a colleague")
    sync_once(ruth)
    frozen_time.advance(hours=1)
    with dawn.write("Went round the services") as session:
        session.get_one(Case, case_id).area = "Saltenby"
    report = sync_once(dawn)
    assert report.reasons == [scope.RESTRICTED]
    sync_once(ruth)
    with ruth.read() as session:
        assert session.get_one(Case, case_id).area == ""
    with dawn.read() as session:
        assert session.get_one(Case, case_id).restricted
        assert session.get_one(User, dawn.actor.user_id).role is Role.CASEWORKER


def test_refusals_read_as_sentences() -> None:
    for permission in Permission:
        assert permission.value[0].islower()
        assert not permission.value.endswith(".")
