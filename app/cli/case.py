"""``rollcall case``: list, read and write cases."""

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.context import Json, answer, open_workspace
from app.errors import UserError
from app.models.terms import STAGE_WORDS, EventKind, Stage
from app.timesource import format_date, format_time, to_london

if TYPE_CHECKING:
    from app.services.case_list import CaseListRow
    from app.services.case_views import CaseView, TimelineEvent
    from app.services.history import HistoryEntry

app = typer.Typer()
Reference = Annotated[str, typer.Argument(help="The case's reference, such as CME-2026-00417.")]


class ViewName(StrEnum):
    """The views of the Cases page."""

    MINE = "mine"
    ALL = "all"
    DUE_WEEK = "due_week"
    NO_CONTACT = "no_contact"


class NoteKind(StrEnum):
    """What can be written on the timeline."""

    NOTE = "note"
    CALL = "call"
    VISIT = "visit"
    SIGHTING = "sighting"
    CONTACT = "contact"


class StageName(StrEnum):
    """Stages a case can be moved to."""

    INITIAL_CHECKS = "initial_checks"
    ENQUIRIES = "enquiries"
    JOINT_ENQUIRIES = "joint_enquiries"
    LOCATED = "located"
    PLACE_OFFERED = "place_offered"
    LEGAL_NOTICE = "legal_notice"
    LEGAL_ORDER = "legal_order"


@app.command("list")
def list_cases(
    view: Annotated[ViewName, typer.Option(help="Which cases.")] = ViewName.MINE,
    text: Annotated[str, typer.Option(help="Part of a name or reference.")] = "",
    closed: Annotated[bool, typer.Option("--closed", help="Closed cases instead of open ones.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The most cases listed.")] = 100,
    as_json: Json = False,
) -> None:
    """List cases, what is due soonest first."""
    from dataclasses import replace

    from app.services import cases
    from app.services.audit import Action

    with open_workspace() as ws:
        query = replace(cases.for_view(view.value, ws), text=text, closed=closed)
        rows = cases.first_page(ws, query, limit)[1]
        today = ws.time.today()
        ws.audit(Action.LISTED, "case", detail={"count": len(rows), "view": view.value})
    answer(rows, as_json=as_json, text="\n".join(_row_words(row, today) for row in rows) or "No case matches.")


def _row_words(row: "CaseListRow", today: date) -> str:
    due = "nothing due"
    if row.due_on is not None:
        late = " (overdue)" if row.due_on < today else ""
        due = f"{row.due_what} by {format_date(row.due_on)}{late}"
    return f"{row.reference}  {row.name}, {row.age}  {row.stage}  {due}"


@app.command()
def show(reference: Reference, as_json: Json = False) -> None:
    """Show one case with its newest timeline entries. Reading is audited."""
    from app.services import case_page

    with open_workspace() as ws:
        case_id = case_page.find_case_id(ws, reference)
        view = case_page.load_case(ws, case_id)
        events = case_page.timeline(ws, case_id, limit=20)
    answer({"case": view, "timeline": events}, as_json=as_json, text=_case_words(view, events))


def _case_words(view: "CaseView", events: "list[TimelineEvent]") -> str:
    who = view.identity
    lines = [f"{who.reference}  {who.name}", f"{who.stage_words}, officer {who.officer}"]
    lines += [f"{label}: {value}" for label, value in (("Born", who.born), ("Last seen", who.last_seen)) if value]
    lines += [f"Safety: {flag.words}" for flag in who.flags]
    lines.append("Next:")
    lines += [f"  {format_date(item.due_on) if item.due_on else 'No date'}  {item.what}" for item in view.next_items]
    done = sum(1 for line in view.enquiries if line.done)
    lines.append(f"Enquiries: {done} of {len(view.enquiries)} done")
    lines.append("Timeline:")
    for event in events:
        lines.append(f"  {format_date(event.day)}, {event.time}  {event.actor}: {event.title}")
        lines += [f"    {line}" for line in event.body.splitlines()]
    return "\n".join(lines)


@app.command()
def note(
    reference: Reference,
    text: Annotated[str, typer.Argument(help="The words of the note.")],
    kind: Annotated[NoteKind, typer.Option(help="What it records.")] = NoteKind.NOTE,
    place: Annotated[str, typer.Option(help="Where a child was seen; for sightings.")] = "",
    as_json: Json = False,
) -> None:
    """Add an entry to the timeline."""
    from app.services import case_page, cases

    with open_workspace() as ws:
        case_id = case_page.find_case_id(ws, reference)
        event_id = cases.add_note(ws, case_id, text=text, kind=EventKind(kind.value), place=place)
    answer({"event": event_id, "case": case_id}, as_json=as_json, text=f"Saved on {reference}.")


@app.command()
def stage(
    reference: Reference,
    to: Annotated[StageName, typer.Argument(help="The new stage.")],
    reason: Annotated[str, typer.Option(help="Why; required.")],
    as_json: Json = False,
) -> None:
    """Move a case to another stage."""
    from app.services import case_page, cases

    chosen = Stage(to.value)
    with open_workspace() as ws:
        case_id = case_page.find_case_id(ws, reference)
        cases.change_stage(ws, case_id, chosen, reason=reason)
    answer({"case": case_id, "stage": chosen}, as_json=as_json, text=f"{reference} is now at {STAGE_WORDS[chosen]}.")


@app.command()
def history(
    reference: Reference,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The most changes shown.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who changed what, field by field, newest first."""
    from app.services import case_page
    from app.services import history as history_of

    with open_workspace() as ws:
        case_id = case_page.find_case_id(ws, reference)
        entries = history_of.of_case(ws, case_id, limit=limit)
    if not entries:
        raise UserError(f"{reference} has no history on this laptop yet.")
    answer(entries, as_json=as_json, text="\n".join(_entry_words(entry) for entry in entries))


def _entry_words(entry: "HistoryEntry") -> str:
    at = to_london(entry.at)
    lines = [f"{format_date(at.date())}, {format_time(entry.at)}  {entry.who}: {entry.reason} ({entry.state})"]
    for line in entry.lines:
        change = f"{line.before} -> {line.after}" if line.op == "update" else line.after or line.before
        lines.append(f"  {line.record} {line.field}: {change}")
    return "\n".join(lines)
