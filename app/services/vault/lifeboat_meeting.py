"""Bringing a database and its lifeboat together when a vault opens, and what a fresh lifeboat is made of.

Equal ends (the newest audit entry stands in both) mean that nothing is amiss: every commit of records appends one.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, Engine, Table, delete, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import AuditEntry, ChangeSetRow, DeviceKey, Draft, ReferenceLease, SyncState, User
from app.models.terms import ChangeState
from app.services import audit
from app.services.capture import CapturingSession, Unit, unit_of
from app.services.journal import AUDIT_BACKED_UP, IDENTITY_FACTS
from app.services.locking import WRITING
from app.services.redo import redo
from app.services.rows import driver, keep_connection
from app.services.signing import Signer
from app.services.vault.lifeboat import Lifeboat, LifeboatLostError
from app.services.vault.lifeboat_format import CarriedDraft, CarriedEntry, CarriedSet, Identity, Record
from app.services.vault.lifeboat_reading import LifeboatContents, read_lifeboat
from app.services.wire import complete, fields_of, row_from_wire, to_wire
from app.timesource import TimeSource

KEPT_NOWHERE_ELSE = (ChangeState.PENDING, ChangeState.REFUSED)
"""What the central store has not taken: refused work stays on the laptop until a person has dealt with it."""
_PART_BYTES = 1 << 20
_PART_ENTRIES = 1000
_NEWEST = "SELECT sequence, hash FROM audit_entry ORDER BY sequence DESC LIMIT 1"
Newest = tuple[int, bytes]
"""Sequence and hash of an audit entry."""
_ENTRY = cast("Table", AuditEntry.__table__)
_SET = cast("Table", ChangeSetRow.__table__)
_USER = cast("Table", User.__table__)
PERSON = "person"
"""Name among the facts of an identity of the person's own record, as JSON."""
_LEASE = cast("Table", ReferenceLease.__table__)


@dataclass(slots=True)
class CaughtUp:
    """What bringing them together did.

    Attributes:
        redone: change sets that the database had lost and has again.
        entries: audit entries that it had lost and has again.
        waiting: change sets among the redone whose records come with the next sync.
        made_anew: the lifeboat was written again from the database.
        damaged: numbers of its records that could not be read.
        set_aside: the name under which a damaged or foreign lifeboat is kept, or empty.
    """

    redone: int = 0
    entries: int = 0
    waiting: int = 0
    made_anew: bool = False
    damaged: list[int] = field(default_factory=list)
    set_aside: str = ""


def meet(boat: Lifeboat, engine: Engine, time: TimeSource, *, newest: Newest | None = None) -> CaughtUp:
    """Bring both to the same state; quick when they are.

    Args:
        boat: need not be open.
        engine: of ``cases.db``.
        time: the clock.
        newest: the database's newest audit entry, where it was asked for a moment ago.

    Raises:
        OSError: the lifeboat cannot be read or written; the database is as it was.
        sqlalchemy.exc.DatabaseError: the database cannot be read or is locked.
    """
    try:
        last = boat.open()
        if last is not None and last.entries:
            entry = last.entries[-1]
            if (entry.sequence, entry.hash) == (newest or _newest(engine)):
                return CaughtUp()
    except LifeboatLostError:
        pass
    with _session(engine, time) as session:
        return _meet(session, boat, time)


def carried_records(connection: Connection) -> Iterator[Record]:
    """Yield what a fresh lifeboat holds: who this laptop is, what waits, audit entries kept nowhere else, drafts."""
    drafts = [
        CarriedDraft(row.key, row.user_id, row.text, row.saved_at.isoformat())
        for row in connection.execute(select(Draft.key, Draft.user_id, Draft.text, Draft.saved_at))
    ]
    yield Record(identity=identity_of(connection), drafts=drafts)
    part = Record()
    size = 0
    for carried in _waiting(connection):
        part.change_sets.append(carried)
        size += len(carried.body)
        if size >= _PART_BYTES:
            yield part
            part, size = Record(), 0
    if part.change_sets:
        yield part
    entries = connection.execute(
        select(_ENTRY.c.sequence, _ENTRY.c.body, _ENTRY.c.hash)
        .where(_ENTRY.c.sequence >= audit_safe_to(connection))  # with the newest safe one, by which the end is known
        .order_by(_ENTRY.c.sequence)
        .execution_options(yield_per=_PART_ENTRIES)
    )
    for some in entries.partitions():
        yield Record(entries=[CarriedEntry(*row) for row in some])


def identity_of(connection: Connection) -> Identity:
    """Return who this laptop is."""
    device = connection.execute(select(DeviceKey.device_id, DeviceKey.name, DeviceKey.private_key)).first()
    facts = connection.execute(select(SyncState.name, SyncState.value).where(SyncState.name.in_(IDENTITY_FACTS)))
    leases = connection.execute(select(_LEASE.c.year, _LEASE.c.first, _LEASE.c.last, _LEASE.c.next))
    return Identity(
        device.device_id if device else None,
        device.name if device else "",
        device.private_key if device else b"",
        {row.name: row.value for row in facts} | _person(connection),
        sorted((row.year, row.first, row.last, row.next) for row in leases),
    )


def _person(connection: Connection) -> dict[str, str]:
    """Return the record of whose laptop this is: it came from the central store, so no change set here has it."""
    user_id = connection.execute(select(SyncState.value).where(SyncState.name == "user_id")).scalar()
    row = connection.execute(select(_USER).where(_USER.c.id == user_id)).mappings().first()
    return {PERSON: msgspec.json.encode({name: to_wire(row[name]) for name in row}).decode()} if row else {}


def audit_safe_to(connection: Connection) -> int:
    """Return the newest audit entry that stands in a proven backup, or 0.

    The central store countersigns the chain's head and has none of its entries: from there they could not come back.
    """
    backed_up = connection.execute(select(SyncState.value).where(SyncState.name == AUDIT_BACKED_UP)).scalar()
    return int(backed_up) if backed_up and backed_up.isdigit() else 0


@contextmanager
def _session(engine: Engine, time: TimeSource) -> Iterator[Session]:
    """Yield a session with the write lock, in which nothing is captured."""
    with CapturingSession(engine.execution_options(**{WRITING: True}), expire_on_commit=False) as session:
        session.info["unit"] = Unit(None, "Rollcall", "", "Put back", time, None, applying=True)
        session.info["time"] = time
        with session.begin():
            keep_connection(session)
            yield session


def newest_in(bare: Any) -> Newest | None:
    """Return the newest entry of the audit chain; None when there is none.

    Args:
        bare: the driver's connection.
    """
    row: Newest | None = bare.execute(_NEWEST).fetchone()
    return row


def _newest(engine: Engine) -> Newest | None:
    pooled = engine.raw_connection()
    try:
        return newest_in(pooled.dbapi_connection)
    finally:
        pooled.close()


def _meet(session: Session, boat: Lifeboat, time: TimeSource) -> CaughtUp:
    connection, done = session.connection(), CaughtUp()
    contents = _read(boat)
    foreign = False
    if contents is not None:
        done.damaged = contents.damaged
        foreign = not _continues(connection, contents)
        if not foreign:
            _put_back(session, contents, done, time)
    unread = contents is not None and contents.torn and not contents.commits  # another vault's, or damaged all over
    if foreign or unread or done.damaged or (contents is None and boat.path.exists()):
        done.set_aside = set_aside(boat, time)
    if contents is None or foreign or not boat.is_open or done.redone or done.entries or _lacks(connection, contents):
        boat.make(carried_records(connection))
        done.made_anew = True
    return done


def _read(boat: Lifeboat) -> LifeboatContents | None:
    if boat.is_open:
        # Whoever is cutting back an aborted commit ends first.
        boat.hold()
        boat.release()
    try:
        return read_lifeboat(boat.path, boat.key)
    except UserError:
        return None


def _continues(connection: Connection, contents: LifeboatContents) -> bool:
    """Return whether both tell the same history: no audit entry differs between them."""
    sequences = [entry.sequence for entry in contents.audit_entries]
    if not sequences:
        return True
    # Each hash covers all before it, so the newest that both have speaks for the rest.
    newest = connection.execute(select(func.max(_ENTRY.c.sequence))).scalar() or 0
    shared = [entry for entry in contents.audit_entries if entry.sequence <= newest][-1:]
    return all(
        connection.execute(select(_ENTRY.c.hash).where(_ENTRY.c.sequence == entry.sequence)).scalar() == entry.hash
        for entry in shared
    )


def _put_back(session: Session, contents: LifeboatContents, done: CaughtUp, time: TimeSource) -> None:
    """Write again what the database has lost: one unreported commit after a crash, more after a damaged journal."""
    connection = session.connection()
    newest = dict(
        connection.execute(select(_SET.c.device_id, func.max(_SET.c.sequence)).group_by(_SET.c.device_id)).all()
    )
    lost = [own for own in contents.change_sets if own.sequence > newest.get(own.device, 0)]
    if lost:
        redone = redo(session, lost)
        done.redone, done.waiting = len(redone.applied) + len(redone.waiting), len(redone.waiting)
    done.entries = put_back_entries(session, contents)
    put_back_leases(connection, contents)
    put_back_drafts(connection, contents)
    if done.redone > 1:
        link = audit.append(
            session,
            at=time.now(),
            actor_id=None,
            actor_name="Rollcall",
            action=audit.Action.PUT_BACK,
            detail={"change_sets": done.redone, "entries": done.entries},
        )
        _seal_chain(session, link)


def put_back_entries(session: Session, contents: LifeboatContents) -> int:
    """Continue the audit chain with the entries that follow on its end, and return how many."""
    connection = session.connection()
    newest = connection.execute(
        select(_ENTRY.c.sequence, _ENTRY.c.hash).order_by(_ENTRY.c.sequence.desc()).limit(1)
    ).first()
    sequence, head = (newest.sequence, newest.hash) if newest else (0, audit.GENESIS)
    following = []
    for entry in contents.audit_entries:
        if entry.sequence <= sequence:
            continue
        if entry.sequence != sequence + 1 or audit.entry_hash(head, entry.body) != entry.hash:
            break  # one in between could not be read: the chain cannot be continued beyond it
        following.append((entry.sequence, entry.body, entry.hash))
        sequence, head = entry.sequence, entry.hash
    if following:
        driver(connection).executemany("INSERT INTO audit_entry (sequence, body, hash) VALUES (?, ?, ?)", following)
        _seal_chain(session, audit.Link(*following[-1]))
    return len(following)


def _seal_chain(session: Session, link: audit.Link) -> None:
    """Renew the laptop's own seal: those of the lost entries were lost with them."""
    device = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).first()
    if device is not None:
        at = unit_of(session).time.now()
        audit.seal(session, link, device_id=device.device_id, signer=Signer(device.private_key), at=at)


def put_back_identity(connection: Connection, identity: Identity) -> None:
    """Give an empty database this laptop's key, its person and its central store; what it has already stays."""
    if identity.device_id is not None:
        values = {"device_id": identity.device_id, "name": identity.name, "private_key": identity.seed}
        connection.execute(insert(DeviceKey).values(values).on_conflict_do_nothing())
    for name, value in identity.facts.items():
        if name == PERSON:
            known = set(fields_of(User.__tablename__))
            wire = {each: had for each, had in msgspec.json.decode(value).items() if each in known}
            row = complete(User, row_from_wire(User, wire))
            connection.execute(insert(_USER).values(row).on_conflict_do_nothing())
        else:
            connection.execute(insert(SyncState).values(name=name, value=value).on_conflict_do_nothing())


def put_back_leases(connection: Connection, contents: LifeboatContents) -> None:
    """Move blocks of case numbers on to where the lifeboat knows them: no number is ever given twice."""
    for year, first, last, following in contents.leases:
        fresh = insert(ReferenceLease).values(year=year, first=first, last=last, next=following)
        further = func.max(_LEASE.c.next, fresh.excluded.next)
        connection.execute(fresh.on_conflict_do_update(index_elements=["year", "first"], set_={"next": further}))


def put_back_drafts(connection: Connection, contents: LifeboatContents) -> None:
    """Put back drafts that are newer than what the database has; dropped ones stay dropped."""
    stored = dict(connection.execute(select(Draft.key, Draft.saved_at)).all())
    for draft in contents.drafts:
        saved_at, known = datetime.fromisoformat(draft.saved_at), stored.get(draft.key)
        if not draft.text:
            if known is not None and known <= saved_at:
                connection.execute(delete(Draft).where(Draft.key == draft.key))
        elif draft.user_id is not None and (known is None or known < saved_at):
            values = {"text": draft.text, "saved_at": saved_at, "user_id": draft.user_id}
            fresh = insert(Draft).values(key=draft.key, **values)
            connection.execute(fresh.on_conflict_do_update(index_elements=["key"], set_=values))


def _lacks(connection: Connection, contents: LifeboatContents) -> bool:
    """Return whether the lifeboat is damaged or lacks something that the database has and that is kept nowhere else."""
    if contents.damaged or contents.torn or contents.unfinished or contents.identity != identity_of(connection):
        return True
    carried = {own.id for own in contents.change_sets}
    for state in KEPT_NOWHERE_ELSE:
        waiting = connection.execute(select(_SET.c.id).where(_SET.c.state == state)).scalars()
        if any(set_id not in carried for set_id in waiting):
            return True
    known = {entry.sequence for entry in contents.audit_entries}
    needed = connection.execute(select(_ENTRY.c.sequence).where(_ENTRY.c.sequence > audit_safe_to(connection)))
    return any(sequence not in known for sequence in needed.scalars())


def _waiting(connection: Connection) -> Iterator[CarriedSet]:
    for state in KEPT_NOWHERE_ELSE:
        rows = connection.execute(
            select(_SET.c.id, _SET.c.device_id, _SET.c.sequence, _SET.c.body, _SET.c.signature, _SET.c.actor_name)
            .where(_SET.c.state == state)
            .order_by(_SET.c.sequence)
            .execution_options(yield_per=100)
        )
        for row in rows:
            yield CarriedSet(row.id, row.device_id, row.sequence, row.body, row.signature, row.actor_name)


def set_aside(boat: Lifeboat, time: TimeSource) -> str:
    """Keep a copy of a damaged or foreign lifeboat and return its name."""
    folder = boat.path.parent / "set-aside"
    folder.mkdir(mode=0o700, exist_ok=True)
    stem = f"lifeboat {time.now():%Y-%m-%d %H%M%S}"
    kept, count = folder / f"{stem}.log", 1
    while kept.exists():
        count += 1
        kept = folder / f"{stem} {count}.log"
    shutil.copyfile(boat.path, kept)
    return kept.name
