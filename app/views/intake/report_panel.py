"""The row-by-row report: what was read, what would happen, and each row's line, column and reason."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.services.exchange.report import Severity
from app.views.icons import icon
from app.views.kit.cards import Card, EmptyState
from app.views.kit.text import Text
from app.views.theme import Themed, colour, line_height
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.exchange.report import ImportReport, RowIssue

COLUMNS = ("Line", "What", "Column", "Why")
WORDS = {Severity.REFUSED: "Refused", Severity.QUERY: "Ask the school", Severity.WARNING: "Look at"}
ICONS = {
    Severity.REFUSED: ("octagon-alert", "danger"),
    Severity.QUERY: ("circle-question-mark", "warn"),
    Severity.WARNING: ("info", "ink2"),
}
_Index = QModelIndex | QPersistentModelIndex


class IssueModel(QAbstractTableModel):
    """Issues of a report, refused rows first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._issues: list[RowIssue] = []

    def show(self, issues: "list[RowIssue]") -> None:
        """Show other issues."""
        order = list(Severity)
        self.beginResetModel()
        self._issues = sorted(issues, key=lambda one: (order.index(one.severity), one.line))
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many issues there are."""
        return 0 if parent.isValid() else len(self._issues)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a heading."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a cell's words, icon, colour or full sentence."""
        if not index.isValid() or index.row() >= len(self._issues):
            return None
        issue = self._issues[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (str(issue.line), WORDS[issue.severity], issue.column, issue.why)[index.column()]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            column = f", {issue.column}" if issue.column else ""
            return f"Line {issue.line}{column}. {WORDS[issue.severity]}: {issue.why}"
        if role == Qt.ItemDataRole.ToolTipRole and index.column() >= 2:
            return issue.column if index.column() == 2 else issue.why
        if index.column() == 1 and role == Qt.ItemDataRole.DecorationRole:
            return icon(*ICONS[issue.severity])
        if index.column() == 1 and role == Qt.ItemDataRole.ForegroundRole:
            return QColor(colour(ICONS[issue.severity][1]))
        return None


class _Padded(QStyledItemDelegate):
    """Cells that stand under their headings."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, colour("selection"))
        option.rect.adjust(px(8), 0, -px(4), 0)
        super().paint(painter, option, index)


class _Count(QWidget):
    def __init__(self, words: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.number = Text("0", "page", weight="strong", tabular=True)
        column.addWidget(self.number)
        column.addWidget(Text(words, "secondary", ink="ink2"))


class ReportPanel(Themed, QWidget):
    """Counts over a table of issues."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("report_panel")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        counts = QHBoxLayout()
        counts.setSpacing(px(28))
        names = ("rows", "new", "changed", "same", "refused", "to ask about")
        self.counts = {name: _Count(name) for name in names}
        for count in self.counts.values():
            counts.addWidget(count)
        counts.addStretch(1)
        column.addLayout(counts)
        self.model = IssueModel(self)
        self.table = QTableView()
        self.table.setObjectName("import_issues")
        self.table.setAccessibleName("Rows to look at")
        self.table.setModel(self.model)
        self.table.setItemDelegate(_Padded(self.table))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.setWordWrap(True)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.card = Card("Rows to look at")
        self.card.body.addWidget(self.table)
        self.clean = EmptyState("Every row can go in as it is.")
        self.card.body.addWidget(self.clean)
        column.addWidget(self.card, 1)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        for section, width in enumerate((64, 142, 168)):
            self.table.setColumnWidth(section, px(width))
        self.table.verticalHeader().setDefaultSectionSize(line_height("body") * 2 + px(8))
        self.table.setMinimumHeight(px(120))

    def set_narrow(self, narrow: bool) -> None:
        """Leave out the column that the reason mostly repeats, for narrow windows."""
        self.table.setColumnHidden(2, narrow)

    def show_report(self, report: "ImportReport") -> None:
        """Show a report, of a preview or of what was done."""
        numbers = (report.rows_read, report.added, report.changed, report.unchanged, report.refused, report.queries)
        for count, number in zip(self.counts.values(), numbers, strict=True):
            count.number.setText(f"{number:,}")
        self.model.show(report.issues)
        listed = len(report.issues)
        total = report.refused + report.queries + report.warnings
        self.card.set_subtitle(f"{listed:,} of {total:,}" if total > listed else f"{listed:,}" if listed else "")
        self.table.setVisible(bool(listed))
        self.clean.setVisible(not listed)
