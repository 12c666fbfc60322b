"""Keeping the lifeboat in step with the database at each commit.

The records of a commit are written before it, inside its transaction; while SQLite commits, a second thread syncs the
lifeboat; both are on the disk before the caller goes on. So after any crash the two differ by one unreported commit at
most, and :func:`app.services.vault.lifeboat_meeting.meet` brings them together when the vault opens.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.errors import UserError
from app.logs import get_logger
from app.services import audit
from app.services.locking import WRITING
from app.services.rows import connection_of
from app.services.vault.lifeboat import Flush, Lifeboat, LifeboatLostError, Place
from app.services.vault.lifeboat_format import CarriedDraft, CarriedEntry, CarriedSet, Record
from app.services.vault.lifeboat_meeting import CaughtUp, Newest, carried_records, identity_of, meet, set_aside
from app.services.vault.lifeboat_reading import read_lifeboat
from app.timesource import Stopwatch, TimeSource

PART_BYTES = 1 << 20
"""A large import goes into the lifeboat in pieces of about this size, so that it never stands in memory twice."""
TIDY_OVER = 1 << 20
"""Bytes; a smaller lifeboat is left as it is."""
_BEHIND = (
    "The second copy of unsynced work could not be written. Work is saved in the vault as usual. "
    "Sync soon, and ask for the disk to be checked."
)


class LifeboatKeeper:
    """The lifeboat of an open vault.

    Attributes:
        behind: why the file lacks something that the database has, in words; empty when it does not.
        caught_up: what opening found.
    """

    def __init__(self, boat: Lifeboat, engine: Engine, time: TimeSource) -> None:
        self.boat = boat
        self.behind = ""
        self.caught_up: CaughtUp | None = None
        self._engine = engine
        self._time = time

    def passage(self) -> "Carrying":
        """Return the passage of a new transaction."""
        return Carrying(self)

    def audit_links(self) -> list[audit.Link]:
        """Return the entries of the audit chain that the file holds; none when it cannot be read."""
        try:
            contents = read_lifeboat(self.boat.path, self.boat.key)
        except (UserError, OSError):
            return []
        return [audit.Link(entry.sequence, entry.body, entry.hash) for entry in contents.audit_entries]

    def catch_up(self, newest: Newest | None = None) -> CaughtUp:
        """Bring database and lifeboat together; quick when nothing is amiss.

        A lifeboat that cannot be written never keeps a vault shut: it is tried again with the next save.

        Args:
            newest: as for :func:`meet`.
        """
        try:
            done = meet(self.boat, self._engine, self._time, newest=newest)
        except (OSError, LifeboatLostError, OperationalError):
            self.fell_behind()
            return CaughtUp()
        self.behind, self.caught_up = "", done
        if done.redone or done.made_anew:
            get_logger().info("lifeboat met", count=done.redone, damaged=len(done.damaged))
        return done

    def make_anew(self, connection: Connection) -> bool:
        """Write the file again from the database, in a writing transaction; return whether it could be."""
        try:
            self.boat.make(carried_records(connection))
        except OSError:
            self.fell_behind()
            return False
        self.behind = ""
        return True

    def carry_identity(self, connection: Connection) -> None:
        """Write who this laptop is, in a writing transaction that changes it and carries nothing else."""
        if self.behind:
            return
        try:
            self.boat.hold()
            try:
                self.boat.append(Record(identity=identity_of(connection)))
                failure = self.boat.flush().wait()
            finally:
                self.boat.release()
        except (OSError, LifeboatLostError):
            self.fell_behind()
        else:
            if failure is not None:
                self.fell_behind()

    def tidy(self) -> None:
        """Leave out what is safe in the central store or in a backup, when the file has grown; mend a damaged one."""
        if not self.behind:
            if self._is_damaged():
                with suppress(OSError):
                    set_aside(self.boat, self._time)
            elif self.boat.place.end < TIDY_OVER:
                return
        before, writer = self.boat.place.end, self._engine.connect().execution_options(**{WRITING: True})
        try:
            with writer, writer.begin(), Stopwatch() as watch:
                self.make_anew(writer)
        except OperationalError:
            return  # another process writes, or the disk is full: after the next sync
        get_logger().info("lifeboat tidied", count=before - self.boat.place.end, seconds=watch.seconds)

    def _is_damaged(self) -> bool:
        """Read every record: damage in the middle is not met by writing at the end."""
        try:
            self.boat.hold()
            try:
                contents = read_lifeboat(self.boat.path, self.boat.key)
            finally:
                self.boat.release()
        except LifeboatLostError:
            return self.boat.path.exists()
        except (UserError, OSError):
            return True
        return bool(contents.damaged or contents.torn)

    def fell_behind(self) -> None:
        """Note that the file lacks something; it is made anew with the next commit."""
        if not self.behind:
            get_logger().warning("lifeboat behind")
        self.behind = _BEHIND

    def close(self) -> None:
        """Let go of the file."""
        self.boat.close()


class Carrying:
    """One transaction's way into the lifeboat (:class:`app.services.journal.Passage`)."""

    __slots__ = ("_flush", "_group", "_held", "_identity", "_keeper", "_record", "_remade", "_size", "_start")

    def __init__(self, keeper: LifeboatKeeper) -> None:
        self._keeper = keeper
        self._record = Record()
        self._size = 0
        self._identity = False
        self._held = False
        self._remade = False
        self._start = Place(0, 0)
        self._flush: Flush | None = None

    def add_change_set(self, row: Mapping[str, Any]) -> None:
        """Carry a change set: the row of ``change_set``."""
        carried = CarriedSet(
            row["id"], row["device_id"], row["sequence"], row["body"], row["signature"], row["actor_name"]
        )
        self._record.change_sets.append(carried)
        self._size += len(carried.body)
        if self._size > PART_BYTES:
            self._append(more=True)

    def add_draft(self, key: str, user_id: str | None, text: str, saved_at: str) -> None:
        """Carry a draft; empty text says that it was dropped."""
        self._record.drafts.append(CarriedDraft(key, user_id, text, saved_at))
        self._size += len(text) + 100

    def add_lease(self, year: int, first: int, last: int, following: int) -> None:
        """Carry how far a block of case numbers is used."""
        self._record.leases.append((year, first, last, following))
        self._size += 20

    def identity_changed(self) -> None:
        """Carry who this laptop is: its key, its person, its central store."""
        self._identity = True

    def seal(self, session: Session) -> None:
        """Write what is carried, with the session's audit entries, inside the transaction, just before its commit."""
        keeper = self._keeper
        for link in audit.links_of(session):
            self._record.entries.append(CarriedEntry(link.sequence, link.body, link.hash))
            self._size += 1
        if not (self._size or self._identity or self._held):
            return
        if keeper.behind:
            self._remade = keeper.make_anew(connection_of(session))
            return
        if self._identity:
            self._record.identity = identity_of(connection_of(session))
        self._append(more=False)
        if self._held:
            self._flush = keeper.boat.flush()
        else:
            self._remade = keeper.make_anew(connection_of(session))

    def arrive(self) -> None:
        """Wait, after the commit, until the second file is on the disk too."""
        if self._held:
            self._held = False
            self._keeper.boat.release()
        if self._flush is not None and self._flush.wait() is not None:
            self._keeper.fell_behind()

    def turn_back(self) -> None:
        """Take back what was written: the transaction was rolled back."""
        if self._remade:
            self._keeper.fell_behind()
        if self._held:
            self._held = False
            try:
                self._keeper.boat.cut(self._start)
            except OSError:
                self._keeper.fell_behind()
            finally:
                self._keeper.boat.release()

    def _append(self, *, more: bool) -> None:
        boat = self._keeper.boat
        try:
            if not self._held:
                boat.hold()
                self._held, self._start = True, boat.place
            if more and not self._record.group:
                self._record.group = int.from_bytes(os.urandom(7), "little")
            self._record.more = more
            boat.append(self._record)
        except (OSError, LifeboatLostError):
            self.turn_back()
            self._keeper.fell_behind()
        self._record = Record(self._record.group)
        self._size = 0
