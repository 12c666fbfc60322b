"""The composer by keyboard: choose, fill, preview, send; what stands in the way; what is kept."""

import threading
from datetime import date
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtPrintSupport import QPrinter
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot
from sqlalchemy import select

from app.errors import EnvironmentFault, UserError
from app.models import CaseEvent, ChangeSetRow, Document, Letter
from app.models.terms import Known, LetterState, RelationshipKind, SafetyKind
from app.services.letters import letters
from app.views import tokens
from app.views.kit.feedback import Banner
from app.views.letters import printing, work
from app.views.theme import apply_theme
from tests.services.letters.world import add_flag, add_parent, first_letter, open_rhys
from tests.views.clipping import clipped
from tests.views.letters.conftest import Shown


def rows(shown: Shown, table: type, **where: Any) -> list[Any]:
    with shown.ws.read() as session:
        return list(session.scalars(select(table).filter_by(**where)))


def banners(page: Any) -> str:
    return "\n".join(banner.accessibleName() for banner in page.findChildren(Banner) if banner.isVisibleTo(page))


def type_in(qtbot: QtBot, field: QWidget, text: str) -> None:
    field.setFocus()
    field.selectAll()  # type: ignore[attr-defined]
    qtbot.keyClicks(field, text)


def test_a_letter_is_chosen_filled_previewed_and_sent_by_keyboard_alone(shown: Shown, qtbot: QtBot) -> None:
    page = shown.open(case_id=shown.case_id)
    assert page.title == "Letter to Mr Gareth Pendleford"
    assert page.breadcrumb == [("Cases", "cases"), ("Rhys Pendleford", None), ("New letter", None)]
    templates = shown.find("template_list")
    templates.setFocus()
    qtbot.keyClick(templates, Qt.Key.Key_Down)
    shown.settle()
    assert page.title == "Letter to Mrs Jane Carrow"
    assert shown.find("letter_preview").page_count() == 2
    field = shown.find("field_what_we_ask")
    field.setFocus()
    qtbot.keyClicks(field, "who collected the child")
    shown.settle()
    assert "who collected the child" in shown.find("letter_preview").accessibleDescription(), "read aloud, too"
    boxes = page._rendered.boxes
    assert any(box.field == "what_we_ask" for box in boxes), "the preview followed what was typed"
    sets = len(rows(shown, ChangeSetRow))
    qtbot.keyClick(shown.window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    shown.settle()
    letter = rows(shown, Letter)[0]
    assert letter.state is LetterState.ISSUED
    assert rows(shown, CaseEvent, letter_id=letter.id)[0].title == "Enquiry to school sent, CME-2026-00001/L1"
    assert "who collected the child" in rows(shown, Document, letter_id=letter.id)[0].text
    assert len(rows(shown, ChangeSetRow)) > sets, "the letter is in the outbox"
    assert shown.toasts == ["Letter recorded, CME-2026-00001/L1"]
    assert shown.unexpected == []
    assert page.panes.sent_panel.isVisibleTo(page), "the page shows the letter as it was sent"
    assert shown.printed == [], "a secure email is not printed"


def test_a_posted_letter_goes_to_the_printer_after_it_is_recorded(shown: Shown) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")
    assert page.panes.send.text() == "Print and record"
    page.primary_action()
    page.primary_action()
    shown.settle()
    assert len(rows(shown, Document)) == 1, "a second Ctrl+Enter sends nothing more"
    assert shown.printed == [2]


def test_without_a_printer_the_letter_is_recorded_all_the_same(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "has_printer", lambda: False)
    shown.open(case_id=shown.case_id, template="L01").primary_action()
    shown.settle()
    assert rows(shown, Letter)[0].state is LetterState.ISSUED
    assert shown.toasts[-1] == printing.NO_PRINTER


def test_a_wrong_date_is_said_beside_the_field_and_ctrl_enter_goes_there(shown: Shown, qtbot: QtBot) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")
    assert not page.form.findChild(QWidget, "letter_fix")
    field = shown.find("field_reply_by")
    type_in(qtbot, field, "1 November 2026")
    shown.settle()
    made = page.form._fields["reply_by"]
    assert made.error() == "Reply by must be after the date of the letter. Change it to 27 November 2026 or later."
    shown.find("send_to").setFocus()
    page.primary_action()
    shown.settle()
    assert field.hasFocus()
    assert rows(shown, Document) == []
    assert shown.unexpected == [], "what the form already says is not said twice"
    type_in(qtbot, field, "not a date")
    shown.settle()
    assert made.error() == "Enter a date, such as 17 November 2026."
    type_in(qtbot, field, "4 December 2026")
    shown.settle()
    assert made.error() == ""
    page.primary_action()
    shown.settle()
    assert rows(shown, Letter)[0].reply_by == date(2026, 12, 4)


def test_a_missing_address_is_explained_and_can_be_delivered_by_hand(shown: Shown, qtbot: QtBot) -> None:
    mother = add_parent(shown.ws, shown.case_id, "Sian", RelationshipKind.MOTHER, contact_safe=Known.KNOWN)
    page = shown.open(case_id=shown.case_id, template="L01")
    choice: QComboBox = shown.find("send_to")
    choice.setCurrentIndex(choice.findData(f"person:{mother}"))
    choice.activated.emit(choice.currentIndex())
    shown.settle()
    assert "1 thing to fix before you send. Sian Pendleford has no current address." in banners(page)
    assert {box.field for box in page._rendered.boxes if box.missing} == {"recipient_address"}
    page.form.issues.hand_asked.emit()
    shown.settle()
    assert "no current address" not in banners(page)
    assert shown.find("delivery").currentText() == "By hand"
    page.form.issues.case_asked.emit()
    assert shown.went[-1] == ("case", {"case_id": shown.case_id, "tab": "family"})


def test_a_stopped_letter_says_why_and_is_not_sent(shown: Shown) -> None:
    add_flag(shown.ws, shown.case_id, SafetyKind.RESTRICTED_ADDRESS)
    page = shown.open(case_id=shown.case_id, template="L01")
    choice: QComboBox = shown.find("send_to")
    choice.setCurrentIndex(0)
    choice.activated.emit(0)
    shown.settle()
    assert "This letter cannot be sent. Mr Gareth Pendleford has a protected address." in banners(page)
    page.primary_action()
    shown.settle()
    assert rows(shown, Document) == []
    assert page._rendered.composed.values["recipient_address"] == ""


def test_what_is_typed_is_kept_after_a_moment_and_found_again(shown: Shown, qtbot: QtBot) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")
    assert rows(shown, Letter) == [], "looking at a letter records nothing"
    with qtbot.waitSignal(page.kept, timeout=5000):
        type_in(qtbot, shown.find("field_last_school"), "Quarry Primary")
    shown.settle()
    assert page.panes.kept.text() == "Draft saved on this laptop, 09:00"
    letter_id = rows(shown, Letter)[0].id
    shown.open("letters")
    page = shown.open(letter_id=letter_id)
    assert shown.find("field_last_school").text() == "Quarry Primary"
    assert page.breadcrumb[-1] == ("First enquiry to parent", None)


def test_locking_keeps_what_was_typed_a_moment_ago(shown: Shown, qtbot: QtBot) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")
    type_in(qtbot, shown.find("field_last_school"), "Hill Primary")
    shown.context.flush_drafts.emit()
    draft = letters.load(shown.ws, page._draft.letter_id)
    assert draft.typed["last_school"] == "Hill Primary"


def test_save_and_close_saves_the_record_and_goes_to_the_case(shown: Shown, qtbot: QtBot) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")
    type_in(qtbot, shown.find("field_last_school"), "Hill Primary")
    page.panes.save.click()
    shown.settle()
    assert rows(shown, Letter)[0].values["typed"]["last_school"] == "Hill Primary"
    assert shown.went[-1] == ("case", {"case_id": shown.case_id, "tab": "letters"})
    assert shown.toasts == ["Draft saved"]


def test_closing_an_untouched_letter_leaves_nothing_behind(shown: Shown) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")
    page.panes.save.click()
    shown.settle()
    assert rows(shown, Letter) == []
    assert shown.went[-1][0] == "case"


def test_a_sent_letter_is_shown_as_it_was_sent_and_can_be_corrected(shown: Shown, qtbot: QtBot) -> None:
    issued = letters.issue(shown.ws, first_letter(shown.ws, shown.case_id))
    page = shown.open(letter_id=issued.letter_id)
    assert page.preview.pages.page_count() == 2
    assert page.panes.sent_panel.title.text() == "First enquiry to parent"
    assert not page.form.isVisibleTo(page)
    page.primary_action()
    shown.settle()
    assert len(rows(shown, Document)) == 1, "there is nothing to send again"
    shown.find("print_sent").click()
    shown.settle()
    assert shown.printed == [2]
    shown.find("write_correction").click()
    shown.settle()
    assert page.form.isVisibleTo(page)
    page.primary_action()
    shown.settle()
    states = {row.reference: row.state for row in rows(shown, Letter)}
    assert states == {"CME-2026-00001/L1": LetterState.SUPERSEDED, "CME-2026-00001/L2": LetterState.ISSUED}


def test_large_print_can_be_chosen_and_the_reader_who_asked_for_it_gets_it(shown: Shown, qtbot: QtBot) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")
    pages = page.preview.pages.page_count()
    control = shown.find("letter_format")
    control.setFocus()
    qtbot.keyClick(control, Qt.Key.Key_Right)
    shown.settle()
    assert page._draft.points == 16
    assert page.preview.pages.page_count() > pages


def test_clicking_a_value_in_the_preview_goes_to_its_field(shown: Shown) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")
    box = next(box for box in page._rendered.boxes if box.field == "reply_by")
    page.preview.pages.clicked.emit(box.page, (box.left + 5) / 595.28, (box.top + 5) / 841.89)
    assert shown.find("field_reply_by").hasFocus()
    page.preview.pages.clicked.emit(0, 0.99, 0.99)
    assert shown.find("field_reply_by").hasFocus(), "beside every value nothing happens"


def test_the_preview_is_drawn_off_the_windows_thread_and_the_last_state_wins(
    shown: Shown, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")
    threads: list[int] = []
    render = work.render

    def watched(*arguments: Any) -> Any:
        threads.append(threading.get_ident())
        return render(*arguments)

    monkeypatch.setattr(work, "render", watched)
    field = shown.find("field_last_school")
    type_in(qtbot, field, "Abcdefgh")
    shown.settle()
    assert threads
    assert threading.get_ident() not in threads
    assert len(threads) < 8, "typing is left to settle before the letter is drawn"
    assert page._rendered.composed.values["last_school"] == "Abcdefgh"


def test_a_fault_while_sending_is_reported_and_the_letter_stays(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")

    def fail(*_arguments: Any) -> None:
        raise EnvironmentFault("The disk is full. The draft is kept.")

    monkeypatch.setattr(letters, "_start_waiting", fail)
    page.primary_action()
    shown.settle()
    assert [type(error) for error in shown.unexpected] == [EnvironmentFault]
    assert rows(shown, Letter)[0].state is LetterState.DRAFT
    assert page.panes.send.isEnabled()
    monkeypatch.undo()
    shown.unexpected.clear()


def test_a_letter_that_is_not_here_is_said_in_words(shown: Shown) -> None:
    page = shown.open(letter_id="01890a5d-ac96-774b-bcce-b302099a8057")
    assert isinstance(shown.unexpected[-1], UserError)
    assert "not on this laptop" in page.panes._waiting.label.text()
    page = shown.open()
    assert page.panes._waiting.label.text() == "Open a case to write a letter about it."


def test_templates_can_be_searched_and_headings_cannot_be_chosen(shown: Shown, qtbot: QtBot) -> None:
    page = shown.open(case_id=shown.case_id)
    templates = page.panes.templates
    QAbstractItemModelTester(templates.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert not templates.model.flags(templates.model.index(0, 0)) & Qt.ItemFlag.ItemIsSelectable
    search = shown.find("find_template")
    page.find_here()
    assert search.hasFocus()
    qtbot.keyClicks(search, "school")
    assert [row.title for row in templates.model.rows()] == ["Making contact", "Enquiry to school"]
    search.clear()
    assert len(templates.model.rows()) == 3


@pytest.mark.parametrize(
    ("theme", "scale", "size"),
    [
        (tokens.LIGHT, 100, (1440, 869)),
        (tokens.DARK, 115, (1024, 700)),
        (tokens.LIGHT, 150, (1440, 869)),
        (tokens.CONTRAST, 150, (911, 512)),
        (tokens.LIGHT, 100, (911, 512)),
        (tokens.CONTRAST, 100, (640, 420)),
    ],
)
def test_nothing_is_cut_off(
    shown: Shown, qapp: Any, qtbot: QtBot, theme: tokens.Tokens, scale: int, size: tuple[int, int]
) -> None:
    add_parent(shown.ws, shown.case_id, "Sian", RelationshipKind.MOTHER)
    apply_theme(qapp, theme, scale)
    page = shown.open(case_id=shown.case_id, template="L01")
    shown.window.resize(*size)
    qtbot.waitUntil(lambda: shown.window.size().toTuple() == size, timeout=2000)
    shown.settle()
    assert clipped(page) == []
    switch = shown.find("letter_pane")
    if switch.isVisibleTo(page):
        switch.set_value("preview")
        switch.chosen.emit("preview")
        assert page.preview.isVisibleTo(page)
        assert clipped(page) == []
    issued = letters.issue(shown.ws, first_letter(shown.ws, shown.case_id))
    page = shown.open(letter_id=issued.letter_id)
    assert clipped(page) == []


def test_every_control_has_a_name(shown: Shown) -> None:
    page = shown.open(case_id=shown.case_id, template="L05")
    controls = page.findChildren(QWidget)
    for control in controls:
        if isinstance(control, QLineEdit | QPlainTextEdit | QComboBox | QAbstractButton):
            inner = control.parent()
            named = control.accessibleName() or getattr(control, "text", str)()
            assert named or isinstance(inner, QComboBox | QLineEdit), f"{control} {control.objectName()}"


def test_pages_are_painted_whole_on_a_printer(shown: Shown, tmp_path: Any) -> None:
    issued = letters.issue(shown.ws, first_letter(shown.ws, shown.case_id))
    pages = work.images(letters.issued_bytes(shown.ws, issued.letter_id), 60)
    printer = QPrinter()
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(tmp_path / "printed.pdf"))
    printer.setFullPage(True)
    assert printing.paint(printer, pages)
    import pypdfium2

    printed = pypdfium2.PdfDocument((tmp_path / "printed.pdf").read_bytes())
    assert len(printed) == issued.page_count


def test_another_case_starts_clean(shown: Shown, qtbot: QtBot) -> None:
    page = shown.open(case_id=shown.case_id, template="L01")
    type_in(qtbot, shown.find("field_last_school"), "Quarry Primary")
    with shown.ws.write("Set up") as session:
        session.delete(session.query(__import__("app.models", fromlist=["School"]).School).one())
    other = open_rhys(shown.ws, forename="Mair", surname="Ostwick")
    page = shown.open(case_id=other, template="L01")
    assert shown.find("field_last_school").text() == "Saltenby Academy"
    assert page._facts.child_name == "Mair Ostwick"
    kept = rows(shown, Letter, case_id=shown.case_id)[0]
    assert letters.load(shown.ws, kept.id).typed["last_school"] == "Quarry Primary", "the first letter was kept"
    assert shown.find("letter_preview").mapFromScene(QPoint(0, 0)) is not None


def test_names_are_not_remembered_when_the_page_is_gone(shown: Shown, qtbot: QtBot) -> None:
    from app.services.letters import fonts, merge

    page = shown.open(case_id=shown.case_id, template="L01")
    assert merge.keep_together.cache_info().currsize > 0
    shown.window.stack.removeWidget(page)
    page.deleteLater()
    qtbot.waitUntil(lambda: merge.keep_together.cache_info().currsize == 0, timeout=5000)
    assert fonts.pieces.cache_info().currsize == 0
