"""The bytes of documents in the central store, by hash and by chunk."""

import hashlib
import re
from collections.abc import Sequence

from sqlalchemy import Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.central.tables import document_chunk, document_content
from app.services.documents.store import CHUNK_BYTES, MAX_CONTENT_BYTES, chunk_count
from app.services.sync.protocol import Manifest, ProtocolError

_HASH = re.compile(r"[0-9a-f]{64}")


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
            for sha256 in sha256s:
                hashes = connection.execute(
                    select(document_content.c.chunk_hashes).where(document_content.c.sha256 == sha256)
                ).scalar()
                if hashes is None:
                    continue
                whole = hashlib.sha256()
                for hash_ in hashes:
                    data = connection.execute(
                        select(document_chunk.c.data).where(document_chunk.c.hash == hash_)
                    ).scalar()
                    if data is None:
                        break
                    whole.update(data)
                else:
                    if whole.hexdigest() == sha256:
                        connection.execute(
                            update(document_content).where(document_content.c.sha256 == sha256).values(complete=True)
                        )

    def manifests(self, sha256s: Sequence[str]) -> list[Manifest]:
        """Return what makes up those of the contents that are here whole."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(document_content).where(
                    document_content.c.sha256.in_(list(sha256s)[:500]), document_content.c.complete
                )
            )
            return [Manifest(row.sha256, row.size, row.media_type, list(row.chunk_hashes)) for row in rows]

    def get(self, hashes: Sequence[str]) -> list[tuple[str, bytes]]:
        """Return those of the chunks that are here."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(document_chunk).where(document_chunk.c.hash.in_(list(hashes))))
            return [(row.hash, bytes(row.data)) for row in rows]

    def complete_count(self) -> int:
        """Return how many contents are here whole."""
        with self._engine.connect() as connection:
            return int(
                connection.execute(
                    select(func.count()).select_from(document_content).where(document_content.c.complete)
                ).scalar_one()
            )


def _check(manifest: Manifest) -> None:
    well_formed = (
        0 <= manifest.size <= MAX_CONTENT_BYTES
        and len(manifest.chunks) == chunk_count(manifest.size)
        and all(_HASH.fullmatch(hash_) for hash_ in (manifest.sha256, *manifest.chunks))
    )
    if not well_formed:
        raise ProtocolError("a list of chunks that contradicts itself")
