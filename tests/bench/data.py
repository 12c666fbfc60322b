"""Invented records in bulk for benchmarks, written through Core and around change capture."""

import random
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert, select

from app.ids import new_id
from app.models import Case, CaseEvent, Child, Clock, Enrolment, SafetyFlag, School, Task, User
from app.models.folding import fold
from app.models.terms import CaseStatus, EventKind, Known, Role, SafetyKind, Stage
from app.services import projection
from app.services.wire import complete
from app.services.workspace import Workspace

_names = str.split
FORENAMES = _names("Isla Noor Rhys Zofia Caleb Mina Tobias Finn Darcey Ilyas Poppy Kacper Amara Jonah Freya Idris")
SURNAMES = _names("Merrow Salvani Pendleford Halewicz Ostwick Torabel Fenwright Whitlowe Benamar Stannard Zawadil")
SCHOOLS = _names("Pennyford Primary,Saltenby Academy,Thornwick Primary,Kingsholt School,Aldermere High", ",")
STAGES = [stage for stage in Stage if stage is not Stage.CLOSED]
TITLES = _names("Called mother,Letter arrived,Draft notice,Home visit,Police check,S2S search,Letter sent", ",")
BLOCK = 5_000


def fill(ws: Workspace, children: int, cases: int, *, officers: int = 12, events_per_case: int = 6) -> list[str]:
    """Add children, a share of them with cases, and the projections that lists read.

    Args:
        ws: a workspace on an empty vault.
        children: how many children.
        cases: how many of them have a case; nine of ten are open.
        officers: how many people the cases are spread over; the workspace's own person is the first.
        events_per_case: lines on each timeline.

    Returns:
        The ids of the cases.
    """
    choose = random.Random(417)
    now = ws.time.now()
    people = _officers(ws, officers)
    made_children = [_child(choose, number, now) for number in range(children)]
    made_cases = [_case(choose, number, child["id"], people, ws) for number, child in enumerate(made_children[:cases])]
    with ws.apply_session() as session:
        connection = session.connection()

        def put(model: Any, rows: Any) -> None:
            rows = iter(rows)
            while block := [complete(model, row) for row in islice(rows, BLOCK)]:
                connection.execute(insert(model), block)

        put(School, (_school(number, name, now) for number, name in enumerate(SCHOOLS)))
        put(Child, made_children)
        put(Enrolment, (_enrolment(choose, child["id"], now) for child in made_children[: cases * 2]))
        put(Case, made_cases)
        put(CaseEvent, (_event(choose, case["id"], now) for case in made_cases for _ in range(events_per_case)))
        put(Clock, (_clock(choose, case["id"], now) for case in made_cases))
        put(Task, (_task(choose, case["id"], now) for case in made_cases[::3]))
        put(SafetyFlag, (_flag(choose, case["child_id"], now) for case in made_cases[::9]))
        projection.refresh_cases(session, [case["id"] for case in made_cases], ws.time)
    return [case["id"] for case in made_cases]


def _officers(ws: Workspace, count: int) -> list[str]:
    with ws.apply_session() as session:
        known = list(session.scalars(select(User.id).where(User.id == ws.actor.user_id)))
        for number in range(count - len(known)):
            user_id = new_id()
            user = {"id": user_id, "username": f"officer{number}", "name": f"Officer {number}", "role": Role.CASEWORKER}
            session.connection().execute(insert(User), complete(User, {**user, "created_at": ws.time.now()}))
            known.append(user_id)
    return known


def _child(choose: random.Random, number: int, now: datetime) -> dict[str, Any]:
    forename, surname = choose.choice(FORENAMES), f"{choose.choice(SURNAMES)}{chr(97 + number % 26)}"
    born = (now - timedelta(days=choose.randrange(5 * 365, 16 * 365))).date()
    return {
        "id": new_id(),
        "created_at": now,
        "forename": forename,
        "surname": surname,
        "surname_folded": fold(surname),
        "forename_folded": fold(forename),
        "name_sound": fold(surname)[:4],
        "born_on": born,
        "born_on_known": Known.KNOWN,
        "upn": f"A9990001{number:05d}"[:13],
    }


def _case(choose: random.Random, number: int, child_id: str, people: list[str], ws: Workspace) -> dict[str, Any]:
    opened = (ws.time.now() - timedelta(days=choose.randrange(1, 200))).date()
    closed = number % 10 == 9
    return {
        "id": new_id(),
        "created_at": ws.time.now(),
        "reference": f"CME-2025-{number + 10_000:05d}",
        "child_id": child_id,
        "team_id": ws.actor.team_id,
        "officer_id": people[number % len(people)],
        "status": CaseStatus.CLOSED if closed else CaseStatus.OPEN,
        "stage": Stage.CLOSED if closed else choose.choice(STAGES),
        "stage_since": opened,
        "opened_on": opened,
        "closed_on": ws.time.today() if closed else None,
        "area": choose.choice(("Saltenby", "Aldermere", "Kingsholt")),
    }


def _event(choose: random.Random, case_id: str, now: datetime) -> dict[str, Any]:
    at = now.astimezone(UTC) - timedelta(minutes=choose.randrange(60, 60 * 24 * 60))
    title = choose.choice(TITLES)
    body = "Rang the number held by the school. Voicemail full. Will try again." * choose.randrange(1, 4)
    return {
        "id": new_id(),
        "created_at": at,
        "case_id": case_id,
        "kind": choose.choice((EventKind.NOTE, EventKind.CALL, EventKind.VISIT)),
        "happened_at": at,
        "title": title,
        "body": body,
        "actor_name": "Dawn Ellery",
    }


def _enrolment(choose: random.Random, child_id: str, now: datetime) -> dict[str, Any]:
    left = (now - timedelta(days=choose.randrange(10, 100))).date()
    school = choose.choice(SCHOOLS)
    return {"id": new_id(), "created_at": now, "child_id": child_id, "school_name": school, "to_on": left}


def _clock(choose: random.Random, case_id: str, now: datetime) -> dict[str, Any]:
    rule = choose.choice(("local_second_home_visit", "local_supervisor_review", "s437_notice"))
    started = (now - timedelta(days=choose.randrange(0, 30))).date()
    return {"id": new_id(), "created_at": now, "case_id": case_id, "rule": rule, "started_on": started}


def _task(choose: random.Random, case_id: str, now: datetime) -> dict[str, Any]:
    due = (now + timedelta(days=choose.randrange(-3, 20))).date()
    return {"id": new_id(), "created_at": now, "case_id": case_id, "text": "Ring the surgery", "due_on": due}


def _flag(choose: random.Random, child_id: str, now: datetime) -> dict[str, Any]:
    kind = choose.choice((SafetyKind.VISIT_IN_PAIRS, SafetyKind.VIOLENCE, SafetyKind.INTERPRETER))
    review = (now + timedelta(days=100)).date()
    return {"id": new_id(), "created_at": now, "child_id": child_id, "kind": kind, "set_at": now, "review_on": review}


def _school(number: int, name: str, now: datetime) -> dict[str, Any]:
    return {"id": new_id(), "created_at": now, "urn": str(900_000 + number), "la_code": "999", "name": name}
