"""A store that is put back to an earlier moment gets back, from the laptops, all that it had given receipts for."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import select

from app.central import main as central_main
from app.central.embedded import RunningCentral, serve_in_thread
from app.models import Case, CaseEvent, ChangeSetRow
from app.models.terms import ChangeState
from app.services.sync import facts, restored
from app.services.sync.enrolment import create_and_enrol
from app.services.sync.protocol import receipt_statement
from app.services.sync.receipts import ReceiptChecker
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.central import clusters
from tests.central.clusters import Cluster
from tests.conftest import PASSPHRASE, QUICK
from tests.sync.test_put_back import note
from tests.sync.test_two_laptops import conflicts, contents, field, open_case, set_field

Sync = Callable[[Workspace], Any]


def command(*arguments: str) -> int:
    return central_main.run(list(arguments))


def log(dsn: str) -> dict[str, int]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT change_set_id::text, revision FROM change_log WHERE revision IS NOT NULL ORDER BY revision"
        ).fetchall()
    assert [revision for _, revision in rows] == list(range(1, len(rows) + 1))
    return dict(rows)


def notes(ws: Workspace) -> set[str]:
    with ws.read() as session:
        return set(session.scalars(select(CaseEvent.body)))


def sets(ws: Workspace) -> list[ChangeSetRow]:
    with ws.read() as session:
        return list(session.scalars(select(ChangeSetRow).where(ChangeSetRow.device_id == ws.actor.device_id)))


def every_receipt_is_true(ws: Workspace, dsn: str) -> None:
    known = log(dsn)
    with ws.read() as session:
        checker = ReceiptChecker(facts.get(session, facts.SERVER_KEY) or "")
    for each in sets(ws):
        assert each.state in (ChangeState.ACCEPTED, ChangeState.CONFLICTED)
        assert known[each.id] == each.revision
        assert checker.fits(receipt_statement(each.body, each.revision or 0, str(each.state)), each.receipt or b"")


class Scene:
    """Two laptops that have synced a case; the store can be stopped, changed and served again at its old address."""

    def __init__(self, central: Any, enrol: Callable[..., Any], sync: Sync, clock: FrozenTime) -> None:
        self.running: RunningCentral = central
        self.enrol, self.sync, self._clock = enrol, sync, clock
        self.dawn, self.ruth = enrol("dawn").workspace(), enrol("ruth").workspace()
        _, self.case = open_case(self.dawn)
        for ws in (self.dawn, self.ruth):
            sync(ws)

    def work_that_the_backup_lacks(self) -> None:
        note(self.dawn, self.case, "Rang the school")
        set_field(self.dawn, Case, self.case, area="Aldermere")
        self.sync(self.dawn)
        self.sync(self.ruth)
        note(self.ruth, self.case, "Rang the aunt")
        set_field(self.ruth, Case, self.case, area="Saltenby")
        self.sync(self.ruth)
        self.sync(self.dawn)

    def serve(self, dsn: str) -> None:
        self.running.stop()
        self.running = serve_in_thread(dsn, port=self.running.port, time=self._clock)

    def all_is_well(self, dsn: str) -> None:
        for ws in (self.dawn, self.ruth, self.dawn, self.ruth):
            self.sync(ws)
        assert contents(self.dawn) == contents(self.ruth)
        assert {"Rang the school", "Rang the aunt"} <= notes(self.dawn)
        assert field(self.dawn, Case, self.case, "area") == "Saltenby"
        assert not conflicts(self.dawn)
        with psycopg.connect(dsn) as connection:
            area = connection.execute('SELECT area FROM "case" WHERE id = %s', (self.case,)).fetchone()
        assert area == ("Saltenby",)
        for ws in (self.dawn, self.ruth):
            every_receipt_is_true(ws, dsn)
            report = self.sync(ws)
            assert (report.pushed, report.received, report.refused) == (0, 0, 0)


@pytest.fixture
def scene(central: Any, enrol_laptop: Callable[..., Any], sync_once: Sync, frozen_time: FrozenTime) -> Iterator[Scene]:
    made = Scene(central, enrol_laptop, sync_once, frozen_time)
    yield made
    made.running.stop()


@pytest.fixture
def empty_dsn(postgres: Any) -> Iterator[str]:
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE put_back ENCODING 'UTF8' TEMPLATE template0")
    yield postgres.get_uri(database="put_back")
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute("DROP DATABASE put_back WITH (FORCE)")


def test_after_a_restored_dump_laptops_hand_back_what_it_lacks(
    scene: Scene, postgres_dsn: str, empty_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "store.dump"
    assert command("backup", "--out", str(file), "--dsn", postgres_dsn) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    scene.work_that_the_backup_lacks()
    before = log(postgres_dsn)
    scene.running.stop()
    assert command("restore", str(file), "--dsn", empty_dsn) == 0
    assert "Laptops send again" in capsys.readouterr().out
    assert len(log(empty_dsn)) < len(before)
    scene.serve(empty_dsn)
    scene.all_is_well(empty_dsn)
    assert log(empty_dsn) == before


def test_what_one_laptop_made_comes_back_from_another_when_it_is_lost(
    scene: Scene, postgres_dsn: str, empty_dsn: str, tmp_path: Path
) -> None:
    file = tmp_path / "store.dump"
    command("backup", "--out", str(file), "--dsn", postgres_dsn)
    scene.work_that_the_backup_lacks()
    before = log(postgres_dsn)
    scene.running.stop()
    command("restore", str(file), "--dsn", empty_dsn)
    scene.serve(empty_dsn)
    scene.sync(scene.ruth)
    assert log(empty_dsn) == before


def test_who_was_let_in_or_revoked_after_the_backup_is_so_again(
    scene: Scene, postgres_dsn: str, empty_dsn: str, tmp_path: Path
) -> None:
    from app.services.sync.faults import NotLetIn

    file = tmp_path / "store.dump"
    command("backup", "--out", str(file), "--dsn", postgres_dsn)
    late = scene.enrol("ruth", "late").workspace()
    gone = scene.enrol("dawn", "gone").workspace()
    note(late, scene.case, "From the late laptop")
    scene.sync(late)
    scene.running.services.trust.revoke(gone.actor.device_id)
    scene.sync(scene.ruth)
    scene.running.stop()
    command("restore", str(file), "--dsn", empty_dsn)
    scene.serve(empty_dsn)
    with pytest.raises(NotLetIn):
        scene.sync(late)
    scene.sync(scene.ruth)
    scene.sync(late)
    with pytest.raises(NotLetIn) as refused:
        scene.sync(gone)
    assert refused.value.code == "device-revoked"
    scene.sync(scene.dawn)
    assert "From the late laptop" in notes(scene.dawn)


def test_new_work_in_the_new_life_never_passes_for_the_old(
    scene: Scene, postgres_dsn: str, empty_dsn: str, tmp_path: Path
) -> None:
    """The restored store gives revisions again that a laptop knows under other contents."""
    file = tmp_path / "store.dump"
    command("backup", "--out", str(file), "--dsn", postgres_dsn)
    note(scene.dawn, scene.case, "Rang the school")
    scene.sync(scene.dawn)
    scene.running.stop()
    command("restore", str(file), "--dsn", empty_dsn)
    scene.serve(empty_dsn)
    for number in range(3):
        note(scene.ruth, scene.case, f"New work {number}")
    scene.sync(scene.ruth)
    scene.sync(scene.dawn)
    scene.sync(scene.ruth)
    assert notes(scene.dawn) == notes(scene.ruth) >= {"Rang the school", "New work 0", "New work 2"}
    assert contents(scene.dawn) == contents(scene.ruth)
    log(empty_dsn)


def test_handing_back_that_is_cut_off_goes_on(
    scene: Scene, postgres_dsn: str, empty_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.sync import protocol
    from app.services.sync.faults import unreachable

    file = tmp_path / "store.dump"
    command("backup", "--out", str(file), "--dsn", postgres_dsn)
    scene.work_that_the_backup_lacks()
    before = log(postgres_dsn)
    scene.running.stop()
    command("restore", str(file), "--dsn", empty_dsn)
    scene.serve(empty_dsn)
    real, count = restored._note, []

    def cut_off(*given: Any) -> None:
        count.append(None)
        if len(count) == 2:
            raise unreachable()
        real(*given)

    monkeypatch.setattr(protocol, "PUSH_SETS", 1)
    monkeypatch.setattr(restored, "_note", cut_off)
    with pytest.raises(Exception, match="Could not reach"):
        scene.sync(scene.dawn)
    scene.all_is_well(empty_dsn)
    assert log(empty_dsn) == before


def test_a_restored_store_lends_no_case_number_twice(
    scene: Scene, postgres_dsn: str, empty_dsn: str, tmp_path: Path
) -> None:
    from app.central.services import build_services

    file = tmp_path / "store.dump"
    command("backup", "--out", str(file), "--dsn", postgres_dsn)
    forgotten = scene.running.services.lend(_device(scene), 2026)
    scene.running.stop()
    command("restore", str(file), "--dsn", empty_dsn)
    services = build_services(empty_dsn)
    try:
        assert services.lend(_device(scene), 2026).first > forgotten.last
    finally:
        services.close()


def test_a_database_in_another_place_is_another_life_even_if_nobody_says_so(
    scene: Scene, postgres: Any, postgres_dsn: str
) -> None:
    from app.central.services import build_services

    assert len(scene.running.services.epochs.answer().epochs) == 1
    scene.running.stop()
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE copied TEMPLATE {conninfo_to_dict(postgres_dsn)['dbname']}")
    try:
        for _ in range(2):
            services = build_services(postgres.get_uri(database="copied"))
            lives = services.epochs.answer().epochs
            services.close()
            assert len(lives) == 2
            assert lives[1][1] == len(log(postgres_dsn))
    finally:
        with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
            connection.execute("DROP DATABASE copied WITH (FORCE)")


def test_saying_that_nothing_was_lost_costs_the_laptops_nothing(
    scene: Scene, postgres_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = log(postgres_dsn)
    assert command("restored", "--dsn", postgres_dsn) == 0
    assert "Noted" in capsys.readouterr().out
    note(scene.dawn, scene.case, "Rang the school")
    report = scene.sync(scene.dawn)
    assert report.pushed == 1
    scene.sync(scene.ruth)
    assert contents(scene.dawn) == contents(scene.ruth)
    assert log(postgres_dsn).items() > before.items()


def test_what_two_histories_share() -> None:
    a, b, c, d = ("a", 0), ("b", 10), ("c", 20), ("d", 15)
    assert restored.shared_until([a], [a]) >= 2**62
    assert restored.shared_until([a], [a, b]) == 10
    assert restored.shared_until([a], [a, b, c]) == 10
    assert restored.shared_until([a, b, c], [a, b, d]) == 15
    assert restored.shared_until([a, b], [a]) == 10
    assert restored.shared_until([a], [b]) == 0
    assert restored.shared_until([a], [a, c, b]) == 10


def test_a_backup_is_never_written_over_nor_restored_over_records(
    postgres_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "store.dump"
    assert command("backup", "--out", str(file), "--dsn", postgres_dsn) == 0
    assert command("backup", "--out", str(file), "--dsn", postgres_dsn) == 1
    assert "exists already" in capsys.readouterr().err
    assert command("restore", str(file), "--dsn", postgres_dsn) == 1
    assert "not empty" in capsys.readouterr().err
    assert command("restore", str(tmp_path / "none"), "--dsn", postgres_dsn) == 1


def test_a_damaged_backup_changes_nothing(empty_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "store.dump"
    file.write_bytes(b"PGDMP not really")
    assert command("restore", str(file), "--dsn", empty_dsn) == 1
    assert "did not succeed" in capsys.readouterr().err
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_base_backup_put_back_to_an_earlier_moment(frozen_time: FrozenTime, tmp_path: Path, sync_once: Sync) -> None:
    """A physical base backup with its archived log, replayed to a moment before the newest work."""
    folder = clusters.place()
    archive = folder / "archive"
    first = Cluster.new(folder, "first")
    try:
        archive.mkdir()
        archive.chmod(0o777)
        first.start(archive_mode="on", archive_command=f"cp %p {archive}/%f", archive_timeout="0")
        first.sql("CREATE DATABASE rollcall ENCODING 'UTF8' TEMPLATE template0")
        with _laptops(first, tmp_path, frozen_time, sync_once) as scene:
            copied = first.copy(folder, "copied", "-X", "none")
            note(scene.dawn, scene.case, "Before the moment")
            scene.sync(scene.dawn)
            first.sql("SELECT pg_create_restore_point('moment')")
            scene.work_that_the_backup_lacks()
            before = log(first.dsn())
            newest = first.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")[0][0]
            first.sql("SELECT pg_switch_wal()")
            _until_archived(first, newest)
            scene.running.stop()
            first.stop()
            (copied.folder / "recovery.signal").touch()
            copied.start(
                restore_command=f"cp {archive}/%f %p", recovery_target_name="moment", recovery_target_action="promote"
            )
            _until_promoted(copied)
            assert 0 < len(log(copied.dsn())) < len(before)
            # Nobody says that it was restored: it is on another timeline.
            scene.serve(copied.dsn())
            assert len(scene.running.services.epochs.answer().epochs) == 2
            scene.all_is_well(copied.dsn())
            assert "Before the moment" in notes(scene.ruth)
            assert log(copied.dsn()) == before
            copied.stop()
    finally:
        first.stop()
        clusters.clear(folder)


def _device(scene: Scene) -> Any:
    from app.central.checks import DeviceIdentity

    return DeviceIdentity(scene.dawn.actor.device_id or "", "", "")


@contextmanager
def _laptops(cluster: Cluster, folder: Path, clock: FrozenTime, sync: Sync) -> Iterator[Scene]:
    """A council's store on a cluster, with the two laptops of the scene."""
    running = serve_in_thread(cluster.dsn(), time=clock)
    people = running.services.people
    people.ensure_authority("Marlshire County Council")
    ids = {
        "dawn": people.add_user("dawn", "Dawn Ellery", "caseworker", "West team"),
        "ruth": people.add_user("ruth", "Ruth Okonjo", "supervisor", "West team"),
    }
    made: list[Any] = []

    def enrol(username: str) -> Any:
        code = running.services.trust.make_code(ids[username])
        made.append(create_and_enrol(folder / username, running.url, code, username, PASSPHRASE, time=clock, kdf=QUICK))
        return made[-1]

    scene = Scene(running, enrol, sync, clock)
    try:
        yield scene
    finally:
        scene.running.stop()
        for vault in made:
            vault.close()


def _until_archived(cluster: Cluster, newest: str) -> None:
    _until(lambda: (cluster.sql("SELECT last_archived_wal FROM pg_stat_archiver")[0][0] or "") >= newest)


def _until_promoted(cluster: Cluster) -> None:
    _until(lambda: cluster.sql("SELECT NOT pg_is_in_recovery()")[0][0])


def _until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
