"""What importing a Common Transfer File would do: who may be known already, and which fields would change."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.errors import UserError
from app.models import ChangeLine, ChangeSetRow, Child, Referral
from app.services import matching, referral_form, upn
from app.services.access import Permission, require
from app.services.changes import decode
from app.services.exchange.ctf_answers import answers_for
from app.services.exchange.ctf_file import CtfFile, CtfPupil
from app.services.exchange.reference import reference_id
from app.services.exchange.report import Cancelled, Progress
from app.services.exchange.tabular import NOTHING_CHANGED
from app.services.match_details import describe
from app.services.matching import Candidate, Strength
from app.services.referral_form import Answers
from app.services.restriction import Sight, sight_of
from app.timesource import format_date, london, to_london

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.services.workspace import Workspace

NEW, SAME, SKIP, ASK = "new", "same", "skip", "ask"
LABELS = {
    "forename": "First name",
    "surname": "Last name",
    "born_on": "Date of birth",
    "upn": "UPN",
    "middle_names": "Middle names",
    "preferred_name": "Preferred name",
    "sex": "Sex",
    "former_upn": "Former UPN",
    "uln": "ULN",
    "ethnicity": "Ethnicity",
    "first_language": "First language",
    "sen_provision": "SEN provision",
    "year_group": "Year group",
}
_IDENTITY = frozenset({"forename", "surname", "born_on", "upn"})
"""Never overwritten by a file: another name or number is a question, not a correction."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a known child and what the import does with it.

    Attributes:
        action: ``fill``, ``update`` or ``keep``.
        why: for ``update`` and ``keep``, in words.
        value: what would be written.
    """

    name: str
    label: str
    ours: str
    theirs: str
    action: str
    why: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class PupilPlan:
    """One pupil of the file.

    Attributes:
        already: this pupil of this very file was imported before.
        changes: by candidate's child id.
    """

    pupil: CtfPupil
    referral_id: str
    answers: Answers
    candidates: tuple[Candidate, ...] = ()
    changes: dict[str, tuple[FieldChange, ...]] = field(default_factory=dict)
    already: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def suggestion(self) -> "Decision | None":
        """Return what would be proposed; None where a person must look first."""
        if self.already or self.pupil.refusal:
            return Decision(SKIP)
        if not self.candidates:
            return Decision(NEW)
        strong = [candidate for candidate in self.candidates if candidate.strength is Strength.STRONG]
        return Decision(SAME, strong[0].child_id) if len(strong) == 1 and not strong[0].restricted else None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about one pupil: ``new``, ``same`` (as ``child_id``), ``skip``, or ``ask`` a person."""

    kind: str
    child_id: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class CtfPlan:
    """The whole preview."""

    file: CtfFile
    file_name: str
    pupils: tuple[PupilPlan, ...]


def plan(
    ws: "Workspace",
    file: CtfFile,
    *,
    file_name: str = "",
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> CtfPlan:
    """Return what an import would do. Nothing is changed.

    Raises:
        AccessRefused: the role may not take referrals.
        UserError: it was stopped.
    """
    require(ws.actor, Permission.TAKE_REFERRALS)
    made = []
    with ws.read() as session:
        sight = sight_of(session, ws.actor)
        for pupil in file.pupils:
            if cancelled is not None and cancelled():
                raise UserError(f"Stopped. {NOTHING_CHANGED}")
            made.append(_plan(ws, session, file, pupil, sight))
            if progress is not None:
                progress(len(made), len(file.pupils))
    return CtfPlan(file, file_name, tuple(made))


def _plan(ws: "Workspace", session: "Session", file: CtfFile, pupil: CtfPupil, sight: Sight) -> PupilPlan:
    referral_id = reference_id("ctf", file.sha256, str(pupil.number))
    if pupil.refusal:
        return PupilPlan(pupil, referral_id, Answers())
    answers = answers_for(session, file, pupil, ws.time.today())
    subject = referral_form.subject_of(answers)
    ranked = matching.rank(matching.find_hits(session, subject))
    hits = [hit for hit in ranked if hit.child.id not in sight.hidden_children][: matching.CANDIDATES]
    changes = {
        hit.child.id: tuple(field_changes(session, file, pupil, hit.child))
        for hit in hits
        if hit.child.id not in sight.masked_children
    }
    return PupilPlan(
        pupil=pupil,
        referral_id=referral_id,
        answers=answers,
        candidates=tuple(describe(session, ws, subject, hit, sight) for hit in hits),
        changes=changes,
        already=session.get(Referral, referral_id) is not None,
        warnings=(*pupil.warnings, *_neighbours(file, pupil)),
    )


def _neighbours(file: CtfFile, pupil: CtfPupil) -> list[str]:
    """Say which other pupils share surname and postcode: brothers and sisters are linked by a person, not by this."""
    shared = [
        str(other.number)
        for other in file.pupils
        if other is not pupil
        and other.surname.casefold() == pupil.surname.casefold()
        and pupil.address.postcode
        and other.address.postcode == pupil.address.postcode
    ]
    return [f"Same last name and postcode as pupil {', '.join(shared[:5])}: may be family."] if shared else []


def values_of(pupil: CtfPupil) -> dict[str, Any]:
    """Return a pupil's values by column of the child."""
    checked, former = upn.check(pupil.upn), upn.check(pupil.former_upn)
    preferred = pupil.preferred_forename if pupil.preferred_forename != pupil.forename else ""
    return {
        "forename": pupil.forename,
        "surname": pupil.surname,
        "born_on": pupil.born_on,
        "upn": checked.upn if checked.usable else "",
        "middle_names": pupil.middle_names,
        "preferred_name": preferred,
        "sex": pupil.sex,
        "former_upn": former.upn if former.usable else "",
        "uln": pupil.uln if pupil.uln.isascii() and pupil.uln.isdigit() and len(pupil.uln) == 10 else "",
        "ethnicity": pupil.ethnicity[:8],
        "first_language": pupil.first_language[:40],
        "sen_provision": pupil.sen_provision[:4],
        "year_group": pupil.year_group[:4],
    }


def field_changes(session: "Session", file: CtfFile, pupil: CtfPupil, child: Child) -> list[FieldChange]:
    """Return what the import would do to each field of a known child that the file fills differently."""
    found = []
    times: dict[str, datetime] | None = None
    made_at = file.made_at.replace(tzinfo=london()).astimezone(UTC) if file.made_at else None
    for name, theirs in values_of(pupil).items():
        ours = getattr(child, name)
        if theirs in ("", None) or ours == theirs:
            continue
        shown = (_shown(ours), _shown(theirs))
        if ours in ("", None):
            found.append(FieldChange(name, LABELS[name], *shown, "fill", value=theirs))
            continue
        if name in _IDENTITY:
            found.append(
                FieldChange(name, LABELS[name], *shown, "keep", "Differs from the file. Check with the school.")
            )
            continue
        if times is None:
            times = changed_at(session, child)
        last = times.get(name, child.created_at)
        if made_at is not None and last < made_at:
            why = f"Ours is from {format_date(to_london(last).date())}, the file is newer."
            found.append(FieldChange(name, LABELS[name], *shown, "update", why, theirs))
        else:
            why = f"Changed here on {format_date(to_london(last).date())}, after the file was made."
            found.append(FieldChange(name, LABELS[name], *shown, "keep", why))
    return found


def changed_at(session: "Session", child: Child) -> dict[str, datetime]:
    """Return when each field of a child was last changed, from the history of changes."""
    bodies = session.execute(
        select(ChangeSetRow.body, ChangeSetRow.made_at)
        .join(ChangeLine, ChangeLine.change_set_id == ChangeSetRow.id)
        .where(ChangeLine.row_id == child.id, ChangeLine.table_name == "child")
        .order_by(ChangeSetRow.made_at)
    )
    times: dict[str, datetime] = {}
    for body, made_at in bodies:
        for change in decode(body).changes:
            if change.row == child.id:
                times.update(dict.fromkeys(change.fields, made_at))
    return times


def _shown(value: Any) -> str:
    if value in ("", None):
        return "Not recorded"
    return format_date(value) if hasattr(value, "isoformat") else str(value)
