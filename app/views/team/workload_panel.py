"""The panel beside the lists: workload as chart or table, what an allocation would do, and who is over the limit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.views.kit.buttons import QuietButton
from app.views.kit.cards import Card, rule
from app.views.kit.chips import SegmentedControl
from app.views.kit.fields import IconLabel
from app.views.kit.text import Text
from app.views.team.columns import WORKLOAD
from app.views.team.model import QueueModel
from app.views.team.table import QueueTable
from app.views.team.workload_chart import WorkloadChart
from app.views.theme import Themed, colour
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.team_workload import Officer, Preview


class WorkloadPanel(Card):
    """Workload.

    Signals:
        move_asked: (officer id) "Move cases from NAME" was pressed.
    """

    move_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        choice = SegmentedControl([("chart", "Chart"), ("table", "Table")], "Show workload as")
        choice.setObjectName("workload_choice")
        super().__init__("Workload", "", choice, parent)
        self.choice = choice
        self.setObjectName("workload")
        self.chart = WorkloadChart()
        self.table_model = QueueModel(WORKLOAD, "user_id", ticks=False, parent=self)
        self.table = QueueTable("Workload by officer", self.table_model)
        self.table.setObjectName("workload_table")
        holder = QWidget()
        inner = QVBoxLayout(holder)
        inner.setContentsMargins(px(16), 0, px(16), 0)
        inner.addWidget(self.chart)
        self.stack = QStackedWidget()
        self.stack.addWidget(holder)
        self.stack.addWidget(self.table)
        content = QWidget()
        content.setProperty("fill", "none")
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, px(8))
        column.setSpacing(0)
        column.addWidget(self.stack)
        self._advice = QVBoxLayout()
        self._advice.setSpacing(0)
        column.addLayout(self._advice)
        column.addStretch(1)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(content)
        self.body.addWidget(self.area)
        self.choice.chosen.connect(self._switch)

    def show_load(
        self,
        officers: Sequence["Officer"],
        extra: dict[str, int],
        preview: "Preview | None",
        over: Sequence[tuple[str, "Preview"]],
    ) -> None:
        """Show the officers, what is about to be added, and advice.

        Args:
            officers: by name.
            extra: cases about to be given, by officer id.
            preview: what that means in words, when cases are ticked.
            over: (officer id, advice) for each who is over the limit.
        """
        self.chart.show_load(officers, extra)
        self.table_model.set_rows(officers)
        needed = px(34) + len(officers) * self.table.row_height() + px(4)
        self.table.setMinimumHeight(needed)
        self.stack.setFixedHeight(needed if self.choice.value() == "table" else self.chart.sizeHint().height())
        self._clear_advice()
        if preview is not None:
            mark: QWidget = IconLabel("triangle-alert", "warn") if preview.over_limit else _Hatch()
            self._advise(mark, preview, None)
        for officer_id, advice in over:
            name = next((officer.first_name for officer in officers if officer.user_id == officer_id), "")
            button = QuietButton(f"Move cases from {name}", compact=True)
            button.setObjectName("move_cases")
            button.clicked.connect(lambda _on=False, who=officer_id: self.move_asked.emit(who))
            self._advise(IconLabel("triangle-alert", "warn"), advice, button)

    def _advise(self, mark: QWidget, words: "Preview", button: QWidget | None) -> None:
        section = QWidget()
        section.setAccessibleName(f"{words.heading}. {words.text}")
        column = QVBoxLayout(section)
        column.setContentsMargins(px(16), px(12), px(16), px(12))
        column.setSpacing(px(6))
        head = QHBoxLayout()
        head.setSpacing(px(8))
        head.addWidget(mark)
        head.addWidget(Text(words.heading, "body", weight="strong", wrap=True), 1)
        column.addLayout(head)
        column.addWidget(Text(words.text, "body", ink="ink2", wrap=True))
        if button is not None:
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        self._advice.addWidget(rule())
        self._advice.addWidget(section)

    def _clear_advice(self) -> None:
        while (item := self._advice.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _switch(self, value: str) -> None:
        self.stack.setCurrentIndex(1 if value == "table" else 0)
        self.stack.setFixedHeight(self.table.minimumHeight() if value == "table" else self.chart.sizeHint().height())


class _Hatch(Themed, QWidget):
    """The mark of what an allocation would add, as it is drawn in the bars."""

    def __init__(self) -> None:
        super().__init__()
        self.start_theming()

    def restyle(self) -> None:
        self.setFixedSize(px(18), px(14))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(colour("accent"), 1))
        painter.setBrush(QBrush(colour("accent"), Qt.BrushStyle.BDiagPattern))
        painter.drawRect(QRect(0, 0, self.width() - 1, self.height() - 1))
