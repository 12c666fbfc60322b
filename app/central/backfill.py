"""Noting, once, which units the log of a store from before there was scope touched."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select, text

from app.central.noting import Note, Noter, Row, write_notes
from app.central.places import Key, Places, columns_kept
from app.central.scope_tables import change_unit
from app.central.tables import change_log
from app.models.synced import SYNCED_TABLES
from app.services.changes import Change, decode

_changes_decoder = msgspec.json.Decoder(list[Change])
_ENTRIES = 500


def note_log(connection: Connection) -> None:
    """Note the units of every revision: the log is played through once, with only what says where rows belong.

    Nobody has to look again because of what is long past, so no events are noted. Revisions that have their notes
    already are left as they are.
    """
    if connection.execute(select(change_unit.c.revision).limit(1)).first() is not None:
        return
    places = Places(connection)
    noter, rows, after = Noter(connection, places), dict[Key, Row | None](), 0
    columns = change_log.c
    while page := connection.execute(
        select(columns.revision, columns.body, columns.effective)
        .where(columns.revision > after)
        .order_by(columns.revision)
        .limit(_ENTRIES)
    ).all():
        entries = [(row.revision, _changes(bytes(row.body), bytes(row.effective))) for row in page]
        inserted = [(each.table, each.row) for _, some in entries for each in some if each.op == "insert"]
        noter.foresee(inserted)
        notes = [(revision, _note(noter, rows, changes)) for revision, changes in entries]
        write_notes(connection, notes)
        after = page[-1].revision


def note_emergencies(connection: Connection) -> None:
    """Note when the emergencies that are still open end."""
    connection.execute(
        text(
            "INSERT INTO scope_due (unit, due_at) SELECT DISTINCT c.child_id, b.until_at FROM break_glass AS b"
            ' JOIN "case" AS c ON c.id = b.case_id WHERE b.until_at > now()'
        )
    )


def _changes(body: bytes, effective: bytes) -> list[Change]:
    changes = _changes_decoder.decode(effective) if effective else decode(body).changes
    return [change for change in changes if change.table in SYNCED_TABLES]


def _note(noter: Noter, rows: dict[Key, Row | None], changes: Sequence[Change]) -> Note:
    before: dict[Key, Row | None] = {}
    after: dict[Key, Row | None] = {}
    for change in changes:
        key = (change.table, change.row)
        before.setdefault(key, rows.get(key))
        after[key] = rows[key] = _applied(change, rows.get(key))
    note = noter.note(changes, before, after)
    note.events = {}
    return note


def _applied(change: Change, row: Row | None) -> Row | None:
    if change.op == "delete":
        return None
    given: Mapping[str, Any] = {
        name: pair[1] for name, pair in change.fields.items() if name in columns_kept(change.table)
    }
    return {**(row or dict.fromkeys(columns_kept(change.table))), "id": change.row, **given}
