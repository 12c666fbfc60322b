"""What has to be true of a vault after its writer was killed, whatever the moment."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from app.models import (
    SYNCED_TABLES,
    AuditEntry,
    Case,
    CaseEvent,
    CaseRow,
    ChangeSetRow,
    Document,
    Draft,
    ReferenceLease,
    School,
    Task,
)
from app.models.terms import ChangeState
from app.services import audit, drafts
from app.services.backup.listing import list_backups, verify_backup
from app.services.capture import CapturingSession, Unit
from app.services.locking import WRITING
from app.services.rescue.replay import replay
from app.services.rows import keep_connection
from app.services.vault import Vault
from app.services.vault.check import check_vault
from app.services.vault.database import open_engine
from app.services.vault.lifeboat_reading import LifeboatContents, read_lifeboat
from app.timesource import TimeSource
from tests.kills.vaults import clock, opened

Reports = list[dict[str, Any]]


class Failed(AssertionError):
    """Something that was promised is not so."""


def check(folder: Path, reports: Reports, *, scratch: Path, cut: bool = False) -> dict[str, Any]:
    """Open what is left and compare it with what was reported.

    Args:
        folder: the vault as the kill left it.
        reports: what the writer said, in order.
        scratch: a folder with an empty database under the vault's key (``empty.db``).
        cut: unsynced bytes were lost too, so a commit that nobody reported may be in one file and not in the other.

    Returns:
        Counts, for the summary.

    Raises:
        Failed: says what is missing.
    """
    last = reports[-1]
    time = clock(last["seconds"] + 1)
    as_left = (folder / "lifeboat.log").read_bytes() if (folder / "lifeboat.log").exists() else b""
    vault = opened(folder, time)
    try:
        (scratch / "as-left.log").write_bytes(as_left)
        left = read_lifeboat(scratch / "as-left.log", vault.keys.lifeboat)
        _every_report_is_in_the_lifeboat(left, last)
        _the_databases_are_sound(vault)
        for report in reports:
            _what_was_reported_is_there(vault, report)
        _drafts_are_there(vault, reports)
        now = read_lifeboat(folder / "lifeboat.log", vault.keys.lifeboat)
        _the_lifeboat_covers(vault, now)
        _replays_to_the_same(vault, now, scratch, time)
        # Without a power cut the lifeboat that the kill left has at least what the database has.
        if not cut and (left.change_sets != now.change_sets or left.audit_entries != now.audit_entries):
            _replays_to_the_same(vault, left, scratch, time)
        found = vault.lifeboat.caught_up
        return {
            "sets": len(now.change_sets),
            "redone": found.redone if found else 0,
            "anew": bool(found and found.made_anew),
            "torn": left.torn,
        }
    finally:
        vault.close()


def _expect(so: bool, words: str) -> None:
    if not so:
        raise Failed(words)


def _every_report_is_in_the_lifeboat(left: LifeboatContents, last: dict[str, Any]) -> None:
    _expect(not left.damaged, f"the lifeboat has damaged records: {left.damaged[:5]}")
    sequences = {own.sequence for own in left.change_sets}
    missing = set(range(1, last["change_set"] + 1)) - sequences
    _expect(not missing, f"reported change sets are not in the lifeboat: {sorted(missing)[:5]}")
    entries = {entry.sequence for entry in left.audit_entries}
    missing = set(range(1, last["entry"] + 1)) - entries
    _expect(not missing, f"reported audit entries are not in the lifeboat: {sorted(missing)[:5]}")


def _the_databases_are_sound(vault: Vault) -> None:
    report = check_vault(vault)
    _expect(report.sound, f"a database is not sound: {report.findings[:5]}")
    with open_engine(vault.folder / "documents.db", vault.keys.documents).connect() as connection:
        findings = [row[0] for row in connection.execute(text("PRAGMA integrity_check")) if row[0] != "ok"]
    _expect(not findings, f"documents.db is not sound: {findings[:5]}")
    with vault.workspace().read() as session:
        chain = audit.verify(session)
    _expect(chain.finding is None, f"the audit chain does not verify: {chain.finding}")


def _what_was_reported_is_there(vault: Vault, report: dict[str, Any]) -> None:
    model = {"note": CaseEvent, "task": Task, "case": Case}.get(report["what"])
    with vault.workspace().read() as session:
        _expect(
            (session.scalar(select(func.max(ChangeSetRow.sequence))) or 0) >= report["change_set"],
            "a reported change set is not there",
        )
        if model is not None:
            _expect(session.get(model, report["id"]) is not None, f"a reported {report['what']} is not there")
        if report["what"] == "case":
            _expect(session.get(CaseRow, report["id"]) is not None, "a reported case is not in the list")
        if report["what"] == "schools":
            count = session.scalar(select(func.count()).select_from(School)) or 0
            _expect(count >= report["rows"], f"{count} of {report['rows']} imported schools are there")
        if report["what"] == "document":
            known = session.scalar(select(Document.size).where(Document.sha256 == report["sha256"]))
            _expect(known is not None, "a reported document is not there")
    if report["what"] == "document":
        content = vault.workspace().documents.get(report["sha256"])
        _expect(hashlib.sha256(content).hexdigest() == report["sha256"], "a document's bytes are not its own")
    if report["what"] == "backup":
        kept = {info.name for info in list_backups(vault.folder, vault.keys)}
        if report["name"] in kept:  # the rotation may have removed it again
            verify_backup(vault.folder / "backups" / report["name"], vault.keys)
        _expect(bool(kept), "no backup is there")


def _drafts_are_there(vault: Vault, reports: Reports) -> None:
    typed: dict[str, str] = {}
    for report in reports:
        if report["what"] == "draft":
            typed[report["case"]] = report["text"]
        elif report["what"] == "note":
            typed.pop(report["case"], None)
    ws = vault.workspace()
    # The call in which the writer died may have replaced or used up one more.
    differing = [case for case, words in typed.items() if drafts.load_draft(ws, drafts.note_key(case)) != words]
    _expect(len(differing) <= 1, f"{len(differing)} reported drafts are not there")


def _the_lifeboat_covers(vault: Vault, contents: LifeboatContents) -> None:
    _expect(not vault.lifeboat.behind, "the lifeboat is behind")
    carried = {own.id for own in contents.change_sets}
    with vault.workspace().read() as session:
        waiting = set(session.scalars(select(ChangeSetRow.id).where(ChangeSetRow.state == ChangeState.PENDING)))
    _expect(waiting <= carried, f"{len(waiting - carried)} waiting change sets are not in the lifeboat")


def _replays_to_the_same(vault: Vault, contents: LifeboatContents, scratch: Path, time: TimeSource) -> None:
    path = scratch / "replayed.db"
    shutil.copyfile(scratch / "empty.db", path)
    engine = open_engine(path, vault.keys.cases)
    try:
        with _applying(engine, time) as session:
            done = replay(session, contents)
        _expect(not done.waiting, f"{len(done.waiting)} change sets did not apply whole")
        with _applying(engine, time) as session:
            again = replay(session, contents)
        _expect(not again.applied, "a second replay changed something")
        here, there = _contents(vault.engine), _contents(engine)
        for table, rows in here.items():
            _expect(rows == there[table], f"{table} is not the same after the replay: {len(rows)}/{len(there[table])}")
    finally:
        engine.dispose()
        path.unlink(missing_ok=True)


@contextmanager
def _applying(engine: Engine, time: TimeSource) -> Iterator[Session]:
    with CapturingSession(engine.execution_options(**{WRITING: True}), expire_on_commit=False) as session:
        session.info.update(unit=Unit(None, "Rollcall", "", "Put back", time, None, applying=True), time=time)
        with session.begin():
            keep_connection(session)
            yield session


def _contents(engine: Engine) -> dict[str, list[Any]]:
    """Return every row of every record, and of what is this laptop's own."""
    models: list[Any] = [*SYNCED_TABLES.values(), ChangeSetRow, Draft, ReferenceLease, CaseRow]
    with engine.connect() as connection:
        found: dict[str, list[Any]] = {
            str(model.__tablename__): sorted(map(repr, connection.execute(select(model.__table__)))) for model in models
        }
        entries = select(AuditEntry.sequence, AuditEntry.body, AuditEntry.hash).order_by(AuditEntry.sequence)
        found["audit_entry"] = list(map(repr, connection.execute(entries)))
    return found


def read_reports(path: Path) -> Reports:
    """Return the whole lines that the writer got out before it died."""
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [json.loads(line) for line in whole.split(b"\n") if line]
