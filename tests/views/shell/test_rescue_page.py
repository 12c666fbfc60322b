"""Unlocking a vault with a damaged database: it is rebuilt in front of the person, told, and opened."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from app.services.rescue.report import FileOutcome, RebuildReport, Source
from app.views.frame import Frame
from app.views.main_window import MainWindow
from app.views.rescue_page import FAILED, FETCHING, REPORT, RescuePage
from app.views.theme import apply_theme
from app.views.tokens import DARK, LIGHT
from app.views.unlock_page import UnlockPage
from tests.conftest import PASSPHRASE as OPENS
from tests.views.clipping import assert_nothing_clipped


def damaged(folder: Path) -> bytes:
    path = folder / "cases.db"
    path.write_bytes(path.read_bytes()[: 4096 * 3 + 100])
    return path.read_bytes()


def type_passphrase(qtbot, frame: Frame) -> RescuePage:
    page = frame.centralWidget()
    assert isinstance(page, UnlockPage)
    qtbot.keyClicks(page.passphrase, OPENS)
    qtbot.keyClick(page.passphrase, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: isinstance(frame.centralWidget(), RescuePage), timeout=20_000)
    found = frame.centralWidget()
    assert isinstance(found, RescuePage)
    return found


def words(page: RescuePage) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisibleTo(page))


def test_a_damaged_vault_is_rebuilt_told_and_opened(qtbot, make_frame, locked_vault):
    left = damaged(locked_vault)
    frame = make_frame(locked_vault)
    page = type_passphrase(qtbot, frame)
    qtbot.waitUntil(lambda: page.step() == REPORT, timeout=30_000)
    said = words(page)
    assert "What came from where" in said
    assert "Lifeboat, saves from" in said
    assert "Everything that was saved is here." in said
    assert "Isla" not in said
    assert_nothing_clipped(page)
    (kept,) = (locked_vault / "set-aside").iterdir()
    assert (kept / "cases.db").read_bytes() == left
    with qtbot.waitSignal(frame.unlocked, timeout=20_000):
        page.next.click()
    window = frame.centralWidget()
    assert isinstance(window, MainWindow)
    qtbot.waitUntil(lambda: window.page().clock_model.rowCount() == 10, timeout=10_000)


def test_what_keeps_it_from_being_rebuilt_is_said_and_it_is_tried_again(qtbot, make_frame, locked_vault, monkeypatch):
    from app.services.rescue import rebuild

    damaged(locked_vault)
    frame = make_frame(locked_vault)

    def no_room(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rebuild.bases, "room_for", no_room)
    page = type_passphrase(qtbot, frame)
    qtbot.waitUntil(lambda: page.step() == FAILED, timeout=30_000)
    assert "The disk is full" in words(page)
    assert_nothing_clipped(page)
    monkeypatch.undo()
    page.next.click()
    qtbot.waitUntil(lambda: page.step() == REPORT, timeout=30_000)
    page.previous.click()
    qtbot.waitUntil(lambda: isinstance(frame.centralWidget(), UnlockPage))


LONGEST = RebuildReport(
    at="2026-11-17T09:00:00+00:00",
    files=[
        FileOutcome("cases.db", "12 of 34,567 pages were damaged", "cases.db"),
        FileOutcome("documents.db", "it was cut short or damaged and did not open", "documents.db"),
    ],
    set_aside="2026-11-17T09-00-00Z",
    sources=[
        Source(
            "backup", "cases.db", "2026-11-16", made_at="2026-11-16T18:00:00+00:00", records=81_234, change_sets=912
        ),
        Source(
            "lifeboat",
            first_at="2026-11-16T18:04:00+00:00",
            made_at="2026-11-17T08:59:00+00:00",
            records=48,
            change_sets=17,
            audit_entries=103,
            drafts=2,
        ),
        Source("backup", "documents.db", "2026-11-16", made_at="2026-11-16T18:00:00+00:00", documents=640),
        Source("salvage", "documents.db", documents=4),
    ],
    losses=["2 records of the lifeboat could not be read. What of it had been sent comes from the central store."],
    awaiting="What was sent to the central store since then, and 3 documents, come with the next sync.",
    lost_documents=["0190a0a0-0000-7000-8000-00000000aaaa"],
)


def test_the_longest_report_fits_every_size_and_theme(qtbot, qapp):
    for theme in (LIGHT, DARK):
        for scale in (100, 150):
            apply_theme(qapp, theme, scale)
            page = RescuePage()
            qtbot.addWidget(page)
            page.show_report(LONGEST)
            for width, height in ((1440, 900), (911, 512), (640, 360)):
                page.resize(width, height)
                page.show()
                assert_nothing_clipped(page)
            page.show_fetching()
            assert page.step() == FETCHING
            assert_nothing_clipped(page)
    apply_theme(qapp, LIGHT, 100)
