"""The bytes of documents in the central store, by hash and by chunk."""

import hashlib
import re
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.central.tables import document_chunk, document_content
from app.logs import get_logger
from app.services.documents.store import CHUNK_BYTES, MAX_CONTENT_BYTES, chunk_count
from app.services.sync.protocol import Manifest, ProtocolError

_HASH = re.compile(r"[0-9a-f]{64}")
MOST_ASKED = 500


class ByteStore:
    """Takes and gives chunks; a content counts as held only when all its bytes fit its hash."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def offer(self, manifests: Sequence[Manifest]) -> list[str]:
        """Note what laptops have and return the chunks that are missing here, in order.

        Raises:
            ProtocolError: a manifest contradicts itself.
        """
        for manifest in manifests:
            _check(manifest)
        if not manifests:
            return []
        rows = [
            {
                "sha256": manifest.sha256,
                "size": manifest.size,
                "media_type": manifest.media_type[:100],
                "chunk_hashes": manifest.chunks,
                "complete": False,
            }
            for manifest in manifests
        ]
        with self._engine.begin() as connection:
            statement = insert(document_content).values(rows)
            # A list of chunks that never came together may have been a false one: the next offer replaces it.
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[document_content.c.sha256],
                    set_={"chunk_hashes": statement.excluded.chunk_hashes, "size": statement.excluded.size},
                    where=document_content.c.complete.is_(False),
                )
            )
            done = set(
                connection.scalars(
                    select(document_content.c.sha256).where(
                        document_content.c.sha256.in_([manifest.sha256 for manifest in manifests]),
                        document_content.c.complete,
                    )
                )
            )
            wanted = [hash_ for manifest in manifests if manifest.sha256 not in done for hash_ in manifest.chunks]
            wanted = list(dict.fromkeys(wanted))
            here = set(connection.scalars(select(document_chunk.c.hash).where(document_chunk.c.hash.in_(wanted))))
        missing = [hash_ for hash_ in wanted if hash_ not in here]
        if not missing:
            self.finish([manifest.sha256 for manifest in manifests if manifest.sha256 not in done])
        return missing

    def put(self, chunks: Sequence[tuple[str, bytes]]) -> None:
        """Store chunks.

        Raises:
            ProtocolError: bytes that do not fit their hash; nothing was stored.
        """
        for hash_, data in chunks:
            if len(data) > CHUNK_BYTES or hashlib.sha256(data).hexdigest() != hash_:
                raise ProtocolError("a chunk that does not fit its hash")
        if chunks:
            with self._engine.begin() as connection:
                connection.execute(
                    insert(document_chunk)
                    .values([{"hash": hash_, "data": data} for hash_, data in chunks])
                    .on_conflict_do_nothing()
                )

    def finish(self, sha256s: Sequence[str]) -> None:
        """Mark those contents complete whose chunks are all here and fit the whole's hash."""
        with self._engine.begin() as connection:
            rows = connection.execute(
                select(document_content.c.sha256, document_content.c.chunk_hashes)
                .where(
                    document_content.c.sha256.in_(list(sha256s)[:MOST_ASKED]), document_content.c.complete.is_(False)
                )
                .order_by(document_content.c.sha256)
            ).all()
            whole = [row.sha256 for row in rows if _fits(connection, row.sha256, row.chunk_hashes)]
            if whole:
                connection.execute(
                    update(document_content).where(document_content.c.sha256.in_(whole)).values(complete=True)
                )

    def manifests(self, sha256s: Sequence[str]) -> list[Manifest]:
        """Return what makes up those of the contents that are here whole.

        One that was whole and has lost a chunk since is not: the next laptop that has its bytes sends them again.
        """
        with self._engine.begin() as connection:
            rows = connection.execute(
                select(document_content).where(
                    document_content.c.sha256.in_(list(sha256s)[:MOST_ASKED]), document_content.c.complete
                )
            ).all()
            here = _present(connection, {hash_ for row in rows for hash_ in row.chunk_hashes})
            broken = [row.sha256 for row in rows if not here.issuperset(row.chunk_hashes)]
            _reopen(connection, broken)
        lost = set(broken)
        return [
            Manifest(row.sha256, row.size, row.media_type, list(row.chunk_hashes))
            for row in rows
            if row.sha256 not in lost
        ]

    def get(self, hashes: Sequence[str]) -> list[tuple[str, bytes]]:
        """Return those of the chunks that are here and what their hash promises; a damaged one is taken out."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(document_chunk).where(document_chunk.c.hash.in_(list(hashes)))).all()
        found = [(row.hash, bytes(row.data)) for row in rows]
        good = [(hash_, data) for hash_, data in found if hashlib.sha256(data).hexdigest() == hash_]
        if len(good) < len(found):
            self._take_out({hash_ for hash_, _ in found} - {hash_ for hash_, _ in good})
        return good

    def _take_out(self, damaged: Collection[str]) -> None:
        """Forget chunks whose bytes are not what they were, so that a laptop sends them again."""
        get_logger().error("damaged chunks", count=len(damaged))
        with self._engine.begin() as connection:
            broken = list(
                connection.scalars(
                    select(document_content.c.sha256).where(document_content.c.chunk_hashes.overlap(list(damaged)))
                )
            )
            _reopen(connection, broken)
            connection.execute(delete(document_chunk).where(document_chunk.c.hash.in_(damaged)))

    def complete_count(self) -> int:
        """Return how many contents are here whole."""
        with self._engine.connect() as connection:
            return int(
                connection.execute(
                    select(func.count()).select_from(document_content).where(document_content.c.complete)
                ).scalar_one()
            )


def _present(connection: Connection, hashes: Collection[str]) -> set[str]:
    return set(connection.scalars(select(document_chunk.c.hash).where(document_chunk.c.hash.in_(hashes))))


def _reopen(connection: Connection, sha256s: Collection[str]) -> None:
    """Count contents as not here, whatever was noted of them before."""
    if sha256s:
        get_logger().warning("contents not whole", count=len(sha256s))
        connection.execute(
            update(document_content).where(document_content.c.sha256.in_(sha256s)).values(complete=False)
        )


def _fits(connection: Connection, sha256: str, hashes: Sequence[str]) -> bool:
    """Return whether the chunks are all here and make the whole; one at a time, whatever its size."""
    whole = hashlib.sha256()
    for hash_ in hashes:
        data = connection.execute(select(document_chunk.c.data).where(document_chunk.c.hash == hash_)).scalar()
        if data is None:
            return False
        whole.update(data)
    return whole.hexdigest() == sha256


def _check(manifest: Manifest) -> None:
    well_formed = (
        0 <= manifest.size <= MAX_CONTENT_BYTES
        and len(manifest.chunks) == chunk_count(manifest.size)
        and all(_HASH.fullmatch(hash_) for hash_ in (manifest.sha256, *manifest.chunks))
    )
    if not well_formed:
        raise ProtocolError("a list of chunks that contradicts itself")
