"""The central store's tables of who named and who showed to have the bytes of documents."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from app.central.columns import id_column, of_device
from app.central.tables import metadata

document_claim = Table(
    "document_claim",
    metadata,
    id_column("document_id", primary_key=True),
    Column("sha256", Text, primary_key=True),
    id_column("device_id", optional=True),
    Column("revision", BigInteger, nullable=False),
    Index("ix_document_claim_sha256", "sha256", "revision"),
)
"""Which laptop named which bytes in which document record first; it outlives the record.

No ``device_id`` where the record is from before this was kept: it is taken for proven.
"""

document_proof = Table(
    "document_proof",
    metadata,
    id_column("device_id", primary_key=True),
    Column("sha256", Text, primary_key=True),
    Index("ix_document_proof_sha256", "sha256"),
)
"""Laptops that have a content by right: they sent all its bytes, or were told where to fetch them. Outlives them."""

document_upload = Table(
    "document_upload",
    metadata,
    of_device(),
    Column("hash", Text, primary_key=True),
)
"""Chunks that a laptop sent of contents that were not whole with them: it goes on from there."""

DOCUMENT_TABLES = (document_claim, document_proof, document_upload)
