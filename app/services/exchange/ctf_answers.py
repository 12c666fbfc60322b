"""A pupil of a Common Transfer File as the answers of a referral, for preview, matching and the draft."""

from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from app.models.terms import ReferralSource, SafetyKind
from app.services import grounds, schools
from app.services.exchange.ctf_file import CtfContact, CtfFile, CtfPupil, CtfSchool
from app.services.grounds import Ground
from app.services.referral_form import KNOWN, NOT_KNOWN, Answers, CarerAnswer, SafetyAnswer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

KEPT_BYTES = 200_000
"""Unknown elements of one pupil beyond this stay only in the kept file."""


def answers_for(session: "Session", file: CtfFile, pupil: CtfPupil, today: date) -> Answers:
    """Return a pupil as a referral's answers.

    Args:
        session: reading, to find the schools named.
        file: the whole file.
        pupil: one that is not refused.
        today: local day the file came.
    """
    answers = Answers()
    last = last_school(pupil)
    _who(session, answers, file, last, today)
    _child(answers, pupil)
    answers.family.carers = [_carer(contact) for contact in pupil.contacts if contact.forename or contact.surname]
    if last is not None:
        _known(session, answers, last)
    if pupil.in_care:
        who = f" of authority {pupil.care_authority}" if pupil.care_authority else ""
        detail = f"The school's file says in care{who}."
        answers.safety[SafetyKind.LOOKED_AFTER.value] = SafetyAnswer("yes", detail)
    answers.queries += [f"{pupil.name}: {warning}" for warning in pupil.warnings]
    answers.kept["ctf"] = _kept(file, pupil)
    return answers


def last_school(pupil: CtfPupil) -> CtfSchool | None:
    """Return the school of the history that the pupil left last, or has not left."""
    dated = [school for school in pupil.schools if school.name or school.urn or school.establishment]
    return max(dated, key=lambda school: (school.leaving_on or date.max, school.entry_on or date.min), default=None)


def _who(session: "Session", answers: Answers, file: CtfFile, last: CtfSchool | None, today: date) -> None:
    who, source = answers.who, file.source
    left = last is not None and last.leaving_on is not None
    if source.establishment.upper() == "LLLL":
        who.source = ReferralSource.OTHER_AUTHORITY.value
        who.organisation = source.name or f"Local authority {source.la}"
    else:
        untraced = file.lost_pupil or not left
        kind = ReferralSource.SCHOOL_UNTRACED if untraced else ReferralSource.SCHOOL_DELETION
        who.source = kind.value
        who.school_urn, who.school_name = named(session, source)
    who.received_on = today.isoformat()
    sender = who.school_name or who.organisation
    where = " Where the child has gone is not known to the sender." if file.lost_pupil else ""
    who.reason = f"Common Transfer File from {sender}.{where}"


def named(session: "Session", school: CtfSchool) -> tuple[str, str]:
    """Return URN and name of a school of a file: as GIAS has it where it is found, else as the file has it."""
    found = schools.resolve(session, urn=school.urn, la=school.la, establishment=school.establishment)
    if found is not None:
        return found.urn, found.name
    number = f"{school.la}{school.establishment}"
    return school.urn, school.name or (f"School {number}" if number else "")


def _child(answers: Answers, pupil: CtfPupil) -> None:
    child, home = answers.child, pupil.address
    child.forename, child.surname, child.middle_names = pupil.forename, pupil.surname, pupil.middle_names
    if pupil.preferred_forename and pupil.preferred_forename != pupil.forename:
        child.preferred_name = pupil.preferred_forename
    if pupil.preferred_surname and pupil.preferred_surname != pupil.surname:
        child.other_names.append(f"{pupil.preferred_forename or pupil.forename} {pupil.preferred_surname}".strip())
    child.other_names += [name for name in pupil.former_names if name != pupil.name]
    child.born = KNOWN if pupil.born_on else NOT_KNOWN
    child.born_on = pupil.born_on.isoformat() if pupil.born_on else ""
    child.sex, child.upn, child.former_upn = pupil.sex, pupil.upn, pupil.former_upn
    child.year_group, child.first_language = pupil.year_group, pupil.first_language
    child.address_state = KNOWN if home else NOT_KNOWN
    child.address, child.town, child.postcode = home.lines, home.town, home.postcode
    child.phone = pupil.phones[0] if pupil.phones else ""


def _carer(contact: CtfContact) -> CarerAnswer:
    responsibility = {True: KNOWN, False: NOT_KNOWN, None: "not_asked"}[contact.responsibility]
    return CarerAnswer(
        title=contact.title,
        forename=contact.forename,
        surname=contact.surname,
        kind=contact.relationship or "OTH",
        responsibility=responsibility,
        lives_with=contact.lives_with,
        phone=contact.phones[0] if contact.phones else "",
        email=contact.email,
        address=contact.address.lines,
        town=contact.address.town,
        postcode=contact.address.postcode,
        note=f"Court order, as the school gave it: {contact.court_order}" if contact.court_order else "",
    )


def _known(session: "Session", answers: Answers, last: CtfSchool) -> None:
    known = answers.known
    known.school_urn, known.school_name = named(session, last)
    known.admitted_on = last.entry_on.isoformat() if last.entry_on else ""
    known.on_roll_until = last.leaving_on.isoformat() if last.leaving_on else ""
    if not last.removal_ground:
        return
    known.ground_as_given = last.removal_ground
    if last.leaving_on is None:
        answers.queries.append("A ground for removal is given without a leaving date. Ask the school for the date.")
        return
    ground = grounds.lookup(last.removal_ground, last.leaving_on)
    if isinstance(ground, Ground):
        known.ground_regime, known.ground_code = ground.regime, ground.code
    else:
        answers.queries.append(ground.message)


def _kept(file: CtfFile, pupil: CtfPupil) -> dict[str, Any]:
    kept = {
        "sha256": file.sha256,
        "version": file.version,
        "supplier": file.supplier,
        "pupil": pupil.number,
        "unknown": pupil.unknown,
    }
    if len(msgspec.json.encode(pupil.unknown)) > KEPT_BYTES:
        kept["unknown"] = {"note": "Too much to keep here; it is in the kept file."}
    return kept
