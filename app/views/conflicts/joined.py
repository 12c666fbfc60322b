"""What came together by itself: most changes meet nothing, and nobody is asked."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.views.kit.form import IconLabel
from app.views.kit.text import Text
from app.views.tokens import px


class JoinedWords(QWidget):
    """How many changes of others arrived in the last week without meeting one of ours."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(10), px(12), px(12))
        column.setSpacing(px(6))
        column.addWidget(Text("Joined without help", "meta", weight="strong", ink="ink2"))
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(IconLabel("check", "ok", 14), 0, Qt.AlignmentFlag.AlignTop)
        self.words = Text("", "secondary", wrap=True)
        row.addWidget(self.words, 1)
        column.addLayout(row)
        self.hide()

    def show_counts(self, changes: int, cases: int) -> None:
        """Show how many; nothing when there are none."""
        on = "1 case" if cases == 1 else f"{cases} cases"
        self.words.setText(f"{'1 change' if changes == 1 else f'{changes} changes'} on {on} this week")
        self.setVisible(changes > 0)
