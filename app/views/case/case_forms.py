"""The forms that change a case as a whole: stage, tasks, clocks, visits, closing and reopening."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.models.terms import STAGE_WORDS, Stage
from app.views.case.inline_form import Field, InlineForm

if TYPE_CHECKING:
    from app.services.tasks import NextItem
    from app.views.context import AppContext


def stage_form(context: "AppContext", case_id: str, stage: Stage) -> InlineForm:
    """Return the form that moves a case to another stage."""
    from app.services import cases

    ws = context.ws
    choices = tuple((each.value, STAGE_WORDS[each]) for each in Stage if each not in (stage, Stage.CLOSED))
    fields = [
        Field("stage", "New stage", "choice", choices, choices[0][0]),
        Field("reason", "Why", "text"),
    ]

    def work(values: Mapping[str, Any]) -> None:
        cases.change_stage(ws, case_id, Stage(values["stage"]), reason=values["reason"])

    return InlineForm(context, "Change stage", fields, "Change stage", work)


def task_form(context: "AppContext", case_id: str) -> InlineForm:
    """Return the form that adds a task."""
    from app.services import tasks

    ws = context.ws
    fields = [Field("text", "What has to be done"), Field("due_on", "By", "date", value=None, optional=True)]

    def work(values: Mapping[str, Any]) -> str:
        return tasks.add_task(ws, case_id, values["text"], due_on=values["due_on"])

    return InlineForm(context, "Add a task", fields, "Add task", work)


def visit_form(context: "AppContext", case_id: str, place: str) -> InlineForm:
    """Return the form that books a visit."""
    from app.services import tasks

    ws = context.ws
    fields = [
        Field("due_on", "Day", "date", value=ws.time.today()),
        Field("at_time", "Time", hint="Such as 10:15", optional=True),
        Field("place", "Where", value=place, wide=True),
    ]

    def work(values: Mapping[str, Any]) -> str:
        return tasks.add_task(ws, case_id, "Home visit", kind="visit", **values)

    return InlineForm(context, "Book a visit", fields, "Book visit", work)


def clock_form(context: "AppContext", case_id: str) -> InlineForm:
    """Return the form that starts a clock."""
    from app.services import clock_rules, tasks

    ws = context.ws
    rules = clock_rules.startable()
    choices = tuple((rule.id, f"{rule.label} ({rule.basis.lower()})") for rule in rules)
    fields = [
        Field("rule", "Clock", "choice", choices, choices[0][0], wide=True),
        Field("started_on", "Day of the trigger", "date", value=ws.time.today(), hint="Such as the day of service"),
        Field("label", "Called", optional=True),
    ]

    def work(values: Mapping[str, Any]) -> str:
        started = values["started_on"] or ws.time.today()
        return tasks.add_clock(ws, case_id, values["rule"], started, label=values["label"].strip())

    return InlineForm(context, "Start a clock", fields, "Start clock", work)


def stop_form(context: "AppContext", item: "NextItem") -> InlineForm:
    """Return the form that stops a clock with a reason."""
    from app.services import tasks

    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        tasks.stop_clock(ws, item.id, reason=values["reason"])

    explain = "The clock is kept with its dates and this reason."
    return InlineForm(
        context, f"Stop: {item.what}", [Field("reason", "Why", "text")], "Stop clock", work, explain=explain
    )


def close_form(context: "AppContext", case_id: str) -> InlineForm:
    """Return the form that closes a case."""
    from app.services import cases

    ws = context.ws
    choices = tuple((code, f"{code}  {words}") for code, words in cases.OUTCOMES.items())
    fields = [
        Field("outcome", "How the case ended", "choice", choices, "R1", wide=True),
        Field("evidence", "What shows it", "text", hint="Required for moved, not located, died and opened in error"),
    ]

    def work(values: Mapping[str, Any]) -> None:
        cases.close_case(ws, case_id, outcome=values["outcome"], evidence=values["evidence"])

    explain = "The case becomes read only. Its clocks stop. It can be reopened."
    return InlineForm(context, "Close case", fields, "Close case", work, explain=explain)


def reopen_form(context: "AppContext", case_id: str) -> InlineForm:
    """Return the form that opens a closed case again."""
    from app.services import cases

    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        cases.reopen_case(ws, case_id, reason=values["reason"])

    return InlineForm(context, "Reopen case", [Field("reason", "Why", "text")], "Reopen case", work)
