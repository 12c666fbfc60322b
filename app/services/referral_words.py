"""A referral's answers in words: who told us, the last school, the ground for removal."""

from app.services import grounds
from app.services.referral_form import SCHOOL_SOURCES, Answers


def source_name(answers: Answers) -> str:
    """Return who told us, in words for the queue."""
    who = answers.who
    if who.source in {source.value for source in SCHOOL_SOURCES} and who.school_name.strip():
        return who.school_name.strip()
    return who.organisation.strip() or who.name.strip()


def last_school(answers: Answers) -> tuple[str, str]:
    """Return URN and name of the last school: as asked, else the school that told us."""
    known, who = answers.known, answers.who
    if known.school_urn or known.school_name.strip():
        return known.school_urn, known.school_name.strip()
    if who.source in {source.value for source in SCHOOL_SOURCES}:
        return who.school_urn, who.school_name.strip()
    return "", ""


def ground_words(answers: Answers) -> str:
    """Return the ground for removal in words, or an empty text."""
    ground = grounds.find(answers.known.ground_regime, answers.known.ground_code)
    return f"{ground.code}: {ground.label}" if ground else answers.known.ground_as_given.strip()
