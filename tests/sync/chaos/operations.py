"""What people do on their laptops between syncs: the product's own services, and plain writes where they are dear."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import (
    Address,
    Case,
    CaseAccess,
    CaseEvent,
    Child,
    Conflict,
    Document,
    Enquiry,
    InterestDeclared,
    Person,
    Task,
    Team,
    User,
)
from app.models.terms import CaseStatus, ConflictState, DocumentState, EnquiryState, EventKind, Role, Stage
from app.services import allocation, cases, children, enquiries, interests, named_list, tasks
from app.services.workspace import Workspace
from tests.sync.chaos.laptop import Laptop

WORKERS = (Role.CASEWORKER, Role.SUPERVISOR)


@dataclass
class Hands:
    """A person at a laptop.

    Attributes:
        chance: what they decide is drawn from.
        word: gives a word that was never written before.
    """

    laptop: Laptop
    chance: random.Random
    word: Callable[[], str]

    @property
    def ws(self) -> Workspace:
        return self.laptop.ws

    def pick(self, session: Session, model: Any, *where: Any) -> Any:
        """Return one of the records here, or None."""
        ids = session.scalars(select(model.id).where(*where).order_by(model.id)).all()
        return session.get(model, self.chance.choice(ids)) if ids else None

    def pick_id(self, model: Any, *where: Any) -> str | None:
        """Return the id of one of the records here."""
        with self.ws.read() as session:
            ids = session.scalars(select(model.id).where(*where).order_by(model.id)).all()
        return self.chance.choice(ids) if ids else None


def note(hands: Hands) -> str:
    case_id = hands.pick_id(Case, Case.status == CaseStatus.OPEN)
    if case_id is None:
        return "no case"
    words = hands.word()
    cases.add_note(hands.ws, case_id, text=words)
    return f"note {words}"


_FIELDS: tuple[tuple[Any, str], ...] = (
    (Case, "area"),
    (Case, "reason"),
    (Case, "source_name"),
    (Child, "surname"),
    (Child, "middle_names"),
    (Person, "note"),
    (Address, "town"),
    (Task, "text"),
    (Task, "place"),
    (Enquiry, "outcome"),
)


def edit(hands: Hands) -> str:
    model, field = hands.chance.choice(_FIELDS)
    words = hands.word()
    with hands.ws.write("Changed a field") as session:
        row = hands.pick(session, model)
        if row is None:
            return f"no {model.__tablename__}"
        setattr(row, field, words)
    return f"{model.__tablename__}.{field} of {row.id[-6:]} = {words}"


def edit_several(hands: Hands) -> str:
    """One commit over many rows: applied whole or not at all."""
    words = [hands.word() for _ in range(4)]
    with hands.ws.write("Changed several records") as session:
        for (model, field), word in zip(hands.chance.sample(_FIELDS, 4), words, strict=True):
            row = hands.pick(session, model)
            if row is not None:
                setattr(row, field, word)
    return f"several {words}"


def correct(hands: Hands) -> str:
    """The service that corrects a child's details."""
    child_id = hands.pick_id(Child)
    if child_id is None:
        return "no child"
    words = hands.word()
    children.edit(hands.ws, "child", child_id, {"preferred_name": words})
    return f"child.preferred_name of {child_id[-6:]} = {words}"


def add_task(hands: Hands) -> str:
    case_id = hands.pick_id(Case, Case.status == CaseStatus.OPEN)
    words = hands.word()
    tasks.add_task(hands.ws, case_id, words, due_on=date(2026, 11, hands.chance.randint(18, 30)))
    return f"task {words}"


def tick(hands: Hands) -> str:
    task_id = hands.pick_id(Task)
    if task_id is None:
        return "no task"
    tasks.set_task_done(hands.ws, task_id, done=hands.chance.random() < 0.7)
    return f"ticked {task_id[-6:]}"


def remove(hands: Hands) -> str:
    with hands.ws.write("Removed a task") as session:
        task = hands.pick(session, Task)
        if task is None:
            return "no task"
        session.delete(task)
    return f"removed task {task.id[-6:]}"


def mass_delete(hands: Hands) -> str:
    """Adds a long list and takes it out again: one stroke that the fuse is for."""
    with hands.ws.read() as session:
        found = session.scalars(select(Task.id).where(Task.place == "list")).all()
    if len(found) < 55:
        case_id = hands.pick_id(Case)
        with hands.ws.write("Added a long list") as session:
            session.add_all(Task(case_id=case_id, text=f"Item {number}", place="list") for number in range(60))
        return "added 60 tasks"
    with hands.ws.write("Removed a long list") as session:
        for task in session.scalars(select(Task).where(Task.place == "list").order_by(Task.id)):
            session.delete(task)
    return f"removed {len(found)} tasks"


def enquire(hands: Hands) -> str:
    enquiry_id = hands.pick_id(Enquiry)
    if enquiry_id is None:
        return "no enquiry"
    words = hands.word()
    enquiries.record(hands.ws, enquiry_id, EnquiryState.ANSWERED, outcome=words)
    return f"enquiry {enquiry_id[-6:]} answered {words}"


def open_case(hands: Hands) -> str:
    words = hands.word()
    with hands.ws.write("Opened a case") as session:
        child = Child(forename="Nia", surname=words, born_on=date(2014, 3, 4))
        session.add(child)
        session.flush()
        case = cases.open_case_in(session, hands.ws, child.id, reason=words)
    return f"opened {case.reference} for {words}"


def open_clashing(hands: Hands) -> str:
    """A reference typed by hand, as an import brings it: two laptops may bring the same."""
    with hands.ws.write("Imported a case") as session:
        child = Child(forename="Kit", surname=hands.word())
        session.add(child)
        session.flush()
        number = 90000 + hands.chance.randrange(3)
        taken = session.scalars(select(Case.id).where(Case.reference == f"CME-2026-{number}")).first()
        if taken is not None:
            return "taken here already"
        team = hands.ws.actor.team_id
        session.add(Case(reference=f"CME-2026-{number}", child_id=child.id, opened_on=date(2026, 11, 2), team_id=team))
    return f"imported CME-2026-{number}"


def allocate(hands: Hands) -> str:
    case_id = hands.pick_id(Case, Case.status == CaseStatus.OPEN)
    officer = hands.pick_id(User, User.role.in_(WORKERS))
    if case_id is None or officer is None:
        return "nothing to allocate"
    with hands.ws.read() as session:
        seen = {case_id: session.get_one(Case, case_id).allocation}
    result = allocation.allocate(hands.ws, [case_id], officer, hands.word(), expected=seen)
    if hands.chance.random() < 0.3:
        allocation.undo(hands.ws, result)
        return f"allocated {case_id[-6:]} and took it back"
    return f"allocated {case_id[-6:]} to {result.officer}"


def stage(hands: Hands) -> str:
    case_id = hands.pick_id(Case, Case.status == CaseStatus.OPEN)
    if case_id is None:
        return "no case"
    to = hands.chance.choice([each for each in Stage if each is not Stage.CLOSED])
    cases.change_stage(hands.ws, case_id, to, reason=hands.word())
    return f"{case_id[-6:]} to {to}"


def close(hands: Hands) -> str:
    closed = hands.pick_id(Case, Case.status == CaseStatus.CLOSED)
    if closed is not None and hands.chance.random() < 0.6:
        cases.reopen_case(hands.ws, closed, reason=hands.word())
        return f"reopened {closed[-6:]}"
    case_id = hands.pick_id(Case, Case.status == CaseStatus.OPEN)
    if case_id is None:
        return "no case"
    cases.close_case(hands.ws, case_id, outcome="R1", evidence=hands.word())
    return f"closed {case_id[-6:]}"


def move_case(hands: Hands) -> str:
    """A case goes to another team, or to none yet."""
    with hands.ws.write("Moved a case to a team") as session:
        case = hands.pick(session, Case)
        team = hands.pick(session, Team)
        if case is None or team is None:  # a laptop that has fetched nothing yet knows no team
            return "no case"
        case.team_id = team.id if hands.chance.random() < 0.85 else None
    return f"{case.id[-6:]} to team {team.name if case.team_id else 'none'}"


def restrict(hands: Hands) -> str:
    case_id = hands.pick_id(Case)
    if case_id is None:
        return "no case"
    with hands.ws.read() as session:
        restricted = session.get_one(Case, case_id).restricted
    if restricted and hands.chance.random() < 0.5:
        named_list.unrestrict(hands.ws, case_id, reason="No longer needed, the family agreed")
        return f"unrestricted {case_id[-6:]}"
    if not restricted:
        named_list.restrict(hands.ws, case_id, reason="A relative works here in the team")
        return f"restricted {case_id[-6:]}"
    listed = hands.pick_id(CaseAccess, CaseAccess.case_id == case_id, CaseAccess.ended_at.is_(None))
    person = hands.pick_id(User, User.role.in_(WORKERS))
    if listed is not None and hands.chance.random() < 0.4:
        with hands.ws.read() as session:
            person = session.get_one(CaseAccess, listed).user_id
        named_list.remove_person(hands.ws, case_id, person)
        return f"took {person[-6:]} off the list of {case_id[-6:]}"
    named_list.add_person(hands.ws, case_id, str(person), reason="Works on the case with the family")
    return f"put {str(person)[-6:]} on the list of {case_id[-6:]}"


def interest(hands: Hands) -> str:
    running = hands.pick_id(InterestDeclared, InterestDeclared.ended_at.is_(None))
    if running is not None and hands.chance.random() < 0.6:
        interests.end(hands.ws, running, reason="They moved away from the street")
        return f"ended interest {running[-6:]}"
    case_id = hands.pick_id(Case)
    if case_id is None:
        return "no case"
    interests.declare(hands.ws, case_id, reason="My sister's neighbour")
    return f"declared an interest in {case_id[-6:]}"


def add_document(hands: Hands) -> str:
    """Bytes first, then the record: what the intake does after its checks."""
    words = hands.word()
    data = f"Letter about {words}. ".encode() * hands.chance.choice((3, 60, 15_000))
    sha256 = hands.ws.documents.put(data, "text/plain")
    with hands.ws.write("Added a document") as session:
        session.add(
            Document(
                sha256=sha256,
                size=len(data),
                media_type="text/plain",
                page_count=1,
                arrived_at=hands.ws.time.now(),
                title=words,
                text=words,
                reading={},
                rotation={},
            )
        )
    return f"document {words}, {len(data)} bytes"


def link_document(hands: Hands) -> str:
    """Onto a case, to another child's, or back into the tray."""
    with hands.ws.write("Linked a document") as session:
        document = hands.pick(session, Document)
        case = hands.pick(session, Case)
        if document is None or case is None:
            return "nothing to link"
        if document.state is DocumentState.LINKED and hands.chance.random() < 0.3:
            document.state, document.case_id, document.child_id = DocumentState.TO_LINK, None, None
            return f"unlinked {document.id[-6:]}"
        document.state, document.case_id, document.child_id = DocumentState.LINKED, case.id, case.child_id
        session.add(
            CaseEvent(
                case_id=case.id,
                kind=EventKind.DOCUMENT,
                happened_at=hands.ws.time.now(),
                title=hands.word(),
                document_id=document.id,
            )
        )
    return f"linked {document.id[-6:]} to {case.id[-6:]}"


def decide(hands: Hands) -> str:
    """Settles a conflict: one of the two, in the record and on the conflict, in one commit."""
    with hands.ws.write("Chose between two values") as session:
        conflict = hands.pick(session, Conflict, Conflict.state == ConflictState.OPEN, Conflict.field != "*")
        if conflict is None:
            return "no conflict"
        conflict.state = ConflictState.RESOLVED
        conflict.chosen = hands.chance.choice((conflict.kept, conflict.offered))
        conflict.decided_by, conflict.decided_at = hands.ws.actor.user_id, hands.ws.time.now()
        models = {model.__tablename__: model for model in (Case, Child, Person, Address, Task, Enquiry)}
        model = models.get(conflict.table_name)
        row = session.get(model, conflict.row_id) if model is not None else None
        if row is not None and isinstance(conflict.chosen, str) and isinstance(getattr(row, conflict.field), str):
            setattr(row, conflict.field, conflict.chosen)
    return f"decided {conflict.table_name}.{conflict.field} of {conflict.row_id[-6:]}"


OPERATIONS: tuple[tuple[int, Callable[[Hands], str]], ...] = (
    (16, note),
    (26, edit),
    (5, edit_several),
    (4, correct),
    (5, add_task),
    (4, tick),
    (5, remove),
    (2, mass_delete),
    (5, enquire),
    (3, open_case),
    (1, open_clashing),
    (5, allocate),
    (3, stage),
    (3, close),
    (4, move_case),
    (3, restrict),
    (2, interest),
    (4, add_document),
    (4, link_document),
    (5, decide),
)


def draw(chance: random.Random) -> Callable[[Hands], str]:
    """Return something to do."""
    return chance.choices([each for _, each in OPERATIONS], [weight for weight, _ in OPERATIONS])[0]
