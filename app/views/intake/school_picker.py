"""A line for a school that suggests from GIAS as one types; a name that is not there is kept as typed."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QSize, QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QCompleter, QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.views.kit.delegates import inks
from app.views.theme import colour, font, line_height
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.schools import SchoolChoice
    from app.views.context import AppContext

WAIT_MS = 150


class _Choices(QStringListModel):
    """The suggestions: names, with their details read aloud and drawn under them."""

    def __init__(self) -> None:
        super().__init__()
        self.choices: list[SchoolChoice] = []

    def show(self, choices: "list[SchoolChoice]") -> None:
        self.choices = choices
        self.setStringList([choice.name for choice in choices])

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # type: ignore[override]  # Qt's own signature takes a persistent index too
        if role == Qt.ItemDataRole.AccessibleTextRole and index.isValid():
            choice = self.choices[index.row()]
            return f"{choice.name}, {choice.detail}"
        return super().data(index, role)


class _TwoLines(QStyledItemDelegate):
    def __init__(self, model: _Choices) -> None:
        super().__init__()
        self._model = model

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # type: ignore[override]  # as above
        return QSize(px(240), line_height("body") + line_height("meta") + px(12))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:  # type: ignore[override]  # as above
        choice = self._model.choices[index.row()]
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.fillRect(option.rect, colour("selection" if chosen else "surface"))
        ink, quiet = inks(chosen)
        box = option.rect.adjusted(px(10), px(5), -px(10), -px(5))
        for role, tint, words, top in (
            ("body", ink, choice.name, box.top()),
            ("meta", quiet, choice.detail, box.top() + line_height("body")),
        ):
            painter.setFont(font(role))
            painter.setPen(colour(tint))
            shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box.left(), top, box.width(), line_height(role), int(Qt.AlignmentFlag.AlignVCenter), shown)


class SchoolPicker(QLineEdit):
    """Type a name, URN or DfE number; Down and Enter choose.

    Signals:
        school_changed: the text or the chosen school changed by hand.
    """

    school_changed = Signal()

    def __init__(self, context: "AppContext", name: str) -> None:
        super().__init__()
        self._context = context
        self._urn = ""
        self._asked = ""
        self.setAccessibleName(name)
        self.setPlaceholderText("Name, URN or DfE number")
        self._model = _Choices()
        self._delegate = _TwoLines(self._model)
        self._completer = QCompleter(self._model, self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        popup: Any = self._completer.popup()
        self._popup = popup
        popup.setItemDelegate(self._delegate)
        popup.setAccessibleName("Schools that match")
        popup.setProperty("kind", "popup")
        by_index: Any = self._completer.activated
        by_index[QModelIndex].connect(self._choose)
        self.setCompleter(self._completer)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(WAIT_MS)
        self._later.timeout.connect(self._search)
        self.textEdited.connect(self._typed)

    def urn(self) -> str:
        """Return the chosen school's URN; empty for a name that was only typed."""
        return self._urn

    def set_school(self, urn: str, name: str) -> None:
        """Show a school, without a signal."""
        self._urn = urn
        self.setText(name)

    def _typed(self, _text: str) -> None:
        self._urn = ""
        self.school_changed.emit()
        self._later.start()

    def _search(self) -> None:
        text, ws = self.text(), self._context.ws
        self._asked = text

        def work() -> "list[SchoolChoice]":
            from app.services import schools

            return schools.search_schools(ws, text)

        self._context.runner.run(self, work, lambda found: self._show(text, found))

    def _show(self, text: str, found: "list[SchoolChoice]") -> None:
        if text != self.text() or not self.hasFocus():
            return
        self._model.show(found)
        if found:
            self._completer.complete()
        else:
            self._popup.hide()

    def _choose(self, index: QModelIndex) -> None:
        choice = self._model.choices[index.row()]
        self.set_school(choice.urn, choice.name)
        self.school_changed.emit()
