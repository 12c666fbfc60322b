"""The lives of this store: a restored one has forgotten, so it must not pass for the one that laptops knew.

A life (*epoch*) begins when an operator says that the database was restored, or when the database is found in another
place than before: another cluster, another database, or another timeline (a standby was promoted, or the log was
replayed to an earlier moment). That is looked at on every new connection, so before anything is written over one. The
new life begins after the newest revision of that moment, and laptops hand back what they hold of later ones; after a
clean failover there is nothing to hand back.

A database that was put back in its place, as a snapshot of its machine is, looks as before. Then a laptop notices that
the log does not hold what it had from it. The store believes its own receipts, and begins a new life after the last
entry that the log still has of those the laptop knows.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Engine, bindparam, event, text
from sqlalchemy.dialects.postgresql import ARRAY

from app.logs import get_logger
from app.services.sync.protocol import receipt_statement_of
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.store_protocol import Epochs, KnownEntry

_EPOCHS: Final = "epochs"
_PLACE: Final = "place"
_MOST: Final = 2000
NUMBERS_SKIPPED: Final = 1000
"""Case numbers that are left out of each year at a new life: blocks of them may have been lent and forgotten."""
_WHERE: Final = """
SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE
         (SELECT system_identifier::text FROM pg_control_system())
         || '/' || (SELECT oid::text FROM pg_database WHERE datname = current_database())
         || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,
       (SELECT value FROM central_fact WHERE name = 'place'),
       (SELECT value FROM central_fact WHERE name = 'epochs')
"""
_ENTRY: Final = text("SELECT change_set_id::text FROM change_log WHERE revision = :revision")
_ENTRIES: Final = text(
    "SELECT revision, change_set_id::text AS id, encode(sha256(body), 'hex') AS digest FROM change_log"
    " WHERE revision = ANY(:revisions)"
).bindparams(bindparam("revisions", type_=ARRAY(BigInteger)))
_PUT: Final = (
    "INSERT INTO central_fact (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


class EpochBook:
    """Knows the lives of the store; refreshed with every connection that is made."""

    def __init__(self, engine: Engine) -> None:
        """Look, and look again on each new connection. The schema must be there."""
        self._engine = engine
        self._epochs: list[tuple[str, int]] = []
        event.listen(engine, "connect", lambda connection, _record: self._look(connection))
        pooled = engine.raw_connection()
        try:
            self._look(pooled.driver_connection)
        finally:
            pooled.close()

    @property
    def current(self) -> str:
        """The name of this life."""
        return self._epochs[-1][0] if self._epochs else ""

    def other(self, named: str) -> bool:
        """Return whether a laptop last spoke with another life of the store."""
        return bool(named) and named != self.current

    def forgot(self, known: tuple[int, str] | None) -> bool:
        """Return whether the log does not hold an entry that a laptop had from it.

        Args:
            known: its revision and its change set; None where the laptop names none.
        """
        if known is None:
            return False
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            there = connection.execute(_ENTRY, {"revision": known[0]}).scalar()
        return there != known[1]

    def compare(self, life: str, known: Sequence[KnownEntry], receipts: ReceiptChecker) -> int | None:
        """Find out what of the log a laptop knows better, and begin a new life where its receipts prove it.

        Args:
            life: the one the laptop last spoke with; the new one has begun already where it is not this.
            known: some entries as it knows them.
            receipts: checks the store's own.

        Returns:
            The last revision up to which the log holds what it knows; None where it holds all.
        """
        ordered = sorted(known, key=lambda entry: entry.revision)
        with self._engine.connect() as connection:
            rows = connection.execute(_ENTRIES, {"revisions": [entry.revision for entry in ordered]})
            there = {row.revision: (row.id, row.digest) for row in rows}
        agreed = _agreed(ordered, lambda entry: there.get(entry.revision, ("", ""))[0] == entry.id)
        proven = [entry for entry in ordered if _is_proven(entry, receipts)]
        told = _agreed(proven, lambda entry: there.get(entry.revision, ("", ""))[1] == entry.digest)
        if told is not None and life == self.current:
            self.begin(after=told, ending=life)
        return agreed

    def answer(self) -> Epochs:
        """Return all lives."""
        return Epochs(list(self._epochs))

    def begin(self, *, after: int | None = None, ending: str | None = None) -> int:
        """Begin a new life: the database was restored.

        Args:
            after: the revision it begins after; the newest by default.
            ending: only where this is still the present life: two laptops may notice at once.

        Returns:
            The revision it begins after.
        """
        pooled = self._engine.raw_connection()
        driver: Any = pooled.driver_connection
        try:
            place = driver.execute(_WHERE).fetchone()[0]
            revision = self._begin(driver, place, after=after, ending=ending)
            # Other processes look again with their next connection.
            driver.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND application_name = 'rollcall'"
            )
            driver.commit()
        finally:
            pooled.close()
        return revision

    def _look(self, driver: Any) -> None:
        place, known, stored = driver.execute(_WHERE).fetchone()
        if place is not None and place != known:
            self._begin(driver, place, if_not=place)
        else:
            self._epochs = _decoded(stored)
            driver.rollback()

    def _begin(
        self,
        driver: Any,
        place: str | None,
        *,
        if_not: str | None = None,
        after: int | None = None,
        ending: str | None = None,
    ) -> int:
        revision = int(driver.execute("SELECT value FROM revision_counter FOR UPDATE").fetchone()[0])
        _, known, stored = driver.execute(_WHERE).fetchone()
        epochs = _decoded(stored)
        begun_already = ending is not None and bool(epochs) and epochs[-1][0] != ending
        if (if_not is None or known != if_not) and not begun_already:
            # A store of the version before this one has lost nothing by that.
            since = revision if after is None else min(after, revision)
            epochs = [*epochs, (_new_name(epochs), since if epochs else 0)][-_MOST:]
            if epochs[1:]:
                driver.execute("UPDATE number_counter SET next = next + %s", (NUMBERS_SKIPPED,))
                get_logger().warning("a new life of the store", revision=revision, count=len(epochs))
            driver.execute(_PUT, (_EPOCHS, msgspec.json.encode(epochs).decode()))
            if place is not None:
                driver.execute(_PUT, (_PLACE, place))
        driver.commit()
        self._epochs = epochs
        return revision


def _agreed(ordered: Sequence[KnownEntry], is_there: Callable[[KnownEntry], bool]) -> int | None:
    """Return the revision of the last entry before the first that is not there; None where all are."""
    last = 0
    for entry in ordered:
        if not is_there(entry):
            return min(last, entry.revision - 1)  # another may have taken its place since
        last = entry.revision
    return None


def _is_proven(entry: KnownEntry, receipts: ReceiptChecker) -> bool:
    statement = receipt_statement_of(entry.digest, entry.revision, entry.state)
    return bool(entry.receipt) and receipts.fits(statement, entry.receipt)


def _new_name(epochs: Sequence[tuple[str, int]]) -> str:
    """Return a name that no life had before: a laptop that knows it would take the new life for the old."""
    known = {name for name, _ in epochs}
    while (name := secrets.token_hex(6)) in known:
        pass
    return name


def _decoded(stored: str | None) -> list[tuple[str, int]]:
    return msgspec.json.decode(stored, type=list[tuple[str, int]]) if stored else []
