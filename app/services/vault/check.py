"""Whether a vault's databases are sound, and how much they hold."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from app.models import AuditEntry, Case, ChangeSetRow, Child, Document
from app.models.terms import ChangeState
from app.services.vault.migrate import stored_revision

if TYPE_CHECKING:
    from app.services.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class VaultReport:
    """What a check found.

    Attributes:
        sound: SQLite and SQLCipher found every page in order.
        schema: the schema revision.
    """

    sound: bool
    findings: list[str]
    schema: str
    children: int
    cases: int
    documents: int
    pending: int
    audit_entries: int


def check_vault(vault: "Vault") -> VaultReport:
    """Check every page's authentication code and structure, and count the records."""
    try:
        return _check(vault)
    except DatabaseError:
        # A page whose authentication code does not fit ends the reading of whatever stands on it.
        damaged = "A page of cases.db is damaged. It is kept untouched. Restore it from a backup."
        return VaultReport(False, [damaged], "", 0, 0, 0, 0, 0)


def _check(vault: "Vault") -> VaultReport:
    with vault.engine.connect() as connection:
        # First the authentication code of every page: it needs to understand none of them.
        findings = [row[0] for row in connection.execute(text("PRAGMA cipher_integrity_check"))]
        findings += [row[0] for row in connection.execute(text("PRAGMA integrity_check")) if row[0] != "ok"]
        findings += [f"foreign key: {row[0]}" for row in connection.execute(text("PRAGMA foreign_key_check"))]

        def count(model: type) -> int:
            return connection.execute(select(func.count()).select_from(model)).scalar_one()

        pending = connection.execute(
            select(func.count()).select_from(ChangeSetRow).where(ChangeSetRow.state == ChangeState.PENDING)
        ).scalar_one()
        return VaultReport(
            sound=not findings,
            findings=findings,
            schema=stored_revision(vault.engine) or "",
            children=count(Child),
            cases=count(Case),
            documents=count(Document),
            pending=pending,
            audit_entries=count(AuditEntry),
        )
