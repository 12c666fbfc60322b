"""What stands in a letter's way, in words: stops first, then what to fix, then what to check."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.kit.feedback import Banner
from app.views.tokens import px

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.services.letters.draft import Issue

KINDS = {"stop": "error", "fix": "warn", "check": "info"}


class IssuesPanel(QWidget):
    """Up to three banners; nothing when all is well.

    Signals:
        go_asked: a field to go to.
        case_asked: the case, to put something right there.
        hand_asked: deliver by hand instead.
    """

    go_asked = Signal(str)
    case_asked = Signal()
    hand_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(8))
        self._shown: tuple[Issue, ...] = ()
        self.hide()

    def show_issues(self, issues: "Sequence[Issue]") -> None:
        """Show what was found."""
        found = tuple(issues)
        if found == self._shown:
            return
        self._shown = found
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for level, kind in KINDS.items():
            members = [issue for issue in found if issue.level == level]
            if members:
                banner = Banner(
                    kind,
                    "\n".join(issue.text for issue in members),
                    self._actions(members),
                    title=_title(level, members),
                )
                banner.setObjectName(f"letter_{level}")
                self._column.addWidget(banner)
        self.setVisible(bool(found))

    def words(self) -> str:
        """Return everything shown."""
        return "\n".join(issue.text for issue in self._shown)

    def _actions(self, members: "list[Issue]") -> "list[tuple[str, Callable[[], object]]]":
        fields = {issue.field for issue in members}
        level = members[0].level
        actions: list[tuple[str, Callable[[], object]]] = []
        if level == "fix" and "recipient_address" in fields:
            actions.append(("Add the address", self.case_asked.emit))
            actions.append(("Deliver by hand", self.hand_asked.emit))
        elif any("on the case" in issue.text or "Family and contacts" in issue.text for issue in members):
            actions.append(("Open the case", self.case_asked.emit))
        return actions


def _title(level: str, members: "list[Issue]") -> str:
    if level == "stop":
        return "This letter cannot be sent"
    if level == "check":
        return "Check before you send"
    count = len(members)
    return f"{count} {'thing' if count == 1 else 'things'} to fix before you send"
