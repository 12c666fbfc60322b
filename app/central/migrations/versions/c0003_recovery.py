"""Which vaults a laptop has, and each recovery that was issued.

Revision ID: c0003
"""

from alembic import op

from app.central.tables import device_vault, metadata, recovery_issue

revision = "c0003"
down_revision = "c0001"


def upgrade() -> None:
    """Create the two tables; a store made by this version has them from its first revision."""
    metadata.create_all(op.get_bind(), tables=[device_vault, recovery_issue], checkfirst=True)
