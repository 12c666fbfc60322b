"""The first schema of the central store's own tables.

Revision ID: c0001
"""

from alembic import op

from app.central.tables import metadata

revision = "c0001"
down_revision = None


def upgrade() -> None:
    """Create the tables and the one row of the revision counter."""
    metadata.create_all(op.get_bind())
    op.execute("INSERT INTO revision_counter (single, value) VALUES (true, 0)")
    # Page images and PDF files are compressed already; trying again costs more than it saves.
    op.execute("ALTER TABLE document_chunk ALTER COLUMN data SET STORAGE EXTERNAL")
