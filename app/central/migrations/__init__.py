"""Alembic chain of the tables that only the central store has."""
