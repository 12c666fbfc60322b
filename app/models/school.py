"""Schools and authorities, from GIAS and the published code lists.

Source: Get Information about Schools daily extract, Open Government Licence v3.0.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.folding import fold
from app.models.synced import MergeRule, Synced


class School(Synced):
    """An establishment, keyed for people by URN and by DfE number (LLLNNNN)."""

    __tablename__ = "school"
    merge_rule = MergeRule.LATEST
    derived_fields = frozenset({"name_folded"})
    __table_args__ = (Index("ix_school_la_estab", "la_code", "establishment_number"),)

    urn: Mapped[str] = mapped_column(unique=True)
    la_code: Mapped[str]
    la_name: Mapped[str] = mapped_column(default="")
    establishment_number: Mapped[str] = mapped_column(default="")
    name: Mapped[str]
    name_folded: Mapped[str] = mapped_column(index=True, default="")
    type_code: Mapped[str] = mapped_column(default="")
    type_name: Mapped[str] = mapped_column(default="")
    phase_code: Mapped[str] = mapped_column(default="")
    phase_name: Mapped[str] = mapped_column(default="")
    status_code: Mapped[str] = mapped_column(default="")
    status_name: Mapped[str] = mapped_column(default="")
    opened_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    low_age: Mapped[int | None]
    high_age: Mapped[int | None]
    gender: Mapped[str] = mapped_column(default="")
    street: Mapped[str] = mapped_column(default="")
    locality: Mapped[str] = mapped_column(default="")
    address3: Mapped[str] = mapped_column(default="")
    town: Mapped[str] = mapped_column(default="")
    county: Mapped[str] = mapped_column(default="")
    postcode: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    website: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    head_title: Mapped[str] = mapped_column(default="")
    head_first_name: Mapped[str] = mapped_column(default="")
    head_last_name: Mapped[str] = mapped_column(default="")
    ukprn: Mapped[str] = mapped_column(default="")
    uprn: Mapped[str] = mapped_column(default="")
    changed_on: Mapped[date | None]
    invented: Mapped[bool] = mapped_column(default=False)
    """True for a school of the demonstration authority that does not exist."""

    @classmethod
    def derive(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the name as it is searched."""
        return {"name_folded": fold(values["name"])} if "name" in values else {}


class SchoolLink(Synced):
    """A predecessor or successor: a converted academy has a new URN. Links form chains and may loop."""

    __tablename__ = "school_link"
    merge_rule = MergeRule.LATEST

    urn: Mapped[str] = mapped_column(index=True)
    linked_urn: Mapped[str] = mapped_column(index=True)
    linked_name: Mapped[str] = mapped_column(default="")
    kind: Mapped[str]
    established_on: Mapped[date | None]


class LocalAuthority(Synced):
    """An English local authority code, dated because codes change with reorganisation."""

    __tablename__ = "local_authority"
    merge_rule = MergeRule.LATEST

    code: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
