"""What each role may do, as a table: roles across, permissions down. Read only, because it is part of Rollcall."""

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.services.role_matrix import RoleMatrix, role_matrix
from app.views.icons import paint_icon
from app.views.kit.paint import paint_text
from app.views.theme import Themed, colour, metrics
from app.views.tokens import px

HEAD_LINES, COLUMN, ROW = 2, 72, 34
Index = QModelIndex | QPersistentModelIndex


class RolesModel(QAbstractTableModel):
    """The matrix; the first column is the permission."""

    def __init__(self, matrix: RoleMatrix, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.matrix = matrix

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many permissions there are."""
        return 0 if parent.isValid() else len(self.matrix.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the permission's own column and one a role."""
        return 0 if parent.isValid() else len(self.matrix.roles) + 1

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a role's name."""
        if role == Qt.ItemDataRole.TextAlignmentRole and section == 0:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return "May" if section == 0 else self.matrix.roles[section - 1]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a permission in words, or whether a role has it."""
        row = self.matrix.rows[index.row()]
        if index.column() == 0:
            return row.words if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole) else None
        held = row.held[index.column() - 1]
        if role == Qt.ItemDataRole.DisplayRole:
            return "Yes" if held else ""
        if role == Qt.ItemDataRole.AccessibleTextRole:
            name = self.matrix.roles[index.column() - 1]
            return f"{name}: {'may' if held else 'may not'} {row.words[:1].lower()}{row.words[1:]}"
        return None


class _Cell(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setPen(colour("hairline"))
        painter.drawLine(option.rect.bottomLeft(), option.rect.bottomRight())
        if index.column() == 0:
            paint_text(painter, option.rect.adjusted(px(16), 0, -px(8), 0), str(index.data()), "body")
        elif index.data():
            paint_icon(painter, option.rect, "check", "ok", px(16))
        painter.restore()


class RolesView(Themed, QTableView):
    """The matrix."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("roles_matrix")
        self.setAccessibleName("What each role may do")
        self.setModel(RolesModel(role_matrix(), self))
        self.setItemDelegate(_Cell(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalHeader().hide()
        head = self.horizontalHeader()
        head.setSectionsClickable(False)
        head.setHighlightSections(False)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme and the text size."""
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        measure = metrics("body")
        words = max(measure.horizontalAdvance(row.words) for row in role_matrix().rows)
        self.setColumnWidth(0, words + px(28))
        for column in range(1, self.model().columnCount()):
            name = str(self.model().headerData(column, Qt.Orientation.Horizontal))
            longest = max(metrics("secondary", "strong").horizontalAdvance(word) for word in name.split())
            self.setColumnWidth(column, max(px(COLUMN), longest + px(14)))
        head.setFixedHeight(HEAD_LINES * measure.lineSpacing() + px(14))
        self.verticalHeader().setDefaultSectionSize(max(px(ROW), measure.lineSpacing() + px(10)))
