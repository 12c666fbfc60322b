"""Applying what was pulled: entries of the log in revision order, and pages of a first pull.

What this laptop wrote and the central store has not yet merged wins here until it is merged there: its own entry in
the log then says what became of it. So every laptop that has applied the same revisions holds the same values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from app.services.sync import deletions, facts, writing
from app.services.sync.faults import nonsense
from app.services.sync.overlay import FOREVER, Guard, Key, Overlay
from app.services.sync.places_again import make_room
from app.services.sync.protocol import LogEntry, SnapshotPage
from app.services.sync.renamed import refresh_renamed
from app.services.sync.shapes import ShapeError, columns_of, decode_rows, table_of
from app.services.sync.unit_rows import dashed, note_touched, units_touched

_changes_decoder = msgspec.json.Decoder(list[Change])
NEVER_MERGED = frozenset({ChangeState.REFUSED, ChangeState.CLEARED, ChangeState.RESCUED})
"""What no revision will ever tell of: it holds nothing back that the central store says."""


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


class VaultBehind(Exception):
    """The log names a change set of this laptop that this laptop does not have: the vault was put back."""


def apply_entries(
    session: Session,
    entries: Sequence[LogEntry],
    device_id: str,
    *,
    own_too: bool = False,
    until: int | None = None,
) -> int:
    """Apply entries of the log and move the cursor past them, in the session's transaction.

    Args:
        session: from ``Workspace.apply_session``.
        entries: in revision order, following on from the cursor.
        device_id: this laptop.
        own_too: apply this laptop's own change sets as well: a vault that was put back lacks what they did.
        until: the revision up to which these are all that concern this laptop: what concerns others is left out of
            them. None from a store that sends everything, where a gap means that something is missing.

    Returns:
        How many change sets came from elsewhere.

    Raises:
        VaultBehind: a change set of this laptop is not here; nothing of the page was applied.
        CentralUnreachable: an entry cannot be read or does not fit its table; nothing of the page was applied.
        TooManyDeletions: the fuse.
    """
    cursor = facts.cursor(session)
    # Another process of this laptop may have applied some of them in the meantime.
    entries = [entry for entry in entries if entry.revision > cursor]
    if not entries:
        if until is not None:
            facts.put(session, facts.CURSOR, str(max(until, cursor)))
        return 0
    connection = session.connection()
    own = _own_bodies(connection, entries, device_id)
    try:
        read = [read_entry(entry, own.get(entry.change_set_id, b"") if own_too else b"") for entry in entries]
        _check_order(read, cursor, until)
        changes = [change for entry in read for change in entry.changes]
        merged_at = {entry.log.change_set_id: entry.log.revision for entry in read}
        touched = {change.row for change in changes}
        guard = own_writes(connection, device_id, touched, read[0].log.revision, merged_at)
        overlay = Overlay(_stored(connection, changes), guard)
        for entry in read:
            for change in entry.changes:
                overlay.take(change, entry.log.revision)
        overlay.write(connection, own=deletions.are_meant(session, read[-1].log.revision))
    except (ShapeError, msgspec.MsgspecError, KeyError, IndexError, RecursionError) as error:
        raise nonsense() from error
    received = [entry for entry in read if entry.change_set is not None and entry.change_set.device != device_id]
    _keep_history(session, received)
    _refresh(session, changes)
    refresh_renamed(session, overlay.renamed)
    if until is not None:
        note_touched(connection, units_touched(connection, changes))
    facts.put(session, facts.CURSOR, str(entries[-1].revision if until is None else until))
    return len(received)


def apply_snapshot_page(session: Session, page: SnapshotPage, device_id: str, since: int) -> int:
    """Write a page of a first pull; what this laptop wrote and the snapshot does not stand for keeps its values.

    Projections are not refreshed here: a first pull ends with them.

    Args:
        session: from ``Workspace.apply_session``.
        page: rows of one table.
        device_id: this laptop.
        since: the revision after which the log is applied on top.

    Returns:
        How many rows arrived.

    Raises:
        CentralUnreachable: the rows do not fit their table.
    """
    connection = session.connection()
    try:
        columns, rows = read_page(page)
    except ShapeError as error:
        raise nonsense() from error
    guard = own_writes(connection, device_id, {row.id for row in rows}, since + 1)
    write_rows(connection, page.table, columns, rows, guard, since)
    unit_of(session).tables.add(page.table)
    return len(rows)


def read_page(page: SnapshotPage) -> tuple[tuple[str, ...], list[Any]]:
    """Return the columns and the checked rows of a page.

    Raises:
        ShapeError: the rows do not fit their table.
    """
    table_of(page.table)
    columns = tuple(page.columns)
    if set(columns) != set(columns_of(page.table)):
        raise ShapeError("other columns than this version knows")
    return columns, decode_rows(page.table, columns, page.rows)


def write_rows(
    connection: Connection,
    table: str,
    columns: tuple[str, ...],
    rows: Sequence[Any],
    guard: Guard,
    revision: int,
    renamed: set[Key] | None = None,
) -> None:
    """Make rows of a table what they are at a revision, except where this laptop wrote later.

    Args:
        connection: in a transaction.
        table, columns, rows: from :func:`read_page`.
        guard: what this laptop wrote.
        revision: what it wrote before that is in the rows already.
        renamed: takes the rows that made room for these.
    """
    here = writing.existing(connection, table, [row.id for row in rows])
    if not here and not guard.writes:
        writing.insert_checked(connection, table, columns, rows, renamed)
        return
    free, fresh = [], []
    for row in rows:
        guarded = guard.fields((table, row.id), revision)
        if guarded is None:
            continue  # deleted here, which the central store has not seen yet
        if row.id not in here:
            fresh.append(row)
        elif guarded:
            some = tuple(column for column in columns if column not in guarded and column != "id")
            values = msgspec.to_builtins({column: getattr(row, column) for column in some})
            writing.update_wire(connection, table, {row.id: values}, renamed)
        else:
            free.append(row)
    writing.insert_checked(connection, table, columns, fresh, renamed)
    writing.update_checked(connection, table, columns, [row.id for row in free], free, renamed)


def put_on_top(session: Session, changes: Sequence[Change]) -> None:
    """Make rows what changes that are not merged yet left them as; doing it again changes nothing."""
    connection = session.connection()
    overlay = Overlay(_stored(connection, changes), Guard())
    for change in changes:
        overlay.take(change, FOREVER)
    overlay.write(connection, own=True)
    refresh_renamed(session, overlay.renamed)


def _own_bodies(connection: Connection, entries: Sequence[LogEntry], device_id: str) -> dict[str, bytes]:
    """Return this laptop's own change sets among the entries.

    Raises:
        VaultBehind: one of them is not here.
    """
    asked = [entry.change_set_id for entry in entries if not entry.body]
    found: dict[str, bytes] = {}
    for some in batched(asked, 400):
        rows = connection.execute(
            select(ChangeSetRow.id, ChangeSetRow.body).where(
                ChangeSetRow.id.in_(some), ChangeSetRow.device_id == device_id
            )
        )
        found |= {row.id: row.body for row in rows}
    if len(found) < len(set(asked)):
        raise VaultBehind
    return found


def read_entry(entry: LogEntry, own: bytes = b"") -> Entry:
    """Return an entry with its change set and what is to be applied.

    Args:
        entry: of the log.
        own: the body, where the entry leaves it out because this laptop made it.

    Raises:
        ShapeError: it is not the change set it says.
        MsgspecError: it is no change set.
    """
    body = entry.body or own
    change_set = decode(body) if body else None
    if change_set is not None and change_set.id != entry.change_set_id:
        raise ShapeError("a change set under another id")
    if entry.effective:
        changes: Sequence[Change] = _changes_decoder.decode(entry.effective)
    else:
        changes = change_set.changes if change_set is not None else []
    return Entry(entry, change_set, changes)


def _check_order(entries: Sequence[Entry], cursor: int, until: int | None) -> None:
    last = cursor
    for entry in entries:
        following = entry.log.revision
        if following <= last or (until is None and following != last + 1):
            raise ShapeError("a revision is missing")
        last = following
    if until is not None and last > until:
        raise ShapeError("a revision beyond what was promised")


def _stored(connection: Connection, changes: Iterable[Change]) -> set[Key]:
    wanted: dict[str, set[str]] = {}
    for change in changes:
        table_of(change.table)
        wanted.setdefault(change.table, set()).add(change.row)
    return {(table, row_id) for table, ids in wanted.items() for row_id in writing.existing(connection, table, ids)}


def own_writes(
    connection: Connection,
    device_id: str,
    row_ids: set[str],
    from_revision: int,
    merged_at: Mapping[str, int] | None = None,
) -> Guard:
    """Return what this laptop wrote to some rows that waits, or that was merged at or after a revision.

    Args:
        connection: of the vault.
        device_id: this laptop.
        row_ids: which rows.
        from_revision: the revision.
        merged_at: revisions of change sets whose answer was lost: they wait here and the log already has them.
    """
    guard = Guard()
    for row in _own_sets(connection, device_id, row_ids, from_revision):
        revision = row.revision or (merged_at or {}).get(row.id) or FOREVER
        for change in decode(row.body).changes:
            guard.add(change, revision)
    return guard


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
        if row.state not in NEVER_MERGED:
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
                ChangeSetRow.id.in_([dashed(set_id) for set_id in touching])
            )
        )
    )


def _json_list(values: Iterable[str]) -> str:
    return msgspec.json.encode(list(values)).decode()


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
        sets.append(history_row(entry.log, change_set, names.get(change_set.actor or "", "")))
        changes = list(entry.changes)
        lines.extend(line_rows(change_set.id, changes, subjects_of(connection, changes)))
    make_room(session, sets)
    connection.execute(insert(ChangeSetRow), sets)
    if lines:
        connection.execute(insert(ChangeLine), lines)


def history_row(log: LogEntry, change_set: ChangeSet, actor_name: str) -> dict[str, Any]:
    """Return the row of a change set that was made elsewhere."""
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
