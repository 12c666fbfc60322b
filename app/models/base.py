"""The declarative base, constraint names and the column types every table shares."""

from datetime import UTC, date, datetime
from enum import Enum as PythonEnum
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import JSON, Date, DateTime, Enum, MetaData, String, Uuid
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant in UTC; SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive instant and normalise to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware UTC instant."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Key = Annotated[str, mapped_column(Uuid(as_uuid=False), primary_key=True)]
Ref = Annotated[str, mapped_column(Uuid(as_uuid=False), index=True)]
UnindexedRef = Annotated[str, mapped_column(Uuid(as_uuid=False))]
OptionalRef = Annotated[str | None, mapped_column(Uuid(as_uuid=False))]
IndexedRef = Annotated[str | None, mapped_column(Uuid(as_uuid=False), index=True)]
"""An optional reference that is looked up from the other side; an index costs every save, so most have none."""
Text = Annotated[str, mapped_column(String)]
Instant = Annotated[datetime, mapped_column(UtcDateTime)]
Day = Annotated[date, mapped_column(Date)]
Json = Annotated[dict[str, Any], mapped_column(JSON)]


def _stored_values(members: type[PythonEnum]) -> list[str]:
    return [str(member.value) for member in members]


class Base(DeclarativeBase):
    """Base of every mapped class in the vault and, for synced tables, in the central store."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: UtcDateTime,
        date: Date,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        list[str]: JSON,
        # Values, not names, in a plain column: a new word must not need a change of the database's own types.
        StrEnum: Enum(StrEnum, native_enum=False, length=40, values_callable=_stored_values),
    }
