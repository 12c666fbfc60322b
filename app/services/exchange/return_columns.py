"""Which heading of a list of deletion returns means what: schools name the same thing in many ways."""

from dataclasses import dataclass

from app.errors import UserError
from app.models.folding import fold
from app.services.exchange.report import LINE_HEADING, REASON_HEADING
from app.services.exchange.tabular import NOTHING_CHANGED

_SYNONYMS: dict[str, str] = {
    "forename": "forename, first name, firstname, given name, pupil forename, child forename, legal forename, "
    "pupil first name, child first name, chosen forename, forenames, first names",
    "surname": "surname, last name, lastname, family name, pupil surname, child surname, legal surname, "
    "pupil last name, child last name",
    "full_name": "name, full name, pupil name, pupil full name, child name, child full name, name of pupil, "
    "name of child, student name, pupil",
    "middle_names": "middle name, middle names",
    "born_on": "dob, d o b, date of birth, birth date, birthdate, pupil dob, pupil date of birth, child dob",
    "upn": "upn, unique pupil number, pupil upn",
    "sex": "sex, gender",
    "year_group": "year group, year, nc year, ncy, national curriculum year, nc year actual, yr",
    "address": "address, home address, pupil address, pupil home address, child address, address of pupil, "
    "current address, last known address, address line 1, address line 2, address line 3, address line 4, "
    "address 1, address 2, address 3, address 4, street, house, locality",
    "town": "town, city, post town, town city",
    "postcode": "postcode, post code, pupil postcode, home postcode",
    "parent_name": "parent name, parent full name, parent, parent carer, parent carer name, carer name, parents, "
    "parent or carer, parent 1, parent 1 name, parent 1 full name, parent guardian, guardian name, contact name, "
    "contact 1 name, name of parent, name of parent carer, priority 1 contact, mother, mother name",
    "parent_address": "parent address, parent 1 address, parent carer address, address of parent, contact address",
    "parent_phone": "parent phone, parent telephone, parent 1 phone, parent 1 telephone, parent mobile, phone, "
    "telephone, telephone number, phone number, mobile, mobile number, contact number, contact telephone, "
    "emergency telephone, emergency contact number, emergency number, emergency contact, parent contact number, "
    "parent emergency telephone, contact 1 phone",
    "parent_email": "parent email, email, e mail, email address, parent email address, contact email",
    "parent2_name": "parent 2, parent 2 name, parent 2 full name, second parent, second parent name, "
    "contact 2 name, father, father name",
    "parent2_phone": "parent 2 phone, parent 2 telephone, parent 2 mobile, contact 2 phone, second parent telephone",
    "future_address": "future address, new address, forwarding address, address moved to, moving to",
    "future_from": "future address from, new address from, date of move, moving date, date moved",
    "destination": "destination school, destination, new school, receiving school, other school, next school, "
    "name of new school, school moved to, future school, destination establishment",
    "destination_from": "start date at new school, new school start date, expected start date, start date, "
    "destination start date, date starting, first attendance date",
    "deleted_on": "date of deletion, deletion date, deleted on, date removed from roll, date off roll, off roll date, "
    "date of removal, removal date, date removed, date removed from register, leaving date, date of leaving, "
    "date left, date taken off roll, date deleted, date removed from the admission register",
    "ground": "ground, ground code, grounds, ground for deletion, grounds for deletion, ground for removal, "
    "grounds for removal, deletion ground, deletion code, deletion reason, removal code, removal grounds, reason code, "
    "regulation, regulation 9 ground, reason for deletion, reason for removal, reason for leaving, leaving reason, "
    "reason",
    "last_attended_on": "last attended, date last attended, last date of attendance, last attendance, "
    "last day of attendance, last attendance date, last day attended, date of last attendance",
    "school": "school, school name, name of school, establishment, establishment name, current school, "
    "sending school, last school",
    "school_urn": "urn, school urn",
    "dfe_number": "dfe number, dfe no, dfes number, laestab, la estab, school number, dfe, establishment number, "
    "dcsf number",
    "tried": "enquiries made, enquiries, actions taken, checks made, attempts made, attempts to contact, "
    "reasonable enquiries, school enquiries",
    "notes": "notes, comments, further information, additional information, other information, details",
}
WORDS = {
    "forename": "first name",
    "surname": "last name",
    "full_name": "full name",
    "deleted_on": "date of deletion",
    "ground": "ground for deletion",
}
_BY_HEADING = {synonym.strip(): name for name, text in _SYNONYMS.items() for synonym in text.split(",")}
_JOINED = frozenset({"address"})
_IGNORED = {fold(LINE_HEADING), fold(REASON_HEADING)}
HEADING_OF = "heading"


@dataclass(frozen=True, slots=True)
class Mapping:
    """The columns of one file.

    Attributes:
        places: field to its columns, in the file's order.
        other: headings that mean nothing here, by column; their values are kept.
        header: all headings.
    """

    places: dict[str, tuple[int, ...]]
    other: dict[int, str]
    header: tuple[str, ...]

    def value(self, cells: list[str], name: str) -> str:
        """Return a field's value: address lines joined, of other doubled columns the first that is not empty."""
        found = [cells[index] for index in self.places.get(name, ()) if cells[index]]
        if name in _JOINED:
            return "\n".join(found)
        return found[0] if found else ""

    def heading(self, name: str) -> str:
        """Return the heading a field came from, for the report."""
        places = self.places.get(name)
        return self.header[places[0]] if places else WORDS.get(name, name)


def bind_headings(header: tuple[str, ...]) -> Mapping:
    """Return which columns hold what.

    Raises:
        UserError: a list without a name, a date of deletion or a ground is not a list of deletion returns; the
            missing column is named.
    """
    places: dict[str, list[int]] = {}
    other: dict[int, str] = {}
    for index, heading in enumerate(header):
        name = field_of(heading)
        if name is not None:
            places.setdefault(name, []).append(index)
        elif heading and fold(heading) not in _IGNORED:
            other[index] = heading
    if "ground" in places:  # a column of codes says more than a column of free reasons
        places["ground"].sort(key=lambda index: "ground" not in fold(header[index]))
    for name, found in places.items():
        if name not in _JOINED:
            other.update({index: header[index] for index in found[1:]})
    missing = [WORDS[name] for name in ("deleted_on", "ground") if name not in places]
    if "full_name" not in places:
        missing = [WORDS[name] for name in ("forename", "surname") if name not in places] + missing
    if missing:
        listed = ", ".join(f'"{name}"' for name in missing)
        verb = "column" if len(missing) == 1 else "columns"
        raise UserError(f"This is not a list of deletion returns: no {verb} for {listed}. {NOTHING_CHANGED}")
    return Mapping({name: tuple(found) for name, found in places.items()}, other, header)


def field_of(heading: str) -> str | None:
    """Return the field that a heading means, or None.

    Case, punctuation and what stands in brackets do not matter: ``Date of Birth (DD/MM/YYYY)*`` is a date of birth.
    """
    plain = fold(heading.partition("(")[0]) or fold(heading)
    for words in (plain, plain.removeprefix("pupils "), plain.removeprefix("the "), plain.removesuffix(" code")):
        if words in _BY_HEADING:
            return _BY_HEADING[words]
    return None


def looks_like(header: tuple[str, ...]) -> bool:
    """Return whether headings can be those of deletion returns."""
    names = {field_of(heading) for heading in header}
    return bool(names & {"forename", "surname", "full_name"}) and bool(names & {"deleted_on", "ground"})
