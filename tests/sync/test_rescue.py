"""Work whose sender may no longer write is handed in sealed: never merged, never readable on the way, never lost."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from app.central.rescue_tables import rescue_event, rescued_piece, rescued_work
from app.central.tables import change_log
from app.models import (
    AuditEntry,
    Case,
    CaseEvent,
    ChangeSetRow,
    Child,
    Document,
    HandedIn,
    TeamKey,
    TeamKeyWrap,
)
from app.models.terms import ChangeState, EventKind, HandedInState
from app.services.changes import Change
from app.services.sync import facts, team_keys
from app.services.sync.centre import sync_view
from app.services.sync.client import SyncClient
from app.services.sync.enrolment import open_transport
from app.services.sync.faults import CentralUnreachable
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.rescue_protocol import HandInAnswer, digest_of, rescue_statement
from app.services.workspace import Workspace

Sync = Callable[[Workspace], Any]
SECRET = "The aunt in Saltenby has her"


@pytest.fixture
def ruth(enrol_laptop: Callable[..., Any], sync_once: Sync) -> Workspace:
    """A supervisor's laptop, which has made the team's key."""
    ws: Workspace = enrol_laptop("ruth").workspace()
    sync_once(ws)
    return ws


@pytest.fixture
def dawn(ruth: Workspace, enrol_laptop: Callable[..., Any], sync_once: Sync) -> Workspace:
    ws: Workspace = enrol_laptop("dawn").workspace()
    sync_once(ws)
    return ws


def open_case(ws: Workspace, reference: str = "CME-2026-00901") -> tuple[str, str]:
    with ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Bräton", born_on=date(2015, 1, 2))
        session.add(child)
        session.flush()
        case = Case(reference=reference, child_id=child.id, opened_on=date(2026, 11, 2), team_id=ws.actor.team_id)
        session.add(case)
        session.flush()
        return child.id, case.id


def add_note(ws: Workspace, case_id: str, words: str = SECRET) -> str:
    with ws.write("Added a note") as session:
        session.add(CaseEvent(case_id=case_id, kind=EventKind.NOTE, happened_at=ws.time.now(), body=words))
    with ws.read() as session:
        own = select(ChangeSetRow.id).where(ChangeSetRow.device_id == ws.actor.device_id)
        return session.scalars(own.order_by(ChangeSetRow.sequence.desc())).first() or ""


def set_role(central: Any, username: str, old: str, new: str) -> None:
    change = Change("user", central.people[username], "update", {"role": [old, new]})
    central.services.store.record([change], "Changed a role")


def state_of(ws: Workspace, set_id: str) -> ChangeState:
    with ws.read() as session:
        return session.get_one(ChangeSetRow, set_id).state


def everything_stored(central: Any) -> bytes:
    """Return what the central store's tables of rescue and its log hold, as bytes."""
    found = b""
    with central.services.engine.connect() as connection:
        for table in (rescued_work, rescued_piece, rescue_event, change_log):
            for row in connection.execute(select(table)):
                found += b"|".join(bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row)
    return found


def test_the_first_supervisors_laptop_makes_the_teams_key_and_everybody_can_seal_to_it(
    ruth: Workspace, dawn: Workspace
) -> None:
    for ws in (ruth, dawn):
        with ws.read() as session:
            key = session.scalars(select(TeamKey)).one()
            assert (key.team_id, key.serial) == (ruth.actor.team_id, 1)
            to = team_keys.recipient(session, ruth.actor.team_id)
            assert to is not None
            assert to.sealed_to == key.id
    with ruth.read() as session:
        assert team_keys.private_key(session, key.id) is not None
    with dawn.read() as session:
        assert team_keys.private_key(session, key.id) is None


def test_a_second_supervisors_laptop_is_given_the_key_by_the_first(
    ruth: Workspace, central: Any, enrol_laptop: Callable[..., Any], sync_once: Sync
) -> None:
    central.people["omar"] = central.services.people.add_user("omar", "Omar Reyes", "supervisor", "West team")
    sync_once(ruth)
    omar = enrol_laptop("omar").workspace()
    sync_once(omar)  # asks
    with omar.read() as session:
        key = session.scalars(select(TeamKey)).one()
        assert team_keys.private_key(session, key.id) is None
    sync_once(ruth)  # hands on
    sync_once(omar)
    with omar.read() as session, ruth.read() as hers:
        mine, theirs = team_keys.private_key(session, key.id), team_keys.private_key(hers, key.id)
        assert mine is not None
        assert theirs is not None
        assert mine.private_bytes_raw() == theirs.private_bytes_raw()
        assert session.scalars(select(TeamKey)).all(), "and no second key was made"
        assert len(session.scalars(select(TeamKeyWrap)).all()) == 2


def test_the_key_goes_to_nobody_who_is_no_supervisor_of_the_team(
    ruth: Workspace, dawn: Workspace, central: Any, enrol_laptop: Callable[..., Any], sync_once: Sync
) -> None:
    central.people["eve"] = central.services.people.add_user("eve", "Eve Marsh", "supervisor", "East team")
    eve = enrol_laptop("eve").workspace()
    sync_once(eve)
    with eve.read() as session:
        west = session.scalars(select(TeamKey).where(TeamKey.team_id == ruth.actor.team_id)).one()
    with eve.write("Asked for a key of another team") as session:
        tending = team_keys._Tending(session, eve.actor)
        session.add(tending._ask(west.id))
    sync_once(eve), sync_once(ruth), sync_once(eve)
    with eve.read() as session:
        assert team_keys.private_key(session, west.id) is None


def test_when_a_supervisor_leaves_new_work_is_sealed_to_a_new_key(
    ruth: Workspace, dawn: Workspace, central: Any, enrol_laptop: Callable[..., Any], sync_once: Sync
) -> None:
    central.people["omar"] = central.services.people.add_user("omar", "Omar Reyes", "supervisor", "West team")
    sync_once(ruth)
    omar = enrol_laptop("omar").workspace()
    sync_once(omar), sync_once(ruth), sync_once(omar)
    central.services.trust.revoke(omar.actor.device_id)
    sync_once(ruth), sync_once(dawn)
    with dawn.read() as session:
        to = team_keys.recipient(session, ruth.actor.team_id)
        keys = session.scalars(select(TeamKey).order_by(TeamKey.serial)).all()
        holders = session.scalars(select(TeamKeyWrap.device_id).where(TeamKeyWrap.team_key_id == keys[-1].id)).all()
    assert [key.serial for key in keys] == [1, 2]
    assert to is not None
    assert to.sealed_to == keys[1].id
    assert holders == [ruth.actor.device_id]
    before = len(keys)
    sync_once(ruth)
    with ruth.read() as session:
        assert len(session.scalars(select(TeamKey)).all()) == before, "once is enough"


def test_work_of_somebody_who_lost_the_role_is_handed_in_and_what_follows_still_flows(
    ruth: Workspace, dawn: Workspace, central: Any, sync_once: Sync
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    note = add_note(dawn, case_id)
    set_role(central, "dawn", "caseworker", "inclusion")
    report = sync_once(dawn)
    assert (report.handed_in, report.refused) == (1, 0)
    assert state_of(dawn, note) is ChangeState.RESCUED
    with dawn.read() as session:
        row = session.get_one(ChangeSetRow, note)
        key = facts.get(session, facts.SERVER_KEY)
    assert ReceiptChecker(key or "").fits(rescue_statement(note, digest_of(row.body)), row.receipt or b"")
    set_role(central, "dawn", "inclusion", "caseworker")
    sync_once(dawn)
    later = add_note(dawn, case_id, "Rang the school")
    sync_once(dawn)
    assert state_of(dawn, later) is ChangeState.ACCEPTED
    sync_once(ruth)
    with ruth.read() as session:
        assert session.scalars(select(CaseEvent.body)).all() == ["Rang the school"]
        told = session.scalars(select(HandedIn)).one()
        assert (told.id, told.author_id, told.team_id) == (note, central.people["dawn"], ruth.actor.team_id)
        assert (told.changes, told.state) == (1, HandedInState.WAITING)
    view = sync_view(dawn)
    assert (view.pending_count, view.refused_count) == (0, 0)


def test_the_central_store_holds_nothing_that_it_could_read(
    ruth: Workspace, dawn: Workspace, central: Any, sync_once: Sync
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    note = add_note(dawn, case_id)
    set_role(central, "dawn", "caseworker", "inclusion")
    sync_once(dawn)
    stored = everything_stored(central)
    assert note.encode() in stored
    assert SECRET.encode() not in stored
    with dawn.read() as session:
        assert session.get_one(ChangeSetRow, note).body not in stored
    (listed,) = central.services.rescues.listed()
    assert (listed["author"], listed["changes"], listed["team"], listed["state"]) == (
        "Dawn Ellery",
        1,
        "West team",
        "waiting",
    )


class _Cut:
    """A transport that loses the answer to handing in, once."""

    def __init__(self, inner: Any, *, before: bool) -> None:
        self.inner, self.before, self.cut = inner, before, 0

    def call(self, path: str, message: object, kind: Any) -> Any:
        if path == "/rescue" and not self.cut:
            self.cut += 1
            if not self.before:
                self.inner.call(path, message, HandInAnswer)
            raise CentralUnreachable("cut off")
        return self.inner.call(path, message, kind)


@pytest.mark.parametrize("before", [True, False])
def test_cut_off_before_or_after_it_was_stored_it_is_handed_in_once(
    ruth: Workspace, dawn: Workspace, central: Any, sync_once: Sync, before: bool
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    notes = [add_note(dawn, case_id), add_note(dawn, case_id, "And her phone number")]
    set_role(central, "dawn", "caseworker", "inclusion")
    transport = open_transport(dawn)
    with pytest.raises(CentralUnreachable):
        SyncClient(dawn, _Cut(transport, before=before)).run()
    transport.close()
    assert {state_of(dawn, note) for note in notes} == {ChangeState.PENDING}, "no receipt, so it waits"
    sync_once(dawn)
    assert {state_of(dawn, note) for note in notes} == {ChangeState.RESCUED}
    sync_once(ruth)
    with ruth.read() as session:
        assert set(session.scalars(select(HandedIn.id))) == set(notes)
    assert len(central.services.rescues.listed()) == 2


def test_documents_that_only_the_laptop_has_go_with_the_work_sealed(
    ruth: Workspace, dawn: Workspace, central: Any, sync_once: Sync
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    import random

    page = random.Random(7).randbytes(5_000_000)
    sha256 = dawn.documents.put(page, "image/jpeg")
    with dawn.write("Added a document") as session:
        session.add(_document(dawn, case_id, sha256, len(page)))
    set_role(central, "dawn", "caseworker", "inclusion")
    assert sync_once(dawn).handed_in == 1
    (listed,) = central.services.rescues.listed()
    assert (listed["documents"], listed["complete"]) == (1, True)
    assert page[:64] not in everything_stored(central)
    assert central.services.bytes.complete_count() == 0, "its bytes do not go in the open as well"


def _document(ws: Workspace, case_id: str, sha256: str, size: int) -> Document:
    return Document(
        case_id=case_id,
        sha256=sha256,
        size=size,
        media_type="image/jpeg",
        page_count=1,
        arrived_at=ws.time.now(),
        reading={},
        rotation={},
    )


def test_without_any_key_to_seal_to_the_work_waits_on_the_laptop_and_goes_once_there_is_one(
    central: Any, enrol_laptop: Callable[..., Any], sync_once: Sync
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    sync_once(dawn)
    _, case_id = open_case(dawn)
    sync_once(dawn)
    note = add_note(dawn, case_id)
    set_role(central, "dawn", "caseworker", "inclusion")
    assert sync_once(dawn).handed_in == 0
    assert state_of(dawn, note) is ChangeState.PENDING
    ruth = enrol_laptop("ruth").workspace()
    sync_once(ruth)
    sync_once(dawn)
    sync_once(dawn)
    assert state_of(dawn, note) is ChangeState.RESCUED


def test_a_role_that_never_allowed_it_is_refused_and_not_handed_in(
    ruth: Workspace, dawn: Workspace, central: Any, sync_once: Sync
) -> None:
    from app.models import Closure

    _, case_id = open_case(dawn)
    sync_once(dawn)
    with dawn.write("Closed the case") as session:
        session.add(Closure(case_id=case_id, outcome="R1"))
    report = sync_once(dawn)
    assert (report.refused, report.handed_in) == (1, 0)


def test_handing_in_is_in_the_laptops_audit(ruth: Workspace, dawn: Workspace, central: Any, sync_once: Sync) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    add_note(dawn, case_id)
    set_role(central, "dawn", "caseworker", "inclusion")
    sync_once(dawn)
    with dawn.read() as session:
        assert "handed in" in session.scalars(select(AuditEntry.action)).all()
    with central.services.engine.connect() as connection:
        assert connection.execute(select(rescue_event.c.what)).scalars().all() == ["handed in"]


def test_unsent_work_on_a_case_that_moved_to_another_team_reaches_the_right_supervisor_and_then_the_case_leaves(
    ruth: Workspace, dawn: Workspace, central: Any, enrol_laptop: Callable[..., Any], sync_once: Sync
) -> None:
    from app.services.rescued.listing import handed_in
    from app.services.rescued.opening import open_work
    from app.services.rescued.settling import take_over

    people = central.services.people
    east = people.ensure_team("East team")
    central.people["eve"] = people.add_user("eve", "Eve Marsh", "supervisor", "East team")
    eve = enrol_laptop("eve").workspace()
    sync_once(eve)
    child_id, case_id = open_case(dawn)
    sync_once(dawn), sync_once(ruth)
    moved = Change("case", case_id, "update", {"team_id": [dawn.actor.team_id, east]})
    central.services.store.record([moved], "Moved to another team")
    sync_once(dawn)  # the case leaves: nothing of it waits
    with dawn.read() as session:
        assert session.get(Case, case_id) is None
    central.services.store.record(
        [Change("case", case_id, "update", {"team_id": [east, dawn.actor.team_id]})], "Moved back"
    )
    sync_once(dawn)
    with dawn.read() as session:
        assert session.get(Case, case_id) is not None, "and arrives whole again"
    note = add_note(dawn, case_id)
    central.services.store.record([moved], "Moved to another team")
    sync_once(dawn)
    with dawn.read() as session:
        row = session.get_one(ChangeSetRow, note)
        assert row.state in (ChangeState.ACCEPTED, ChangeState.RESCUED), "made while the laptop held it"
        assert row.receipt
        assert session.get(Case, case_id) is None
    sync_once(eve)
    if row.state is ChangeState.RESCUED:
        (told,) = handed_in(eve)
        take_over(eve, open_work(eve, told.id))
        sync_once(eve)
    with eve.read() as session:
        assert session.scalars(select(CaseEvent.body)).all() == [SECRET]


def test_a_laptop_that_was_away_for_months_neither_deletes_nor_brings_back_what_others_did(
    ruth: Workspace, dawn: Workspace, central: Any, sync_once: Sync, frozen_time: Any
) -> None:
    from app.models import Task

    _, case_id = open_case(dawn)
    with dawn.write("Added tasks") as session:
        tasks = [Task(case_id=case_id, text=text) for text in ("Ring the school", "Ring the aunt", "Ring the GP")]
        session.add_all(tasks)
        session.flush()
        school, aunt, doctor = (task.id for task in tasks)
    sync_once(dawn), sync_once(ruth)
    with dawn.write("Removed a task") as session:
        session.delete(session.get_one(Task, aunt))  # never sent for months
    with dawn.write("Changed a task") as session:
        session.get_one(Task, doctor).text = "Ring the GP in Saltenby"
    with ruth.write("Changed tasks") as session:
        session.get_one(Task, aunt).text = "Ring the aunt in Aldermere"
        session.delete(session.get_one(Task, school))
    sync_once(ruth)
    frozen_time.advance(days=120)
    set_role(central, "dawn", "caseworker", "inclusion")
    assert sync_once(dawn).handed_in == 2
    sync_once(ruth)
    for ws in (dawn, ruth):
        with ws.read() as session:
            texts = set(session.scalars(select(Task.text)))
        assert "Ring the school" not in texts, "nothing comes back that was deleted"
    with ruth.read() as session:
        assert "Ring the aunt in Aldermere" in set(session.scalars(select(Task.text))), "no delete beats an edit"
        assert len(session.scalars(select(HandedIn)).all()) == 2
