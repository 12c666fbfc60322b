"""The history of units: it follows a unit that arrived, a little each time, and leaves with a unit that goes.

A change set can touch several units, so it can be here in part: its body then holds only the changes that this laptop
may see, and it carries no signature, because what was signed was the whole.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.orm import Session

from app.models import ChangeLine, ChangeSetRow, UnitHistory, User
from app.models.terms import ChangeState
from app.services.access import Permission, require
from app.services.batches import batched
from app.services.capture import line_rows
from app.services.changes import Change, ChangeSet, decode, encode
from app.services.sync import keeping, protocol, writing
from app.services.sync.apply import Entry, history_row, read_entry, subjects_of
from app.services.sync.faults import nonsense
from app.services.sync.places_again import make_room
from app.services.sync.scope_protocol import HistoryRequest
from app.services.sync.shapes import ShapeError
from app.services.sync.telling import Transport
from app.services.sync.unit_rows import dashed, json_keys, units_touched
from app.services.workspace import Workspace

PAGES_A_SYNC = 5
UNITS_A_PAGE = 200
_OWN_AT_ONCE = 50
_SETS: Any = ChangeSetRow.__table__
_LINES: Any = ChangeLine.__table__
_WAITING: Any = UnitHistory.__table__
_KEPT_WHOLE = (ChangeState.PENDING, ChangeState.REFUSED)
"""Change sets that stay as they are whatever leaves: nothing else holds what they say."""
_BATCH = 400
RowKey = tuple[str, str]


# -- arriving --------------------------------------------------------------------------------------------------------


def note(connection: Connection, units: Iterable[str], until: int) -> None:
    """Note that the history of units up to a revision is still to be fetched."""
    rows = [{"unit_id": unit, "until": until, "after": 0} for unit in units]
    if rows:
        connection.execute(insert(_WAITING).prefix_with("OR REPLACE"), rows)


def fetch(ws: Workspace, transport: Transport) -> None:
    """Fetch, a little each time, the log that the rows of arrived units stood for.

    Raises:
        CentralUnreachable: it can be tried again; what arrived is kept.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    for _ in range(PAGES_A_SYNC):
        with ws.read() as session:
            first = session.execute(select(_WAITING.c.until, _WAITING.c.after).limit(1)).one_or_none()
            if first is None:
                return
            of_same = (_WAITING.c.until == first.until, _WAITING.c.after == first.after)
            units = list(session.scalars(select(_WAITING.c.unit_id).where(*of_same).limit(UNITS_A_PAGE)))
        if first.after >= first.until:
            _note_fetched(ws, units, [], first.until, first.until)
            continue
        request = HistoryRequest(units, first.after, first.until, protocol.PAGE_ENTRIES)
        answer = transport.call("/units/history", request, protocol.PullAnswer)
        entries = [entry for entry in answer.entries if first.after < entry.revision <= first.until]
        if answer.cursor <= first.after:
            raise nonsense()
        entries += _own_again(ws, transport, entries, units)
        _note_fetched(ws, units, entries, answer.cursor, first.until)


def _note_fetched(
    ws: Workspace, units: Sequence[str], entries: Sequence[protocol.LogEntry], cursor: int, until: int
) -> None:
    with ws.apply_session() as session:
        keep(session, entries, ws.actor.device_id)
        connection = session.connection()
        of_these = _WAITING.c.unit_id.in_(units)
        if cursor >= until:
            connection.execute(delete(_WAITING).where(of_these))
        else:
            connection.execute(update(_WAITING).where(of_these).values(after=cursor))


def _own_again(
    ws: Workspace, transport: Transport, entries: Sequence[protocol.LogEntry], units: Collection[str]
) -> list[protocol.LogEntry]:
    """Return what this laptop itself did to units that left and came back; the log leaves its own bodies out."""
    with ws.read() as session:
        connection = session.connection()
        asked = [entry.change_set_id for entry in entries if not entry.body]
        places = {row.sequence: row for row in _sets(connection, asked) if not row.signature}
    found: list[protocol.LogEntry] = []
    wanted = sorted(places)
    while wanted:
        request = protocol.OwnSetsRequest(wanted[0] - 1, _OWN_AT_ONCE)
        sets = transport.call("/own-sets", request, protocol.OwnSets).sets
        if not sets or sets[0].sequence != wanted[0]:
            raise nonsense()
        found += [_own_entry(each) for each in sets if each.sequence in places and each.id == places[each.sequence].id]
        wanted = [place for place in wanted if place > sets[-1].sequence]
    with ws.read() as session:
        return [_of_units(session.connection(), entry, frozenset(units)) for entry in found]


def _own_entry(each: protocol.OwnSet) -> protocol.LogEntry:
    return protocol.LogEntry(each.revision or 0, each.id, each.body, each.signature)


def _of_units(connection: Connection, entry: protocol.LogEntry, units: frozenset[str]) -> protocol.LogEntry:
    """Return an entry with what concerns some units only; whole where everything does."""
    try:
        change_set = decode(entry.body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise nonsense() from error
    left = [change for change in change_set.changes if units & units_touched(connection, [change])]
    if len(left) == len(change_set.changes):
        return entry
    change_set.changes = left
    return msgspec.structs.replace(entry, body=encode(change_set), signature=b"")


def keep(session: Session, entries: Sequence[protocol.LogEntry], device_id: str) -> None:
    """Keep entries of the log for history only; where a change set is here in part, the rest of it is added.

    Raises:
        CentralUnreachable: an entry cannot be read.
    """
    try:
        read = [read_entry(entry) for entry in entries if entry.body]
    except (ShapeError, msgspec.MsgspecError, KeyError, IndexError, RecursionError, ValueError) as error:
        raise nonsense() from error
    if not read:
        return
    connection = session.connection()
    known = {row.id: row for row in _sets(connection, [entry.log.change_set_id for entry in read])}
    names = {row.id: row.name for row in connection.execute(select(User.id, User.name))}
    for entry in read:
        change_set = entry.change_set
        if change_set is None:
            continue
        here = known.get(change_set.id)
        if here is None:
            if change_set.device != device_id:  # a vault that lacks change sets of its own fetches them as such
                row = history_row(entry.log, change_set, names.get(change_set.actor or "", ""))
                make_room(session, [row])
                connection.execute(insert(_SETS), [row])
                _write_lines(connection, change_set.id, entry.changes)
        elif not here.signature and here.state not in _KEPT_WHOLE:
            _complete(connection, here, entry, change_set)


def _complete(connection: Connection, here: Any, entry: Entry, change_set: ChangeSet) -> None:
    """Add to a change set that is here in part what has arrived of it."""
    if entry.log.signature:
        body, signature = entry.log.body, entry.log.signature
        changes = list(entry.changes)
    else:
        old = decode(here.body).changes
        there = {(change.table, change.row) for change in old}
        changes = [*old, *(each for each in entry.changes if (each.table, each.row) not in there)]
        change_set.changes = changes
        body, signature = encode(change_set), b""
    values = {"body": body, "signature": signature, "reason": change_set.reason}
    connection.execute(update(_SETS).where(_SETS.c.id == here.id).values(values))
    _write_lines(connection, here.id, changes)


def fill_subjects(connection: Connection, rows: Mapping[str, Collection[str]]) -> None:
    """Say whose history earlier changes of rows belong to: when they were kept, the rows were not here yet."""
    ids = {row_id for some in rows.values() for row_id in some}
    unknown = connection.execute(
        select(_LINES.c.change_set_id, _LINES.c.row_id).where(_LINES.c.subject_id.is_(None)).limit(100_000)
    ).all()
    for row in _sets(connection, {each.change_set_id for each in unknown if each.row_id in ids}):
        _write_lines(connection, row.id, decode(row.body).changes)


# -- leaving ---------------------------------------------------------------------------------------------------------


def strip(session: Session, subjects: Collection[str], device_id: str) -> None:
    """Take the history of records that left out of this vault; history of rows that are still here stays.

    Change sets from elsewhere go where nothing of them is left. This laptop's own stay as a line without content, so
    that its order has no gap and its receipts are counted, and are kept sealed for a store that is put back; those
    that wait or were refused stay whole.

    Args:
        session: in a transaction that captures nothing.
        subjects: the ids of the units, and of every row that left.
        device_id: this laptop.
    """
    connection = session.connection()
    leaving = _lines_of(connection, subjects)
    rows = _sets(connection, leaving)
    keeping.keep_taken(session, [row for row in rows if row.device_id == device_id])
    for row in rows:
        if row.state in _KEPT_WHOLE:
            continue
        change_set = decode(row.body)
        gone = leaving[row.id]
        left = [change for change in change_set.changes if (change.table, change.row) not in gone]
        if not left and row.device_id != device_id:
            connection.execute(delete(_LINES).where(_LINES.c.change_set_id == row.id))
            connection.execute(delete(_SETS).where(_SETS.c.id == row.id))
            continue
        change_set.changes = left
        change_set.reason = change_set.reason if left else ""
        values = {"body": encode(change_set), "signature": b"", "reason": change_set.reason}
        connection.execute(update(_SETS).where(_SETS.c.id == row.id).values(values))
        _keep_lines(connection, row.id, gone)


def _lines_of(connection: Connection, subjects: Collection[str]) -> dict[str, set[RowKey]]:
    """Return the rows that are gone, by the change set that touched them."""
    found: list[tuple[str, str, str]] = []
    for some in batched(subjects, 5000):
        found += connection.exec_driver_sql(
            "SELECT change_set_id, table_name, row_id FROM change_line"
            " WHERE subject_id IN (SELECT value FROM json_each(?))",
            (json_keys(some),),
        ).fetchall()
    by_table: dict[str, set[str]] = {}
    for _, table, row_id in found:
        by_table.setdefault(table, set()).add(dashed(row_id))
    # A row that moved to a record which stays keeps its history.
    staying = {(table, row) for table, ids in by_table.items() for row in writing.existing(connection, table, ids)}
    leaving: dict[str, set[RowKey]] = {}
    for set_id, table, row_id in found:
        key = (table, dashed(row_id))
        if key not in staying:
            leaving.setdefault(dashed(set_id), set()).add(key)
    return leaving


def _keep_lines(connection: Connection, set_id: str, gone: set[RowKey]) -> None:
    """Delete the lines of rows that left and give the others the places that their changes now have."""
    of_set = _LINES.c.change_set_id == set_id
    lines = connection.execute(select(_LINES).where(of_set).order_by(_LINES.c.position)).mappings().all()
    left = [dict(line) for line in lines if (line["table_name"], line["row_id"]) not in gone]
    connection.execute(delete(_LINES).where(of_set))
    if left:
        connection.execute(insert(_LINES), [{**line, "position": place} for place, line in enumerate(left)])


def _write_lines(connection: Connection, set_id: str, changes: Sequence[Change]) -> None:
    given = list(changes)
    connection.execute(delete(_LINES).where(_LINES.c.change_set_id == set_id))
    rows = line_rows(set_id, given, subjects_of(connection, given))
    if rows:
        connection.execute(insert(_LINES), rows)


def _sets(connection: Connection, ids: Iterable[str]) -> list[Any]:
    names = ("id", "device_id", "sequence", "state", "body", "signature", "revision", "receipt")
    columns = [_SETS.c[name] for name in names]
    found: list[Any] = []
    for some in batched(ids, _BATCH):
        found += connection.execute(select(*columns).where(_SETS.c.id.in_(some))).all()
    return found
