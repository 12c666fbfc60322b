"""Letting records go that left this laptop's scope: every trace of them here, and nothing anywhere else.

This is not deleting: no change set is made, the central store keeps everything, and the record comes back whole when
it enters the scope again. What was not yet taken by the central store never goes (:func:`waiting_units`).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.orm import Session

from app.models import BytesLeaving, ChangeSetRow, Document, Draft, Letter, SyncState
from app.models.terms import ChangeState
from app.services import drafts, projection
from app.services.access import Permission, require
from app.services.batches import batched
from app.services.capture import unit_of
from app.services.changes import Change, decode
from app.services.documents.store import DocumentStore
from app.services.sync import facts, unit_history, writing
from app.services.sync.unit_rows import owners_of, row_ids, units_touched
from app.services.workspace import Workspace

DRAFT_REST = timedelta(hours=24)
"""Words typed so lately keep their case here: whoever types them finishes, or leaves them for a day."""
_BATCH = 400
_BYTES: Any = BytesLeaving.__table__


def unsent_changes(connection: Connection, device_id: str) -> list[Change]:
    """Return what this laptop did that waits without a receipt."""
    bodies = connection.execute(
        select(ChangeSetRow.body).where(ChangeSetRow.state == ChangeState.PENDING, ChangeSetRow.device_id == device_id)
    ).scalars()
    return [change for body in bodies for change in decode(body).changes]


def waiting_units(connection: Connection, units: Collection[str], store: DocumentStore, now: datetime) -> set[str]:
    """Return those units of which something is only on this laptop: bytes of documents, or words being typed.

    Args:
        connection: of the vault.
        units: that are to leave.
        store: the bytes.
        now: the time.
    """
    waiting: set[str] = set()
    for some in batched(units, _BATCH):
        ids = row_ids(connection, some)
        lonely = _lonely_documents(connection, ids.get("document", set()), store)
        waiting |= _owners(connection, {"document": lonely}) if lonely else set()
        typed = _typed_lately(connection, now)
        if typed:
            about = {table: rows & typed for table, rows in ids.items() if rows & typed}
            waiting |= (_owners(connection, about) | typed) & set(some)
    return waiting & set(units)


def let_go(session: Session, units: Collection[str], loose_rows: Mapping[str, Collection[str]], device_id: str) -> None:
    """Take units out of this vault, with what only belongs to them, in the session's transaction.

    The bytes of their documents are in another database: they are noted here and go with :func:`drop_bytes`.

    Args:
        session: from ``Workspace.apply_session``.
        units: that may go.
        loose_rows: rows, by table, that moved to units which are not here.
        device_id: this laptop.
    """
    connection = session.connection()
    leaving = _rows_leaving(connection, units, loose_rows)
    cases = leaving.get("case", set())
    children = set(units) | leaving.get("child", set())
    touched_cases, touched_children = _refreshed(connection, leaving)
    contents = _contents(connection, leaving)
    for table, ids in leaving.items():
        writing.delete(connection, table, sorted(ids))
    subjects = {*units, *(row for ids in leaving.values() for row in ids)}
    unit_history.strip(session, subjects, device_id)
    _drop_drafts(session, subjects)
    _forget_unnamed(connection, contents)
    unit = unit_of(session)
    projection.refresh_cases(session, cases | touched_cases, unit.time)
    projection.index_children(session, children | touched_children)
    unit.tables |= set(leaving)


def drop_bytes(ws: Workspace) -> None:
    """Take the bytes of documents that left out of ``documents.db``; done again after a crash."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        leaving = list(session.scalars(select(_BYTES.c.sha256)))
        named = _still_named(session.connection(), leaving) if leaving else set()
    if not leaving:
        return
    ws.documents.remove([sha256 for sha256 in leaving if sha256 not in named])
    with ws.local_session() as session:
        for some in batched(leaving, _BATCH):
            session.connection().execute(delete(_BYTES).where(_BYTES.c.sha256.in_(some)))


def _rows_leaving(
    connection: Connection, units: Collection[str], loose_rows: Mapping[str, Collection[str]]
) -> dict[str, set[str]]:
    """Return the rows that belong to these units and to no other that is here."""
    going = set(units)
    leaving: dict[str, set[str]] = {}
    for some in batched(units, _BATCH):
        ids = row_ids(connection, some)
        owners = owners_of(connection, ids)
        for table, rows in ids.items():
            leaving.setdefault(table, set()).update(row for row in rows if owners.get((table, row), set()) <= going)
    for table, given in loose_rows.items():
        leaving.setdefault(table, set()).update(given)
    return {table: rows for table, rows in leaving.items() if rows}


def _refreshed(connection: Connection, leaving: Mapping[str, Collection[str]]) -> tuple[set[str], set[str]]:
    """Return the cases and children that stay and whose lists show something of rows that leave."""
    children = {unit for units in owners_of(connection, leaving).values() for unit in units}
    cases = _cases_of(connection, children)
    return cases, children


def _cases_of(connection: Connection, children: Iterable[str]) -> set[str]:
    rows = row_ids(connection, children)
    return rows.get("case", set())


def _owners(connection: Connection, rows: Mapping[str, Collection[str]]) -> set[str]:
    return {unit for units in owners_of(connection, rows).values() for unit in units}


def _lonely_documents(connection: Connection, ids: Collection[str], store: DocumentStore) -> set[str]:
    """Return the documents whose bytes are here and not known to be in the central store."""
    lonely: set[str] = set()
    for some in batched(ids, _BATCH):
        settled = select(SyncState.name).where(SyncState.name == facts.DOCUMENT_PREFIX + Document.sha256)
        rows = connection.execute(
            select(Document.id, Document.sha256).where(Document.id.in_(some), Document.sha256 != "", ~settled.exists())
        ).all()
        here = store.complete_among(row.sha256 for row in rows) if rows else frozenset()
        lonely |= {row.id for row in rows if row.sha256 in here}
    return lonely


def _typed_lately(connection: Connection, now: datetime) -> set[str]:
    keys = connection.execute(select(Draft.key).where(Draft.saved_at > now - DRAFT_REST)).scalars()
    return {_subject_of_draft(key) for key in keys}


def _subject_of_draft(key: str) -> str:
    """Return the record a draft is about: ``note:<case>``, ``form:<case>:<form>``, ``letter:<letter>`` and so on."""
    return key.split(":")[1] if ":" in key else ""


def _drop_drafts(session: Session, subjects: Collection[str]) -> None:
    wanted = frozenset(subjects)
    for key in list(session.connection().execute(select(Draft.key)).scalars()):
        if _subject_of_draft(key) in wanted:
            drafts.drop(session, key)


def _contents(connection: Connection, leaving: Mapping[str, Collection[str]]) -> set[str]:
    """Return the hashes of the bytes that the rows name."""
    found: set[str] = set()
    for model in (Document, Letter):
        for some in batched(leaving.get(model.__tablename__, ()), _BATCH):
            query = select(model.sha256).where(model.id.in_(some), model.sha256 != "")
            found |= set(connection.execute(query).scalars())
    return found


def _forget_unnamed(connection: Connection, contents: Collection[str]) -> None:
    """Note which bytes go, now that the records are gone that named them."""
    named = _still_named(connection, contents)
    unnamed = [sha256 for sha256 in contents if sha256 not in named]
    if not unnamed:
        return
    connection.execute(insert(_BYTES).prefix_with("OR IGNORE"), [{"sha256": sha256} for sha256 in unnamed])
    for some in batched(unnamed, _BATCH):
        names = [facts.DOCUMENT_PREFIX + sha256 for sha256 in some]
        connection.execute(delete(SyncState).where(SyncState.name.in_(names)))


def _still_named(connection: Connection, contents: Iterable[str]) -> set[str]:
    named: set[str] = set()
    for some in batched(contents, _BATCH):
        for model in (Document, Letter):
            named |= set(connection.execute(select(model.sha256).where(model.sha256.in_(some))).scalars())
    return named


def held_count(connection: Connection) -> int:
    """Return how many units are here."""
    return writing.count(connection, "child")


def anything_here(connection: Connection, units: Collection[str]) -> set[str]:
    """Return those units of which any row is here."""
    found: set[str] = set()
    for some in batched(units, _BATCH):
        ids = row_ids(connection, some)
        found |= _owners(connection, ids) & set(some)
    return found


def touched_by_unsent(connection: Connection, device_id: str) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the units and the rows that unsent work of this laptop touches."""
    changes = unsent_changes(connection, device_id)
    return units_touched(connection, changes), {(change.table, change.row) for change in changes}
