"""``rollcall audit``: read and verify the chain."""

from typing import Annotated

import typer
from sqlalchemy import select

from app.cli.context import Json, answer, open_workspace

app = typer.Typer()


@app.command()
def verify(as_json: Json = False) -> None:
    """Walk the whole chain; exit status 1 when an entry was edited, removed or reordered."""
    from app.services import audit

    with open_workspace() as workspace, workspace.read() as session:
        result = audit.verify(session)
    if result.finding is None:
        words = f"{result.entries} entries, each following from the one before. Head {result.head[:16]}."
    else:
        words = f"The chain breaks at entry {result.finding.sequence}: {result.finding.what}."
    answer(result, as_json=as_json, text=words)
    if result.finding is not None:
        raise typer.Exit(1)


@app.command()
def show(count: Annotated[int, typer.Option(help="How many, newest first.")] = 20, as_json: Json = False) -> None:
    """List the newest entries."""
    from app.models import AuditEntry
    from app.services.access import Permission, require

    with open_workspace() as workspace:
        require(workspace.actor, Permission.READ_AUDIT)
        with workspace.read() as session:
            entries = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc()).limit(count)).all()
            rows = [
                {
                    "sequence": entry.sequence,
                    "at": entry.at,
                    "who": entry.actor_name,
                    "action": entry.action,
                    "subject": f"{entry.subject_table} {entry.subject_id or ''}".strip(),
                }
                for entry in entries
            ]
    text = "\n".join(f"{row['sequence']:>6}  {row['at']:%Y-%m-%d %H:%M}  {row['who']}  {row['action']}" for row in rows)
    answer(rows, as_json=as_json, text=text)
