"""Work that was handed in, the keys of teams it is sealed to, and refused work that a person has dealt with.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import context, op

from app.models.base import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "team_key",
        sa.Column("team_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        *_common("team_key"),
    )
    op.create_index(op.f("ix_team_key_team_id"), "team_key", ["team_id"], unique=False)
    op.create_table(
        "team_key_wrap",
        sa.Column("team_key_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("device_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("proof", sa.String(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        *_common("team_key_wrap"),
    )
    op.create_index(op.f("ix_team_key_wrap_team_key_id"), "team_key_wrap", ["team_key_id"], unique=False)
    op.create_table(
        "handed_in",
        sa.Column("team_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("device_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("author_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("handed_in_at", UtcDateTime(), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("settled_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("settled_reason", sa.String(), nullable=False),
        *_common("handed_in"),
    )
    op.create_index(op.f("ix_handed_in_state"), "handed_in", ["state"], unique=False)
    if context.config.attributes["store"] == "vault":
        _create_local_table()


def _common(table: str) -> tuple[sa.Column[str] | sa.Column[object] | sa.PrimaryKeyConstraint, ...]:
    return (
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _create_local_table() -> None:
    op.create_table(
        "cleared_change",
        sa.Column("change_set_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("sent_again_as", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("change_set_id", name=op.f("pk_cleared_change")),
    )
