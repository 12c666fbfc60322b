"""The bytes of documents, by hash, in 256 KiB chunks: what ``documents.db`` holds.

Content is addressed by the SHA-256 of the whole and travels by the SHA-256 of its chunks, so that a sync moves only
what is missing, in any order, and a damaged byte is always noticed. Nothing here knows what a document means.
"""

import hashlib
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from app.errors import EnvironmentFault

if TYPE_CHECKING:
    from app.services.documents.render import Pages

CHUNK_BYTES = 256 * 1024
MAX_CONTENT_BYTES = 1024 * 1024 * 1024
"""What a manifest from outside may claim at most."""
_WRITING = "rollcall_writing"  # the execution option on which the vault's engines begin with the write lock
_HASH = re.compile(r"[0-9a-f]{64}")
_QUERY_BATCH = 500  # keeps well under SQLite's limit of bound parameters

_metadata = MetaData()

_chunk = Table(
    "chunk",
    _metadata,
    Column("hash", String, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
_content = Table(
    "content",
    _metadata,
    Column("sha256", String, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("media_type", String, nullable=False),
    sqlite_with_rowid=False,
)
_content_chunk = Table(
    "content_chunk",
    _metadata,
    Column("sha256", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("hash", String, nullable=False, index=True),
    sqlite_with_rowid=False,
)


class ContentMissing(EnvironmentFault):
    """The record is here and its bytes, or some of them, are not yet."""


class ContentDamaged(EnvironmentFault):
    """Stored or received bytes are not those that the hash promises."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is known of stored bytes.

    Attributes:
        sha256: of the whole, lower-case hexadecimal.
        size: bytes in the whole.
        chunk_count: how many chunks make the whole.
        complete: whether every chunk is here.
    """

    sha256: str
    size: int
    media_type: str
    chunk_count: int
    complete: bool


def chunk_count(size: int) -> int:
    """Return how many chunks hold ``size`` bytes (none for empty content)."""
    return -(-size // CHUNK_BYTES)


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
        finally:
            pooled.close()
        if not tables.issuperset(_metadata.tables):
            _metadata.create_all(self._engine)

    def put(self, data: bytes, media_type: str) -> str:
        """Store bytes whole, in one transaction; storing them again changes nothing.

        Returns:
            The SHA-256 of the bytes.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        pieces = [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]
        hashes = [hashlib.sha256(piece).hexdigest() for piece in pieces]
        with self._writer.begin() as connection:
            _insert_manifest(connection, sha256, len(data), media_type, hashes)
            for hash_, piece in zip(hashes, pieces, strict=True):
                _insert_chunk(connection, hash_, piece)
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
            bare.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
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
            known = connection.scalar(select(_content.c.size).where(_content.c.sha256 == sha256))
            if known is None:
                raise _missing()
            rows = connection.execute(
                select(_chunk.c.data)
                .select_from(_content_chunk.outerjoin(_chunk, _chunk.c.hash == _content_chunk.c.hash))
                .where(_content_chunk.c.sha256 == sha256)
                .order_by(_content_chunk.c.position)
            ).scalars()
            pieces: list[bytes] = []
            for piece in rows:
                if piece is None:
                    raise _missing()
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
            return connection.scalar(select(_content.c.size).where(_content.c.sha256 == sha256)) is not None

    def size(self, sha256: str) -> int:
        """Return the content's size in bytes.

        Raises:
            ContentMissing: no manifest of it is here.
        """
        return self._known(sha256).size

    def describe(self, sha256: str) -> Content | None:
        """Return what is known of a content, or None when no manifest of it is here."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_content).where(_content.c.sha256 == sha256)).one_or_none()
            if row is None:
                return None
            total, present = connection.execute(
                select(func.count(), func.count(_chunk.c.hash))
                .select_from(_content_chunk.outerjoin(_chunk, _chunk.c.hash == _content_chunk.c.hash))
                .where(_content_chunk.c.sha256 == sha256)
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
            for start in range(0, len(wanted), _QUERY_BATCH):
                batch = wanted[start : start + _QUERY_BATCH]
                known = set(connection.scalars(select(_content.c.sha256).where(_content.c.sha256.in_(batch))))
                lacking = connection.scalars(
                    select(_content_chunk.c.sha256)
                    .outerjoin(_chunk, _chunk.c.hash == _content_chunk.c.hash)
                    .where(_content_chunk.c.sha256.in_(batch), _chunk.c.hash.is_(None))
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
                    select(_content_chunk.c.hash)
                    .where(_content_chunk.c.sha256 == sha256)
                    .order_by(_content_chunk.c.position)
                )
            )

    def missing_chunks(self, hashes: Iterable[str]) -> list[str]:
        """Return those of the hashes whose chunks are not here, each once, in the order given."""
        wanted = list(dict.fromkeys(hashes))
        present: set[str] = set()
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), _QUERY_BATCH):
                batch = wanted[start : start + _QUERY_BATCH]
                present.update(connection.scalars(select(_chunk.c.hash).where(_chunk.c.hash.in_(batch))))
        return [hash_ for hash_ in wanted if hash_ not in present]

    def get_chunk(self, hash_: str) -> bytes:
        """Return one chunk, verified.

        Raises:
            ContentMissing: it is not here.
            ContentDamaged: what is stored is not what the hash promises.
        """
        with self._engine.connect() as connection:
            data = connection.scalar(select(_chunk.c.data).where(_chunk.c.hash == hash_))
        if data is None:
            raise _missing()
        if hashlib.sha256(data).hexdigest() != hash_:
            raise ContentDamaged("A stored page is damaged. Sync to fetch it again. The record is kept.")
        return bytes(data)

    def put_chunk(self, hash_: str, data: bytes) -> None:
        """Store one chunk that arrived; a damaged chunk already stored under this hash is replaced.

        Raises:
            ContentDamaged: the bytes are not what the hash promises, or more than a chunk may hold.
        """
        if len(data) > CHUNK_BYTES or hashlib.sha256(data).hexdigest() != hash_:
            raise ContentDamaged("A page arrived damaged and was not kept. The next sync fetches it again.")
        with self._writer.begin() as connection:
            connection.execute(
                insert(_chunk)
                .values(hash=hash_, data=data)
                .on_conflict_do_update(index_elements=[_chunk.c.hash], set_={"data": data})
            )

    def add_manifest(self, sha256: str, size: int, media_type: str, chunk_hashes: Sequence[str]) -> None:
        """Note which chunks make a content, before or after they arrive.

        Raises:
            ContentDamaged: the manifest contradicts itself, or the one already here.
        """
        well_formed = (
            0 <= size <= MAX_CONTENT_BYTES
            and len(chunk_hashes) == chunk_count(size)
            and all(_HASH.fullmatch(hash_) for hash_ in (sha256, *chunk_hashes))
        )
        if not well_formed:
            raise ContentDamaged("A document's list of pages arrived damaged. The next sync fetches it again.")
        with self._writer.begin() as connection:
            _insert_manifest(connection, sha256, size, media_type, chunk_hashes)

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
                connection.execute(delete(_chunk).where(_chunk.c.hash == hash_))
        return len(damaged)

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
            raise _missing()
        return content


def _missing() -> ContentMissing:
    return ContentMissing("The pages of this document are not on this laptop yet. They arrive with the next sync.")


def _insert_chunk(connection: Connection, hash_: str, data: bytes) -> None:
    connection.execute(insert(_chunk).values(hash=hash_, data=data).on_conflict_do_nothing())


def _insert_manifest(connection: Connection, sha256: str, size: int, media_type: str, hashes: Sequence[str]) -> None:
    known = connection.scalars(
        select(_content_chunk.c.hash).where(_content_chunk.c.sha256 == sha256).order_by(_content_chunk.c.position)
    ).all()
    if known and list(known) != list(hashes):
        raise ContentDamaged("A document's list of pages arrived damaged. The next sync fetches it again.")
    connection.execute(
        insert(_content).values(sha256=sha256, size=size, media_type=media_type).on_conflict_do_nothing()
    )
    if hashes and not known:
        connection.execute(
            insert(_content_chunk),
            [{"sha256": sha256, "position": place, "hash": hash_} for place, hash_ in enumerate(hashes)],
        )
