"""What the journey left behind, read back from both vaults and the central store."""

import hashlib
import json
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.demo.copies import Copy
from app.demo.laptops import PASSPHRASE
from app.demo.officer import Journey
from app.models import Case, CaseEvent, ChangeSetRow, Document, Letter, User
from app.models.terms import ChangeState, DocumentState
from app.services.letters import letters
from app.services.sync import facts
from app.services.vault import open_vault
from app.services.workspace import Workspace
from app.timesource import SystemTime


def write_summary(copy: Copy, journey: Journey, out: Path, pictures: list[str], stray: list[str]) -> dict[str, Any]:
    """Save the letter and ``summary.json`` in a folder and return the summary."""
    first, second = _read(copy.dawn, journey), _read(copy.ruth, journey)
    letter_file = f"{journey.letter_reference.replace('/', '-')}.pdf"
    (out / letter_file).write_bytes(first.pop("letter_bytes"))
    second_letter = second.pop("letter_bytes")
    summary = {
        "case": {
            "reference": journey.reference,
            "id": journey.case_id,
            "child": journey.child,
            "matched_with": journey.matched_with,
            "allocated_to": first["officer"],
        },
        "document": {
            "file": journey.document_name,
            "sha256": first["document"],
            "linked_to": journey.reference,
        },
        "letter": {
            "reference": journey.letter_reference,
            "file": letter_file,
            "sha256": hashlib.sha256((out / letter_file).read_bytes()).hexdigest(),
        },
        "revisions": {
            "central": _central_revision(copy),
            "first_laptop": first["revision"],
            "second_laptop": second["revision"],
        },
        "first_laptop": first,
        "second_laptop": {
            **second,
            "letter_is_the_same": hashlib.sha256(second_letter).hexdigest() == first["letter"],
        },
        "pending": first["pending"] + second["pending"],
        "stray_windows": stray,
        "screenshots": pictures,
    }
    text = json.dumps(summary, ensure_ascii=False, indent=1)
    (out / "summary.json").write_text(text + "\n", encoding="utf-8")
    return summary


def _read(folder: Path, journey: Journey) -> dict[str, Any]:
    vault = open_vault(folder, PASSPHRASE, time=SystemTime())
    try:
        ws = vault.workspace()
        return {"whose": ws.actor.name, **_held(ws, journey)}
    finally:
        vault.close()


def _held(ws: Workspace, journey: Journey) -> dict[str, Any]:
    """Return what a laptop holds of the case: records, the document's and the letter's bytes."""
    with ws.read() as session:
        case = session.get_one(Case, journey.case_id)
        document = session.scalars(
            select(Document).where(Document.case_id == case.id, Document.state == DocumentState.LINKED)
        ).one()
        letter = session.get_one(Letter, journey.letter_id)
        events = session.scalars(
            select(CaseEvent.title).where(CaseEvent.case_id == case.id).order_by(CaseEvent.happened_at)
        ).all()
        officer = session.get(User, case.officer_id) if case.officer_id else None
        states = select(func.count()).select_from(ChangeSetRow)
        held: dict[str, Any] = {
            "case": case.reference,
            "officer": officer.name if officer else "",
            "timeline": list(events),
            "document": document.sha256,
            "letter": letter.sha256,
            "pending": session.scalar(states.where(ChangeSetRow.state == ChangeState.PENDING)),
            "refused": session.scalar(states.where(ChangeSetRow.state == ChangeState.REFUSED)),
            "revision": facts.cursor(session),
            "cases": session.scalar(select(func.count()).select_from(Case)),
        }
    held["document_bytes_held"] = (
        hashlib.sha256(ws.documents.get(str(held["document"]))).hexdigest() == held["document"]
    )
    held["letter_bytes"] = letters.issued_bytes(ws, journey.letter_id)
    return held


def _central_revision(copy: Copy) -> int:
    from app.central.tables import change_log

    with copy.central.services.engine.connect() as connection:
        return int(connection.execute(select(func.max(change_log.c.revision))).scalar() or 0)
