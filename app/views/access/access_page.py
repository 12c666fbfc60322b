"""Access: emergencies to review, requests to answer and conflicts of interest to act on; and what each role may do."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.views.access.alert_row import AlertRow
from app.views.access.roles_view import RolesView
from app.views.case.inline_form import Field, InlineForm
from app.views.context import AppContext
from app.views.kit.cards import Card, EmptyState
from app.views.list_with_form import ListWithForm
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.access_alerts import AccessAlert

TABLES = frozenset({"break_glass", "access_request", "interest_declared", "case_access", "case", "assignment"})
ROLES_HEIGHT = 420


class AccessPage(ListWithForm):
    """What about access waits for this person."""

    title = "Access"
    tables = TABLES

    def __init__(self, context: AppContext) -> None:
        super().__init__(context, "access_page")
        self.alerts: tuple[AccessAlert, ...] = ()
        self.rows: list[AlertRow] = []
        self.waiting = Card("Waits for you")
        self.waiting.setObjectName("access_waiting")
        self.empty = EmptyState("Nothing waits: no emergency to review, no request to answer.")
        self.waiting.body.addWidget(self.empty)
        self.roles = RolesView()
        self.roles.setMinimumHeight(px(ROLES_HEIGHT))
        roles = Card("What each role may do")
        roles.body.addWidget(self.roles)
        self.column.addWidget(self.waiting)
        self.column.addWidget(roles, 1)

    def setFocus(self, *_reason: Any) -> None:
        """Put the keyboard on the first thing to decide."""
        first = next((row.first_button for row in self.rows if row.first_button is not None), None)
        (first or self.roles).setFocus()

    def reread(self) -> None:
        """Read what waits again."""
        from app.services import access_alerts

        ws = self.context.ws
        self.context.runner.run(self, lambda: access_alerts.alerts(ws), self.show_alerts)

    def show_alerts(self, alerts: "tuple[AccessAlert, ...]") -> None:
        """Show one row a thing that waits."""
        self.close_form()
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
        form = _review_form(self.context, alert) if choice == "review" else _refuse_form(self.context, alert)
        self.show_form(form, self.waiting, next((row for row in self.rows if row.alert is alert), None))

    def _answer(self, alert: "AccessAlert") -> None:
        from app.services import named_list

        ws = self.context.ws
        self.context.runner.run(
            self, lambda: named_list.answer_request(ws, alert.record_id, granted=True), self._form_done
        )


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
