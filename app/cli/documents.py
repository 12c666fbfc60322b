"""``rollcall document``: add, list, show, link and save correspondence."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.context import Json, answer, open_workspace

if TYPE_CHECKING:
    from app.services.workspace import Workspace

app = typer.Typer()
DocumentId = Annotated[str, typer.Argument(help="The document's id, or the last characters of it that are its own.")]


@app.command()
def add(
    files: Annotated[list[Path], typer.Argument(help="PDF, PNG, JPEG or TIFF files.")], as_json: Json = False
) -> None:
    """Add files to the tray, each on its own. Exit status 1 when any was not added."""
    from app.services.documents import intake

    with open_workspace() as workspace:
        report = intake.add_files(workspace, files)
    lines = [f"{added.name}: {added.known or 'added'} ({added.document_id})" for added in report.added]
    lines += [f"{refused.name}: not added. {refused.message}" for refused in report.refused]
    answer(report, as_json=as_json, text="\n".join(lines))
    if report.refused:
        raise typer.Exit(1)


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="to_link, set_aside, linked, not_for_us or issued.")] = "to_link",
    as_json: Json = False,
) -> None:
    """List the documents in a state, the newest first."""
    from app.models.terms import DocumentState
    from app.services.documents import suggest, tray

    if state not in {known.value for known in DocumentState}:
        raise typer.BadParameter("The state is to_link, set_aside, linked, not_for_us or issued.")
    with open_workspace() as workspace:
        rows = tray.list_documents(workspace, DocumentState(state))
        words = suggest.summaries(workspace, [row.id for row in rows]) if state in ("to_link", "set_aside") else {}
    lines = [
        "  ".join(part for part in (row.id, row.title, row.about, row.detail, words.get(row.id, ("", ""))[1]) if part)
        for row in rows
    ]
    answer(rows, as_json=as_json, text="\n".join(lines) or "No documents.")


@app.command()
def show(
    document: DocumentId,
    save: Annotated[Path | None, typer.Option(help="Save the original here; the export is audited.")] = None,
    as_json: Json = False,
) -> None:
    """Show a document, the cases it may belong to and why; save its original with --save."""
    from app.services.documents import export, suggest, tray

    with open_workspace() as workspace:
        found = tray.document(workspace, _find(workspace, document))
        tray.note_opened(workspace, found.id)
        candidates = suggest.suggest(workspace, found.id).candidates if found.case_id is None else ()
        if save is not None:
            export.export_document(workspace, found.id, save)
    lines = [found.title, f"{found.page_count} pages, {found.size:,} bytes, sha256 {found.sha256}"]
    lines += [f"Linked to {found.case_name}"] if found.case_name else []
    lines += list(found.warnings)
    for candidate in candidates:
        why = ", ".join(reason.words for reason in candidate.reasons)
        lines.append(f"{suggest.STRENGTH_WORDS[candidate.strength]}: {candidate.child_name}, {candidate.about} ({why})")
    if save is not None:
        lines.append(f"Saved to {save}")
    answer({"document": found, "candidates": candidates}, as_json=as_json, text="\n".join(lines))


@app.command()
def link(
    document: DocumentId,
    case: Annotated[str, typer.Argument(help="The case reference, such as CME-2026-00417.")],
    kind: Annotated[str, typer.Option(help="What it is: a key of resources/rules/document_kinds.toml.")] = "",
    sender: Annotated[str, typer.Option("--from", help="Who it is from.")] = "",
    received: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Today when left out.")] = None,
    task: Annotated[str, typer.Option(help="A follow-up task for yourself.")] = "",
    as_json: Json = False,
) -> None:
    """Put a document on a case, with its line on the timeline."""
    from app.services.documents import kinds, tray

    if kind and kind not in kinds.document_kinds():
        raise typer.BadParameter(f"The kind is one of: {', '.join(kinds.document_kinds())}.")
    with open_workspace() as workspace:
        found = tray.document(workspace, _find(workspace, document))
        received_on: date = received.date() if received else workspace.time.today()
        done = tray.link(
            workspace,
            found.id,
            tray.case_called(workspace, case),
            kind=kind or found.kind or "other",
            sender=sender or found.sender,
            received_on=received_on,
            follow_up_task=task,
        )
    answer(done, as_json=as_json, text=f"Linked to {case}.")


def _find(workspace: "Workspace", document: str) -> str:
    from app.services.documents import tray

    return tray.document_called(workspace, document)
