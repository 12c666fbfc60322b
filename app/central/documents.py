"""The bytes of documents in the central store, by hash and by chunk."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Engine, Text, any_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from app.central.document_scope import note_shown, shown_by
from app.central.document_tables import document_upload
from app.central.tables import document_chunk, document_content
from app.logs import get_logger
from app.services.documents.store import CHUNK_BYTES, MAX_CONTENT_BYTES, chunk_count
from app.services.sync.document_protocol import Offered
from app.services.sync.protocol import Manifest, ProtocolError

_HASH = re.compile(r"[0-9a-f]{64}")
MOST_ASKED = 500


class ByteStore:
    """Takes and gives chunks; a content counts as held only when all its bytes fit its hash.

    What others sent is never told to a laptop that did not show to have it: it is asked for every chunk of a content
    that it has not sent itself (and was not given), though the store may hold it long since.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def offer(self, device_id: str, manifests: Sequence[Manifest]) -> Offered:
        """Note what a laptop has and return the chunks that it is to send, in order.

        Raises:
            ProtocolError: a manifest contradicts itself.
        """
        for manifest in manifests:
            _check(manifest)
        if not manifests:
            return Offered([])
        named = {manifest.sha256: manifest for manifest in manifests}
        with self._engine.begin() as connection:
            _note_lists(connection, list(named.values()))
            mine = set(shown_by(connection, device_id, list(named)))
            done = set(
                connection.scalars(
                    select(document_content.c.sha256).where(
                        _among(document_content.c.sha256, mine), document_content.c.complete
                    )
                )
            )
            left = [manifest for sha256, manifest in named.items() if sha256 not in done]
            here = _present(connection, {hash_ for manifest in left for hash_ in manifest.chunks})
            sent = _uploaded(
                connection, device_id, {each for one in left if one.sha256 not in mine for each in one.chunks}
            )
            lacking = {
                manifest.sha256: [
                    hash_
                    for hash_ in manifest.chunks
                    if hash_ not in here or (manifest.sha256 not in mine and hash_ not in sent)
                ]
                for manifest in left
            }
            ready = [sha256 for sha256, hashes in lacking.items() if not hashes]
            whole = done.union(_settle(connection, device_id, ready, {}))
        wanted = dict.fromkeys(hash_ for hashes in lacking.values() for hash_ in hashes)
        return Offered(list(wanted), [sha256 for sha256 in named if sha256 in whole])

    def take(self, device_id: str, chunks: Sequence[tuple[str, bytes]], finished: Sequence[str]) -> list[str]:
        """Store chunks that a laptop sent, in one transaction with what becomes whole by them.

        Args:
            device_id: who sends them.
            chunks: by hash.
            finished: contents of which the laptop has now sent all that was asked for.

        Returns:
            Those of ``finished`` that are here whole now and that the laptop showed to have.

        Raises:
            ProtocolError: bytes that do not fit their hash; nothing was stored.
        """
        for hash_, data in chunks:
            if len(data) > CHUNK_BYTES or hashlib.sha256(data).hexdigest() != hash_:
                raise ProtocolError("a chunk that does not fit its hash")
        if not chunks and not finished:
            return []
        sent = dict(chunks)
        with self._engine.begin() as connection:
            if sent:
                rows = [{"hash": hash_, "data": data} for hash_, data in sorted(sent.items())]
                connection.execute(insert(document_chunk).on_conflict_do_nothing(), rows)
            whole = _settle(connection, device_id, list(finished)[:MOST_ASKED], sent)
            _note_uploaded(connection, device_id, sent, whole)
        return whole

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


def _note_lists(connection: Connection, manifests: Sequence[Manifest]) -> None:
    rows = [
        {
            "sha256": manifest.sha256,
            "size": manifest.size,
            "media_type": manifest.media_type[:100],
            "chunk_hashes": manifest.chunks,
            "complete": False,
        }
        for manifest in sorted(manifests, key=lambda each: each.sha256)
    ]
    statement = insert(document_content)
    # A list of chunks that never came together may have been a false one: the next offer replaces it.
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[document_content.c.sha256],
            set_={"chunk_hashes": statement.excluded.chunk_hashes, "size": statement.excluded.size},
            where=document_content.c.complete.is_(False),
        ),
        rows,
    )


def _settle(connection: Connection, device_id: str, sha256s: Collection[str], sent: Mapping[str, bytes]) -> list[str]:
    """Mark contents whole whose chunks are all here, were all sent by the laptop and fit the whole's hash.

    Args:
        connection: in a transaction.
        device_id: who says that it has them.
        sha256s: the contents.
        sent: chunks it has just sent.

    Returns:
        Those that are whole and that the laptop showed to have, by this or before.
    """
    if not sha256s:
        return []
    columns = document_content.c
    rows = connection.execute(
        select(columns.sha256, columns.chunk_hashes, columns.complete)
        .where(columns.sha256.in_(sha256s))
        .order_by(columns.sha256)
        .with_for_update()
    ).all()
    mine = set(shown_by(connection, device_id, sha256s))
    earlier = {hash_ for row in rows if row.sha256 not in mine for hash_ in row.chunk_hashes} - sent.keys()
    had = _uploaded(connection, device_id, earlier) | sent.keys()
    shown = [row for row in rows if row.sha256 in mine or had.issuperset(row.chunk_hashes)]
    good = [row for row in shown if row.complete or _fits(connection, row.sha256, row.chunk_hashes, sent)]
    new = [row.sha256 for row in good if not row.complete]
    if new:
        connection.execute(update(document_content).where(columns.sha256.in_(new)).values(complete=True))
    note_shown(connection, device_id, [row.sha256 for row in good if row.sha256 not in mine])
    return [row.sha256 for row in good]


def _note_uploaded(connection: Connection, device_id: str, sent: Collection[str], whole: Collection[str]) -> None:
    """Note which chunks a laptop sent that made nothing whole yet, so that they need not be sent again."""
    if not sent:
        return
    columns = document_content.c
    lists = connection.scalars(select(columns.chunk_hashes).where(columns.sha256.in_(whole))) if whole else ()
    spent = {hash_ for hashes in lists for hash_ in hashes}
    rows = [{"device_id": device_id, "hash": hash_} for hash_ in sorted(set(sent) - spent)]
    if rows:
        connection.execute(insert(document_upload).on_conflict_do_nothing(), rows)


def _uploaded(connection: Connection, device_id: str, hashes: Collection[str]) -> set[str]:
    columns = document_upload.c
    query = select(columns.hash).where(columns.device_id == device_id, _among(columns.hash, hashes))
    return set(connection.scalars(query)) if hashes else set()


def _present(connection: Connection, hashes: Collection[str]) -> set[str]:
    return set(connection.scalars(select(document_chunk.c.hash).where(_among(document_chunk.c.hash, hashes))))


def _among(column: ColumnElement[str], values: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a column is one of some values, as one parameter: there may be thousands."""
    return column == any_(literal(list(values), ARRAY(Text)))


def _reopen(connection: Connection, sha256s: Collection[str]) -> None:
    """Count contents as not here, whatever was noted of them before."""
    if sha256s:
        get_logger().warning("contents not whole", count=len(sha256s))
        connection.execute(
            update(document_content).where(document_content.c.sha256.in_(sha256s)).values(complete=False)
        )


def _fits(connection: Connection, sha256: str, hashes: Sequence[str], sent: Mapping[str, bytes]) -> bool:
    """Return whether the chunks are all here and make the whole; one at a time, whatever its size.

    Args:
        connection: in a transaction.
        sha256: of the whole.
        hashes: of its chunks, in order.
        sent: chunks that have just been stored, which were looked at already.
    """
    if list(hashes) == [sha256] and sha256 in sent:
        return True
    whole = hashlib.sha256()
    for hash_ in hashes:
        data = sent.get(hash_)
        if data is None:
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
