"""Random days of three laptops on a bad network: in the end all agree, and every word written is somewhere.

Real vaults, real HTTP, real PostgreSQL. A failing seed is in the test's name and replays.
``ROLLCALL_HTTP_DAYS=100`` runs more of them; the harness beside it runs hundreds, without HTTP.
"""

import os
import random
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from app.models import SYNCED_TABLES, Address, Case, CaseEvent, ChangeSetRow, Child, Conflict, Task
from app.models.terms import ChangeState, EventKind
from app.services.changes import decode
from app.services.sync import transport
from app.services.sync.faults import CentralUnreachable
from app.services.workspace import Workspace
from tests.sync import bad_network as bad
from tests.sync.bad_network import Network, network

FAULTS = (bad.CUT, bad.CUT_HALF, bad.HTML, bad.TRUNCATED, bad.GATEWAY, bad.WRONG)
PATHS = ("/push", "/pull", "/session", "/lease")
FIELDS = ((Case, "area"), (Case, "reason"), (Child, "surname"), (Address, "town"), (Task, "text"))


@pytest.fixture
def net(central: Any) -> Iterator[Network]:
    with network(central.url) as made:
        yield made


class Day:
    """One schedule: what is done is drawn from the seed alone."""

    def __init__(self, seed: int, laptops: list[Workspace], net: Network, sync: Callable[[Workspace], Any]) -> None:
        self.chance = random.Random(seed)
        self.laptops, self.net, self.sync = laptops, net, sync
        self.words: list[str] = []
        self.number = 0

    def word(self) -> str:
        self.number += 1
        self.words.append(f"Word{self.number:03d}")
        return self.words[-1]

    def open_case(self) -> None:
        with self.laptops[0].write("Opened a case") as session:
            child = Child(forename="Isla", surname=self.word(), born_on=date(2015, 1, 2))
            session.add(child)
            session.flush()
            case = Case(reference="CME-2026-00001", child_id=child.id, opened_on=date(2026, 11, 2))
            session.add(case)
            session.flush()
            session.add(Address(child_id=child.id, lines="1 Mill Lane", town=self.word()))
            session.add_all([Task(case_id=case.id, text=self.word()) for _ in range(3)])
        for ws in self.laptops:
            self.sync(ws)

    def step(self) -> None:
        ws = self.chance.choice(self.laptops)
        what = self.chance.random()
        if what < 0.45:
            self.edit(ws)
        elif what < 0.6:
            self.note(ws)
        elif what < 0.68:
            self.remove(ws)
        else:
            self.try_sync(ws)

    def edit(self, ws: Workspace) -> None:
        model, field = self.chance.choice(FIELDS)
        with ws.write("Changed a field") as session:
            rows = session.scalars(select(model).order_by(model.id)).all()
            if rows:
                setattr(self.chance.choice(rows), field, self.word())

    def note(self, ws: Workspace) -> None:
        with ws.write("Added a note") as session:
            case_id = session.scalars(select(Case.id)).one()
            words = self.word()
            session.add(CaseEvent(case_id=case_id, kind=EventKind.NOTE, happened_at=ws.time.now(), body=words))

    def remove(self, ws: Workspace) -> None:
        with ws.write("Removed a task") as session:
            tasks = session.scalars(select(Task).order_by(Task.id)).all()
            if tasks:
                session.delete(self.chance.choice(tasks))

    def try_sync(self, ws: Workspace) -> None:
        if self.chance.random() < 0.4:
            self.net.break_with(self.chance.choice(FAULTS), self.chance.choice(PATHS), times=self.chance.randint(1, 2))
        try:
            self.sync(ws)
        except CentralUnreachable:
            pass
        finally:
            self.net.mend()


def contents(ws: Workspace) -> dict[str, list[tuple[str, ...]]]:
    with ws.read() as session:
        return {
            name: sorted(
                tuple(map(str, row)) for row in session.execute(select(model.__table__).order_by(model.id)).all()
            )
            for name, model in SYNCED_TABLES.items()
        }


def everything_said(ws: Workspace) -> str:
    """Current records, history and conflicts of a vault, as one text."""
    with ws.read() as session:
        history = [
            msgspec.json.encode(decode(body).changes).decode()
            for body in session.scalars(select(ChangeSetRow.body).where(ChangeSetRow.state != ChangeState.PENDING))
        ]
    return "\n".join([*history, str(contents(ws))])


@pytest.mark.parametrize("seed", range(int(os.environ.get("ROLLCALL_HTTP_DAYS", "2"))))
def test_whatever_happens_all_laptops_end_equal_and_no_word_is_lost(
    seed: int,
    net: Network,
    central: Any,
    enrol_laptop: Callable[..., Any],
    sync_once: Callable[[Workspace], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = {**(transport.HttpTransport.__init__.__kwdefaults__ or {}), "timeout_seconds": 2.0}
    monkeypatch.setattr(transport.HttpTransport.__init__, "__kwdefaults__", quick)
    names = ("dawn", "ruth", "dawn")
    laptops = [enrol_laptop(name, f"{place}", url=net.url).workspace() for place, name in enumerate(names)]
    day = Day(seed, laptops, net, sync_once)
    day.open_case()
    for _ in range(45):
        day.step()
    for _ in range(2):
        for ws in laptops:
            sync_once(ws)
    first = contents(laptops[0])
    for ws in laptops[1:]:
        assert contents(ws) == first
    for ws in laptops:
        with ws.read() as session:
            waiting = session.scalars(select(ChangeSetRow.id).where(ChangeSetRow.state == ChangeState.PENDING)).all()
            refused = session.scalars(
                select(ChangeSetRow.refusal).where(ChangeSetRow.state == ChangeState.REFUSED)
            ).all()
        assert (waiting, refused) == ([], [])
        said = everything_said(ws)
        assert [words for words in day.words if words not in said] == []


def _conflicted_and_kept(ws: Workspace) -> tuple[set[str], set[str]]:
    with ws.read() as session:
        conflicted = select(ChangeSetRow.id).where(ChangeSetRow.state == ChangeState.CONFLICTED)
        return set(session.scalars(conflicted)), {
            conflict.change_set_id or "" for conflict in session.scalars(select(Conflict))
        }
