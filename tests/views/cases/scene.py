"""Isla's case as in the pictures: a family in two households, enquiries, a document, a letter, what is next."""

from dataclasses import dataclass
from datetime import date, datetime

from app.ids import new_id
from app.models import Case, CaseEvent, Child, Document, Letter, SafetyFlag
from app.models.terms import DocumentState, EnquiryState, EventKind, Known, LetterState, RelationshipKind, SafetyKind
from app.services import case_page, cases, children, enquiries, tasks
from app.services.workspace import Workspace
from tests.services.casework import add_child, add_mother, open_isla


@dataclass(frozen=True, slots=True)
class Scene:
    """Ids of what was made."""

    case_id: str
    child_id: str
    mother_id: str
    brother_case_id: str
    document_id: str
    letter_id: str


def make_scene(ws: Workspace) -> Scene:
    """Make the case; the clock stands at 17 November 2026."""
    case_id = open_isla(ws)
    with ws.read() as session:
        child_id = session.get_one(Case, case_id).child_id
    mother = add_mother(ws, child_id)
    home = {"lines": "Flat 2\n41 Tanner's Row", "town": "Aldermere", "postcode": "MH4 2QT"}
    children.add_address(ws, **home, child_id=child_id, from_on=date(2024, 1, 1))
    father = children.NewPerson(RelationshipKind.FATHER, "Piotr", "Merrow", parental_responsibility=Known.KNOWN)
    father_id = children.add_person(ws, child_id, father)
    children.add_address(ws, lines="8 Chapel Rise", town="Saltenby", person_id=father_id, protected=True)
    brother = add_child(ws, "Finn", "Merrow", date(2020, 6, 2))
    children.link_sibling(ws, child_id, brother)
    brother_case = cases.open_case(ws, brother, officer_id=ws.actor.user_id, received_on=date(2026, 11, 9))
    lines = case_page.load_case(ws, case_id).enquiries
    for line in lines[:3]:
        enquiries.record(ws, line.id, EnquiryState.NO_TRACE)
    enquiries.record(ws, lines[5].id, EnquiryState.SENT)
    tasks.add_task(ws, case_id, "Decide: refer to social care?", due_on=date(2026, 11, 20))
    tasks.add_clock(ws, case_id, "s437_notice", date(2026, 11, 12))
    cases.add_note(ws, case_id, text="Call to Carla Merrow, no answer\nVoicemail full.", kind=EventKind.CALL)
    document, letter = _papers(ws, case_id, child_id)
    return Scene(case_id, child_id, mother, brother_case, document, letter)


def _papers(ws: Workspace, case_id: str, child_id: str) -> tuple[str, str]:
    document, letter = new_id(), new_id()
    now: datetime = ws.time.now()
    with ws.write("Papers") as session:
        session.add(
            Document(
                id=document,
                sha256="0" * 64,
                size=10,
                media_type="application/pdf",
                page_count=1,
                state=DocumentState.LINKED,
                case_id=case_id,
                title="Tenancy still open, rent up to date",
                sender="Saltenby Housing",
                received_on=date(2026, 11, 12),
                arrived_at=now,
                reading={},
                rotation={},
            )
        )
        session.add(
            CaseEvent(
                case_id=case_id,
                kind=EventKind.DOCUMENT,
                happened_at=now,
                title="Letter from Saltenby Housing linked",
                actor_name="Dawn Ellery",
                document_id=document,
            )
        )
        session.add(
            Letter(
                id=letter,
                case_id=case_id,
                number=1,
                reference="CME-2026-00001/L1",
                template="L01",
                template_version="1",
                title="First enquiry letter",
                state=LetterState.DRAFT,
                recipient_name="Carla Merrow",
                values={},
            )
        )
        flag = SafetyFlag(child_id=child_id, kind=SafetyKind.VISIT_IN_PAIRS, set_at=now, review_on=date(2027, 5, 1))
        session.add(flag)
        child = session.get_one(Child, child_id)
        child.last_seen_on, child.last_seen_where = date(2026, 10, 16), "Pennyford Primary"
    return document, letter
