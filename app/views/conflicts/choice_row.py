"""One thing to decide: what it is, what it said before, and the values as cards."""

from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.services.conflicts.shown import BOTH, TYPED, day_and_time, who_and_when
from app.views.conflicts.both_box import BothBox
from app.views.conflicts.marked_text import MarkedText
from app.views.conflicts.typed_form import TypedForm
from app.views.conflicts.value_card import ValueCard
from app.views.kit.form import IconLabel
from app.views.kit.text import Link, Text
from app.views.theme import Themed, colour
from app.views.tokens import current, px

if TYPE_CHECKING:
    from app.services.conflicts.shown import CaseConflicts, ShownChoice

Mode = Literal["wide", "folded", "stacked"]
NAME_WIDTH, BEFORE_WIDTH, CELL = 150, 196, 8


class ChoiceRow(Themed, QWidget):
    """A row of the table.

    Signals:
        changed: something was chosen, unchosen or typed.
    """

    changed = Signal()

    def __init__(self, choice: "ShownChoice", case: "CaseConflicts") -> None:
        super().__init__()
        self.setObjectName("choice_row")
        self.choice = choice
        self._case = case
        self._pick = ""
        self._mode: Mode = "wide"
        self._make_name()
        self._make_before()
        self._make_cards()
        self._make_more()
        self._grid = QGridLayout(self)
        self.setAccessibleName(choice.title)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.setSizePolicy(policy)
        self.start_theming()
        if choice.both is not None and choice.both.usual and choice.may_decide:
            self.choose(BOTH)
        else:
            self._show_state()
        self.set_mode("wide", force=True)

    # Making

    def _make_name(self) -> None:
        self._name = QWidget()
        column = QVBoxLayout(self._name)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(3))
        column.addWidget(Text(self.choice.title, "body", weight="strong", wrap=True))
        state = QHBoxLayout()
        state.setSpacing(px(5))
        self._icon = IconLabel("circle", "conflict", 14)
        self.state = Text("", "meta", weight="strong", ink="conflict", wrap=True)
        state.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        state.addWidget(self.state, 1)
        column.addLayout(state)
        for words in (self.choice.about, self.choice.note, self.choice.why_not):
            if words:
                column.addWidget(Text(words, "meta", ink="ink3", wrap=True))
        column.addStretch(1)

    def _make_before(self) -> None:
        before = self.choice.before
        self._before = QWidget()
        column = QVBoxLayout(self._before)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(2))
        self._before_label = Text("Before", "meta", weight="strong", ink="ink2")
        column.addWidget(self._before_label)
        column.addWidget(MarkedText(before.words, ink="ink2"))
        when = day_and_time(before.at)
        told = when if when and when != self._case.before.detail else ""
        for words in (before.note, ", ".join(part for part in (before.by, told) if part) if told else ""):
            if words:
                column.addWidget(Text(words, "meta", ink="ink3", wrap=True))
        column.addStretch(1)

    def _make_cards(self) -> None:
        case, choice = self._case, self.choice
        self.group = QButtonGroup(self)
        self.cards: list[ValueCard] = []
        for place, value in enumerate(choice.values):
            side = case.left if place == 0 else case.right
            meta = who_and_when(value) if value.key and who_and_when(value) != side.detail else ""
            card = ValueCard(value, side.title, choice.title, meta, enabled=choice.may_decide)
            self.group.addButton(card, place)
            self.cards.append(card)
        self._right = QWidget()
        column = QVBoxLayout(self._right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        for card in self.cards[1:]:
            column.addWidget(card, 1)
        self.group.idClicked.connect(lambda place: self.choose(self.cards[place].value.key))
        self.both: BothBox | None = None
        if choice.both is not None:
            self.both = BothBox(choice, [who_and_when(value) for value in choice.values], enabled=choice.may_decide)
            self.both.unticked.connect(self._unticked)

    def _make_more(self) -> None:
        choice = self.choice
        self._links = QWidget()
        row = QHBoxLayout(self._links)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(16))
        self.both_link = Link(choice.both.title if choice.both else "")
        self.both_link.setObjectName("keep_both_link")
        self.both_link.activated.connect(lambda: self.choose(BOTH, focus=True))
        self.typed_link = Link(choice.typed_words)
        self.typed_link.setObjectName("neither_link")
        self.typed_link.activated.connect(lambda: self.choose(TYPED, focus=True))
        row.addWidget(self.both_link)
        row.addWidget(self.typed_link)
        row.addStretch(1)
        for link in (self.both_link, self.typed_link):
            link.setAccessibleName(f"{choice.title}: {link.text()}")
        self.form: TypedForm | None = None
        if choice.typed and choice.may_decide:
            self.form = TypedForm(choice)
            self.form.edited.connect(self._typed)

    # Choosing

    @property
    def pick(self) -> str:
        """What is chosen: a value's key, ``BOTH``, ``TYPED`` or nothing."""
        return self._pick

    @property
    def decided(self) -> bool:
        """Whether there is something to save."""
        if self._pick == TYPED:
            return self.form is not None and self.form.changed()
        return bool(self._pick)

    def choose(self, pick: str, *, focus: bool = False) -> None:
        """Choose a value by its key, both, or typing; an empty pick chooses nothing."""
        allowed = self.choice.may_decide
        if (pick == BOTH and self.both is None) or (pick == TYPED and self.form is None) or (pick and not allowed):
            return
        self._pick = pick
        self.group.setExclusive(False)
        for card in self.cards:
            card.setChecked(bool(pick) and card.value.key == pick)
            card.update()
        self.group.setExclusive(True)
        if self.both is not None:
            self.both.tick.blockSignals(True)
            self.both.tick.setChecked(pick == BOTH)
            self.both.tick.blockSignals(False)
        self._show_state()
        self.set_mode(self._mode, force=True)
        if focus and pick == TYPED and self.form is not None:
            self.form.focus()
        elif focus and pick == BOTH and self.both is not None:
            self.both.focus()
        self.changed.emit()

    def choose_place(self, place: int) -> bool:
        """Choose by key: 1 the left value, 2 the right one, 3 both; return whether that was possible."""
        if place in (1, 2):
            card = self.cards[place - 1] if len(self.cards) >= place else None
            if card is not None and card.isEnabled():
                self.choose(card.value.key)
                return True
        if place == 3 and self.both is not None and self.choice.may_decide:
            self.choose(BOTH)
            return True
        return False

    def typed(self) -> dict[str, str]:
        """Return what was typed, by field."""
        return self.form.values() if self.form is not None else {}

    def typed_something(self) -> bool:
        """Return whether something was typed that is not what the record says."""
        return self.form is not None and self.form.changed()

    def restore(self, pick: str, typed: dict[str, str]) -> None:
        """Show what was chosen and typed before."""
        if self.form is not None and typed:
            self.form.blockSignals(True)
            self.form.set_values(typed)
            self.form.blockSignals(False)
        known = {card.value.key for card in self.cards if card.isEnabled()} | {BOTH, TYPED, ""}
        if pick in known:
            self.choose(pick)

    def focus(self) -> None:
        """Put the keyboard on what is chosen, or on the first value."""
        if self._pick == BOTH and self.both is not None:
            self.both.focus()
            return
        chosen = [card for card in self.cards if card.isChecked()]
        first = next((card for card in [*chosen, *self.cards] if card.isEnabled()), None)
        if first is not None:
            first.setFocus(Qt.FocusReason.TabFocusReason)

    def _unticked(self) -> None:
        self.choose("")
        self.focus()

    def _typed(self) -> None:
        if self.form is not None:
            self.form.say("")
        self._show_state()
        self.changed.emit()

    def _show_state(self) -> None:
        if not self.choice.may_decide:
            words, ink, icon = "Not yours to decide", "ink3", "lock"
        elif self.decided:
            words, ink, icon = "Decided", "ok", "circle-check"
        else:
            words, ink, icon = "Your choice", "conflict", "circle"
        self.state.setText(words)
        self.state.set_ink(ink)
        self._icon.set_icon(icon, ink)

    # Room

    def set_mode(self, mode: Mode, *, force: bool = False) -> None:
        """Lay the parts out for the width there is."""
        if mode == self._mode and not force:
            return
        self._mode = mode
        held = self.isAncestorOf(self.focusWidget()) if self.focusWidget() is not None else False
        while self._grid.takeAt(0) is not None:
            pass
        both = self._pick == BOTH and self.both is not None
        wide, stacked = mode == "wide", mode == "stacked"
        top = 0 if wide else 1
        first = 2 if wide else 0
        span = 1 if stacked else 2
        self._grid.addWidget(self._name, 0, 0, 1, 1 if wide or not stacked else span)
        self._grid.addWidget(self._before, top if stacked else 0, 1 if not stacked else 0)
        top += stacked
        self._before_label.setVisible(not wide)
        if self.both is not None:
            self.both.set_upright(upright=stacked)
            self._place(self.both, top, first, span, shown=both)
        self._place(self.cards[0], top, first, 1, shown=not both)
        self._place(self._right, top + stacked, first if stacked else first + 1, 1, shown=not both)
        below = top + stacked + 1
        if self.form is not None:
            self._place(self.form, below, first, span, shown=self._pick == TYPED)
        self._place(self._links, below + 1, first, span, shown=not both and self.choice.may_decide)
        self.both_link.setVisible(self.both is not None and not both)
        self.typed_link.setVisible(self.form is not None and self._pick != TYPED)
        for column in range(4):
            self._grid.setColumnStretch(column, 0)
            self._grid.setColumnMinimumWidth(column, 0)
        if wide:
            self._name.setFixedWidth(px(NAME_WIDTH - 2 * CELL - 8))
            self._before.setFixedWidth(px(BEFORE_WIDTH - 2 * CELL - 8))
        else:
            for part in (self._name, self._before):
                part.setMinimumWidth(0)
                part.setMaximumWidth(16777215)
        for column in (first, first + 1) if not stacked else (0,):
            self._grid.setColumnStretch(column, 1)
        if held and self.focusWidget() is not None and not self.focusWidget().isVisibleTo(self):
            self.focus()
        self._grid.invalidate()

    def _place(self, widget: QWidget, row: int, column: int, span: int, *, shown: bool) -> None:
        if widget.parentWidget() is not self:
            widget.setParent(self)
        widget.setVisible(shown)
        if shown:
            self._grid.addWidget(widget, row, column, 1, span)

    def restyle(self) -> None:
        """Follow the theme."""
        grid = self.layout()
        if isinstance(grid, QGridLayout):
            grid.setContentsMargins(px(16), px(CELL), px(CELL), px(CELL))
            grid.setHorizontalSpacing(px(2 * CELL))
            grid.setVerticalSpacing(px(4))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rule over the row."""
        painter = QPainter(self)
        painter.fillRect(0, 0, self.width(), px(current().border_width), colour("hairline"))
