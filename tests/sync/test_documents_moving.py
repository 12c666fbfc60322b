"""Bytes of documents: cut off anywhere they cost one chunk at most, and what a crash tore apart is found and mended."""

import secrets
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.central.tables import document_chunk, document_content
from app.ids import new_id
from app.models import Case, Child, Document
from app.models.terms import CaseStatus, DocumentState
from app.services.documents.store import CHUNK_BYTES
from app.services.sync import document_wishes, facts, protocol
from app.services.sync import documents as moving
from app.services.sync.client import SyncClient
from app.services.sync.document_protocol import Taken
from app.services.sync.document_wishes import Wishes
from app.services.sync.documents import move_documents
from app.services.sync.enrolment import open_transport
from app.services.sync.faults import CentralUnreachable
from app.services.sync.telling import SyncReport
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.sync.bad_network import Network, network

Sync = Callable[[Workspace], Any]
Enrol = Callable[..., Any]
OVERHEAD = 2000
"""What a message measures beside its chunk."""


@pytest.fixture
def net(central: Any) -> Iterator[Network]:
    with network(central.url) as made:
        yield made


@pytest.fixture
def dawn(enrol_laptop: Enrol, net: Network) -> Workspace:
    return enrol_laptop("dawn", url=net.url).workspace()


def add_document(ws: Workspace, data: bytes, **more: Any) -> str:
    sha256 = ws.documents.put(data, "application/pdf")
    with ws.write("Filed a letter") as session:
        session.add(
            Document(
                sha256=sha256,
                size=len(data),
                media_type="application/pdf",
                page_count=1,
                arrived_at=more.pop("arrived_at", ws.time.now()),
                reading={},
                rotation={},
                **more,
            )
        )
    return sha256


def add_case(ws: Workspace, reference: str, status: CaseStatus = CaseStatus.OPEN) -> str:
    with ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Merrow")
        session.add(child)
        session.flush()
        case = Case(reference=reference, child_id=child.id, opened_on=date(2026, 11, 2), status=status)
        session.add(case)
        session.flush()
        return case.id


def whole_in_central(central: Any, sha256: str) -> bool:
    return bool(central.services.bytes.manifests([sha256]))


def cut_off(net: Network, path: str, at: int, *, before: bool) -> list[int]:
    """Let the ``at``-th message to a path fail, before or after the central store sees it; return what travelled."""
    real, travelled = net.forward, []

    def forward(asked: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        if not asked.endswith(path):
            return real(asked, body, headers)
        number = len(travelled)
        if number == at and before:
            travelled.append(len(body))
            return 502, "text/html", b""
        answer = real(asked, body, headers)
        travelled.append(max(len(body), len(answer[2])))
        return (502, "text/html", b"") if number == at else answer

    net.forward = forward  # type: ignore[method-assign]  # the fault is the test
    return travelled


@pytest.mark.parametrize("before", [True, False], ids=["not heard", "answer lost"])
def test_cut_off_at_every_chunk_going_up_at_most_one_is_sent_again(
    dawn: Workspace, net: Network, central: Any, sync_once: Sync, *, before: bool
) -> None:
    real = net.forward
    for at in range(4):
        data = secrets.token_bytes(3 * CHUNK_BYTES + 1234)
        sha256 = add_document(dawn, data)
        travelled = cut_off(net, "/documents/put", at, before=before)
        with pytest.raises(CentralUnreachable):
            sync_once(dawn)
        sync_once(dawn)
        net.forward = real  # type: ignore[method-assign]
        assert whole_in_central(central, sha256)
        assert sum(travelled) <= len(data) + CHUNK_BYTES + 6 * OVERHEAD
        assert max(travelled) <= CHUNK_BYTES + OVERHEAD


@pytest.mark.parametrize("before", [True, False], ids=["not heard", "answer lost"])
def test_cut_off_at_every_chunk_coming_down_at_most_one_is_fetched_again(
    dawn: Workspace, net: Network, enrol_laptop: Enrol, sync_once: Sync, *, before: bool
) -> None:
    ruth = enrol_laptop("ruth", url=net.url).workspace()
    real = net.forward
    for at in range(4):
        data = secrets.token_bytes(3 * CHUNK_BYTES + 1234)
        sha256 = add_document(dawn, data)
        sync_once(dawn)
        travelled = cut_off(net, "/documents/get", at, before=before)
        with pytest.raises(CentralUnreachable):
            sync_once(ruth)
        sync_once(ruth)
        net.forward = real  # type: ignore[method-assign]
        assert ruth.documents.get(sha256) == data
        assert sum(travelled) <= len(data) + CHUNK_BYTES + 6 * OVERHEAD


def test_several_documents_travel_together_one_chunk_of_each_while_the_network_is_quick(
    dawn: Workspace, net: Network, sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(7):
        add_document(dawn, secrets.token_bytes(CHUNK_BYTES))
    travelled = cut_off(net, "/documents/put", 99, before=True)
    sync_once(dawn)
    assert [round(size / CHUNK_BYTES) for size in travelled] == [1, 2, 4]
    monkeypatch.setattr(moving, "_QUICK_SECONDS", -1.0)
    travelled.clear()
    for _ in range(3):
        add_document(dawn, secrets.token_bytes(CHUNK_BYTES))
    sync_once(dawn)
    assert [round(size / CHUNK_BYTES) for size in travelled] == [1, 1, 1]


def test_small_documents_travel_together(dawn: Workspace, net: Network, sync_once: Sync) -> None:
    for _ in range(16):
        add_document(dawn, secrets.token_bytes(20_000))
    travelled = cut_off(net, "/documents/put", 99, before=True)
    sync_once(dawn)
    assert len(travelled) == 2


def test_bytes_that_the_central_store_does_not_confirm_are_not_called_safe(
    dawn: Workspace, net: Network, central: Any, sync_once: Sync
) -> None:
    """The store may take the chunks and still not have them: its own word is asked for afterwards."""
    sha256 = add_document(dawn, secrets.token_bytes(1000))
    real = net.forward

    def swallowing(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        if path.endswith("/documents/put"):
            return 200, protocol.MEDIA_TYPE, protocol.pack(Taken())
        return real(path, body, headers)

    net.forward = swallowing  # type: ignore[method-assign]
    assert sync_once(dawn).documents_sent == 0
    assert not whole_in_central(central, sha256)
    net.forward = real  # type: ignore[method-assign]
    assert sync_once(dawn).documents_sent == 1
    assert whole_in_central(central, sha256)


def test_records_go_first_and_bytes_after(dawn: Workspace, net: Network, sync_once: Sync) -> None:
    add_document(dawn, secrets.token_bytes(1000))
    net.requests.clear()
    sync_once(dawn)
    steps = [path.removeprefix("/v1") for path in net.requests]
    assert steps.index("/push") < steps.index("/documents/offer") < steps.index("/documents/put")


# -- record and bytes that disagree (shape 8) ------------------------------------------------------------------------


def later(frozen_time: FrozenTime) -> None:
    frozen_time.advance(hours=1, seconds=1)


def test_a_record_whose_bytes_were_lost_here_gets_them_back(
    dawn: Workspace, sync_once: Sync, frozen_time: FrozenTime
) -> None:
    data = secrets.token_bytes(CHUNK_BYTES + 500)
    sha256 = add_document(dawn, data)
    sync_once(dawn)
    with dawn.documents._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM chunk WHERE length(data) = 500")
    later(frozen_time)
    report = sync_once(dawn)
    assert (report.documents_fetched, report.bytes_fetched) == (1, 500)
    assert dawn.documents.get(sha256) == data


@pytest.mark.parametrize("what", ["a chunk is gone", "a chunk is damaged", "never marked whole"])
def test_bytes_that_the_central_store_lost_are_sent_again(
    dawn: Workspace, central: Any, enrol_laptop: Enrol, sync_once: Sync, frozen_time: FrozenTime, what: str
) -> None:
    data = secrets.token_bytes(CHUNK_BYTES + 500)
    sha256 = add_document(dawn, data)
    sync_once(dawn)
    lost = dawn.documents.chunk_hashes(sha256)[1]
    with central.services.engine.begin() as connection:
        if what == "a chunk is gone":
            connection.execute(delete(document_chunk).where(document_chunk.c.hash == lost))
        elif what == "a chunk is damaged":
            connection.execute(update(document_chunk).where(document_chunk.c.hash == lost).values(data=b"rot"))
        else:
            connection.execute(update(document_content).values(complete=False))
    ruth = enrol_laptop("ruth").workspace()
    assert not ruth.documents.complete(sha256)
    later(frozen_time)
    report = sync_once(dawn)
    assert report.bytes_sent == (0 if what == "never marked whole" else 500)
    assert whole_in_central(central, sha256)
    sync_once(ruth)
    assert ruth.documents.get(sha256) == data


def test_a_chunk_damaged_on_this_disk_is_never_sent_and_comes_back_when_the_central_store_has_it(
    dawn: Workspace, sync_once: Sync, central: Any
) -> None:
    data = secrets.token_bytes(800)
    sha256 = add_document(dawn, data)
    with dawn.documents._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE chunk SET data = ?", (b"rot",))
    report = sync_once(dawn)
    assert (report.bytes_sent, report.documents_sent) == (0, 0)
    assert not dawn.documents.complete(sha256)
    (chunk,) = dawn.documents.chunk_hashes(sha256)
    assert central.services.bytes.take(new_id(), [(chunk, data)], [sha256]) == [sha256]  # from another laptop
    sync_once(dawn)
    assert dawn.documents.get(sha256) == data


def test_bytes_without_a_record_become_a_document_that_a_person_decides_on(
    dawn: Workspace, sync_once: Sync, frozen_time: FrozenTime
) -> None:
    from tests.services.documents.files import pdf

    data = pdf([["A letter that a crash parted from its record"]])
    sha256 = dawn.documents.put(data, "application/pdf")
    no_page = dawn.documents.put(b"not a page", "application/pdf")
    later(frozen_time)
    sync_once(dawn)
    assert documents(dawn) == []  # its record may still be on its way
    later(frozen_time)
    sync_once(dawn)
    ((found, state),) = documents(dawn)
    assert (found, state) == (sha256, DocumentState.TO_LINK)
    later(frozen_time)
    sync_once(dawn)
    assert len(documents(dawn)) == 1
    assert dawn.documents.complete(no_page)  # kept: nobody else has it


def test_bytes_without_a_record_that_the_central_store_holds_are_let_go(
    dawn: Workspace, sync_once: Sync, central: Any, frozen_time: FrozenTime
) -> None:
    sha256 = add_document(dawn, secrets.token_bytes(700))
    sync_once(dawn)
    with dawn.write("Removed a document") as session:
        session.delete(session.scalars(select(Document)).one())
    later(frozen_time)
    sync_once(dawn)
    assert dawn.documents.describe(sha256) is None
    assert whole_in_central(central, sha256)


def documents(ws: Workspace) -> list[tuple[str, DocumentState]]:
    with ws.read() as session:
        return [(row.sha256, row.state) for row in session.scalars(select(Document))]


# -- on demand -------------------------------------------------------------------------------------------------------


def test_bytes_of_open_cases_the_tray_and_the_last_months_come_by_themselves_others_when_asked_for(
    dawn: Workspace, enrol_laptop: Enrol, sync_once: Sync
) -> None:
    old = dawn.time.now() - timedelta(days=200)
    open_case = add_case(dawn, "CME-2026-00001")
    closed_case = add_case(dawn, "CME-2026-00002", CaseStatus.CLOSED)
    made = {
        "open": add_document(dawn, secrets.token_bytes(900), case_id=open_case, arrived_at=old),
        "tray": add_document(dawn, secrets.token_bytes(900), arrived_at=old),
        "new": add_document(dawn, secrets.token_bytes(900), case_id=closed_case),
        "old": add_document(dawn, secrets.token_bytes(900), case_id=closed_case, arrived_at=old),
    }
    sync_once(dawn)
    ruth = enrol_laptop("ruth").workspace()
    assert {name for name, sha256 in made.items() if ruth.documents.complete(sha256)} == {"open", "tray", "new"}
    assert sync_once(ruth).documents_fetched == 0
    with ruth.local_session() as session:
        document_wishes.ask(session, made["old"], ruth.time.now().isoformat())
    assert sync_once(ruth).documents_fetched == 1
    assert ruth.documents.complete(made["old"])


def test_a_case_that_is_opened_again_brings_its_older_bytes(
    dawn: Workspace, enrol_laptop: Enrol, sync_once: Sync
) -> None:
    closed = add_case(dawn, "CME-2026-00002", CaseStatus.CLOSED)
    old = dawn.time.now() - timedelta(days=200)
    sha256 = add_document(dawn, secrets.token_bytes(900), case_id=closed, arrived_at=old)
    sync_once(dawn)
    ruth = enrol_laptop("ruth").workspace()
    assert not ruth.documents.complete(sha256)
    with dawn.write("Opened the case again") as session:
        session.get(Case, closed).status = CaseStatus.OPEN
    sync_once(dawn)
    sync_once(ruth)
    assert ruth.documents.complete(sha256)


def test_on_a_network_that_costs_by_the_byte_records_go_and_bytes_wait(dawn: Workspace, central: Any) -> None:
    sha256 = add_document(dawn, secrets.token_bytes(900))
    transport = open_transport(dawn)
    client = SyncClient(dawn, transport)
    client.push(SyncReport())
    report = SyncReport()
    move_documents(dawn, transport, report, wishes=Wishes(wait=True))
    assert (report.documents_waiting, report.documents_sent) == (1, 0)
    assert not whole_in_central(central, sha256)
    move_documents(dawn, transport, report)
    assert whole_in_central(central, sha256)
    with dawn.read() as session:
        assert facts.get(session, facts.DOCUMENT_PREFIX + sha256) == document_wishes.BOTH
    transport.close()
