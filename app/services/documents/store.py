"""The bytes of documents, by hash, in 256 KiB chunks: what ``documents.db`` holds.

Content is addressed by the SHA-256 of the whole and travels by the SHA-256 of its chunks, so that a sync moves only
what is missing, in any order, and a damaged byte is always noticed. Nothing here knows what a document means.
"""

import hashlib
import threading
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from app.errors import EnvironmentFault
from app.services.documents.chunks import (
    CHUNK,
    CHUNK_BYTES,
    CONTENT,
    CONTENT_CHUNK,
    MAX_CONTENT_BYTES,
    METADATA,
    QUERY_BATCH,
    Content,
    ContentDamaged,
    ContentMissing,
    Made,
    chunk_count,
    insert_chunk,
    insert_manifests,
    made_of,
    missing,
    remove,
)
from app.services.room import is_full

if TYPE_CHECKING:
    from app.services.documents.render import Pages

__all__ = [
    "CHUNK_BYTES",
    "MAX_CONTENT_BYTES",
    "Content",
    "ContentDamaged",
    "ContentMissing",
    "DocumentStore",
    "Made",
    "chunk_count",
]
_WRITING = "rollcall_writing"  # the execution option on which the vault's engines begin with the write lock
_REMOVE_BATCH = 50
_INCREMENTAL = 2  # SQLite's number for auto_vacuum = INCREMENTAL


class DocumentStore:
    """Content-addressed bytes in an encrypted database; safe to use from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pages: Pages | None = None
        self._pages_lock = threading.Lock()

    @cached_property
    def _writer(self) -> Engine:
        """Takes the write lock at once: a read that turns into a write could be refused half-way."""
        return self._engine.execution_options(**{_WRITING: True})

    @property
    def pages(self) -> "Pages":
        """The drawn pages of this store's documents; closed with it: a locked vault leaves no page in memory."""
        with self._pages_lock:
            if self._pages is None:
                from app.services.documents.render import Pages

                self._pages = Pages(self)
            return self._pages

    def create_schema(self) -> None:
        """Create the tables that are missing."""
        pooled = self._engine.raw_connection()
        try:  # one small question at every unlock instead of SQLAlchemy's look at each table
            bare: Any = pooled.dbapi_connection
            tables = {row[0] for row in bare.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                # Before the first table, so that room can be given back to the disk later; the empty file is made anew.
                bare.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
                bare.execute("VACUUM")
        finally:
            pooled.close()
        if not tables.issuperset(METADATA.tables):
            METADATA.create_all(self._engine)

    def put(self, data: bytes, media_type: str) -> str:
        """Store bytes whole, in one transaction; storing them again changes nothing.

        Returns:
            The SHA-256 of the bytes.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        pieces = [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]
        hashes = [hashlib.sha256(piece).hexdigest() for piece in pieces]
        with self._writer.begin() as connection:
            _insert_manifest(connection, Made(sha256, len(data), media_type, hashes))
            for hash_, piece in zip(hashes, pieces, strict=True):
                insert_chunk(connection, hash_, piece)
        self._carry_over()
        return sha256

    def _carry_over(self) -> None:
        """Carry new bytes from the log over into the database file: until they are sent they exist nowhere else.

        A log that is cut short loses its end, and a damaged page of the file can be put right exactly. Somebody who
        reads meanwhile is not waited for.
        """
        pooled = self._engine.raw_connection()
        try:
            bare: Any = pooled.dbapi_connection
            waits = bare.execute("PRAGMA busy_timeout").fetchone()[0]
            bare.execute("PRAGMA busy_timeout = 0")
            try:
                bare.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except Exception as error:
                # They are committed, in the log: a disk that is full or in the way takes nothing back.
                if not (is_full(error) or isinstance(error, EnvironmentFault)):
                    raise
            finally:
                bare.execute(f"PRAGMA busy_timeout = {int(waits)}")
        finally:
            pooled.close()

    def get(self, sha256: str) -> bytes:
        """Return the whole content, verified against its hash.

        Raises:
            ContentMissing: not, or not all, here.
            ContentDamaged: what is stored is not what the hash promises.
        """
        with self._engine.connect() as connection:
            known = connection.scalar(select(CONTENT.c.size).where(CONTENT.c.sha256 == sha256))
            if known is None:
                raise missing()
            rows = connection.execute(
                select(CHUNK.c.data)
                .select_from(CONTENT_CHUNK.outerjoin(CHUNK, CHUNK.c.hash == CONTENT_CHUNK.c.hash))
                .where(CONTENT_CHUNK.c.sha256 == sha256)
                .order_by(CONTENT_CHUNK.c.position)
            ).scalars()
            pieces: list[bytes] = []
            for piece in rows:
                if piece is None:
                    raise missing()
                pieces.append(piece)
        data = b"".join(pieces)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ContentDamaged(
                "The stored pages of this document are damaged. Sync to fetch them again. The record is kept."
            )
        return data

    def has(self, sha256: str) -> bool:
        """Return whether a manifest of this content is here (its bytes may still be on their way)."""
        with self._engine.connect() as connection:
            return connection.scalar(select(CONTENT.c.size).where(CONTENT.c.sha256 == sha256)) is not None

    def size(self, sha256: str) -> int:
        """Return the content's size in bytes.

        Raises:
            ContentMissing: no manifest of it is here.
        """
        return self._known(sha256).size

    def describe(self, sha256: str) -> Content | None:
        """Return what is known of a content, or None when no manifest of it is here."""
        with self._engine.connect() as connection:
            row = connection.execute(select(CONTENT).where(CONTENT.c.sha256 == sha256)).one_or_none()
            if row is None:
                return None
            total, present = connection.execute(
                select(func.count(), func.count(CHUNK.c.hash))
                .select_from(CONTENT_CHUNK.outerjoin(CHUNK, CHUNK.c.hash == CONTENT_CHUNK.c.hash))
                .where(CONTENT_CHUNK.c.sha256 == sha256)
            ).one()
        return Content(row.sha256, row.size, row.media_type, total, total == present)

    def complete(self, sha256: str) -> bool:
        """Return whether the manifest and every chunk of it are here."""
        content = self.describe(sha256)
        return content is not None and content.complete

    def complete_among(self, sha256s: Iterable[str]) -> frozenset[str]:
        """Return those contents whose manifest and every chunk are here: one question for a whole list."""
        wanted = list(dict.fromkeys(sha256s))
        found: set[str] = set()
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), QUERY_BATCH):
                batch = wanted[start : start + QUERY_BATCH]
                known = set(connection.scalars(select(CONTENT.c.sha256).where(CONTENT.c.sha256.in_(batch))))
                lacking = connection.scalars(
                    select(CONTENT_CHUNK.c.sha256)
                    .outerjoin(CHUNK, CHUNK.c.hash == CONTENT_CHUNK.c.hash)
                    .where(CONTENT_CHUNK.c.sha256.in_(batch), CHUNK.c.hash.is_(None))
                    .distinct()
                )
                found |= known - set(lacking)
        return frozenset(found)

    def chunk_hashes(self, sha256: str) -> list[str]:
        """Return the hashes of the content's chunks, in order.

        Raises:
            ContentMissing: no manifest of it is here.
        """
        self._known(sha256)
        with self._engine.connect() as connection:
            return list(
                connection.scalars(
                    select(CONTENT_CHUNK.c.hash)
                    .where(CONTENT_CHUNK.c.sha256 == sha256)
                    .order_by(CONTENT_CHUNK.c.position)
                )
            )

    def missing_chunks(self, hashes: Iterable[str]) -> list[str]:
        """Return those of the hashes whose chunks are not here, each once, in the order given."""
        wanted = list(dict.fromkeys(hashes))
        present: set[str] = set()
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), QUERY_BATCH):
                batch = wanted[start : start + QUERY_BATCH]
                present.update(connection.scalars(select(CHUNK.c.hash).where(CHUNK.c.hash.in_(batch))))
        return [hash_ for hash_ in wanted if hash_ not in present]

    def get_chunk(self, hash_: str) -> bytes:
        """Return one chunk, verified.

        Raises:
            ContentMissing: it is not here.
            ContentDamaged: what is stored is not what the hash promises.
        """
        with self._engine.connect() as connection:
            data = connection.scalar(select(CHUNK.c.data).where(CHUNK.c.hash == hash_))
        if data is None:
            raise missing()
        if hashlib.sha256(data).hexdigest() != hash_:
            raise ContentDamaged("A stored page is damaged. Sync to fetch it again. The record is kept.")
        return bytes(data)

    def get_chunks(self, hashes: Sequence[str]) -> list[tuple[str, bytes]]:
        """Return those of some chunks, in the order given, that are here and what their hash promises."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(CHUNK).where(CHUNK.c.hash.in_(hashes))).all()
        good = {row.hash: bytes(row.data) for row in rows if hashlib.sha256(row.data).hexdigest() == row.hash}
        return [(hash_, good[hash_]) for hash_ in dict.fromkeys(hashes) if hash_ in good]

    def put_chunk(self, hash_: str, data: bytes) -> None:
        """Store one chunk that arrived; a damaged chunk already stored under this hash is replaced.

        Raises:
            ContentDamaged: the bytes are not what the hash promises, or more than a chunk may hold.
        """
        if self.put_chunks([(hash_, data)]):
            raise ContentDamaged("A page arrived damaged and was not kept. The next sync fetches it again.")

    def put_chunks(self, chunks: Iterable[tuple[str, bytes]]) -> list[str]:
        """Store chunks that arrived together, in one transaction; a damaged one already stored is replaced.

        Returns:
            The hashes of those that are not what their hash promises: they were not kept.
        """
        good: list[tuple[str, bytes]] = []
        bad: list[tuple[str, bytes]] = []
        for hash_, data in chunks:
            fits = len(data) <= CHUNK_BYTES and hashlib.sha256(data).hexdigest() == hash_
            (good if fits else bad).append((hash_, data))
        if good:
            statement = insert(CHUNK)
            with self._writer.begin() as connection:
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=[CHUNK.c.hash], set_={"data": statement.excluded.data}
                    ),
                    [{"hash": hash_, "data": data} for hash_, data in good],
                )
        return [hash_ for hash_, _ in bad]

    def add_manifest(self, sha256: str, size: int, media_type: str, chunk_hashes: Sequence[str]) -> None:
        """Note which chunks make a content, before or after they arrive.

        Raises:
            ContentDamaged: the manifest contradicts itself, or the one already here.
        """
        with self._writer.begin() as connection:
            _insert_manifest(connection, Made(sha256, size, media_type, chunk_hashes))

    def add_manifests(self, contents: Sequence[Made]) -> list[str]:
        """Do what :meth:`add_manifest` does for several contents, in one transaction.

        Returns:
            Those that contradict themselves, or what is noted here; nothing was noted of them.
        """
        if not contents:
            return []
        with self._writer.begin() as connection:
            return insert_manifests(connection, contents)

    def manifests(self, sha256s: Iterable[str]) -> dict[str, Made]:
        """Return what those of some contents are made of whose manifests are here."""
        wanted, found = list(dict.fromkeys(sha256s)), dict[str, Made]()
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), QUERY_BATCH):
                found |= made_of(connection, wanted[start : start + QUERY_BATCH])
        return found

    def forget_damaged(self, sha256: str) -> int:
        """Drop those chunks of a content whose stored bytes no longer match, so that a sync fetches them again.

        Returns:
            How many were dropped. Chunks that match are kept.
        """
        damaged = []
        for hash_ in self.chunk_hashes(sha256):
            try:
                self.get_chunk(hash_)
            except ContentDamaged:
                damaged.append(hash_)
            except ContentMissing:
                continue
        with self._writer.begin() as connection:
            for hash_ in damaged:
                connection.execute(delete(CHUNK).where(CHUNK.c.hash == hash_))
        return len(damaged)

    def remove(self, sha256s: Iterable[str]) -> int:
        """Take contents out, with those of their chunks that no other content is made of.

        Nothing here knows whether the bytes are anywhere else: that is for the caller to be sure of.

        Returns:
            Bytes of the chunks that went.
        """
        freed = 0
        wanted = list(dict.fromkeys(sha256s))
        for start in range(0, len(wanted), _REMOVE_BATCH):
            with self._writer.begin() as connection:
                freed += remove(connection, wanted[start : start + _REMOVE_BATCH])
        if wanted:
            self._shrink()
            if self._pages is not None:
                self._pages.forget(wanted)
        return freed

    def contents(self) -> frozenset[str]:
        """Return every content whose manifest is here."""
        with self._engine.connect() as connection:
            return frozenset(connection.scalars(select(CONTENT.c.sha256)))

    def fits(self, sha256: str) -> bool:
        """Return whether the content is here whole and its bytes are what the hash promises; one chunk at a time."""
        content = self.describe(sha256)
        if content is None or not content.complete:
            return False
        whole = hashlib.sha256()
        for hash_ in self.chunk_hashes(sha256):
            try:
                whole.update(self.get_chunk(hash_))
            except (ContentDamaged, ContentMissing):
                return False
        return whole.hexdigest() == sha256

    def _shrink(self) -> None:
        """Give pages that are free back to the disk, where the database was made so that it can."""
        pooled = self._engine.raw_connection()
        try:
            bare: Any = pooled.dbapi_connection
            if bare.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL:
                bare.execute("PRAGMA incremental_vacuum").fetchall()
        finally:
            pooled.close()
        self._carry_over()

    def close(self) -> None:
        """Forget drawn pages and close the connections to the database."""
        with self._pages_lock:
            if self._pages is not None:
                self._pages.close()
                self._pages = None
        self._engine.dispose()

    def _known(self, sha256: str) -> Content:
        content = self.describe(sha256)
        if content is None:
            raise missing()
        return content


def _insert_manifest(connection: Connection, content: Made) -> None:
    if insert_manifests(connection, [content]):
        raise ContentDamaged("A document's list of pages arrived damaged. The next sync fetches it again.")
