"""Open conflicts as choices, in wire values: which columns together, who offers what, and what the record says now."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import SYNCED_TABLES, Conflict
from app.models.conflict import WHOLE_ROW
from app.services.batches import batched
from app.services.conflicts.fields import Together, choices_in
from app.services.conflicts.origins import Origins, origins_of
from app.services.wire import fields_of, to_wire

NOW: Final = "now"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the values of a choice.

    Attributes:
        key: :data:`NOW`, or from the conflict that keeps it.
        values: by column; None means the row is deleted.
        along: what came with it and is not in conflict itself: where it came from.
        set_id: the change set that offered it.
    """

    key: str
    values: Row | None
    by_id: str | None
    at: datetime | None
    laptop: str = ""
    set_id: str | None = None
    along: Row = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """Conflicts that are one decision.

    Attributes:
        together: what it is about.
        fields: the columns in conflict, or :data:`WHOLE_ROW` alone.
        row: the record as it is now, or None when it is deleted.
        whole: whether keeping or deleting the record is what is decided.
        last: a deleted record as its history tells it.
    """

    together: Together
    fields: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    row: Row | None
    whole: bool
    before: Row | None
    candidates: tuple[Candidate, ...]
    last: Row = field(default_factory=dict)

    @property
    def table(self) -> str:
        """The record's table."""
        return self.conflicts[0].table_name

    @property
    def row_id(self) -> str:
        """The record's id."""
        return self.conflicts[0].row_id

    @property
    def key(self) -> str:
        """A name that stays while the same conflicts are open."""
        return self.conflicts[0].id

    @property
    def shown(self) -> str:
        """A digest of what there is to choose from: what was shown must still be so when it is decided."""
        known = [sorted(each.id for each in self.conflicts), [each.values for each in self.candidates]]
        return hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()[:16]

    @property
    def facts(self) -> Row:
        """The record's columns, also of a deleted one."""
        return self.row if self.row is not None else self.last

    def candidate(self, key: str) -> Candidate | None:
        """Return a value by its key."""
        return next((each for each in self.candidates if each.key == key), None)


def choices_of(session: Session, conflicts: Sequence[Conflict]) -> tuple[list[Choice], Origins]:
    """Return open conflicts as choices, in the order of their records, with what is known of who wrote what."""
    rows = _rows(session, conflicts)
    subjects = {each.subject_id or each.row_id for each in conflicts}
    origins = origins_of(session, subjects, {each.row_id for each in conflicts})
    groups: dict[tuple[str, str, Together], list[Conflict]] = {}
    places = choices_in((each.table_name, each.row_id, each.field) for each in conflicts)
    for each in conflicts:
        gone = (each.table_name, each.row_id) not in rows or each.field == WHOLE_ROW
        place = places[each.table_name, each.row_id, each.field]
        together = Together(each.table_name, (WHOLE_ROW,)) if gone else place[2]
        groups.setdefault((each.table_name, each.row_id, together), []).append(each)
    found = []
    for (table, row_id, together), some in groups.items():
        row = rows.get((table, row_id))
        whole = together.fields == (WHOLE_ROW,)
        found.append(_whole(together, some, row, origins) if whole else _plain(together, some, row or {}, origins))
    return sorted(found, key=_place), origins


def _place(choice: Choice) -> tuple[int, str, int]:
    tables = list(SYNCED_TABLES)
    table = tables.index(choice.table) if choice.table in tables else len(tables)
    names = list(fields_of(choice.table)) if choice.table in SYNCED_TABLES else []
    first = choice.fields[0]
    return table, choice.row_id, names.index(first) if first in names else -1


def _rows(session: Session, conflicts: Iterable[Conflict]) -> dict[tuple[str, str], Row]:
    wanted: dict[str, set[str]] = {}
    for each in conflicts:
        if each.table_name in SYNCED_TABLES:
            wanted.setdefault(each.table_name, set()).add(each.row_id)
    found: dict[tuple[str, str], Row] = {}
    for table, ids in wanted.items():
        model, names = SYNCED_TABLES[table], list(fields_of(table))
        for some in batched(sorted(ids), 400):
            for record in session.scalars(select(model).where(model.id.in_(some))):
                found[table, record.id] = {name: to_wire(getattr(record, name)) for name in names}
    return found


def _plain(together: Together, conflicts: list[Conflict], row: Row, origins: Origins) -> Choice:
    names = list(fields_of(together.table))
    fields = tuple(sorted({each.field for each in conflicts}, key=names.index))
    now = {name: row.get(name) for name in fields}
    latest = max(conflicts, key=lambda each: (each.kept == row.get(each.field), each.offered_at, each.id))
    found = [_now(together, latest, now, row, origins)]
    for each in _by_set(conflicts):
        first = each[0]
        write = origins.of_set(first.row_id, first.change_set_id)
        values = {**now, **{one.field: one.offered for one in each}}
        found.append(
            Candidate(
                f"offer:{first.id}",
                values,
                first.offered_by,
                first.offered_at,
                write.laptop if write else "",
                first.change_set_id,
                _along(together, fields, write.change.fields if write else {}),
            )
        )
    for one in conflicts:
        if one.kept != row.get(one.field):
            write = origins.who_wrote(one.row_id, one.field, one.kept, one.offered_at)
            values = {**now, one.field: one.kept}
            laptop = write.laptop if write else ""
            found.append(Candidate(f"kept:{one.id}", values, one.kept_by, one.kept_at, laptop))
    before: Row = {}
    for one in reversed(conflicts):
        before[one.field] = one.before
    return Choice(together, fields, tuple(conflicts), row, False, before, _distinct(found))


def _now(together: Together, latest: Conflict, now: Row, row: Row, origins: Origins) -> Candidate:
    """Return what the record says, and who wrote it: known from the conflict unless it changed since."""
    write = origins.who_wrote(latest.row_id, latest.field, row.get(latest.field))
    as_kept = latest.kept == row.get(latest.field)
    if as_kept and write is not None and latest.kept_by not in (None, write.by_id):
        write = None
    by = latest.kept_by if as_kept and latest.kept_by else write.by_id if write else None
    at = latest.kept_at if as_kept and latest.kept_at else write.at if write else None
    along = _along(together, tuple(now), write.change.fields if write else {})
    return Candidate(NOW, now, by, at, write.laptop if write else "", None, along)


def _along(together: Together, fields: tuple[str, ...], written: Mapping[str, Sequence[Any]]) -> Row:
    return {name: written[name][1] for name in together.along if name in written and name not in fields}


def _by_set(conflicts: Sequence[Conflict]) -> list[list[Conflict]]:
    groups: dict[str, list[Conflict]] = {}
    for each in conflicts:
        groups.setdefault(each.change_set_id or each.id, []).append(each)
    return list(groups.values())


def _whole(together: Together, conflicts: list[Conflict], row: Row | None, origins: Origins) -> Choice:
    """Return the choice between keeping a record and having it deleted."""
    row_id = conflicts[0].row_id
    last = origins.whole(row_id) if row is None else {}
    first = conflicts[0]
    found = [_whole_now(conflicts, row, origins)]
    for each in _by_set(conflicts):
        one = each[0]
        write = origins.of_set(one.row_id, one.change_set_id)
        offered: Row | None = {}
        for part in each:
            if part.field != WHOLE_ROW:
                offered = {**(offered or {}), part.field: part.offered}
            else:
                offered = dict(part.offered) if isinstance(part.offered, Mapping) else None
        laptop = write.laptop if write else ""
        found.append(Candidate(f"offer:{one.id}", offered, one.offered_by, one.offered_at, laptop, one.change_set_id))
        kept = one.kept if one.field == WHOLE_ROW else {one.field: one.kept}
        if row is None and isinstance(kept, Mapping):
            found.append(Candidate(f"kept:{one.id}", dict(kept), one.kept_by, one.kept_at))
        elif row is not None and kept is None:
            found.append(Candidate(f"kept:{one.id}", None, one.kept_by, one.kept_at))
    before = first.before if isinstance(first.before, Mapping) else None
    if first.field != WHOLE_ROW:
        before = {first.field: first.before}
    return Choice(
        together, (WHOLE_ROW,), tuple(conflicts), row, True, dict(before) if before else None, _distinct(found), last
    )


def _whole_now(conflicts: list[Conflict], row: Row | None, origins: Origins) -> Candidate:
    writes = origins.writes.get(conflicts[0].row_id, [])
    mine = {each.change_set_id for each in conflicts}
    deleting = row is None
    found = next(
        (each for each in writes if (each.change.op == "delete") == deleting and each.set_id not in mine), None
    )
    latest = conflicts[-1]
    known = latest.field == WHOLE_ROW
    by = (latest.kept_by if known else None) or (found.by_id if found else None)
    at = (latest.kept_at if known else None) or (found.at if found else None)
    laptop = found.laptop if found and found.by_id == by else ""
    return Candidate(NOW, row, by, at, laptop)


def _distinct(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    found: list[Candidate] = []
    for each in candidates:
        if all(each.values != other.values for other in found):
            found.append(each)
    return tuple(found)
