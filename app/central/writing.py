"""Whether a laptop may write where its change sets write: within its scope now, or as it was when they were made.

People work offline, so what was written on a record that the laptop held by right is taken whenever it arrives, even
after the record moved to another team. What a laptop wrote outside that is not merged, and not lost: it is handed in.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, Uuid, bindparam, exists, select, text

from app.central.holdings import Holdings
from app.central.places import LOOSE, MARKS, REFERENCE, Key, Places, Units, columns_kept
from app.central.tables import change_log, change_touch
from app.central.visibility import Visibility
from app.services.changes import Change, ChangeSet
from app.services.sync.protocol import RESCUE
from app.services.sync.units import UNIT_WAYS

_UNIT: Final = bindparam("unit", type_=Uuid(as_uuid=False))
_TEAM: Final = text(
    'SELECT team_id FROM "case" WHERE child_id = :unit AND team_id IS NOT NULL ORDER BY opened_on DESC LIMIT 1'
).bindparams(_UNIT)
_MAKER: Final = text(
    "SELECT l.device_id FROM change_unit AS u JOIN change_log AS l USING (revision)"
    " WHERE u.unit = :unit ORDER BY u.revision LIMIT 1"
).bindparams(_UNIT)


class Reach:
    """What one laptop may write, as the change sets of one push are judged in order."""

    def __init__(self, connection: Connection, device_id: str, visibility: Visibility) -> None:
        self._connection = connection
        self._device_id = device_id
        self._visibility = visibility
        self._holdings = Holdings(connection, device_id)
        self._places = Places(connection)
        self._stored: Places | None = None
        self._visible: set[str] = set()
        self._asked: set[str] = set()
        self._withheld: set[Key] = set()
        self._known: bool | None = None

    def prepare(self, change_sets: Sequence[ChangeSet]) -> None:
        """Read at once what judging these change sets will ask for; they must have the right shape."""
        wanted: dict[str, set[str]] = {}
        for change in _changes(change_sets):
            wanted.setdefault(change.table, set()).add(change.row)
        lead = self._places.read(wanted)
        lead += [(change.table, links) for change in _changes(change_sets) if (links := _new_links(change))]
        self._places.prepare(lead)
        self._stored = Places(self._connection, self._places)
        units: set[str] = set()
        for change in _changes(change_sets):
            units.update(*self._where(change))
        self._see(units)

    @property
    def stored(self) -> Places | None:
        """Where the rows belong as they are stored, before any of these change sets; None where nothing was read."""
        return self._stored

    def may(self, change_set: ChangeSet) -> bool:
        """Return whether the laptop may write all that a change set writes."""
        made = self._made(change_set)
        for change in change_set.changes:
            if self._depends_on_withheld(change):
                return False
            for units in self._where(change):
                if units and not self._may(units, made, change_set.base):
                    return False
        return True

    def sees(self, change_set: ChangeSet) -> bool:
        """Return whether the laptop may hold all that a change set touches."""
        made = self._made(change_set)
        return all(
            not units or self._within(units, made) for change in change_set.changes for units in self._where(change)
        )

    def take(self, change_set: ChangeSet) -> None:
        """Let a change set that will be merged count for those after it."""
        for change in change_set.changes:
            if change.op == "delete":
                self._places.put(change.table, change.row, None)
            elif links := _new_links(change):
                stands = self._places.links(change.table, change.row) or dict.fromkeys(columns_kept(change.table))
                self._places.put(change.table, change.row, {**stands, **links})
            if change.table == "child" and change.op == "insert":
                self._visible.add(change.row)

    def withhold(self, change_set: ChangeSet) -> None:
        """Let what a change set makes, that will not be merged, be missing for those after it."""
        self._withheld |= {(change.table, change.row) for change in change_set.changes if change.op == "insert"}

    def team(self, change_set: ChangeSet) -> str:
        """Return the team that works on what a change set writes and the laptop may not hold, or nothing."""
        touched = {unit for change in change_set.changes for units in self._where(change) for unit in units - MARKS}
        for unit in [*sorted(touched - self._visible), *sorted(touched)]:
            if (found := self._connection.execute(_TEAM, {"unit": unit}).scalar()) is not None:
                return str(found)
        return ""

    def _made(self, change_set: ChangeSet) -> set[str]:
        """Return the units that begin with a change set."""
        children = {change.row for change in change_set.changes if change.table == "child" and change.op == "insert"}
        return {child for child in children if self._places.links("child", child) is None}

    def _where(self, change: Change) -> tuple[Units, Units]:
        """Return where the row of a change belongs, and where the change itself puts it."""
        stands = self._places.links(change.table, change.row)
        here = self._places.lead(change.table, stands) if stands is not None else frozenset()
        links = _new_links(change)
        if not links or change.op == "delete":
            return here, frozenset()
        return here, self._places.lead(change.table, {**(stands or dict.fromkeys(columns_kept(change.table))), **links})

    def _within(self, units: Units, made: set[str]) -> bool:
        if REFERENCE in units or (LOOSE in units and self._visibility.reads_cases):
            return True
        return not units.isdisjoint(self._visible | made)

    def _may(self, units: Units, made: set[str], base: int) -> bool:
        self._see(units)
        return self._within(units, made) or any(self._had(unit, base) for unit in units - MARKS)

    def _see(self, units: Iterable[str]) -> None:
        unknown = set(units) - MARKS - self._asked
        if unknown:
            self._asked |= unknown
            self._visible |= self._visibility.of(unknown)

    def _had(self, unit: str, base: int) -> bool:
        """Return whether the laptop held a unit at a revision, or made it."""
        if self._known is None:
            self._known = self._holdings.known()
        if not self._known or self._holdings.at(base, [unit]):
            return True
        maker = self._connection.execute(_MAKER, {"unit": unit}).scalar()
        return maker is None or str(maker) == self._device_id

    def _depends_on_withheld(self, change: Change) -> bool:
        """Return whether a change is to a row that never came here because what made it was handed in."""
        key = (change.table, change.row)
        if change.op == "insert" or self._places.links(*key) is not None:
            return False
        if key in self._withheld:
            return True
        touched = select(change_touch.c.row_id).where(change_touch.c.row_id == change.row).limit(1)
        if self._connection.execute(touched).first() is not None:
            return False
        handed_in = exists().where(change_log.c.device_id == self._device_id, change_log.c.state == RESCUE)
        return bool(self._connection.execute(select(handed_in)).scalar())


def _changes(change_sets: Iterable[ChangeSet]) -> Iterable[Change]:
    return (change for change_set in change_sets for change in change_set.changes if change.table in UNIT_WAYS)


def _new_links(change: Change) -> dict[str, str | None]:
    return {name: change.fields[name][1] for name in columns_kept(change.table) if name in change.fields}
