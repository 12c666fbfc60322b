"""What a letter can draw on: read once from the vault when a letter is opened, so that typing never waits for it."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from app.errors import UserError
from app.models import Address, Authority, Case, Child, ChildName, Enrolment, Letter, User
from app.models.terms import CaseStatus, SafetyKind
from app.services import grounds
from app.services.access import Permission
from app.services.letters import recipients, shield
from app.services.letters.recipients import Recipient
from app.services.letters.shield import ProtectedPlace
from app.services.restriction import require_case
from app.services.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it came from.

    Attributes:
        text: dates as ISO text.
        source: case, council, officer, letter, or typed.
    """

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Facts:
    """One case as a letter sees it.

    Attributes:
        values: what the case, the council and the officer give, by merge field; dates as ISO text.
        parents, schools: who can be written to.
        places: protected addresses that must not be printed.
        next_number: of a new letter of this case.
        child_name, case_reference, case_open: for the page's headings and refusals.
    """

    case_id: str
    child_id: str
    child_name: str
    case_reference: str
    case_open: bool
    values: dict[str, Value]
    parents: tuple[Recipient, ...]
    schools: tuple[Recipient, ...]
    places: tuple[ProtectedPlace, ...]
    deceased: bool
    next_number: int
    today: date
    enrolments: tuple["SchoolTime", ...]

    def recipients(self, audience: str) -> tuple[Recipient, ...]:
        """Return who a letter for an audience can go to."""
        return self.parents if audience == "parent" else self.schools


@dataclass(frozen=True, slots=True)
class SchoolTime:
    """A child's time at one school, for a letter to that school."""

    school_urn: str
    school_name: str
    last_attended_on: date | None
    to_on: date | None
    ground: str


def read(ws: Workspace, case_id: str) -> Facts:
    """Read what a letter about a case can draw on.

    Raises:
        AccessRefused: the person may not write about it.
        UserError: the case is not on this laptop.
    """
    with ws.read() as session:
        require_case(session, ws.actor, case_id, Permission.WRITE_LETTERS)
        case = session.get(Case, case_id)
        child = session.get(Child, case.child_id) if case is not None else None
        if case is None or child is None:
            raise UserError("This case is not on this laptop. Sync, then open it again. Nothing was changed.")
        today = ws.time.today()
        flags = recipients.flags_of(session, child.id)
        at_home = recipients.household(session, child.id)
        places = shield.protected_places(session, child.id, flags, at_home)
        times = _school_times(list(session.scalars(select(Enrolment).where(Enrolment.child_id == child.id))))
        names = list(session.scalars(select(ChildName).where(ChildName.child_id == child.id)))
        addresses = list(session.scalars(select(Address).where(Address.child_id == child.id)))
        officer = session.get(User, ws.actor.user_id) if ws.actor.user_id else None
        authority = session.scalars(select(Authority).order_by(Authority.created_at)).first()
        number = session.scalar(select(func.max(Letter.number)).where(Letter.case_id == case_id)) or 0
        return Facts(
            case_id=case.id,
            child_id=child.id,
            child_name=f"{child.forename} {child.surname}".strip(),
            case_reference=case.reference,
            case_open=case.status is CaseStatus.OPEN,
            values={
                **_from_case(case, child, names, times),
                **_last_address(addresses, flags, places),
                **_from_council(authority),
                **_from_officer(officer, authority, ws.actor.name),
            },
            parents=recipients.parents(session, child, today),
            schools=recipients.schools(session, child.id),
            places=places,
            deceased=child.deceased_on is not None,
            next_number=number + 1,
            today=today,
            enrolments=times,
        )


def _school_times(rows: list[Enrolment]) -> tuple[SchoolTime, ...]:
    rows.sort(key=lambda row: (row.to_on or row.from_on or date.min, row.created_at), reverse=True)
    return tuple(
        SchoolTime(row.school_urn, row.school_name, row.last_attended_on, row.to_on, _ground_words(row)) for row in rows
    )


def _ground_words(row: Enrolment) -> str:
    if not row.ground_code:
        return ""
    known = grounds.find(row.ground_regime, row.ground_code)
    if known is None:
        return row.ground_code
    label = known.label.partition(";")[0]
    return f"{row.ground_code}, {label[:1].lower()}{label[1:]}"


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _from_case(case: Case, child: Child, names: list[ChildName], times: tuple[SchoolTime, ...]) -> dict[str, Value]:
    last = times[0] if times else None
    others = ", ".join(f"{name.forename} {name.surname}".strip() for name in names)
    found = {
        "case_ref": case.reference,
        "child_name": f"{child.forename} {child.surname}".strip(),
        "child_first_name": child.preferred_name or child.forename,
        "child_dob": _iso(child.born_on),
        "child_upn": child.upn,
        "child_other_names": others,
        "last_seen_date": _iso(child.last_seen_on),
        "last_school": last.school_name if last else "",
        "last_on_roll": _iso(last.to_on) if last else "",
    }
    return {name: Value(text, "case") for name, text in found.items()}


def _last_address(
    rows: list[Address], flags: frozenset[SafetyKind], places: tuple[ProtectedPlace, ...]
) -> dict[str, Value]:
    """Return the child's last address that may be told; one that gives a protected place away is not there."""
    if SafetyKind.RESTRICTED_ADDRESS in flags:
        return {}
    rows.sort(key=lambda row: (row.to_on is None, row.to_on or row.from_on or date.min, row.created_at), reverse=True)
    for row in rows:
        text = one_line("\n".join(recipients.lines_of(row)))
        if not row.protected and not shield.leaks({"child_last_address": text}, places):
            return {"child_last_address": Value(text, "case")}
    return {}


def _from_council(authority: Authority | None) -> dict[str, Value]:
    if authority is None:
        return {}
    found = {
        "council_name": authority.name,
        "service_name": authority.service_name.replace("'", "’"),
        "office_address": one_line(authority.office_address),
        "team_email": authority.email,
        "duty_number": authority.duty_number or authority.phone,
        "privacy_notice_link": authority.privacy_notice_link,
    }
    return {name: Value(text, "council") for name, text in found.items()}


def _from_officer(officer: User | None, authority: Authority | None, name: str) -> dict[str, Value]:
    phone = (officer.phone if officer else "") or (authority.phone if authority else "")
    found = {
        "officer_name": officer.name if officer else name,
        "officer_role": officer.job_title if officer else "",
        "officer_phone": phone,
    }
    return {key: Value(text, "officer") for key, text in found.items()}


def one_line(address: str) -> str:
    """Return lines as one, the postcode after a space: "County Offices, Aldermere MH1 1AA"."""
    lines = [line.strip() for line in address.splitlines() if line.strip()]
    if len(lines) > 1 and any(character.isdigit() for character in lines[-1]):
        lines[-2:] = [f"{lines[-2]} {lines[-1]}"]
    return ", ".join(lines)
