"""``rollcall team``: the team queue and allocation."""

from typing import Annotated

import typer

from app.cli.context import Json, answer, open_workspace

app = typer.Typer()


@app.command()
def queue(
    team: Annotated[str, typer.Option(help="The team's name; your own when left out.")] = "", as_json: Json = False
) -> None:
    """Show what waits, what is overdue and who has room."""
    from app.services import team_queue

    with open_workspace() as workspace:
        found = team_queue.read_queue(workspace)
        if team:
            named = {name.casefold(): team_id for team_id, name in found.teams}
            if team.casefold() not in named:
                raise typer.BadParameter(f"There is no team called {team} on this laptop.")
            found = team_queue.read_queue(workspace, named[team.casefold()])
    lines = [f"{tile.count:>4}  {tile.title}: {tile.line}" for tile in found.tiles]
    lines += ["", "Waiting for an officer"]
    for row in found.waiting:
        advice = f"{row.suggestion.name} ({row.suggestion.why})" if row.suggestion else "no suggestion"
        lines.append(f"  {row.reference}  {row.name}, {row.age}, {team_queue.days(row.waited_days)}: {advice}")
    lines += ["", "Officers"]
    for officer in found.officers:
        limit = f" of {officer.limit}" if officer.limit is not None else ""
        lines.append(f"  {officer.name}: {officer.open}{limit} open, {officer.due} due this week, {officer.over} over")
    answer(found, as_json=as_json, text="\n".join(lines))


@app.command()
def allocate(
    references: Annotated[list[str], typer.Argument(help="Case references, such as CME-2026-00421.")],
    to: Annotated[str, typer.Option(help="Username or name of the officer.")],
    reason: Annotated[str, typer.Option(help="Why; required when a case moves from somebody else.")] = "",
    move: Annotated[bool, typer.Option(help="Also take cases that somebody has.")] = False,
    as_json: Json = False,
) -> None:
    """Give cases to an officer. Exit status 1 when any was left because somebody has it already."""
    from app.services import allocation

    with open_workspace() as workspace:
        officer_id, cases = allocation.look_up(workspace, to, references)
        seen = cases if move else None
        result = allocation.allocate(workspace, list(cases), officer_id, reason, expected=seen)
    lines = [result.words, *(f"{left.reference}: {left.message}" for left in result.stale)]
    answer(result, as_json=as_json, text="\n".join(lines))
    if result.stale:
        raise typer.Exit(1)
