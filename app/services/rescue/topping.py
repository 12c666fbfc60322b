"""What goes on top of a rebuilt ``cases.db``: the lifeboat, and a note that has the central store bring the rest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from app.models import AuditEntry, DeviceKey, Draft, ReferenceLease
from app.services import audit
from app.services.capture import CapturingSession, Unit, unit_of
from app.services.changes import decode
from app.services.locking import WRITING
from app.services.rescue import bases
from app.services.rescue.replay import replay
from app.services.rescue.report import RebuildReport, Source
from app.services.rows import driver, keep_connection
from app.services.signing import Signer
from app.services.sync import facts, recovery
from app.services.vault.lifeboat_reading import LifeboatContents
from app.timesource import TimeSource


@dataclass(slots=True)
class Topped:
    """What came on top.

    Attributes:
        awaiting: the central store may have more than is here.
        enrol_again: nobody knows any more who this laptop is.
    """

    sources: list[Source] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    awaiting: bool = False
    enrol_again: bool = False


def put_on_top(
    engine: Engine, base: Source, contents: LifeboatContents | None, time: TimeSource, say: Callable[[str], None]
) -> Topped:
    """Write what the lifeboat holds into a rebuilt database, in one transaction.

    Args:
        engine: on the new ``cases.db``.
        base: what it was rebuilt on.
        contents: of the lifeboat; None when it cannot be read.
        time: the clock.
        say: told in words what is being done.
    """
    done = Topped()
    known = bases.counts(engine)
    done.sources.append(msgspec.structs.replace(base, **known))
    say("Writing again what the lifeboat holds")
    with _session(engine, time) as session:
        before = _drafts(session)
        if contents is not None:
            redone = replay(session, contents)
            gap = _entries_beyond_a_gap(session, contents)
            if gap:
                done.losses.append(gap)
            taken = {*redone.applied, *redone.waiting}
            sets = [own for own in contents.change_sets if own.id in taken]
            made = sorted(decode(own.body).made_at for own in sets)
            done.sources.append(
                Source(
                    "lifeboat",
                    first_at=made[0] if made else "",
                    made_at=made[-1] if made else "",
                    records=sum(len(decode(own.body).changes) for own in sets),
                    change_sets=len(sets),
                    audit_entries=_count(session, AuditEntry) - known["audit_entries"],
                    drafts=max(0, _drafts(session) - before),
                )
            )
        if base.kind != "mended":
            _judge_completeness(session, base, contents, done)
    return done


def note_rebuild(engine: Engine, report: RebuildReport, time: TimeSource) -> None:
    """Write the rebuild into the audit chain, with counts only."""
    detail: dict[str, Any] = {
        "files": [file.name for file in report.files if file.wrong],
        "sources": [source.kind for source in report.sources],
        "set_aside": report.set_aside,
        "losses": len(report.losses),
    }
    with _session(engine, time) as session:
        link = audit.append(
            session, at=time.now(), actor_id=None, actor_name="Rollcall", action=audit.Action.REBUILT, detail=detail
        )
        seal(session, link, time)


def seal(session: Session, link: audit.Link, time: TimeSource) -> None:
    """Renew the laptop's own seal on the end of its chain."""
    device = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).first()
    if device is not None:
        audit.seal(session, link, device_id=device.device_id, signer=Signer(device.private_key), at=time.now())


@contextmanager
def _session(engine: Engine, time: TimeSource) -> Iterator[Session]:
    """Yield a writing session that captures nothing."""
    with CapturingSession(engine.execution_options(**{WRITING: True}), expire_on_commit=False) as session:
        session.info["unit"] = Unit(None, "Rollcall", "", "Rebuilt", time, None, applying=True)
        session.info["time"] = time
        with session.begin():
            keep_connection(session)
            yield session


def _judge_completeness(session: Session, base: Source, contents: LifeboatContents | None, done: Topped) -> None:
    """Say what may be missing, and see to it that the next sync brings it and no number is given twice."""
    device = session.execute(select(DeviceKey.device_id)).scalar()
    enrolled = facts.get(session, facts.SERVER) is not None
    done.enrol_again = device is None
    if enrolled:
        recovery.mark_behind(session)
        done.awaiting = True
    if contents is None:
        # Nobody knows how far the blocks of case numbers were used: they end here, and new ones are lent.
        session.connection().execute(delete(ReferenceLease))
        if base.kind == "new":
            done.losses.append("There was no backup and no lifeboat that could be read.")
        else:
            done.losses.append(_without_lifeboat(base, enrolled=enrolled))
    else:
        recovery.skip_used_numbers(session)
        if contents.damaged:
            count = len(contents.damaged)
            done.losses.append(
                f"{'1 record' if count == 1 else f'{count} records'} of the lifeboat could not be read. "
                + (
                    "What of it had been sent comes from the central store."
                    if enrolled
                    else "What stood in it and in no backup is lost."
                )
            )


def _without_lifeboat(base: Source, *, enrolled: bool) -> str:
    words = f"The lifeboat could not be read. What was saved after the {base.words().partition(':')[0].casefold()}"
    return words + (" and had not been sent is lost." if enrolled else " is lost.")


def _entries_beyond_a_gap(session: Session, contents: LifeboatContents) -> str:
    """Keep audit entries that do not follow on the chain's end, and say so: the verification will find the gap."""
    newest = session.execute(select(func.max(AuditEntry.sequence))).scalar() or 0
    beyond = [entry for entry in contents.audit_entries if entry.sequence > newest]
    if not beyond:
        return ""
    connection = driver(session.connection())
    rows = [(entry.sequence, entry.body, entry.hash) for entry in beyond]
    connection.executemany("INSERT INTO audit_entry (sequence, body, hash) VALUES (?, ?, ?)", rows)
    seal(session, audit.Link(*rows[-1]), unit_of(session).time)
    lost = beyond[0].sequence - newest - 1
    if not lost:
        return ""
    return (
        f"Audit entries {newest + 1} to {newest + lost} are in no source. Verifying the chain will say that they were "
        "removed: this report and its audit entry say why."
    )


def _drafts(session: Session) -> int:
    return _count(session, Draft)


def _count(session: Session, model: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0
