"""The kinds of column that the central store's own tables are made of, each in one place."""

from sqlalchemy import Column, DateTime, ForeignKey, Uuid


def id_column(name: str, *, primary_key: bool = False, optional: bool = False, index: bool = False) -> Column[str]:
    """Return a column of ids, as text in Python."""
    return Column(name, Uuid(as_uuid=False), primary_key=primary_key, nullable=optional, index=index)


def at_column(name: str, *, primary_key: bool = False, optional: bool = False, index: bool = False) -> Column[object]:
    """Return a column of moments, UTC."""
    return Column(name, DateTime(timezone=True), primary_key=primary_key, nullable=optional, index=index)


def part_of(name: str, whole: str, *, primary_key: bool = False) -> Column[str]:
    """Return a column that names a row of another table, with which this one goes.

    Args:
        name: of the column.
        whole: table and column, such as ``person_session.id``.
        primary_key: whether it is part of the key.
    """
    key = ForeignKey(whole, ondelete="CASCADE")
    return Column(name, Uuid(as_uuid=False), key, primary_key=primary_key, nullable=False)


def of_device() -> Column[str]:
    """Return the ``device_id`` of what is known of one laptop and goes with it; part of the primary key."""
    return part_of("device_id", "device_credential.device_id", primary_key=True)
