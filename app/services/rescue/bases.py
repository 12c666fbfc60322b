"""What a database is rebuilt on: the damaged file itself put right, a backup's copy, or a new empty one."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.errors import EnvironmentFault
from app.models import SYNCED_TABLES, AuditEntry, ChangeSetRow, DeviceKey
from app.services.backup.listing import Backup, list_backups, list_in
from app.services.backup.second import second_place
from app.services.backup.words import shown_size
from app.services.documents.store import DocumentStore
from app.services.durable import sync_file
from app.services.locking import WRITING
from app.services.rescue import copies
from app.services.rescue.copies import READY, WORKING, Judged
from app.services.rescue.report import Source
from app.services.vault import Unlocked
from app.services.vault.database import open_engine
from app.services.vault.lifeboat_format import Identity
from app.services.vault.lifeboat_meeting import put_back_identity
from app.services.vault.migrate import bring_up_to_date

Say = Callable[[str], None]
_BLOCK = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Base:
    """A database that stands ready beside the damaged one.

    Attributes:
        path: of the ready file.
        source: what it came from.
    """

    path: Path
    source: Source


def mended(unlocked: Unlocked, name: str, key: bytes, found: Judged, say: Say) -> tuple[Base | None, Path | None]:
    """Return the damaged file put right by its own codes, if it is whole then.

    Args:
        unlocked: the keys.
        name: of the database.
        key: of it.
        found: what is the matter with it.
        say: told in words what is being done.

    Returns:
        The base or None; and the copy that is not whole but may still be read in part, or None.
    """
    path = unlocked.folder / name
    working = path.with_name(name + WORKING)
    if not path.exists() or path.stat().st_size == 0:
        return None, None
    say(f"Reading {name} page by page")
    if not copies.mended_copy(path, working, key, copies.TABLES[name]).sound:
        return None, working
    copies.close_log(working, key)
    return Base(_ready(working, name), Source("mended", name, pages=len(found.pages))), None


def from_backup(unlocked: Unlocked, name: str, key: bytes, second: Path | None, say: Say) -> Base | None:
    """Return the newest backup's copy of a database that is whole to its last byte and page.

    Args:
        unlocked: the keys.
        name: of the database.
        key: of it.
        second: the folder of second copies, when there is one; it need not be reached.
        say: told in words what is being done.
    """
    working = unlocked.folder / (name + WORKING)
    found = list_backups(unlocked.folder, unlocked.keys)
    if second is not None:
        found += list_in(second_place(second, unlocked.file.header.vault), unlocked.keys)
    for info in sorted(found, key=lambda info: info.made_at, reverse=True):
        say(f"Reading the backup of {info.made_at:%d %B %Y}")
        if not _copied(info, name, working):
            continue
        if not copies.judge(working, key, copies.TABLES[name]).sound:
            continue
        return Base(_ready(working, name), Source("backup", name, info.name, made_at=info.made_at.isoformat()))
    copies.remove(working)
    return None


def new_cases(unlocked: Unlocked, key: bytes, identity: Identity | None) -> Base:
    """Return an empty database with this laptop's identity, where the lifeboat has it."""
    working = unlocked.folder / ("cases.db" + WORKING)
    copies.remove(working)
    engine = open_engine(working, key, create=True)
    try:
        bring_up_to_date(engine, "vault")
        if identity is not None:
            with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
                put_back_identity(connection, identity)
    finally:
        engine.dispose()
    copies.close_log(working, key)
    return Base(_ready(working, "cases.db"), Source("new", "cases.db"))


def new_documents(unlocked: Unlocked, key: bytes) -> Base:
    """Return an empty store of document bytes."""
    working = unlocked.folder / ("documents.db" + READY)
    copies.remove(working)
    engine = open_engine(working, key, create=True)
    try:
        DocumentStore(engine).create_schema()
    finally:
        engine.dispose()
    copies.close_log(working, key)
    return Base(working, Source("new", "documents.db"))


def migrate(path: Path, key: bytes) -> None:
    """Bring a backup's database to this version's schema."""
    engine = open_engine(path, key)
    try:
        bring_up_to_date(engine, "vault")
    finally:
        engine.dispose()
    copies.close_log(path, key)


def counts(engine: Engine) -> dict[str, int]:
    """Return how many records, own change sets, audit entries a database holds."""
    with Session(engine) as session:
        own = select(DeviceKey.device_id)
        models: list[Any] = list(SYNCED_TABLES.values())
        return {
            "records": sum(session.scalar(select(func.count()).select_from(model)) or 0 for model in models),
            "change_sets": session.scalar(
                select(func.count()).select_from(ChangeSetRow).where(ChangeSetRow.device_id.in_(own))
            )
            or 0,
            "audit_entries": session.scalar(select(func.count()).select_from(AuditEntry)) or 0,
        }


def _copied(info: Backup, name: str, target: Path) -> bool:
    """Copy a backup's file and return whether it is what the manifest promises."""
    entry = info.manifest.entry(name)
    copies.remove(target)
    digest, size = hashlib.sha256(), 0
    try:
        source = (info.folder / name).open("rb")
    except OSError:
        return False
    with closing(source), target.open("xb") as stream:
        while block := source.read(_BLOCK):
            digest.update(block)
            size += len(block)
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())
    return entry is not None and (entry.size, entry.sha256) == (size, digest.hexdigest())


def _ready(working: Path, name: str) -> Path:
    """Give a finished copy the name under which an interrupted rebuild is taken up again."""
    sync_file(working)
    ready = working.with_name(name + READY)
    copies.remove(ready)
    return working.replace(ready)


def room_for(folder: Path, names: list[str]) -> None:
    """Refuse to begin without room for the copies.

    Raises:
        EnvironmentFault: says how much is missing.
    """
    needed = sum((folder / name).stat().st_size for name in names if (folder / name).exists())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EnvironmentFault(
            f"Rebuilding needs {shown_size(needed)} and the disk has {shown_size(free)} left. Make room, then unlock "
            "again. Nothing was changed."
        )
