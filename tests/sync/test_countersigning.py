"""The central store keeps, checks and countersigns the audit chains of laptops; what was countersigned stays."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from app.central import main as central_main
from app.central.audit_heads import CUT_SHORT, DIFFERS
from app.models import AuditAnchor, AuditEntry, Team
from app.services import audit
from app.services.audit import Action
from app.services.audit.anchors import CENTRAL, receipt_statement
from app.services.rows import connection_of, driver
from app.services.sync import facts, protocol
from app.services.sync.countersigning import countersign
from app.services.sync.enrolment import open_transport
from app.services.sync.faults import CentralUnreachable
from app.services.sync.telling import SyncReport
from app.services.workspace import Workspace
from tests.services.test_audit_chain import edit, rehash

Sync = Callable[[Workspace], Any]


@pytest.fixture
def dawn(enrol_laptop: Callable[..., Any], sync_once: Sync) -> Workspace:
    """A laptop with a few readings that are countersigned."""
    ws: Workspace = enrol_laptop("dawn").workspace()
    for number in range(6):
        ws.audit(Action.PRINTED, "letter", None, {"number": number})
    sync_once(ws)
    return ws


def verified(ws: Workspace) -> audit.AuditResult:
    with ws.read() as session:
        return audit.verify(session)


def entries(ws: Workspace) -> list[tuple[int, bytes, bytes]]:
    with ws.read() as session:
        return driver(connection_of(session)).execute("SELECT * FROM audit_entry ORDER BY sequence").fetchall()


def spoil(ws: Workspace, *statements: Any) -> None:
    with ws.local_session() as session:
        connection = driver(connection_of(session))
        for statement in statements:
            statement(connection) if callable(statement) else connection.execute(statement)


def test_everything_is_countersigned_at_a_sync_and_an_idle_one_asks_for_nothing(
    dawn: Workspace, central: Any, sync_once: Sync
) -> None:
    result = verified(dawn)
    assert result.finding is None
    assert result.proven_to == result.last == len(entries(dawn))
    assert result.proven_at == dawn.time.now()
    (head,) = central.services.audit.heads()
    assert (head.device_id, head.sequence, head.hash.hex()) == (dawn.actor.device_id, result.last, result.head)
    assert central.services.audit.broken_at(dawn.actor.device_id) is None

    class Silent:
        def call(self, path: str, _message: object, _kind: object) -> Any:
            raise AssertionError(f"{path} was called")

    countersign(dawn, Silent(), SyncReport())
    before = entries(dawn)
    sync_once(dawn)
    assert entries(dawn) == before


def test_a_change_is_countersigned_in_its_sync_and_the_sync_with_the_next(dawn: Workspace, sync_once: Sync) -> None:
    for name in ("East", "North"):
        dawn.time.advance(minutes=10)
        with dawn.write("Added a team") as session:
            session.add(Team(name=name))
        sync_once(dawn)
    with dawn.read() as session:
        assert session.scalars(select(AuditEntry.action).order_by(AuditEntry.sequence)).all()[-2:] == [
            "changed",
            "synced",
        ]
    assert verified(dawn).proven_to == verified(dawn).last - 1
    sync_once(dawn)
    assert verified(dawn).proven_to == verified(dawn).last


def test_entries_go_in_bounded_pieces_and_a_lost_answer_is_taken_up_again(
    dawn: Workspace, central: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "AUDIT_ENTRIES", 4)
    for number in range(10):
        dawn.audit(Action.PRINTED, "letter", None, {"number": number})
    transport = open_transport(dawn)
    sizes: list[int] = []

    class Losing:
        def call(self, path: str, message: Any, kind: Any) -> Any:
            answer = transport.call(path, message, kind)
            sizes.append(len(message.bodies))
            if len(sizes) == 2:
                raise ConnectionError("lost")
            return answer

    with pytest.raises(ConnectionError):
        countersign(dawn, Losing(), SyncReport())
    countersign(dawn, Losing(), SyncReport())
    transport.close()
    assert max(sizes) == 4
    assert verified(dawn).proven_to == verified(dawn).last
    assert central.services.audit.alarms() == []


def test_a_cut_that_hides_its_traces_is_proven_by_the_receipt(dawn: Workspace) -> None:
    last = verified(dawn).last
    spoil(
        dawn, f"DELETE FROM audit_entry WHERE sequence > {last - 3}", "DELETE FROM audit_anchor WHERE kind = 'device'"
    )
    found = verified(dawn).finding
    assert found is not None
    assert (found.sequence, found.kind) == (last - 2, audit.FindingKind.TRUNCATED)
    assert found.proof.startswith(f"the central store countersigned entry {last} on 17 November 2026")
    assert found.proven_at == dawn.time.now()


def test_a_chain_cut_with_all_its_proofs_is_refused_noticed_and_made_whole_again(
    dawn: Workspace, central: Any, sync_once: Sync
) -> None:
    before = entries(dawn)
    spoil(dawn, f"DELETE FROM audit_entry WHERE sequence > {len(before) - 4}", "DELETE FROM audit_anchor")
    dawn.audit(Action.UNLOCKED)
    report = sync_once(dawn)
    assert report.reasons in ([DIFFERS], [CUT_SHORT])
    after = entries(dawn)
    assert after[: len(before)] == before
    with dawn.read() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.sequence)).all()
        assert facts.get(session, facts.AUDIT_REFUSED) is None
    assert actions[len(before) :] == ["unlocked", "not countersigned", "rejoined the chain"]
    assert verified(dawn).finding is None
    assert verified(dawn).proven_to == len(after)
    (alarm,) = central.services.audit.alarms()
    assert (alarm.device_id, alarm.known_sequence) == (dawn.actor.device_id, len(before))


def test_a_chain_only_cut_short_is_noticed_and_fetched_again(dawn: Workspace, central: Any) -> None:
    before = entries(dawn)
    spoil(dawn, f"DELETE FROM audit_entry WHERE sequence > {len(before) - 2}")
    transport = open_transport(dawn)
    report = SyncReport()
    countersign(dawn, transport, report)
    transport.close()
    assert report.reasons == [CUT_SHORT]
    assert entries(dawn)[: len(before)] == before
    assert central.services.audit.alarms()[0].what == CUT_SHORT
    assert verified(dawn).finding is None


def test_a_chain_written_again_by_somebody_with_every_key_comes_back_as_it_was(
    dawn: Workspace, central: Any, sync_once: Sync
) -> None:
    before = entries(dawn)
    place = len(before) - 3
    spoil(dawn, edit(place, "printed", "listed"), rehash(place), "DELETE FROM audit_anchor")
    dawn.audit(Action.UNLOCKED)
    assert verified(dawn).finding is None, "nothing on the laptop can show it"
    assert sync_once(dawn).reasons == [DIFFERS]
    assert entries(dawn)[: len(before)] == before
    assert central.services.audit.alarms()[0].what == DIFFERS
    assert verified(dawn).finding is None


def test_entries_that_were_tampered_with_before_they_were_sent_are_not_covered_up(
    dawn: Workspace, central: Any, sync_once: Sync
) -> None:
    known = verified(dawn).last
    for number in range(3):
        dawn.audit(Action.PRINTED, "letter", None, {"number": number})
    spoil(dawn, edit(known + 2, "printed", "listed"))
    for _ in range(2):
        assert sync_once(dawn).reasons == [protocol.UNLINKED]
    found = verified(dawn).finding
    assert found is not None
    assert (found.sequence, found.kind) == (known + 2, audit.FindingKind.EDITED)
    assert central.services.audit.heads()[0].sequence == known
    with dawn.read() as session:
        assert facts.get(session, facts.AUDIT_REFUSED) == protocol.UNLINKED
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("not countersigned") == 1


def test_a_central_store_put_back_to_yesterday_is_sent_what_it_lost(
    dawn: Workspace, central: Any, sync_once: Sync
) -> None:
    last = verified(dawn).last
    with central.services.engine.begin() as connection:
        kept = connection.execute(text("SELECT hash FROM audit_entry WHERE sequence = :at"), {"at": last - 4}).scalar()
        connection.execute(text("DELETE FROM audit_entry WHERE sequence > :at"), {"at": last - 4})
        at = dawn.time.now().isoformat()
        statement = receipt_statement(dawn.actor.device_id, last - 4, kept, at)
        receipt = central.services.identity.signer.sign(statement)
        connection.execute(
            text("UPDATE audit_head SET sequence = :at, hash = :hash, at = :when, receipt = :receipt"),
            {"at": last - 4, "hash": kept, "when": at, "receipt": receipt},
        )
    dawn.audit(Action.UNLOCKED)
    assert sync_once(dawn).reasons == []
    assert central.services.audit.heads()[0].sequence == last + 1
    assert central.services.audit.broken_at(dawn.actor.device_id) is None


def test_the_central_store_verifies_its_own_copy(dawn: Workspace, central: Any) -> None:
    with central.services.engine.begin() as connection:
        connection.execute(text("UPDATE audit_entry SET body = '{}' WHERE sequence = 3"))
    assert central.services.audit.broken_at(dawn.actor.device_id) == 3


def test_a_receipt_that_is_not_the_central_stores_is_not_kept(dawn: Workspace) -> None:
    transport = open_transport(dawn)

    class Forging:
        def call(self, path: str, message: Any, kind: Any) -> Any:
            answer = transport.call(path, message, kind)
            answer.receipt = bytes(64)
            return answer

    dawn.audit(Action.UNLOCKED)
    with pytest.raises(CentralUnreachable):
        countersign(dawn, Forging(), SyncReport())
    transport.close()
    with dawn.read() as session:
        newest = session.scalars(select(AuditAnchor.sequence).where(AuditAnchor.kind == CENTRAL)).one()
    assert newest == verified(dawn).last - 1


def test_two_laptops_have_a_chain_each(
    dawn: Workspace, enrol_laptop: Callable[..., Any], central: Any, sync_once: Sync
) -> None:
    ruth = enrol_laptop("ruth").workspace()
    ruth.audit(Action.PRINTED)
    sync_once(ruth)
    sync_once(ruth)
    assert {head.device_id for head in central.services.audit.heads()} == {
        dawn.actor.device_id,
        ruth.actor.device_id,
    }
    assert verified(ruth).proven_to == verified(ruth).last


def test_the_central_command_lists_chains_and_alarms(
    dawn: Workspace, central: Any, postgres_dsn: str, sync_once: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert central_main.run(["audit", "--dsn", postgres_dsn]) == 0
    assert f"{verified(dawn).last} entries  2026-11-17T09:00  in order" in capsys.readouterr().out
    spoil(dawn, "DELETE FROM audit_entry WHERE sequence > 3", "DELETE FROM audit_anchor")
    dawn.audit(Action.UNLOCKED)
    sync_once(dawn)
    assert central_main.run(["audit", "--json", "--dsn", postgres_dsn]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [chain["broken_at"] for chain in said["chains"]] == [None]
    assert [alarm["device_id"] for alarm in said["alarms"]] == [dawn.actor.device_id]
