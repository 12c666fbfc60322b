"""Applying what was pulled: entries of the log in revision order, and pages of a first pull.

What this laptop wrote and the central store has not yet merged wins here until it is merged there: its own entry in
the log then says what became of it. So every laptop that has applied the same revisions holds the same values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select
from sqlalchemy.orm import Session

from app.models import SYNCED_TABLES, ChangeLine, ChangeSetRow, User
from app.models.terms import ChangeState
from app.services import projection
from app.services.batches import batched
from app.services.capture import line_rows, unit_of
from app.services.changes import Change, ChangeSet, collapse, decode
from app.services.sync import facts, writing
from app.services.sync.faults import TooManyDeletions, nonsense
from app.services.sync.fuse import too_many_deletions
from app.services.sync.protocol import LogEntry, SnapshotPage
from app.services.sync.shapes import ShapeError, columns_of, decode_rows, table_of, wire_defaults

Key = tuple[str, str]
_changes_decoder = msgspec.json.Decoder(list[Change])
_FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Entry:
    """One revision, read.

    Attributes:
        change_set: None for this laptop's own when nothing was altered in merging.
        changes: what is to be applied; empty when it is here already.
    """

    log: LogEntry
    change_set: ChangeSet | None
    changes: Sequence[Change]


@dataclass(slots=True)
class Guard:
    """Fields that this laptop wrote and whose merging has not been seen yet."""

    writes: dict[Key, list[tuple[float, frozenset[str] | None]]] = field(default_factory=dict)

    def add(self, change: Change, revision: float) -> None:
        """Note one of this laptop's changes, merged at a revision (or not yet: infinity)."""
        fields = None if change.op == "delete" else frozenset(change.fields)
        self.writes.setdefault((change.table, change.row), []).append((revision, fields))

    def fields(self, key: Key, revision: float) -> frozenset[str] | None:
        """Return the fields of a row that a change of this revision must leave alone; None for the whole row."""
        guarded: frozenset[str] = frozenset()
        for merged_at, fields in self.writes.get(key, ()):
            if merged_at > revision:
                if fields is None:
                    return None
                guarded |= fields
        return guarded


@dataclass(slots=True)
class Overlay:
    """Rows as a page of entries leaves them, gathered before anything is written."""

    stored: set[Key]
    guard: Guard
    rows: dict[Key, dict[str, Any] | None] = field(default_factory=dict)
    fresh: set[Key] = field(default_factory=set)

    def take(self, change: Change, revision: float) -> None:
        """Apply one change on top of what is there."""
        key = (change.table, change.row)
        guarded = self.guard.fields(key, revision)
        if guarded is None:
            return
        present = self.rows[key] is not None if key in self.rows else key in self.stored
        if change.op == "delete":
            # An edit of this laptop that is still on its way is never deleted; its own entry will tell.
            if present and not guarded:
                self.rows[key] = None
                self.fresh.discard(key)
            return
        news = {name: pair[1] for name, pair in change.fields.items() if name not in guarded}
        if present:
            row = self.rows.get(key)
            self.rows[key] = {**row, **news} if row else news
        elif change.op == "insert":
            self.rows[key] = {**wire_defaults(change.table), **news}
            self.fresh.add(key)
        # A change to a row that is not here: it was deleted by a revision that a first pull has seen already.

    def write(self, connection: Connection) -> None:
        """Write what the rows have become.

        Raises:
            TooManyDeletions: the fuse.
        """
        inserts: dict[str, list[dict[str, Any]]] = {}
        updates: dict[str, dict[str, dict[str, Any]]] = {}
        deletes: dict[str, list[str]] = {}
        for key, row in self.rows.items():
            table, row_id = key
            if row is None:
                if key in self.stored:
                    deletes.setdefault(table, []).append(row_id)
            elif key in self.stored:
                updates.setdefault(table, {})[row_id] = row
            else:
                inserts.setdefault(table, []).append(row)
        for table, ids in deletes.items():
            if too_many_deletions(len(ids), writing.count(connection, table)):
                raise TooManyDeletions(
                    "The central store asks this laptop to delete a large share of its records. Nothing was deleted. "
                    "Ask your administrator before you sync again."
                )
        for table, ids in deletes.items():
            writing.delete(connection, table, ids)
        for table, rows in updates.items():
            writing.update_wire(connection, table, rows)
        for table, fresh in inserts.items():
            writing.insert_wire(connection, table, fresh)


def apply_entries(session: Session, entries: Sequence[LogEntry], device_id: str) -> int:
    """Apply entries of the log and move the cursor past them, in the session's transaction.

    Args:
        session: from ``Workspace.apply_session``.
        entries: in revision order, following on from the cursor.
        device_id: this laptop.

    Returns:
        How many change sets came from elsewhere.

    Raises:
        CentralUnreachable: an entry cannot be read or does not fit its table; nothing of the page was applied.
        TooManyDeletions: the fuse.
    """
    cursor = facts.cursor(session)
    # Another process of this laptop may have applied some of them in the meantime.
    entries = [entry for entry in entries if entry.revision > cursor]
    if not entries:
        return 0
    connection = session.connection()
    try:
        read = [_read(entry) for entry in entries]
        _check_order(read, cursor)
        changes = [change for entry in read for change in entry.changes]
        overlay = Overlay(_stored(connection, changes), _guard(connection, read, changes, device_id))
        for entry in read:
            for change in entry.changes:
                overlay.take(change, entry.log.revision)
        overlay.write(connection)
    except (ShapeError, msgspec.MsgspecError, KeyError, IndexError, RecursionError) as error:
        raise nonsense() from error
    received = [entry for entry in read if entry.change_set is not None and entry.change_set.device != device_id]
    _keep_history(session, received)
    _refresh(session, changes)
    facts.put(session, facts.CURSOR, str(entries[-1].revision))
    return len(received)


def keep_history(session: Session, entries: Sequence[LogEntry], device_id: str) -> None:
    """Keep older entries of the log for history only: the snapshot already stood for them.

    Raises:
        CentralUnreachable: an entry cannot be read.
    """
    try:
        read = [_read(entry) for entry in entries]
        _keep_history(
            session,
            [entry for entry in read if entry.change_set is not None and entry.change_set.device != device_id],
        )
    except (ShapeError, msgspec.MsgspecError, KeyError, IndexError, RecursionError, ValueError) as error:
        raise nonsense() from error


def apply_snapshot_page(session: Session, page: SnapshotPage, device_id: str) -> int:
    """Write a page of a first pull; rows that this laptop changed and has not sent keep its values.

    Projections are not refreshed here: a first pull rebuilds them once.

    Returns:
        How many rows arrived.

    Raises:
        CentralUnreachable: the rows do not fit their table.
    """
    connection = session.connection()
    try:
        table_of(page.table)
        columns = tuple(page.columns)
        if set(columns) != set(columns_of(page.table)):
            raise ShapeError("other columns than this version knows")  # noqa: TRY301  (one answer for all of these)
        rows = decode_rows(page.table, columns, page.rows)
    except ShapeError as error:
        raise nonsense() from error
    here = writing.existing(connection, page.table, [row.id for row in rows])
    fresh = [row for row in rows if row.id not in here] if here else rows
    writing.insert_checked(connection, page.table, columns, fresh)
    known = [row for row in rows if row.id in here] if here else []
    guarded = _guarded_rows(connection, device_id, page.table, [row.id for row in known])
    free = [row for row in known if row.id not in guarded]
    writing.update_checked(connection, page.table, columns, [row.id for row in free], free)
    for row in known:
        keep = guarded.get(row.id)
        if keep is not None:
            some = tuple(column for column in columns if column not in keep and column != "id")
            values = msgspec.to_builtins({column: getattr(row, column) for column in some})
            writing.update_wire(connection, page.table, {row.id: values})
    unit_of(session).tables.add(page.table)
    return len(rows)


def _read(entry: LogEntry) -> Entry:
    change_set = decode(entry.body) if entry.body else None
    if change_set is not None and change_set.id != entry.change_set_id:
        raise ShapeError("a change set under another id")
    if entry.effective:
        changes: Sequence[Change] = _changes_decoder.decode(entry.effective)
    else:
        changes = change_set.changes if change_set is not None else []
    return Entry(entry, change_set, changes)


def _check_order(entries: Sequence[Entry], cursor: int) -> None:
    for offset, entry in enumerate(entries, start=1):
        if entry.log.revision != cursor + offset:
            raise ShapeError("a revision is missing")


def _stored(connection: Connection, changes: Iterable[Change]) -> set[Key]:
    wanted: dict[str, set[str]] = {}
    for change in changes:
        table_of(change.table)
        wanted.setdefault(change.table, set()).add(change.row)
    return {(table, row_id) for table, ids in wanted.items() for row_id in writing.existing(connection, table, ids)}


def _guard(connection: Connection, entries: Sequence[Entry], changes: Sequence[Change], device_id: str) -> Guard:
    """Return what this laptop wrote to the touched rows that these entries may not overwrite."""
    guard = Guard()
    first = entries[0].log.revision
    merged_at = {entry.log.change_set_id: entry.log.revision for entry in entries}
    for row in _own_sets(connection, device_id, {change.row for change in changes}, first):
        # A lost answer leaves a set pending here that the log already has.
        revision = row.revision or merged_at.get(row.id) or _FOREVER
        for change in decode(row.body).changes:
            guard.add(change, revision)
    return guard


def _guarded_rows(connection: Connection, device_id: str, table: str, ids: Sequence[str]) -> dict[str, set[str]]:
    guarded: dict[str, set[str]] = {}
    wanted = set(ids)
    for row in _own_sets(connection, device_id, wanted, 1):
        for change in decode(row.body).changes:
            if change.table == table and change.row in wanted:
                guarded.setdefault(change.row, set()).update(change.fields)
    return guarded


def _own_sets(connection: Connection, device_id: str, row_ids: set[str], from_revision: int) -> list[Any]:
    """Return this laptop's change sets on these rows that wait, or were merged at or after a revision."""
    if not row_ids:
        return []
    waiting: list[str] = []
    # Its own order is also the order of their revisions, so the newest are read until one is old enough.
    for row in connection.execute(
        select(ChangeSetRow.id, ChangeSetRow.state, ChangeSetRow.revision)
        .where(ChangeSetRow.device_id == device_id)
        .order_by(ChangeSetRow.sequence.desc())
    ):
        if row.revision is not None and row.revision < from_revision:
            break
        if row.state is not ChangeState.REFUSED:
            waiting.append(row.id.replace("-", ""))
    if not waiting:
        return []
    touching = connection.exec_driver_sql(
        "SELECT DISTINCT change_set_id FROM change_line WHERE change_set_id IN (SELECT value FROM json_each(?))"
        " AND row_id IN (SELECT value FROM json_each(?))",
        (_json_list(waiting), _json_list(row_id.replace("-", "") for row_id in row_ids)),
    ).scalars()
    return list(
        connection.execute(
            select(ChangeSetRow.id, ChangeSetRow.revision, ChangeSetRow.body).where(
                ChangeSetRow.id.in_([_dashed(set_id) for set_id in touching])
            )
        )
    )


def _json_list(values: Iterable[str]) -> str:
    return msgspec.json.encode(list(values)).decode()


def _dashed(plain: str) -> str:
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"


def _keep_history(session: Session, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    connection = session.connection()
    known = {
        row[0]
        for row in connection.exec_driver_sql(
            "SELECT id FROM change_set WHERE id IN (SELECT value FROM json_each(?))",
            (_json_list(entry.log.change_set_id.replace("-", "") for entry in entries),),
        )
    }
    fresh = [entry for entry in entries if entry.log.change_set_id.replace("-", "") not in known]
    if not fresh:
        return
    names = {row.id: row.name for row in connection.execute(select(User.id, User.name))}
    sets, lines = [], []
    for entry in fresh:
        change_set = entry.change_set
        if change_set is None:
            continue
        sets.append(_history_row(entry.log, change_set, names.get(change_set.actor or "", "")))
        changes = list(entry.changes)
        lines.extend(line_rows(change_set.id, changes, subjects_of(connection, changes)))
    connection.execute(insert(ChangeSetRow), sets)
    if lines:
        connection.execute(insert(ChangeLine), lines)


def _history_row(log: LogEntry, change_set: ChangeSet, actor_name: str) -> dict[str, Any]:
    return {
        "id": change_set.id,
        "device_id": change_set.device,
        "sequence": change_set.sequence,
        "actor_id": change_set.actor,
        "actor_name": actor_name,
        "made_at": datetime.fromisoformat(change_set.made_at),
        "reason": change_set.reason,
        "base_revision": change_set.base,
        "body": log.body,
        "signature": log.signature,
        "state": ChangeState.RECEIVED,
        "revision": log.revision,
        "refusal": "",
    }


def subjects_of(connection: Connection, changes: Sequence[Change]) -> list[str | None]:
    """Return, for each change, whose history it belongs to; rows that do not say are looked up, a query a table."""
    found: list[str | None] = []
    unknown: dict[str, set[str]] = {}
    for change in changes:
        fields = SYNCED_TABLES[change.table].subject_fields
        pairs = (change.fields.get(name, (None, None)) for name in fields)
        subject = change.row if fields == ("id",) else next((pair[1] or pair[0] for pair in pairs if any(pair)), None)
        found.append(subject)
        if subject is None and change.op != "insert":
            unknown.setdefault(change.table, set()).add(change.row)
    known: dict[str, str | None] = {}
    for table, ids in unknown.items():
        model = SYNCED_TABLES[table]
        for some in batched(ids, 400):
            columns = [getattr(model, name) for name in model.subject_fields]
            for row in connection.execute(select(model.id, *columns).where(model.id.in_(some))):
                known[row[0]] = next((value for value in row[1:] if value), None)
    return [subject or known.get(change.row) for subject, change in zip(found, changes, strict=True)]


def _refresh(session: Session, changes: Sequence[Change]) -> None:
    collapsed = collapse(list(changes))
    if collapsed:
        unit = unit_of(session)
        unit.tables |= {change.table for change in collapsed}
        projection.refresh(session, collapsed, unit.time)
