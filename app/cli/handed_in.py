"""``rollcall handed-in``: work that was handed in sealed to this supervisor's team."""

from typing import Annotated

import typer

from app.cli.context import Json, answer, open_workspace

app = typer.Typer()
Work = Annotated[str, typer.Argument(help="The work's id, as the list shows it.")]


@app.command("list")
def list_work(
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what nobody has settled.")] = False,
    as_json: Json = False,
) -> None:
    """List what was handed in. Needs no network."""
    from app.services.rescued.listing import handed_in

    with open_workspace() as workspace:
        rows = handed_in(workspace, waiting_only=waiting)
    lines = [
        f"{row.id}  {row.handed_in_at:%d %B %Y %H:%M}  {row.author or 'Unknown'}  {row.change_count} changes  "
        f"{row.state_words}"
        for row in rows
    ]
    answer({"handed_in": rows}, as_json=as_json, text="\n".join(lines) or "Nothing was handed in.")


@app.command()
def show(work: Work, as_json: Json = False) -> None:
    """Open what was handed in and show each change. The opening is audited."""
    from app.services.rescued.opening import open_work

    with open_workspace() as workspace:
        opened = open_work(workspace, work)
    said = {
        "id": opened.id,
        "author": opened.author,
        "made_at": opened.made_at,
        "reason": opened.reason,
        "documents": opened.document_count,
        "changes": opened.changes,
    }
    lines = [f"{opened.reason}, by {opened.author}, {opened.made_at:%d %B %Y %H:%M}"]
    for change in opened.changes:
        lines.append(f"{change.place + 1}. {change.case}: {change.outlook}")
        lines += [f"   {line.record}, {line.field}: {line.before} -> {line.after}" for line in change.lines]
    answer(said, as_json=as_json, text="\n".join(lines))


@app.command("take-over")
def take_over_work(
    work: Work,
    only: Annotated[list[int] | None, typer.Option(help="The number of a change; all of them when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Make the changes again in your own name; they are sent with the next sync."""
    from app.services.rescued.opening import open_work
    from app.services.rescued.settling import take_over

    with open_workspace() as workspace:
        made = take_over(workspace, open_work(workspace, work), {each - 1 for each in only} if only else None)
    answer({"change_set": made}, as_json=as_json, text="Taken over. It is sent with the next sync.")


@app.command("set-aside")
def set_aside_work(
    work: Work, reason: Annotated[str, typer.Option(help="Why nothing is to be done with it.")], as_json: Json = False
) -> None:
    """Set work aside with a reason; it stays at the central store, sealed."""
    from app.services.rescued.settling import set_aside

    with open_workspace() as workspace:
        set_aside(workspace, work, reason=reason)
    answer({"set_aside": work}, as_json=as_json, text="Set aside. It is kept.")
