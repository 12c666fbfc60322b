"""The composer: templates, form and live preview; a letter that has gone out shows as it was sent."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.errors import RollcallError, UserError
from app.timesource import format_time
from app.views.letters import work
from app.views.letters.letter_panes import LetterPanes
from app.views.letters.work import OpenedLetter, Rendered
from app.views.pages import Crumb

if TYPE_CHECKING:
    from app.services.letters.draft import LetterDraft
    from app.services.letters.facts import Facts
    from app.services.letters.letters import Issued
    from app.services.letters.listing import LetterLine
    from app.views.context import AppContext

SETTLE_MS = 300
KEEP_MS = 1000
PREVIEW_DPI = 120.0
"""At one pixel a point on screen; finer screens are drawn for as finely, up to twice."""


class LetterPage(QWidget):
    """Write, preview and send one letter.

    Signals:
        heading_changed: the title followed the letter.
        opened: a letter is ready to be written, or shown as sent.
        previewed: the preview shows the letter as it stands.
        kept: what was typed is kept on this laptop.
        sent: the letter has gone out.
    """

    heading_changed = Signal()
    opened = Signal()
    previewed = Signal()
    kept = Signal()
    sent = Signal(object)

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self.setObjectName("letter_page")
        self.context = context
        self.title = self.window_title = "Letter"
        self.breadcrumb: list[Crumb] = [("Letters", "letters"), ("Letter", None)]
        self._facts: Facts | None = None
        self._draft: LetterDraft | None = None
        self._rendered: Rendered | None = None
        self._sent: LetterLine | None = None
        self._serial = 0
        self._drawing = self._changed = self._busy = False
        self.panes = LetterPanes()
        self.form, self.preview = self.panes.form, self.panes.preview
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(self.panes)
        self._settle = _timer(self, SETTLE_MS, self._draw)
        self._keep_later = _timer(self, KEEP_MS, self._keep)
        self._connect()

    def _connect(self) -> None:
        self.panes.templates.chosen.connect(self._template_chosen)
        self.form.template_chosen.connect(self._template_chosen)
        self.form.typed.connect(self._typed)
        self.form.recipient_chosen.connect(self._recipient_chosen)
        self.form.delivery_chosen.connect(lambda code: self._change(delivery=code))
        self.form.points_chosen.connect(lambda points: self._change(points=points))
        self.form.left.connect(self._left_field)
        self.form.issues.case_asked.connect(lambda: self._open_case("family"))
        self.form.issues.hand_asked.connect(lambda: self._change(delivery="HD"))
        self.preview.field_clicked.connect(self._go_to_field)
        self.preview.print_asked.connect(self._print_again)
        self.panes.sent_panel.print_asked.connect(self._print_again)
        self.panes.sent_panel.correct_asked.connect(self._correct)
        self.panes.sent_panel.case_asked.connect(lambda: self._open_case("letters"))
        self.panes.send.clicked.connect(self.primary_action)
        self.panes.save.clicked.connect(self.save_and_close)
        self.context.flush_drafts.connect(self.flush)
        self.destroyed.connect(_forget)

    # The window's side

    def open(self, case_id: str = "", template: str = "", letter_id: str = "", **_arguments: Any) -> None:
        """Open a draft, a letter that has gone out, or a new one.

        Args:
            case_id: for a new letter.
            template: for a new letter, such as L01.
            letter_id: of a draft or sent letter.
        """
        self.flush()
        self._forget()
        if not case_id and not letter_id:
            self.panes.show_waiting("Open a case to write a letter about it.")
            return
        ws, dpi = self.context.ws, self._dpi()
        self._run(lambda: work.open_letter(ws, case_id, template, letter_id, dpi), self._opened)

    def here(self) -> dict[str, str]:
        """Return what brings somebody back to this letter after a lock: a new one is a draft by then."""
        if self._sent is not None:
            return {"letter_id": self._sent.letter_id}
        return {"letter_id": self._draft.letter_id} if self._draft is not None and self._draft.stored else {}

    def primary_action(self) -> None:
        """Ctrl+Enter: send the letter, or go to what stands in its way."""
        if self._draft is None or self._busy:
            return
        self._settle.stop()
        self._keep_later.stop()
        self._busy = True
        self.panes.send.setEnabled(False)
        ws, draft = self.context.ws, self._draft
        self._run(lambda: work.issue(ws, draft), self._issued, self._not_issued)

    def find_here(self) -> None:
        """Ctrl+F: find a template."""
        self.panes.templates.search.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def save_and_close(self) -> None:
        """Save the draft to the record and go back to the case."""
        if self._draft is None or self._busy:
            return
        self._keep_later.stop()
        ws, draft, changed = self.context.ws, self._draft, self._changed or self._draft.stored
        if not changed:
            self._open_case("letters")
            return
        self._changed = False
        self._run(lambda: work.save(ws, draft), lambda _saved: self._closed())

    def flush(self) -> None:
        """Keep what is typed, at once: the window locks, or another letter opens."""
        self._keep_later.stop()
        if self._draft is None or not self._changed or self._busy:
            return
        self._changed = False
        self._took(work.keep(self.context.ws, self._draft))

    def hideEvent(self, event: QHideEvent) -> None:
        """Keep what is typed when another page is shown."""
        super().hideEvent(event)
        if self._keep_later.isActive():
            self._keep_later.stop()
            self._keep()

    def _dpi(self) -> float:
        return PREVIEW_DPI * min(2.0, self.devicePixelRatioF())

    # Opening

    def _forget(self) -> None:
        self._serial += 1
        self._settle.stop()
        self._facts = self._draft = self._rendered = self._sent = None
        self._changed = self._busy = False
        self.panes.send.setEnabled(True)
        self.panes.show_waiting("Opening the letter")

    def _opened(self, found: OpenedLetter) -> None:
        self._facts, self._draft, self._sent = found.facts, found.draft, found.sent
        self.panes.templates.set_rows(found.templates)
        self.form.set_templates(found.templates)
        self.preview.set_sent(sent=found.sent is not None)
        self.panes.show_form_pane()
        if found.sent is not None:
            self.panes.sent_panel.show_letter(found.sent, may_write=found.facts.case_open)
            self.preview.show_letter(found.pages, (), self._dpi())
            self.panes.show_sent()
            self._head(found.sent.recipient, found.sent.title)
            self.opened.emit()
            self.previewed.emit()
            return
        self.panes.kept.setText("Saved on this laptop" if found.draft and found.draft.stored else "Not saved yet")
        self._draw()

    def _head(self, recipient: str, title: str) -> None:
        name = self._facts.child_name if self._facts else ""
        self.title = f"Letter to {recipient}" if recipient else title
        last = title if self._sent is not None else ("New letter" if not self._stored() else title)
        self.breadcrumb = [("Cases", "cases"), (name, None), (last, None)]
        self.heading_changed.emit()

    def _stored(self) -> bool:
        return self._draft is not None and self._draft.stored

    # Changing

    def _template_chosen(self, template_id: str) -> None:
        if self._facts is None or self._draft is None or template_id == self._draft.template_id:
            return
        from app.services.letters import letters

        self.flush()
        self._draft = letters.new(self._facts, template_id)
        self.panes.kept.setText("Not saved yet")
        self._draw()

    def _typed(self, name: str, text: str) -> None:
        if self._draft is not None and self._draft.typed.get(name) != text:
            self._change(typed={**self._draft.typed, name: text})

    def _recipient_chosen(self, key: str) -> None:
        if self._facts is None or self._draft is None:
            return
        reader = next((r for r in (*self._facts.parents, *self._facts.schools) if r.key == key), None)
        points = max(self._draft.points, reader.points if reader else 12)
        self._change(recipient_key=key, points=points)

    def _change(self, **values: Any) -> None:
        if self._draft is None or self._busy:
            return
        self._draft = replace(self._draft, **values)
        self._changed = True
        self._settle.start()
        self._keep_later.start()

    def _left_field(self) -> None:
        if self._changed:
            self._keep_later.start(0)

    def _go_to_field(self, name: str) -> None:
        if self._draft is None:
            return
        self.panes.show_form_pane()
        if not self.form.focus_field(name):
            self.form.focus_first()

    # Drawing

    def _draw(self) -> None:
        """Draw the letter as it stands; one drawing at a time, the last state wins."""
        if self._facts is None or self._draft is None or self._drawing:
            return
        self._drawing = True
        facts, draft, serial, dpi = self._facts, self._draft, self._serial, self._dpi()
        self.context.runner.run(
            self,
            lambda: work.render(facts, draft, dpi),
            lambda drawn: self._drawn(drawn, serial),
            self._not_drawn,
            lane="cpu",
        )

    def _drawn(self, drawn: Rendered, serial: int) -> None:
        self._drawing = False
        if serial != self._serial or self._facts is None or self._draft is None:
            self._draw()
            return
        if drawn.composed.draft != self._draft:
            if not self._settle.isActive():
                self._draw()
            return
        first = self._rendered is None
        self._rendered = drawn
        self.panes.templates.set_current(self._draft.template_id)
        self.form.show_letter(self._facts, drawn.composed)
        # What the form cannot change is not tinted: colour would say "look here" where there is nothing to do.
        tinted = [box for box in drawn.boxes if box.missing or self.form.can_show(box.field)]
        self.preview.show_letter(drawn.pages, tinted, drawn.dpi)
        self.preview.pages.setAccessibleDescription(drawn.text)
        self.panes.show_writing()
        self.panes.name_send(by_email=drawn.composed.draft.delivery in ("SE", "PT", "IN"))
        reader = drawn.composed.recipient
        self._head(reader.name if reader else "", drawn.composed.template.front.title)
        if first:
            if self.isVisible() and not self.form.isAncestorOf(self.focusWidget() or self):
                self.form.focus_first()
            self.opened.emit()
        self.previewed.emit()

    def _not_drawn(self, error: Exception) -> None:
        self._drawing = False
        self.context.report_error(error)

    # Keeping, saving, sending

    def _keep(self) -> None:
        if self._draft is None or not self._changed or self._busy:
            return
        self._changed = False
        ws, draft = self.context.ws, self._draft
        self._run(lambda: work.keep(ws, draft), self._took)

    def _took(self, kept: "LetterDraft") -> None:
        """Take over what keeping decided: the number, and that the letter is a record now."""
        if self._draft is None or kept.letter_id != self._draft.letter_id:
            return
        renumbered = kept.reference != self._draft.reference
        self._draft = replace(self._draft, number=kept.number, reference=kept.reference, stored=True)
        self.panes.kept.setText(f"Draft saved on this laptop, {format_time(self.context.ws.time.now())}")
        if renumbered:
            self._draw()
        self.kept.emit()

    def _closed(self) -> None:
        self.context.toast("Draft saved")
        self._open_case("letters")

    def _issued(self, issued: "Issued") -> None:
        self._busy = self._changed = False
        self.panes.send.setEnabled(True)
        by_post = self._draft is not None and self._draft.delivery in ("P1", "SD", "HD")
        self._draft = None
        self.sent.emit(issued)
        self.context.toast(f"Letter recorded, {issued.reference}")
        self.open(letter_id=issued.letter_id)
        if by_post:
            self._print(issued.letter_id)

    def _not_issued(self, error: Exception) -> None:
        self._busy = False
        self.panes.send.setEnabled(True)
        if self._changed:
            self._keep_later.start()
        self._draw()
        if not isinstance(error, UserError):
            self.context.report_error(error)
            return
        self.panes.show_form_pane()
        shown = self.form.focus_field(error.field)
        if not shown or not self._is_shown(error):
            self.context.report_error(error)

    def _is_shown(self, error: UserError) -> bool:
        """Return whether the form already says what the error says."""
        issues = self._rendered.composed.issues if self._rendered else ()
        return any(error.message.startswith(issue.text) for issue in issues)

    def _correct(self) -> None:
        if self._sent is None:
            return
        ws, letter_id = self.context.ws, self._sent.letter_id
        self._forget()
        self._run(lambda: work.open_correction(ws, letter_id), self._opened)

    def _print_again(self) -> None:
        if self._sent is not None:
            self._print(self._sent.letter_id)

    def _print(self, letter_id: str) -> None:
        from app.views.letters import printing

        if not printing.has_printer():
            self.context.toast(printing.NO_PRINTER)
            return
        ws = self.context.ws
        self._run(
            lambda: work.sheets_to_print(ws, letter_id),
            lambda sheets: printing.ask_and_print(self, sheets, "Rollcall letter", self._print_failed),
        )

    def _print_failed(self, words: str) -> None:
        self.context.toast(words)

    def _open_case(self, tab: str) -> None:
        case_id = self._facts.case_id if self._facts is not None else ""
        if case_id:
            self.context.navigate("case", case_id=case_id, tab=tab)

    def _run(
        self,
        task: Callable[[], Any],
        on_success: Callable[[Any], object],
        on_error: Callable[[Exception], object] | None = None,
    ) -> None:
        self.context.runner.run(self, task, on_success, on_error or self._failed)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, RollcallError) and self._rendered is None:
            self.panes.show_waiting(error.message)
        self.context.report_error(error)


def _timer(owner: QWidget, after_ms: int, act: Callable[[], object]) -> QTimer:
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(after_ms)
    timer.timeout.connect(act)
    return timer


def _forget() -> None:
    """Called when the page is gone; a method of it could no longer be."""
    work.forget()
