"""The list of letters: drafts, waiting for approval, and sent."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QListView, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.timesource import format_date, format_short, to_london
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card, EmptyState, PageHeader
from app.views.kit.chips import Chip
from app.views.kit.delegates import TwoLine, TwoLineDelegate
from app.views.kit.fields import SearchField
from app.views.kit.rows import RowModel
from app.views.pages import Crumb
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.letters.listing import LetterLine
    from app.views.context import AppContext

REREAD_MS = 200
GROUPS = (
    ("draft", "Drafts", ("draft",)),
    ("waiting", "Waiting for approval", ("waiting_approval",)),
    ("print", "To print", ("approved",)),
    ("sent", "Sent", ("issued", "returned", "superseded")),
)
EMPTY = {
    "draft": "No drafts. A letter you start is kept here until it is sent.",
    "waiting": "No letter waits for approval.",
    "print": "No approved letter waits to be printed.",
    "sent": "No letter has been sent from this laptop’s cases yet.",
}
STATES = {
    "draft": "later",
    "waiting_approval": "approval",
    "approved": "due",
    "issued": "done",
    "returned": "due",
    "superseded": "later",
}


class LettersPage(QWidget):
    """Every letter of the cases on this laptop.

    Signals:
        ready: the list is read.
    """

    ready = Signal()
    title = "Letters"

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self.setObjectName("letters_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Letters", None)]
        self._lines: list[LetterLine] = []
        self._group = ""
        self._make()
        self._lay_out()
        self._connect()

    def _make(self) -> None:
        self.header = PageHeader("Letters")
        self.search = SearchField("Find by child, reference or person", "Ctrl F")
        self.search.setObjectName("find_letter")
        self.chips = {key: Chip(words) for key, words, _states in GROUPS}
        for key, chip in self.chips.items():
            chip.setObjectName(f"letters_{key}")
        self.model: RowModel[LetterLine] = RowModel(sentence, self)
        self.view = QListView()
        self.view.setObjectName("letter_list")
        self.view.setAccessibleName("Letters")
        self.view.setModel(self.model)
        self.view.setItemDelegate(TwoLineDelegate(describe, self.view, strong=True))
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.open_letter = PrimaryButton("Open letter", None, "Ctrl+Return", answers=False)
        self.open_letter.setObjectName("open_letter")
        self.discard = QuietButton("Discard draft", "trash-2")
        self.discard.setObjectName("discard_draft")
        self.find_case = QuietButton("Find a case", "folder-open")
        self._empty = EmptyState("", self.find_case)

    def _lay_out(self) -> None:
        chips = QHBoxLayout()
        chips.setSpacing(px(8))
        for chip in self.chips.values():
            chips.addWidget(chip)
        chips.addStretch(1)
        self.search.setMaximumWidth(px(320))
        chips.addWidget(self.search, 2)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._empty)
        self._stack.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        card = Card()
        card.body.addWidget(self._stack, 1)
        foot = QHBoxLayout()
        foot.setSpacing(px(8))
        foot.addWidget(self.open_letter)
        foot.addWidget(self.discard)
        foot.addStretch(1)
        page = QVBoxLayout(self)
        page.setContentsMargins(px(20), px(14), px(20), px(16))
        page.setSpacing(px(12))
        page.addWidget(self.header)
        page.addLayout(chips)
        page.addWidget(card, 1)
        page.addLayout(foot)

    def _connect(self) -> None:
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(REREAD_MS)
        self._later.timeout.connect(self.reread)
        for key, chip in self.chips.items():
            chip.clicked.connect(lambda _on, key=key: self._choose(key))
        self.search.textChanged.connect(lambda _text: self._show())
        self.search.moved_down.connect(self.view.setFocus)
        self.view.activated.connect(self._open_row)
        self.view.selectionModel().currentChanged.connect(lambda _now, _before: self._enable())
        self.open_letter.clicked.connect(self.primary_action)
        self.discard.clicked.connect(self._ask_discard)
        self.find_case.clicked.connect(lambda: self.context.navigate("cases"))
        self.context.records_changed.connect(self._records_changed)

    # The window's side

    def open(self, group: str = "", **_arguments: Any) -> None:
        """Show the list.

        Args:
            group: draft, waiting, print or sent; the first that holds something when left out.
        """
        self._group = group if group in self.chips else ""
        self.reread()

    def primary_action(self) -> None:
        """Ctrl+Enter: open the current letter."""
        self._open_row(self.view.currentIndex())

    def find_here(self) -> None:
        """Ctrl+F: go to the search."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def reread(self) -> None:
        """Read the letters again."""
        self.context.runner.run(self, self._read, self._shown)

    def _read(self) -> "list[LetterLine]":
        from app.services.letters import listing

        return listing.letters(self.context.ws)

    def _shown(self, lines: "list[LetterLine]") -> None:
        self._lines = lines
        counts = {key: sum(line.state in states for line in lines) for key, _words, states in GROUPS}
        for key, words, _states in GROUPS:
            self.chips[key].set_text(f"{words} {counts[key]}")
            self.chips[key].setVisible(bool(counts[key]) or key in ("draft", "sent"))
        if not self._group:
            self._group = next((key for key, count in counts.items() if count), "draft")
        self._show()
        self.ready.emit()

    def _choose(self, key: str) -> None:
        self._group = key
        self._show()

    def _show(self) -> None:
        """Show the chosen group, as far as the search leaves it; the current letter stays current."""
        for key, chip in self.chips.items():
            chip.setChecked(key == self._group)
        states = next(states for key, _words, states in GROUPS if key == self._group)
        wanted = self.search.text().casefold().split()
        found = [line for line in self._lines if line.state in states and all(w in _haystack(line) for w in wanted)]
        before = self.model.row(self.view.currentIndex())
        self.model.set_rows(found)
        place = next((i for i, line in enumerate(found) if before and line.letter_id == before.letter_id), 0)
        if found:
            self.view.setCurrentIndex(self.model.index(place, 0))
        self._empty.set_text(EMPTY[self._group] if not wanted else "No letter matches. Change the words above.")
        self.find_case.setVisible(not wanted)
        self._stack.setCurrentIndex(0 if found else 1)
        self._enable()

    def _enable(self) -> None:
        line = self.model.row(self.view.currentIndex())
        self.open_letter.setVisible(line is not None)
        self.discard.setVisible(line is not None and line.state == "draft")

    def _open_row(self, index: QModelIndex) -> None:
        line = self.model.row(index)
        if line is not None:
            self.context.navigate("letter", letter_id=line.letter_id)

    def _ask_discard(self) -> None:
        line = self.model.row(self.view.currentIndex())
        if line is None or line.state != "draft":
            return
        words = f"{line.title}, {line.reference}, is deleted for everyone. The case is kept as it is."
        self.context.prompts.confirm(
            self,
            "Discard this draft?",
            words,
            "Discard draft",
            lambda: self.context.runner.run(self, lambda: self._discard(line.letter_id), self._discarded),
            danger=True,
        )

    def _discard(self, letter_id: str) -> None:
        from app.services.letters import letters

        letters.discard(self.context.ws, letter_id)

    def _discarded(self, _nothing: None) -> None:
        self.context.toast("Draft discarded")
        self.reread()

    def _records_changed(self, tables: frozenset[str]) -> None:
        if self.isVisible() and tables & {"letter", "child", "case"}:
            self._later.start()


def describe(line: "LetterLine") -> TwoLine:
    """Return what a row shows."""
    who = f"to {line.recipient}" if line.recipient else "nobody chosen yet"
    return TwoLine(
        title=f"{line.child_name}: {line.title}",
        detail=f"{line.reference} · {who} · {line.delivery}",
        icon="mail" if line.issued_at is None else "mail-open",
        meta=_when(line),
        state=STATES.get(str(line.state)),
        state_text=line.state_words,
    )


def _when(line: "LetterLine") -> str:
    if line.issued_at is None:
        return f"started {format_short(to_london(line.made_at).date())}"
    return f"reply by {format_short(line.reply_by)}" if line.reply_by else ""


def sentence(line: "LetterLine") -> str:
    """Return what a screen reader says of a row."""
    parts = [line.title, f"about {line.child_name}", f"to {line.recipient}" if line.recipient else "", line.reference]
    parts.append(line.state_words)
    if line.reply_by is not None and line.issued_at is not None:
        parts.append(f"reply by {format_date(line.reply_by)}")
    return ", ".join(part for part in parts if part)


def _haystack(line: "LetterLine") -> str:
    return f"{line.child_name} {line.recipient} {line.reference} {line.title}".casefold()
