"""Which units every change touches, and which units every laptop holds.

Revision ID: c0005
"""

revision = "c0005"
down_revision = "c0004"


def upgrade() -> None:
    """Create the tables."""
