"""How the last syncs of this laptop went.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import context, op

from app.models.base import UtcDateTime

revision = "0006"
down_revision = "0005"
_COUNTS = ("times", "sent", "received", "refused", "documents", "bytes_sent", "bytes_fetched")


def upgrade() -> None:
    """Change a vault's own tables; the central store has none of them."""
    if context.config.attributes["store"] != "vault":
        return
    op.create_table(
        "sync_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_run")),
    )
