"""The other officers' cases: made from lists of names, always the same ones."""

from datetime import date
from random import Random

from app.demo import spec
from app.demo.spec import Adult, CaseSpec, ChildSpec, DueSpec, LastSpec
from app.models.terms import EventKind, ReferralSource, RelationshipKind, Stage

_SEED = 999
_STAGES = (
    [Stage.ENQUIRIES] * 9 + [Stage.INITIAL_CHECKS] * 3 + [Stage.LOCATED] * 3 + [Stage.PLACE_OFFERED] * 3
    + [Stage.JOINT_ENQUIRIES, Stage.LEGAL_NOTICE]
)  # fmt: skip
_LAST = (
    (EventKind.CALL, "Rang the mother"),
    (EventKind.VISIT, "Home visit"),
    (EventKind.EMAIL, "Asked Housing"),
    (EventKind.CONTACT, "S2S search"),
    (EventKind.CALL, "Call to school"),
    (EventKind.EMAIL, "Asked the GP"),
)
_FIRST_REFERENCE = 130


def others(*, only: int | None = None) -> list[ChildSpec]:
    """Return invented children for the officers whose cases are not told, to the numbers of the caseload.

    Args:
        only: at most so many children an officer; all of them when left out.
    """
    random, marlshire = Random(_SEED), spec.marlshire()
    pool = _names(random)
    told = [child.case.officer for child in spec.children() if child.case and child.case.closed is None]
    found: list[ChildSpec] = []
    for officer, load in marlshire.caseload.items():
        missing = load.open - told.count(officer)
        dues = [-days for days in load.over] + load.due
        for number in range(min(missing, only) if only is not None else missing):
            at = dues[number] if number < len(dues) else random.randint(7, 17)
            found.append(_child(random, pool.pop(), officer, at, _FIRST_REFERENCE + len(found)))
    return _with_proposals(found)


def _names(random: Random) -> list[tuple[str, str, str]]:
    lists = spec.marlshire().others
    names = [(forename, sex) for forenames, sex in ((lists.girls, "F"), (lists.boys, "M")) for forename in forenames]
    pairs = [(forename, surname, sex) for forename, sex in names for surname in lists.surnames]
    random.shuffle(pairs)
    return pairs


def _child(random: Random, name: tuple[str, str, str], officer: str, at: int, reference: int) -> ChildSpec:
    marlshire = spec.marlshire()
    forename, surname, sex = name
    born = date(2010 + random.randrange(1, 11), random.randrange(1, 13), random.randrange(1, 28))
    primary = born.year >= 2016
    school = random.choice([school for school in marlshire.school if (school.phase == "Primary") == primary])
    opened = -random.randrange(20, 70)
    kind, title = random.choice(_LAST)
    stage = random.choice(_STAGES)
    statutory = stage is Stage.LEGAL_NOTICE and at <= 10
    length = 15 if statutory else 10 if at <= 9 else 20
    what = "Parent’s reply to section 437 notice" if statutory else "Next step agreed with the family"
    home = [f"{random.randrange(1, 90)} {random.choice(marlshire.others.streets)}", school.town]
    inward = f"{random.randrange(1, 9)}{random.choice('ABDEFGHJLN')}{random.choice('PQRSTUWXYZ')}"
    home.append(f"{marlshire.towns[school.town]} {inward}")
    mother = f"{random.choice(marlshire.others.girls)} {surname}"
    return ChildSpec(
        key=f"other-{reference}",
        name=f"{forename} {surname}",
        born=born,
        sex=sex,
        home=home,
        school=school.key,
        left=opened - random.randrange(1, 8),
        adults=[Adult(mother, RelationshipKind.MOTHER, "Ms", f"07700 900{600 + reference:03d}"[:12])],
        case=CaseSpec(
            ref=reference,
            stage=stage,
            source=random.choice([ReferralSource.SCHOOL_DELETION, ReferralSource.SCHOOL_UNTRACED]),
            area=school.town,
            from_=school.name,
            officer=officer,
            opened=opened,
        ),
        due=DueSpec(at, what, length, statutory),
        last=LastSpec(-random.randrange(0, 9), kind, title),
    )


def _with_proposals(children: list[ChildSpec]) -> list[ChildSpec]:
    """Mark the last case of two officers as ready to close."""
    import msgspec

    marked, officers = list(children), ["samir", "tom"]
    for index in range(len(marked) - 1, -1, -1):
        case = marked[index].case
        if case and case.officer in officers:
            officers.remove(case.officer)
            marked[index] = msgspec.structs.replace(marked[index], proposed="R2")
    return marked
