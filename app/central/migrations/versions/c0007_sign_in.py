"""Sessions of people, second factors and how often somebody tried.

Revision ID: c0007
"""

revision = "c0007"
down_revision = "c0006"


def upgrade() -> None:
    """Create the tables."""
