"""Work that was handed in sealed, laptops that were ended, and a supervisor's word on large deletions.

Revision ID: c0006
"""

from alembic import op

from app.central.rescue_tables import RESCUE_TABLES
from app.central.tables import metadata

revision = "c0006"
down_revision = "c0005"


def upgrade() -> None:
    """Create the tables; a store made by this version has them from its first revision."""
    metadata.create_all(op.get_bind(), tables=RESCUE_TABLES, checkfirst=True)
    # Sealed bytes do not compress; trying costs more than it saves.
    op.execute("ALTER TABLE rescued_piece ALTER COLUMN sealed SET STORAGE EXTERNAL")
