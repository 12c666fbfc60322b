"""One row of a list of deletion returns: read, checked, and turned into the answers of a draft referral.

Legal basis: SI 2024/208 reg 13(4) and, for deletions before 19 August 2024, SI 2006/1751 reg 12(6) to (8): what the
return must hold. Both lists of fields and the grounds are in ``resources/grounds/grounds.json``.
"""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from app.errors import UserError
from app.models.folding import fold
from app.models.terms import ReferralSource
from app.services import grounds, upn
from app.services.exchange.return_columns import Mapping
from app.services.exchange.tabular import cell_problem
from app.services.grounds import Ground
from app.services.referral_form import KNOWN, NOT_KNOWN, Answers, CarerAnswer
from app.timesource import format_date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIGURES = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})", re.ASCII)
_SHORT_YEAR = re.compile(r"\d{1,2}[/.\- ]\d{1,2}[/.\- ]\d{2}", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_WORDS = re.compile(r"(\d{1,2})(?:st|nd|rd|th)? ?-?([a-z]{3,9})\.?,? ?-?(\d{4})", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"[ T]\d{1,2}:\d{2}(:\d{2})?(\.\d+)?$", re.ASCII)
MAX_NAME = 100
KEPT_CELL = 500
ACTION_WORDS = {
    "route_to_ehe": "Goes to the home education team as well.",
    "no_cme_action": "This ground does not usually mean missing education. Set it aside if you agree.",
    "close_deceased_suppress_letters": "The school says the child has died. No letter may be sent. Check first.",
    "route_to_s19_medical": "Goes to the medical education team as well.",
    "notify_yot": "Goes to the youth offending team as well.",
    "route_to_sixth_day": "Excluded: education is due from the sixth school day.",
}


class RowRefusedError(Exception):
    """A row that cannot go in: which column and why."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(why)
        self.column, self.why = column, why


@dataclass(slots=True)
class ReturnRow:
    """A row that can go in.

    Attributes:
        queries: (heading, question) for the school.
        warnings: (heading, words).
    """

    line: int
    answers: Answers
    deleted_on: date
    school_key: tuple[str, str, str] = ("", "", "")
    """URN, DfE number, name as given."""
    queries: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def read_row(line: int, cells: list[str], mapping: Mapping, today: date) -> ReturnRow:
    """Return a row's answers, questions and warnings.

    Args:
        line: of the file.
        cells: stripped.
        mapping: which column holds what.
        today: local day on which the return came.

    Raises:
        RowRefusedError: the row cannot go in.
    """
    _check_cells(cells, mapping)
    answers = Answers()
    _name(answers, cells, mapping)
    deleted_on = _deletion_day(cells, mapping, today)
    row = ReturnRow(line, answers, deleted_on)
    _child(row, cells, mapping, today)
    _parents(row, cells, mapping)
    _removal(row, cells, mapping, today)
    _missing(row, cells, mapping)
    row.school_key = tuple(mapping.value(cells, name) for name in ("school_urn", "dfe_number", "school"))  # type: ignore[assignment]  # three names make three texts
    kept = {heading: cells[index][:KEPT_CELL] for index, heading in mapping.other.items() if cells[index]}
    if kept:
        answers.kept["columns"] = kept
    answers.queries = [question for _, question in row.queries]
    return row


def _check_cells(cells: list[str], mapping: Mapping) -> None:
    for index, cell in enumerate(cells):
        problem = cell_problem(cell)
        if not problem and cell.startswith("="):
            problem = "holds a formula; paste it as a plain value"
        if problem:
            heading = mapping.header[index] if index < len(mapping.header) else ""
            raise RowRefusedError(heading, f"{problem[:1].upper()}{problem[1:]}.")


def _name(answers: Answers, cells: list[str], mapping: Mapping) -> None:
    forename, surname = mapping.value(cells, "forename"), mapping.value(cells, "surname")
    column = mapping.heading("surname" if "surname" in mapping.places else "full_name")
    if not (forename or surname):
        full = mapping.value(cells, "full_name")
        if "," in full:
            surname, _, forename = (part.strip() for part in full.partition(","))
        else:
            *first, surname = full.split() or [""]
            forename = " ".join(first)
    if not surname and not forename:
        raise RowRefusedError(column, "The pupil has no name.")
    if max(len(forename), len(surname)) > MAX_NAME or any(part and not fold(part) for part in (forename, surname)):
        raise RowRefusedError(column, "This is not a name.")
    answers.child.forename, answers.child.surname = forename, surname
    answers.child.middle_names = mapping.value(cells, "middle_names")


def parse_date(text: str) -> date | None:
    """Return a date as schools write it, day first; None for an empty text.

    Raises:
        ValueError: with words for the report.
    """
    text = _TIME.sub("", " ".join(text.split()))
    if not text:
        return None
    if _SHORT_YEAR.fullmatch(text):
        raise ValueError("Write the year with four digits.")
    try:
        if match := _ISO.fullmatch(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if match := _FIGURES.fullmatch(text):
            return date(int(match[3]), int(match[2]), int(match[1]))
        if (match := _WORDS.fullmatch(text)) and match[2][:3].lower() in _MONTHS:
            return date(int(match[3]), _MONTHS.index(match[2][:3].lower()) + 1, int(match[1]))
    except ValueError:
        pass
    raise ValueError("This is not a date. Write day, month and year, such as 06/11/2026.")


def _date(cells: list[str], mapping: Mapping, name: str) -> date | None:
    try:
        return parse_date(mapping.value(cells, name))
    except ValueError as error:
        raise RowRefusedError(mapping.heading(name), str(error)) from error


def _deletion_day(cells: list[str], mapping: Mapping, today: date) -> date:
    day = _date(cells, mapping, "deleted_on")
    heading = mapping.heading("deleted_on")
    if day is None:
        raise RowRefusedError(heading, "The date of deletion is missing. It decides which regulations apply.")
    if day > today + timedelta(days=366):
        raise RowRefusedError(heading, "The date of deletion is more than a year away. Check the year.")
    try:
        grounds.regime_for(day)
    except UserError as error:
        raise RowRefusedError(heading, error.message) from error
    return day


def _child(row: ReturnRow, cells: list[str], mapping: Mapping, today: date) -> None:
    child = row.answers.child
    born = _date(cells, mapping, "born_on")
    if born is not None and not today.year - 25 <= born.year <= today.year or born is not None and born > today:
        raise RowRefusedError(mapping.heading("born_on"), "The date of birth must be in the last 25 years.")
    child.born, child.born_on = (KNOWN, born.isoformat()) if born else (NOT_KNOWN, "")
    if born is None:
        row.warnings.append((mapping.heading("born_on"), "No date of birth was given."))
    sex = mapping.value(cells, "sex")[:1].upper()
    child.sex = {"B": "M", "G": "F"}.get(sex, sex) if sex in ("M", "F", "B", "G") else ""
    child.year_group = mapping.value(cells, "year_group")[:12]
    checked = upn.check(mapping.value(cells, "upn"))
    child.upn = checked.upn if checked.usable else ""
    if checked.message:
        row.warnings.append((mapping.heading("upn"), checked.message))
    child.address, child.town = mapping.value(cells, "address"), mapping.value(cells, "town")
    child.postcode = mapping.value(cells, "postcode")
    child.address_state = KNOWN if child.address or child.postcode else NOT_KNOWN


def _parents(row: ReturnRow, cells: list[str], mapping: Mapping) -> None:
    for name, phone in (("parent_name", "parent_phone"), ("parent2_name", "parent2_phone")):
        full = mapping.value(cells, name)
        if not full:
            continue
        if "," in full:
            surname, _, forename = (part.strip() for part in full.partition(","))
        else:
            *first, surname = full.split()
            forename = " ".join(first)
        first_one = name == "parent_name"
        row.answers.family.carers.append(
            CarerAnswer(
                forename=forename,
                surname=surname,
                phone=mapping.value(cells, phone),
                email=mapping.value(cells, "parent_email") if first_one else "",
                address=mapping.value(cells, "parent_address") if first_one else "",
            )
        )
    if not row.answers.family.carers and (number := mapping.value(cells, "parent_phone")):
        row.answers.child.phone = number


def _removal(row: ReturnRow, cells: list[str], mapping: Mapping, today: date) -> None:
    who, known = row.answers.who, row.answers.known
    who.source, who.received_on = ReferralSource.SCHOOL_DELETION.value, today.isoformat()
    known.on_roll_until = row.deleted_on.isoformat()
    attended = _date(cells, mapping, "last_attended_on")
    known.last_attended_on = attended.isoformat() if attended else ""
    known.destination = mapping.value(cells, "destination")
    starts = _date(cells, mapping, "destination_from")
    known.destination_from = starts.isoformat() if starts else ""
    known.tried = mapping.value(cells, "tried")
    future = mapping.value(cells, "future_address")
    moves = mapping.value(cells, "future_from")
    moved = f"New address given: {' '.join(future.split())}{f', from {moves}' if moves else ''}." if future else ""
    known.notes = "\n".join(part for part in (moved, mapping.value(cells, "notes")) if part)
    known.ground_as_given = mapping.value(cells, "ground")
    ground = grounds.lookup(known.ground_as_given, row.deleted_on)
    heading = mapping.heading("ground")
    if isinstance(ground, Ground):
        known.ground_regime, known.ground_code = ground.regime, ground.code
        who.reason = f"Removed from the register on {format_date(row.deleted_on)}: {ground.code}, {ground.label}."
        if ground.needs_joint_enquiry:
            row.warnings.append((heading, "School and authority must both enquire before this ground is accepted."))
        elif ground.default_action in ACTION_WORDS:
            row.warnings.append((heading, ACTION_WORDS[ground.default_action]))
    else:
        who.reason = f"Removed from the register on {format_date(row.deleted_on)}. The ground is being asked about."
        row.queries.append((heading, ground.message))
    if row.deleted_on < today:
        words = f"The return is late: it is due no later than the deletion on {format_date(row.deleted_on)}."
        row.warnings.append((mapping.heading("deleted_on"), words))


def _missing(row: ReturnRow, cells: list[str], mapping: Mapping) -> None:
    """Ask for what the regulations want in the return and the row does not hold, by name."""
    child, carers = row.answers.child, row.answers.family.carers
    regime = grounds.regime_for(row.deleted_on)
    basis = "reg 13(4)" if regime.id == "PR2024" else "reg 12(7)"
    absent = []
    if not (child.forename and child.surname):
        absent.append("the pupil's full name")
    if regime.id == "PR2024" and not child.address:
        absent.append("the pupil's address")
    if not carers:
        absent.append("the full name of each parent")
    if not (child.address or mapping.value(cells, "parent_address")):
        absent.append("the parent's address")
    if not any(carer.phone for carer in carers) and not child.phone:
        absent.append("a telephone number of a parent")
    if absent:
        row.queries.append(("", f"Missing from the return ({basis}): {', '.join(absent)}."))
