"""What a laptop holds: units that arrive and leave, history still to fetch, what is to be proven equal.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import context, op

from app.models.base import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create a vault's tables; the central store has none of them."""
    if context.config.attributes["store"] != "vault":
        return
    _create_unit_table(
        "unit_arriving",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
    )
    _create_unit_table(
        "unit_leaving",
        sa.Column("told_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "row_leaving",
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("row_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "row_id", name=op.f("pk_row_leaving")),
    )
    op.create_table(
        "bytes_leaving",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_bytes_leaving")),
    )
    _create_unit_table(
        "unit_history",
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("after", sa.Integer(), nullable=False),
    )
    _create_unit_table("unit_touched")


def _create_unit_table(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("unit_id", sa.Uuid(as_uuid=False), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("unit_id", name=op.f(f"pk_{name}")),
    )
