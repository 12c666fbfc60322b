"""``rollcall import``: schools, codes, Common Transfer Files and lists of deletion returns."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.context import Json, answer, open_workspace
from app.services.exchange.report import ImportReport

app = typer.Typer()

File = Annotated[Path, typer.Argument(help="The file to bring in.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Report what would happen; change nothing.")]
Report = Annotated[Path | None, typer.Option("--report", help="Save the refused rows here as CSV, to put right.")]


@app.command()
def gias(file: File, dry_run: DryRun = False, report: Report = None, as_json: Json = False) -> None:
    """Import the GIAS extract of establishments."""
    _list("gias", file, dry_run=dry_run, report=report, as_json=as_json)


@app.command("gias-links")
def gias_links(file: File, dry_run: DryRun = False, report: Report = None, as_json: Json = False) -> None:
    """Import the GIAS extract of predecessors and successors."""
    _list("gias-links", file, dry_run=dry_run, report=report, as_json=as_json)


@app.command("la-codes")
def la_codes(file: File, dry_run: DryRun = False, report: Report = None, as_json: Json = False) -> None:
    """Import local authority codes."""
    _list("la-codes", file, dry_run=dry_run, report=report, as_json=as_json)


@app.command()
def deletions(file: File, dry_run: DryRun = False, report: Report = None, as_json: Json = False) -> None:
    """Import a list of deletion returns (CSV or Excel); good rows become draft referrals."""
    _list("deletions", file, dry_run=dry_run, report=report, as_json=as_json)


@app.command()
def ctf(
    file: File,
    dry_run: DryRun = False,
    report: Report = None,
    accept: Annotated[
        bool, typer.Option("--accept-matches", help="Take a single strong match as the same child.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import a Common Transfer File. Pupils who may be known are left out and listed unless matches are accepted."""
    from app.services.exchange import ctf as ctf_file
    from app.services.exchange.ctf_reader import MAX_BYTES
    from app.services.exchange.tabular import read_bytes

    content = read_bytes(file, MAX_BYTES)
    parsed = ctf_file.read(content)
    with open_workspace() as ws:
        plan = ctf_file.plan(ws, parsed, file_name=file.name)
        # A person decides who is who: without their word a match is listed, not taken.
        ask = ctf_file.Decision(ctf_file.ASK)
        decisions = {one.pupil.number: ask for one in plan.pupils if one.candidates and not accept}
        done = ctf_file.apply(ws, plan, decisions, dry_run=dry_run)
    _tell(done, report, as_json=as_json)


def _list(key: str, file: Path, *, dry_run: bool, report: Path | None, as_json: bool) -> None:
    from app.services.exchange.detect import run_list
    from app.services.exchange.tabular import REFERENCE_BYTES, read_bytes

    content = read_bytes(file, REFERENCE_BYTES)
    with open_workspace() as ws:
        done = run_list(ws, key, content, file_name=file.name, dry_run=dry_run)
    _tell(done, report, as_json=as_json)


def _tell(done: ImportReport, report: Path | None, *, as_json: bool) -> None:
    """Answer with the report; exit status 1 when rows were read and every one was refused."""
    saves = report is not None and bool(done.bad_rows and done.header)
    if report is not None and saves:
        report.write_bytes(done.bad_rows_csv())
    lines = [done.summary]
    for issue in done.issues[:50]:
        where = f"line {issue.line}" + (f", {issue.column}" if issue.column else "")
        lines.append(f"  {issue.severity.value:<8} {where}: {issue.why}")
    hidden = len(done.issues) - 50
    if hidden > 0:
        lines.append(f"  and {hidden:,} more; --report FILE or --json has them")
    if report is not None and saves:
        lines.append(f"Refused rows saved to {report.name}. Put them right and import that file.")
    answer(_plain(done), as_json=as_json, text="\n".join(lines))
    if done.refused and done.refused == done.rows_read:
        raise typer.Exit(1)


def _plain(done: ImportReport) -> dict[str, object]:
    return {
        "kind": done.kind,
        "file": done.file_name,
        "encoding": done.encoding,
        "rows": done.rows_read,
        "added": done.added,
        "changed": done.changed,
        "unchanged": done.unchanged,
        "refused": done.refused,
        "queries": done.queries,
        "warnings": done.warnings,
        "dry_run": done.dry_run,
        "referrals": done.created_ids,
        "issues": [
            {"line": issue.line, "column": issue.column, "what": issue.severity.value, "why": issue.why}
            for issue in done.issues
        ],
    }
