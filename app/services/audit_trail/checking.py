"""Verifying the audit for somebody: with the lifeboat, with progress, itself audited, and a report that can be kept."""

import time
from pathlib import Path

from app.errors import EnvironmentFault, UserError
from app.services.access import Permission, require
from app.services.audit import Action, AuditFinding, AuditResult, FindingKind, verify
from app.services.audit.verifying import Progress
from app.services.audit_trail import index
from app.services.sync import facts
from app.services.workspace import Workspace
from app.timesource import format_date, format_time, to_london

_TRIES = 3
_PAUSE_SECONDS = 0.2


def check(ws: Workspace, progress: Progress | None = None) -> AuditResult:
    """Verify the whole chain of this laptop; that somebody did, and what was found, is audited.

    Args:
        ws: the workspace.
        progress: told how far it is; returning False stops.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    for _ in range(_TRIES):
        boat = ws.lifeboat_links()
        with ws.read() as session:
            result = verify(session, lifeboat=boat, progress=progress)
        # The lifeboat is written just before the database: what somebody saves at this moment may stand in it alone.
        if result.finding is None or result.finding.kind is not FindingKind.TRUNCATED:
            break
        time.sleep(_PAUSE_SECONDS)
    if not result.stopped:
        found = result.finding.kind.value if result.finding else "nothing"
        ws.audit(Action.VERIFIED, detail={"entries": result.entries, "found": found})
        if result.finding is not None:
            index.rebuild(ws)
    return result


def refusal(ws: Workspace) -> str:
    """Return why the central store does not countersign this laptop's audit, in words; empty when it does."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        return facts.get(session, facts.AUDIT_REFUSED) or ""


def finding_words(finding: AuditFinding) -> str:
    """Return a finding as sentences."""
    words = f"The chain breaks at entry {finding.sequence:,}: {finding.what}."
    if finding.proof:
        words += f" {finding.proof[:1].upper()}{finding.proof[1:]}."
    if finding.proven_at is not None:
        words += f" The central store countersigned this entry as it was by {_moment(finding.proven_at)}."
    elif finding.kind is not FindingKind.UNPROVEN:
        words += " The central store had not countersigned it yet."
    return words


def result_words(result: AuditResult) -> str:
    """Return the outcome as sentences."""
    if result.stopped:
        return "Stopped. The audit is not verified."
    if result.finding is not None:
        return finding_words(result.finding)
    words = f"{result.entries:,} entries verified. Each follows from the one before; none was changed or taken out."
    if result.proven_at is not None:
        words += f" Countersigned by the central store up to entry {result.proven_to:,} on {_moment(result.proven_at)}."
    return words


def report_text(ws: Workspace, result: AuditResult) -> str:
    """Return a report for the file: what was verified, when, by whom, and everything that was found."""
    lines = [
        "Rollcall: verification of the audit of one laptop",
        "",
        f"Verified:  {_moment(ws.time.now())}, by {ws.actor.name}",
        f"Laptop:    {ws.actor.device_id}",
        f"Entries:   {result.last:,}",
        f"Head:      {result.head}",
        f"Proven:    {_proven(result)}",
        "",
        result_words(result),
    ]
    if len(result.findings) > 1:
        lines += ["", "Everything that was found:", *(f"- {finding_words(each)}" for each in result.findings)]
    refused = refusal(ws)
    if refused:
        lines += ["", f"The central store does not countersign this audit: {refused}"]
    return "\n".join(lines) + "\n"


def save_report(ws: Workspace, result: AuditResult, path: Path) -> None:
    """Write a report to a new file; it names no child.

    Raises:
        UserError: there is a file at that place already.
        EnvironmentFault: the place cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(report_text(ws, result))
    except FileExistsError as error:
        raise UserError("There is a file at that place already. Choose another name. Nothing was saved.") from error
    except OSError as error:
        raise EnvironmentFault("The report could not be saved there. Choose another place.") from error


def _proven(result: AuditResult) -> str:
    if result.proven_at is None:
        return "not by the central store yet"
    return f"up to entry {result.proven_to:,} by the central store, {_moment(result.proven_at)}"


def _moment(at: object) -> str:
    from datetime import datetime

    if not isinstance(at, datetime):
        return ""
    local = to_london(at)
    return f"{format_date(local.date())} at {format_time(at)}"
