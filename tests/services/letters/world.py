"""An obviously fictional family to write to."""

from datetime import UTC, date, datetime

from app.ids import new_id
from app.models import Address, Child, Enrolment, Person, Relationship, SafetyFlag, School
from app.models.terms import Known, ReferralSource, RelationshipKind, SafetyKind
from app.services import cases
from app.services.letters import facts as letter_facts
from app.services.letters import letters
from app.services.letters.draft import LetterDraft
from app.services.workspace import Workspace

FATHER = "Gareth Pendleford"


def open_rhys(ws: Workspace, *, address: bool = True, forename: str = "Rhys", surname: str = "Pendleford") -> str:
    """Open a case about Rhys, with a father at 17 Weir Cottages and a school; return its id."""
    child_id, father_id, school_id = new_id(), new_id(), new_id()
    with ws.write("Set up a family") as session:
        session.add(
            Child(id=child_id, forename=forename, surname=surname, born_on=date(2012, 6, 21), upn="T999401217052")
        )
        session.add(Person(id=father_id, title="Mr", forename="Gareth", surname="Pendleford", contact_safe=Known.KNOWN))
        session.add(
            Relationship(
                child_id=child_id,
                person_id=father_id,
                kind=RelationshipKind.FATHER,
                parental_responsibility=Known.KNOWN,
                lives_with=True,
            )
        )
        if address:
            session.add(Address(person_id=father_id, lines="17 Weir Cottages", town="Kingsholt", postcode="MH7 3DD"))
        session.add(
            School(
                id=school_id,
                urn="990012",
                la_code="999",
                establishment_number="4012",
                name="Saltenby Academy",
                street="Quarry Lane",
                town="Saltenby",
                postcode="MH4 2BB",
                head_title="Mrs",
                head_first_name="Jane",
                head_last_name="Carrow",
                invented=True,
            )
        )
        session.add(
            Enrolment(
                child_id=child_id,
                school_urn="990012",
                school_name="Saltenby Academy",
                to_on=date(2026, 10, 9),
                last_attended_on=date(2026, 9, 25),
                ground_regime="PR2024",
                ground_code="9(1)(i)",
            )
        )
    return cases.open_case(
        ws,
        child_id,
        source=ReferralSource.SCHOOL_UNTRACED,
        source_name="Saltenby Academy",
        reason="Not seen since September.",
        received_on=date(2026, 11, 2),
        officer_id=ws.actor.user_id,
    )


def add_parent(ws: Workspace, case_id: str, forename: str, kind: RelationshipKind, **person: object) -> str:
    """Add a second parent with parental responsibility and no address; return the person's id."""
    person_id = new_id()
    child_id = letter_facts.read(ws, case_id).child_id
    with ws.write("Added a parent") as session:
        session.add(Person(id=person_id, forename=forename, surname="Pendleford", **person))
        session.add(
            Relationship(
                child_id=child_id,
                person_id=person_id,
                kind=kind,
                parental_responsibility=Known.KNOWN,
                contact_order=2,
            )
        )
    return person_id


def add_address(ws: Workspace, *, protected: bool = False, **where: object) -> None:
    """Add an address of a person or child."""
    with ws.write("Added an address") as session:
        session.add(
            Address(**{"lines": "4 Hidden Row", "town": "Farway", "postcode": "MH9 9ZZ", **where}, protected=protected)
        )


def add_flag(ws: Workspace, case_id: str, kind: SafetyKind) -> None:
    """Open a safety flag on the child."""
    child_id = letter_facts.read(ws, case_id).child_id
    with ws.write("Set a flag") as session:
        session.add(
            SafetyFlag(
                child_id=child_id, kind=kind, set_at=datetime(2026, 11, 1, tzinfo=UTC), review_on=date(2027, 5, 1)
            )
        )


def change(ws: Workspace, table: type, row_id: str, **values: object) -> None:
    """Set columns of one row."""
    with ws.write("Changed") as session:
        row = session.get(table, row_id)
        for name, value in values.items():
            setattr(row, name, value)


def first_letter(ws: Workspace, case_id: str, template: str = "L01") -> LetterDraft:
    """Return a new letter, not yet recorded."""
    return letters.new(letter_facts.read(ws, case_id), template)
