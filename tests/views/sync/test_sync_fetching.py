"""Pages that are not on this laptop: fetched when a document is opened, with words, progress and Cancel."""

import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from sqlalchemy import select

from app.models import Document
from app.services.documents.store import CHUNK_BYTES
from app.services.sync import document_wishes, facts, storage
from app.services.sync.status import SyncState, SyncStatus
from app.services.workspace import Workspace
from app.views.context import AppContext
from app.views.correspondence.viewer import PageViewer
from app.views.start import make_application
from app.views.task_runner import TaskRunner
from tests.services.documents.files import pdf
from tests.sync.bad_network import Network, network
from tests.sync.test_documents_moving import add_document
from tests.views.clipping import clipped
from tests.views.sync.test_sync_page import Source


@pytest.fixture(scope="session")
def qapp() -> Any:
    return make_application()


@pytest.fixture
def net(central: Any) -> Iterator[Network]:
    with network(central.url) as made:
        yield made


@pytest.fixture
def dawn(enrol_laptop: Callable[..., Any], net: Network) -> Workspace:
    ws: Workspace = enrol_laptop("dawn", url=net.url).workspace()
    return ws


@pytest.fixture
def errors() -> list[Exception]:
    return []


@pytest.fixture
def viewer(qapp: Any, qtbot: QtBot, dawn: Workspace, errors: list[Exception]) -> Iterator[PageViewer]:
    source = Source()
    context = AppContext(dawn, TaskRunner(errors.append), source)
    viewer = PageViewer(context)
    viewer.source = source  # type: ignore[attr-defined]
    qtbot.addWidget(viewer)
    viewer.resize(560, 480)
    viewer.show()
    yield viewer
    context.runner.close()


def gone(ws: Workspace, data: bytes, sync_once: Callable[[Workspace], Any]) -> str:
    """File a document, sync, and let its bytes go; return the document's id."""
    sha256 = add_document(ws, data)
    sync_once(ws)
    ws.documents.remove([sha256])
    with ws.local_session() as session:
        document_wishes.note(session, [sha256], document_wishes.LET_GO)
    with ws.read() as session:
        return session.scalars(select(Document.id).where(Document.sha256 == sha256)).one()


def test_pages_let_go_come_back_when_the_document_is_opened(
    viewer: PageViewer, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any], errors: list[Exception]
) -> None:
    document_id = gone(dawn, pdf([["A letter from Thornwick Academy"]]), sync_once)
    viewer.show_document(document_id)
    qtbot.waitUntil(lambda: viewer.canvas.has_page(), timeout=20_000)
    assert viewer.body.currentWidget() is viewer.canvas
    assert errors == []


def test_offline_it_says_so_and_the_next_sync_brings_them(
    viewer: PageViewer, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any], net: Network
) -> None:
    document_id = gone(dawn, pdf([["A letter"]]), sync_once)
    with dawn.local_session() as session:
        facts.put(session, facts.SERVER, "http://127.0.0.1:9")
    viewer.show_document(document_id)
    words = "You are offline. The pages of this document will be fetched when you connect."
    qtbot.waitUntil(lambda: viewer.fetching.words.text() == words and viewer.fetching.words.isVisible())
    assert clipped(viewer) == []
    with dawn.local_session() as session:
        facts.put(session, facts.SERVER, net.url)
    assert sync_once(dawn).documents_fetched == 1
    qtbot.waitUntil(lambda: viewer.canvas.has_page(), timeout=20_000)


def test_on_a_metered_network_somebody_says_so_first(
    viewer: PageViewer, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any]
) -> None:
    document_id = gone(dawn, pdf([["A letter"]]), sync_once)
    viewer.source.now = SyncStatus(SyncState.UP_TO_DATE, metered=True)  # type: ignore[attr-defined]
    viewer.show_document(document_id)
    qtbot.waitUntil(lambda: viewer.fetching.again.isVisible())
    assert viewer.fetching.words.text().endswith("this network is metered.")
    assert viewer.fetching.again.text().startswith("Fetch ")
    viewer.fetching.again.click()
    qtbot.waitUntil(lambda: viewer.canvas.has_page(), timeout=20_000)


def test_it_can_be_cancelled_and_what_arrived_is_kept(
    viewer: PageViewer, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any], net: Network
) -> None:
    data = secrets.token_bytes(4 * CHUNK_BYTES)
    document_id = gone(dawn, data, sync_once)
    real, held, asked = net.forward, threading.Event(), []

    def slow(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        if path.endswith("/documents/get"):
            asked.append(path)
            if len(asked) == 3:
                held.wait(10)
        return real(path, body, headers)

    net.forward = slow  # type: ignore[method-assign]
    viewer.show_document(document_id)
    qtbot.waitUntil(lambda: viewer.fetching.progress.bar.value() > 0, timeout=10_000)
    assert viewer.fetching.progress.count.text().endswith("of 1.0 MB")
    viewer.fetching.cancel()
    held.set()
    words = "The pages of this document are not on this laptop. What has arrived is kept."
    qtbot.waitUntil(lambda: viewer.fetching.words.text() == words, timeout=10_000)
    net.forward = real  # type: ignore[method-assign]
    before = len(dawn.documents.missing_chunks(dawn.documents.chunk_hashes(sha_of(dawn, document_id))))
    assert 0 < before < 4
    viewer.fetching.again.click()
    qtbot.waitUntil(lambda: dawn.documents.complete(sha_of(dawn, document_id)), timeout=10_000)
    qtbot.waitUntil(lambda: not viewer._context.runner.pending_count(), timeout=10_000)


def test_pages_damaged_on_this_laptop_are_fetched_again_when_they_are_read(
    viewer: PageViewer, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any], errors: list[Exception]
) -> None:
    sha256 = add_document(dawn, pdf([["A letter"]]))
    sync_once(dawn)
    with dawn.documents._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE chunk SET data = ?", (b"rot",))
    with dawn.read() as session:
        document_id = session.scalars(select(Document.id).where(Document.sha256 == sha256)).one()
    viewer.show_document(document_id)
    qtbot.waitUntil(lambda: viewer.canvas.has_page(), timeout=20_000)
    assert errors == []


def sha_of(ws: Workspace, document_id: str) -> str:
    with ws.read() as session:
        return session.get_one(Document, document_id).sha256


def test_the_choices_of_room_are_those_of_the_page() -> None:
    from app.views.sync_centre.storage_card import DAYS

    assert storage.CHOICES == DAYS
