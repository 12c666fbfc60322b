"""The first schema: synced tables everywhere, local tables in a vault.

Revision ID: 0001
"""

from alembic import context, op

import app.models as models
from app.models.base import Base
from app.models.local import SEARCH_INDEX_DDL

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables this kind of store has."""
    store = context.config.attributes["store"]
    names = [*models.SYNCED_TABLES, *(models.LOCAL_TABLES if store == "vault" else ())]
    Base.metadata.create_all(op.get_bind(), tables=[Base.metadata.tables[name] for name in names])
    if store == "vault":
        op.execute(SEARCH_INDEX_DDL)
