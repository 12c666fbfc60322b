"""How two laptops' changes to one row come together. Pure: no database, no clock, no ids.

Each field on its own. The value in the central store equals what the change replaced: the change goes in. It equals
what the change brings: nothing to do. Otherwise both are kept: the record keeps the central value and a conflict
holds the other, and a person decides. Deleting never beats an edit.

Everything that a change brings ends in the record, in a conflict, or (counters and creation stamps, which nobody
chooses between) in the history.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.models.conflict import WHOLE_ROW as WHOLE_ROW
from app.models.synced import SYNCED_TABLES, MergeRule
from app.services.changes import Change
from app.services.sync.shapes import wire_defaults

CREATION_FIELDS = frozenset({"id", "created_at", "created_by"})
"""Stamped once; when two laptops create the same row the first stamp stays, and nobody is asked."""

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that only make sense together: all go in, or none.

    Attributes:
        chosen: the field that a person is asked about, or None when nobody is asked.
        counted: fields that follow from it; never asked about.
    """

    chosen: str | None
    counted: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """Every field of the group."""
        return self.counted | ({self.chosen} if self.chosen else _NONE)


FIELD_GROUPS: dict[str, tuple[FieldGroup, ...]] = {
    # Two supervisors allocate one case: the first stays, the second learns of it; a count alone never decides.
    "case": (FieldGroup("officer_id", frozenset({"allocation"})),),
    # Two people decide one conflict: the first decision stays whole and is not asked about again. What the second
    # chose otherwise becomes a conflict of the record itself (``app.central.decisions``).
    "conflict": (FieldGroup(None, frozenset({"state", "chosen", "decided_by", "decided_at"})),),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """Two values for one field.

    Attributes:
        field: the column, or :data:`WHOLE_ROW`.
        before: what the change believed it replaced.
        kept: what the record keeps.
        offered: what the change brought.
    """

    field: str
    before: Any
    kept: Any
    offered: Any


@dataclass(slots=True)
class Merged:
    """What one change comes to.

    Attributes:
        row: the row afterwards, or None when it is deleted.
        written: the columns to write, with their values; all columns for a new row.
        conflicts: what a person has to choose between.
        effective: the change as every laptop should apply it, when it differs from the one sent.
    """

    row: dict[str, Any] | None
    written: dict[str, Any] = field(default_factory=dict)
    conflicts: list[Kept] = field(default_factory=list)
    effective: Change | None = None


def merge(change: Change, current: Mapping[str, Any] | None, overtaken: frozenset[str] = _NONE) -> Merged:
    """Return what a change comes to on the row as the central store has it.

    Args:
        change: from a laptop, in wire form.
        current: the row's travelling columns in wire form; None when there is no such row.
        overtaken: fields (or :data:`WHOLE_ROW`) that somebody else has decided otherwise in the meantime: a different
            value never goes in, even where the record says what this change saw.

    Returns:
        The row afterwards and everything that must be told about it.
    """
    if change.op == "delete":
        return _merge_delete(change, current, decided=WHOLE_ROW in overtaken)
    if current is None:
        return _merge_into_nothing(change)
    return _merge_fields(change, dict(current), overtaken)


def _merge_into_nothing(change: Change) -> Merged:
    if change.op == "insert":
        row = {**wire_defaults(change.table), **{name: new for name, (_, new) in change.fields.items()}}
        return Merged(row, dict(row))
    # Somebody deleted the row that this laptop went on editing. The edit is kept whole in the conflict.
    olds = {name: old for name, (old, _) in change.fields.items()}
    news = {name: new for name, (_, new) in change.fields.items()}
    gone = Change(change.table, change.row, "delete", {name: [new, None] for name, new in news.items()})
    return Merged(None, {}, [Kept(WHOLE_ROW, olds, None, news)], gone)


def _merge_delete(change: Change, current: Mapping[str, Any] | None, *, decided: bool) -> Merged:
    if current is None:
        return Merged(None)
    seen = {name: old for name, (old, _) in change.fields.items()}
    if not decided and all(seen.get(name) == value for name, value in current.items()):
        return Merged(None)
    row = dict(current)
    back = Change(change.table, change.row, "insert", {name: [None, value] for name, value in row.items()})
    return Merged(row, {}, [Kept(WHOLE_ROW, seen, row, None)], back)


def _merge_fields(change: Change, current: dict[str, Any], overtaken: frozenset[str]) -> Merged:
    latest_wins = SYNCED_TABLES[change.table].merge_rule is MergeRule.LATEST
    stale = _stale_groups(change, current, overtaken)
    merged = Merged(current)
    as_applied: dict[str, list[Any]] = {}
    differs = False
    for name, (old, new) in change.fields.items():
        now = current.get(name)
        as_applied[name] = [old, new]
        if now == new:
            continue
        stamped = name in CREATION_FIELDS
        if not stamped and name not in stale and name not in overtaken and (now == old or latest_wins):
            merged.written[name] = new
            continue
        as_applied[name] = [new, now]
        differs = True
        if not stamped and not stale.get(name, False):
            merged.conflicts.append(Kept(name, old, now, new))
    current.update(merged.written)
    if differs:
        merged.effective = Change(change.table, change.row, "update", as_applied)
    return merged


def _stale_groups(change: Change, current: Mapping[str, Any], decided: frozenset[str]) -> dict[str, bool]:
    """Return the fields of groups that were overtaken; True marks those that nobody is asked about."""
    stale: dict[str, bool] = {}
    for group in FIELD_GROUPS.get(change.table, ()):
        names = group.names & change.fields.keys()
        moved_on = any(current.get(name) not in change.fields[name] for name in names)
        if moved_on or names & decided:
            stale.update({name: name in group.counted for name in names})
    return stale
