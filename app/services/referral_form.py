"""The answers of the new-referral pages: what is kept as typed, and what must be put right before a case is opened.

Every question may be answered "Not known"; an empty answer is not the same thing.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from app.models.terms import SAFETY_WORDS, ReferralSource, SafetyKind
from app.services import upn
from app.services.matching import Subject

STEPS = ("who", "child", "match", "family", "known", "safety", "open")
STEP_WORDS = {
    "who": "Who told us",
    "child": "About the child",
    "match": "Check for a match",
    "family": "Family and contacts",
    "known": "What is known",
    "safety": "Safety questions",
    "open": "Check and open",
}
SOURCE_WORDS = {
    ReferralSource.SCHOOL_DELETION: "School: removed from the register",
    ReferralSource.SCHOOL_UNTRACED: "School: cannot be traced",
    ReferralSource.OTHER_AUTHORITY: "Another local authority",
    ReferralSource.HEALTH: "Health",
    ReferralSource.POLICE: "Police",
    ReferralSource.SOCIAL_CARE: "Children's social care",
    ReferralSource.HOUSING: "Housing",
    ReferralSource.YOUTH_OFFENDING: "Youth offending team",
    ReferralSource.ADMISSIONS: "Admissions",
    ReferralSource.HOME_EDUCATION_TEAM: "Home education team",
    ReferralSource.PARENT: "Parent or carer",
    ReferralSource.PUBLIC: "A member of the public",
    ReferralSource.DATA_MATCH: "A match of records",
}
SAFETY_QUESTIONS = {
    SafetyKind.VIOLENCE: "Has anybody in the home been violent?",
    SafetyKind.THREAT_TO_STAFF: "Has anybody threatened staff?",
    SafetyKind.VISIT_IN_PAIRS: "Should officers visit in pairs?",
    SafetyKind.DOGS: "Is there a dog that may be dangerous?",
    SafetyKind.HAZARDOUS_PREMISES: "Is the building unsafe?",
    SafetyKind.RESTRICTED_ADDRESS: "Must the address be kept secret?",
    SafetyKind.SAFE_CONTACT_ONLY: "Is there anybody we must not contact?",
    SafetyKind.CHILD_PROTECTION_PLAN: "Is there a child protection plan?",
    SafetyKind.LOOKED_AFTER: "Is the child looked after?",
    SafetyKind.TEMPORARY_HOUSING: "Is the family in temporary housing or a refuge?",
    SafetyKind.INTERPRETER: "Is an interpreter needed?",
}
SCHOOL_SOURCES = frozenset({ReferralSource.SCHOOL_DELETION, ReferralSource.SCHOOL_UNTRACED})
NOT_KNOWN = "not_known"
KNOWN = "known"


@dataclass(slots=True)
class WhoTold:
    """Step 1. Dates are ISO where they were understood, else as typed."""

    source: str = ""
    name: str = ""
    organisation: str = ""
    contact: str = ""
    school_urn: str = ""
    school_name: str = ""
    received_on: str = ""
    reason: str = ""


@dataclass(slots=True)
class AboutChild:
    """Step 2."""

    forename: str = ""
    middle_names: str = ""
    surname: str = ""
    preferred_name: str = ""
    other_names: list[str] = field(default_factory=list)
    born: str = ""
    """``known``, ``not_known`` or empty."""
    born_on: str = ""
    age_described: str = ""
    expected_on: str = ""
    sex: str = ""
    upn: str = ""
    former_upn: str = ""
    year_group: str = ""
    first_language: str = ""
    address_state: str = ""
    """``known``, ``not_known`` or empty."""
    address: str = ""
    town: str = ""
    postcode: str = ""
    phone: str = ""


@dataclass(slots=True)
class CarerAnswer:
    """A parent, carer or other person (step 4)."""

    title: str = ""
    forename: str = ""
    surname: str = ""
    kind: str = "PAR"
    responsibility: str = "not_asked"
    lives_with: bool = False
    phone: str = ""
    email: str = ""
    language: str = ""
    contact: str = "not_asked"
    """``known`` is safe, ``refused`` is do not contact."""
    address: str = ""
    town: str = ""
    postcode: str = ""
    note: str = ""


@dataclass(slots=True)
class SiblingAnswer:
    """A brother or sister (step 4)."""

    name: str = ""
    age: str = ""
    child_id: str = ""


@dataclass(slots=True)
class Family:
    """Step 4."""

    carers: list[CarerAnswer] = field(default_factory=list)
    siblings: list[SiblingAnswer] = field(default_factory=list)
    nobody_known: bool = False


@dataclass(slots=True)
class WhatIsKnown:
    """Step 5."""

    school_urn: str = ""
    school_name: str = ""
    admitted_on: str = ""
    on_roll_until: str = ""
    last_attended_on: str = ""
    ground_regime: str = ""
    ground_code: str = ""
    ground_as_given: str = ""
    destination: str = ""
    destination_from: str = ""
    last_seen_on: str = ""
    last_seen_where: str = ""
    last_seen_by: str = ""
    health: str = ""
    tried: str = ""
    notes: str = ""


@dataclass(slots=True)
class SafetyAnswer:
    """One safety question: ``yes``, ``no``, ``not_known`` or empty; what is known when yes."""

    answer: str = ""
    detail: str = ""


@dataclass(slots=True)
class Answers:
    """The whole form.

    Attributes:
        queries: open questions to the sender, in words.
        kept: what came with a file and has no place of its own, by source.
        step: where the person was.
    """

    who: WhoTold = field(default_factory=WhoTold)
    child: AboutChild = field(default_factory=AboutChild)
    family: Family = field(default_factory=Family)
    known: WhatIsKnown = field(default_factory=WhatIsKnown)
    safety: dict[str, SafetyAnswer] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    step: str = "who"

    @property
    def child_name(self) -> str:
        """Return the child's name, or words for having none."""
        return f"{self.child.forename} {self.child.surname}".strip() or "Child not named yet"


@dataclass(frozen=True, slots=True)
class Problem:
    """What must be put right: the step, the field and the words beside it."""

    step: str
    field: str
    message: str


def to_json(answers: Answers) -> dict[str, Any]:
    """Return answers as they are stored."""
    stored: dict[str, Any] = msgspec.to_builtins(answers)
    return stored


def from_json(stored: dict[str, Any]) -> Answers:
    """Return stored answers; a part that is not readable comes back empty rather than stopping the page."""
    answers = Answers()
    for name, kind in (
        ("who", WhoTold),
        ("child", AboutChild),
        ("family", Family),
        ("known", WhatIsKnown),
        ("safety", dict[str, SafetyAnswer]),
        ("queries", list[str]),
        ("kept", dict[str, Any]),
        ("step", str),
    ):
        if name in stored:
            try:
                setattr(answers, name, msgspec.convert(stored[name], kind, strict=False))
            except (msgspec.ValidationError, TypeError):
                continue
    if answers.step not in STEPS:
        answers.step = "who"
    return answers


def day(text: str) -> date | None:
    """Return an ISO date, or None for anything else."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def subject_of(answers: Answers) -> Subject:
    """Return the referred child as matching sees it."""
    child, known = answers.child, answers.known
    who = answers.who
    from_school = who.source in {source.value for source in SCHOOL_SOURCES}
    checked, former = upn.check(child.upn), upn.check(child.former_upn)
    parents = [f"{carer.forename} {carer.surname}".strip() for carer in answers.family.carers]
    return Subject(
        forename=child.forename.strip(),
        surname=child.surname.strip(),
        preferred_name=child.preferred_name.strip(),
        other_names=tuple(split_name(name) for name in child.other_names if name.strip()),
        born_on=day(child.born_on) if child.born != NOT_KNOWN else None,
        age_described=child.age_described.strip(),
        upn=checked.upn if checked.usable else "",
        former_upn=former.upn if former.usable else "",
        address_lines=child.address.strip(),
        town=child.town.strip(),
        postcode=child.postcode.strip(),
        parents=tuple(parent for parent in parents if parent),
        last_school_urn=known.school_urn or (who.school_urn if from_school else ""),
        last_school_name=known.school_name or (who.school_name if from_school else ""),
        last_school_until=day(known.on_roll_until),
        siblings=tuple(
            (sibling.name.strip(), int(sibling.age) if sibling.age.isdigit() else None)
            for sibling in answers.family.siblings
            if sibling.name.strip()
        ),
    )


def split_name(name: str) -> tuple[str, str]:
    """Return (forename, surname) of a full name; the last word is the surname."""
    words = name.split()
    return (" ".join(words[:-1]), words[-1]) if len(words) > 1 else ("", words[0] if words else "")


def problems(answers: Answers, today: date, *, joined: bool = False) -> list[Problem]:
    """Return what must be put right before a case can be opened, in the order of the steps.

    Args:
        answers: the form.
        today: local day.
        joined: the child is already known, so its own record answers what this form leaves empty.
    """
    found = _who_problems(answers.who, today) + _child_problems(answers.child, today)
    if joined:
        found = [problem for problem in found if problem.field not in {"born_on", "address"} or problem.step == "who"]
    found += _family_problems(answers.family) + _known_problems(answers.known, today)
    return found + _safety_problems(answers.safety)


def _past(step: str, name: str, label: str, text: str, today: date) -> list[Problem]:
    if not text:
        return []
    value = day(text)
    if value is None:
        return [Problem(step, name, f"{label} must be a date, such as 3 May 2013.")]
    if value > today:
        return [Problem(step, name, f"{label} must be today or earlier.")]
    return []


def _who_problems(who: WhoTold, today: date) -> list[Problem]:
    found = []
    if who.source not in {source.value for source in ReferralSource}:
        found.append(Problem("who", "source", "Choose who told us."))
    elif who.source in {source.value for source in SCHOOL_SOURCES} and not who.school_name.strip():
        found.append(Problem("who", "school", "Enter the school that told us."))
    if not who.received_on:
        found.append(Problem("who", "received_on", "Enter the date the referral came."))
    return found + _past("who", "received_on", "Date received", who.received_on, today)


def _child_problems(child: AboutChild, today: date) -> list[Problem]:
    found = []
    if not child.forename.strip() and not child.surname.strip():
        found.append(Problem("child", "surname", "Enter a first name or a last name. One is enough to start."))
    if child.born != NOT_KNOWN and not child.born_on and not child.expected_on:
        found.append(Problem("child", "born_on", 'Enter a date of birth, or choose "Not known".'))
    elif child.born != NOT_KNOWN:
        found += _past("child", "born_on", "Date of birth", child.born_on, today)
        value = day(child.born_on)
        if value is not None and today.year - value.year > 25:
            found.append(Problem("child", "born_on", "Date of birth must be in the last 25 years. Check the year."))
    checked = upn.check(child.upn)
    if checked.state is upn.UpnState.WRONG_SHAPE:
        found.append(Problem("child", "upn", checked.message))
    if child.address_state != NOT_KNOWN and not child.address.strip() and not child.postcode.strip():
        found.append(Problem("child", "address", 'Enter an address, or choose "Not known".'))
    return found


def _family_problems(family: Family) -> list[Problem]:
    return [
        Problem("family", f"carer{index}", "Enter a name, or remove this person.")
        for index, carer in enumerate(family.carers)
        if not (carer.forename.strip() or carer.surname.strip())
    ]


def _known_problems(known: WhatIsKnown, today: date) -> list[Problem]:
    found = []
    for name, label in (("last_attended_on", "Last attended"), ("last_seen_on", "Last seen")):
        found += _past("known", name, label, getattr(known, name), today)
    for name, label in (("on_roll_until", "Removed from the register on"), ("destination_from", "Start date")):
        text = getattr(known, name)
        if text and day(text) is None:
            found.append(Problem("known", name, f"{label} must be a date, such as 6 November 2026."))
    return found


def _safety_problems(safety: dict[str, SafetyAnswer]) -> list[Problem]:
    found = []
    for kind in SAFETY_QUESTIONS:
        given = safety.get(kind.value, SafetyAnswer())
        if given.answer not in {"yes", "no", NOT_KNOWN}:
            found.append(Problem("safety", kind.value, 'Choose an answer, or "Not known".'))
        elif given.answer == "yes" and not given.detail.strip():
            words = SAFETY_WORDS[kind].lower()
            found.append(Problem("safety", kind.value, f"Say what is known ({words}) and who told us."))
    return found
