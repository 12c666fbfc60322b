"""Who wrote a value, when and on which laptop: read from the change sets that this laptop holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import ChangeLine, ChangeSetRow, Device, DeviceKey
from app.services.batches import batched
from app.services.changes import Change, decode

_MOST_SETS: Final = 2000
"""Of the newest: a record that changed more often than this shows its older authors in the history only."""


@dataclass(frozen=True, slots=True)
class Write:
    """What one change set did to one row."""

    set_id: str
    change: Change
    by_id: str | None
    by: str
    at: datetime
    laptop: str


@dataclass(slots=True)
class Origins:
    """The writes to some rows, newest first."""

    writes: Mapping[str, list[Write]] = field(default_factory=dict)

    def of_set(self, row_id: str, set_id: str | None) -> Write | None:
        """Return what a change set did to a row."""
        return next((each for each in self.writes.get(row_id, ()) if each.set_id == set_id), None)

    def who_wrote(self, row_id: str, name: str, value: Any, until: datetime | None = None) -> Write | None:
        """Return the newest write that gave a column a value, not later than an instant."""
        for each in self.writes.get(row_id, ()):
            pair = each.change.fields.get(name)
            if pair is not None and pair[1] == value and (until is None or each.at <= until):
                return each
        return None

    def whole(self, row_id: str) -> dict[str, Any]:
        """Return a deleted row as far as its history tells it: what it held last, by column."""
        row: dict[str, Any] = {}
        for each in reversed(self.writes.get(row_id, [])):
            change = each.change
            for name, (old, new) in change.fields.items():
                if change.op != "delete":
                    row[name] = new
                elif old is not None:
                    row[name] = old
        return row


def origins_of(session: Session, subjects: Iterable[str], rows: Iterable[str]) -> Origins:
    """Return the writes to some rows.

    Args:
        session: of the vault.
        subjects: whose history the rows belong to (what is indexed).
        rows: their ids.
    """
    wanted = set(rows)
    sets: set[str] = set()
    for some in batched(sorted(set(subjects)), 400):
        query = select(ChangeLine.change_set_id, ChangeLine.row_id).where(ChangeLine.subject_id.in_(some))
        sets |= {set_id for set_id, row_id in session.execute(query) if row_id in wanted}
    names = {row.device_id: row.name for row in session.execute(select(DeviceKey.device_id, DeviceKey.name))}
    names |= {row.id: row.name for row in session.execute(select(Device.id, Device.name))}
    found: dict[str, list[Write]] = {}
    for some in batched(sorted(sets, reverse=True)[:_MOST_SETS], 400):
        for row in session.scalars(select(ChangeSetRow).where(ChangeSetRow.id.in_(some))):
            for change in decode(row.body).changes:
                if change.row in wanted:
                    write = Write(
                        row.id, change, row.actor_id, row.actor_name, row.made_at, names.get(row.device_id, "")
                    )
                    found.setdefault(change.row, []).append(write)
    for writes in found.values():
        writes.sort(key=lambda each: (each.at, each.set_id), reverse=True)
    return Origins(found)
