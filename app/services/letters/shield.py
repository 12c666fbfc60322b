"""The address shield: what must never leave in a letter, whoever asks for it.

It looks at the words of the letter as they will be printed, so that an address copied by hand into a free field is
found as surely as one that a template asked for.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.models import Address, Relationship
from app.models.terms import SafetyKind
from app.services.letters.merge import FIELDS

_SHORTEST_LINE = 7
"""Folded characters; a shorter first line, such as "The Elms", would be found where it does not mean the place."""
_LETTERS = re.compile(r"[\W_]+")
_COUNCIL = frozenset(name for name, field in FIELDS.items() if field.source in ("council", "officer"))

DECEASED = (
    "This child is recorded as having died. No letter can be sent from here. "
    "Speak to a manager before anyone contacts the family."
)


@dataclass(frozen=True, slots=True)
class ProtectedPlace:
    """An address that nobody else may read, as it is looked for.

    Attributes:
        postcode: folded; may be empty.
        line: the first line, folded; may be empty.
    """

    postcode: str
    line: str


def protected_places(
    session: Session, child_id: str, flags: frozenset[SafetyKind], at_home: Iterable[str]
) -> tuple[ProtectedPlace, ...]:
    """Return the protected addresses around a child: the child's, and those of the people and children tied to them.

    Args:
        session: of the vault.
        child_id: whose letter it is.
        flags: open on the child; a restricted address covers the child's home.
        at_home: ids of the people who live with the child.
    """
    ties = session.execute(
        select(Relationship.person_id, Relationship.sibling_id).where(Relationship.child_id == child_id)
    ).all()
    people = {tie.person_id for tie in ties if tie.person_id}
    children = {child_id, *(tie.sibling_id for tie in ties if tie.sibling_id)}
    rows = session.scalars(select(Address).where(or_(Address.person_id.in_(people), Address.child_id.in_(children))))
    restricted = SafetyKind.RESTRICTED_ADDRESS in flags
    home = {child_id, *at_home}
    return tuple(
        place_of(row)
        for row in rows
        if row.protected or (restricted and row.to_on is None and (row.child_id or row.person_id) in home)
    )


def place_of(address: Address) -> ProtectedPlace:
    """Return an address as it is looked for."""
    first = next((line for line in address.lines.splitlines() if line.strip()), "")
    return ProtectedPlace(_fold(address.postcode), _fold(first))


def leaks(values: Mapping[str, str], places: Iterable[ProtectedPlace]) -> list[str]:
    """Return the fields in which a protected address stands.

    Args:
        values: merge field to the text that will be printed.
        places: to look for.
    """
    found = list(places)
    leaking = []
    for name, value in values.items():
        if name in _COUNCIL or not value:
            continue
        words = _fold(value)
        # The reader's own address may share a postcode with a protected one down the road.
        own = name == "recipient_address"
        for place in found:
            by_line = len(place.line) >= _SHORTEST_LINE and place.line in words
            if by_line or (place.postcode and place.postcode in words and not own):
                leaking.append(name)
                break
    return leaking


def _fold(text: str) -> str:
    return _LETTERS.sub("", text.casefold())
