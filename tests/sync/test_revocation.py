"""A revoked or lost laptop: its unsent work reaches the team, with receipts, before a single key is destroyed."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.central.rescue_tables import device_end, rescue_event
from app.errors import UserError
from app.models import Case, CaseEvent, ChangeSetRow, Child, HandedIn
from app.models.terms import ChangeState, EventKind, HandInReason
from app.services.changes import Change
from app.services.drafts import note_key, save_draft
from app.services.sync import facts, revocation
from app.services.sync.faults import CentralUnreachable, NotLetIn
from app.services.sync.transport import HttpTransport
from app.services.vault import Vault, ending, open_vault
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.fixtures_central import PASSPHRASE

Sync = Callable[[Workspace], Any]


@pytest.fixture
def ruth(enrol_laptop: Callable[..., Any], sync_once: Sync) -> Workspace:
    ws: Workspace = enrol_laptop("ruth").workspace()
    sync_once(ws)
    return ws


@pytest.fixture
def laptop(ruth: Workspace, enrol_laptop: Callable[..., Any], sync_once: Sync) -> Vault:
    vault: Vault = enrol_laptop("dawn")
    sync_once(vault.workspace())
    return vault


def open_case(ws: Workspace) -> str:
    with ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Bräton", born_on=date(2015, 1, 2))
        session.add(child)
        session.flush()
        case = Case(
            reference="CME-2026-00902", child_id=child.id, opened_on=date(2026, 11, 2), team_id=ws.actor.team_id
        )
        session.add(case)
        session.flush()
        return case.id


def add_note(ws: Workspace, case_id: str, words: str) -> None:
    with ws.write("Added a note") as session:
        session.add(CaseEvent(case_id=case_id, kind=EventKind.NOTE, happened_at=ws.time.now(), body=words))


def states(ws: Workspace) -> list[ChangeState]:
    with ws.read() as session:
        own = select(ChangeSetRow.state).where(ChangeSetRow.device_id == ws.actor.device_id)
        return list(session.scalars(own.order_by(ChangeSetRow.sequence)))


def files_of(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_unsent_work_of_a_revoked_laptop_is_handed_in_and_then_nothing_of_the_vault_is_left(
    laptop: Vault, ruth: Workspace, central: Any, sync_once: Sync
) -> None:
    ws = laptop.workspace()
    case_id = open_case(ws)
    sync_once(ws)
    for words in ("Rang the aunt", "Rang the school", "Went to the house"):
        add_note(ws, case_id, words)
    central.services.trust.revoke(ws.actor.device_id, lost=True)
    with pytest.raises(NotLetIn) as turned_away:
        sync_once(ws)
    assert turned_away.value.code == revocation.REVOKED
    came_to = revocation.last_contact(ws, "Test laptop")
    assert (came_to.ended, came_to.handed_in, came_to.kept) == (True, 3, 0)
    assert "3 changes" in came_to.words
    folder = laptop.folder
    removal = revocation.end(laptop)
    assert not removal.left
    assert files_of(folder) == {"ended.json"}
    mark = ending.ended(folder)
    assert mark is not None
    assert (mark.handed_in, mark.lost, mark.done) == (3, True, True)
    with pytest.raises(UserError):
        open_vault(folder, PASSPHRASE, time=FrozenTime(ruth.time.now()))
    sync_once(ruth)
    with ruth.read() as session:
        told = session.scalars(select(HandedIn)).all()
        assert len(told) == 3
        assert {each.why for each in told} == {HandInReason.REVOKED}
    with central.services.engine.connect() as connection:
        row = connection.execute(select(device_end)).one()
        assert (row.lost, row.handed_in) == (True, 3)
        assert connection.execute(select(rescue_event.c.what)).scalars().all() == ["handed in"] * 3


def test_refused_work_and_words_that_were_never_saved_go_to_the_team_as_well(
    laptop: Vault, ruth: Workspace, central: Any, sync_once: Sync
) -> None:
    from app.models import Closure

    ws = laptop.workspace()
    case_id = open_case(ws)
    sync_once(ws)
    with ws.write("Closed the case") as session:
        session.add(Closure(case_id=case_id, outcome="R1"))
    assert sync_once(ws).refused == 1
    save_draft(ws, note_key(case_id), "She said she would ring on")
    central.services.trust.revoke(ws.actor.device_id)
    came_to = revocation.last_contact(ws, "Test laptop")
    assert (came_to.ended, came_to.handed_in) == (True, 2)
    sync_once(ruth)
    with ruth.read() as session:
        assert len(session.scalars(select(HandedIn)).all()) == 2


def test_a_person_who_was_deactivated_is_treated_as_a_revoked_laptop(
    laptop: Vault, ruth: Workspace, central: Any, sync_once: Sync
) -> None:
    ws = laptop.workspace()
    case_id = open_case(ws)
    sync_once(ws)
    add_note(ws, case_id, "Rang the aunt")
    change = Change("user", central.people["dawn"], "update", {"active": [True, False]})
    central.services.store.record([change], "Left the service")
    with pytest.raises(NotLetIn) as turned_away:
        sync_once(ws)
    assert turned_away.value.code == revocation.REVOKED
    assert revocation.last_contact(ws, "Test laptop").ended


def test_without_a_key_to_seal_to_nothing_is_destroyed(
    central: Any, enrol_laptop: Callable[..., Any], sync_once: Sync
) -> None:
    vault = enrol_laptop("dawn")
    ws = vault.workspace()
    sync_once(ws)
    open_case(ws)
    central.services.trust.revoke(ws.actor.device_id)
    came_to = revocation.last_contact(ws, "Test laptop")
    assert (came_to.ended, came_to.kept) == (False, 1)
    assert "kept" in came_to.words
    assert ending.ended(vault.folder) is None
    assert ending.finish(vault.folder).removed == 0
    add_note(ws, ws_case(ws), "Work goes on being kept")


def ws_case(ws: Workspace) -> str:
    with ws.read() as session:
        return session.scalars(select(Case.id)).one()


def test_a_laptop_that_may_sync_is_never_ended(laptop: Vault, sync_once: Sync) -> None:
    ws = laptop.workspace()
    open_case(ws)
    with pytest.raises(NotLetIn) as no:
        revocation.last_contact(ws, "Test laptop")
    assert no.value.code == "device-welcome"
    assert ending.ended(laptop.folder) is None
    assert sync_once(ws).pushed >= 1


def test_a_word_that_the_central_store_did_not_sign_ends_nothing(laptop: Vault, central: Any, sync_once: Sync) -> None:
    from app.services.signing import Signer, new_seed

    ws = laptop.workspace()
    open_case(ws)
    central.services.trust.revoke(ws.actor.device_id)
    with ws.local_session() as session:
        facts.put(session, facts.SERVER_KEY, Signer(new_seed()).public_key)
    with pytest.raises(CentralUnreachable):
        revocation.last_contact(ws, "Test laptop")
    assert ending.ended(laptop.folder) is None
    assert ChangeState.PENDING in states(ws)


def test_cut_off_in_the_middle_of_handing_in_it_goes_on_where_it_stopped(
    laptop: Vault, ruth: Workspace, central: Any, sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = laptop.workspace()
    case_id = open_case(ws)
    sync_once(ws)
    for number in range(5):
        add_note(ws, case_id, f"Note {number}")
    central.services.trust.revoke(ws.actor.device_id)
    from app.services.sync import rescue

    monkeypatch.setattr(rescue, "PIECES_A_REQUEST", 2)
    calls = 0
    true_call = HttpTransport.call

    def cut(self: HttpTransport, path: str, *arguments: Any, **named: Any) -> Any:
        nonlocal calls
        if path == "/rescue":
            calls += 1
            if calls == 2:
                true_call(self, path, *arguments, **named)
                raise CentralUnreachable("cut off after it was stored")
        return true_call(self, path, *arguments, **named)

    monkeypatch.setattr(HttpTransport, "call", cut)
    with pytest.raises(CentralUnreachable):
        revocation.last_contact(ws, "Test laptop")
    assert ending.ended(laptop.folder) is None
    assert states(ws).count(ChangeState.PENDING) == 3, "two have their receipts"
    came_to = revocation.last_contact(ws, "Test laptop")
    assert came_to.ended
    sync_once(ruth)
    with ruth.read() as session:
        assert len(session.scalars(select(HandedIn)).all()) == 5


def test_revoked_in_the_middle_of_a_push_what_was_taken_is_merged_and_the_rest_is_handed_in(
    laptop: Vault, ruth: Workspace, central: Any, sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.sync import protocol

    ws = laptop.workspace()
    case_id = open_case(ws)
    sync_once(ws)
    monkeypatch.setattr(protocol, "PUSH_SETS", 2)
    for number in range(5):
        add_note(ws, case_id, f"Note {number}")
    true_call = HttpTransport.call
    pushes = 0

    def revoke_after_first(self: HttpTransport, path: str, *arguments: Any, **named: Any) -> Any:
        nonlocal pushes
        answer = true_call(self, path, *arguments, **named)
        if path == "/push":
            pushes += 1
            if pushes == 1:
                central.services.trust.revoke(ws.actor.device_id)
                raise CentralUnreachable("the answer was lost as well")
        return answer

    monkeypatch.setattr(HttpTransport, "call", revoke_after_first)
    with pytest.raises((NotLetIn, CentralUnreachable)):
        sync_once(ws)
    assert revocation.last_contact(ws, "Test laptop").ended
    assert states(ws)[-5:] == [ChangeState.ACCEPTED] * 2 + [ChangeState.RESCUED] * 3
    sync_once(ruth)
    with ruth.read() as session:
        assert set(session.scalars(select(CaseEvent.body))) == {"Note 0", "Note 1"}
        assert len(session.scalars(select(HandedIn)).all()) == 3


def test_once_it_is_ended_nothing_more_can_be_written_that_would_be_lost(
    laptop: Vault, ruth: Workspace, central: Any, sync_once: Sync
) -> None:
    ws = laptop.workspace()
    case_id = open_case(ws)
    sync_once(ws)
    central.services.trust.revoke(ws.actor.device_id)
    assert revocation.last_contact(ws, "Test laptop").ended
    with pytest.raises(Exception, match="ended"):
        add_note(ws, case_id, "Too late")


def test_an_ending_that_was_cut_off_is_finished_by_whoever_finds_the_mark(
    laptop: Vault, ruth: Workspace, central: Any, sync_once: Sync
) -> None:
    ws = laptop.workspace()
    open_case(ws)
    sync_once(ws)
    central.services.trust.revoke(ws.actor.device_id)
    assert revocation.last_contact(ws, "Test laptop").ended
    folder = laptop.folder
    other = folder / "holiday.txt"
    other.write_text("not ours")
    laptop.close()
    (folder / "vault.json").unlink()  # as far as it came before the power went
    assert not ending.finish(folder).left
    assert files_of(folder) == {"ended.json", "holiday.txt"}
    assert ending.finish(folder).removed == 0
    ending.forget(folder)
    assert files_of(folder) == {"holiday.txt"}
