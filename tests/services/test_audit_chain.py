"""The chain: what is done to it by hand is found, at the right entry, by Rollcall and by a verifier of its own."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.models import AuditEntry, Team
from app.services import audit
from app.services.audit import Action, FindingKind, Link
from app.services.audit.anchors import CENTRAL, Anchor, receipt_statement
from app.services.rows import connection_of, driver
from app.services.signing import Signer, new_seed
from app.services.vault.database import open_engine
from app.services.workspace import Workspace
from tests import audit_verifier

ENTRIES = 30
RECEIPTS = (8, 17)
CENTRAL_SIGNER = Signer(new_seed())


@pytest.fixture
def chained(workspace: Workspace) -> Workspace:
    """A vault with thirty entries, two receipts of a central store, and a change among the last."""
    with workspace.read() as session:
        start = driver(connection_of(session)).execute("SELECT max(sequence) FROM audit_entry").fetchone()[0]
    with workspace.local_session() as session:
        sql = "INSERT OR REPLACE INTO sync_state VALUES ('server_key', ?)"
        driver(connection_of(session)).execute(sql, (CENTRAL_SIGNER.public_key,))
    for number in range(start + 1, ENTRIES + 1):
        if number in (ENTRIES, ENTRIES - 3, 5):
            with workspace.write("Added a team") as session:
                session.add(Team(name=f"Team {number}"))
        else:
            workspace.audit(Action.PRINTED, "letter", None, {"number": number})
        if number in RECEIPTS:
            countersign(workspace)
    return workspace


def countersign(ws: Workspace, signer: Signer = CENTRAL_SIGNER) -> None:
    ws.time.advance(days=1)
    with ws.local_session() as session:
        sequence, head = newest(session)
        at = ws.time.now().isoformat()
        signature = signer.sign(receipt_statement(ws.actor.device_id, sequence, head, at))
        audit.keep_receipt(session, Anchor(CENTRAL, sequence, head, at, signature))


def newest(session: Any) -> tuple[int, bytes]:
    found = driver(connection_of(session)).execute("SELECT sequence, hash FROM audit_entry ORDER BY sequence DESC")
    sequence, head = found.fetchone()
    return sequence, head


@dataclass(frozen=True)
class Both:
    """What both verifiers say."""

    product: list[tuple[int, str]]
    other: list[tuple[int, str]]
    proven: tuple[int, int]


def spoiled(ws: Workspace, *statements: Any, lifeboat: tuple[Link, ...] = ()) -> Both:
    """Run SQL (or functions of the connection) on the chain, ask both verifiers, and take it all back."""
    with ws.local_session() as session:
        connection = driver(connection_of(session))
        connection.execute("SAVEPOINT spoiled")
        try:
            for statement in statements:
                statement(connection) if callable(statement) else connection.execute(statement)
            result = audit.verify(session, lifeboat=lifeboat)
            verdict = audit_verifier.verify(connection)
        finally:
            connection.execute("ROLLBACK TO spoiled")
            connection.execute("RELEASE spoiled")
    assert result.finding == (result.findings[0] if result.findings else None)
    return Both(
        [(finding.sequence, finding.kind.value) for finding in result.findings],
        [tuple(finding) for finding in verdict.findings],
        (result.proven_to, verdict.proven_to),
    )


def rehash(start: int) -> Callable[[Any], None]:
    """Return what links a chain again from an entry on, as somebody would who knows how it is made."""

    def work(connection: Any) -> None:
        before = connection.execute("SELECT hash FROM audit_entry WHERE sequence = ?", (start - 1,)).fetchone()
        previous = before[0] if before else bytes(32)
        rows = connection.execute(
            "SELECT sequence, CAST(body AS BLOB) FROM audit_entry WHERE sequence >= ? ORDER BY sequence", (start,)
        ).fetchall()
        for sequence, body in rows:
            previous = hashlib.sha256(previous + body).digest()
            connection.execute("UPDATE audit_entry SET hash = ? WHERE sequence = ?", (previous, sequence))

    return work


def renumber(after: int, by: int) -> Callable[[Any], None]:
    def work(connection: Any) -> None:
        connection.execute("UPDATE audit_entry SET sequence = -sequence WHERE sequence > ?", (after,))
        connection.execute("UPDATE audit_entry SET sequence = -sequence + ? WHERE sequence < 0", (by,))

    return work


def swap(a: int, b: int) -> Callable[[Any], None]:
    def work(connection: Any) -> None:
        connection.execute("UPDATE audit_entry SET sequence = -1 WHERE sequence = ?", (a,))
        connection.execute("UPDATE audit_entry SET sequence = ? WHERE sequence = ?", (a, b))
        connection.execute("UPDATE audit_entry SET sequence = ? WHERE sequence = -1", (b,))

    return work


def edit(sequence: int, old: str, new: str) -> str:
    return f"UPDATE audit_entry SET body = CAST(replace(body, '{old}', '{new}') AS BLOB) WHERE sequence = {sequence}"


def test_an_untouched_chain_fits_for_both_and_is_proven_to_the_last_receipt(chained: Workspace) -> None:
    assert spoiled(chained) == Both([], [], (RECEIPTS[-1], RECEIPTS[-1]))


def test_every_part_of_every_entry_is_found_when_it_is_edited(chained: Workspace) -> None:
    with chained.read() as session:
        rows = driver(connection_of(session)).execute("SELECT sequence, body FROM audit_entry").fetchall()
    for sequence, body in rows[::7]:
        for name, value in json.loads(body).items():
            if name == "sequence":
                continue  # its own test: it says where the entry belongs
            said = {**json.loads(body), name: f"{value or ''}x"}
            text = json.dumps(said, separators=(",", ":")).encode()

            def work(connection: Any, text: bytes = text, sequence: int = sequence) -> None:
                connection.execute("UPDATE audit_entry SET body = ? WHERE sequence = ?", (text, sequence))

            found = spoiled(chained, work)
            assert found.product == found.other
            assert found.product[0] == (sequence, "edited")


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([edit(9, "printed", "read")], (9, "edited")),
        (["UPDATE audit_entry SET hash = zeroblob(32) WHERE sequence = 9"], (9, "edited")),
        (["DELETE FROM audit_entry WHERE sequence = 9"], (9, "removed")),
        (["DELETE FROM audit_entry WHERE sequence = 1"], (1, "removed")),
        (["DELETE FROM audit_entry WHERE sequence = 9", renumber(9, -1)], (9, "removed")),
        ([swap(9, 12)], (9, "reordered")),
        ([swap(29, 30)], (29, "reordered")),
        (["DELETE FROM audit_entry WHERE sequence > 25"], (26, "truncated")),
        (["DELETE FROM audit_entry WHERE sequence = 30"], (30, "truncated")),
        (["DELETE FROM audit_entry"], (1, "truncated")),
        (["DELETE FROM audit_entry WHERE sequence > 26", "DELETE FROM change_set"], (27, "truncated")),
        (["INSERT INTO audit_entry VALUES (0, X'7B7D', zeroblob(32))"], (0, "added")),
        ([edit(12, "printed", "read"), rehash(12)], (9, "rewritten")),
        ([edit(22, "printed", "read"), rehash(22)], (18, "rewritten")),
        (["DELETE FROM audit_entry WHERE sequence = 3", renumber(3, -1), rehash(3)], (1, "rewritten")),
        (["DELETE FROM audit_anchor WHERE kind = 'device'"], (29, "unproven")),
        (["UPDATE audit_anchor SET hash = zeroblob(32) WHERE kind = 'central'"], (8, "unproven")),
        (["UPDATE audit_anchor SET sequence = 9 WHERE sequence = 8"], (9, "unproven")),
        (["UPDATE sync_state SET value = 'AAAA' WHERE name = 'server_key'"], (8, "unproven")),
    ],
)
def test_both_name_the_same_entry_and_the_same_deed(
    chained: Workspace, statements: list[Any], expected: tuple[int, str]
) -> None:
    found = spoiled(chained, *statements)
    assert found.product == found.other
    assert found.product[0] == expected
    assert found.proven[0] == found.proven[1]


DEEDS = st.one_of(
    st.tuples(st.just("edit"), st.integers(1, ENTRIES), st.integers(0, 250), st.integers(0, 255)),
    st.tuples(st.just("hash"), st.integers(1, ENTRIES), st.integers(0, 31), st.integers(0, 255)),
    st.tuples(st.just("remove"), st.integers(1, ENTRIES), st.booleans(), st.booleans()),
    st.tuples(st.just("swap"), st.integers(1, ENTRIES), st.integers(1, ENTRIES), st.booleans()),
    st.tuples(st.just("truncate"), st.integers(0, ENTRIES - 1), st.booleans(), st.booleans()),
    st.tuples(st.just("forge"), st.integers(1, ENTRIES), st.binary(max_size=40), st.booleans()),
)


def do(deed: tuple[Any, ...]) -> list[Any]:
    kind, place, *how = deed
    if kind in ("edit", "hash"):
        return [lambda connection: _flip(connection, "body" if kind == "edit" else "hash", place, *how)]
    if kind == "remove":
        steps: list[Any] = [f"DELETE FROM audit_entry WHERE sequence = {place}"]
        return steps + [renumber(place, -1)] * how[0] + [rehash(place)] * (how[0] and how[1])
    if kind == "swap":
        return [swap(place, how[0])] + [rehash(min(place, how[0]))] * how[1] if place != how[0] else []
    if kind == "truncate":
        gone = ["DELETE FROM audit_anchor WHERE kind = 'device'"] * how[0] + ["DELETE FROM change_set"] * how[1]
        return [f"DELETE FROM audit_entry WHERE sequence > {place}", *gone]

    def forge(connection: Any) -> None:
        connection.execute("UPDATE audit_entry SET body = ? WHERE sequence = ?", (how[0], place))

    return [forge] + [rehash(place)] * how[1]


def _flip(connection: Any, column: str, sequence: int, place: int, value: int) -> None:
    found = connection.execute(f"SELECT {column} FROM audit_entry WHERE sequence = ?", (sequence,)).fetchone()
    if found is not None:
        data = bytearray(found[0])
        data[place % len(data)] = value
        connection.execute(f"UPDATE audit_entry SET {column} = ? WHERE sequence = ?", (bytes(data), sequence))


@given(deeds=st.lists(DEEDS, min_size=1, max_size=2))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_done_both_give_the_same_verdict(chained: Workspace, deeds: list[tuple[Any, ...]]) -> None:
    before = content(chained)
    steps = [step for deed in deeds for step in do(deed)]
    after: list[Any] = []
    found = spoiled(chained, *steps, lambda connection: after.extend(_content(connection)))
    assert found.product == found.other
    assert found.proven[0] == found.proven[1]
    unchanged = [row for row in after if row[0] != "change_set"] == before
    # Where the newest change is gone with its change set and its seal, only what is outside the database shows it.
    boat = tuple(Link(*row) for row in before if isinstance(row[0], int))
    assert found.product or unchanged or spoiled(chained, *steps, lifeboat=boat).product


def content(ws: Workspace) -> list[Any]:
    with ws.read() as session:
        return [row for row in _content(driver(connection_of(session))) if row[0] != "change_set"]


def _content(connection: Any) -> list[Any]:
    entries = connection.execute("SELECT sequence, CAST(body AS BLOB), hash FROM audit_entry ORDER BY sequence")
    anchors = connection.execute("SELECT kind, sequence, hash, at, signature FROM audit_anchor ORDER BY sequence")
    sets = connection.execute("SELECT id FROM change_set").fetchall()
    return [*entries.fetchall(), *anchors.fetchall(), *(("change_set", name) for (name,) in sets)]


# -- the lifeboat, proofs in words, size -----------------------------------------------------------------------------


@pytest.fixture
def links(chained: Workspace) -> Iterator[tuple[Link, ...]]:
    with chained.read() as session:
        rows = driver(connection_of(session)).execute("SELECT * FROM audit_entry WHERE sequence > 20")
        yield tuple(Link(row[0], row[1], row[2]) for row in rows.fetchall())


def test_what_the_lifeboat_holds_shows_a_cut_that_nothing_in_the_vault_shows(
    chained: Workspace, links: tuple[Link, ...]
) -> None:
    cut = [
        "DELETE FROM audit_entry WHERE sequence > 17",
        "DELETE FROM change_set",
        lambda connection: reseal(connection, chained, 17),
    ]
    assert spoiled(chained, *cut).product == []
    assert spoiled(chained, *cut, lifeboat=links).product[0] == (18, "truncated")


def test_what_the_lifeboat_holds_shows_a_chain_written_again(chained: Workspace, links: tuple[Link, ...]) -> None:
    again = [edit(25, "printed", "read"), rehash(25), lambda connection: reseal(connection, chained, 29)]
    assert spoiled(chained, *again).product == []
    assert spoiled(chained, *again, lifeboat=links).product[0] == (25, "rewritten")


def reseal(connection: Any, ws: Workspace, sequence: int) -> None:
    """Seal a chain as only somebody can who has the device's own key."""
    from app.services.audit.anchors import seal_statement

    seed = connection.execute("SELECT private_key FROM device_key").fetchone()[0]
    head = connection.execute("SELECT hash FROM audit_entry WHERE sequence = ?", (sequence,)).fetchone()[0]
    at = ws.time.now().isoformat()
    signature = Signer(seed).sign(seal_statement(ws.actor.device_id, sequence, head, at))
    connection.execute(
        "INSERT OR REPLACE INTO audit_anchor VALUES ('device', '', ?, ?, ?, ?)", (sequence, head, at, signature)
    )


def test_the_finding_says_since_when_the_central_store_proves_the_entry(chained: Workspace) -> None:
    with chained.local_session() as session:
        connection = driver(connection_of(session))
        connection.execute("SAVEPOINT spoiled")
        connection.execute(edit(12, "printed", "read"))
        found = audit.verify(session).finding
        connection.execute(edit(20, "printed", "read"))
        connection.execute("ROLLBACK TO spoiled")
        connection.execute(edit(20, "printed", "read"))
        unproven = audit.verify(session).finding
        connection.execute("ROLLBACK TO spoiled")
    assert found is not None
    assert found.kind is FindingKind.EDITED
    assert found.proven_at == datetime.fromisoformat("2026-11-19T09:00:00+00:00")
    assert unproven is not None
    assert unproven.proven_at is None


def test_of_the_receipts_the_last_of_each_day_is_kept(chained: Workspace) -> None:
    for _ in range(3):
        chained.audit(Action.PRINTED)
        with chained.local_session() as session:
            sequence, head = newest(session)
            at = (chained.time.now() + timedelta(seconds=1)).isoformat()
            signature = CENTRAL_SIGNER.sign(receipt_statement(chained.actor.device_id, sequence, head, at))
            audit.keep_receipt(session, Anchor(CENTRAL, sequence, head, at, signature))
    assert spoiled(chained) == Both([], [], (ENTRIES + 3, ENTRIES + 3))
    with chained.read() as session:
        count = driver(connection_of(session)).execute("SELECT count(*) FROM audit_anchor WHERE kind = 'central'")
        assert count.fetchone()[0] == 2


def test_a_long_chain_is_verified_in_parts_and_can_be_stopped(
    chained: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys.modules["app.services.audit.verifying"], "PART", 4)
    told: list[tuple[int, int]] = []
    with chained.read() as session:
        assert audit.verify(session, progress=lambda done, total: told.append((done, total))).finding is None
        assert told[:2] == [(4, ENTRIES), (8, ENTRIES)]
        assert told[-1] == (ENTRIES, ENTRIES)
        stopped = audit.verify(session, progress=lambda done, _total: done < 12)
    assert stopped.stopped
    assert stopped.finding is None
    for sequence in (1, 4, 5, 17, 30):
        found = spoiled(chained, edit(sequence, ",", ";"))
        assert found.product == found.other
        assert found.product[0][0] == sequence


def test_a_body_with_a_line_break_that_follows_from_the_one_before_is_no_finding_by_itself(chained: Workspace) -> None:
    def work(connection: Any) -> None:
        connection.execute("DELETE FROM audit_anchor WHERE sequence > 17")
        connection.execute("UPDATE audit_entry SET body = body || char(10) WHERE sequence = 20")
        rehash(20)(connection)

    found = spoiled(chained, work)
    assert found.product == found.other == [(29, "unproven")]


# -- chains of earlier versions --------------------------------------------------------------------------------------


def test_a_chain_of_the_first_schema_is_carried_over_byte_for_byte(tmp_path: Path) -> None:
    from alembic import command

    engine = open_engine(tmp_path / "earlier.db", bytes(32), create=True)
    with engine.connect() as connection:
        config = migrations(connection)
        command.upgrade(config, "0002")
        previous, hashes = bytes(32), []
        for number, name in enumerate(('Zoë "Z" Ó Briain', "Rollcall", "tab\t and \u007f"), start=1):
            said = {
                "action": "read",
                "actor_id": None if number == 2 else "01a20d63-a076-77f9-80e4-a1d958de4a2e",
                "actor_name": name,
                "at": f"2026-11-17T09:00:00.00000{number}+00:00",
                "detail": '{"number":1}',
                "sequence": number,
                "subject_id": None,
                "subject_table": "case",
            }
            # As it was hashed before: keys in order, no spaces, by the encoder in use then.
            previous = hashlib.sha256(previous + msgspec.json.encode(said, order="deterministic")).digest()
            hashes.append(previous)
            row = {**said, "at": said["at"][:26].replace("T", " "), "previous": b"", "hash": previous}
            row["actor_id"] = row["actor_id"] and str(row["actor_id"]).replace("-", "")
            connection.execute(
                text(f"INSERT INTO audit_entry ({', '.join(row)}) VALUES ({', '.join(f':{key}' for key in row)})"), row
            )
        command.upgrade(config, "head")
        connection.commit()
    with Session(engine) as session:
        result = audit.verify(session)
        assert (result.finding, result.entries, result.head) == (None, 3, hashes[-1].hex())
        assert [entry.actor_name for entry in session.scalars(select(AuditEntry))][0] == 'Zoë "Z" Ó Briain'
    engine.dispose()


def migrations(connection: Any) -> Any:
    from alembic.config import Config

    import app.models

    config = Config()
    config.set_main_option("script_location", str(Path(app.models.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["store"] = "vault"
    return config
