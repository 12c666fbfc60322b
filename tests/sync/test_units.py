"""Every synced table says which child its rows belong to, the same to SQLite and to PostgreSQL."""

from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, insert, select

from app.ids import new_id
from app.models import SYNCED_TABLES
from app.models.base import Base
from app.models.terms import Role
from app.services.access import CASE_CONTENT, ROLE_PERMISSIONS, ROLE_REACH, Permission, Reach, keeps_restricted, reach
from app.services.sync import units


def test_every_synced_table_says_how_its_rows_lead_to_a_child() -> None:
    assert set(units.UNIT_WAYS) == set(SYNCED_TABLES)
    for table, ways in units.UNIT_WAYS.items():
        for way in ways:
            assert way.column in units.table_named(table).c, (table, way)
            if way.to is not None:
                assert way.by in units.table_named(way.to).c, (table, way)
    reference = {table for table in SYNCED_TABLES if units.is_reference(table)}
    assert not reference & {"child", "person", "case", "document", "letter", "conflict"}


def test_whatever_names_a_case_or_a_child_has_a_way_by_it() -> None:
    for table in SYNCED_TABLES:
        for name in {"case_id", "child_id"} & set(units.table_named(table).c.keys()):
            assert name in units.linking_columns(table), table


def test_each_role_looks_as_wide_as_its_permissions_say() -> None:
    assert set(ROLE_REACH) == set(Role)
    for role, wide in ROLE_REACH.items():
        reads = Permission.READ_CASES in ROLE_PERMISSIONS[role]
        assert (wide is not Reach.NONE) is reads is bool(ROLE_PERMISSIONS[role] & CASE_CONTENT), role
    assert reach(Role.CASEWORKER, "a team") is Reach.TEAM
    assert reach(Role.CASEWORKER, None) is Reach.AUTHORITY
    assert reach(Role.ADMINISTRATOR, None) is Reach.NONE
    assert [role for role in Role if keeps_restricted(role)] == [
        Role.CASEWORKER,
        Role.DUTY,
        Role.SUPERVISOR,
        Role.INFORMATION_GOVERNANCE,
    ]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Any:
    if request.param == "postgresql":
        found = request.getfixturevalue("central").services.engine
        yield found
        return
    found = create_engine("sqlite://")
    Base.metadata.create_all(found, tables=[units.table_named(name) for name in SYNCED_TABLES])
    yield found
    found.dispose()


class Rows:
    """Two children with a mother in common, and something of every kind."""

    def __init__(self, engine: Engine) -> None:
        from tests.central.test_access_matrix import _any_row

        self.engine = engine
        self.make = _any_row
        self.a, self.b = self.add("child"), self.add("child")
        self.case_a, self.case_b = self.add("case", child_id=self.a), self.add("case", child_id=self.b)
        self.mother, self.father, self.nobody = self.add("person"), self.add("person"), self.add("person")
        self.ties = [
            self.add("relationship", child_id=self.a, person_id=self.mother),
            self.add("relationship", child_id=self.b, person_id=self.mother),
            self.add("relationship", child_id=self.b, person_id=self.father, sibling_id=self.a),
        ]

    def add(self, table: str, **values: Any) -> str:
        from app.services.wire import row_from_wire

        wire = {name: pair[1] for name, pair in self.make(table).fields.items()}
        row = row_from_wire(SYNCED_TABLES[table], {**wire, **values})
        with self.engine.begin() as connection:
            connection.execute(insert(units.table_named(table)), [row])
        return str(row["id"])

    def units_of(self, table: str, row: str) -> set[str]:
        with self.engine.connect() as connection:
            query = units.units_of_rows(table, lambda t: t.c.id.in_([row]))
            found = {each.unit for each in connection.execute(query)}
            for unit in (self.a, self.b):
                inside = select(units.table_named(table).c.id).where(units.in_units(table, [unit]))
                assert (row in set(connection.scalars(inside))) is (unit in found), (table, unit)
        return found

    def is_unlinked(self, table: str, row: str) -> bool:
        with self.engine.connect() as connection:
            query = select(units.table_named(table).c.id).where(units.unlinked(table))
            return row in set(connection.scalars(query))


def test_rows_belong_to_the_units_that_their_ways_lead_to(engine: Engine) -> None:
    rows = Rows(engine)
    a, b = {rows.a}, {rows.b}
    assert rows.units_of("child", rows.a) == a
    assert rows.units_of("case", rows.case_b) == b
    assert rows.units_of("person", rows.mother) == a | b
    assert rows.units_of("person", rows.father) == b
    assert rows.units_of("relationship", rows.ties[2]) == b
    assert rows.units_of("address", rows.add("address", person_id=rows.mother)) == a | b
    assert rows.units_of("address", rows.add("address", child_id=rows.a)) == a
    letter = rows.add("letter", case_id=rows.case_b)
    assert rows.units_of("document", rows.add("document", letter_id=letter)) == b
    assert rows.units_of("document", rows.add("document", case_id=rows.case_a, letter_id=letter)) == a
    for table in ("case_event", "enquiry", "clock", "closure", "assignment", "break_glass", "interest_declared"):
        assert rows.units_of(table, rows.add(table, case_id=rows.case_a)) == a, table
    assert rows.units_of("interest_declared", rows.add("interest_declared", child_id=rows.b)) == b


def test_a_conflict_belongs_where_its_record_belongs(engine: Engine) -> None:
    rows = Rows(engine)
    task, document = rows.add("task"), rows.add("document", child_id=rows.a)
    for subject, expected in (
        (rows.a, {rows.a}),
        (rows.case_b, {rows.b}),
        (rows.mother, {rows.a, rows.b}),
        (document, {rows.a}),
        (task, set()),
        (new_id(), set()),
    ):
        conflict = rows.add("conflict", subject_id=subject, table_name="x", row_id=new_id())
        assert rows.units_of("conflict", conflict) == expected
        assert rows.is_unlinked("conflict", conflict) is (subject == task)
    about_school = rows.add("conflict", subject_id=new_id(), table_name="school", row_id=new_id())
    assert rows.is_unlinked("conflict", about_school)


def test_only_loose_rows_and_reference_rows_go_without_a_unit(engine: Engine) -> None:
    rows = Rows(engine)
    for table in ("task", "referral", "document"):
        assert rows.is_unlinked(table, rows.add(table)), table
        assert not rows.is_unlinked(table, rows.add(table, case_id=rows.case_a)), table
        assert not rows.is_unlinked(table, rows.add(table, case_id=new_id())), table
    assert rows.is_unlinked("school", rows.add("school"))
    assert not rows.is_unlinked("person", rows.nobody)
    assert rows.units_of("person", rows.nobody) == set()
