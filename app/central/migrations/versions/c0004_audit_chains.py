"""The audit chains of the laptops, how far each is countersigned, and heads that did not fit.

Revision ID: c0004
"""

from alembic import op

from app.central.tables import audit_alarm, audit_entry, audit_head, metadata

revision = "c0004"
down_revision = "c0003"


def upgrade() -> None:
    """Create the three tables; a store made by this version has them from its first revision."""
    metadata.create_all(op.get_bind(), tables=[audit_entry, audit_head, audit_alarm], checkfirst=True)
