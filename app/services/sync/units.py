"""Which child a row belongs to: the unit in which records reach a laptop and leave it.

A **unit** is one child with everything recorded about it. :data:`UNIT_WAYS` says for every synced table how its rows
lead to a child: one line a table. Everything else here follows from it, in SQL that PostgreSQL and SQLite both run:
the central store asks it what a laptop may hold, the laptop what to hash and what to let go.

A row can belong to several units (a mother of two children), to none (a school, a task of no case), or lead to a
record that is gone. The last is nobody's: it is not sent to anybody anew.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    false,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.selectable import CompoundSelect

from app.models.synced import SYNCED_TABLES

Units = Sequence[str] | Select[Any]
"""Units by id, or a query that names them."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way from a row to its units.

    Attributes:
        column: of the row.
        to: the table whose row, found by that column, belongs to the same units; None when it is the unit itself.
        by: the column of that table which is compared.
    """

    column: str
    to: str | None = None
    by: str = "id"


_SELF: Final = Way("id")
_CHILD: Final = Way("child_id")
_CASE: Final = Way("case_id", "case")
_PERSON: Final = Way("person_id", "relationship", by="person_id")
UNIT_WAYS: Final[Mapping[str, tuple[Way, ...]]] = MappingProxyType(
    {
        "authority": (),
        "team": (),
        "user": (),
        "device": (),
        "local_authority": (),
        "school": (),
        "school_link": (),
        "child": (_SELF,),
        "child_name": (_CHILD,),
        "person": (Way("id", "relationship", by="person_id"),),
        "relationship": (_CHILD,),
        "address": (_CHILD, _PERSON),
        "contact_point": (_CHILD, _PERSON),
        "enrolment": (_CHILD,),
        "health_link": (_CHILD,),
        "safety_flag": (_CHILD,),
        "referral": (_CASE, _CHILD),
        "case": (_CHILD,),
        "case_event": (_CASE,),
        "enquiry": (_CASE,),
        "task": (_CASE,),
        "clock": (_CASE,),
        "assignment": (_CASE,),
        "closure": (_CASE,),
        "case_access": (_CASE,),
        "break_glass": (_CASE,),
        "access_request": (_CASE,),
        "interest_declared": (_CASE, _CHILD),
        "document": (_CASE, _CHILD, Way("letter_id", "letter")),
        "letter": (_CASE,),
        "conflict": (
            Way("subject_id", "child"),
            Way("subject_id", "case"),
            Way("subject_id", "relationship", by="person_id"),
            Way("subject_id", "referral"),
            Way("subject_id", "task"),
            Way("subject_id", "document"),
        ),
        "team_key": (),
        "team_key_wrap": (),
        "handed_in": (),
    }
)
"""For every synced table the ways from a row to its units; none for reference tables, which go to every laptop.

Of ways by different columns the first column that is set counts; of ways by one column all do.
"""
LOOSE: Final = "00000000-0000-0000-0000-000000000001"
"""Stands where a unit stands for the rows of no unit that go to every laptop whose role reads cases."""
LOOSE_TABLES: Final = frozenset({"referral", "task", "document"})
"""Rows of these that name no unit go to every laptop whose role reads cases; rows of other tables go to none."""


def is_reference(table: str) -> bool:
    """Return whether a table's rows go to every laptop, whatever the role."""
    return not UNIT_WAYS[table]


def table_named(name: str) -> Table:
    """Return a synced table."""
    table = SYNCED_TABLES[name].__table__
    assert isinstance(table, Table)  # every synced class is mapped to a table
    return table


@cache
def linking_columns(table: str) -> frozenset[str]:
    """Return the columns of a table that say to which units a row of it belongs."""
    return frozenset(way.column for way in UNIT_WAYS[table])


@cache
def followers(table: str) -> Mapping[str, Way]:
    """Return the tables whose rows belong where rows of this table lead, each with its way here."""
    return {name: way for name, ways in UNIT_WAYS.items() for way in ways if way.to == table}


def units_of_rows(table: str, where: Callable[[FromClause], ColumnElement[bool]] | None = None) -> CompoundSelect[Any]:
    """Return a query of (``id``, ``unit``): every row of a table with each unit it belongs to; may name one twice.

    Args:
        table: one that has ways.
        where: makes a condition of the table, such as ``lambda t: t.c.id.in_(ids)``; put it here and not around the
            query, so that each way is looked up by its index.
    """
    queries = []
    for path in _paths(table):
        given = [] if where is None else [where(path.source)]
        joined: FromClause = path.source
        for step, on in path.steps:
            joined = joined.join(step, on)
        query = select(path.source.c.id.label("id"), path.unit.label("unit")).select_from(joined)
        queries.append(query.where(path.unit.is_not(None), *path.conditions, *given))
    return union_all(*queries)


@dataclass(frozen=True, slots=True)
class _Path:
    """A path from a table to a unit: the table, the joins on the way, the unit's column, and when the path counts."""

    source: FromClause
    steps: list[tuple[FromClause, ColumnElement[bool]]]
    unit: ColumnElement[Any]
    conditions: list[ColumnElement[bool]]


def _paths(table: str, depth: int = 0) -> Iterator[_Path]:
    ways = UNIT_WAYS[table]
    for place, way in enumerate(ways):
        here = table_named(table).alias(f"u{depth}")
        unset: list[ColumnElement[bool]] = [here.c[name].is_(None) for name in _earlier_columns(ways, place)]
        if way.to is None:
            yield _Path(here, [], here.c[way.column], unset)
            continue
        for path in _paths(way.to, depth + 1):
            step = (path.source, path.source.c[way.by] == here.c[way.column])
            yield _Path(here, [step, *path.steps], path.unit, [*unset, *path.conditions])


def _earlier_columns(ways: Sequence[Way], place: int) -> list[str]:
    own = ways[place].column
    return list(dict.fromkeys(way.column for way in ways[:place] if way.column != own))


def in_units(table: str, units: Units, of: FromClause | None = None) -> ColumnElement[bool]:
    """Return the condition under which a row of a table belongs to one of some units.

    Args:
        table: its name.
        units: by id, or a query of them.
        of: the table or its alias in the query; the table itself by default.
    """
    source = table_named(table) if of is None else of
    ways = UNIT_WAYS[table]
    if not ways:
        return false()
    return or_(*(_leads_to(source, ways, place, units) for place in range(len(ways))))


def _leads_to(source: FromClause, ways: Sequence[Way], place: int, units: Units) -> ColumnElement[bool]:
    way = ways[place]
    column = source.c[way.column]
    unset = [source.c[name].is_(None) for name in _earlier_columns(ways, place)]
    if way.to is None:
        return and_(column.in_(units), *unset)
    there = table_named(way.to).alias()
    found = select(there.c[way.by]).where(in_units(way.to, units, there), there.c[way.by].is_not(None))
    return and_(column.in_(found), *unset)


def unlinked(table: str, of: FromClause | None = None) -> ColumnElement[bool]:
    """Return the condition under which a row belongs to no unit and goes to all laptops whose role reads cases.

    For a reference table that is every row. A conflict goes where the record goes that it is about.
    """
    source = table_named(table) if of is None else of
    ways = UNIT_WAYS[table]
    if not ways:
        return true()
    if table in LOOSE_TABLES:
        return and_(*(source.c[name].is_(None) for name in linking_columns(table)))
    if table != "conflict":
        return false()
    reference: list[ColumnElement[Any]] = [literal_column(f"'{name}'") for name in UNIT_WAYS if is_reference(name)]
    about = [source.c.table_name.in_(reference)]
    for way in ways:
        if way.to in LOOSE_TABLES:
            there = table_named(way.to).alias()
            about.append(source.c[way.column].in_(select(there.c.id).where(unlinked(way.to, there))))
    return or_(*about)
