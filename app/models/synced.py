"""What makes a table travel: the mixin, its merge rule and the register of synced tables.

A class that subclasses :class:`Synced` is captured in the outbox, merged, pulled and hashed without another line
of code.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy.orm import Mapped

from app.models.base import Base, Key, OptionalRef


class MergeRule(StrEnum):
    """How two laptops' changes to one row come together."""

    PER_FIELD = "per_field"
    """Each field on its own; two different edits of one field raise a Conflict."""
    APPEND_ONLY = "append_only"
    """Rows are only ever added; a later row corrects an earlier one."""
    LATEST = "latest"
    """What arrives last stays: published reference data, where two imports of one extract are no disagreement."""


SYNCED_TABLES: dict[str, type["Synced"]] = {}
"""Every synced table by name, in the order in which a first pull sends them (parents first)."""


class Synced(Base):
    """A record that is kept in the vault and in the central store.

    Attributes:
        merge_rule: how changes from two laptops come together.
        subject_fields: the columns that say whose history a row belongs to; the first that is set counts.
        derived_fields: columns computed from others on each side; they are stored but never travel.
    """

    __abstract__ = True
    merge_rule: ClassVar[MergeRule] = MergeRule.PER_FIELD
    subject_fields: ClassVar[tuple[str, ...]] = ("id",)
    derived_fields: ClassVar[frozenset[str]] = frozenset()

    id: Mapped[Key]
    created_at: Mapped[datetime]
    created_by: Mapped[OptionalRef]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the table."""
        super().__init_subclass__(**kwargs)
        if not cls.__dict__.get("__abstract__", False):
            SYNCED_TABLES[cls.__tablename__] = cls

    @classmethod
    def derive(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the derived columns that follow from a row's values.

        Args:
            values: column name to Python value; may hold only some columns.

        Returns:
            Only those derived columns whose sources are all present.
        """
        return {}
