"""Runs a revision on the connection it is handed, in that connection's transaction."""

from alembic import context

from app.models.base import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
