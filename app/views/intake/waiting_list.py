"""The referrals that wait: drafts to go on with, checks asked of a manager, and what joined a case lately."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QListView, QSizePolicy, QVBoxLayout, QWidget

from app.models.terms import ReferralState
from app.timesource import format_date, to_london
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card, EmptyState, PageHeader
from app.views.kit.delegates import TwoLine, TwoLineDelegate
from app.views.kit.rows import RowModel
from app.views.kit.text import Link, Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.referral_opening import Joined
    from app.services.referrals import ReferralLine
    from app.views.context import AppContext


def _two_lines(line: "ReferralLine") -> TwoLine:
    started = format_date(to_london(line.started_at).date())
    parts = [line.source, f"started {started}", f"at “{line.step}”"]
    if line.import_batch:
        parts.append(line.import_batch)
    state, words = None, ""
    if line.state is ReferralState.AWAITING_MANAGER:
        state, words = "approval", "Manager to check"
    elif line.queries:
        state, words = "warning", "1 question" if line.queries == 1 else f"{line.queries} questions"
    return TwoLine(line.child_name, " · ".join(parts), state=state, state_text=words)


def _sentence(line: "ReferralLine") -> str:
    row = _two_lines(line)
    return ", ".join(part for part in (row.title, row.detail, row.state_text) if part)


class WaitingList(QWidget):
    """The list.

    Signals:
        resume_asked: a referral's id.
        new_asked: start a new referral.
        import_asked: bring in a list.
        separate_asked, set_aside_asked: (referral id, words about it).
    """

    resume_asked = Signal(str)
    new_asked = Signal()
    import_asked = Signal()
    separate_asked = Signal(str, str)
    set_aside_asked = Signal(str, str)

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self.setObjectName("waiting_referrals")
        self._context = context
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        self.new = PrimaryButton("New referral", "plus")
        self.new.setObjectName("start_referral")
        self.set_aside = QuietButton("Set aside", "archive")
        self.set_aside.setObjectName("set_referral_aside")
        self.set_aside.setEnabled(False)
        self.set_aside.clicked.connect(self._set_aside)
        self.imports = QuietButton("Import", "upload")
        self.imports.setObjectName("import_list")
        self.new.clicked.connect(self.new_asked)
        self.imports.clicked.connect(self.import_asked)
        column.addWidget(PageHeader("Referrals", "", [self.set_aside, self.imports, self.new]))
        self.model: RowModel[ReferralLine] = RowModel(_sentence, self)
        self.list = QListView()
        self.list.setObjectName("waiting_list")
        self.list.setAccessibleName("Referrals that wait")
        self.list.setModel(self.model)
        self.list.setItemDelegate(TwoLineDelegate(_two_lines, self.list))
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.activated.connect(self._activated)
        self.list.clicked.connect(self._activated)
        self.card = Card("Waiting")
        self.card.body.addWidget(self.list)
        self.empty = EmptyState("No referral waits.")
        self.card.body.addWidget(self.empty)
        column.addWidget(self.card, 1)
        self.joined = Card("Added to a case in the last 30 days")
        self.joined.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._joined_rows = self.joined.padded()
        column.addWidget(self.joined)

    def show_rows(self, lines: "list[ReferralLine]", joined: "list[Joined]") -> None:
        """Show what waits."""
        self.model.set_rows(lines)
        self.card.set_subtitle(str(len(lines)) if lines else "")
        self.list.setVisible(bool(lines))
        self.empty.setVisible(not lines)
        while (item := self._joined_rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for one in joined[:8]:
            self._joined_rows.addWidget(self._joined_row(one))
        self.joined.setVisible(bool(joined))
        if lines and not self.list.currentIndex().isValid():
            self.list.setCurrentIndex(self.model.index(0))
        self.set_aside.setEnabled(bool(lines))

    def _joined_row(self, one: "Joined") -> QWidget:
        row = QWidget()
        column = QVBoxLayout(row)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(Text(f"{one.child_name}, {one.reference}", "body", weight="medium", wrap=True))
        link = Link(f"This was another child (until {format_date(one.until)})")
        link.setObjectName("separate")
        words = f"{one.child_name}, {one.reference}"
        link.activated.connect(lambda: self.separate_asked.emit(one.referral_id, words))
        column.addWidget(link)
        return row

    def focus_list(self) -> None:
        """Put the keyboard on the list, or on starting a referral."""
        (self.list if self.model.rowCount() else self.new).setFocus()

    def _set_aside(self) -> None:
        line: Any = self.model.row(self.list.currentIndex())
        if line is not None:
            self.set_aside_asked.emit(line.id, line.child_name)

    def _activated(self, index: QModelIndex) -> None:
        line: Any = self.model.row(index)
        if line is not None:
            self.resume_asked.emit(line.id)
