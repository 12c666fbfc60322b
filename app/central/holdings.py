"""Which units a laptop holds, as intervals of revisions, and how they change when it passes some.

What a laptop holds is asked as of the cursor it names, never as of the last answer it was given: an answer that was
lost, a request made twice or a vault put back to an earlier cursor only lead to arriving or leaving again.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import BigInteger, Connection, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from app.central.places import LOOSE
from app.central.scope_tables import device_holding, device_scope

Interval = tuple[int, int | None]
_KEY = Uuid(as_uuid=False)
_DEVICE = bindparam("device", type_=_KEY)
_UNITS = bindparam("units", type_=ARRAY(_KEY))
_AT: Final = "since <= :cursor AND (until IS NULL OR until > :cursor)"
_HELD = text(f"SELECT unit FROM device_holding WHERE device_id = :device AND {_AT}").bindparams(_DEVICE)
_HELD_OF = text(
    f"SELECT DISTINCT unit FROM device_holding WHERE device_id = :device AND unit = ANY(:units) AND {_AT}"
).bindparams(_DEVICE, _UNITS)
_INTERVALS = text(
    "SELECT unit, since, until FROM device_holding WHERE device_id = :device AND unit = ANY(:units) ORDER BY since"
).bindparams(_DEVICE, _UNITS)
# Looked up unit by unit: as NOT EXISTS, PostgreSQL may read all that is held for every unit that comes.
_OPEN = text(
    "INSERT INTO device_holding (device_id, unit, since)"
    " SELECT :device, u.id, :at FROM unnest(:units) AS u(id) WHERE ("
    "  SELECT h.since FROM device_holding AS h"
    "  WHERE h.device_id = :device AND h.unit = u.id AND h.until IS NULL LIMIT 1) IS NULL"
    " ON CONFLICT (device_id, unit, since) DO UPDATE SET until = NULL"
).bindparams(_DEVICE, _UNITS)
_CLOSE = text(
    "UPDATE device_holding SET until = greatest(since, :at)"
    " WHERE device_id = :device AND until IS NULL AND unit = ANY(:units)"
).bindparams(_DEVICE, _UNITS)
_FORGET = text("DELETE FROM device_holding WHERE device_id = :device AND unit = ANY(:units)").bindparams(
    _DEVICE, _UNITS
)
_SET = text(
    "INSERT INTO device_holding (device_id, unit, since, until) SELECT :device, * FROM unnest(:units, :starts, :ends)"
).bindparams(_DEVICE, _UNITS, bindparam("starts", type_=ARRAY(BigInteger)), bindparam("ends", type_=ARRAY(BigInteger)))
_KNOWN = text("SELECT EXISTS (SELECT 1 FROM device_scope WHERE device_id = :device)").bindparams(_DEVICE)
_NOTE = text(
    "INSERT INTO device_scope (device_id, since) VALUES (:device, :at) ON CONFLICT (device_id) DO NOTHING"
).bindparams(_DEVICE)
_BEGIN_ANEW = text(
    "INSERT INTO device_scope (device_id, since) VALUES (:device, :at)"
    " ON CONFLICT (device_id) DO UPDATE SET since = excluded.since"
).bindparams(_DEVICE)
_ADOPT = text(
    "INSERT INTO device_holding (device_id, unit, since) SELECT :device, id, 0 FROM child ON CONFLICT DO NOTHING"
).bindparams(_DEVICE)


def settled(intervals: Sequence[Interval], cursor: int, at: int, *, visible: bool) -> list[Interval]:
    """Return a unit's intervals once a laptop was told, passing from one revision to another, what it may hold.

    What was noted beyond the cursor is of answers that never arrived, or of a time that the vault no longer knows.

    Args:
        intervals: as noted, in order.
        cursor: where the laptop is.
        at: where it will be.
        visible: whether it may hold the unit then.
    """
    kept = [interval for interval in intervals if interval[0] <= cursor]
    beyond = [since for since, _ in intervals if since > cursor]
    held = bool(kept) and _covers(kept[-1], cursor)
    if visible and not held:
        kept.append((min([*beyond, at]), None))
    elif visible:
        kept[-1] = (kept[-1][0], None)
    elif held:
        since, until = kept[-1]
        kept[-1] = (since, at if until is None else min(until, at))
    return kept


def _covers(interval: Interval, cursor: int) -> bool:
    since, until = interval
    return since <= cursor and (until is None or until > cursor)


class Holdings:
    """What one laptop holds."""

    def __init__(self, connection: Connection, device_id: str) -> None:
        self._connection = connection
        self._device_id = device_id
        self._device = {"device": device_id}

    def known(self) -> bool:
        """Return whether this laptop's holdings are kept."""
        return bool(self._connection.execute(_KNOWN, self._device).scalar_one())

    def begin(self, at: int) -> None:
        """Keep this laptop's holdings from now on."""
        self._connection.execute(_NOTE, {**self._device, "at": at})

    def adopt(self) -> None:
        """Take a laptop from before there was scope for what it is: one that holds every unit."""
        self._connection.execute(_ADOPT, self._device)
        self.open({LOOSE}, 0)
        self.begin(0)

    def at(self, cursor: int, units: Iterable[str] | None = None) -> set[str]:
        """Return the units held at a cursor, or those among some units."""
        values = {**self._device, "cursor": cursor}
        if units is None:
            return {str(unit) for unit in self._connection.scalars(_HELD, values)}
        wanted = list(units)
        if not wanted:
            return set()
        return {str(unit) for unit in self._connection.scalars(_HELD_OF, {**values, "units": wanted})}

    def now(self) -> set[str]:
        """Return the units that are held as far as this store knows."""
        query = select(device_holding.c.unit).where(
            device_holding.c.device_id == self._device_id, device_holding.c.until.is_(None)
        )
        return {str(unit) for unit in self._connection.scalars(query)}

    def open(self, units: Iterable[str], at: int) -> None:
        """Let units be held from a revision on, where they are not held already."""
        if wanted := list(units):
            self._connection.execute(_OPEN, {**self._device, "units": wanted, "at": at})

    def close(self, units: Iterable[str], at: int) -> None:
        """Let units be held no longer from a revision on."""
        if wanted := list(units):
            self._connection.execute(_CLOSE, {**self._device, "units": wanted, "at": at})

    def restart(self, at: int) -> None:
        """Keep from a revision on what a laptop that begins anew is sent; what it holds already it goes on holding."""
        self._connection.execute(_BEGIN_ANEW, {**self._device, "at": at})

    def since(self) -> int | None:
        """Return from which revision on this laptop's holdings are kept, or None where they are not."""
        query = select(device_scope.c.since).where(device_scope.c.device_id == self._device_id)
        found = self._connection.execute(query).scalar()
        return None if found is None else int(found)

    def settle(self, units: Iterable[str], visible: set[str], cursor: int, at: int) -> None:
        """Note what a laptop that passes from one revision to another is told about some units."""
        wanted = list(units)
        if not wanted:
            return
        noted: dict[str, list[Interval]] = {unit: [] for unit in wanted}
        for row in self._connection.execute(_INTERVALS, {**self._device, "units": wanted}):
            noted[str(row.unit)].append((row.since, row.until))
        stale, fresh = [], []
        for unit, intervals in noted.items():
            after = settled(intervals, cursor, at, visible=unit in visible)
            if after != intervals:
                stale += [unit] if intervals else []
                fresh += [(unit, since, until) for since, until in after]
        if stale:
            self._connection.execute(_FORGET, {**self._device, "units": stale})
        if fresh:
            ids, starts, ends = zip(*fresh, strict=True)
            values = {**self._device, "units": list(ids), "starts": list(starts), "ends": list(ends)}
            self._connection.execute(_SET, values)
