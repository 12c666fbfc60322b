"""What was promised, asked of the databases themselves: whatever happened, and in words when it is not so.

The central store's log is replayed here by a few lines of its own, so that the merge that is tested is not what judges
itself.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import JSON, Boolean, Uuid, inspect

from app.models.base import UtcDateTime
from app.models.synced import SYNCED_TABLES, MergeRule
from app.services import projection_rebuild
from app.services.audit.verifying import verify
from app.services.changes import Change, decode
from app.services.sync import facts
from app.services.sync.protocol import receipt_statement
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.shapes import columns_of, wire_defaults
from tests.sync.chaos.oracle import Held, Oracle

if TYPE_CHECKING:
    from tests.sync.chaos.laptop import Laptop
    from tests.sync.chaos.world import World

Key = tuple[str, str]
Row = dict[str, Any]
_changes = msgspec.json.Decoder(list[Change])
_STAMPS = frozenset({"id", "created_at", "created_by"})
IMPORTED = "CME-2026-9"
"""References from here on were typed by hand: two laptops may bring the same, and one of them is refused."""
_COUNTED = frozenset({("case", "allocation")})
"""Follows from the officer, about whom a person is asked; its value is in the history."""


@dataclass
class Entry:
    """A line of the central store's log."""

    id: str
    revision: int | None
    device: str
    sequence: int
    state: str
    body: bytes
    receipt: bytes
    effective: bytes
    reason: str


@dataclass
class Store:
    """What the central store holds."""

    entries: list[Entry]
    rows: dict[Key, Row]
    by_id: dict[str, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_id = {entry.id: entry for entry in self.entries}


# -- reading ---------------------------------------------------------------------------------------------------------


_LOG = """
SELECT change_set_id::text, revision, device_id::text, sequence, state, body, receipt, effective, refusal
FROM change_log ORDER BY revision NULLS LAST, device_id, sequence
"""


def read_store(world: "World") -> Store:
    """Read the central store, straight from its database."""
    entries = [Entry(*row) for row in world.central.rows(_LOG)]
    rows: dict[Key, Row] = {}
    for table, text in world.central.rows(_central_query()):
        row = msgspec.json.decode(text)
        rows[table, row["id"]] = row
    return Store(entries, rows)


@cache
def _central_query() -> str:
    from app.central import records

    parts = []
    for table in SYNCED_TABLES:
        columns = ", ".join(f'{records._wire_column(table, column)} AS "{column}"' for column in columns_of(table))
        parts.append(f"SELECT '{table}', row_to_json(r)::text FROM (SELECT {columns} FROM \"{table}\") AS r")
    return " UNION ALL ".join(parts)


@cache
def _vault_query() -> str:
    parts = []
    for table in SYNCED_TABLES:
        columns = ", ".join(f'"{column}"' for column in columns_of(table))
        parts.append(f"SELECT '{table}', json_array({columns}) FROM \"{table}\"")
    return " UNION ALL ".join(parts)


@cache
def _readers(table: str) -> tuple[tuple[str, Any], ...]:
    known = inspect(SYNCED_TABLES[table]).columns
    return tuple((column, known[column].type) for column in columns_of(table))


@cache
def _vault_row(table: str, text: str) -> Row:
    """Return a row as the wire has it, from how SQLite keeps it."""
    row: Row = {}
    for (column, kind), value in zip(_readers(table), msgspec.json.decode(text), strict=True):
        if isinstance(kind, JSON):
            row[column] = None if value is None else msgspec.json.decode(value)
        elif value is None:
            row[column] = None
        elif isinstance(kind, Uuid):
            row[column] = f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"
        elif isinstance(kind, UtcDateTime):
            row[column] = value.replace(" ", "T").removesuffix(".000000") + "+00:00"
        elif isinstance(kind, Boolean):
            row[column] = bool(value)
        else:
            row[column] = value
    return row


def read_vault(laptop: "Laptop") -> dict[Key, Row]:
    """Read every synced row of a laptop, straight from its database."""
    rows: dict[Key, Row] = {}
    for table, text in laptop.ask(_vault_query()):
        row = _vault_row(table, text)
        rows[table, row["id"]] = row
    return rows


def fingerprint(world: "World") -> tuple[Any, ...]:
    """Return what changes whenever a sync moved something."""
    central = world.central.rows("SELECT count(*), coalesce(max(revision), 0) FROM change_log")
    laptops = [
        laptop.ask("SELECT value FROM sync_state WHERE name = ?", facts.CURSOR)
        + laptop.ask("SELECT state, count(*) FROM change_set GROUP BY state ORDER BY state")
        for laptop in world.laptops
    ]
    return (central, laptops)


# -- during a schedule -----------------------------------------------------------------------------------------------


def check_after_sync(world: "World", laptop: "Laptop") -> str:
    """Return what is wrong right after a sync of a laptop, however it ended; empty when nothing is."""
    found = laptop.ask("SELECT value FROM sync_state WHERE name = ?", facts.CURSOR)
    cursor = int(found[0][0]) if found else 0
    if cursor < laptop.cursor and not world.restored:
        return f"{laptop.name}: the cursor went back from {laptop.cursor} to {cursor}"
    laptop.cursor = cursor
    head = int(world.central.rows("SELECT value FROM revision_counter")[0][0])
    if cursor > head and not world.restored:
        return f"{laptop.name}: the cursor {cursor} is beyond the newest revision {head}"
    known = {row[0] for row in world.central.rows("SELECT change_set_id::text FROM change_log WHERE revision > 0")}
    safe = laptop.ask(
        "SELECT id FROM change_set WHERE device_id = ? AND state IN ('accepted', 'conflicted')",
        laptop.device_id.replace("-", ""),
    )
    wrong = [row[0] for row in safe if _dashed(row[0]) not in known]
    if wrong and not world.restored:
        return f"{laptop.name}: says that {len(wrong)} change sets are safe in the central store, and they are not"
    return ""


# -- at the end ------------------------------------------------------------------------------------------------------


def check(world: "World") -> list[str]:
    """Return everything that is not as promised once all have synced."""
    store = read_store(world)
    vaults = {laptop.name: read_vault(laptop) for laptop in world.laptops if not laptop.revoked}
    oracle = Oracle(store.rows, world.central.time.now())
    people: dict[str, list[str]] = {}
    for device, person in world.central.rows("SELECT device_id::text, user_id::text FROM device_person"):
        people.setdefault(device, []).append(person)
    found: list[str] = []
    found += _log_is_whole(store)
    found += _nothing_written_is_lost(world, store)
    found += _every_value_is_somewhere(store)
    for laptop in world.laptops:
        found += _outbox(laptop, store)
        if laptop.revoked:
            continue
        held = oracle.held_by(people[laptop.device_id])
        found += _same(laptop, vaults[laptop.name], store, held)
        found += _nothing_else_shows(laptop, store, held)
        found += _projections(laptop)
        found += _audit(world, laptop)
        found += _documents(world, laptop, vaults[laptop.name], store, held)
    found += _numbers(world, store, vaults)
    return found


def _log_is_whole(store: Store) -> list[str]:
    """Revisions have no gap, and every laptop's own order is followed."""
    revisions = [entry.revision for entry in store.entries if entry.revision is not None]
    wrong = []
    if revisions != list(range(1, len(revisions) + 1)):
        wrong.append("revisions: the log has a gap")
    places: dict[str, list[int]] = {}
    for entry in store.entries:
        places.setdefault(entry.device, []).append(entry.sequence)
    for device, sequences in places.items():
        if sorted(sequences) != list(range(1, len(sequences) + 1)):
            wrong.append(f"order: the change sets of device {device[-6:]} have a gap or stand twice")
    merged: dict[str, int] = {}
    for entry in store.entries:
        if entry.revision is not None:
            if entry.sequence < merged.get(entry.device, 0):
                wrong.append(f"order: a later change set of device {entry.device[-6:]} was merged first")
            merged[entry.device] = entry.sequence
    return wrong


def _nothing_written_is_lost(world: "World", store: Store) -> list[str]:
    """What was committed on a laptop is in the central store: merged, refused with a reason, or handed in sealed."""
    rescued = dict(world.central.rows("SELECT change_set_id::text, digest FROM rescued_work WHERE complete"))
    wrong = []
    for laptop in world.laptops:
        for set_id, body in laptop.committed.items():
            entry = store.by_id.get(set_id)
            if set_id in rescued:
                here = laptop.ask("SELECT CAST(body AS BLOB) FROM change_set WHERE id = ?", set_id.replace("-", ""))
                digests = {hashlib.sha256(each).hexdigest() for each in (body, *(bytes(row[0]) for row in here))}
                if rescued[set_id] not in digests:
                    wrong.append(f"lost: {laptop.name}'s {_told(body)} was handed in as something else")
            elif entry is None or entry.state == "rescue":
                if not _still_there(laptop, set_id):
                    wrong.append(f"lost: {laptop.name} committed {_told(body)} and it is nowhere")
                elif not laptop.revoked:
                    wrong.append(f"waits: {laptop.name}'s {_told(body)} has reached nobody")
            elif not _part_of(body, entry.body):
                wrong.append(f"lost: {laptop.name}'s {_told(body)} is in the log with other changes")
            elif entry.revision is None and not entry.reason:
                wrong.append(f"lost: {laptop.name}'s {_told(body)} was refused without a reason")
    return wrong


def _still_there(laptop: "Laptop", set_id: str) -> bool:
    return bool(laptop.ask("SELECT 1 FROM change_set WHERE id = ?", set_id.replace("-", "")))


def _every_value_is_somewhere(store: Store) -> list[str]:
    """Each value of a merged change is in its row right after, or a conflict keeps it for a person."""
    rows: dict[Key, Row] = {}
    wrong: list[str] = []
    conflicts: dict[str, str] = {}
    for entry in store.entries:
        if entry.revision is None:
            continue
        sent = decode(entry.body).changes
        applied = _changes.decode(entry.effective) if entry.effective else sent
        before = {(change.table, change.row): rows.get((change.table, change.row)) for change in sent}
        for change in applied:
            _apply(rows, change)
        kept = [change for change in applied if change.table == "conflict" and change.op == "insert"]
        conflicts.update((change.row, f"of revision {entry.revision}") for change in kept)
        wrong += [f"value: revision {entry.revision}: {words}" for words in _missing(rows, sent, kept)]
        wrong += [f"value: revision {entry.revision}: {words}" for words in _overwritten(before, rows, sent)]
        if kept and entry.state != "conflicted" and applied is not sent:
            wrong.append(f"value: revision {entry.revision} raised a conflict and says {entry.state}")
    wrong += [f"conflict {words} is gone" for row, words in conflicts.items() if ("conflict", row) not in store.rows]
    wrong += _difference("the log", rows, "the central store's records", store.rows)
    return wrong


def _apply(rows: dict[Key, Row], change: Change) -> None:
    key = (change.table, change.row)
    if change.op == "delete":
        rows.pop(key, None)
        return
    news = {name: pair[1] for name, pair in change.fields.items()}
    if key in rows:
        rows[key] = {**rows[key], **news}
    elif change.op == "insert":
        rows[key] = {**wire_defaults(change.table), **news}


def _missing(rows: dict[Key, Row], sent: Iterable[Change], kept: list[Change]) -> list[str]:
    offers: dict[Key, list[tuple[str, Any]]] = {}
    for conflict in kept:
        values = {name: pair[1] for name, pair in conflict.fields.items()}
        offers.setdefault((values["table_name"], values["row_id"]), []).append((values["field"], values.get("offered")))
    wrong = []
    for change in sent:
        key = (change.table, change.row)
        row, offered = rows.get(key), offers.get(key, [])
        if change.op == "delete":
            if row is not None and ("*", None) not in offered:
                wrong.append(f"a deletion in {change.table} left no trace")
            continue
        for name, (_, new) in change.fields.items():
            if name in _STAMPS or (change.table, name) in _COUNTED:
                continue
            whole = any(name_ == "*" and (value or {}).get(name) == new for name_, value in offered)
            if not (row is not None and row.get(name) == new) and (name, new) not in offered and not whole:
                wrong.append(f"{change.table}.{name} = {new!r} is neither in the record nor in a conflict")
    return wrong


def _overwritten(before: dict[Key, Row | None], rows: dict[Key, Row], sent: Iterable[Change]) -> list[str]:
    """A value goes only where whoever replaced it had seen it: last write never simply wins."""
    wrong = []
    for change in sent:
        key = (change.table, change.row)
        was, row = before[key], rows.get(key)
        if was is None and row is not None and change.op == "update":
            wrong.append(f"{change.table} {change.row[-6:]} was deleted, and an edit brought it back")
        if was is None or SYNCED_TABLES[change.table].merge_rule is MergeRule.LATEST:
            continue
        for name, (old, new) in change.fields.items():
            now = row.get(name) if row is not None else None
            if was.get(name) not in (old, new) and now != was.get(name) and (change.table, name) not in _COUNTED:
                wrong.append(f"{change.table}.{name}: {was.get(name)!r} was replaced by {now!r}, unseen")
        unnamed = was.keys() - change.fields.keys()
        altered = sorted(name for name in unnamed if row is not None and row[name] != was[name])
        if change.op == "delete" and row is None:
            altered = sorted(name for name in unnamed if was[name] is not None)
        if altered:
            wrong.append(f"{change.table}: fields that the change does not name were altered: {altered}")
    return wrong


def _outbox(laptop: "Laptop", store: Store) -> list[str]:
    """Nothing waits any more; what is safe has a true receipt that the log agrees with; what is refused says why."""
    wrong = []
    with laptop.ws.read() as session:
        checker = ReceiptChecker(facts.get(session, facts.SERVER_KEY) or "")
    query = "SELECT id, state, revision, receipt, refusal, CAST(body AS BLOB) FROM change_set WHERE device_id = ?"
    for set_id, state, revision, receipt, refusal, body in laptop.ask(query, laptop.device_id.replace("-", "")):
        entry = store.by_id.get(_dashed(set_id))
        if state == "pending":
            if not laptop.revoked:
                wrong.append(f"outbox: {laptop.name}: {_told(bytes(body))} still waits")
        elif state in ("accepted", "conflicted"):
            # What left the laptop's scope is taken out of its history too: the log has what the receipt is about.
            statement = receipt_statement(entry.body if entry is not None else bytes(body), revision, state)
            if entry is None or (entry.revision, entry.state) != (revision, state):
                wrong.append(f"receipts: {laptop.name}: {_told(bytes(body))} is not in the log as it says here")
            elif receipt is None or not checker.fits(statement, bytes(receipt)):
                wrong.append(f"receipts: {laptop.name}: {_told(bytes(body))} has no true receipt")
            elif not _part_of(bytes(body), entry.body):
                wrong.append(f"receipts: {laptop.name}: {_told(bytes(body))} is another one in the log")
        elif state == "refused" and not refusal:
            wrong.append(f"outbox: {laptop.name}: {_told(bytes(body))} is refused without a reason")
    return wrong


def _part_of(here: bytes, there: bytes) -> bool:
    return not here or here == there or all(change in decode(there).changes for change in decode(here).changes)


def _same(laptop: "Laptop", vault: dict[Key, Row], store: Store, held: Held) -> list[str]:
    """A laptop holds what it may of what the central store holds, all of it, and nothing else.

    Only what became of its own refused or handed-in work may differ until a person deals with it.
    """
    own = laptop.ask(
        "SELECT CAST(body AS BLOB) FROM change_set WHERE device_id = ? AND state IN ('refused', 'rescued', 'cleared')",
        laptop.device_id.replace("-", ""),
    )
    own_way = {(change.table, change.row) for (body,) in own if body for change in decode(bytes(body)).changes}
    here = {key: row for key, row in vault.items() if key not in own_way}
    there = {key: row for key, row in store.rows.items() if key not in own_way}
    seen = [
        f"sees: {laptop.name} holds {key[0]} {key[1][-6:]}, which it may not see"
        for key in here
        if key in there and not held.may(key[0], there[key])
    ]
    must = {key: row for key, row in there.items() if key in here or held.must(key[0], row)}
    return seen[:5] + _difference(laptop.name, here, "the central store", must)


def _nothing_else_shows(laptop: "Laptop", store: Store, held: Held) -> list[str]:
    """History, search and bytes tell of nobody whom the laptop may not hold."""
    wrong = []
    for body, reason in laptop.ask("SELECT CAST(body AS BLOB), reason FROM change_set WHERE state = 'received'"):
        for change in decode(bytes(body)).changes if body else ():
            row = store.rows.get((change.table, change.row))
            if row is not None and not held.may(change.table, row):
                wrong.append(f"sees: {laptop.name} has the history of {change.table} {change.row[-6:]} ({reason})")
    for (subject,) in laptop.ask("SELECT subject_id FROM search_row WHERE kind = 'child'"):
        if _dashed(subject) not in held.children and ("child", _dashed(subject)) in store.rows:
            wrong.append(f"sees: {laptop.name} finds child {subject[-6:]} in a search")
    return wrong[:5]


def _difference(one: str, here: dict[Key, Row], other: str, there: dict[Key, Row]) -> list[str]:
    wrong = []
    for key in sorted(here.keys() | there.keys()):
        left, right = here.get(key), there.get(key)
        if left == right:
            continue
        what = f"{key[0]} {key[1][-6:]}"
        if left is None or right is None:
            wrong.append(f"equal: {what} is only in {one if right is None else other}")
        else:
            names = [f"{name}: {left.get(name)!r} / {right.get(name)!r}" for name in left if left[name] != right[name]]
            wrong.append(f"equal: {what} differs between {one} and {other}: {'; '.join(names)[:300]}")
    return wrong


def _numbers(world: "World", store: Store, vaults: dict[str, dict[Key, Row]]) -> list[str]:
    """No two cases share a reference, on any side, and no number is lent twice."""
    wrong = []
    for name, rows in {"the central store": store.rows, **vaults}.items():
        references = [row["reference"] for key, row in rows.items() if key[0] == "case"]
        if len(references) != len(set(references)):
            wrong.append(f"numbers: two cases share a reference in {name}")
    lent = {
        row["reference"]
        for rows in vaults.values()
        for key, row in rows.items()
        if key[0] == "case" and len(row["reference"]) == 14 and row["reference"] < IMPORTED
    }
    for reference in sorted(lent):
        ids = {key[1] for rows in vaults.values() for key, row in rows.items() if row.get("reference") == reference}
        if len(ids) > 1:
            wrong.append(f"numbers: {reference} is two cases")
    leases = sorted(world.central.rows("SELECT year, first, last FROM number_lease"))
    for earlier, later in zip(leases, leases[1:], strict=False):
        if earlier[0] == later[0] and later[1] <= earlier[2]:
            wrong.append("numbers: one number was lent twice")
    return wrong


_CASES = "SELECT * FROM case_row ORDER BY case_id"
_WORDS = """
SELECT r.subject_id, i.title, i.body FROM search_row AS r LEFT JOIN search_index AS i ON i.rowid = r.id ORDER BY 1
"""


class _Undo(Exception):
    pass


def _projections(laptop: "Laptop") -> list[str]:
    """Lists and search are what a rebuild would make of the records."""
    wrong = []
    try:
        with laptop.ws.apply_session() as session:
            connection = session.connection()
            before = [sorted(map(tuple, connection.exec_driver_sql(query))) for query in (_CASES, _WORDS)]
            projection_rebuild.rebuild(session)
            after = [sorted(map(tuple, connection.exec_driver_sql(query))) for query in (_CASES, _WORDS)]
            for name, left, right in zip(("list of cases", "search"), before, after, strict=True):
                for row in sorted(set(map(str, left)) ^ set(map(str, right)))[:2]:
                    wrong.append(f"projections: {laptop.name}: the {name} is not what a rebuild gives: {row[:400]}")
            raise _Undo  # noqa: TRY301
    except _Undo:
        return wrong


def _audit(world: "World", laptop: "Laptop") -> list[str]:
    """The chain verifies, and the central store countersigned the same one."""
    wrong = []
    with laptop.ws.read() as session:
        result = verify(session)
    if result.findings:
        wrong += [f"audit: {laptop.name}: {each.kind} at {each.sequence}: {each.what}" for each in result.findings[:2]]
    heads = world.central.rows("SELECT sequence, hash FROM audit_head WHERE device_id = %s", laptop.device_id)
    if not heads:
        return [*wrong, f"audit: {laptop.name}: nothing is countersigned"]
    sequence, digest = heads[0]
    here = laptop.ask("SELECT CAST(hash AS BLOB) FROM audit_entry WHERE sequence = ?", sequence)
    if not here or bytes(here[0][0]) != bytes(digest):
        wrong.append(f"audit: {laptop.name}: entry {sequence} is not the one that was countersigned")
    return wrong


def _documents(world: "World", laptop: "Laptop", vault: dict[Key, Row], store: Store, held: Held) -> list[str]:
    """Record and bytes agree: every document here has its bytes, whole and true to their hash; and no others.

    A record that is with the team, sealed, has its bytes with it.
    """
    wrong = []
    rows = [row for key, row in vault.items() if key[0] == "document" and row["sha256"]]
    central = {row[0] for row in world.central.rows("SELECT sha256 FROM document_content WHERE complete")}
    sealed = _sealed_documents(world, laptop, central)
    for row in rows:
        if row["sha256"] not in central and (("document", row["id"]) in store.rows or row["id"] not in sealed):
            wrong.append(f"bytes: the central store lacks those of document {row['title']}")
        if not held.must("document", row):
            continue
        try:
            laptop.ws.documents.get(row["sha256"])
        except Exception as error:  # noqa: BLE001  (missing and damaged are the same to whoever reads)
            wrong.append(f"bytes: {laptop.name} lacks those of document {row['title']} ({type(error).__name__})")
    return wrong


def _sealed_documents(world: "World", laptop: "Laptop", central: set[str]) -> set[str]:
    """Return the documents that a laptop handed in with all the bytes that only it had."""
    sealed: set[str] = set()
    for set_id, count in world.central.rows("SELECT change_set_id::text, documents FROM rescued_work WHERE complete"):
        changes = decode(laptop.committed[set_id]).changes if set_id in laptop.committed else []
        made = {
            change.row: change.fields["sha256"][1]
            for change in changes
            if change.table == "document" and change.op == "insert"
        }
        if count >= len(set(made.values()) - central):
            sealed |= made.keys()
    return sealed


def _dashed(plain: str) -> str:
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"


def _told(body: bytes) -> str:
    change_set = decode(body)
    tables = sorted({change.table for change in change_set.changes})
    return f"change set {change_set.sequence} ({change_set.reason}; {', '.join(tables)})"
