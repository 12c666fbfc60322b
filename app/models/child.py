"""A child and the people, places and schools around them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import IndexedRef, Ref
from app.models.folding import fold, fold_postcode, sound
from app.models.synced import Synced
from app.models.terms import Confidence, Known, RelationshipKind, SafetyKind

_NAME_FIELDS = frozenset({"surname_folded", "forename_folded", "name_sound"})


def _derive_names(values: Mapping[str, Any]) -> dict[str, Any]:
    derived: dict[str, Any] = {}
    if "surname" in values:
        derived["surname_folded"] = fold(values["surname"])
        derived["name_sound"] = sound(values["surname"])
    if "forename" in values:
        derived["forename_folded"] = fold(values["forename"])
    return derived


class Child(Synced):
    """The person at the centre. A UPN is recorded, never a key: children get second ones and twins get swapped."""

    __tablename__ = "child"
    derived_fields = _NAME_FIELDS
    __table_args__ = (
        Index("ix_child_born_on_surname_folded", "born_on", "surname_folded"),
        Index("ix_child_name_sound", "name_sound"),
    )

    forename: Mapped[str]
    middle_names: Mapped[str] = mapped_column(default="")
    surname: Mapped[str]
    preferred_name: Mapped[str] = mapped_column(default="")
    surname_folded: Mapped[str] = mapped_column(default="")
    """Case- and accent-folded; derived."""
    forename_folded: Mapped[str] = mapped_column(default="")
    name_sound: Mapped[str] = mapped_column(default="")
    """Phonetic code of the surname."""
    born_on: Mapped[date | None]
    born_on_known: Mapped[Known] = mapped_column(default=Known.KNOWN)
    age_described: Mapped[str] = mapped_column(default="")
    """What was said when no date is known, such as "about 9 years old"."""
    expected_on: Mapped[date | None]
    """Expected date of birth of an unborn sibling, who has no pupil fields."""
    sex: Mapped[str] = mapped_column(default="")
    """M, F or empty."""
    upn: Mapped[str] = mapped_column(default="", index=True)
    former_upn: Mapped[str] = mapped_column(default="")
    uln: Mapped[str] = mapped_column(default="")
    ethnicity: Mapped[str] = mapped_column(default="")
    first_language: Mapped[str] = mapped_column(default="")
    sen_provision: Mapped[str] = mapped_column(default="")
    year_group: Mapped[str] = mapped_column(default="")
    """As the school gave it; the screen computes it from the date of birth where that is known."""
    last_seen_on: Mapped[date | None]
    last_seen_where: Mapped[str] = mapped_column(default="")
    last_seen_by: Mapped[str] = mapped_column(default="")
    deceased_on: Mapped[date | None]
    source: Mapped[str] = mapped_column(default="")
    confidence: Mapped[Confidence] = mapped_column(default=Confidence.REPORTED)

    @classmethod
    def derive(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the folded and sounded names."""
        return _derive_names(values)


class ChildName(Synced):
    """Another name a child is or was known by."""

    __tablename__ = "child_name"
    derived_fields = _NAME_FIELDS
    subject_fields = ("child_id",)

    child_id: Mapped[Ref]
    forename: Mapped[str]
    surname: Mapped[str]
    surname_folded: Mapped[str] = mapped_column(default="", index=True)
    forename_folded: Mapped[str] = mapped_column(default="")
    name_sound: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="alias")
    source: Mapped[str] = mapped_column(default="")

    @classmethod
    def derive(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the folded and sounded names."""
        return _derive_names(values)


class Person(Synced):
    """A parent, carer or professional."""

    __tablename__ = "person"

    title: Mapped[str] = mapped_column(default="")
    forename: Mapped[str] = mapped_column(default="")
    surname: Mapped[str] = mapped_column(default="")
    organisation: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    """Language they prefer; empty means English or not asked."""
    format_needs: Mapped[str] = mapped_column(default="")
    """Large print and the like."""
    contact_safe: Mapped[Known] = mapped_column(default=Known.NOT_ASKED)
    """KNOWN means checked and safe; REFUSED or WITHHELD mean do not contact."""
    no_contact: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="")


class Relationship(Synced):
    """How a person, or a sibling, stands to a child."""

    __tablename__ = "relationship"
    subject_fields = ("child_id",)

    child_id: Mapped[Ref]
    person_id: Mapped[IndexedRef]
    sibling_id: Mapped[IndexedRef]
    """The other child, when kind is SIBLING."""
    kind: Mapped[RelationshipKind]
    parental_responsibility: Mapped[Known] = mapped_column(default=Known.NOT_ASKED)
    """KNOWN means holds it; REFUSED is never used here."""
    lives_with: Mapped[bool] = mapped_column(default=False)
    court_order: Mapped[str] = mapped_column(default="")
    contact_order: Mapped[int] = mapped_column(default=1)
    confirmed_on: Mapped[date | None]
    source: Mapped[str] = mapped_column(default="")


class Address(Synced):
    """An address for the period it applied. Exactly one of child_id and person_id is set."""

    __tablename__ = "address"
    subject_fields = ("child_id", "person_id")
    derived_fields = frozenset({"postcode_folded"})

    child_id: Mapped[IndexedRef]
    person_id: Mapped[IndexedRef]
    lines: Mapped[str]
    """Without the postcode, separated by newlines."""
    town: Mapped[str] = mapped_column(default="")
    postcode: Mapped[str] = mapped_column(default="")
    postcode_folded: Mapped[str] = mapped_column(default="", index=True)
    """Upper case without spaces."""
    uprn: Mapped[str] = mapped_column(default="")
    country: Mapped[str] = mapped_column(default="")
    from_on: Mapped[date | None]
    to_on: Mapped[date | None]
    protected: Mapped[bool] = mapped_column(default=False)
    """Never printed, exported or shown to another parent."""
    source: Mapped[str] = mapped_column(default="")
    confidence: Mapped[Confidence] = mapped_column(default=Confidence.REPORTED)
    confirmed_on: Mapped[date | None]

    @classmethod
    def derive(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the postcode as it is compared."""
        return {"postcode_folded": fold_postcode(values["postcode"])} if "postcode" in values else {}


class ContactPoint(Synced):
    """A telephone number or e-mail address of a person or child."""

    __tablename__ = "contact_point"
    subject_fields = ("child_id", "person_id")

    child_id: Mapped[IndexedRef]
    person_id: Mapped[IndexedRef]
    kind: Mapped[str]
    """phone, mobile or email."""
    value: Mapped[str]
    safe_to_leave_message: Mapped[Known] = mapped_column(default=Known.NOT_ASKED)
    safe_times: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="")


class Enrolment(Synced):
    """A child at a school, from and to, and on which ground the name was removed."""

    __tablename__ = "enrolment"
    subject_fields = ("child_id",)

    child_id: Mapped[Ref]
    school_urn: Mapped[str] = mapped_column(default="", index=True)
    school_name: Mapped[str] = mapped_column(default="")
    """As reported, kept even when the school is matched."""
    status: Mapped[str] = mapped_column(default="C")
    from_on: Mapped[date | None]
    to_on: Mapped[date | None]
    last_attended_on: Mapped[date | None]
    ground_regime: Mapped[str] = mapped_column(default="")
    ground_code: Mapped[str] = mapped_column(default="")
    leaving_reason: Mapped[str] = mapped_column(default="")
    destination: Mapped[str] = mapped_column(default="")
    destination_start_on: Mapped[date | None]
    source: Mapped[str] = mapped_column(default="")


class HealthLink(Synced):
    """Where a child is registered for health care. No clinical content."""

    __tablename__ = "health_link"
    subject_fields = ("child_id",)

    child_id: Mapped[Ref]
    kind: Mapped[str]
    name: Mapped[str]
    registered_on: Mapped[date | None]
    last_contact_on: Mapped[date | None]
    source: Mapped[str] = mapped_column(default="")


class SafetyFlag(Synced):
    """Something an officer must know before calling: fact, evidence and a review date within 12 months."""

    __tablename__ = "safety_flag"
    subject_fields = ("child_id",)

    child_id: Mapped[Ref]
    kind: Mapped[SafetyKind]
    evidence: Mapped[str] = mapped_column(default="")
    detail: Mapped[str] = mapped_column(default="")
    set_at: Mapped[datetime]
    review_on: Mapped[date]
    ended_on: Mapped[date | None]
