"""Reading a Common Transfer File (versions 12 to 30) into plain values, tolerant of what real systems write.

Element names and order follow files of real management information systems and the DfE's own writers
(domain data model, section 4). What has no place here is kept under its own name.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from app.errors import UserError
from app.services import upn
from app.services.exchange.ctf_reader import MAX_BYTES, Section, name_of, parse
from app.services.exchange.tabular import NOTHING_CHANGED

VERSIONS = range(12, 31)
MAX_PUPILS = 5_000
_VERSION = re.compile(r"(\d{1,2})(?:\.\d{1,3})?", re.ASCII)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CtfSchool:
    """A school as a file names it, with the child's dates there when it is part of the school history."""

    la: str = ""
    establishment: str = ""
    urn: str = ""
    name: str = ""
    entry_on: date | None = None
    leaving_on: date | None = None
    leaving_reason: str = ""
    removal_ground: str = ""


@dataclass(frozen=True, slots=True)
class CtfAddress:
    """An address of either form, as lines."""

    lines: str = ""
    town: str = ""
    county: str = ""
    postcode: str = ""
    country: str = ""
    uprn: str = ""

    def __bool__(self) -> bool:
        return bool(self.lines or self.postcode)


@dataclass(frozen=True, slots=True)
class CtfContact:
    """A parent, carer or other contact.

    Attributes:
        responsibility: parental responsibility; None where the file does not say.
    """

    order: int
    title: str = ""
    forename: str = ""
    surname: str = ""
    relationship: str = ""
    responsibility: bool | None = None
    lives_with: bool = False
    address: CtfAddress = field(default_factory=CtfAddress)
    phones: tuple[str, ...] = ()
    email: str = ""
    court_order: str = ""


@dataclass(frozen=True, slots=True)
class CtfPupil:
    """One pupil.

    Attributes:
        number: place in the file, from 1.
        refusal: why this pupil cannot be imported; empty when it can.
        warnings: worth a look.
        unknown: elements that have no place here.
    """

    number: int
    forename: str = ""
    surname: str = ""
    middle_names: str = ""
    preferred_forename: str = ""
    preferred_surname: str = ""
    former_names: tuple[str, ...] = ()
    born_on: date | None = None
    sex: str = ""
    upn: str = ""
    former_upn: str = ""
    uln: str = ""
    year_group: str = ""
    ethnicity: str = ""
    first_language: str = ""
    sen_provision: str = ""
    in_care: bool = False
    care_authority: str = ""
    address: CtfAddress = field(default_factory=CtfAddress)
    phones: tuple[str, ...] = ()
    email: str = ""
    contacts: tuple[CtfContact, ...] = ()
    schools: tuple[CtfSchool, ...] = ()
    refusal: str = ""
    warnings: tuple[str, ...] = ()
    unknown: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the full name."""
        return f"{self.forename} {self.surname}".strip()


@dataclass(frozen=True, slots=True)
class CtfFile:
    """A whole file.

    Attributes:
        sha256: of the bytes, lower-case hexadecimal.
        made_at: the sender's own time, without a zone; None where it is not readable.
        lost_pupil: addressed to no school (XXXXXXX): whereabouts unknown to the sender.
    """

    content: bytes
    sha256: str
    version: str
    made_at: datetime | None
    qualifier: str
    supplier: str
    source: CtfSchool
    destination: CtfSchool
    pupils: tuple[CtfPupil, ...]

    @property
    def lost_pupil(self) -> bool:
        """Return whether the destination is unknown."""
        return self.destination.la.upper() == "XXX"


def read(content: bytes) -> CtfFile:
    """Return a file's values.

    Raises:
        UserError: too large, unsafe or damaged XML, another layout or version; nothing was imported.
    """
    root = parse(content)
    _check_layout(root)
    top = Section(root)
    header = top.section("Header")
    version = _version(header.text("CTFversion"))
    pupils = top.section("CTFpupilData").sections("Pupil")
    if not pupils:
        raise UserError(f"The file holds no pupils. {NOTHING_CHANGED}")
    if len(pupils) > MAX_PUPILS:
        raise UserError(f"The file holds more than {MAX_PUPILS:,} pupils. Ask for smaller files. {NOTHING_CHANGED}")
    return CtfFile(
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        version=version,
        made_at=_instant(header.text("DateTime")),
        qualifier=header.text("DocumentQualifier"),
        supplier=header.text("SupplierID"),
        source=_school(header.section("SourceSchool")),
        destination=_school(header.section("DestSchool")),
        pupils=tuple(_pupil(number, section) for number, section in enumerate(pupils, start=1)),
    )


def looks_like(content: bytes) -> bool:
    """Return whether bytes begin as XML does; whether it is a CTF is for :func:`read` to say."""
    head = content[:200].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    return head[:1] == b"<" and len(content) <= MAX_BYTES * 4


def _check_layout(root: Any) -> None:
    children = {name_of(child) for child in root}
    if name_of(root) != "CTfile":
        raise UserError(f"This XML file is not a Common Transfer File. {NOTHING_CHANGED}")
    if "Pupils" in children or (root.get("CTFversion") is not None and "Header" not in children):
        raise UserError(
            "This file has a layout of its own and is not the DfE's Common Transfer File. "
            f"Ask the sender to export a CTF from the school's own system. {NOTHING_CHANGED}"
        )
    missing = {"Header", "CTFpupilData"} - children
    if missing:
        raise UserError(f'The file has no "{min(missing)}" part, so it is not a whole CTF. {NOTHING_CHANGED}')


def _version(text: str) -> str:
    match = _VERSION.fullmatch(text)
    if match is None or int(match[1]) not in VERSIONS:
        shown = f'"{text[:20]}"' if text else "missing"
        raise UserError(f"CTF versions 12 to 30 can be read; this file's version is {shown}. {NOTHING_CHANGED}")
    return text


def _school(section: Section) -> CtfSchool:
    urn = section.text("URN")
    return CtfSchool(
        la=section.text("LEA", "LA"),
        establishment=section.text("Estab"),
        urn=urn if urn.isascii() and urn.isdigit() else "",
        name=section.text("SchoolName"),
        entry_on=_day(section.text("EntryDate")),
        leaving_on=_day(section.text("LeavingDate")),
        leaving_reason=section.text("LeavingReason"),
        removal_ground=section.text("RemovalGrounds", "RemovalGround"),
    )


def _pupil(number: int, pupil: Section) -> CtfPupil:
    details = pupil.section("BasicDetails")
    care = pupil.section("LookedAfter")
    born = pupil.text("DOB")
    given: dict[str, Any] = {
        "forename": pupil.text("Forename"),
        "surname": pupil.text("Surname"),
        "born_on": _day(born),
        "sex": _sex(pupil.text("Sex", "Gender")),
        "upn": upn.normalise(pupil.text("UPN")),
        "uln": pupil.text("UniqueLearnerNumber"),
        "former_upn": upn.normalise(details.text("FormerUPN")),
        "middle_names": details.text("MiddleNames"),
        "preferred_forename": details.text("PreferredForename"),
        "preferred_surname": details.text("PreferredSurname"),
        "year_group": details.text("NCyearActual"),
        "ethnicity": details.text("Ethnicity"),
        "first_language": _first_language(details),
        "sen_provision": _sen(pupil),
        "in_care": care.text("InCare").lower() in ("true", "1"),
        "care_authority": care.text("CareAuthority"),
        "phones": _phones(pupil),
        "email": pupil.text("Email"),
    }
    home = _address(pupil.section("Address"))
    former = (details.text("FormerForename") or given["forename"], details.text("FormerSurname"))
    contacts = [_contact(contact, home) for contact in pupil.section("Contacts").sections("Contact")]
    schools = tuple(_school(school) for school in pupil.section("SchoolHistory").sections("School"))
    kept = {**pupil.rest(), **({"BasicDetails": rest} if (rest := details.rest()) else {})}
    refusal = _refusal(given, born)
    return CtfPupil(
        number=number,
        address=home,
        former_names=(f"{former[0]} {former[1]}".strip(),) if former[1] else (),
        contacts=tuple(sorted(contacts, key=lambda contact: contact.order)),
        schools=schools,
        refusal=refusal,
        warnings=() if refusal else tuple(_warnings(given)),
        unknown=kept,
        **given,
    )


def _refusal(given: dict[str, Any], born: str) -> str:
    if not given["surname"] and not given["forename"]:
        return "has no name"
    if born and given["born_on"] is None:
        return f'has a date of birth that is not a date ("{born[:20]}")'
    return ""


def _warnings(given: dict[str, Any]) -> list[str]:
    found = []
    for name, label in (("upn", "UPN"), ("former_upn", "Former UPN")):
        checked = upn.check(given[name])
        if checked.message:
            found.append(f"{label}: {checked.message}")
    if given["born_on"] is None:
        found.append("No date of birth was given.")
    full = f"{given['forename']} {given['surname']}".strip()
    if len(full) > 3 and full.isupper():
        found.append("The name is in capitals. Check how it is written.")
    return found


def _first_language(details: Section) -> str:
    types = details.section("Languages").sections("Type")
    spoken = [(kind.text("LanguageType"), kind.text("Language")) for kind in types]
    return next((language for kind, language in spoken if kind == "F" and language), "") or next(
        (language for _, language in spoken if language), ""
    )


def _sen(pupil: Section) -> str:
    """Return the newest provision that has not ended; the history itself stays with the unknown elements."""
    if pupil.element is None:
        return ""
    history = next((Section(child) for child in pupil.element if name_of(child) == "SENhistory"), Section(None))
    current = [
        (entry.text("StartDate"), entry.text("SENprovision"))
        for entry in history.sections("SEN")
        if not entry.text("EndDate")
    ]
    return max(current, default=("", ""))[1]


def _phones(owner: Section) -> tuple[str, ...]:
    numbers = [phone.text("PhoneNo") for phone in owner.section("Phones").sections("Phone")]
    return tuple(dict.fromkeys("".join(number.split()) for number in numbers if number))


def _contact(section: Section, home: CtfAddress) -> CtfContact:
    address = section.section("Address")
    as_pupil = address.text("AddressAsPupil").lower() in ("true", "1")
    responsibility = section.text("Responsibility").lower()
    order = section.text("Order")
    extra = section.section("SuppInfo")
    own = CtfAddress() if as_pupil else _address(address)
    return CtfContact(
        order=int(order) if order.isascii() and order.isdigit() and len(order) < 4 else 999,
        title=section.text("Title"),
        forename=section.text("Forename"),
        surname=section.text("Surname"),
        relationship=section.text("Relationship").upper(),
        responsibility={"true": True, "1": True, "false": False, "0": False}.get(responsibility),
        lives_with=as_pupil or (bool(own) and own == home),
        address=CtfAddress() if own == home else own,
        phones=_phones(section),
        email=section.text("Email"),
        court_order=extra.text("CourtOrder"),
    )


def _address(section: Section) -> CtfAddress:
    if not section:
        return CtfAddress()
    formal, typed = section.section("BS7666Address"), section.section("AddressLines")
    if formal:
        saon, paon, street = formal.text("SAON"), formal.text("PAON"), formal.text("Street")
        house = f"{paon} {street}".strip() if paon[:1].isdigit() else ""
        lines = [saon, house] if house else [saon, paon, street]
        lines.append(formal.text("Locality"))
        town = formal.text("Town", "PostTown", "AdministrativeArea")
    else:
        lines = [typed.text(f"AddressLine{number}") for number in range(1, 6)]
        town = ""
    return CtfAddress(
        lines="\n".join(line for line in lines if line),
        town=town,
        county=section.text("County"),
        postcode=section.text("PostCode", "Postcode", "ZIP", "Zip"),
        country=section.text("Country"),
        uprn=formal.text("UniquePropertyReferenceNumber"),
    )


def _sex(text: str) -> str:
    return text.upper() if text.upper() in ("M", "F") else ""


def _day(text: str) -> date | None:
    match = _DAY.fullmatch(text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
