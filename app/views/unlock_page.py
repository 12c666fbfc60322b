"""The unlock page: the laptop's name, when it last synced, and the passphrase. Never case data."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from app.views.kit.button_line import ButtonLine
from app.views.kit.buttons import PrimaryButton
from app.views.kit.cards import Card
from app.views.kit.form import FormField
from app.views.kit.mark import paint_mark
from app.views.kit.text import Link, Text
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.views.kit.feedback import Banner, ProgressPanel

_SCROLL_BAR = 24
ALONE = "No keyring: the passphrase alone protects the records on this laptop."


class Mark(Themed, QWidget):
    """The product's mark and name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Rollcall")
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedSize(px(36), px(36))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the mark."""
        paint_mark(QPainter(self), QRect(0, 0, self.width(), self.height()))


class PassphraseField(ButtonLine):
    """A hidden line with a way to show it; tells when Caps Lock seems to be on.

    Signals:
        caps_seen: whether a capital came without Shift.
    """

    caps_seen = Signal(bool)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__("eye", "Show what is typed", parent)
        self.setAccessibleName(name)
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self.setInputMethodHints(Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText)
        self.setMaxLength(1024)
        self.button.clicked.connect(self._toggle)

    def hide_words(self) -> None:
        """Hide what is typed again."""
        if self.echoMode() == QLineEdit.EchoMode.Normal:
            self._toggle()

    def _toggle(self) -> None:
        shown = self.echoMode() == QLineEdit.EchoMode.Normal
        self.setEchoMode(QLineEdit.EchoMode.Password if shown else QLineEdit.EchoMode.Normal)
        self.button.set_icon("eye" if shown else "eye-off")
        self.button.set_name("Show what is typed" if shown else "Hide what is typed")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Look at the case of a letter against Shift."""
        text = event.text()
        if text.isalpha():
            shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.caps_seen.emit(text.isupper() != shifted)
        super().keyPressEvent(event)


class UnlockPage(Themed, QWidget):
    """The page.

    Signals:
        unlock_asked: the passphrase typed; the field is emptied at once.
        recovery_asked: another way in is wanted.

    Attributes:
        wrong_tries: how often in a row what was typed here did not open it.
    """

    unlock_asked = Signal(str)
    recovery_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("unlock_page")
        self.setProperty("fill", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.passphrase = PassphraseField("Passphrase")
        self.passphrase.setObjectName("passphrase")
        self.field = FormField("Passphrase", self.passphrase)
        self.button = PrimaryButton("Unlock", "lock-open")
        self.button.setObjectName("unlock")
        self.device = Text("", "secondary", ink="ink2", wrap=True)
        self.caps = Text("Caps Lock may be on.", "secondary", ink="warn", weight="medium")
        self.caps.hide()
        self.forgotten = Link("Forgotten your passphrase?")
        # Made when first needed: the first paint does not wait for what it does not show.
        self.progress: ProgressPanel | None = None
        self.message: Banner | None = None
        self.wrong_tries = 0
        self.alone: Text | None = None
        self._lay_out()
        self.button.clicked.connect(self._ask)
        self.passphrase.returnPressed.connect(self._ask)
        self.passphrase.caps_seen.connect(self.caps.setVisible)
        self.forgotten.activated.connect(self.recovery_asked)
        self.setFocusProxy(self.passphrase)
        self.start_theming()

    def _lay_out(self) -> None:
        self.card = Card()
        column = self.card.padded()
        column.setContentsMargins(px(28), px(24), px(28), px(24))
        column.setSpacing(px(12))
        head = QHBoxLayout()
        head.setSpacing(px(12))
        head.addWidget(Mark())
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(Text("Rollcall", "pane", weight="strong"))
        names.addWidget(self.device)
        head.addLayout(names, 1)
        column.addLayout(head)
        column.addSpacing(px(4))
        column.addWidget(self.field)
        column.addWidget(self.caps)
        column.addWidget(self.button)
        column.addWidget(self.forgotten)
        self._column = column
        centred(self, self.card)

    def restyle(self) -> None:
        """Follow the theme."""
        fit_card(self, self.card, 400 if self.message is None else 480)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Never wider than the window."""
        super().resizeEvent(event)
        self.restyle()

    def show_device(self, label: str, last_synced: str = "", *, alone: bool = False) -> None:
        """Show which laptop this is.

        Args:
            label: the laptop's name.
            last_synced: when it last synced, in words.
            alone: whether no keyring helps the passphrase, which is said plainly.
        """
        synced = f"Last synced {last_synced}" if last_synced else ""
        self.device.setText("\n".join(part for part in (label, synced) if part) or "This laptop is locked")
        if alone and self.alone is None:
            self.alone = Text(ALONE, "secondary", ink="ink2", wrap=True)
            self._column.addWidget(self.alone)

    def show_busy(self, words: str, expected_s: float = 0.0) -> None:
        """Show that the keys are being derived; typing waits.

        Args:
            words: what is being done.
            expected_s: how long deriving takes on this laptop, in seconds; 0 when it was never measured.
        """
        for widget in (self.passphrase, self.button):
            widget.setEnabled(False)
        self.forgotten.hide()
        self.field.set_error("")
        self.caps.hide()
        self._hide_message()
        if self.progress is None:
            from app.views.kit.feedback import ProgressPanel

            self.progress = ProgressPanel(words)
            self._column.insertWidget(self._column.indexOf(self.button) + 1, self.progress)
        self.say(words)
        self.progress.show()
        from app.views.kit.announce import announce

        announce(self.progress, words)
        from app.views.derivation import move_bar

        move_bar(self.progress.bar, expected_s)

    def say(self, words: str) -> None:
        """Change the words beside the progress."""
        if self.progress is not None:
            self.progress.label.setText(words)

    def show_refusal(self, message: str, *, calm: bool = False) -> None:
        """Show why it did not open, and take the passphrase again.

        Args:
            message: in words.
            calm: about the machine, not about what was typed: a banner instead of a field error.
        """
        self.show_ready()
        if calm:
            self.show_trouble(message)
        else:
            self.field.set_error(message)
        self.passphrase.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_trouble(
        self,
        text: str,
        title: str = "",
        actions: "Sequence[tuple[str, Callable[[], object]]]" = (),
        kind: str = "offline",
    ) -> None:
        """Show a banner about the machine, with what can be done.

        Args:
            text: what happened, what to do, what was kept.
            title: a bold first line.
            actions: (words, callback) as links.
            kind: of banner.
        """
        from app.views.kit.feedback import Banner

        self.show_ready()
        self._hide_message()
        self.message = Banner(kind, text, actions, title=title)
        self._column.insertWidget(self._column.indexOf(self.field), self.message)
        self.restyle()
        from app.views.kit.announce import announce

        self.message.show()
        announce(self.message, self.message.accessibleName())

    def _hide_message(self) -> None:
        if self.message is not None:
            self.message.hide()
            self.message.deleteLater()
            self.message = None
            self.restyle()

    def show_ready(self) -> None:
        """Wait for a passphrase."""
        for widget in (self.passphrase, self.button):
            widget.setEnabled(True)
        self.forgotten.show()
        if self.progress is not None:
            self.progress.hide()
        self.passphrase.setFocus(Qt.FocusReason.OtherFocusReason)

    def _ask(self) -> None:
        if not self.button.isEnabled():
            return
        typed = self.passphrase.text()
        if not typed:
            self.field.set_error("Enter your passphrase.")
            return
        self.passphrase.hide_words()
        self.passphrase.clear()
        self.unlock_asked.emit(typed)


class FollowingScroll(QScrollArea):
    """Scrolls to whatever takes the focus, also when the program gave it; Qt's own follows only Tab."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._follow)

    def _follow(self, _old: QWidget | None, now: QWidget | None) -> None:
        if now is not None and self.isAncestorOf(now):
            QTimer.singleShot(0, self, self._show_focus)  # once what was just shown has its place

    def _show_focus(self) -> None:
        now = QApplication.focusWidget()
        if now is not None and self.isAncestorOf(now):
            self.ensureWidgetVisible(now, 0, min(px(100), self.viewport().height() // 3))


def fit_card(page: QWidget, card: QWidget, width_at_100: int) -> None:
    """Give a card its width, or the page's where that is less."""
    room = page.width() - px(8) - _SCROLL_BAR
    card.setFixedWidth(max(min(px(width_at_100), room), px(200)))


def centred(page: QWidget, card: QWidget) -> None:
    """Lay out a card in the middle of a page that scrolls when it is too small."""
    inner = QWidget()
    inner.setProperty("fill", "none")
    middle = QVBoxLayout(inner)
    # A row with stretches, not an alignment: a layout asks an aligned card for its height at its own full width.
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(card)
    row.addStretch(1)
    middle.addStretch(2)
    middle.addLayout(row)
    middle.addStretch(3)
    scroll = FollowingScroll()
    scroll.setWidget(inner)
    outer = QVBoxLayout(page)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(scroll)
