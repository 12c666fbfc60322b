"""Work that was handed in sealed.

Revision ID: c0006
"""

revision = "c0006"
down_revision = "c0005"


def upgrade() -> None:
    """Create the tables."""
