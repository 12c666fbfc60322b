"""Four like families on one vault, and a person of every role: what the exhaustive test of the matrix acts on.

``plain`` is open to all, ``listed`` is restricted with everybody on its list, ``restricted`` has one officer on its
list, and everybody but that officer has declared an interest in ``interest``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.ids import new_id
from app.models import (
    AccessRequest,
    Address,
    BreakGlass,
    Case,
    CaseAccess,
    Child,
    Clock,
    Conflict,
    ContactPoint,
    Document,
    Enquiry,
    Enrolment,
    InterestDeclared,
    Letter,
    Person,
    ReferenceLease,
    Referral,
    Relationship,
    School,
    Task,
    Team,
    User,
)
from app.models.terms import (
    ConflictState,
    DocumentState,
    Known,
    LetterState,
    ReferralSource,
    ReferralState,
    RelationshipKind,
    Role,
)
from app.services import capture, cases
from app.services.capture import Unit
from app.services.letters import facts, letters
from app.services.letters.draft import LetterDraft
from app.services.rows import keep_connection
from app.services.signing import Signer, new_seed
from app.services.vault import Vault, create_vault
from app.services.workspace import Actor, Workspace
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE, QUICK

SCOPES = ("plain", "listed", "restricted", "interest")


class TrialWorkspace(Workspace):
    """A workspace whose writes are flushed and captured as ever, and then taken back.

    Attributes:
        written: the reasons of writes that came to their end with something to commit.
    """

    written: list[str]

    @contextmanager
    def _unit(self, reason: str, *, applying: bool) -> Iterator[Session]:
        unit = Unit(
            actor_id=self.actor.user_id,
            actor_name=self.actor.name,
            device_id=self.actor.device_id,
            reason=reason,
            time=self.time,
            signer=self._signer,
            applying=applying,
        )
        with self._recorder.watching(), self._session(self._writer) as session:
            session.info["unit"] = unit
            session.begin()
            keep_connection(session)
            try:
                with self._recorder.within(session):
                    yield session
                session.flush()
                if unit.changes or unit.tables:
                    self.written.append(reason)
                capture._write_change_set(session)
                session.expunge_all()
            finally:
                session.rollback()


@dataclass
class Family:
    """The ids of one family's records, and what must not be shown of them."""

    key: str
    case_id: str = ""
    child_id: str = ""
    reference: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    draft: LetterDraft | None = None

    @property
    def name(self) -> str:
        return f"Isla{self.key} Merrow{self.key}"

    @property
    def upn(self) -> str:
        return f"UPN{self.key}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Words that stand in the family's records and nowhere else."""
        return tuple(
            f"{word}{self.key}" for word in ("UPN", "Area", "School", "Mother", "Note", "Road", "Reason", "Doc", "Task")
        )


@dataclass
class Scene:
    """The vault, its people by role, and the families by scope."""

    vault: Vault
    users: dict[Role, str]
    officer: str
    families: dict[str, Family]
    documents: Any
    waiting_document: str = ""
    free_document: str = ""

    def workspace(self, role: Role) -> TrialWorkspace:
        """Return a workspace in the name of the person with a role."""
        actor = Actor(self.users[role], f"Person {role}", role, None, self.vault.workspace().actor.device_id)
        made = TrialWorkspace(
            self.vault.engine,
            actor=actor,
            signer=Signer(new_seed()),
            time=self.vault.time,
            folder=self.vault.folder,
            open_documents=lambda: self.documents,
        )
        made.written = []
        return made


def build(folder: Path, time: FrozenTime) -> Scene:
    """Make the scene: about two seconds."""
    vault = create_vault(folder, PASSPHRASE, time=time, label="Test laptop", kdf=QUICK)
    vault.add_device("Test laptop")
    users = {role: new_id() for role in Role}
    officer = new_id()
    with vault.system_workspace().write("Set up") as session:
        team = Team(id=new_id(), name="West team")
        session.add(team)
        session.add_all(
            User(id=user_id, username=role.value, name=f"Person {role}", role=role, team_id=team.id)
            for role, user_id in users.items()
        )
        session.add(User(id=officer, username="olga", name="Olga Officer", role=Role.CASEWORKER, team_id=team.id))
        session.add(ReferenceLease(year=2026, first=1, last=99, next=1))
        session.add(School(urn="990012", la_code="999", establishment_number="4012", name="Open School", invented=True))
    vault.set_user(officer)
    ws = vault.workspace()
    scene = Scene(vault, users, officer, {}, ws.documents)
    for key in SCOPES:
        scene.families[key] = _family(ws, key.upper(), list(users.values()))
    _close(vault, scene)
    _tray(ws, scene)
    return scene


def _family(ws: Workspace, key: str, users: list[str]) -> Family:
    family = Family(key)
    child, mother, brother = new_id(), new_id(), new_id()
    family.child_id = child
    ids = {name: new_id() for name in ("relationship", "address", "contact")}
    with ws.write("Set up a family") as session:
        session.add(
            Child(
                id=child,
                forename=f"Isla{key}",
                surname=f"Merrow{key}",
                born_on=date(2017, 3, 14),
                upn=family.upn,
                sex="F",
            )
        )
        session.add(Child(id=brother, forename="Finn", surname="Elsewhere", born_on=date(2015, 3, 14)))
        session.add(Enrolment(child_id=child, school_name=f"School{key}", to_on=date(2026, 10, 16)))
        session.add(Person(id=mother, title="Mrs", forename=f"Mother{key}", surname="Merrow", contact_safe=Known.KNOWN))
        session.add(
            Relationship(
                id=ids["relationship"],
                child_id=child,
                person_id=mother,
                kind=RelationshipKind.MOTHER,
                lives_with=True,
                parental_responsibility=Known.KNOWN,
            )
        )
        session.add(
            Address(id=ids["address"], person_id=mother, lines=f"Road{key}", town="Kingsholt", postcode="MH7 3DD")
        )
        session.add(ContactPoint(id=ids["contact"], person_id=mother, kind="mobile", value="07700 900412"))
    family.case_id = cases.open_case(
        ws,
        child,
        source=ReferralSource.SCHOOL_UNTRACED,
        source_name=f"School{key}",
        reason=f"Reason{key}",
        area=f"Area{key}",
        received_on=date(2026, 11, 2),
        officer_id=ws.actor.user_id,
    )
    cases.add_note(ws, family.case_id, text=f"Note{key}")
    family.ids = {**ids, "person": mother, "brother": brother}
    _records(ws, family, users)
    return family


def _records(ws: Workspace, family: Family, users: list[str]) -> None:
    case_id, key = family.case_id, family.key
    with ws.write("Set up more") as session:
        case = session.get_one(Case, case_id)
        family.reference = case.reference
        family.ids["enquiry"] = session.scalars(select(Enquiry.id).where(Enquiry.case_id == case_id).limit(1)).one()
        family.ids["clock"] = session.scalars(select(Clock.id).where(Clock.case_id == case_id).limit(1)).one()
        tasks = [Task(id=new_id(), case_id=case_id, user_id=user, text=f"Task{key}") for user in users]
        session.add_all(tasks)
        family.ids["task"] = tasks[0].id
        for name, state in (("document", DocumentState.LINKED), ("other_document", DocumentState.LINKED)):
            family.ids[name] = new_id()
            document = _document(ws, f"Doc{key} {name}", state)
            document.id, document.case_id, document.child_id = family.ids[name], case_id, family.child_id
            session.add(document)
        family.ids["conflict"] = new_id()
        session.add(
            Conflict(
                id=family.ids["conflict"],
                table_name="case",
                row_id=case_id,
                subject_id=case_id,
                field="officer_id",
                before=None,
                chosen=None,
                kept=ws.actor.user_id,
                offered=users[0],
                offered_at=ws.time.now(),
                state=ConflictState.OPEN,
            )
        )
        family.ids["area_conflict"] = new_id()
        session.add(
            Conflict(
                id=family.ids["area_conflict"],
                table_name="case",
                row_id=case_id,
                subject_id=case_id,
                field="area",
                before=None,
                chosen=None,
                kept=f"Area{key}",
                offered=f"Other area{key}",
                offered_at=ws.time.now(),
                state=ConflictState.OPEN,
            )
        )
        family.ids["referral"] = new_id()
        session.add(
            Referral(
                id=family.ids["referral"],
                state=ReferralState.DRAFT,
                child_id=family.child_id,
                answers={},
                match_decision={},
                reason=f"Reason{key}",
            )
        )
        family.ids["joined"] = new_id()
        undo = {"until": "2026-12-01", "case_before": {"status": "open"}, "made": [], "filled": []}
        session.add(
            Referral(
                id=family.ids["joined"],
                state=ReferralState.ADDED_TO_CASE,
                child_id=family.child_id,
                case_id=case_id,
                answers={},
                match_decision={"undo": undo},
            )
        )
    draft = letters.keep(ws, letters.new(facts.read(ws, case_id), "L01"))
    sent = letters.keep(ws, letters.new(facts.read(ws, case_id), "L01"))
    with ws.write("Sent") as session:
        sha256 = ws.documents.put(f"%PDF Doc{key}".encode(), "application/pdf")
        row = session.get_one(Letter, sent.letter_id)
        row.state, row.sha256 = LetterState.ISSUED, sha256
    family.draft = draft
    family.ids |= {"draft": draft.letter_id, "sent": sent.letter_id}


def _document(ws: Workspace, title: str, state: DocumentState) -> Document:
    return Document(
        sha256=ws.documents.put(title.encode(), "application/pdf"),
        size=len(title),
        media_type="application/pdf",
        page_count=1,
        state=state,
        title=title,
        arrived_at=ws.time.now(),
        text="",
        reading={},
        rotation={},
    )


def _close(vault: Vault, scene: Scene) -> None:
    now = vault.time.now()
    with vault.system_workspace().write("Close") as session:
        for key in ("listed", "restricted"):
            family = scene.families[key]
            session.get_one(Case, family.case_id).restricted = True
            people = [scene.officer, *(scene.users.values() if key == "listed" else ())]
            session.add_all(
                CaseAccess(case_id=family.case_id, user_id=user, granted_at=now, reason="Test") for user in people
            )
        interest = scene.families["interest"]
        session.add_all(
            InterestDeclared(user_id=user, case_id=interest.case_id, child_id=interest.child_id, declared_at=now)
            for user in scene.users.values()
        )
        for family in scene.families.values():
            family.ids |= {name: new_id() for name in ("emergency", "request", "declared")}
            about = {"case_id": family.case_id, "user_id": scene.officer}
            session.add(BreakGlass(id=family.ids["emergency"], reason="x", from_at=now, until_at=now, **about))
            session.add(AccessRequest(id=family.ids["request"], reason="x", asked_at=now, **about))
            session.add(
                InterestDeclared(
                    id=family.ids["declared"],
                    child_id=family.child_id,
                    declared_at=now,
                    ended_at=None,
                    case_id=family.case_id,
                    user_id=new_id(),
                )
            )


def _tray(ws: Workspace, scene: Scene) -> None:
    """A page that quotes every family's reference and UPN, and one that says nothing."""
    with ws.write("Tray") as session:
        waiting = _document(ws, "A page for the tray", DocumentState.TO_LINK)
        waiting.text = " ".join(f"{family.reference} {family.name}" for family in scene.families.values())
        free = _document(ws, "A page set aside", DocumentState.SET_ASIDE)
        session.add_all([waiting, free])
        session.flush()
        scene.waiting_document, scene.free_document = waiting.id, free.id
