"""``rollcall conflicts``: two values for one field, seen and decided without the window."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.context import Json, answer, open_workspace

if TYPE_CHECKING:
    from app.services.conflicts.deciding import Decision
    from app.services.conflicts.shown import CaseConflicts, ShownChoice
    from app.services.workspace import Workspace

app = typer.Typer()
_TAKES = ("yours", "theirs", "both")


@app.command("list")
def list_(
    case: Annotated[str, typer.Argument(help="A case reference; all cases when left out.")] = "", as_json: Json = False
) -> None:
    """Show what there is to decide: the cases, or the values of one case with their numbers."""
    from app.services.conflicts import listing

    with open_workspace() as workspace:
        if case:
            shown = _read(workspace, case)
            answer(shown, as_json=as_json, text="\n".join(_lines(shown)))
            return
        found = listing.list_cases(workspace)
    lines = [
        f"{row.reference or row.key}  {row.name}: {row.detail}, waits {row.age_days} days ({', '.join(row.fields)})"
        for row in found.cases
    ]
    answer(found, as_json=as_json, text="\n".join(lines) or "Nothing to review.")


@app.command()
def decide(
    case: Annotated[str, typer.Argument(help="The case's reference, or the key of a record that belongs to none.")],
    choice: Annotated[int, typer.Argument(help="The number of the choice, as list shows it.")],
    take: Annotated[str, typer.Option(help="yours, theirs, both, or the number of a value.")] = "",
    value: Annotated[
        list[str] | None, typer.Option(help="Neither: field=value, as often as the choice has fields.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it stands in the history.")] = "",
    as_json: Json = False,
) -> None:
    """Settle one choice. Exit status 1 when somebody else has decided or changed it meanwhile."""
    from app.services.conflicts import deciding

    with open_workspace() as workspace:
        shown = _read(workspace, case)
        if not 1 <= choice <= len(shown.choices):
            raise typer.BadParameter(f"There are {len(shown.choices)} choices on {case}.")
        decision = _decision(shown.choices[choice - 1], take, value or [])
        result = deciding.decide(workspace, shown.key, [decision], reason)
    left = [each.words for each in result.left]
    answer({"settled": [each.title for each in result.settled], "left": left}, as_json=as_json,
           text="\n".join([result.words, *left]))  # fmt: skip
    if left:
        raise typer.Exit(1)


def _read(workspace: "Workspace", case: str) -> "CaseConflicts":
    from app.services import case_page
    from app.services.conflicts import reading

    key = case if ":" in case else case_page.find_case_id(workspace, case)
    return reading.read_case(workspace, key)


def _decision(shown: "ShownChoice", take: str, typed: list[str]) -> "Decision":
    from app.services.conflicts.deciding import Decision
    from app.services.conflicts.shown import TYPED

    if typed:
        pairs = dict(each.partition("=")[::2] for each in typed)
        return Decision(shown.key, shown.conflict_ids, shown.shown, TYPED, pairs)
    values = shown.values
    if take.isdecimal() and 1 <= int(take) <= len(values):
        pick = values[int(take) - 1].key
    elif take in _TAKES:
        pick = {"yours": values[0].key, "theirs": values[1].key}.get(take, take)
    else:
        raise typer.BadParameter("Say --take yours, theirs, both or a number, or --value field=value.")
    return Decision(shown.key, shown.conflict_ids, shown.shown, pick)


def _lines(shown: "CaseConflicts") -> list[str]:
    from app.services.conflicts.shown import who_and_when

    lines = [f"{shown.name}, {shown.line}", shown.intro]
    for number, choice in enumerate(shown.choices, start=1):
        about = f" ({choice.about})" if choice.about else ""
        lines += ["", f"{number}  {choice.title}{about}", f"   before: {choice.before.words}"]
        for place, value in enumerate(choice.values, start=1):
            side = shown.left.title if place == 1 else shown.right.title
            who = who_and_when(value)
            lines.append(f"   {place} {side}: {value.words}{f' [{who}]' if who else ''}")
        if choice.both is not None:
            lines.append(f"   both: {choice.both.detail}")
        if choice.typed:
            lines.append(f"   neither: {', '.join(field.name for field in choice.typed)}")
        if choice.why_not:
            lines.append(f"   {choice.why_not}")
    return lines
