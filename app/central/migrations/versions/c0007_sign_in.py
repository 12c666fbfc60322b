"""Sessions of people, second factors and how often somebody tried.

Revision ID: c0007
"""

from alembic import op

from app.central.sign_in_tables import SIGN_IN_TABLES
from app.central.tables import metadata

revision = "c0007"
down_revision = "c0006"


def upgrade() -> None:
    """Create the tables; a store made by this version may have them from its first revision."""
    metadata.create_all(op.get_bind(), tables=list(SIGN_IN_TABLES), checkfirst=True)
