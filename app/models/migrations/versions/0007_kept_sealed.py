"""Work of a laptop that it keeps sealed, to hand it back to a central store that is put back to a backup.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import context, op

from app.models.base import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Change a vault's own tables; the central store has none of them."""
    if context.config.attributes["store"] != "vault":
        return
    op.create_table(
        "kept_sealed",
        sa.Column("change_set_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kept_at", UtcDateTime(), nullable=False),
        sa.Column("sealed_to", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("change_set_id", name=op.f("pk_kept_sealed")),
    )
