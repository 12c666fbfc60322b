"""Access: emergencies to review, requests to answer and conflicts of interest to act on; and what each role may do."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from app.views.access.alert_row import AlertRow
from app.views.access.roles_view import RolesView
from app.views.case.inline_form import Field, InlineForm
from app.views.context import AppContext
from app.views.kit.cards import Card, EmptyState, PageHeader
from app.views.pages import Crumb
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.access_alerts import AccessAlert

TABLES = frozenset({"break_glass", "access_request", "interest_declared", "case_access", "case", "assignment"})
REREAD_MS, ROLES_HEIGHT = 150, 420


class AccessPage(QWidget):
    """What about access waits for this person."""

    title = "Access"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("access_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Access", None)]
        self.alerts: tuple[AccessAlert, ...] = ()
        self.rows: list[AlertRow] = []
        self.form: InlineForm | None = None
        self.waiting = Card("Waits for you")
        self.waiting.setObjectName("access_waiting")
        self.empty = EmptyState("Nothing waits: no emergency to review, no request to answer.")
        self.roles = RolesView()
        self._lay_out()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(REREAD_MS)
        self._later.timeout.connect(self.reread)
        context.records_changed.connect(self._records_changed)

    def _lay_out(self) -> None:
        self.waiting.body.addWidget(self.empty)
        roles = Card("What each role may do")
        self.roles.setMinimumHeight(px(ROLES_HEIGHT))
        roles.body.addWidget(self.roles)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(16))
        column.addWidget(self.waiting)
        column.addWidget(roles, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(inside)
        page = QVBoxLayout(self)
        page.setContentsMargins(px(20), px(14), px(20), px(16))
        page.setSpacing(px(12))
        page.addWidget(PageHeader("Access"))
        page.addWidget(scroll, 1)

    def open(self, **_arguments: Any) -> None:
        """Show what waits."""
        self.reread()

    def close_panel(self) -> bool:
        """Esc closes the form that is open."""
        if self.form is None:
            return False
        self._close_form()
        return True

    def setFocus(self, *_reason: Any) -> None:
        """Put the keyboard on the first thing to decide."""
        first = next((row.first_button for row in self.rows if row.first_button is not None), None)
        (first or self.roles).setFocus()

    def reread(self) -> None:
        """Read what waits again."""
        from app.services import access_alerts

        ws = self.context.ws
        self.context.runner.run(self, lambda: access_alerts.alerts(ws), self.show_alerts)

    def _records_changed(self, tables: frozenset[str]) -> None:
        if self.isVisible() and tables & TABLES and self.form is None:
            self._later.start()

    def show_alerts(self, alerts: "tuple[AccessAlert, ...]") -> None:
        """Show one row a thing that waits."""
        self._close_form()
        self.alerts = alerts
        for row in self.rows:
            row.hide()
            row.deleteLater()
        self.rows = []
        for alert in alerts:
            row = AlertRow(alert)
            row.open_asked.connect(self._open_case)
            row.decide_asked.connect(self.decide)
            self.rows.append(row)
            self.waiting.body.addWidget(row)
        self.empty.setVisible(not alerts)

    def _open_case(self, alert: "AccessAlert") -> None:
        if alert.case_id:
            self.context.navigate("case", case_id=alert.case_id)

    def decide(self, alert: "AccessAlert", choice: str) -> None:
        """Ask what a decision needs: what was found, or why access is refused; granting asks nothing more."""
        if choice == "grant":
            self._answer(alert)
            return
        self._close_form()
        self.form = _review_form(self.context, alert) if choice == "review" else _refuse_form(self.context, alert)
        self.form.setContentsMargins(px(16), px(12), px(16), px(14))
        self.form.done.connect(self._decided)
        self.form.cancelled.connect(self._close_form)
        row = next((row for row in self.rows if row.alert is alert), None)
        place = self.waiting.body.indexOf(row) + 1 if row is not None else self.waiting.body.count()
        self.waiting.body.insertWidget(place, self.form)
        self.form.focus_first()

    def _answer(self, alert: "AccessAlert") -> None:
        from app.services import named_list

        ws = self.context.ws
        self.context.runner.run(
            self, lambda: named_list.answer_request(ws, alert.record_id, granted=True), self._decided
        )

    def _decided(self, _result: object) -> None:
        self._close_form()
        self.context.counts_changed.emit()
        self.reread()

    def _close_form(self) -> None:
        if self.form is not None:
            self.form.hide()
            self.form.deleteLater()
            self.form = None


def _review_form(context: AppContext, alert: "AccessAlert") -> InlineForm:
    from app.services import break_glass

    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        break_glass.review(ws, alert.record_id, words=values["reason"])

    title = f"Review: {alert.person} opened {alert.name}"
    fields = [Field("reason", "What you found", "text", hint="Such as: rightly opened, the police had called")]
    return InlineForm(context, title, fields, "Record the review", work)


def _refuse_form(context: AppContext, alert: "AccessAlert") -> InlineForm:
    from app.services import named_list

    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        named_list.answer_request(ws, alert.record_id, granted=False, answer=values["answer"])

    title = f"Refuse access for {alert.person}"
    return InlineForm(context, title, [Field("answer", "Why not", "text")], "Refuse access", work)
