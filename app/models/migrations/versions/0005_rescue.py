"""The keys of teams, to which work is sealed whose sender may no longer write.

Revision ID: 0005
"""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
