"""Restricted cases: named lists, emergencies, requests and declared interests; the list of cases knows which are so.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import context, op

from app.models.base import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables and, in a vault, the mark in the list of cases."""
    _create_synced_tables()
    if context.config.attributes["store"] == "vault":
        _mark_restricted_rows()


def _create_synced_tables() -> None:
    op.create_index(
        "ix_case_restricted",
        "case",
        ["child_id"],
        unique=False,
        sqlite_where=sa.text("restricted = 1"),
        postgresql_where=sa.text("restricted"),
    )
    op.create_table(
        "case_access",
        sa.Column("case_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("granted_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.Uuid(as_uuid=False), nullable=True),
        *_common("case_access"),
    )
    op.create_index(op.f("ix_case_access_case_id"), "case_access", ["case_id"], unique=False)
    op.create_index(op.f("ix_case_access_user_id"), "case_access", ["user_id"], unique=False)
    op.create_table(
        "break_glass",
        sa.Column("case_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("from_at", UtcDateTime(), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        sa.Column("reviewed_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("reviewed_at", UtcDateTime(), nullable=True),
        sa.Column("review", sa.String(), nullable=False),
        *_common("break_glass"),
    )
    op.create_index(op.f("ix_break_glass_case_id"), "break_glass", ["case_id"], unique=False)
    op.create_index(op.f("ix_break_glass_user_id"), "break_glass", ["user_id"], unique=False)
    op.create_table(
        "access_request",
        sa.Column("case_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=True),
        sa.Column("decided_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        *_common("access_request"),
    )
    op.create_index(op.f("ix_access_request_case_id"), "access_request", ["case_id"], unique=False)
    op.create_index(op.f("ix_access_request_user_id"), "access_request", ["user_id"], unique=False)
    op.create_table(
        "interest_declared",
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("child_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("declared_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=False),
        *_common("interest_declared"),
    )
    op.create_index(op.f("ix_interest_declared_case_id"), "interest_declared", ["case_id"], unique=False)
    op.create_index(op.f("ix_interest_declared_child_id"), "interest_declared", ["child_id"], unique=False)
    op.create_index("ix_interest_declared_user", "interest_declared", ["user_id", "ended_at"], unique=False)


def _common(table: str) -> tuple[sa.Column[str] | sa.Column[object] | sa.PrimaryKeyConstraint, ...]:
    return (
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _mark_restricted_rows() -> None:
    op.add_column("case_row", sa.Column("restricted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        """UPDATE case_row SET restricted = 1 WHERE child_id IN (SELECT child_id FROM "case" WHERE restricted = 1)"""
    )
