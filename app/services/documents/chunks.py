"""How bytes of documents lie in ``documents.db``: contents by their hash, made of chunks by theirs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, String, Table, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from app.errors import EnvironmentFault

CHUNK_BYTES = 256 * 1024
MAX_CONTENT_BYTES = 1024 * 1024 * 1024
"""What a manifest from outside may claim at most."""
HASH = re.compile(r"[0-9a-f]{64}")
QUERY_BATCH = 500  # keeps well under SQLite's limit of bound parameters

METADATA = MetaData()

CHUNK = Table(
    "chunk",
    METADATA,
    Column("hash", String, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
CONTENT = Table(
    "content",
    METADATA,
    Column("sha256", String, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("media_type", String, nullable=False),
    sqlite_with_rowid=False,
)
CONTENT_CHUNK = Table(
    "content_chunk",
    METADATA,
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


def missing() -> ContentMissing:
    """Return the fault for bytes that are not here."""
    return ContentMissing("The pages of this document are not on this laptop yet. They arrive with the next sync.")


def remove(connection: Connection, sha256s: Sequence[str]) -> int:
    """Take contents out with the chunks that no other is made of; return how many bytes went."""
    mine = select(CONTENT_CHUNK.c.hash).where(CONTENT_CHUNK.c.sha256.in_(sha256s)).distinct()
    hashes = list(connection.scalars(mine))
    connection.execute(delete(CONTENT_CHUNK).where(CONTENT_CHUNK.c.sha256.in_(sha256s)))
    connection.execute(delete(CONTENT).where(CONTENT.c.sha256.in_(sha256s)))
    freed = 0
    for start in range(0, len(hashes), QUERY_BATCH):
        some = hashes[start : start + QUERY_BATCH]
        shared = set(connection.scalars(select(CONTENT_CHUNK.c.hash).where(CONTENT_CHUNK.c.hash.in_(some))))
        going = [hash_ for hash_ in some if hash_ not in shared]
        freed += connection.scalar(select(func.sum(func.length(CHUNK.c.data))).where(CHUNK.c.hash.in_(going))) or 0
        connection.execute(delete(CHUNK).where(CHUNK.c.hash.in_(going)))
    return freed


def insert_chunk(connection: Connection, hash_: str, data: bytes) -> None:
    """Store a chunk unless it is here."""
    connection.execute(insert(CHUNK).values(hash=hash_, data=data).on_conflict_do_nothing())


def insert_manifest(connection: Connection, sha256: str, size: int, media_type: str, hashes: Sequence[str]) -> None:
    """Note what a content is made of.

    Raises:
        ContentDamaged: something else is noted already.
    """
    known = connection.scalars(
        select(CONTENT_CHUNK.c.hash).where(CONTENT_CHUNK.c.sha256 == sha256).order_by(CONTENT_CHUNK.c.position)
    ).all()
    if known and list(known) != list(hashes):
        raise ContentDamaged("A document's list of pages arrived damaged. The next sync fetches it again.")
    connection.execute(insert(CONTENT).values(sha256=sha256, size=size, media_type=media_type).on_conflict_do_nothing())
    if hashes and not known:
        connection.execute(
            insert(CONTENT_CHUNK),
            [{"sha256": sha256, "position": place, "hash": hash_} for place, hash_ in enumerate(hashes)],
        )
