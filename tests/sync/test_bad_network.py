"""A central store that is down, slow or nonsense, and answers that are lost: the work is kept, and nothing doubles."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from app.models import Case, CaseEvent, ChangeSetRow, Child, Document
from app.models.terms import ChangeState, EventKind
from app.services.sync import facts, transport
from app.services.sync.client import SyncClient
from app.services.sync.enrolment import open_transport
from app.services.sync.faults import CentralUnreachable
from app.services.workspace import Workspace
from tests.sync import bad_network as bad
from tests.sync.bad_network import Network, network

Sync = Callable[[Workspace], Any]


@pytest.fixture
def net(central: Any) -> Iterator[Network]:
    with network(central.url) as made:
        yield made


@pytest.fixture
def dawn(enrol_laptop: Callable[..., Any], net: Network) -> Workspace:
    return enrol_laptop("dawn", url=net.url).workspace()


@pytest.fixture(autouse=True)
def short_patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # Only what hangs is waited for; a busy machine answers late and must not be taken for it.
    seconds = 0.7 if "hang" in request.node.name else 10.0
    made = transport.HttpTransport.__init__
    monkeypatch.setattr(made, "__kwdefaults__", {**made.__kwdefaults__, "timeout_seconds": seconds})


def note(ws: Workspace, words: str) -> None:
    with ws.write("Added a note") as session:
        case_id = session.scalars(select(Case.id).limit(1)).first()
        if case_id is None:
            child = Child(forename="Isla", surname="Merrow")
            session.add(child)
            session.flush()
            case = Case(reference="CME-2026-00001", child_id=child.id, opened_on=date(2026, 11, 2))
            session.add(case)
            session.flush()
            case_id = case.id
        session.add(CaseEvent(case_id=case_id, kind=EventKind.NOTE, happened_at=ws.time.now(), body=words))


def states(ws: Workspace) -> list[ChangeState]:
    with ws.read() as session:
        own = ChangeSetRow.device_id == ws.actor.device_id
        return list(session.scalars(select(ChangeSetRow.state).where(own).order_by(ChangeSetRow.sequence)))


def logged_notes(central: Any) -> list[str]:
    with central.services.engine.connect() as connection:
        return sorted(connection.execute(select(CaseEvent.body)).scalars())


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (bad.CUT, "Could not reach the central store. Your work is kept."),
        (bad.CUT_HALF, "Could not reach the central store. Your work is kept."),
        (bad.HANG, "The central store took too long to answer. Your work is kept."),
        (bad.HTML, "This network asks you to sign in on its own page first."),
        (bad.WRONG, "Something other than the central store answered."),
        (bad.TRUNCATED, "Something other than the central store answered."),
        (bad.BOMB, "Something other than the central store answered."),
        (bad.GATEWAY, "Could not reach the central store. Your work is kept."),
        (bad.REDIRECT, "This network asks you to sign in on its own page first."),
    ],
)
def test_whatever_goes_wrong_is_said_in_words_and_goes_through_once_when_it_is_over(
    dawn: Workspace, net: Network, sync_once: Sync, central: Any, mode: str, words: str
) -> None:
    written = []
    # The slow ones are shown with a push; the rest is the same code.
    for path in ("/push",) if mode in (bad.HANG, bad.BOMB) else ("/push", "/pull", "/challenge"):
        if path != "/pull":  # what waits brings the pull with it
            written.append(f"Rang the school before {path}")
            note(dawn, written[-1])
        net.break_with(mode, path)
        with pytest.raises(CentralUnreachable) as fault:
            sync_once(dawn)
        assert fault.value.message.startswith(words)
        net.mend()
        sync_once(dawn)
        assert set(states(dawn)) == {ChangeState.ACCEPTED}
        assert logged_notes(central) == sorted(written)


def test_a_store_that_is_down_keeps_the_work(dawn: Workspace, central: Any, sync_once: Sync) -> None:
    with dawn.local_session() as session:
        facts.put(session, facts.SERVER, "http://127.0.0.1:9")
    note(dawn, "Rang the school")
    with pytest.raises(CentralUnreachable) as fault:
        sync_once(dawn)
    assert fault.value.offline
    assert states(dawn) == [ChangeState.PENDING]


def test_an_answer_lost_after_the_commit_is_given_again_with_the_same_revision(
    dawn: Workspace, net: Network, sync_once: Sync, central: Any
) -> None:
    note(dawn, "Rang the school")
    net.break_with(bad.CUT, "/push", times=1)
    with pytest.raises(CentralUnreachable):
        sync_once(dawn)
    assert states(dawn) == [ChangeState.PENDING]
    head = central.services.reader.head()
    sync_once(dawn)
    assert central.services.reader.head() == head
    with dawn.read() as session:
        row = session.scalars(select(ChangeSetRow).where(ChangeSetRow.state == ChangeState.ACCEPTED)).one()
    assert row.revision == head


def test_a_slow_store_is_sent_smaller_pieces(
    dawn: Workspace, net: Network, central: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that takes too long is cut in four, so a slow store still takes everything in the end."""
    for number in range(8):
        note(dawn, f"Note {number}")
    sent: list[int] = []
    carried = open_transport(dawn)
    real = carried.call

    def slow_above_two(path: str, message: Any, kind: Any, **options: Any) -> Any:
        if path == "/push":
            sent.append(len(message.sets))
            if len(message.sets) > 2:
                raise CentralUnreachable("slow", slow=True)
        return real(path, message, kind, **options)

    monkeypatch.setattr(carried, "call", slow_above_two)
    report = SyncClient(dawn, carried).run()
    carried.close()
    assert report.pushed == 8
    assert sent == [8, 2, 2, 2, 2]


def test_a_first_pull_that_is_cut_off_goes_on_where_it_stopped(
    enrol_laptop: Callable[..., Any],
    net: Network,
    dawn: Workspace,
    sync_once: Sync,
    central: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from app.central import snapshots

    for number in range(30):
        note(dawn, f"Note {number}")
    sync_once(dawn)
    monkeypatch.setattr(snapshots, "SNAPSHOT_ROWS", 10)
    answered: list[tuple[str, str | None]] = []
    rows = snapshots.Snapshots.rows

    def noted(self: Any, device_id: str, table: str, after: str | None, limit: int) -> Any:
        answered.append((table, after))
        return rows(self, device_id, table, after, limit)

    monkeypatch.setattr(snapshots.Snapshots, "rows", noted)
    net.requests.clear()
    real = net.forward

    def only_three_pages(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        if path.endswith("/snapshot/rows") and net.requests.count(path) > 3:
            return 502, "text/html", b""
        return real(path, body, headers)

    monkeypatch.setattr(net, "forward", only_three_pages)
    vault = enrol_laptop("ruth", url=net.url)
    ruth = vault.workspace()
    assert ruth.actor.name == "Ruth Okonjo"
    with ruth.read() as session:
        stopped_at = facts.get(session, facts.FIRST_PULL)
    assert stopped_at != "done"
    monkeypatch.setattr(net, "forward", real)
    assert len(answered) == 3
    sync_once(ruth)
    assert len(answered) >= 4
    assert len(set(answered)) == len(answered)
    assert _count(ruth, CaseEvent) == 30
    with ruth.read() as session:
        assert facts.get(session, facts.FIRST_PULL) == "done"


def _count(ws: Workspace, model: Any) -> int:
    with ws.read() as session:
        return int(session.scalar(select(func.count()).select_from(model)) or 0)


def add_document(ws: Workspace, data: bytes) -> str:
    sha256 = ws.documents.put(data, "application/pdf")
    with ws.write("Added a document") as session:
        session.add(
            Document(
                sha256=sha256,
                size=len(data),
                media_type="application/pdf",
                page_count=1,
                arrived_at=ws.time.now(),
                reading={},
                rotation={},
            )
        )
    return sha256


def test_bytes_that_were_cut_off_resend_only_what_is_missing(
    dawn: Workspace, net: Network, enrol_laptop: Callable[..., Any], sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.sync import protocol

    monkeypatch.setattr(protocol, "CHUNKS_A_REQUEST", 1)
    data = b"".join(bytes([number]) * 262_144 for number in range(6)) + b"end"
    sha256 = add_document(dawn, data)
    real, puts = net.forward, []

    def only_four(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        if path.endswith("/documents/put"):
            puts.append(len(body))
            if len(puts) == 5:
                return 502, "text/html", b""
        return real(path, body, headers)

    monkeypatch.setattr(net, "forward", only_four)
    with pytest.raises(CentralUnreachable):
        sync_once(dawn)
    assert len(puts) == 5
    report = sync_once(dawn)
    assert (report.documents_sent, len(puts)) == (1, 5 + 3)
    ruth = enrol_laptop("ruth").workspace()
    assert ruth.documents.get(sha256) == data
    assert sync_once(dawn).documents_sent == 0


def test_a_download_that_was_cut_off_fetches_only_what_is_missing(
    dawn: Workspace, net: Network, enrol_laptop: Callable[..., Any], sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.sync import protocol

    ruth = enrol_laptop("ruth", url=net.url).workspace()
    monkeypatch.setattr(protocol, "CHUNKS_A_REQUEST", 1)
    data = b"".join(bytes([number]) * 262_144 for number in range(5))
    sha256 = add_document(dawn, data)
    sync_once(dawn)
    net.requests.clear()
    real = net.forward

    def only_two(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        if path.endswith("/documents/get") and net.requests.count(path) == 3:
            return 502, "text/html", b""
        return real(path, body, headers)

    monkeypatch.setattr(net, "forward", only_two)
    with pytest.raises(CentralUnreachable):
        sync_once(ruth)
    assert not ruth.documents.complete(sha256)
    report = sync_once(ruth)
    assert report.documents_fetched == 1
    assert net.requests.count("/v1/documents/get") == 3 + 3
    assert ruth.documents.get(sha256) == data


def test_bytes_that_do_not_fit_their_hash_are_not_kept(
    dawn: Workspace, net: Network, enrol_laptop: Callable[..., Any], sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.sync import protocol

    ruth = enrol_laptop("ruth", url=net.url).workspace()
    sha256 = add_document(dawn, b"true bytes" * 1000)
    sync_once(dawn)
    real = net.forward

    def falsified(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        status, kind, answer = real(path, body, headers)
        if path.endswith("/documents/get"):
            chunks = protocol.unpack(protocol.Chunks, answer)
            answer = protocol.pack(protocol.Chunks([(name, data[:-1] + b"!") for name, data in chunks.chunks]))
        return status, kind, answer

    monkeypatch.setattr(net, "forward", falsified)
    report = sync_once(ruth)  # it does not stand in the way of anything else
    assert (report.documents_damaged, report.documents_fetched) == (1, 0)
    assert not ruth.documents.complete(sha256)
    monkeypatch.setattr(net, "forward", real)
    sync_once(ruth)
    assert ruth.documents.get(sha256) == b"true bytes" * 1000


def test_an_acceptance_without_a_true_receipt_counts_for_nothing(
    dawn: Workspace, net: Network, sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.sync import protocol

    note(dawn, "Rang the school")
    real = net.forward

    def forged(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        status, kind, answer = real(path, body, headers)
        if path.endswith("/push"):
            told = protocol.unpack(protocol.PushAnswer, answer)
            for result in told.results:
                result.revision = (result.revision or 0) + 1
            answer = protocol.pack(told)
        return status, kind, answer

    monkeypatch.setattr(net, "forward", forged)
    with pytest.raises(CentralUnreachable):
        sync_once(dawn)
    assert states(dawn) == [ChangeState.PENDING]


def test_rows_that_do_not_fit_their_table_change_nothing(
    dawn: Workspace, net: Network, enrol_laptop: Callable[..., Any], sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.sync import protocol

    ruth = enrol_laptop("ruth", url=net.url).workspace()
    note(dawn, "Rang the school")
    sync_once(dawn)
    real = net.forward

    def spoiled(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        status, kind, answer = real(path, body, headers)
        if path.endswith("/pull"):
            told = protocol.unpack(protocol.PullAnswer, answer)
            for entry in told.entries:
                entry.body = entry.body.replace(b'"kind":[null,"note"]', b'"kind":[null,"joke"]')
            answer = protocol.pack(told)
        return status, kind, answer

    monkeypatch.setattr(net, "forward", spoiled)
    with pytest.raises(CentralUnreachable):
        sync_once(ruth)
    assert _count(ruth, CaseEvent) == 0
    monkeypatch.setattr(net, "forward", real)
    sync_once(ruth)
    assert _count(ruth, CaseEvent) == 1
