"""The command palette: children, cases and every command from one line, offline too."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QFrame, QListView, QVBoxLayout, QWidget

from app.views.context import AppContext
from app.views.icons import paint_icon
from app.views.kit.delegates import RowDelegate, inks
from app.views.kit.fields import SearchField
from app.views.kit.paint import key_hint, key_hint_size, paint_text
from app.views.kit.rows import RowModel
from app.views.kit.text import Text
from app.views.shortcuts import spoken
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.search import SearchHit

SEARCH_DELAY_MS = 120
MOST_HITS = 8


@dataclass(frozen=True, slots=True)
class Command:
    """Something the palette can start.

    Attributes:
        name: words, a verb first where it does something.
        run: starts it.
        icon: a Lucide name.
        keys: its shortcut.
        group: the heading it stands under.
        detail: a few words at the right.
        also: other words it is found by.
    """

    name: str
    run: Callable[[], object]
    icon: str = "arrow-right"
    keys: str = ""
    group: str = "Commands"
    detail: str = ""
    also: str = ""


@dataclass(frozen=True, slots=True)
class PaletteRow:
    """A heading (no command) or a command."""

    heading: str = ""
    command: Command | None = None


class PaletteDelegate(RowDelegate):
    """Draws headings and commands."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent, hairline=False)

    def row_height(self, row: PaletteRow) -> int:
        """Return the height of a heading or a command."""
        return px(36) if row.command else px(28)

    def paint_row(self, painter: QPainter, rect: QRect, row: PaletteRow, selected: bool) -> None:
        """Draw icon, words, detail and keys."""
        room = rect.adjusted(px(14), 0, -px(14), 0)
        command = row.command
        if command is None:
            paint_text(painter, room, row.heading, "meta", "strong", "ink3")
            return
        ink, ink2 = inks(selected)
        paint_icon(painter, QRect(room.left(), room.top(), px(18), room.height()), command.icon, ink2, px(18))
        room.setLeft(room.left() + px(30))
        if command.keys:
            words = spoken(command.keys)
            size = key_hint_size(words)
            top = rect.top() + (rect.height() - size.height()) // 2
            box = QRect(room.right() - size.width(), top, size.width(), size.height())
            key_hint(painter, box, words, ink2, "hairline")
            room.setRight(box.left() - px(10))
        taken = paint_text(painter, room, command.name, weight="medium", ink=ink)
        detail = room.adjusted(taken + px(10), 0, 0, 0)
        if command.detail and detail.width() > px(40):
            paint_text(painter, detail, command.detail, "secondary", ink=ink2)


class Palette(QFrame):
    """A popup with a line and a list; the line keeps the focus, the arrow keys move in the list."""

    def __init__(self, context: AppContext, commands: list[Command], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("palette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("kind", "popup")
        self.setAccessibleName("Search or type a command")
        self._context, self._commands = context, commands
        self._hits: list[SearchHit] = []
        self._asked = ""
        # True from a letter typed until its hits have come: until then the hits shown are those of other words.
        self._stale = self._start_when_found = False
        self.line = SearchField("Search children and cases, or type a command")
        self.line.setObjectName("palette_line")
        self.list = QListView()
        self.list.setAccessibleName("Results")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.model: RowModel[PaletteRow] = RowModel(_sentence, self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(PaletteDelegate(self.list))
        self.list.clicked.connect(lambda _index: self._start())
        self.foot = Text("Searching the cases on this laptop.", "meta", ink="ink3")
        column = QVBoxLayout(self)
        column.setContentsMargins(px(8), px(8), px(8), px(8))
        column.setSpacing(px(6))
        column.addWidget(self.line)
        column.addWidget(self.list, 1)
        column.addWidget(self.foot)
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(SEARCH_DELAY_MS)
        self._delay.timeout.connect(self._search)
        self.line.textChanged.connect(self._typed)
        self.line.installEventFilter(self)
        self._fill()

    def show_over(self, window: QWidget, anchor: QWidget) -> None:
        """Show under the command field, no wider or higher than the window."""
        width = min(px(600), window.width() - px(32))
        height = min(px(440), window.height() - px(80))
        self.setFixedSize(width, height)
        middle = anchor.mapTo(window, QPoint(anchor.width() // 2, 0)).x() if anchor.isVisible() else window.width() // 2
        left = max(px(16), min(middle - width // 2, window.width() - width - px(16)))
        self.move(window.mapToGlobal(QPoint(left, px(8))))
        self.show()
        self.line.setFocus(Qt.FocusReason.PopupFocusReason)
        self._search()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move in the list and start commands from the line."""
        if watched is self.line and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = event.key()
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
            if key in steps:
                self._move(steps[Qt.Key(key)])
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._start()
                return True
            if key == Qt.Key.Key_Escape and not self.line.text():
                self.close()
                return True
        return super().eventFilter(watched, event)

    def _typed(self) -> None:
        self._stale, self._start_when_found = True, False
        self._fill()
        self._delay.start()

    def _search(self) -> None:
        words, ws = self.line.text().strip(), self._context.ws
        from app.services.access import Permission, allowed  # late: the models behind it are heavy

        if not allowed(ws.actor.role, Permission.SEARCH_CASES):
            return
        self._asked = words

        def work() -> "list[SearchHit]":
            from app.services import search

            return search.find(ws, words, MOST_HITS) if words else search.recent(ws)

        self._context.runner.run(self, work, lambda hits: self._found(words, hits), lambda _error: None)

    def _found(self, words: str, hits: "list[SearchHit]") -> None:
        if words == self._asked:
            self._hits, self._stale = hits, words != self.line.text().strip()
            self._fill()
            if self._start_when_found and not self._stale:
                self._start_when_found = False
                self._start()

    def _fill(self) -> None:
        typed = self.line.text().strip().casefold()
        rows: list[PaletteRow] = []
        if self._hits:
            rows.append(PaletteRow("Children and cases" if typed else "Your recent cases"))
            rows += [PaletteRow(command=self._open_hit(hit)) for hit in self._hits]
        found = [command for command in self._commands if matches(command, typed)]
        for group in dict.fromkeys(command.group for command in found):
            rows.append(PaletteRow(group))
            rows += [PaletteRow(command=command) for command in found if command.group == group]
        self.model.set_rows(rows)
        self._move(0)
        self.foot.setText(
            "Searching the cases on this laptop." if rows else "Nothing on this laptop matches. Check the spelling."
        )

    def _open_hit(self, hit: "SearchHit") -> Command:
        why = f" · {hit.why}" if hit.why else ""
        return Command(
            hit.title,
            lambda: self._context.navigate(hit.route, case_id=hit.subject),
            icon="folder-open",
            detail=f"{hit.detail}{why}",
        )

    def _move(self, step: int) -> None:
        rows = self.model.rows()
        at = [place for place, row in enumerate(rows) if row.command is not None]
        if not at:
            return
        row = self.list.currentIndex().row()
        now = at.index(row) if row in at else 0
        index = self.model.index(at[max(0, min(len(at) - 1, now + step))])
        self.list.setCurrentIndex(index)
        self.list.scrollTo(index)
        self.line.setAccessibleDescription(str(index.data()))

    def _start(self) -> None:
        row = self.model.row(self.list.currentIndex())
        if self._stale and (row is None or self.list.currentIndex().row() <= len(self._hits)):
            # A quick Enter must open what the words mean, never a case that other words found.
            self._start_when_found = True
            self._delay.stop()
            self._search()
            return
        if row is not None and row.command is not None:
            run = row.command.run
            self.close()
            QTimer.singleShot(0, run)


def matches(command: Command, typed: str) -> bool:
    """Return whether every word typed begins a word of the command."""
    words = f"{command.name} {command.also}".casefold().split()
    return all(any(word.startswith(part) for word in words) for part in typed.split())


def _sentence(row: PaletteRow) -> str:
    if row.command is None:
        return row.heading
    parts = [row.command.name, row.command.detail, spoken(row.command.keys)]
    return ", ".join(part for part in parts if part)
