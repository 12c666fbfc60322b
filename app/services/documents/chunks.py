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


@dataclass(frozen=True, slots=True)
class Made:
    """What a content is made of.

    Attributes:
        hashes: of its chunks, in order.
    """

    sha256: str
    size: int
    media_type: str
    hashes: Sequence[str]

    @property
    def well_formed(self) -> bool:
        """Whether it can be true at all."""
        return (
            0 <= self.size <= MAX_CONTENT_BYTES
            and len(self.hashes) == chunk_count(self.size)
            and all(HASH.fullmatch(hash_) for hash_ in (self.sha256, *self.hashes))
        )


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


def made_of(connection: Connection, sha256s: Sequence[str]) -> dict[str, Made]:
    """Return what those of some contents are made of whose manifests are here."""
    lists: dict[str, list[str]] = {}
    for row in connection.execute(
        select(CONTENT_CHUNK.c.sha256, CONTENT_CHUNK.c.hash)
        .where(CONTENT_CHUNK.c.sha256.in_(sha256s))
        .order_by(CONTENT_CHUNK.c.sha256, CONTENT_CHUNK.c.position)
    ):
        lists.setdefault(row.sha256, []).append(row.hash)
    rows = connection.execute(select(CONTENT).where(CONTENT.c.sha256.in_(sha256s)))
    return {row.sha256: Made(row.sha256, row.size, row.media_type, lists.get(row.sha256, [])) for row in rows}


def insert_manifests(connection: Connection, contents: Sequence[Made]) -> list[str]:
    """Note what contents are made of.

    Returns:
        Those of which something else is noted already, or that cannot be true; nothing was noted of them.
    """
    known = made_of(connection, [content.sha256 for content in contents])
    new: dict[str, Made] = {}
    false = []
    for content in contents:
        noted = known.get(content.sha256) or new.get(content.sha256)
        if not content.well_formed or (noted is not None and noted.hashes and list(noted.hashes) != [*content.hashes]):
            false.append(content.sha256)
        elif noted is None or not noted.hashes:
            new[content.sha256] = content
    if new:
        rows = [{"sha256": each.sha256, "size": each.size, "media_type": each.media_type} for each in new.values()]
        connection.execute(insert(CONTENT).on_conflict_do_nothing(), rows)
    places = [
        {"sha256": each.sha256, "position": place, "hash": hash_}
        for each in new.values()
        for place, hash_ in enumerate(each.hashes)
    ]
    if places:
        connection.execute(insert(CONTENT_CHUNK), places)
    return false
