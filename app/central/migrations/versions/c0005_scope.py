"""Which units every change touches, and which units every laptop holds.

The log so far is read once, so that the store can say of each of its revisions which units it touched. What laptops
from before hold is noted when they ask next: everything up to their cursor.

Revision ID: c0005
"""

from alembic import op

from app.central.backfill import note_emergencies, note_log
from app.central.scope_tables import SCOPE_TABLES
from app.central.tables import metadata

revision = "c0005"
down_revision = "c0004"


def upgrade() -> None:
    """Create the tables and fill them from the log; a store made by this version has an empty log."""
    connection = op.get_bind()
    metadata.create_all(connection, tables=SCOPE_TABLES, checkfirst=True)
    op.execute("CREATE INDEX IF NOT EXISTS ix_document_content_chunks ON document_content USING gin (chunk_hashes)")
    note_log(connection)
    note_emergencies(connection)
