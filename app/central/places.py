"""Which units rows belong to, in memory, as the change sets of a batch leave them.

The rule is the data of :mod:`app.services.sync.units`; here it is walked for the rows of a push, with a query a table
for what the push itself does not say.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, select

from app.services.sync.units import LOOSE as LOOSE
from app.services.sync.units import LOOSE_TABLES, UNIT_WAYS, Way, is_reference, linking_columns, table_named

Key = tuple[str, str]
Links = Mapping[str, str | None]
Units = frozenset[str]

REFERENCE: Final = "00000000-0000-0000-0000-000000000000"
"""Stands where a unit stands for rows that go to every laptop."""
MARKS: Final = frozenset({REFERENCE, LOOSE})
NOWHERE: Units = frozenset()
"""Of rows that lead to a record which is not there: they go to nobody."""
_REFERENCE: Units = frozenset({REFERENCE})
_LOOSE: Units = frozenset({LOOSE})


@cache
def columns_kept(table: str) -> tuple[str, ...]:
    """Return the columns that say where a row of a table belongs, and those by which others find it."""
    names = linking_columns(table) | _looked_up_by(table)
    return tuple(sorted(names | {"table_name"} if table == "conflict" else names))


@cache
def _looked_up_by(table: str) -> frozenset[str]:
    """Return the columns other than the key by which rows of a table are found from others."""
    return frozenset(way.by for ways in UNIT_WAYS.values() for way in ways if way.to == table and way.by != "id")


def counted_ways(table: str, links: Links) -> list[Way]:
    """Return the ways of a row that count: those by the first column that is set."""
    column = next((way.column for way in UNIT_WAYS[table] if links.get(way.column)), None)
    return [way for way in UNIT_WAYS[table] if way.column == column]


class Places:
    """Where rows belong. Rows that it does not know it reads."""

    def __init__(self, connection: Connection, known: "Places | None" = None) -> None:
        """Begin with what others know already, if anything; from then on each goes its own way."""
        self._connection = connection
        self._links: dict[Key, Links | None] = dict(known._links) if known else {}
        self._by: dict[tuple[str, str, str], set[str]] = (
            {key: set(rows) for key, rows in known._by.items()} if known else {}
        )
        self._put: dict[str, set[str]] = {}

    def links(self, table: str, row_id: str) -> Links | None:
        """Return what says where a row belongs, or None when there is no such row."""
        key = (table, row_id)
        if key not in self._links:
            self._read({table: {row_id}})
        return self._links[key]

    def put(self, table: str, row_id: str, row: Mapping[str, Any] | None) -> None:
        """Let a row be as it is from now on.

        Args:
            table: its name.
            row_id: its key.
            row: its columns, those that link at least; None when it is deleted.
        """
        before = self._links.get((table, row_id))
        links = None if row is None else {name: row.get(name) for name in columns_kept(table)}
        self._links[table, row_id] = links
        for by in _looked_up_by(table):
            self._put.setdefault(table, set()).add(row_id)
            for value in {(before or {}).get(by), (links or {}).get(by)} - {None}:
                rows = self._by.get((table, by, str(value)))
                if rows is not None:
                    rows.discard(row_id)
                    if links is not None and links.get(by) == value:
                        rows.add(row_id)

    def note_read(self, table: str, rows: Mapping[str, Mapping[str, Any]], asked: Iterable[str]) -> None:
        """Take over rows that somebody has read, and that the others asked for are not there."""
        names = columns_kept(table)
        for row_id in asked:
            row = rows.get(row_id)
            self._links.setdefault((table, row_id), None if row is None else {name: row.get(name) for name in names})

    def read(self, wanted: Mapping[str, set[str]]) -> list[tuple[str, Links]]:
        """Read rows, by table, and return what links those that are there."""
        return self._read(wanted)

    def prepare(self, rows: Iterable[tuple[str, Links]]) -> None:
        """Read at once what placing these rows will ask for."""
        queue = list(rows)
        while queue:
            ids: dict[str, set[str]] = {}
            values: dict[tuple[str, str], set[str]] = {}
            for table, links in queue:
                for way in counted_ways(table, links):
                    value = links[way.column]
                    if way.to is None or value is None:
                        continue
                    if way.by != "id":
                        if (way.to, way.by, value) not in self._by:
                            values.setdefault((way.to, way.by), set()).add(value)
                    elif (way.to, value) not in self._links:
                        ids.setdefault(way.to, set()).add(value)
            queue = [*self._read(ids), *self._find(values)]

    def units(self, table: str, row_id: str) -> Units:
        """Return the units of a row, or the mark of a row of no unit; nothing when there is no such row."""
        links = self.links(table, row_id)
        return NOWHERE if links is None else self.lead(table, links)

    def lead(self, table: str, links: Links) -> Units:
        """Return where links lead."""
        if is_reference(table):
            return _REFERENCE
        ways = counted_ways(table, links)
        if not ways:
            return self._without_way(table, links)
        found: set[str] = set()
        for way in ways:
            value = str(links[way.column])
            if way.to is None:
                found.add(value)
            elif way.by == "id":
                found |= self.units(way.to, value)
            else:
                for row_id in self._rows_by(way.to, way.by, value):
                    found |= self.units(way.to, row_id)
        if found or table != "conflict":
            return frozenset(found)
        if _about_reference(links):
            return _LOOSE
        # About a child that was deleted: for those who hold what is left of it.
        return frozenset({str(links["subject_id"])})

    def _without_way(self, table: str, links: Links) -> Units:
        return _LOOSE if table in LOOSE_TABLES or (table == "conflict" and _about_reference(links)) else NOWHERE

    def _rows_by(self, table: str, by: str, value: str) -> set[str]:
        if (table, by, value) not in self._by:
            self._find({(table, by): {value}})
        return self._by[table, by, value]

    def _read(self, ids: Mapping[str, set[str]]) -> list[tuple[str, Links]]:
        read: list[tuple[str, Links]] = []
        for table, wanted in ids.items():
            source = table_named(table)
            columns = [source.c[name] for name in columns_kept(table)]
            query = select(source.c.id.label("row_id"), *columns).where(source.c.id.in_(wanted))
            found = {row["row_id"]: dict(row) for row in self._connection.execute(query).mappings()}
            for row_id in wanted:
                links = self._links[table, row_id] = found.get(row_id)
                if links is not None:
                    read.append((table, links))
        return read

    def _find(self, values: Mapping[tuple[str, str], set[str]]) -> list[tuple[str, Links]]:
        read: list[tuple[str, Links]] = []
        for (table, by), wanted in values.items():
            source = table_named(table)
            names = {*columns_kept(table), by}
            query = select(source.c.id.label("row_id"), *(source.c[name] for name in sorted(names)))
            for value in wanted:
                self._by[table, by, value] = set()
            for row in self._connection.execute(query.where(source.c[by].in_(wanted))).mappings():
                self._by[table, by, row[by]].add(row["row_id"])
                links = dict(row)
                if self._links.setdefault((table, row["row_id"]), links) is links:
                    read.append((table, links))
            # What the batch did to such rows before they were read here counts over what is stored.
            for row_id in self._put.get(table, ()):
                now = (self._links.get((table, row_id)) or {}).get(by)
                for value in wanted:
                    self._by[table, by, value].discard(row_id)
                    if now == value:
                        self._by[table, by, value].add(row_id)
        return read


def _about_reference(conflict: Links) -> bool:
    about = conflict.get("table_name") or ""
    return about in UNIT_WAYS and is_reference(about)
