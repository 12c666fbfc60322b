"""Rebuilding a laptop that is enrolled: what was sent comes back from a real central store, what was not is told."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.models import CaseEvent, ChangeSetRow
from app.models.terms import ChangeState
from app.services import cases
from app.services.rescue.central import fetch_rest
from app.services.rescue.rebuild import rebuild
from app.services.rescue.report import last_report, report_of
from app.services.sync.enrolment import enrol
from app.services.vault import Vault, lifeboat_keeping, unlock
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE
from tests.faults.truth import add_document, back_up_now, truth_of
from tests.services.casework import add_child, open_isla

Sync = Callable[[Any], Any]


@pytest.fixture(autouse=True)
def _short_lifeboat(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent leaves the lifeboat at once, not only when the file has grown: so it has to come from elsewhere."""
    monkeypatch.setattr(lifeboat_keeping, "TIDY_OVER", 0)


@pytest.fixture
def laptop(enrol_laptop: Callable[..., Any]) -> Vault:
    vault: Vault = enrol_laptop("dawn")
    return vault


def a_day(vault: Vault, sync_once: Sync, time: FrozenTime, *, backup: bool = True) -> str:
    """Work that was sent, then a backup, then work that was sent, then work that was not."""
    ws = vault.workspace()
    case_id = open_isla(ws)
    add_document(ws, b"first " * 50_000, "A letter that was sent and backed up")
    sync_once(ws)
    if backup:
        back_up_now(vault)
    time.advance(hours=1)
    cases.add_note(ws, case_id, text="Rang the school.")
    add_child(ws, "Tomas", "Merrow")
    add_document(ws, b"second " * 50_000, "A letter that was sent")
    sync_once(ws)
    ws.tidy()
    cases.add_note(ws, case_id, text="Rang the aunt.")
    return case_id


def rebuilt(vault: Vault, time: FrozenTime) -> tuple[Vault, Any]:
    unlocked = unlock(vault.folder, PASSPHRASE, time=time)
    report = rebuild(unlocked)
    return unlocked.open(), report


def states(vault: Vault) -> list[tuple[int, ChangeState, bool]]:
    with vault.engine.connect() as connection:
        return [
            (row.sequence, row.state, row.receipt is not None)
            for row in connection.execute(
                select(ChangeSetRow.sequence, ChangeSetRow.state, ChangeSetRow.receipt)
                .where(ChangeSetRow.device_id == vault.device_id)
                .order_by(ChangeSetRow.sequence)
            )
        ]


@pytest.mark.parametrize("backup", [True, False], ids=["backup", "no backup"])
def test_both_databases_lost_with_the_central_store_in_reach(
    backup: bool, laptop: Vault, sync_once: Sync, frozen_time: FrozenTime
) -> None:
    a_day(laptop, sync_once, frozen_time, backup=backup)
    before = truth_of(laptop)
    sent = [state for state in states(laptop) if state[1] is not ChangeState.PENDING]
    laptop.close()
    for name in ("cases.db", "documents.db"):
        (laptop.folder / name).write_bytes(b"gone")
    vault, report = rebuilt(laptop, frozen_time)
    try:
        assert "with the next sync" in report.awaiting
        assert not report.losses
        whole = fetch_rest(vault, report)
        found = truth_of(vault)
        assert found.rows == before.rows
        assert found.sets == before.sets
        assert found.contents == before.contents
        assert found.numbers == before.numbers or not backup
        assert states(vault)[: len(sent)] == sent
        assert states(vault)[-1][1] is ChangeState.ACCEPTED
        assert not whole.awaiting
        assert not whole.losses
        assert not whole.lost_documents
        central = whole.sources[-1]
        assert central.kind == "central"
        assert central.change_sets == (3 if backup else 6)
        assert central.documents == (1 if backup else 2)
        assert last_report(vault.engine) == whole
    finally:
        vault.close()


def test_without_a_connection_it_says_what_will_come_and_the_next_sync_brings_it(
    laptop: Vault, sync_once: Sync, frozen_time: FrozenTime, central: Any
) -> None:
    a_day(laptop, sync_once, frozen_time)
    before = truth_of(laptop)
    laptop.close()
    (laptop.folder / "cases.db").unlink()
    shutil.rmtree(laptop.folder / "backups")
    vault, report = rebuilt(laptop, frozen_time)
    try:
        from app.services.sync import facts

        ws = vault.system_workspace()
        with ws.local_session() as session:
            server = facts.get(session, facts.SERVER)
            facts.put(session, facts.SERVER, "http://127.0.0.1:9")
        later = fetch_rest(vault, report)
        assert "Could not reach the central store" in later.awaiting
        with vault.workspace().read() as session:  # unsent work is here all the same
            assert "Rang the aunt." in set(session.scalars(select(CaseEvent.title)))
        with ws.local_session() as session:
            facts.put(session, facts.SERVER, server or "")
        assert report_of(vault.workspace()) == later
        frozen_time.advance(minutes=1)
        sync_once(vault.workspace())
        assert truth_of(vault).rows == before.rows
        now = report_of(vault.workspace())
        assert now is not None
        assert not now.awaiting
    finally:
        vault.close()


def test_with_nothing_left_the_laptop_is_enrolled_again_and_what_was_sent_comes_back(
    laptop: Vault, sync_once: Sync, frozen_time: FrozenTime, central: Any
) -> None:
    case_id = a_day(laptop, sync_once, frozen_time)
    sync_once(laptop.workspace())
    before = truth_of(laptop)
    laptop.close()
    for name in ("cases.db", "documents.db", "lifeboat.log"):
        (laptop.folder / name).unlink()
    shutil.rmtree(laptop.folder / "backups")
    vault, report = rebuilt(laptop, frozen_time)
    try:
        assert report.enrol_again
        assert "Enrol it again" in " ".join(report.lines())
        enrol(vault, central.url, central.services.trust.make_code(central.people["dawn"]))
        found = truth_of(vault)
        assert {name: rows for name, rows in found.rows.items() if name != "device"} == {
            name: rows for name, rows in before.rows.items() if name != "device"
        }
        assert found.contents == before.contents
        cases.add_note(vault.workspace(), case_id, text="Back at work.")
        assert sync_once(vault.workspace()).pushed == 1
    finally:
        vault.close()


def test_a_document_in_no_backup_that_was_never_sent_is_named_by_its_id_only(
    laptop: Vault, sync_once: Sync, frozen_time: FrozenTime
) -> None:
    a_day(laptop, sync_once, frozen_time)
    add_document(laptop.workspace(), b"third " * 50_000, "A letter about Isla")
    with laptop.workspace().read() as session:
        from app.models import Document

        lost = session.scalars(select(Document.id).order_by(Document.id.desc())).first()
    laptop.close()
    (laptop.folder / "documents.db").write_bytes(b"gone")
    vault, report = rebuilt(laptop, frozen_time)
    try:
        whole = fetch_rest(vault, report)
        assert whole.lost_documents == [lost]
        said = " ".join(whole.lines())
        assert f"scanned or asked for again: {lost}" in said
        assert "Isla" not in said
    finally:
        vault.close()


def test_an_old_copy_put_back_by_hand_is_noticed_and_made_good(
    laptop: Vault, sync_once: Sync, frozen_time: FrozenTime, tmp_path: Any
) -> None:
    """Somebody copies yesterday's folder over today's: the next sync notices, and nothing is lost or sent twice."""
    case_id = open_isla(laptop.workspace())
    sync_once(laptop.workspace())
    laptop.close()
    shutil.copytree(laptop.folder, tmp_path / "yesterday")
    vault = unlock(laptop.folder, PASSPHRASE, time=frozen_time).open()
    cases.add_note(vault.workspace(), case_id, text="Rang the school.")
    sync_once(vault.workspace())
    before = truth_of(vault)
    vault.close()
    shutil.rmtree(laptop.folder)
    shutil.copytree(tmp_path / "yesterday", laptop.folder)
    vault = unlock(laptop.folder, PASSPHRASE, time=frozen_time).open()
    try:
        cases.add_note(vault.workspace(), case_id, text="Rang the aunt.")
        report = sync_once(vault.workspace())
        assert report.own == 1
        assert report.refused == 0
        found = truth_of(vault)
        assert len(found.rows["case_event"]) == len(before.rows["case_event"]) + 1
        assert [place for place, _, _ in found.sets] == list(range(1, len(found.sets) + 1))
    finally:
        vault.close()
