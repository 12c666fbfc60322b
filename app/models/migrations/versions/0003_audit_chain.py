"""The audit chain stores the bytes that are hashed and nothing beside them; proofs of its length; an index for reading.

The bytes and the hashes of existing entries stay what they were.

Revision ID: 0003
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from app.models.base import UtcDateTime

revision = "0003"
down_revision = "0002"
_BLOCK = 5_000
_EARLIER = """
SELECT sequence, at, actor_id, actor_name, action, subject_table, subject_id, detail, hash FROM audit_entry_earlier
WHERE sequence > :after ORDER BY sequence LIMIT :most
"""


def upgrade() -> None:
    """Change a vault's own tables; the central store has none of them."""
    if context.config.attributes["store"] != "vault":
        return
    op.rename_table("audit_entry", "audit_entry_earlier")
    _create_tables()
    _carry_over()
    op.drop_table("audit_entry_earlier")


def _create_tables() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_entry")),
    )
    op.create_table(
        "audit_anchor",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "day", name=op.f("pk_audit_anchor")),
    )
    op.create_table(
        "audit_line",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_line")),
    )


def _carry_over() -> None:
    connection, after = op.get_bind(), 0
    while rows := connection.execute(sa.text(_EARLIER), {"after": after, "most": _BLOCK}).all():
        connection.execute(
            sa.text("INSERT INTO audit_entry (sequence, body, hash) VALUES (:sequence, :body, :hash)"),
            [{"sequence": row.sequence, "body": _body(row), "hash": row.hash} for row in rows],
        )
        after = rows[-1].sequence


def _body(row: Any) -> bytes:
    """Return the bytes that were hashed for an entry: canonical JSON, keys in order, UTF-8."""
    said = {
        "action": row.action,
        "actor_id": _dashed(row.actor_id),
        "actor_name": row.actor_name,
        "at": f"{row.at.replace(' ', 'T')}+00:00",
        "detail": row.detail,
        "sequence": row.sequence,
        "subject_id": _dashed(row.subject_id),
        "subject_table": row.subject_table,
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _dashed(key: str | None) -> str | None:
    return key and f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"
