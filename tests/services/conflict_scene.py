"""A vault with the conflicts of the picture, as the central store makes them: four on one case, one on another."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from app.ids import new_id
from app.models import Address, Case, Child, Conflict, ContactPoint, Enquiry, Person, Relationship, Synced, User
from app.models.terms import ConflictState, EnquiryState, RelationshipKind, Role, Stage
from app.services.workspace import Workspace
from app.timesource import FrozenTime

FIRST = datetime(2026, 11, 16, 14, 20, tzinfo=UTC)
SECOND = datetime(2026, 11, 16, 16, 5, tzinfo=UTC)


@dataclass
class Scene:
    """Ids by name: people, cases, records and conflicts."""

    ws: Workspace
    ids: dict[str, str] = field(default_factory=dict)

    def conflict(self, name: str) -> Conflict:
        """Return a conflict as it stands."""
        with self.ws.read() as session:
            return session.get_one(Conflict, self.ids[name])

    def value(self, model: type[Synced], name: str, column: str) -> Any:
        """Return a record's column as it stands."""
        with self.ws.read() as session:
            record = session.get(model, self.ids[name])
            return None if record is None else getattr(record, column)


def make_scene(ws: Workspace, *, cases: int = 2) -> Scene:
    """Write the families and their conflicts: Dawn (who is signed in) wrote first, Samir second.

    Args:
        ws: a vault of one person.
        cases: how many cases have conflicts; those beyond Caleb and Noor are alike.
    """
    scene = Scene(ws)
    time = ws.time
    now = time.now()
    assert isinstance(time, FrozenTime)
    time.move_to(datetime(2026, 11, 16, 8, 10, tzinfo=UTC))
    with ws.write("Set up") as session:
        for key, name in (("samir", "Samir Beltrane"), ("tom", "Tom Hadlow")):
            person = User(username=key, name=name, role=Role.CASEWORKER, team_id=ws.actor.team_id)
            session.add(person)
            session.flush()
            scene.ids[key] = person.id
    _family(scene, "caleb", "Caleb", "Ostwick", "CME-2026-0381", date(2016, 3, 4))
    if cases > 1:
        _family(scene, "noor", "Noor", "Salvani", "CME-2026-0377", date(2013, 1, 9))
    for number in range(2, cases):
        _family(scene, f"child{number}", f"Child{number}", "Ashdown", f"CME-2026-1{number:03}", date(2015, 5, 5))
    time.move_to(FIRST)
    with ws.write("Changed an address and a number") as session:
        session.get_one(Address, scene.ids["caleb:home"]).lines = "3 Orchard Mews"
        session.get_one(Address, scene.ids["caleb:home"]).source = "Told to me by grandmother on visit"
        session.get_one(ContactPoint, scene.ids["caleb:phone"]).value = "07700 900731"
        session.get_one(Enquiry, scene.ids["caleb:enquiry"]).outcome = NOTES[0]
        session.get_one(Case, scene.ids["caleb:case"]).stage = Stage.PLACE_OFFERED
    time.move_to(now)
    samir = scene.ids["samir"]
    add_conflict(scene, "address", "address", "caleb:home", "lines", "22 Quarry View", "3 Orchard Mews",
                 "3a Orchard Mews", samir, subject="caleb:child")  # fmt: skip
    add_conflict(scene, "phone", "contact_point", "caleb:phone", "value", "", "07700 900731", "07700 900713", samir,
                 subject="caleb:mother")  # fmt: skip
    add_conflict(scene, "stage", "case", "caleb:case", "stage", "enquiries", "place_offered", "located", samir)
    add_conflict(scene, "note", "enquiry", "caleb:enquiry", "outcome", "", *NOTES, samir, subject="caleb:case")
    if cases > 1:
        add_conflict(scene, "noor", "contact_point", "noor:phone", "value", "1", "2", "3", scene.ids["tom"],
                     subject="noor:mother")  # fmt: skip
    for number in range(2, cases):
        key = f"child{number}"
        add_conflict(scene, key, "case", f"{key}:case", "area", "", "Saltenby", "Aldermere", samir)
    return scene


NOTES = (
    "Visited grandmother in Saltenby. Caleb was there, well and cheerful. Family moved to Pennyford on Friday. "
    "Mother starts work Thursday.",
    "Pennyford Primary rang. Place confirmed for Thursday 19 November. Head will ring us on the day if he does not "
    "arrive.",
)


def _family(scene: Scene, key: str, forename: str, surname: str, reference: str, born: date) -> None:
    ws = scene.ws
    with ws.write("Opened a case") as session:
        child = Child(id=new_id(), forename=forename, surname=surname, born_on=born)
        mother = Person(id=new_id(), forename="Ana", surname=surname)
        case = Case(
            id=new_id(), reference=reference, child_id=child.id, opened_on=date(2026, 11, 2), team_id=ws.actor.team_id,
            officer_id=ws.actor.user_id, stage=Stage.ENQUIRIES, area="Saltenby",
        )  # fmt: skip
        records: dict[str, Synced] = {
            "child": child,
            "mother": mother,
            "case": case,
            "kin": Relationship(child_id=child.id, person_id=mother.id, kind=RelationshipKind.MOTHER),
            "home": Address(child_id=child.id, lines="22 Quarry View", town="Pennyford", postcode="MH6 8RA"),
            "phone": ContactPoint(person_id=mother.id, kind="phone", value=""),
            "enquiry": Enquiry(case_id=case.id, kind="visit", label="Visit to the family", state=EnquiryState.SENT),
        }
        for name, record in records.items():
            record.id = record.id or new_id()
            session.add(record)
            scene.ids[f"{key}:{name}"] = record.id


def add_conflict(
    scene: Scene, name: str, table: str, row: str, column: str, before: Any, kept: Any, offered: Any, by: str | None,
    *, subject: str = "", kept_by: str | None = "", at: datetime = SECOND,
) -> str:  # fmt: skip
    """Write a conflict as the central store raises it, and return its id."""
    conflict = Conflict(
        id=new_id(),
        table_name=table,
        row_id=scene.ids.get(row, row),
        subject_id=scene.ids.get(subject or row, subject or row),
        field=column,
        before=before,
        kept=kept,
        kept_by=scene.ws.actor.user_id if kept_by == "" else kept_by,
        kept_at=FIRST,
        offered=offered,
        offered_by=by,
        offered_at=at,
        change_set_id=None,
        state=ConflictState.OPEN,
        chosen=None,
    )
    with scene.ws.write("Merged") as session:
        session.add(conflict)
    scene.ids[name] = conflict.id
    return conflict.id
