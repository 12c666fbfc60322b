"""Roles, for administrators: what each role may do."""

from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.access.roles_view import RolesView
from app.views.context import AppContext
from app.views.kit.cards import PageHeader
from app.views.kit.text import Text
from app.views.pages import Crumb
from app.views.tokens import px

EXPLAIN = (
    "One table, read by this window, by Rollcall on every laptop and by the central store. A person's role is set in "
    "the central store. Restricted cases and declared conflicts of interest come on top of it."
)


class RolesPage(QWidget):
    """The matrix of roles."""

    title = "Roles"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("roles_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Roles", None)]
        self.matrix = RolesView()
        page = QVBoxLayout(self)
        page.setContentsMargins(px(20), px(14), px(20), px(16))
        page.setSpacing(px(12))
        page.addWidget(PageHeader("What each role may do"))
        page.addWidget(Text(EXPLAIN, "secondary", ink="ink2", wrap=True))
        page.addWidget(self.matrix, 1)

    def open(self, **_arguments: Any) -> None:
        """Show the matrix."""

    def setFocus(self, *_reason: Any) -> None:
        """Put the keyboard on the table."""
        self.matrix.setFocus()
