"""Whether a referred child is already known: candidates found in SQL, compared field by field, never decided here.

Twins share a date of birth, a surname and an address; a different first name keeps such a candidate weak, and nothing
is ever merged by this module.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, or_, select

from app.models import Address, Child, ChildName, Relationship
from app.models.folding import fold, fold_postcode, sound
from app.services import comparing
from app.services.comparing import Comparison, Likeness

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

BLOCK = 400
"""Most rows one way of looking returns; past that the way is too vague to help."""
CANDIDATES = 3


class Strength(StrEnum):
    """How strong a suggestion is. Advice only."""

    STRONG = "Strong match"
    POSSIBLE = "Possible match"
    WEAK = "Weak match"


_RANK = {Strength.STRONG: 0, Strength.POSSIBLE: 1, Strength.WEAK: 2}


@dataclass(frozen=True, slots=True)
class Subject:
    """The child of a referral or an import, as far as it is known.

    Attributes:
        other_names: further (forename, surname) pairs.
        parents: full names.
        siblings: (forename, age or None) pairs.
    """

    forename: str = ""
    surname: str = ""
    preferred_name: str = ""
    other_names: tuple[tuple[str, str], ...] = ()
    born_on: date | None = None
    age_described: str = ""
    upn: str = ""
    former_upn: str = ""
    address_lines: str = ""
    town: str = ""
    postcode: str = ""
    parents: tuple[str, ...] = ()
    last_school_urn: str = ""
    last_school_name: str = ""
    last_school_until: date | None = None
    siblings: tuple[tuple[str, int | None], ...] = ()

    @property
    def name(self) -> str:
        """Return the name as shown."""
        return f"{self.forename} {self.surname}".strip()


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """One row of the comparison table for one candidate."""

    key: str
    label: str
    theirs: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known child who may be the same.

    Attributes:
        heading: what the record is, such as "Closed case, July 2025".
        case_id: the child's open case, else the last closed one.
        reasons: why it is suggested, strongest first.
        restricted: the signed-in person may not see the details.
    """

    child_id: str
    name: str
    heading: str
    strength: Strength
    reasons: tuple[str, ...]
    fields: tuple[FieldComparison, ...] = ()
    case_id: str | None = None
    case_reference: str = ""
    case_open: bool = False
    restricted: bool = False

    def evidence(self) -> dict[str, Any]:
        """Return what was shown, for the record of the decision."""
        return {
            "child_id": self.child_id,
            "name": self.name,
            "case": "" if self.case_id is None else "open" if self.case_open else "closed",
            "heading": self.heading,
            "strength": self.strength.value,
            "reasons": list(self.reasons),
            "fields": {line.key: line.comparison.words for line in self.fields},
        }


@dataclass(slots=True)
class Hit:
    """A child found by a block, with the identity comparisons that decide its strength."""

    child: Child
    name: Comparison
    forename: Comparison
    surname: Comparison
    born: Comparison
    upn: Comparison
    by_alias: str = ""
    same_postcode: bool = False
    strength: Strength | None = None
    reasons: list[str] = field(default_factory=list)


def find_hits(session: "Session", subject: Subject) -> list[Hit]:
    """Return the children that any block finds and the comparison does not rule out."""
    found: dict[str, Child] = {}
    for condition in _blocks(subject):
        for child in session.scalars(select(Child).where(condition).limit(BLOCK)):
            found[child.id] = child
    by_name = set(session.scalars(_alias_block(subject).limit(BLOCK)))
    by_postcode = _at_postcode(session, subject.postcode)
    missing = (by_name | by_postcode) - found.keys()
    for child in _load(session, missing):
        found[child.id] = child
    aliases = _aliases(session, found.keys())
    hits = [_compare(subject, child, aliases.get(child.id, [])) for child in found.values()]
    for hit in hits:
        hit.same_postcode = hit.child.id in by_postcode
        judge(hit)
    return [hit for hit in hits if hit.strength is not None]


def rank(hits: Iterable[Hit]) -> list[Hit]:
    """Return hits strongest first; among equals the one with more in common, then by name."""

    def key(hit: Hit) -> tuple[int, int, str, str]:
        common = sum(
            (2 if comparison.likeness is Likeness.SAME else 1)
            for comparison in (hit.upn, hit.born, hit.forename, hit.surname)
            if comparison
        )
        strength = hit.strength or Strength.WEAK
        return (_RANK[strength], -common - hit.same_postcode, hit.child.surname_folded, hit.child.id)

    return sorted(hits, key=key)


def judge(hit: Hit) -> None:
    """Set a hit's strength (None: not worth showing) and the reasons for it."""
    born, upn = hit.born.likeness, hit.upn.likeness
    name_same = hit.name.likeness is Likeness.SAME
    first_differs = hit.forename.likeness is Likeness.DIFFERENT
    if upn is Likeness.SAME:
        sure = bool(hit.name) and born is not Likeness.DIFFERENT
        hit.strength = Strength.STRONG if sure else Strength.POSSIBLE
    elif born is Likeness.SAME and first_differs and hit.surname:
        hit.strength = Strength.WEAK  # brothers and sisters of one birth
    elif born is Likeness.SAME and hit.name:
        certain = (name_same or hit.same_postcode) and upn is not Likeness.DIFFERENT
        hit.strength = Strength.STRONG if certain else Strength.POSSIBLE
    elif born is Likeness.CLOSE and hit.name:
        backed = name_same or hit.same_postcode
        hit.strength = Strength.POSSIBLE if backed and upn is not Likeness.DIFFERENT else Strength.WEAK
    elif born is Likeness.NOT_RECORDED and hit.name:
        hit.strength = Strength.POSSIBLE if hit.same_postcode else Strength.WEAK
    elif (hit.name and (name_same or hit.same_postcode)) or (upn is Likeness.CLOSE and (hit.name or hit.born)):
        hit.strength = Strength.WEAK
    hit.reasons = _reasons(hit, twin=born is Likeness.SAME and first_differs and bool(hit.surname))


def _reasons(hit: Hit, *, twin: bool) -> list[str]:
    reasons = []
    if hit.upn:
        reasons.append(hit.upn.why or "Same UPN")
    if hit.born:
        reasons.append("Same date of birth" if hit.born.likeness is Likeness.SAME else f"Born: {_lower(hit.born.why)}")
    if twin:
        reasons.append("First name differs: may be a twin")
    elif hit.name.likeness is Likeness.SAME:
        reasons.append(f"Same name ({hit.by_alias})" if hit.by_alias else "Same name")
    elif hit.name:
        reasons.append(f"Name: {_lower(hit.name.why)}")
    if hit.same_postcode:
        reasons.append("Same postcode")
    return reasons


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _blocks(subject: Subject) -> list[ColumnElement[bool]]:
    blocks: list[ColumnElement[bool]] = []
    upns = [upn for upn in (subject.upn, subject.former_upn) if upn]
    if upns:
        blocks.append(Child.upn.in_(upns))
        blocks.append(Child.former_upn.in_(upns))
    if subject.born_on is not None:
        blocks.append(Child.born_on == subject.born_on)
    surname, forename = fold(subject.surname), fold(subject.forename)
    if surname:
        parts = {surname, *surname.split()}
        alike = or_(
            Child.name_sound.in_({sound(part) for part in parts}),
            Child.surname_folded.in_(parts),
            *(Child.surname_folded.startswith(f"{part} ", autoescape=True) for part in parts),
        )
        if subject.born_on is not None:
            blocks.append(Child.born_on.in_(comparing.near_days(subject.born_on)) & alike)
        if forename:
            # On its own, so that a very common name cannot crowd the exact one out.
            blocks.append((Child.surname_folded == surname) & (Child.forename_folded == forename))
            blocks.append(alike & Child.forename_folded.startswith(forename[:1], autoescape=True))
    return blocks


def _alias_block(subject: Subject) -> Any:
    names = [(subject.forename, subject.surname), *subject.other_names]
    surnames = {fold(surname) for _, surname in names if fold(surname)}
    sounds = {sound(surname) for surname in surnames}
    if not surnames:
        return select(ChildName.child_id).where(ChildName.id == "")
    return select(ChildName.child_id).where(
        or_(ChildName.surname_folded.in_(surnames), ChildName.name_sound.in_(sounds))
    )


def _at_postcode(session: "Session", postcode: str) -> set[str]:
    folded = fold_postcode(postcode)
    if not folded:
        return set()
    rows = session.execute(
        select(Address.child_id, Address.person_id).where(Address.postcode_folded == folded).limit(BLOCK)
    ).all()
    children = {child_id for child_id, _ in rows if child_id}
    people = [person_id for _, person_id in rows if person_id]
    if people:
        children |= set(session.scalars(select(Relationship.child_id).where(Relationship.person_id.in_(people))))
    return children


def _load(session: "Session", ids: Iterable[str]) -> list[Child]:
    wanted = list(ids)
    return list(session.scalars(select(Child).where(Child.id.in_(wanted)))) if wanted else []


def _aliases(session: "Session", ids: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    wanted = list(ids)
    names: dict[str, list[tuple[str, str]]] = {}
    for start in range(0, len(wanted), 500):
        piece = wanted[start : start + 500]
        for alias in session.scalars(select(ChildName).where(ChildName.child_id.in_(piece))):
            names.setdefault(alias.child_id, []).append((alias.forename, alias.surname))
    return names


def _compare(subject: Subject, child: Child, aliases: list[tuple[str, str]]) -> Hit:
    ours = [(subject.forename, subject.surname), *subject.other_names]
    if subject.preferred_name:
        ours.append((subject.preferred_name, subject.surname))
    theirs = [(child.forename, child.surname), *aliases]
    if child.preferred_name:
        theirs.append((child.preferred_name, child.surname))
    best: tuple[tuple[int, int], Comparison, Comparison, Comparison, str] | None = None
    for our_index, (our_forename, our_surname) in enumerate(ours):
        for their_index, (their_forename, their_surname) in enumerate(theirs):
            forename = comparing.compare_names(our_forename, their_forename)
            surname = comparing.compare_names(our_surname, their_surname)
            whole = _whole_name(forename, surname)
            alias = f"also known as {their_forename} {their_surname}" if their_index else ""
            score = (_score(whole) * 10 + _score(forename) + _score(surname), -our_index - their_index)
            if best is None or score > best[0]:
                best = (score, whole, forename, surname, alias)
    assert best is not None  # both lists start with one name
    return Hit(
        child=child,
        name=best[1],
        forename=best[2],
        surname=best[3],
        by_alias=best[4] if best[1] else "",
        born=comparing.compare_days(subject.born_on, child.born_on),
        upn=comparing.compare_upns((subject.upn, subject.former_upn), (child.upn, child.former_upn)),
    )


def _whole_name(forename: Comparison, surname: Comparison) -> Comparison:
    if forename.likeness is Likeness.SAME and surname.likeness is Likeness.SAME:
        return comparing.SAME
    if Likeness.DIFFERENT in (forename.likeness, surname.likeness):
        return comparing.DIFFERENT
    if Likeness.NOT_RECORDED in (forename.likeness, surname.likeness):
        known = surname if forename.likeness is Likeness.NOT_RECORDED else forename
        return comparing.close("Part of name") if known else comparing.NOT_RECORDED
    return forename if forename.likeness is Likeness.CLOSE else surname


def _score(comparison: Comparison) -> int:
    return {Likeness.SAME: 3, Likeness.CLOSE: 2, Likeness.NOT_RECORDED: 1, Likeness.DIFFERENT: 0}[comparison.likeness]
