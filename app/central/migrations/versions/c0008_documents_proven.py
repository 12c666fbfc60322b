"""Who named the bytes of which document, and which laptops showed to have them.

Documents that are here already are taken for proven: their claims name no laptop.

Revision ID: c0008
"""

from alembic import op

from app.central.document_tables import DOCUMENT_TABLES
from app.central.tables import metadata

revision = "c0008"
down_revision = "c0007"


def upgrade() -> None:
    """Create the tables; a store made by this version has them from its first revision, and no documents yet."""
    metadata.create_all(op.get_bind(), tables=DOCUMENT_TABLES, checkfirst=True)
    op.execute(
        "INSERT INTO document_claim (document_id, sha256, revision)"
        " SELECT id, sha256, 0 FROM document WHERE sha256 <> '' ON CONFLICT DO NOTHING"
    )
