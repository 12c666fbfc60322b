"""What the log says of some units: the history of records that arrived whole."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from app.central.filtering import Filter, rows_named, without
from app.central.places import MARKS, Places
from app.central.visibility import Visibility, viewers_of
from app.services.sync.protocol import PAGE_BYTES, PAGE_ENTRIES, LogEntry, ProtocolError, PullAnswer
from app.services.sync.scope_protocol import HistoryRequest
from app.timesource import TimeSource

_KEY: Final = Uuid(as_uuid=False)
_KEYS: Final = ARRAY(_KEY)
_MOST_UNITS: Final = 5000
_REVISIONS: Final = """
      SELECT u.revision FROM change_unit AS u
      WHERE u.unit = ANY(:units) AND u.revision > :after AND u.revision <= :until
      GROUP BY u.revision ORDER BY u.revision LIMIT :limit
"""
# Revision by revision, so that it stops with the page: a whole scope is looked up unit by unit, never read.
_HELD_REVISIONS: Final = """
      SELECT r.revision FROM change_log AS r CROSS JOIN LATERAL (
        SELECT 1 FROM change_unit AS u WHERE u.revision = r.revision AND (u.unit = ANY(:units) OR (
          SELECT h.since FROM device_holding AS h
          WHERE h.device_id = :device AND h.unit = u.unit AND h.until IS NULL LIMIT 1) IS NOT NULL) LIMIT 1) AS held
      WHERE r.revision > :after AND r.revision <= :until ORDER BY r.revision LIMIT :limit
"""
_PAGE: Final = """
SELECT * FROM (
  SELECT found.*, sum(octet_length(body) + octet_length(effective) + 200) OVER (ORDER BY revision) AS size,
    row_number() OVER (ORDER BY revision) AS place, count(*) OVER () AS found
  FROM (
    SELECT l.revision, l.change_set_id, l.device_id, l.body, l.signature, l.effective, p.parts,
      (SELECT array_agg(u.unit) FROM change_unit AS u WHERE u.revision = l.revision) AS units
    FROM change_log AS l LEFT JOIN change_part AS p ON p.revision = l.revision
    WHERE l.revision IN ({revisions})
    ORDER BY l.revision) AS found) AS sized
WHERE size <= :bytes OR place = 1 ORDER BY revision
"""
_UNITS = bindparam("units", type_=_KEYS)
_OF_UNITS, _OF_HELD = (
    text(_PAGE.format(revisions=revisions))
    .bindparams(_UNITS, *more)
    .columns(change_set_id=_KEY, device_id=_KEY, units=_KEYS)
    for revisions, more in ((_REVISIONS, ()), (_HELD_REVISIONS, (bindparam("device", type_=_KEY),)))
)


class UnitLog:
    """Answers requests for history."""

    def __init__(self, engine: Engine, time: TimeSource) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")
        self._time = time

    def history(self, device_id: str, request: HistoryRequest) -> PullAnswer:
        """Return what the log between two revisions says of units, as far as the laptop may hold them now.

        Args:
            device_id: who asks.
            request: no units means all that the laptop holds, with what belongs to no unit.

        Raises:
            ProtocolError: far too many units.
        """
        if len(request.units) > _MOST_UNITS:
            raise ProtocolError("too many units")
        limit = max(1, min(request.limit, PAGE_ENTRIES))
        with self._engine.begin() as connection:
            head = int(connection.execute(text("SELECT value FROM revision_counter")).scalar_one())
            until = min(request.until, head)
            visibility = Visibility(connection, viewers_of(connection, device_id), self._time.now())
            asked = set(request.units) - MARKS
            values = {"after": request.after, "until": until, "limit": limit, "bytes": PAGE_BYTES}
            if asked:
                rows = connection.execute(_OF_UNITS, {**values, "units": list(visibility.of(asked))}).all()
            else:
                held = {"device": device_id, "units": list(visibility.marks)}
                rows = connection.execute(_OF_HELD, {**values, **held}).all()
            others = {str(unit) for row in rows for unit in row.units}
            seen = visibility.of(others) | visibility.marks
            known = Filter(connection, device_id, lambda units: units)
            told = [_Row(row, seen) for row in rows]
            entries = without_moved(connection, visibility, known.entries([each for each in told if each.seen]))
        whole = not rows or (rows[0].found < limit and len(rows) == rows[0].found)
        return PullAnswer(entries, max(until, request.after) if whole else rows[-1].revision, head)


def without_moved(connection: Connection, visibility: Visibility, entries: Sequence[LogEntry]) -> list[LogEntry]:
    """Return entries without the history of rows that have moved to where the laptop may not look.

    A document that was linked to nobody and is now on a hidden child's case; what is of nobody any more stays. The
    laptop's own change sets come without their body and stay too.
    """
    others = [entry for entry in entries if entry.body]
    wanted: dict[str, set[str]] = {}
    for table, row_id in (key for entry in others for key in rows_named(entry)):
        wanted.setdefault(table, set()).add(row_id)
    places = Places(connection)
    places.prepare(places.read(wanted))
    now = {(table, row_id): places.units(table, row_id) for table, ids in wanted.items() for row_id in ids}
    units = {unit for some in now.values() for unit in some}
    open_to = visibility.of(units) | visibility.marks
    hidden = {key for key, some in now.items() if some and some.isdisjoint(open_to)}
    if not hidden:
        return list(entries)
    left = [without(entry, hidden) if entry.body else entry for entry in entries]
    return [entry for entry in left if entry is not None]


class _Row:
    """A row of the log with the units that the laptop may see of it."""

    def __init__(self, row: Any, seen: set[str]) -> None:
        self._row = row
        self.seen = [unit for unit in map(str, row.units) if unit in seen]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)
