"""A vault with work of every kind in it, and the truth about it, to compare with after a fault."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.errors import EnvironmentFault, UserError
from app.models import SYNCED_TABLES, ChangeSetRow, Document, Draft, ReferenceLease
from app.models.terms import DocumentState
from app.services import audit, cases
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.drafts import note_key, save_draft
from app.services.rescue.rebuild import rebuild
from app.services.rescue.report import RebuildReport
from app.services.vault import Vault, VaultDamaged, unlock
from app.services.vault.check import look_through
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE
from tests.services.casework import add_child, open_isla

SPOKEN = (UserError, EnvironmentFault)
"""What may be raised at people: it says what happened."""


@dataclass
class Truth:
    """Everything that was committed.

    Attributes:
        rows: of every synced table.
        sets: own change sets: sequence, id, body.
        head: length and last hash of the audit chain.
        contents: hashes of documents whose bytes are whole.
    """

    rows: dict[str, list[Any]]
    sets: list[tuple[int, str, bytes]]
    drafts: dict[str, str]
    numbers: list[int]
    head: tuple[int, str]
    contents: set[str]


def truth_of(vault: Vault) -> Truth:
    """Read everything."""
    ws = vault.workspace()
    with ws.read() as session:
        rows = {
            name: sorted(
                tuple(str(row[column]) for column in model.__table__.c.keys())  # noqa: SIM118
                for row in session.execute(select(model.__table__)).mappings()
            )
            for name, model in SYNCED_TABLES.items()
        }
        sets = [
            (row.sequence, row.id, row.body)
            for row in session.execute(
                select(ChangeSetRow.sequence, ChangeSetRow.id, ChangeSetRow.body)
                .where(ChangeSetRow.device_id == ws.actor.device_id)
                .order_by(ChangeSetRow.sequence)
            )
        ]
        drafts = {row.key: row.text for row in session.scalars(select(Draft))}
        numbers = [lease.next for lease in session.scalars(select(ReferenceLease))]
        verified = audit.verify(session)
        hashes = list(session.scalars(select(Document.sha256)))
    assert verified.finding is None, verified.finding
    contents = set()
    for sha256 in hashes:
        if ws.documents.complete(sha256):
            assert hashlib.sha256(ws.documents.get(sha256)).hexdigest() == sha256
            contents.add(sha256)
    return Truth(rows, sets, drafts, numbers, (verified.entries, verified.head), contents)


def add_document(ws: Workspace, content: bytes, title: str) -> None:
    """Put a document's bytes and record in, as intake does."""
    sha256 = ws.documents.put(content, "application/pdf")
    with ws.write("Added a document") as session:
        session.add(
            Document(
                sha256=sha256,
                size=len(content),
                media_type="application/pdf",
                page_count=1,
                state=DocumentState.TO_LINK,
                arrived_at=ws.time.now(),
                title=title,
                reading={},
                rotation={},
            )
        )


def fill(vault: Vault, *, children: int = 120) -> str:
    """Do a morning's work and return the id of the case in it."""
    ws = vault.workspace()
    case_id = open_isla(ws)
    for number in range(children):
        add_child(ws, f"Child{number}", "Merrow")
    cases.add_note(ws, case_id, text="Rang the school. " * 400)
    add_document(ws, bytes(range(256)) * 2500, "A long letter")
    return case_id


def work_on(vault: Vault, case_id: str) -> None:
    """Do some more work: what the lifeboat has and no backup."""
    ws = vault.workspace()
    cases.add_note(ws, case_id, text="Rang the aunt.")
    add_child(ws, "Tomas", "Merrow")
    add_document(ws, bytes(range(255)) * 900, "A short letter")
    save_draft(ws, note_key(case_id), "She said that")
    ws.audit(audit.Action.READ, "case", case_id)


def back_up_now(vault: Vault) -> None:
    """Make a backup."""
    back_up(vault.folder, vault.keys, vault.engine, time=vault.time, reason=Reason.REQUESTED)


def open_or_rebuild(folder: Path, time: FrozenTime) -> tuple[Vault, RebuildReport | None]:
    """Do what the window does: open, look every page through, and rebuild when something is damaged."""
    unlocked = unlock(folder, PASSPHRASE, time=time)
    try:
        vault = unlocked.open()
    except VaultDamaged:
        report = rebuild(unlocked)
        return unlocked.open(), report
    if not any(look_through(folder, vault.keys).values()):
        return vault, None
    vault.close()
    return open_or_rebuild(folder, time)
