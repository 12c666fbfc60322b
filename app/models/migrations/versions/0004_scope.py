"""What a laptop holds: units that are on their way, and the hashes of those that are here.

Revision ID: 0004
"""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
