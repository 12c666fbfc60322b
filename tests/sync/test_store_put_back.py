"""A central store that forgets: also what laptops may no longer read comes back, and also where it does not know it."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from app.central import epochs
from app.central.rescue_tables import rescued_work
from app.models import Case, CaseEvent, ChangeSetRow, HandedIn, KeptSealed, Team
from app.models.terms import ChangeState
from app.policy import policy
from app.services.changes import Change
from app.services.sync import facts, revocation
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.sync.test_put_back import note
from tests.sync.test_two_laptops import conflicts, field, open_case, set_field

Sync = Callable[[Workspace], Any]


class Snapshot:
    """The store's tables as they were; put back in their place, as a snapshot of the machine is."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._connection.execute("SET session_replication_role = replica")
        rows = self._connection.execute(
            "SELECT table_name, string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
            " WHERE table_schema = 'public' AND is_generated = 'NEVER' AND table_name IN"
            " (SELECT tablename FROM pg_tables WHERE schemaname = 'public') GROUP BY table_name"
        ).fetchall()
        self._columns: dict[str, str] = dict(rows)
        self._copy("public", "kept", new=True)

    def put_back(self) -> None:
        self._copy("kept", "public")
        self._connection.close()

    def _copy(self, source: str, target: str, *, new: bool = False) -> None:
        statements = [f"CREATE SCHEMA {target}"] if new else []
        for table, columns in self._columns.items():
            if new:
                statements.append(f'CREATE TABLE {target}."{table}" AS TABLE {source}."{table}"')
                continue
            statements.append(f'DELETE FROM {target}."{table}"')
            statements.append(
                f'INSERT INTO {target}."{table}" ({columns}) OVERRIDING SYSTEM VALUE'
                f' SELECT {columns} FROM {source}."{table}"'
            )
        with self._connection.transaction():
            self._connection.execute(";".join(statements))


@pytest.fixture
def laptops(central: Any, enrol_laptop: Callable[..., Any]) -> tuple[Workspace, Workspace]:
    """Dawn and Ruth of the west; there is an east as well."""
    central.services.people.ensure_team("East team")
    return enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()


def team(ws: Workspace, name: str) -> str:
    with ws.read() as session:
        return str(session.scalars(select(Team.id).where(Team.name == name)).one())


def kept(ws: Workspace) -> list[KeptSealed]:
    with ws.read() as session:
        return list(session.scalars(select(KeptSealed)))


def own(ws: Workspace) -> list[ChangeSetRow]:
    with ws.read() as session:
        of_it = ChangeSetRow.device_id == ws.actor.device_id
        return list(session.scalars(select(ChangeSetRow).where(of_it).order_by(ChangeSetRow.sequence)))


def words_in_the_store(central: Any) -> set[str]:
    with central.services.engine.connect() as connection:
        return set(connection.execute(select(CaseEvent.body)).scalars())


def west_case(dawn: Workspace) -> str:
    _, case_id = open_case(dawn)
    set_field(dawn, Case, case_id, team_id=team(dawn, "West team"))
    return case_id


def test_work_on_a_case_that_left_is_given_back_and_nobody_can_read_it_meanwhile(
    laptops: tuple[Workspace, Workspace], central: Any, postgres_dsn: str, sync_once: Sync, frozen_time: FrozenTime
) -> None:
    dawn, _ = laptops
    sync_once(dawn)
    case_id = west_case(dawn)
    sync_once(dawn)
    snapshot = Snapshot(postgres_dsn)
    note(dawn, case_id, "Rang the school")
    set_field(dawn, Case, case_id, team_id=team(dawn, "East team"))
    sync_once(dawn)
    sync_once(dawn)
    with dawn.read() as session:
        assert session.get(Case, case_id) is None
    assert all(b"Rang the school" not in each.sealed for each in kept(dawn))
    assert all(b"Rang the school" not in each.body for each in own(dawn))

    snapshot.put_back()
    central.services.epochs.begin()
    assert "Rang the school" not in words_in_the_store(central)
    sync_once(dawn)
    assert "Rang the school" in words_in_the_store(central)
    assert {each.state for each in own(dawn)} == {ChangeState.ACCEPTED}
    sync_once(dawn)
    with dawn.read() as session:
        assert session.get(Case, case_id) is None
    assert kept(dawn)
    frozen_time.advance(hours=24 * policy().kept_days + 1)
    sync_once(dawn)
    assert not kept(dawn)


def test_a_store_put_back_in_its_place_is_told_by_the_laptops(
    laptops: tuple[Workspace, Workspace], central: Any, postgres_dsn: str, sync_once: Sync
) -> None:
    dawn, ruth = laptops
    sync_once(dawn), sync_once(ruth)
    case_id = west_case(dawn)
    sync_once(dawn), sync_once(ruth)
    snapshot = Snapshot(postgres_dsn)
    note(dawn, case_id, "Rang the school")
    sync_once(dawn), sync_once(ruth)
    with dawn.read() as session:
        assert facts.get(session, facts.NEWEST_ENTRY)

    snapshot.put_back()
    note(ruth, case_id, "Rang the aunt")
    lives = len(central.services.epochs.answer().epochs)
    sync_once(ruth)  # holds no receipt for what is gone, and still gives it back
    assert {"Rang the school", "Rang the aunt"} <= words_in_the_store(central)
    sync_once(dawn)  # has receipts: the store believes them
    assert len(central.services.epochs.answer().epochs) == lives + 1
    sync_once(ruth), sync_once(dawn)
    assert len(central.services.epochs.answer().epochs) == lives + 1
    assert {each.state for each in own(dawn)} == {ChangeState.ACCEPTED}
    for ws in laptops:
        assert field(ws, Case, case_id, "id") == case_id
        report = sync_once(ws)
        assert (report.pushed, report.received, report.unequal_units) == (0, 0, 0)


@pytest.mark.parametrize("first", ["the laptop that handed it in", "the supervisor's laptop"])
def test_work_that_went_sealed_to_the_team_goes_there_again(
    first: str, central: Any, enrol_laptop: Callable[..., Any], postgres_dsn: str, sync_once: Sync
) -> None:
    ruth = enrol_laptop("ruth").workspace()
    sync_once(ruth)
    dawn = enrol_laptop("dawn").workspace()
    sync_once(dawn)
    case_id = west_case(dawn)
    sync_once(dawn)
    note(dawn, case_id, "Rang the school")
    set_id = own(dawn)[-1].id
    role = Change("user", central.people["dawn"], "update", {"role": ["caseworker", "administrator"]})
    central.services.store.record([role], "Changed a role")
    snapshot = Snapshot(postgres_dsn)
    sync_once(dawn), sync_once(dawn), sync_once(ruth)
    assert own(dawn)[-1].state is ChangeState.RESCUED
    assert not own(dawn)[-1].signature, "the case has left"

    snapshot.put_back()
    central.services.epochs.begin()
    both = (dawn, ruth) if first == "the laptop that handed it in" else (ruth, dawn)
    for ws in (*both, *both):
        sync_once(ws)
    with central.services.engine.connect() as connection:
        complete = connection.execute(select(rescued_work.c.complete).where(rescued_work.c.change_set_id == set_id))
        assert complete.scalars().all() == [True]
    assert own(dawn)[-1].state is ChangeState.RESCUED
    assert not conflicts(ruth)
    with ruth.read() as session:
        assert session.get_one(HandedIn, set_id).state == "waiting"


def test_a_laptop_revoked_before_it_could_give_back_hands_in_what_the_store_lost(
    laptops: tuple[Workspace, Workspace], central: Any, postgres_dsn: str, sync_once: Sync
) -> None:
    dawn, ruth = laptops
    sync_once(ruth), sync_once(dawn)
    case_id = west_case(dawn)
    sync_once(dawn)
    snapshot = Snapshot(postgres_dsn)
    note(dawn, case_id, "Rang the school")
    note(dawn, case_id, "Rang the aunt")
    sync_once(dawn)
    lost = {each.id for each in own(dawn)[-2:]}
    snapshot.put_back()
    central.services.trust.revoke(dawn.actor.device_id)
    came_to = revocation.last_contact(dawn)
    assert came_to.ended
    with central.services.engine.connect() as connection:
        complete = connection.execute(select(rescued_work.c.change_set_id).where(rescued_work.c.complete))
        assert set(complete.scalars()) == lost


def test_a_new_life_never_has_the_name_of_an_earlier_one(monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(("aa", "bb", "cc"))
    monkeypatch.setattr("app.central.epochs.secrets.token_hex", lambda _count: next(names))
    assert epochs._new_name([("aa", 0), ("bb", 7)]) == "cc"
