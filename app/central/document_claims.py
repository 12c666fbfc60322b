"""Who named the bytes of a document, and whether they had them.

A hash can be named by anybody who was ever told it, and opens nothing by itself. A record gives its bytes only when
the laptop that named them in it had them: it sent them whole, or was itself given them by a record that counts. The
first record of all that named a content counts as soon as any laptop showed to have it, for nobody can name bytes
before somebody has them; so what one laptop recorded and another had to send again reaches those who may have it.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import Text, Uuid

from app.central.document_tables import document_claim
from app.models import Document
from app.services.changes import Change, ChangeSet, decode

_TABLE: Final = Document.__tablename__
_changes = msgspec.json.Decoder(list[Change])
_MOST_READ: Final = 500
"""How many revisions of the log are read to find who named what; what is not found then is not proven."""
_HASHES = bindparam("hashes", type_=ARRAY(Text))
_NAMED = (
    text(
        """
SELECT d.id, d.sha256, c.document_id IS NULL AS unknown,
  c.document_id IS NOT NULL AND (
    c.device_id IS NULL OR c.device_id = :own
    OR EXISTS (SELECT 1 FROM document_proof AS p WHERE p.device_id = c.device_id AND p.sha256 = d.sha256)
    OR (EXISTS (SELECT 1 FROM document_proof AS p WHERE p.sha256 = d.sha256)
      AND NOT EXISTS (
        SELECT 1 FROM document_claim AS e
        WHERE e.sha256 = d.sha256 AND e.revision < c.revision AND e.device_id IS DISTINCT FROM c.device_id))
  ) AS proven
FROM document AS d LEFT JOIN document_claim AS c ON c.document_id = d.id AND c.sha256 = d.sha256
WHERE d.sha256 = ANY(:hashes)
"""
    )
    .bindparams(_HASHES, bindparam("own", type_=Uuid(as_uuid=False)))
    .columns(id=Uuid(as_uuid=False))
)
_LOG = (
    text(
        """
SELECT l.revision, l.device_id, l.body, l.effective FROM change_log AS l
WHERE l.revision IN (SELECT t.revision FROM change_touch AS t WHERE t.row_id = ANY(:documents))
ORDER BY l.revision LIMIT :most
"""
    )
    .bindparams(bindparam("documents", type_=ARRAY(Uuid(as_uuid=False))))
    .columns(device_id=Uuid(as_uuid=False))
)


def note_claims(connection: Connection, merged: Iterable[tuple[ChangeSet, int]]) -> None:
    """Note which bytes change sets name in documents, each with its revision."""
    _write(
        connection,
        [
            claim
            for change_set, revision in merged
            for claim in _claims(change_set.changes, change_set.device, revision)
        ],
    )


def proven(connection: Connection, own_device: str, sha256s: Collection[str]) -> dict[str, str]:
    """Return the documents, with their hash, that name one of some contents and were named by who had the bytes.

    Args:
        connection: in a transaction that may write: what the version before pushed is looked up in the log once.
        own_device: the store's own, whose records are always good.
        sha256s: the contents.
    """
    if not sha256s:
        return {}
    values = {"hashes": list(sha256s), "own": own_device}
    rows = connection.execute(_NAMED, values).all()
    unknown = {row.id: row.sha256 for row in rows if row.unknown}
    if unknown:
        _look_up(connection, unknown)
        rows = connection.execute(_NAMED, values).all()
    return {row.id: row.sha256 for row in rows if row.proven}


def _look_up(connection: Connection, documents: dict[str, str]) -> None:
    """Find in the log who named the bytes of documents."""
    wanted = set(documents.items())
    found = connection.execute(
        _LOG, {"documents": list(documents), "most": _MOST_READ}, execution_options={"yield_per": 10}
    )
    claims: list[dict[str, Any]] = []
    for row in found:
        changes = _changes.decode(row.effective) if row.effective else decode(row.body).changes
        some = _claims(changes, row.device_id, row.revision)
        claims += some
        wanted -= {(claim["document_id"], claim["sha256"]) for claim in some}
        if not wanted:
            break
    found.close()
    _write(connection, claims)


def _claims(changes: Sequence[Change], device_id: str, revision: int) -> list[dict[str, Any]]:
    return [
        {"document_id": change.row, "sha256": named, "device_id": device_id, "revision": revision}
        for change in changes
        if change.table == _TABLE and (named := change.fields.get("sha256", (None, None))[1])
    ]


def _write(connection: Connection, claims: Sequence[dict[str, Any]]) -> None:
    if claims:
        connection.execute(insert(document_claim).on_conflict_do_nothing(), claims)
