"""``rollcall letter``: templates, drafts, previews and letters that have gone out."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.context import Json, answer, open_workspace

if TYPE_CHECKING:
    from app.services.letters.compose import Composed
    from app.services.letters.draft import LetterDraft
    from app.services.letters.facts import Facts

app = typer.Typer()
LetterName = Annotated[str, typer.Argument(help="Reference, such as CME-2026-00377/L4, or id.")]
Out = Annotated[Path, typer.Option(help="Where to write the PDF; it is no longer encrypted there.")]


@app.command()
def templates(as_json: Json = False) -> None:
    """List the letters that can be written, with the fields each asks for."""
    from app.services.letters.templates import templates as all_templates

    found = [
        {
            "id": each.id,
            "title": each.front.title,
            "version": each.front.version,
            "audience": each.front.audience,
            "needs_approval": each.needs_approval,
            "delivery": list(each.front.delivery),
            "fields": [field.name for field in each.front.field],
        }
        for each in all_templates()
    ]
    lines = [
        f"{each.id}  {each.front.title}, version {each.front.version}: "
        + ", ".join(field.name for field in each.front.field)
        for each in all_templates()
    ]
    answer(found, as_json=as_json, text="\n".join(lines))


@app.command()
def draft(
    case: Annotated[str, typer.Argument(help="Case reference.")],
    template: Annotated[str, typer.Option(help="Such as L01.")] = "L01",
    to: Annotated[str, typer.Option(help="Part of the name of who it goes to; the first possible when left out.")] = "",
    fields: Annotated[list[str] | None, typer.Option("--set", help="field=value; dates as 2026-11-27.")] = None,
    delivery: Annotated[str, typer.Option(help="P1, SD, HD or SE.")] = "",
    points: Annotated[int, typer.Option(help="12, 16 or 18; what the reader asked for when left out.")] = 0,
    as_json: Json = False,
) -> None:
    """Start a letter, and say what stands in its way."""
    from app.services.letters import facts, letters, listing
    from app.services.letters.compose import compose

    with open_workspace() as workspace:
        found = facts.read(workspace, listing.find_case(workspace, case))
        started = letters.new(found, template)
        if to:
            started = replace(started, recipient_key=_reader(found, started, to))
        started = _with_options(started, _typed(fields or []), delivery, points)
        saved = letters.save(workspace, started)
        composed = compose(facts.read(workspace, saved.case_id), saved)
    _tell(composed, as_json=as_json)


@app.command()
def preview(letter: LetterName, out: Out, as_json: Json = False) -> None:
    """Write a draft as it stands, marked as a draft."""
    from app.services.letters import export, facts, letters, listing
    from app.services.letters.compose import compose

    with open_workspace() as workspace:
        loaded = letters.load(workspace, listing.find_letter(workspace, letter))
        composed = compose(facts.read(workspace, loaded.case_id), loaded)
        shown = letters.preview(composed)
        export.write(workspace, loaded.letter_id, shown.pdf, out, draft=True)
    _tell(composed, as_json=as_json, file=str(out))


@app.command()
def issue(
    letter: LetterName,
    out: Annotated[Path | None, typer.Option(help="Also write the PDF here; it is no longer encrypted there.")] = None,
    as_json: Json = False,
) -> None:
    """Send a letter: it is frozen, filed on its case and its reply clock starts."""
    from app.services.letters import export, letters, listing

    with open_workspace() as workspace:
        if out is not None:
            export.check_free(out)
        sent = letters.issue(workspace, letters.load(workspace, listing.find_letter(workspace, letter)))
        if out is not None:
            export.write(workspace, sent.letter_id, letters.issued_bytes(workspace, sent.letter_id), out)
    words = f"{sent.reference} to {sent.recipient} is recorded as sent. {sent.page_count} pages, sha256 {sent.sha256}"
    answer(sent, as_json=as_json, text=words)


@app.command()
def save(letter: LetterName, out: Out, as_json: Json = False) -> None:
    """Write a letter exactly as it was sent; the export is audited."""
    from app.services.letters import export, letters, listing

    with open_workspace() as workspace:
        letter_id = listing.find_letter(workspace, letter)
        export.write(workspace, letter_id, letters.issued_bytes(workspace, letter_id), out)
    answer({"letter": letter, "file": str(out)}, as_json=as_json, text=f"{letter} is written to {out}.")


@app.command("list")
def list_(case: Annotated[str, typer.Option(help="Only letters of this case.")] = "", as_json: Json = False) -> None:
    """List letters, the newest first."""
    from app.services.letters import listing

    with open_workspace() as workspace:
        found = listing.letters(workspace, case_id=listing.find_case(workspace, case) if case else None)
    lines = [
        f"{line.reference}  {line.state_words}: {line.title}, about {line.child_name}, "
        f"to {line.recipient or 'nobody yet'}"
        for line in found
    ]
    answer(found, as_json=as_json, text="\n".join(lines) or "No letters.")


def _typed(pairs: list[str]) -> dict[str, str]:
    from app.services.letters.merge import FIELDS

    typed = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in FIELDS:
            raise typer.BadParameter(f"{pair}: write field=value; the fields are those that “letter templates” shows.")
        typed[name] = value
    return typed


def _with_options(draft: "LetterDraft", typed: dict[str, str], delivery: str, points: int) -> "LetterDraft":
    from app.services.letters.measures import SIZES
    from app.services.letters.templates import template

    allowed = template(draft.template_id).front.delivery
    if delivery and delivery not in allowed:
        raise typer.BadParameter(f"The delivery of this letter is one of: {', '.join(allowed)}.")
    if points and points not in SIZES:
        raise typer.BadParameter("The size is 12, 16 or 18 points.")
    return replace(draft, typed=typed, delivery=delivery or draft.delivery, points=points or draft.points)


def _reader(facts: "Facts", draft: "LetterDraft", words: str) -> str:
    from app.services.letters.templates import template

    people = facts.recipients(template(draft.template_id).front.audience)
    found = [each for each in people if words.casefold() in each.label.casefold()]
    if len(found) != 1:
        names = "; ".join(each.label for each in people) or "nobody"
        raise typer.BadParameter(f"“{words}” fits {len(found)} people. The case has: {names}.")
    return found[0].key


def _tell(composed: "Composed", *, as_json: bool, file: str = "") -> None:
    draft = composed.draft
    said: dict[str, Any] = {
        "letter_id": draft.letter_id,
        "reference": draft.reference,
        "title": composed.template.front.title,
        "recipient": composed.recipient.label if composed.recipient else "",
        "can_be_sent": not composed.blocked,
        "issues": [{"level": str(i.level), "text": i.text, "field": i.field} for i in composed.issues],
    }
    if file:
        said["file"] = file
    lines = [f"{draft.reference}: {said['title']} to {said['recipient'] or 'nobody yet'} ({draft.letter_id})"]
    lines += [f"  {issue.level}: {issue.text}" for issue in composed.issues]
    answer(said, as_json=as_json, text="\n".join(lines))
