"""Whether a vault's databases are sound, and how much they hold.

What opening looks at is cheap: that both files are there, that the first page of each is authentic and that
``cases.db`` has its tables. A damaged page in the middle shows when it is read; :func:`look_through` reads every page
of both files, in the background, each day before the daily backup and after Rollcall was not closed in order.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.exc import DatabaseError

from app.models import AuditEntry, Case, ChangeSetRow, Child, Document, SyncState
from app.models.terms import ChangeState
from app.services.backup.files import live_file
from app.services.damage import mark_damage
from app.services.locking import WRITING
from app.services.vault import pages
from app.services.vault.database import VaultDamaged, connect
from app.services.vault.keys import DataKeys
from app.services.vault.migrate import stored_revision
from app.timesource import TimeSource

if TYPE_CHECKING:
    from app.services.vault.vault import Vault

LOOKED_THROUGH = "pages_looked_through_at"
"""Name in ``sync_state`` of the last time every page was read and found whole."""
EVERY = timedelta(hours=20)
"""Each day, before the daily backup: a backup of a damaged file would push whole ones out."""


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
    damaged = [
        f"{name} has {count} damaged {'page' if count == 1 else 'pages'}. It is kept untouched. Lock Rollcall and "
        "unlock it to have it rebuilt."
        for name, count in look_through(vault.folder, vault.keys).items()
        if count
    ]
    if damaged:
        return VaultReport(False, damaged, "", 0, 0, 0, 0, 0)
    try:
        return _check(vault)
    except (DatabaseError, VaultDamaged):
        # A page that is authentic and still makes no sense ends the reading of whatever stands on it.
        return VaultReport(False, ["cases.db is damaged. It is kept untouched."], "", 0, 0, 0, 0, 0)


def look_through(
    folder: Path, keys: DataKeys, *, step: pages.Step | None = None, cancelled: Callable[[], bool] | None = None
) -> dict[str, int]:
    """Read every page of both databases while people work, and mark the vault when one is not what was written.

    Args:
        folder: of the vault.
        keys: the data keys.
        step: told of bytes.
        cancelled: asked between pieces; what is not read then counts as whole.

    Returns:
        By file name how many pages are damaged.

    Raises:
        OSError: a file cannot be read.
    """
    found = {}
    for name, key in (("cases.db", keys.cases), ("documents.db", keys.documents)):
        with live_file(folder / name) as descriptor:
            size = (folder / name).stat().st_size
            read = pages.reader(descriptor)
            bad = set(pages.damaged_pages(read, size, key, step=step, cancelled=cancelled))
            if bad:
                bad -= pages.in_log(folder / f"{name}-wal")
                # What was carried over from the log in between is whole in the file now.
                code_key = pages.mac_key(key, read(0, pages.SALT))
                bad = {page for page in bad if not pages.is_whole(pages.page_at(read, page), page, code_key)}
        found[name] = len(bad)
        if found[name]:
            mark_damage(folder, name)
    return found


def look_is_due(engine: Engine, time: TimeSource) -> bool:
    """Return whether it is some time since every page was read."""
    with engine.connect() as connection:
        stored = connection.execute(select(SyncState.value).where(SyncState.name == LOOKED_THROUGH)).scalar()
    try:
        return stored is None or time.now() - datetime.fromisoformat(stored) >= EVERY
    except (ValueError, TypeError):
        return True


def look_before_backup(vault: "Vault", cancelled: Callable[[], bool]) -> None:
    """Read every page when that is due: when a day has gone by, or Rollcall was not closed in order.

    Raises:
        VaultDamaged: one is damaged; the vault is marked, and no backup should be made of it.
    """
    if not (vault.was_unclean or look_is_due(vault.engine, vault.time)):
        return
    found = look_through(vault.folder, vault.keys, cancelled=cancelled)
    if cancelled():
        return
    damaged = next((name for name, count in found.items() if count), "")
    if not damaged and vault.was_unclean:
        damaged = _out_of_order(vault)
    if damaged:
        raise VaultDamaged(damaged, f"A part of {damaged} could not be read, so no backup was made of it.")
    vault.was_unclean = False
    note_look(vault.engine, vault.time)


def _out_of_order(vault: "Vault") -> str:
    """Return the name of a database whose pages are each whole and do not fit together, or an empty text.

    A log that lost its end in a crash can bring earlier pages back over later ones.
    """
    for name, key in (("cases.db", vault.keys.cases), ("documents.db", vault.keys.documents)):
        with closing(connect(vault.folder / name, key)) as connection:
            try:
                found = connection.execute("PRAGMA integrity_check(1)").fetchone()
            except VaultDamaged:
                return name
        if found is None or found[0] != "ok":
            mark_damage(vault.folder, name)
            return name
    return ""


def note_look(engine: Engine, time: TimeSource) -> None:
    """Remember that every page was read and found whole."""
    value = time.now().astimezone(UTC).isoformat()
    with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
        connection.execute(insert(SyncState).prefix_with("OR REPLACE"), {"name": LOOKED_THROUGH, "value": value})


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
