"""The outbox as a machine with a model: two vaults on the disk, a served store on PostgreSQL, and every cut-off.

What a person saved is in the laptop's outbox, in its order, until the store's own receipt is beside it. The model knows
every change set that was committed; after each step the vaults and the store's log are asked whether they know it too.
``ROLLCALL_OUTBOX_EXAMPLES`` makes the run longer.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, select, update

from app.central.embedded import serve_in_thread
from app.models import Case, ChangeSetRow, Task
from app.models.terms import ChangeState
from app.services.sync import recovery, refused
from app.services.sync.background import BackgroundSync
from app.services.sync.client import SyncClient
from app.services.sync.connecting import open_transport
from app.services.sync.enrolment import create_and_enrol
from app.services.sync.faults import unreachable
from app.services.sync.protocol import receipt_statement
from app.services.sync.pushing import Pusher
from app.services.sync.status import SyncState
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE, QUICK
from tests.sync.outbox_world import (
    FAULTS,
    LOST_ANSWER,
    LOST_REQUEST,
    PEOPLE,
    STARTS_AT,
    Beginning,
    KilledError,
    Laptop,
    Wire,
    open_case,
)

EXAMPLES = int(os.environ.get("ROLLCALL_OUTBOX_EXAMPLES", "6"))
TAKEN = (ChangeState.ACCEPTED, ChangeState.CONFLICTED)
laptops = st.sampled_from(tuple(PEOPLE))


class Outbox(RuleBasedStateMachine):
    """Two people, two laptops, one store, and a network and a power supply that nobody can rely on."""

    beginning: ClassVar[Beginning]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-", dir=self.beginning.folder))
        self.time = FrozenTime(STARTS_AT)
        self.time.advance(hours=1)
        self.serving = self.beginning.central(self.time)
        self.central = self.serving.__enter__()
        self.log = psycopg.connect(self.central.dsn, autocommit=True)
        self.laptops: dict[str, Laptop] = {}
        for name in PEOPLE:
            shutil.copytree(self.beginning.folder / name, self.folder / name)
            self.laptops[name] = Laptop(self.folder / name, self.time, self.central.url)
            self.laptops[name].open()
        self.count, self.sound = 0, True

    def teardown(self) -> None:
        try:
            if self.sound:
                self.in_the_end_all_agree()
        finally:
            for laptop in self.laptops.values():
                laptop.close()
            self.log.close()
            self.serving.__exit__(None, None, None)
            shutil.rmtree(self.folder, ignore_errors=True)

    def at(self, name: str) -> Laptop:
        """Return a laptop, some time later."""
        self.sound = False  # until the invariants say so
        self.time.advance(seconds=40)
        return self.laptops[name]

    # -- people --------------------------------------------------------------------------------------------------

    @rule(name=laptops, place=st.integers(0, 2))
    def edit(self, name: str, place: int) -> None:
        """Write into a field; both people write into the same three."""
        laptop, self.count = self.at(name), self.count + 1
        self.put(laptop, self.beginning.tasks[place], f"word {self.count}")

    def put(self, laptop: Laptop, task_id: str, words: str) -> None:
        def work(session: Any) -> None:
            task = session.get(Task, task_id)
            if task is not None:
                laptop.last = task_id, task.text, words
                task.text = words

        laptop.write(words, work)

    @rule(name=laptops)
    def undo(self, name: str) -> None:
        """Take the last edit back, where it is still what the field says."""
        laptop = self.at(name)
        if laptop.last is not None:
            task_id, old, new = laptop.last
            with laptop.ws.read() as session:
                task = session.get(Task, task_id)
            if task is not None and task.text == new:
                self.put(laptop, task_id, old)

    @rule(name=laptops, spoilt=st.booleans())
    def save(self, name: str, spoilt: bool) -> None:
        """Add a record; one that is spoilt holds what PostgreSQL cannot, and the store refuses the change set."""
        laptop, self.count = self.at(name), self.count + 1
        words = f"word {self.count}"
        with laptop.ws.read() as session:
            case_id = session.scalars(select(Case.id)).one()
        laptop.write(words, lambda session: session.add(Task(case_id=case_id, text=words + "\x00" * spoilt)))

    @rule(name=laptops, place=st.integers(0, 9))
    def delete(self, name: str, place: int) -> None:
        """Delete a record, whoever made it."""
        laptop = self.at(name)
        with laptop.ws.read() as session:
            tasks = session.scalars(select(Task.id).order_by(Task.id)).all()
        if place < len(tasks):
            laptop.write("", lambda session: session.delete(session.get(Task, tasks[place])))

    @rule(name=laptops)
    def set_aside(self, name: str) -> None:
        """Deal with what the store refused."""
        laptop = self.at(name)
        for each in refused.refused_sets(laptop.ws, 1):
            refused.clear(laptop.ws, each.id, reason="Typed again")

    # -- the network and the power -------------------------------------------------------------------------------

    @rule(name=laptops)
    def sync(self, name: str) -> None:
        """Sync with nothing in the way: afterwards nothing waits."""
        laptop = self.at(name)
        self.run_sync(laptop, "")
        laptop.here = set(laptop.saved)
        assert not [row for row in laptop.rows() if row.state is ChangeState.PENDING]

    @rule(name=laptops, fault=st.sampled_from(FAULTS))
    def sync_badly(self, name: str, fault: str) -> None:
        """Sync, and be cut off where change sets are on their way."""
        laptop = self.at(name)
        image = self.folder / f"{name}-image"

        def die() -> None:
            laptop.copy_to(image)
            raise KilledError

        try:
            self.run_sync(laptop, fault, die)
        except KilledError:
            laptop.back_to(image)

    def run_sync(self, laptop: Laptop, fault: str, die: Callable[[], None] = lambda: None) -> None:
        wire = Wire(laptop.wire, die, fault)
        cut_off = type(unreachable())
        try:
            SyncClient(laptop.ws, wire).run()
        except cut_off:
            assert wire.sent, "it was cut off where it should not have been"
            assert fault in (LOST_REQUEST, LOST_ANSWER)

    @rule(name=laptops)
    def lose_power(self, name: str) -> None:
        """End the process at rest, and open what is on the disk."""
        laptop = self.at(name)
        laptop.back_to(laptop.copy_to(self.folder / f"{name}-image"))

    @rule(name=laptops)
    def keep(self, name: str) -> None:
        """Copy the vault's disk, as a backup does."""
        laptop = self.at(name)
        laptop.kept = laptop.copy_to(self.folder / f"{name}-kept"), dict(laptop.saved)

    @precondition(lambda self: any(laptop.kept for laptop in self.laptops.values()))
    @rule(name=laptops)
    def put_back(self, name: str) -> None:
        """Put the copy back: what was neither in it nor ever sent is gone, as with any stolen laptop."""
        laptop = self.at(name)
        if laptop.kept is None:
            return
        image, saved = laptop.kept
        laptop.back_to(image)
        arrived = self.arrived(laptop)
        laptop.saved = {key: words for key, words in laptop.saved.items() if key in saved or key in arrived}
        laptop.here = set(laptop.saved) & set(saved)
        laptop.last = None

    # -- what always holds ---------------------------------------------------------------------------------------

    def arrived(self, laptop: Laptop) -> dict[str, Any]:
        """Return a laptop's change sets in the store's log, by id: place, state, revision, receipt."""
        rows = self.log.execute(
            "SELECT change_set_id::text, sequence, state, revision, receipt FROM change_log WHERE device_id = %s"
            " ORDER BY sequence",
            (laptop.device_id,),
        )
        return {row[0]: row[1:] for row in rows}

    @invariant()
    def what_was_saved_is_known_in_order_and_counted(self) -> None:
        for laptop in self.laptops.values():
            rows, log = laptop.rows(), self.arrived(laptop)
            self.nothing_is_lost(laptop, rows, log)
            self.every_place_is_taken_once(laptop, rows, log)
            self.receipts_are_the_stores(laptop, rows, log)
            self.the_pill_does_not_say_done_too_early(laptop, rows, log)
        self.sound = True

    def nothing_is_lost(self, laptop: Laptop, rows: list[Any], log: dict[str, Any]) -> None:
        bodies = {row.id: bytes(row.body) for row in rows}
        assert laptop.here <= set(bodies)
        assert set(laptop.saved) <= set(bodies) | set(log)
        for set_id in laptop.here:
            assert laptop.saved[set_id].encode() in bodies[set_id]

    def every_place_is_taken_once(self, laptop: Laptop, rows: list[Any], log: dict[str, Any]) -> None:
        assert [place for place, *_ in log.values()] == list(range(1, len(log) + 1))
        with laptop.ws.read() as session:
            catching_up = recovery.is_behind(session)
        if not catching_up:
            assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
        revisions = [revision for _, state, revision, _ in log.values() if state in ("accepted", "conflicted")]
        assert revisions == sorted(set(revisions))
        for set_id, answer in log.items():
            assert laptop.noted.setdefault(set_id, answer) == answer, "it was judged twice"

    def receipts_are_the_stores(self, laptop: Laptop, rows: list[Any], log: dict[str, Any]) -> None:
        for row in rows:
            if row.state in TAKEN:
                assert row.id in log
                _, state, revision, receipt = log[row.id]
                assert (row.state, row.revision, row.receipt) == (state, revision, bytes(receipt))
                assert laptop.checker.fits(receipt_statement(row.body, revision, state), row.receipt)

    def the_pill_does_not_say_done_too_early(self, laptop: Laptop, rows: list[Any], log: dict[str, Any]) -> None:
        waiting = [row for row in rows if row.state is ChangeState.PENDING]
        assert not [row for row in rows if row.id not in log and row not in waiting]
        pill = BackgroundSync(laptop.ws, every_seconds=lambda: 60.0)
        status = pill.status()
        pill.stop()
        assert status.pending_count == len(waiting)
        assert (status.state is SyncState.WAITING) == bool(waiting)
        if any(row.state is ChangeState.REFUSED for row in rows):
            assert status.state is not SyncState.UP_TO_DATE

    def in_the_end_all_agree(self) -> None:
        for name in (*PEOPLE, *PEOPLE, *PEOPLE):
            self.sync(name)
        self.what_was_saved_is_known_in_order_and_counted()
        held = []
        for laptop in self.laptops.values():
            assert set(laptop.saved) <= set(self.arrived(laptop))
            with laptop.ws.read() as session:
                held.append(set(session.execute(select(Task.id, Task.text)).all()))
        spoilt = {row for each in held for row in each if "\x00" in row.text}
        assert held[0] - spoilt == held[1] - spoilt
        (count, newest), *_ = self.log.execute(
            "SELECT count(revision), coalesce(max(revision), 0) FROM change_log"
        ).fetchall()
        assert count == newest, "revisions have no gap, and none was given twice"


@pytest.fixture(scope="module")
def beginning(postgres: Any, _template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beginning]:
    place = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="rollcall-outbox-", dir=place if place.is_dir() else None))
    database, time = "outbox_beginning", FrozenTime(STARTS_AT)
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database} TEMPLATE {_template}")
    with serve_in_thread(postgres.get_uri(database=database), time=time) as running:
        people = running.services.people
        people.ensure_authority("Marlshire County Council", la_code="999")
        vaults = []
        for name, (full, role) in PEOPLE.items():
            code = running.services.trust.make_code(people.add_user(name, full, role, "West team"))
            vaults.append(create_and_enrol(folder / name, running.url, code, name, PASSPHRASE, time=time, kdf=QUICK))
        spaces = [vault.workspace() for vault in vaults]
        tasks = open_case(spaces[0])
        for ws in spaces * 3:
            transport = open_transport(ws)
            SyncClient(ws, transport).run()
            transport.close()
        for vault in vaults:
            vault.close()
    yield Beginning(postgres, database, folder, tasks)
    shutil.rmtree(folder, ignore_errors=True)
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


@contextmanager
def told(beginning: Beginning) -> Iterator[Any]:
    """Yield a machine for a story that is told step by step."""
    machine = type("Outbox", (Outbox,), {"beginning": beginning})()
    try:
        yield machine
        machine.what_was_saved_is_known_in_order_and_counted()
    finally:
        machine.teardown()


def test_a_record_that_was_deleted_before_its_edit_arrived_leaves_the_laptop_of_the_edit(beginning: Beginning) -> None:
    """Refused work in the same case keeps it from being healed by comparing, so the log itself has to say it."""
    with told(beginning) as machine:
        machine.delete("dawn", 1)
        machine.sync("dawn")
        machine.save("ruth", spoilt=True)
        machine.edit("ruth", 1)
        machine.sync("ruth")
        with machine.laptops["ruth"].ws.read() as session:
            assert session.get(Task, beginning.tasks[1]) is None


def run(beginning: Beginning, **wanted: Any) -> None:
    machine = type("Outbox", (Outbox,), {"beginning": beginning})
    quick = settings(
        stateful_step_count=16,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        **wanted,
    )
    run_state_machine_as_test(machine, settings=quick)


def test_whatever_is_cut_off_nothing_saved_is_lost_or_sent_twice(beginning: Beginning) -> None:
    run(beginning, max_examples=EXAMPLES)


# -- the machine can fail --------------------------------------------------------------------------------------------


def tried_is_sent() -> Any:
    """What was on its way when the network went counts as sent."""
    plain = Pusher.push

    def push(self: Pusher, report: Any) -> None:
        try:
            plain(self, report)
        except Exception:
            with self._ws.local_session() as session:
                waiting = update(ChangeSetRow).where(ChangeSetRow.state == ChangeState.PENDING)
                session.execute(waiting.values(state=ChangeState.ACCEPTED))
            raise

    return patch.object(Pusher, "push", push)


def done_too_early() -> Any:
    """The pill counts nothing."""
    return patch("app.services.sync.background.pending_count", lambda _session: 0)


def forgotten_when_refused() -> Any:
    """What the store refused is taken out of the outbox."""
    plain = Pusher._note_results

    def note(self: Pusher, *arguments: Any) -> bool:
        held = plain(self, *arguments)
        with self._ws.local_session() as session:
            session.execute(delete(ChangeSetRow).where(ChangeSetRow.state == ChangeState.REFUSED))
        return held

    return patch.object(Pusher, "_note_results", note)


@pytest.mark.parametrize("mutant", [tried_is_sent, done_too_early, forgotten_when_refused])
def test_what_always_holds_does_not_hold_for_a_careless_outbox(beginning: Beginning, mutant: Callable[[], Any]) -> None:
    with mutant(), pytest.raises(AssertionError), told(beginning) as machine:
        machine.save("ruth", spoilt=True)
        machine.edit("ruth", 0)
        machine.sync_badly("ruth", LOST_REQUEST)
        machine.what_was_saved_is_known_in_order_and_counted()
        machine.sync("ruth")
