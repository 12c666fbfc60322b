"""What was promised, asked of the databases themselves: whatever happened, and in words when it is not so."""

from typing import TYPE_CHECKING, Any

from app.services import projection_rebuild
from app.services.audit.verifying import verify
from app.services.changes import decode
from app.services.sync import facts
from app.services.sync.protocol import receipt_statement
from app.services.sync.receipts import ReceiptChecker
from tests.sync.chaos.log_checks import every_value_is_somewhere, log_is_whole
from tests.sync.chaos.oracle import Held, Oracle
from tests.sync.chaos.sealed import Safe
from tests.sync.chaos.stores import Key, Row, Store, dashed, difference, read_store, read_vault

if TYPE_CHECKING:
    from tests.sync.chaos.laptop import Laptop
    from tests.sync.chaos.world import World

__all__ = ["check", "check_after_sync", "fingerprint", "read_store"]
IMPORTED = "CME-2026-9"
"""References from here on were typed by hand: two laptops may bring the same, and one of them is refused."""


def fingerprint(world: "World", laptop: "Laptop") -> tuple[Any, ...]:
    """Return what changes whenever a sync of a laptop moved something."""
    central = world.central.rows("SELECT count(*), coalesce(max(revision), 0) FROM change_log")
    return (central, laptop.ask(_STATE, facts.CURSOR))


_STATE = """
SELECT value, 0 FROM sync_state WHERE name = ?
UNION ALL SELECT * FROM (SELECT state, count(*) FROM change_set GROUP BY state ORDER BY state)
"""


# -- during a schedule -----------------------------------------------------------------------------------------------


_SAFE = "SELECT id FROM change_set WHERE device_id = ? AND state IN ('accepted', 'conflicted')"
_KNOWN = """
SELECT (SELECT value FROM revision_counter),
    (SELECT count(*) FROM change_log WHERE revision > 0 AND change_set_id = ANY(%s::uuid[]))
"""


def check_after_sync(world: "World", laptop: "Laptop") -> str:
    """Return what is wrong right after a sync of a laptop, however it ended; empty when nothing is."""
    found = laptop.ask("SELECT value FROM sync_state WHERE name = ?", facts.CURSOR)
    cursor = int(found[0][0]) if found else 0
    if cursor < laptop.cursor and not world.restored:
        return f"{laptop.name}: the cursor went back from {laptop.cursor} to {cursor}"
    laptop.cursor = cursor
    safe = {row[0] for row in laptop.ask(_SAFE, laptop.device_id.replace("-", ""))}
    # Those that were found before are looked for again at the end, with their receipts.
    news = sorted(safe - laptop.safe)
    laptop.safe = safe
    head, known = world.central.rows(_KNOWN, news)[0]
    if cursor > head and not world.restored:
        return f"{laptop.name}: the cursor {cursor} is beyond the newest revision {head}"
    if known < len(news) and not world.restored:
        return (
            f"{laptop.name}: says that {len(news) - known} change sets are safe in the central store, and they are not"
        )
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
    found += log_is_whole(store)
    safe = Safe(world, store)
    found += _nothing_written_is_lost(world, store, safe)
    found += every_value_is_somewhere(store)
    for laptop in world.laptops:
        found += _outbox(laptop, store)
        if laptop.revoked:
            continue
        held = oracle.held_by(people[laptop.device_id])
        found += _same(laptop, vaults[laptop.name], store, held)
        found += _nothing_else_shows(laptop, store, held)
        found += _projections(laptop)
        found += _audit(world, laptop)
        found += _documents(world, laptop, vaults[laptop.name], store, held, safe)
    found += _numbers(world, store, vaults)
    return found


def _nothing_written_is_lost(world: "World", store: Store, safe: Safe) -> list[str]:
    """What was committed on a laptop is in the central store: merged, refused with a reason, or handed in sealed."""
    rescued = {row[0] for row in world.central.rows("SELECT change_set_id::text FROM rescued_work WHERE complete")}
    wrong = []
    for laptop in world.laptops:
        for set_id, body in laptop.committed.items():
            entry = store.by_id.get(set_id)
            if set_id in rescued:
                wrong += _opens(safe, laptop, set_id, body)
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


def _opens(safe: Safe, laptop: "Laptop", set_id: str, body: bytes) -> list[str]:
    """What was handed in opens with its team's key, and is what was committed."""
    package = safe.open(set_id)
    if isinstance(package, str):
        return [f"lost: {laptop.name}'s {_told(body)} was handed in and cannot be opened: {package}"]
    if not _part_of(body, package.body):
        return [f"lost: {laptop.name}'s {_told(body)} was handed in as something else"]
    return []


def _still_there(laptop: "Laptop", set_id: str) -> bool:
    return bool(laptop.ask("SELECT 1 FROM change_set WHERE id = ?", set_id.replace("-", "")))


def _outbox(laptop: "Laptop", store: Store) -> list[str]:
    """Nothing waits any more; what is safe has a true receipt that the log agrees with; what is refused says why."""
    wrong = []
    with laptop.ws.read() as session:
        checker = ReceiptChecker(facts.get(session, facts.SERVER_KEY) or "")
    query = "SELECT id, state, revision, receipt, refusal, CAST(body AS BLOB) FROM change_set WHERE device_id = ?"
    for set_id, state, revision, receipt, refusal, body in laptop.ask(query, laptop.device_id.replace("-", "")):
        entry = store.by_id.get(dashed(set_id))
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
    return seen[:5] + difference(laptop.name, here, "the central store", must)


def _nothing_else_shows(laptop: "Laptop", store: Store, held: Held) -> list[str]:
    """History, search and bytes tell of nobody whom the laptop may not hold."""
    wrong = []
    for body, reason in laptop.ask("SELECT CAST(body AS BLOB), reason FROM change_set WHERE state = 'received'"):
        for change in decode(bytes(body)).changes if body else ():
            row = store.rows.get((change.table, change.row))
            if row is not None and not held.may(change.table, row):
                wrong.append(f"sees: {laptop.name} has the history of {change.table} {change.row[-6:]} ({reason})")
    for (subject,) in laptop.ask("SELECT subject_id FROM search_row WHERE kind = 'child'"):
        if dashed(subject) not in held.children and ("child", dashed(subject)) in store.rows:
            wrong.append(f"sees: {laptop.name} finds child {subject[-6:]} in a search")
    return wrong[:5]


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


def _documents(
    world: "World", laptop: "Laptop", vault: dict[Key, Row], store: Store, held: Held, safe: Safe
) -> list[str]:
    """Record and bytes agree: every document here has its bytes, whole and true to their hash.

    A record that is with the team, sealed, has its bytes with it.
    """
    wrong = []
    rows = [row for key, row in vault.items() if key[0] == "document" and row["sha256"]]
    central = {row[0] for row in world.central.rows("SELECT sha256 FROM document_content WHERE complete")}
    for row in rows:
        lacking = row["sha256"] not in central
        if lacking and (("document", row["id"]) in store.rows or row["sha256"] not in safe.documents(laptop)):
            wrong.append(f"bytes: the central store lacks those of document {row['title']}")
        if not held.must("document", row):
            continue
        try:
            laptop.ws.documents.get(row["sha256"])
        except Exception as error:  # noqa: BLE001  (missing and damaged are the same to whoever reads)
            wrong.append(f"bytes: {laptop.name} lacks those of document {row['title']} ({type(error).__name__})")
    return wrong


def _told(body: bytes) -> str:
    change_set = decode(body)
    tables = sorted({change.table for change in change_set.changes})
    return f"change set {change_set.sequence} ({change_set.reason}; {', '.join(tables)})"
