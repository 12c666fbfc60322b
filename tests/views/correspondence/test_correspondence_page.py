"""From a file to a case, with the keyboard alone, through the real window."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot
from sqlalchemy import select

from app.models import CaseEvent, Document, Task
from app.models.terms import DocumentState, EventKind, Role
from app.services.documents import intake, tray
from app.services.drafts import load_draft
from app.services.vault import Vault
from app.services.workspace import Workspace
from app.views.correspondence.canvas import turned
from app.views.kit.feedback import Toast
from tests.services.documents import files
from tests.services.documents.conftest import Family
from tests.views.clipping import clipped
from tests.views.correspondence.conftest import Stage

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def _admission(family: Family) -> bytes:
    lines = [
        line.format(
            reference=family.zofia_reference, name="Zofia Halewicz", born="2 February 2014", upn="G999206814057"
        )
        for line in files.ADMISSION_LETTER
    ]
    return files.pdf([lines, ["Page two"]])


def _write(folder: Path, **contents: bytes) -> list[Path]:
    paths = []
    for name, data in contents.items():
        path = folder / f"{name}.pdf"
        path.write_bytes(data)
        paths.append(path)
    return paths


def _drop(widget: QWidget, paths: list[Path]) -> bool:
    """Drop files as the window system does: enter, then drop."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where = (Qt.DropAction.CopyAction | Qt.DropAction.MoveAction, mime, Qt.MouseButton.LeftButton)
    modifiers = Qt.KeyboardModifier.NoModifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Qt offers no other way to make one yet
        enter = QDragEnterEvent(QPoint(50, 50), *where, modifiers)
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    drop = QDropEvent(QPointF(50, 50), *where, modifiers)
    QApplication.sendEvent(widget, drop)
    return drop.isAccepted() and drop.dropAction() == Qt.DropAction.CopyAction


def test_a_dropped_letter_is_linked_with_one_key(stage: Stage, family: Family, tmp_path: Path, qtbot: QtBot) -> None:
    page = stage.open()
    other, letter = _write(tmp_path, other=files.pdf([["Nothing known"]]), letter=_admission(family))
    assert _drop(page, [letter, other])
    stage.settle()
    assert stage.toasts[0][0] == "2 files added"
    assert page.form.choice.candidate() is not None
    assert page.form.choice.candidate().child_name == "Zofia Halewicz"
    assert page.form.kind.currentText() == "School confirms admission"
    assert page.form.sender_line.text() == "Thornwick Academy"
    assert {round(box.top()) > 0 for box in page.viewer.canvas.rings()} == {True}
    assert len(page.viewer.canvas.rings()) == 3
    qtbot.keyClick(page, Qt.Key.Key_Return, CTRL)
    stage.settle()
    with stage.context.ws.read() as session:
        event = session.scalars(select(CaseEvent).where(CaseEvent.kind == EventKind.DOCUMENT)).one()
        task = session.scalars(select(Task)).one()
        linked = session.get_one(Document, event.document_id)
    assert (event.case_id, event.title) == (family.zofia_case, "School confirms admission")
    assert task.text == "Check attendance and consider closing"
    assert linked.state is DocumentState.LINKED
    assert len(linked.reading["link"]["marks"]) == 3
    assert stage.toasts[-1][0] == "Linked to Zofia Halewicz"
    assert page.viewer.detail is not None
    assert page.viewer.detail.title == "other"  # the next one is open
    assert stage.errors == []
    # A part that was shown before it had a parent would have been a window of its own and taken the focus.
    assert QApplication.activeWindow() is stage.window


def test_files_dropped_elsewhere_in_the_window_go_to_correspondence(stage: Stage, tmp_path: Path) -> None:
    stage.window.navigate("today")
    stage.settle()
    assert _drop(stage.window, _write(tmp_path, letter=files.pdf([["A page"]])))
    stage.settle()
    assert stage.window.route() == "correspondence"
    assert len(stage.page.tray.ids()) == 1


def test_a_drag_without_files_is_not_taken(stage: Stage) -> None:
    page = stage.open()
    assert not _drop(page, [])


def test_bad_files_are_named_and_the_good_one_goes_in(stage: Stage, family: Family, tmp_path: Path) -> None:
    page = stage.open()
    stage.prompts.files = _write(
        tmp_path, locked=files.pdf([["x"]], password="x"), good=files.pdf([["Good page"]]), archive=files.zip_archive()
    )
    page.tray.add.click()
    stage.settle()
    (banner,) = page.strip.banners()
    assert banner.accessibleName().startswith("2 files were not added. Nothing was changed by them.")
    assert "locked.pdf: This file is locked with a password. Ask the sender for an open copy." in banner.label.text()
    assert "archive.pdf: This is a ZIP archive" in banner.label.text()
    assert len(page.tray.ids()) == 1
    assert page.viewer.detail is not None
    assert page.viewer.detail.title == "good"
    stage.prompts.files = stage.prompts.files[1:2]
    page.tray.add.click()
    stage.settle()
    assert ["It waits in To link." in banner.label.text() for banner in page.strip.banners()] == [True]
    assert len(page.tray.ids()) == 1


def test_undo_in_the_toast_puts_the_page_back(stage: Stage, family: Family, tmp_path: Path) -> None:
    added = intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    page = stage.open()
    page.link(open_next=True)
    stage.settle()
    assert page.tray.ids() == []
    (toast,) = [toast for toast in stage.window.findChildren(Toast) if toast.undo_button is not None]
    assert toast.undo_button is not None
    toast.undo_button.click()
    stage.settle()
    assert page.tray.ids() == [added.document_id]
    assert page.form.choice.candidate() is not None
    assert tray.document(stage.context.ws, added.document_id).state is DocumentState.TO_LINK


def test_without_a_child_it_says_so_and_changes_nothing(stage: Stage, family: Family, qtbot: QtBot) -> None:
    added = intake.add_bytes(stage.context.ws, "letter.pdf", files.pdf([["Nobody"]]))
    page = stage.open()
    assert page.form.choice.note.text().startswith("No match yet")
    qtbot.keyClick(page, Qt.Key.Key_Return, CTRL)
    stage.settle()
    assert page.form.choice.error.text() == "Choose a child, or find another child."
    assert page.form.choice.error.isVisible()
    assert tray.document(stage.context.ws, added.document_id).state is DocumentState.TO_LINK
    assert stage.errors == []


def test_another_child_is_found_and_linked_with_the_keyboard(stage: Stage, family: Family, qtbot: QtBot) -> None:
    intake.add_bytes(stage.context.ws, "letter.pdf", files.pdf([["Nobody"]]))
    page = stage.open()
    qtbot.keyClick(page, Qt.Key.Key_F, CTRL)
    finder = page.form.choice.finder
    assert finder.isVisible()
    qtbot.keyClicks(finder.field, "kit")
    qtbot.waitUntil(lambda: finder.model.rowCount() == 1)
    qtbot.keyClick(finder.field, Qt.Key.Key_Down)
    qtbot.keyClick(finder.list, Qt.Key.Key_Return)
    stage.settle()
    assert page.form.choice.candidate() is not None
    assert page.form.choice.candidate().case_id == family.other_case
    qtbot.keyClick(page, Qt.Key.Key_Return, CTRL)
    stage.settle()
    assert page.form.kind_field.error() == "Choose what it is."
    assert page.form.kind.hasFocus()
    qtbot.keyClick(page.form.kind, Qt.Key.Key_Down)
    qtbot.keyClick(page, Qt.Key.Key_Return, CTRL)
    stage.settle()
    assert page.tray.ids() == []
    assert len(tray.of_case(stage.context.ws, family.other_case)) == 1


def test_a_date_in_the_future_is_said_beside_its_field(stage: Stage, family: Family, qtbot: QtBot) -> None:
    intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    page = stage.open()
    page.form.received.setFocus()
    page.form.received.selectAll()
    qtbot.keyClicks(page.form.received, "1 December 2026")
    page.link(open_next=False)
    stage.settle()
    assert page.form.received_field.error() == "Received must be today or earlier."
    assert page.form.received.text() == "1 December 2026"


def test_setting_aside_asks_for_a_reason_in_place(stage: Stage, qtbot: QtBot) -> None:
    intake.add_bytes(stage.context.ws, "letter.pdf", files.pdf([["Nobody"]]))
    page = stage.open()
    page.form.outcome.aside.click()
    assert page.form.outcome.reason.hasFocus()
    qtbot.keyClick(page.form.outcome.reason, Qt.Key.Key_Return)
    stage.settle()
    assert page.form.outcome.reason_field.error() == "Say why it is set aside."
    qtbot.keyClicks(page.form.outcome.reason, "Waiting for page 2")
    qtbot.keyClick(page, Qt.Key.Key_Return, CTRL)
    stage.settle()
    assert page.tray.chips["set_aside"].text() == "Set aside 1"
    assert page.tray.empty.isVisible()
    assert page.tray.empty.label.text() == "Nothing to link. New scans and post appear here."
    page.tray.chips["set_aside"].click()
    stage.settle()
    assert page.tray.model.rows()[1].state_words == "Waiting for page 2"
    page.form.put_back_asked.emit()
    stage.settle()
    assert page.tray.chips["to_link"].text() == "To link 1"


def test_escape_takes_the_question_back(stage: Stage, qtbot: QtBot) -> None:
    intake.add_bytes(stage.context.ws, "letter.pdf", files.pdf([["Nobody"]]))
    page = stage.open()
    page.form.outcome.not_ours.click()
    assert page.form.outcome.reason_field.label.text() == "Where does it go?"
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert not page.form.outcome.is_asking()
    assert page.form.outcome.primary.isVisible()


def test_pages_turn_and_documents_follow_by_key(stage: Stage, family: Family, qtbot: QtBot) -> None:
    intake.add_bytes(stage.context.ws, "second.pdf", files.pdf([["Second document"]]))
    stage.context.ws.time.advance(minutes=1)  # type: ignore[attr-defined]  # frozen in tests
    first = intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    page = stage.open()
    qtbot.keyClick(page.tray.view, Qt.Key.Key_PageDown)
    stage.settle()
    assert page.viewer.place.text() == "Page 2 of 2"
    assert page.viewer.text.toPlainText() == "Page two"
    assert page.viewer.canvas.rings() == []
    qtbot.keyClick(page.tray.view, Qt.Key.Key_PageUp)
    stage.settle()
    assert len(page.viewer.canvas.rings()) == 3
    tall = page.viewer.canvas.sceneRect()
    qtbot.keyClick(page.viewer.canvas, Qt.Key.Key_R, CTRL)
    stage.settle()
    wide = page.viewer.canvas.sceneRect()
    assert (wide.width(), wide.height()) == pytest.approx((tall.height(), tall.width()), abs=2)
    assert tray.document(stage.context.ws, first.document_id).rotation == {0: 90}
    qtbot.keyClick(page.viewer.canvas, Qt.Key.Key_R, CTRL | SHIFT)
    stage.settle()
    assert tray.document(stage.context.ws, first.document_id).rotation == {}
    qtbot.keyClick(page, Qt.Key.Key_Down, CTRL)
    stage.settle()
    assert page.viewer.detail is not None
    assert page.viewer.detail.title == "second"
    qtbot.keyClick(page, Qt.Key.Key_Up, CTRL)
    stage.settle()
    assert page.viewer.detail.title.startswith("Thornwick Academy")


@pytest.mark.parametrize(
    ("degrees", "box"),
    [
        (0, (0.1, 0.2, 0.3, 0.25)),
        (90, (0.75, 0.1, 0.8, 0.3)),
        (180, (0.7, 0.75, 0.9, 0.8)),
        (270, (0.2, 0.7, 0.25, 0.9)),
    ],
)
def test_a_ring_turns_with_its_page(degrees: int, box: tuple[float, ...]) -> None:
    assert turned((0.1, 0.2, 0.3, 0.25), degrees) == pytest.approx(box)


def test_a_reason_brings_its_place_into_view(stage: Stage, family: Family) -> None:
    lines = ["Nothing"] * 3
    intake.add_bytes(stage.context.ws, "letter.pdf", files.pdf([lines, ["UPN: G999206814057"]]))
    page = stage.open()
    page.form.choice.cards[0].reasons[0].click()
    stage.settle()
    assert page.viewer.page == 1
    assert len(page.viewer.canvas.rings()) == 1


def test_what_was_filled_in_is_still_there_after_looking_elsewhere(stage: Stage, family: Family, qtbot: QtBot) -> None:
    intake.add_bytes(stage.context.ws, "one.pdf", files.pdf([["One"]]))
    stage.context.ws.time.advance(minutes=1)  # type: ignore[attr-defined]  # frozen in tests
    intake.add_bytes(stage.context.ws, "two.pdf", files.pdf([["Two"]]))
    page = stage.open()
    page.form.sender_line.setText("Kingsholt Council")
    page.form.kind.setCurrentIndex(page.form.kind.findData("council_reply"))
    page.form.follow_up.line.setText("Ring them back")
    qtbot.keyClick(page, Qt.Key.Key_Down, CTRL)
    stage.settle()
    assert page.form.sender_line.text() == ""
    qtbot.keyClick(page, Qt.Key.Key_Up, CTRL)
    stage.settle()
    values = page.form.values()
    assert (values.sender, values.kind, values.follow_up) == ("Kingsholt Council", "council_reply", "Ring them back")


def test_the_form_can_be_filled_while_the_text_is_compared(
    stage: Stage, family: Family, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    from threading import Event

    from app.services.documents import suggest

    go_on, real = Event(), suggest.suggest

    def slow(ws: Workspace, document_id: str) -> suggest.Suggestions:
        go_on.wait(10)
        return real(ws, document_id)

    monkeypatch.setattr(suggest, "suggest", slow)
    intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    stage.window.navigate("correspondence")
    page = stage.page
    qtbot.waitUntil(lambda: page.form.kind.isEnabled() and page.form.choice.busy.isVisible())
    page.form.sender_line.setText("Typed meanwhile")
    go_on.set()
    stage.settle()
    assert page.form.sender_line.text() == "Typed meanwhile"
    assert page.form.choice.candidate() is not None


def test_a_picture_says_that_it_has_no_text(stage: Stage) -> None:
    intake.add_bytes(stage.context.ws, "photo.png", files.encoded(files.page_image(), "PNG"))
    page = stage.open()
    assert page.viewer.reading.text() == "No text on this page"
    assert page.form.excerpt.text().startswith("This page is a picture without text.")
    assert page.form.copy.isHidden()


def test_the_text_of_the_page_can_be_read_and_copied(stage: Stage, family: Family) -> None:
    intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    page = stage.open()
    page.form.copy.activated.emit()
    assert "Zofia Halewicz, born 2 February 2014" in QGuiApplication.clipboard().text()
    page.viewer.shown.setFocus()
    page.viewer.shown._choose(1)
    assert page.viewer.body.currentWidget() is page.viewer.text
    assert page.viewer.reading.text() == "Text read from the page: good"


def test_a_linked_document_opens_its_case_and_can_be_taken_off(stage: Stage, family: Family) -> None:
    added = intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    today = stage.context.ws.time.today()
    tray.link(
        stage.context.ws, added.document_id, family.zofia_case, kind="other", sender="A school", received_on=today
    )
    page = stage.open(document_id=added.document_id)
    assert page.tray.chips["linked"].isChecked()
    assert page.form.choice.linked.name.text() == f"Zofia Halewicz, {family.zofia_reference}"
    assert not page.form.outcome.isVisible()
    asked: list[tuple[str, object]] = []
    stage.context.navigation_asked.disconnect()
    stage.context.navigation_asked.connect(lambda route, arguments: asked.append((route, arguments)))
    page.form.choice.linked.open.activated.emit()
    assert asked == [("case", {"case_id": family.zofia_case})]
    page.form.choice.linked.unlink.activated.emit()
    stage.settle()
    assert tray.document(stage.context.ws, added.document_id).state is DocumentState.TO_LINK


def test_pages_that_have_not_arrived_say_so(stage: Stage) -> None:
    added = intake.add_bytes(stage.context.ws, "letter.pdf", files.pdf([["A page"]]))
    with stage.context.ws.write("As if pulled") as session:
        session.get_one(Document, added.document_id).sha256 = "e" * 64
    page = stage.open()
    words = page.viewer.fetching.words
    assert (
        words.text() == "The pages of this document are not on this laptop. It has no central store to fetch them from."
    )
    assert words.isVisible()
    assert page.form.kind.isEnabled()
    assert stage.errors == []


def test_a_document_that_comes_while_the_page_is_open_appears(stage: Stage) -> None:
    page = stage.open()
    assert page.tray.empty.isVisible()
    intake.add_bytes(stage.context.ws, "letter.pdf", files.pdf([["A page"]]))
    stage.settle()
    assert len(page.tray.ids()) == 1


def test_a_second_press_while_linking_does_nothing(stage: Stage, family: Family) -> None:
    intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    page = stage.open()
    page.link(open_next=True)
    page.link(open_next=True)
    stage.settle()
    assert len(tray.of_case(stage.context.ws, family.zofia_case)) == 1
    assert stage.errors == []


def test_a_role_that_may_not_link_has_no_correspondence(
    make_stage: Callable[..., Stage], make_vault: Callable[..., Vault], tmp_path: Path
) -> None:
    stage = make_stage(make_vault("inclusion", role=Role.INCLUSION).workspace())
    stage.window.navigate("correspondence")
    assert stage.window.page() is None
    assert not _drop(stage.window, _write(tmp_path, letter=files.pdf([["A page"]])))
    assert stage.errors == []


def test_the_list_keeps_the_rules_of_models(stage: Stage, qtmodeltester: ModelTester) -> None:
    intake.add_bytes(stage.context.ws, "letter.pdf", files.pdf([["A page"]]))
    page = stage.open()
    qtmodeltester.check(page.tray.model)
    index = page.tray.model.index(1)
    assert page.tray.model.data(index, Qt.ItemDataRole.AccessibleTextRole) == "letter. PDF, 1 page. No match yet"
    assert page.tray.model.index(0).flags() == Qt.ItemFlag.NoItemFlags


def test_every_control_has_a_name_to_be_read_aloud(stage: Stage, family: Family) -> None:
    intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    page = stage.open()
    page.form.choice.finder.start()
    for kind in (QAbstractButton, QLineEdit, QComboBox, QPlainTextEdit):
        for control in page.findChildren(kind):
            inside_a_line = isinstance(control.parent(), QLineEdit)
            if control.isVisible() and not inside_a_line and not control.objectName().startswith("qt_"):
                assert control.accessibleName() or control.text(), control  # type: ignore[attr-defined]  # buttons


@pytest.mark.parametrize(("size", "count"), [((1440, 900), 3), ((1100, 700), 2), ((911, 512), 1), ((640, 360), 1)])
def test_panes_share_the_width(
    make_stage: Callable[..., Stage],
    workspace: Workspace,
    family: Family,
    size: tuple[int, int],
    count: int,
    qtbot: QtBot,
) -> None:
    intake.add_bytes(workspace, "letter.pdf", _admission(family))
    stage = make_stage(workspace, size)
    page = stage.open()
    assert len(page.split.shown()) == count
    assert page.minimumSizeHint().width() <= page.width()
    if count < 3:
        qtbot.keyClick(page.tray.view, Qt.Key.Key_Return)
        stage.settle()
        assert page.form.isVisible() or page.viewer.isVisible()
        assert page.tray.isHidden()
        qtbot.keyClick(page, Qt.Key.Key_Escape)
        assert page.tray.isVisible()


def test_locking_while_pages_are_drawn_ends_quietly(stage: Stage, family: Family) -> None:
    intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    stage.window.navigate("correspondence")
    stage.context.runner.forget_all()
    stage.context.ws.close()
    stage.settle()
    assert stage.errors == []


@pytest.mark.parametrize("text_scale", [100, 130, 150])
def test_no_words_are_cut_off(
    make_stage: Callable[..., Stage], workspace: Workspace, family: Family, text_scale: int
) -> None:
    intake.add_bytes(workspace, "letter.pdf", _admission(family))
    stage = make_stage(workspace, (1440, 900), text_scale)
    page = stage.open()
    page.form.choice.show_error("Choose a child, or find another child.")
    found: set[str] = set()
    for size in ((1440, 900), (1280, 720), (1100, 700), (911, 512), (640, 360)):
        stage.window.resize(*size)
        for pane in ("list", "page", "form"):
            page.split.show_pane(pane)
            stage.settle()
            found.update(f"{size} {pane}: {what}" for what in clipped(page))
            page.form.outcome.aside.click()
            stage.settle()
            found.update(f"{size} {pane}, asking: {what}" for what in clipped(page))
            page.form.outcome.stop_asking()
    assert not found, "\n".join(sorted(found))


def test_the_palette_offers_what_the_page_can_do(stage: Stage, family: Family) -> None:
    page = stage.open()
    assert [command.name for command in page.commands()][:2] == ["Add files", "Find another child"]
    assert "Link" not in [command.name for command in page.commands()]
    intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    stage.settle()
    by_name = {command.name: command for command in page.commands()}
    by_name["Turn page right"].run()
    stage.settle()
    by_name["Set aside"].run()
    assert page.form.outcome.reason.hasFocus()
    page.form.outcome.stop_asking()
    by_name["Link"].run()
    stage.settle()
    assert page.form.detail is not None
    assert page.form.detail.case_id == family.zofia_case
    assert page.form.detail.rotation == {0: 90}


def test_ctrl_z_undoes_the_last_link_once(stage: Stage, family: Family, qtbot: QtBot) -> None:
    added = intake.add_bytes(stage.context.ws, "letter.pdf", _admission(family))
    page = stage.open()
    page.link(open_next=True)
    stage.settle()
    qtbot.keyClick(page, Qt.Key.Key_Z, CTRL)
    stage.settle()
    assert page.tray.ids() == [added.document_id]
    qtbot.keyClick(page.tray.view, Qt.Key.Key_Z, CTRL)
    stage.settle()
    assert stage.errors == []


def test_pages_appear_when_their_bytes_arrive(stage: Stage, qtbot: QtBot) -> None:
    data = files.pdf([["A page that comes later"]])
    added = intake.add_bytes(stage.context.ws, "letter.pdf", data)
    store = stage.context.ws.documents
    sha256 = tray.document(stage.context.ws, added.document_id).sha256
    (chunk,) = store.chunk_hashes(sha256)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM chunk")
    page = stage.open()
    assert not page.viewer.canvas.has_page()
    store.put_chunk(chunk, data)
    page.viewer._look_again.setInterval(20)
    qtbot.waitUntil(page.viewer.canvas.has_page, timeout=5000)
    assert page.viewer.body.currentWidget() is page.viewer.canvas


def test_what_was_filled_in_survives_the_lock(
    stage: Stage, make_stage: Callable[..., Stage], family: Family, qtbot: QtBot
) -> None:
    ws = stage.context.ws
    added = intake.add_bytes(ws, "letter.pdf", files.pdf([["Nobody"]]))
    page = stage.open()
    page.form.sender_line.setFocus()
    qtbot.keyClicks(page.form.sender_line, "Kingsholt Council")
    page._child_found(family.other_case)
    stage.settle()
    stage.context.flush_drafts.emit()
    later = make_stage(ws).open()
    qtbot.waitUntil(lambda: later.form.sender_line.text() == "Kingsholt Council")
    assert later.form.choice.candidate() is not None
    assert later.form.choice.candidate().case_id == family.other_case
    later.form.kind.setCurrentIndex(later.form.kind.findData("other"))
    later.link(open_next=True)
    qtbot.waitUntil(lambda: later.tray.ids() == [])
    assert tray.document(ws, added.document_id).case_id == family.other_case
    later.context.runner.run(later, lambda: load_draft(ws, f"correspondence:{added.document_id}"), _expect_nothing)
    qtbot.waitUntil(lambda: later.context.runner.pending_count() == 0)


def _expect_nothing(draft: str) -> None:
    assert draft == ""


def test_typing_is_kept_by_itself_after_a_moment(stage: Stage, family: Family, qtbot: QtBot) -> None:
    added = intake.add_bytes(stage.context.ws, "letter.pdf", files.pdf([["Nobody"]]))
    page = stage.open()
    page._autosave.setInterval(10)
    qtbot.keyClicks(page.form.sender_line, "Kingsholt")
    qtbot.waitUntil(lambda: "Kingsholt" in load_draft(stage.context.ws, f"correspondence:{added.document_id}"))


def test_tab_goes_through_the_form_from_top_to_bottom(stage: Stage, family: Family) -> None:
    ws = stage.context.ws
    intake.add_bytes(ws, "letter.pdf", files.pdf([["UPN: G999206814057, and Kit Marrable-Stone too"]]))
    page = stage.open()
    assert len(page.form.choice.cards) == 2
    order, widget = [], page.form.choice.find_link.previousInFocusChain()
    start = widget
    while (widget := widget.nextInFocusChain()) is not start:
        takes_focus = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible() and widget.isEnabled()
        if takes_focus and page.form.isAncestorOf(widget) and not isinstance(widget.parent(), QLineEdit):
            order.append(widget)
    places = [widget.mapTo(page.form, QPoint(0, 0)) for widget in order]
    cards = [order.index(card) for card in page.form.choice.cards]
    assert cards == sorted(cards)
    ordered = places.index(min(places, key=lambda place: place.y()))
    turned_round = places[ordered:] + places[:ordered]  # the chain is a ring; it may be entered anywhere
    assert [place.y() for place in turned_round] == sorted(place.y() for place in turned_round)


def test_the_width_of_the_panes_is_remembered(
    stage: Stage, make_stage: Callable[..., Stage], workspace: Workspace, qtbot: QtBot
) -> None:
    page = stage.open()
    page._widths_settle.setInterval(10)
    page.split.splitter.moveSplitter(360, 1)
    qtbot.waitUntil(lambda: stage.context.settings.get("correspondence_panes") != "")
    width = page.tray.width()
    assert width > 340
    assert abs(make_stage(workspace).open().tray.width() - width) < 8
