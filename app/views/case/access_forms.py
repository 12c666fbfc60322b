"""The forms about who may open a case: restricting it, its list, asking, emergencies and conflicts of interest."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.timesource import format_date, to_london
from app.views.case.inline_form import Field, InlineForm
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import rule
from app.views.kit.fields import Select
from app.views.kit.form import IconLabel
from app.views.kit.text import ElidedText, Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.named_list import ListedPerson, NamedList
    from app.views.context import AppContext


def restrict_form(context: "AppContext", case_id: str) -> InlineForm:
    """Return the form that restricts a case."""
    from app.services import named_list

    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        named_list.restrict(ws, case_id, reason=values["reason"])

    explain = (
        "Only its officer, you and people you add may open it. Everybody else sees the name, the reference and the "
        "officer. Who reads it is in the audit either way."
    )
    return InlineForm(
        context, "Restrict this case", [Field("reason", "Why", "text")], "Restrict case", work, explain=explain
    )


def open_again_form(context: "AppContext", case_id: str) -> InlineForm:
    """Return the form that opens a restricted case to everybody again."""
    from app.services import named_list

    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        named_list.unrestrict(ws, case_id, reason=values["reason"])

    explain = "Everybody who reads cases may open it again. The list is ended and kept in history."
    return InlineForm(
        context, "End the restriction", [Field("reason", "Why", "text")], "End restriction", work, explain=explain
    )


def interest_form(context: "AppContext", case_id: str) -> InlineForm:
    """Return the form that declares a conflict of interest."""
    from app.services import interests

    ws = context.ws

    def work(values: Mapping[str, Any]) -> str:
        return interests.declare(ws, case_id, reason=values["reason"])

    explain = (
        "From now on everything about this child is hidden from you, in lists and in searches too. A supervisor is "
        "told, and gives the case to somebody else. Only a supervisor can end this."
    )
    fields = [Field("reason", "How you know the family", "text", optional=True)]
    return InlineForm(context, "Declare a conflict of interest", fields, "Declare", work, explain=explain)


def ask_form(context: "AppContext", case_id: str) -> InlineForm:
    """Return the form that asks for access to a restricted case."""
    from app.services import named_list

    ws = context.ws

    def work(values: Mapping[str, Any]) -> str:
        return named_list.ask_for_access(ws, case_id, reason=values["reason"])

    fields = [Field("reason", "Why you need it", "text")]
    return InlineForm(context, "Ask for access", fields, "Ask for access", work)


def emergency_form(context: "AppContext", case_id: str) -> InlineForm:
    """Return the form that opens a restricted case in an emergency."""
    from app.services import break_glass
    from app.services.access_rules import access_rules

    ws, rules = context.ws, access_rules()
    hours = tuple(
        (str(number), "1 hour" if number == 1 else f"{number} hours")
        for number in range(1, rules.emergency_hours_most + 1)
    )
    fields = [
        Field("reason", "Why this cannot wait", "text"),
        Field("hours", "Open for", "choice", hours, str(rules.emergency_hours)),
    ]

    def work(values: Mapping[str, Any]) -> Any:
        return break_glass.open_in_emergency(ws, case_id, reason=values["reason"], hours=int(values["hours"]))

    explain = "It opens at once and closes by itself. It is recorded, and a supervisor is told and reviews it."
    return InlineForm(context, "Open in an emergency", fields, "Open the case", work, explain=explain)


class AccessPanel(InlineForm):
    """The list of a restricted case, with a form that adds a person to it."""

    def __init__(self, context: "AppContext", case_id: str, changed: Callable[[], None]) -> None:
        from app.services import named_list

        ws = context.ws

        def work(values: Mapping[str, Any]) -> None:
            named_list.add_person(ws, case_id, values["person"] or "", reason=values["reason"])

        fields = [Field("person", "Add a person", "choice"), Field("reason", "Why they need it")]
        super().__init__(context, "Who may open this case", fields, "Add to the list", work)
        self.setObjectName("access_panel")
        self._case_id, self._changed = case_id, changed
        self._people = QWidget()
        self._rows = QVBoxLayout(self._people)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        self.end_button = QuietButton("End the restriction", "lock-open")
        self.end_button.setObjectName("end_restriction")
        self.end_button.clicked.connect(self._end)
        column = self.layout()
        if isinstance(column, QVBoxLayout):
            column.insertWidget(1, self._people)
            column.addWidget(self.end_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.cancel_button.set_text("Close")
        self._read()

    def _read(self) -> None:
        from app.services import named_list

        ws, case_id = self._context.ws, self._case_id
        self._context.runner.run(self, lambda: named_list.named_list(ws, case_id), self.show_list)

    def show_list(self, found: "NamedList") -> None:
        """Show the people on the list, and those who may be added."""
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for person in found.people:
            self._rows.addWidget(self._line(person))
            self._rows.addWidget(rule())
        choice = self.widgets["person"]
        if isinstance(choice, Select):
            choice.clear()
            for user_id, name in found.others:
                choice.addItem(name, user_id)

    def _line(self, person: "ListedPerson") -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, px(4), 0, px(4))
        row.setSpacing(px(10))
        row.addWidget(IconLabel("user-check", "ink2"))
        name = f"{person.name} (officer)" if person.is_officer else person.name
        row.addWidget(ElidedText(name, weight="medium"), 2)
        row.addWidget(ElidedText(person.reason, ink="ink2"), 3)
        since = format_date(to_london(person.since).date())
        row.addWidget(Text(f"Since {since}", "secondary", ink="ink2"))
        if not person.is_officer:
            remove = QuietButton("Remove", compact=True)
            remove.setAccessibleName(f"Remove {person.name} from the list")
            remove.clicked.connect(lambda: self._remove(person.user_id))
            row.addWidget(remove)
        return line

    def _remove(self, user_id: str) -> None:
        from app.services import named_list

        ws, case_id = self._context.ws, self._case_id
        self._context.runner.run(
            self, lambda: named_list.remove_person(ws, case_id, user_id), lambda _none: self._listed_anew(), self._fail
        )

    def _listed_anew(self) -> None:
        self._read()
        self._changed()

    def _finish(self, result: object) -> None:
        """Stay open after a person was added: others may follow."""
        self._busy = False
        self.submit_button.setEnabled(True)
        reason = self.widgets["reason"]
        if isinstance(reason, QLineEdit):
            reason.clear()
        self._listed_anew()

    def _end(self) -> None:
        form = open_again_form(self._context, self._case_id)
        column = self.layout()
        if isinstance(column, QVBoxLayout):
            self.end_button.hide()
            column.addWidget(form)
        form.done.connect(self.done)
        form.cancelled.connect(self.cancelled)
        form.focus_first()
