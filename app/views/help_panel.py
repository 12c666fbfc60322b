"""Help at the side (F1): this screen, the shortcuts, and how to get more. All offline."""

from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QTextBrowser, QVBoxLayout, QWidget

from app import __version__
from app.views import clipboard
from app.views.kit.buttons import IconButton, QuietButton
from app.views.kit.chips import SegmentedControl
from app.views.kit.text import Text
from app.views.shortcuts import SHORTCUTS, spoken
from app.views.theme import Themed, colour
from app.views.tokens import current, px

SCREENS: dict[str, tuple[str, ...]] = {
    "today": (
        "Today shows what is due on your cases: overdue first, then today, then later this week.",
        "Press Enter on a clock to open its case. Press Space on a task to tick it; Undo brings it back.",
        "This laptop says what is waiting to sync. Everything works without a connection.",
    ),
    "cases": (
        "Cases lists the cases you may see. Choose a view or tick filters; the chips show what is in force.",
        "Press Enter to open a case, Space to select it.",
    ),
    "case": (
        "The child's name, safety flags and when they were last seen stay at the top in every tab.",
        "Write a note with Ctrl Shift N. Words save as you type; Ctrl Enter adds the note to the timeline.",
        "Nothing on the timeline is deleted. A correction is a new entry that points at the old one.",
    ),
    "referral": (
        "Work through the steps in any order. Each is saved on this laptop as you go.",
        "Check for a match before you open a case: a second case for the same child can hide what others know.",
    ),
    "correspondence": (
        "Add scans with the button, or drop files on the list. The numbers on the page show why a child is suggested.",
        "You confirm every link. Set aside needs a reason.",
    ),
    "letters": ("Letters lists drafts, letters waiting for approval, and what was sent.",),
    "letter": (
        "Fill in the form; the page at the right follows. Anything missing is listed before you can issue the letter.",
        "Issuing keeps the letter exactly as it is, files it on the case and starts its clock.",
    ),
    "team": ("The team queue shows cases without an officer. Select some, choose who takes them, and allocate.",),
    "audit": (
        "The audit shows who read, changed, searched, printed or saved what on this laptop, and what was refused.",
        "Verify checks that no entry was changed or taken out. Nothing in it can be edited.",
    ),
    "conflicts": (
        "Two people changed the same thing while one of them was offline. Both values are kept until somebody chooses.",
        "Choose a value, keep both, or type another. You can decide later and carry on working.",
        "Versions you do not choose stay in the case history.",
    ),
    "sync": ("The sync centre shows what is waiting on this laptop and what has reached the central store.",),
    "settings": ("Settings apply at once and stay on this laptop.",),
    "import": ("Import reads a list from a school. Good rows go in; each bad row is listed with its line and why.",),
}

GENERAL = (
    "Press Ctrl K to find a child or a case, or to do anything Rollcall can do.",
    "You can work without a connection. Changes are kept on this laptop, encrypted, and sync when you connect.",
    "Lock Rollcall with Ctrl L when you leave your desk. It also locks itself.",
    "For help with Rollcall, contact your council's IT service desk.",
)


class HelpPanel(Themed, QWidget):
    """The panel.

    Signals:
        closed: the cross or Esc.
    """

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("help_panel")
        self.setAccessibleName("Help")
        self.setProperty("fill", "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._route, self._title = "today", "Today"
        head = QHBoxLayout()
        head.addWidget(Text("Help", "pane", weight="strong"))
        head.addStretch(1)
        cross = IconButton("x", "Close help", "Esc", answers=False)
        cross.clicked.connect(self.closed)
        head.addWidget(cross)
        self.choice = SegmentedControl([("screen", "This screen"), ("keys", "Shortcuts")], "Help on")
        self.choice.chosen.connect(lambda _value: self._show())
        self.words = QTextBrowser()
        self.words.setObjectName("help_words")
        self.words.setAccessibleName("Help text")
        self.words.setOpenLinks(False)
        copy = QuietButton("Copy details for IT", "clipboard-copy", compact=True)
        copy.clicked.connect(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(10), px(12), px(16))
        column.setSpacing(px(12))
        column.addLayout(head)
        column.addWidget(self.choice)
        column.addWidget(self.words, 1)
        column.addWidget(copy, 0, Qt.AlignmentFlag.AlignLeft)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setMinimumWidth(px(300))
        self._show()

    def show_screen(self, route: str, title: str) -> None:
        """Explain a page."""
        self._route, self._title = route, title
        self._show()

    def show_shortcuts(self) -> None:
        """Show the list of shortcuts."""
        self.choice.set_value("keys")
        self._show()

    def _show(self) -> None:
        if not hasattr(self, "words"):
            return
        tokens = current()
        style = f"<style>p, td {{ color: {tokens.ink2}; }} h3 {{ color: {tokens.ink}; font-size: {px(14)}px; }}</style>"
        body = self._keys() if self.choice.value() == "keys" else self._screen()
        self.words.setHtml(f"{style}{body}")

    def _screen(self) -> str:
        parts = [f"<h3>{escape(self._title)}</h3>"]
        parts += [f"<p>{escape(line)}</p>" for line in SCREENS.get(self._route, ())]
        parts.append("<h3>Everywhere</h3>")
        parts += [f"<p>{escape(line)}</p>" for line in GENERAL]
        return "".join(parts)

    def _keys(self) -> str:
        parts = []
        for group in dict.fromkeys(shortcut.group for shortcut in SHORTCUTS):
            rows = "".join(
                f"<tr><td>{escape(shortcut.words)}</td>"
                f"<td align='right'><b>{escape(spoken(shortcut.keys))}</b></td></tr>"
                for shortcut in SHORTCUTS
                if shortcut.group == group
            )
            parts.append(f"<h3>{escape(group)}</h3><table width='100%' cellpadding='3'>{rows}</table>")
        return "".join(parts)

    def _copy(self) -> None:
        import platform

        from PySide6 import __version__ as qt_version

        lines = (
            f"Rollcall {__version__}",
            f"Qt {qt_version}, {QGuiApplication.platformName()}",
            f"Python {platform.python_version()}, {platform.system()} {platform.release()}",
            f"Screen: {self._route}",
        )
        clipboard.copy("\n".join(lines))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the hairline at the left."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setPen(colour("hairline"))
        painter.drawLine(0, 0, 0, self.height())
