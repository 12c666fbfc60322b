"""The note composer: one line until it is wanted, saving the draft as it is typed."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from app.errors import UserError
from app.models.terms import EventKind
from app.views.icons import paint_icon
from app.views.kit.buttons import IconButton, PrimaryButton
from app.views.kit.chips import SegmentedControl
from app.views.kit.paint import focus_ring, frame, key_hint, key_hint_size
from app.views.kit.text import Text
from app.views.theme import Themed, colour, font
from app.views.tokens import RADIUS_CONTROL, current, px

if TYPE_CHECKING:
    from app.services.case_views import TimelineEvent
    from app.views.context import AppContext

AUTOSAVE_MS = 1000
KINDS = [
    (EventKind.NOTE.value, "Note"),
    (EventKind.CALL.value, "Call"),
    (EventKind.VISIT.value, "Visit"),
    (EventKind.CONTACT.value, "Contact"),
    (EventKind.SIGHTING.value, "Sighting"),
]


class _Invitation(Themed, QWidget):
    """The closed composer: a line that opens on click, Enter, Space or typing."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.setObjectName("composer_invitation")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def restyle(self) -> None:
        self.updateGeometry()

    def show_words(self, words: str) -> None:
        self.words = words
        self.setAccessibleName(words)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(px(200), px(42))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.asked.emit("")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.asked.emit("")
        elif _is_typing(event):
            self.asked.emit(event.text())
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        frame(painter, self.rect(), "surface", "edge", px(RADIUS_CONTROL), px(current().border_width))
        paint_icon(painter, QRect(px(12), 0, px(16), self.height()), "pencil-line", "ink2", px(16))
        hint = key_hint_size("Ctrl Shift N")
        room = self.rect().adjusted(px(38), 0, -hint.width() - px(20), 0)
        painter.setFont(font("body"))
        painter.setPen(colour("ink3"))
        shown = painter.fontMetrics().elidedText(self.words, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
        box = QRect(
            self.width() - hint.width() - px(12), (self.height() - hint.height()) // 2, hint.width(), hint.height()
        )
        key_hint(painter, box, "Ctrl Shift N", "ink3", "hairline")
        if self.hasFocus():
            focus_ring(painter, self.rect())


def _is_typing(event: QKeyEvent) -> bool:
    text = event.text()
    return bool(text) and text.isprintable() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier


class Composer(Themed, QFrame):
    """Writes a line of the timeline.

    Signals:
        saved: the new line's id.
    """

    saved = Signal(str)

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self._context = context
        self._case_id = ""
        self._corrects: TimelineEvent | None = None
        self._saving = False
        self._kept = ""
        self.invitation = _Invitation()
        self.kind = SegmentedControl(KINDS, "Kind of entry")
        self.kind.setObjectName("note_kind")
        self.editor = QPlainTextEdit()
        self.editor.setObjectName("note_text")
        self.editor.setTabChangesFocus(True)
        self.editor.setAccessibleName("Note")
        self.place = QLineEdit()
        self.place.setObjectName("sighting_place")
        self.place.setPlaceholderText("Where was the child seen?")
        self.place.setAccessibleName("Where was the child seen?")
        self.correcting = Text("", "secondary", ink="ink2", wrap=True)
        self.status = Text("", "secondary", ink="ink3")
        self.error = Text("", "secondary", weight="medium", ink="danger", wrap=True)
        self.close_button = IconButton("x", "Close, keep the draft")
        self.save_button = PrimaryButton("Save note", None, "Ctrl+Return", answers=False)
        self.save_button.setObjectName("save_note")
        self._lay_out()
        self._connect()
        self.collapse()
        self.start_theming()

    def _lay_out(self) -> None:
        self.open_box = QFrame()
        self.open_box.setProperty("kind", "card")
        column = QVBoxLayout(self.open_box)
        self._head, foot = QHBoxLayout(), QHBoxLayout()
        self._head.addWidget(self.kind)
        self._head.addStretch(1)
        self._head.addWidget(self.close_button)
        foot.addWidget(self.status, 1)
        foot.addWidget(self.save_button)
        column.addLayout(self._head)
        for widget in (self.correcting, self.editor, self.place, self.error):
            column.addWidget(widget)
        column.addLayout(foot)
        self._column = column
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.invitation)
        outer.addWidget(self.open_box)

    def restyle(self) -> None:
        """Follow the theme."""
        self._column.setContentsMargins(px(12), px(10), px(12), px(12))
        self._column.setSpacing(px(8))
        self.editor.setFixedHeight(px(104))

    def _connect(self) -> None:
        self._autosave = QTimer(self)
        self._autosave.setSingleShot(True)
        self._autosave.setInterval(AUTOSAVE_MS)
        self._autosave.timeout.connect(self.keep_draft)
        self.invitation.asked.connect(self._begin)
        self.editor.textChanged.connect(self._note_typing)
        self.editor.installEventFilter(self)
        self.kind.chosen.connect(self._show_kind)
        self.close_button.clicked.connect(self.close_note)
        self.save_button.clicked.connect(self.save)
        self._context.flush_drafts.connect(self.flush)

    # Opening and closing

    def show_case(self, case_id: str, first_name: str, *, editable: bool, why_not: str = "") -> None:
        """Follow a case: its draft comes back, open, where there is one."""
        if case_id != self._case_id:
            self.flush()
            self._case_id = case_id
            self._set_text("")
            self._corrects = None
            self.collapse()
            self._load_draft()
        self.setVisible(editable)
        self.setToolTip(why_not)
        self.invitation.show_words(f"Add a note about {first_name}. Your words save as you type.")
        self.editor.setPlaceholderText(f"What happened? Your words save as you type. About {first_name}.")

    def _load_draft(self) -> None:
        from app.services import drafts

        ws, key, case_id = self._context.ws, drafts.note_key(self._case_id), self._case_id

        def show(text: str) -> None:
            if text and case_id == self._case_id and not self.editor.toPlainText():
                self._set_text(text)
                self.expand()
                self.status.setText("Your draft is back. It is on this laptop only until you save it.")

        self._context.runner.run(self, lambda: drafts.load_draft(ws, key), show)

    def _set_text(self, text: str) -> None:
        self._kept = text
        self.editor.blockSignals(True)
        self.editor.setPlainText(text)
        self.editor.blockSignals(False)

    def expand(self) -> None:
        """Show the editor."""
        self.invitation.hide()
        self.open_box.show()
        self._show_kind()

    def collapse(self) -> None:
        """Show the single line; what is typed stays as the draft."""
        self.open_box.hide()
        self.invitation.show()
        self.error.hide()
        self.status.setText("")
        self.correcting.hide()

    def is_open(self) -> bool:
        """Return whether the editor shows."""
        return not self.open_box.isHidden()

    def begin(self) -> None:
        """Open the editor and put the cursor in it."""
        self._begin("")

    def correct(self, event: "TimelineEvent") -> None:
        """Write a later line that corrects an earlier one, which stays as it is."""
        self._corrects = event
        self.correcting.setText(f"Corrects: {event.title}. The earlier entry stays as it was written.")
        self._begin("")
        self.correcting.show()

    def _begin(self, typed: str) -> None:
        self.expand()
        if typed:
            self.editor.insertPlainText(typed)
        self.editor.setFocus()

    def close_note(self) -> None:
        """Close the editor and keep the draft."""
        self.flush()
        self._corrects = None
        self.collapse()
        self.invitation.setFocus()

    def _show_kind(self, *_: object) -> None:
        kind = self.kind.value()
        self.place.setVisible(kind == EventKind.SIGHTING.value)
        words = dict(KINDS)[kind].lower()
        self.save_button.set_text(f"Save {words}")
        self.editor.setAccessibleName(words.capitalize())

    # Drafts

    def _note_typing(self) -> None:
        self.error.hide()
        self.status.setText("")
        self._autosave.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the draft when the editor loses the focus; Ctrl+Enter saves."""
        if watched is self.editor:
            if event.type() == QEvent.Type.FocusOut:
                self.keep_draft()
            elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
                enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
                if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                    self.save()
                    return True
        return super().eventFilter(watched, event)

    def keep_draft(self) -> None:
        """Keep what is typed, off the window's thread."""
        from app.services import drafts

        self._autosave.stop()
        text = self.editor.toPlainText()
        if not self._case_id or text == self._kept or self._saving:
            return
        ws, key = self._context.ws, drafts.note_key(self._case_id)
        self._kept = text
        self._context.runner.run(self, lambda: drafts.save_draft(ws, key, text), lambda _none: self._say_kept(text))

    def _say_kept(self, text: str) -> None:
        if text and self.editor.toPlainText() == text:
            self.status.setText("Draft kept on this laptop")

    def flush(self) -> None:
        """Keep what is typed at once, on this thread: the window is about to lock."""
        from app.services import drafts

        self._autosave.stop()
        text = self.editor.toPlainText()
        if self._case_id and text != self._kept and not self._saving:
            self._kept = text
            drafts.save_draft(self._context.ws, drafts.note_key(self._case_id), text)

    # Saving

    def save(self) -> None:
        """Put what is typed on the timeline."""
        if self._saving or not self._case_id:
            return
        from app.services import cases

        self._autosave.stop()
        text, kind, place = self.editor.toPlainText(), EventKind(self.kind.value()), self.place.text()
        ws, case_id = self._context.ws, self._case_id
        corrects_id = self._corrects.id if self._corrects else None
        self._saving = True
        self.save_button.setEnabled(False)

        def work() -> str:
            return cases.add_note(ws, case_id, text=text, kind=kind, place=place, corrects_id=corrects_id)

        self._context.runner.run(self, work, self._done, self._failed)

    def _done(self, event_id: str) -> None:
        self._saving = False
        self.save_button.setEnabled(True)
        self._set_text("")
        self.place.clear()
        self._corrects = None
        self.kind.set_value(EventKind.NOTE.value)
        self.collapse()
        self.invitation.setFocus()
        self.saved.emit(event_id)

    def _failed(self, error: Exception) -> None:
        self._saving = False
        self.save_button.setEnabled(True)
        if isinstance(error, UserError):
            self.error.setText(error.message)
            self.error.show()
            self.editor.setFocus()
        else:
            self._context.report_error(error)
        self._kept = ""
        self.keep_draft()
