"""``rollcall audit``: verify the chain, list entries, export them."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.context import Json, answer, open_workspace

if TYPE_CHECKING:
    from app.services.audit_trail import AuditQuery
    from app.services.workspace import Workspace

app = typer.Typer()
Person = Annotated[str, typer.Option(help="Only what this person did, by their name.")]
Kind = Annotated[str, typer.Option(help="Only one kind: reading, searching, exporting, refusal, ...")]
Case = Annotated[str, typer.Option(help="Only what concerns the case with this reference.")]
Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Up to and with this day.")]
Refusals = Annotated[bool, typer.Option("--refusals", help="Only what was refused.")]


@app.command()
def verify(
    report: Annotated[Path | None, typer.Option(help="Save a report here.")] = None, as_json: Json = False
) -> None:
    """Verify the whole chain; exit status 1 when an entry was edited, removed, reordered or cut off."""
    from app.services import audit_trail
    from app.services.audit_trail.checking import result_words

    with open_workspace() as workspace:
        result = audit_trail.check(workspace)
        if report is not None:
            audit_trail.save_report(workspace, result, report)
    words = result_words(result)
    if result.finding is None:
        words += f"\nHead {result.head}."
    answer(result, as_json=as_json, text=words)
    if result.finding is not None:
        raise typer.Exit(1)


@app.command()
def show(
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 20,
    person: Person = "",
    kind: Kind = "",
    case: Case = "",
    since: Since = None,
    until: Until = None,
    refusals: Refusals = False,
    searched: Annotated[str, typer.Option(help="Only searches for exactly these words, on this laptop.")] = "",
    as_json: Json = False,
) -> None:
    """List entries, newest first. Reading the audit is audited."""
    from app.services import audit_trail

    with open_workspace() as workspace:
        audit_trail.note_reading(workspace)
        audit_trail.refresh(workspace)
        query = _query(workspace, person, kind, case, since, until, refusals)
        if searched:
            numbers: Any = audit_trail.searches_for(workspace, searched)
        else:
            numbers = audit_trail.sequences(workspace, query)
        rows = audit_trail.rows(workspace, list(numbers[:count]))
    lines = [
        f"{row.sequence:>8}  {row.at.strftime('%Y-%m-%d %H:%M') if row.at else '-':<16}  {row.who}  {row.action}"
        + "".join(f", {words}" for words in (row.about, row.detail) if words)
        for row in rows
    ]
    answer(rows, as_json=as_json, text="\n".join(lines))


@app.command()
def export(
    path: Annotated[Path, typer.Argument(help="A new CSV file.")],
    person: Person = "",
    kind: Kind = "",
    case: Case = "",
    since: Since = None,
    until: Until = None,
    refusals: Refusals = False,
    as_json: Json = False,
) -> None:
    """Save entries as CSV. The export is audited."""
    from app.services import audit_trail

    with open_workspace() as workspace:
        audit_trail.refresh(workspace)
        query = _query(workspace, person, kind, case, since, until, refusals)
        count = audit_trail.export(workspace, query, path)
    answer({"entries": count, "path": path}, as_json=as_json, text=f"{count:,} entries saved as {path.name}.")


def _query(
    ws: "Workspace",
    person: str,
    kind: str,
    case: str,
    since: datetime | None,
    until: datetime | None,
    refusals: bool,
) -> "AuditQuery":
    from app.services import audit_trail
    from app.services.audit import ActionKind

    named = {name.casefold(): user_id for user_id, name in audit_trail.people(ws)} if person else {}
    if person and person.casefold() not in named:
        raise typer.BadParameter(f"Nobody called {person} is in the audit of this laptop.")
    if kind and kind not in set(ActionKind):
        raise typer.BadParameter(f"The kinds are {', '.join(ActionKind)}.")
    return audit_trail.AuditQuery(
        person=named.get(person.casefold()) if person else None,
        kind=ActionKind(kind) if kind else None,
        since=since.date() if since else None,
        until=until.date() if until else None,
        case_id=audit_trail.find_case(ws, case) if case else None,
        refusals=refusals,
    )
