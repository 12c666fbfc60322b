"""An obviously fictional case to test with."""

from datetime import date

from app.ids import new_id
from app.models import Child, Enrolment
from app.models.terms import ReferralSource, RelationshipKind
from app.services import cases, children
from app.services.workspace import Workspace


def add_child(
    ws: Workspace, forename: str = "Isla", surname: str = "Merrow", born: date | None = date(2017, 3, 14)
) -> str:
    child_id = new_id()
    with ws.write("Added a child") as session:
        session.add(Child(id=child_id, forename=forename, surname=surname, born_on=born, upn="Q999401723006", sex="F"))
        session.add(Enrolment(child_id=child_id, school_name="Pennyford Primary", to_on=date(2026, 10, 16)))
    return child_id


def open_isla(ws: Workspace, **options) -> str:
    child_id = add_child(ws)
    values = {
        "source": ReferralSource.SCHOOL_UNTRACED,
        "source_name": "Pennyford Primary",
        "reason": "Absent since 16 October.",
        "received_on": date(2026, 11, 2),
        "officer_id": ws.actor.user_id,
        **options,
    }
    return cases.open_case(ws, child_id, **values)


def add_mother(ws: Workspace, child_id: str) -> str:
    mother = children.NewPerson(RelationshipKind.MOTHER, "Carla", "Merrow", lives_with=True, phone="07700 900412")
    return children.add_person(ws, child_id, mother)
