"""The panes of the composer: three side by side, two, or one at a time as the window narrows."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import EmptyState, rule
from app.views.kit.chips import SegmentedControl
from app.views.kit.fields import IconLabel
from app.views.kit.text import ElidedText
from app.views.letters.letter_form import LetterForm
from app.views.letters.letter_preview import LetterPreview
from app.views.letters.sent_panel import SentPanel
from app.views.letters.template_list import TemplateList
from app.views.tokens import px

THREE_PANES = 1060
TWO_PANES = 760
FORM_WIDTH = 416
_WIDEST = 16777215
_WAITING, _WRITING, _SENT = range(3)


class LetterPanes(QWidget):
    """Templates, form or facts, and preview.

    Attributes:
        templates, form, sent_panel, preview: the panes.
        send, save: the buttons under the form.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._make()
        self._lay_out()
        self.pane.chosen.connect(lambda _value: self.arrange())

    def _make(self) -> None:
        self.templates = TemplateList()
        self.form = LetterForm()
        self.sent_panel = SentPanel()
        self.preview = LetterPreview()
        self.pane = SegmentedControl([("form", "Form"), ("preview", "Preview")], "Show")
        self.pane.setObjectName("letter_pane")
        self.send = PrimaryButton("Print and record", "printer", "Ctrl+Return", answers=False)
        self.send.setObjectName("print_and_record")
        self.save = QuietButton("Save and close")
        self.save.setObjectName("save_and_close")
        self.kept = ElidedText("", "secondary", ink="ink2")
        self._waiting = EmptyState("Opening the letter")

    def _lay_out(self) -> None:
        self._middle = QStackedWidget()
        for widget in (self._waiting, self._writing_pane(), self.sent_panel):
            self._middle.addWidget(widget)
        self._left_rule, self._right_rule = rule(upright=True), rule(upright=True)
        panes = QHBoxLayout()
        panes.setContentsMargins(0, 0, 0, 0)
        panes.setSpacing(0)
        panes.addWidget(self.templates)
        panes.addWidget(self._left_rule)
        panes.addWidget(self._middle)
        panes.addWidget(self._right_rule)
        panes.addWidget(self.preview, 1)
        self._switch = QWidget()
        switch = QHBoxLayout(self._switch)
        switch.setContentsMargins(px(20), px(8), px(20), 0)
        switch.addWidget(self.pane)
        switch.addStretch(1)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self._switch)
        page.addLayout(panes, 1)

    def _writing_pane(self) -> QWidget:
        writing = QWidget()
        column = QVBoxLayout(writing)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.form, 1)
        column.addWidget(rule())
        foot = QVBoxLayout()
        foot.setContentsMargins(px(20), px(12), px(20), px(10))
        foot.setSpacing(px(8))
        column.addLayout(foot)
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        buttons.addWidget(self.send)
        buttons.addWidget(self.save)
        buttons.addStretch(1)
        foot.addLayout(buttons)
        state = QHBoxLayout()
        state.setSpacing(px(6))
        state.addWidget(IconLabel("laptop"))
        state.addWidget(self.kept, 1)
        foot.addLayout(state)
        return writing

    # What is shown

    def show_waiting(self, words: str) -> None:
        """Show one sentence instead of a letter."""
        self._waiting.set_text(words)
        self.preview.clear()
        self._middle.setCurrentIndex(_WAITING)
        self.arrange()

    def show_writing(self) -> None:
        """Show the form."""
        if self._middle.currentIndex() != _WRITING:
            self._middle.setCurrentIndex(_WRITING)
            self.arrange()

    def show_sent(self) -> None:
        """Show the facts of a letter that has gone out."""
        self._middle.setCurrentIndex(_SENT)
        self.arrange()

    def name_send(self, *, by_email: bool) -> None:
        """Say on the primary button what sending means here."""
        self.send.set_text("Record as sent" if by_email else "Print and record")
        self.send.set_icon("send" if by_email else "printer")

    def show_form_pane(self) -> None:
        """Bring the form forward where only one pane fits."""
        if self.pane.value() != "form":
            self.pane.set_value("form")
            self.arrange()

    def minimumSizeHint(self) -> QSize:
        """Return what one pane needs: the panes fold away, so their widths together are no minimum."""
        return QSize(px(320), px(240))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold panes away as the window narrows."""
        super().resizeEvent(event)
        self.arrange()

    def arrange(self) -> None:
        """Show as many panes as there is room for."""
        width, shown = self.width(), self._middle.currentIndex()
        three, two = width >= px(THREE_PANES), width >= px(TWO_PANES)
        listed = three and shown != _SENT
        self.templates.setVisible(listed)
        self._left_rule.setVisible(listed)
        self.form.template_field.setVisible(not three)
        self._switch.setVisible(not two and shown != _WAITING)
        on_preview = not two and shown != _WAITING and self.pane.value() == "preview"
        self._middle.setVisible(not on_preview)
        self._right_rule.setVisible(two)
        self.preview.setVisible(two or on_preview)
        wanted = min(px(FORM_WIDTH), max(px(340), width // 2))
        self._middle.setMinimumWidth(wanted if two else 0)
        self._middle.setMaximumWidth(wanted if two else _WIDEST)
