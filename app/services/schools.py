"""Finding schools by what people type, by number, and through the links that conversions leave."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from app.models import School, SchoolLink
from app.models.folding import fold
from app.services.access import Permission, require

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.services.workspace import Workspace

LINKS_FOLLOWED = 20
"""A longer chain is a mistake in the data."""


@dataclass(frozen=True, slots=True)
class SchoolChoice:
    """A school as a picker shows it.

    Attributes:
        dfe_number: LLLNNNN, or empty.
        detail: town, authority and status in one line.
    """

    urn: str
    name: str
    town: str
    dfe_number: str
    phase: str
    open: bool
    detail: str


def search_schools(ws: "Workspace", text: str, *, limit: int = 12) -> list[SchoolChoice]:
    """Return schools by the start of any word of the name, by URN or by DfE number; open ones first.

    Args:
        ws: the vault.
        text: what was typed; at least two characters.
        limit: most choices.
    """
    require(ws.actor, Permission.READ_REFERENCE)
    words = fold(text).split()
    if sum(map(len, words)) < 2:
        return []
    digits = text.replace("/", "").replace(" ", "")
    with ws.read() as session:
        query = select(School)
        if digits.isascii() and digits.isdigit() and len(digits) >= 5:
            query = query.where(
                (School.urn == digits) | ((School.la_code == digits[:3]) & (School.establishment_number == digits[3:7]))
            )
        else:
            for word in words:
                query = query.where(
                    School.name_folded.startswith(word, autoescape=True)
                    | School.name_folded.contains(f" {word}", autoescape=True)
                )
        rows = session.scalars(
            query.order_by((School.status_code == "2"), School.name_folded, School.urn).limit(limit)
        ).all()
        return [choice_of(school) for school in rows]


def choice_of(school: School) -> SchoolChoice:
    """Return a school as a picker shows it."""
    number = f"{school.la_code}{school.establishment_number}" if school.establishment_number else ""
    is_open = school.status_code != "2"
    parts = [school.town, school.la_name, "" if is_open else "closed"]
    return SchoolChoice(
        urn=school.urn,
        name=school.name,
        town=school.town,
        dfe_number=number,
        phase=school.phase_name,
        open=is_open,
        detail=", ".join(part for part in parts if part),
    )


def find_school(ws: "Workspace", urn: str) -> SchoolChoice | None:
    """Return a school by URN."""
    require(ws.actor, Permission.READ_REFERENCE)
    with ws.read() as session:
        school = session.scalars(select(School).where(School.urn == urn)).one_or_none()
        return choice_of(school) if school is not None else None


def resolve(
    session: "Session", *, urn: str = "", la: str = "", establishment: str = "", name: str = ""
) -> School | None:
    """Return the one school that numbers or an exact name point to; None where they point to none or to several.

    Args:
        session: reading.
        urn: strongest.
        la: authority code of 3 digits, with ``establishment`` of 4.
        establishment: see ``la``.
        name: folded and compared whole; taken only when one school has it.
    """
    if urn.isascii() and urn.isdigit():
        school = session.scalars(select(School).where(School.urn == urn)).one_or_none()
        if school is not None:
            return school
    if la and establishment.isascii() and establishment.isdigit():
        found = session.scalars(
            select(School)
            .where(School.la_code == la, School.establishment_number == establishment.zfill(4))
            .order_by(School.status_code == "2", School.urn.desc())
        ).first()
        if found is not None:
            return found
    folded = fold(name)
    if folded:
        named = session.scalars(select(School).where(School.name_folded == folded).limit(2)).all()
        if len(named) == 1:
            return named[0]
    return None


def current_urn(session: "Session", urn: str) -> str:
    """Return the URN of the school that a school has become, following successors to the end.

    Loops and chains that fork are guarded against: at a loop or a fork the last certain URN is returned.
    """
    here, passed = urn, [urn]
    for _ in range(LINKS_FOLLOWED):
        following = set(
            session.scalars(
                select(SchoolLink.linked_urn).where(
                    SchoolLink.urn == here, SchoolLink.kind.startswith("Successor", autoescape=True)
                )
            )
        )
        if len(following) != 1:
            return here
        here = following.pop()
        if here in passed:
            return min(passed[passed.index(here) :])  # a loop: whoever enters it gets the same answer
        passed.append(here)
    return here


def same_school(session: "Session", urns: Iterable[str]) -> bool:
    """Return whether URNs lead to one school of today."""
    ends = {current_urn(session, urn) for urn in urns if urn}
    return len(ends) == 1
