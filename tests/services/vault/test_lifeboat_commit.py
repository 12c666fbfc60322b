"""The lifeboat of a real vault: in step with every commit, and the two brought together whatever happened to either."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import EnvironmentFault
from app.models import AuditEntry, Case, CaseEvent, ChangeSetRow, ReferenceLease
from app.models.terms import ChangeState
from app.services import audit, cases, drafts
from app.services.audit import Action
from app.services.backup.drill import drill
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.safekeeping import opening_for
from app.services.vault import Vault, lifeboat_keeping, open_vault
from app.services.vault.lifeboat_reading import LifeboatContents, read_lifeboat
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE
from tests.services.casework import open_isla


def contents(vault: Vault) -> LifeboatContents:
    return read_lifeboat(vault.folder / "lifeboat.log", vault.keys.lifeboat)


def reopened(vault: Vault, time: FrozenTime) -> Vault:
    vault.close()
    return open_vault(vault.folder, PASSPHRASE, time=time)


def in_step(vault: Vault) -> bool:
    """Whether the lifeboat holds every waiting change set and the whole chain, exactly."""
    held = contents(vault)
    with vault.engine.connect() as connection:
        waiting = connection.execute(
            select(ChangeSetRow.id, ChangeSetRow.body, ChangeSetRow.signature)
            .where(ChangeSetRow.state == ChangeState.PENDING)
            .order_by(ChangeSetRow.sequence)
        ).all()
        chain = connection.execute(select(AuditEntry.sequence, AuditEntry.hash).order_by(AuditEntry.sequence)).all()
    sets = [(own.id, own.body, own.signature) for own in held.change_sets]
    return (
        [tuple(row) for row in waiting] == sets
        and [tuple(row) for row in chain] == [(entry.sequence, entry.hash) for entry in held.audit_entries]
        and (held.damaged, held.torn, held.unfinished) == ([], False, 0)
    )


def titles(vault: Vault) -> list[str]:
    with vault.engine.connect() as connection:
        return list(connection.execute(select(CaseEvent.title).order_by(CaseEvent.id)).scalars())


@pytest.fixture
def isla(workspace: Workspace) -> str:
    return open_isla(workspace)


def test_every_commit_is_in_the_lifeboat_when_it_returns(vault: Vault, workspace: Workspace, isla: str) -> None:
    assert in_step(vault)
    cases.add_note(workspace, isla, text="Rang the mother")
    assert in_step(vault)
    assert b"Rang the mother" in contents(vault).change_sets[-1].body
    workspace.audit(Action.READ, "case", isla)
    assert in_step(vault)
    held = contents(vault)
    assert held.identity is not None
    assert held.identity.device_id == workspace.actor.device_id
    assert held.identity.facts["user_id"] == workspace.actor.user_id
    assert held.leases == [(2026, 1, 100, 2)]


def test_a_draft_and_its_end_are_in_the_lifeboat(vault: Vault, workspace: Workspace, isla: str) -> None:
    drafts.save_draft(workspace, drafts.note_key(isla), "Half a sen")
    assert [draft.text for draft in contents(vault).drafts] == ["Half a sen"]
    cases.add_note(workspace, isla, text="Half a sentence")
    assert [draft.text for draft in contents(vault).drafts] == [""]
    before = vault.lifeboat.boat.place
    cases.add_note(workspace, isla, text="Nothing was typed before")
    assert len(contents(vault).drafts) == 1
    assert vault.lifeboat.boat.place > before


def test_what_is_rolled_back_leaves_nothing_in_the_lifeboat(vault: Vault, workspace: Workspace, isla: str) -> None:
    before = vault.lifeboat.boat.place
    with pytest.raises(RuntimeError, match=r"in the middle"), workspace.write("Added a note") as session:
        session.add(CaseEvent(case_id=isla, kind="note", happened_at=workspace.time.now(), title="Gone"))
        session.flush()
        raise RuntimeError("in the middle")
    assert vault.lifeboat.boat.place == before
    assert in_step(vault)


def test_a_commit_that_the_database_refuses_is_taken_out_of_the_lifeboat_again(
    vault: Vault, workspace: Workspace, isla: str
) -> None:
    def limit(pages: int) -> None:
        # Every pooled connection: the next one to write must meet it.
        held = [vault.engine.connect() for _ in range(3)]
        for connection in held:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for connection in held:
            connection.close()

    before, number = contents(vault).change_sets, vault.lifeboat.boat.place.number
    limit(1)
    with pytest.raises(EnvironmentFault, match=r"not saved"):
        cases.add_note(workspace, isla, text="Too much\n" + "x" * 90_000)
    limit(1_000_000)
    assert contents(vault).change_sets == before
    assert vault.lifeboat.boat.place.number == number
    cases.add_note(workspace, isla, text="Small")
    assert in_step(vault)


def test_a_large_commit_goes_in_piece_by_piece_and_is_one(
    vault: Vault, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.models import Team
    from app.services.bulk import BulkRecorder

    monkeypatch.setattr(lifeboat_keeping, "PART_BYTES", 10_000)
    number, commits = vault.lifeboat.boat.place.number, contents(vault).commits
    with workspace.write("Imported teams") as session:
        BulkRecorder(session).insert(Team, ({"name": f"Team {count}"} for count in range(2_500)))
    assert vault.lifeboat.boat.place.number - number == 4
    assert contents(vault).commits == commits + 1
    assert in_step(vault)


def test_opening_a_vault_whose_files_agree_changes_neither(vault: Vault, isla: str, frozen_time: FrozenTime) -> None:
    again = reopened(vault, frozen_time)
    before = (again.folder / "lifeboat.log").read_bytes()
    again = reopened(again, frozen_time)
    assert again.lifeboat.caught_up is not None
    assert not again.lifeboat.caught_up.made_anew
    assert (again.folder / "lifeboat.log").read_bytes() == before
    again.close()


@pytest.mark.parametrize("left", ["nothing", "noise", "half", "garbled", "an empty file"])
def test_a_lost_or_damaged_lifeboat_is_made_again_and_kept_aside(
    left: str, vault: Vault, workspace: Workspace, isla: str, frozen_time: FrozenTime
) -> None:
    for number in range(5):
        cases.add_note(workspace, isla, text=f"Note {number}")
    path = vault.folder / "lifeboat.log"
    vault.close()
    whole = path.read_bytes()
    garbled = bytearray(whole)
    garbled[1000] ^= 1
    if left == "nothing":
        path.unlink()
    else:
        path.write_bytes(
            {"noise": b"?" * 5000, "half": whole[:3000], "garbled": bytes(garbled), "an empty file": b""}[left]
        )
    if left == "garbled":  # found where its end is looked for is not the case: the whole is read when it is checked
        path.write_bytes(bytes(garbled[: whole.rfind(b"RLBE")]))
    again = open_vault(vault.folder, PASSPHRASE, time=frozen_time)
    assert in_step(again)
    assert len([title for title in titles(again) if title.startswith("Note")]) == 5
    assert again.lifeboat.caught_up is not None
    kept = again.lifeboat.caught_up.set_aside
    assert bool(kept) == (left in ("noise", "garbled", "an empty file"))
    if kept:
        assert (again.folder / "set-aside" / kept).exists()
    again.close()


def test_work_that_the_database_lost_with_its_journal_comes_back_from_the_lifeboat(
    vault: Vault, workspace: Workspace, isla: str, frozen_time: FrozenTime
) -> None:
    with vault.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(20):
        cases.add_note(workspace, isla, text=f"Note {number}")
    second = open_isla(workspace)
    drafts.save_draft(workspace, drafts.note_key(second), "Half a sen")
    workspace.audit(Action.READ, "case", isla)
    # A copy taken while it runs is what a crash leaves; of its journal only the beginning is kept.
    crashed = vault.folder.parent / "crashed"
    shutil.copytree(vault.folder, crashed)
    (crashed / "cases.db-shm").unlink()
    journal = crashed / "cases.db-wal"
    journal.write_bytes(journal.read_bytes()[: journal.stat().st_size // 3])
    expected = titles(vault)
    again = open_vault(crashed, PASSPHRASE, time=frozen_time)
    found = again.lifeboat.caught_up
    assert found is not None
    assert found.redone > 5
    assert found.waiting == 0
    assert titles(again) == expected
    ws = again.workspace()
    assert drafts.load_draft(ws, drafts.note_key(second)) == "Half a sen"
    with ws.read() as session:
        assert session.scalar(select(func.max(ReferenceLease.next))) == 3
        assert audit.verify(session).finding is None
        references = {session.get(Case, case_id).reference for case_id in (isla, second)}  # type: ignore[union-attr]
    third = open_isla(ws)
    with ws.read() as session:
        assert session.get(Case, third).reference not in references  # type: ignore[union-attr]
    assert in_step(again)
    again.close()


def test_a_lifeboat_of_another_history_is_set_aside_and_nothing_of_it_taken_over(
    vault: Vault, workspace: Workspace, isla: str, frozen_time: FrozenTime
) -> None:
    vault.close()
    other = vault.folder.parent / "copy"
    shutil.copytree(vault.folder, other)
    here = open_vault(vault.folder, PASSPHRASE, time=frozen_time)
    there = open_vault(other, PASSPHRASE, time=frozen_time)
    cases.add_note(here.workspace(), isla, text="Written here")
    cases.add_note(there.workspace(), isla, text="Written there")
    cases.add_note(there.workspace(), isla, text="Written there too")
    here.close()
    there.close()
    shutil.copyfile(other / "lifeboat.log", vault.folder / "lifeboat.log")
    again = open_vault(vault.folder, PASSPHRASE, time=frozen_time)
    assert again.lifeboat.caught_up is not None
    assert again.lifeboat.caught_up.set_aside
    assert "Written here" in titles(again)
    assert "Written there" not in titles(again)
    assert in_step(again)
    again.close()


def test_an_older_lifeboat_put_back_is_brought_up_to_date(
    vault: Vault, workspace: Workspace, isla: str, frozen_time: FrozenTime
) -> None:
    older = (vault.folder / "lifeboat.log").read_bytes()
    cases.add_note(workspace, isla, text="Written since")
    vault.close()
    (vault.folder / "lifeboat.log").write_bytes(older)
    again = open_vault(vault.folder, PASSPHRASE, time=frozen_time)
    assert again.lifeboat.caught_up is not None
    assert not again.lifeboat.caught_up.set_aside
    assert in_step(again)
    again.close()


def test_a_lifeboat_that_goes_missing_while_rollcall_runs_is_made_again_with_the_next_save(
    vault: Vault, workspace: Workspace, isla: str
) -> None:
    (vault.folder / "lifeboat.log").unlink()
    cases.add_note(workspace, isla, text="After it had gone")
    assert in_step(vault)
    assert not vault.lifeboat.behind


def test_a_lifeboat_that_cannot_be_written_stops_nobody_from_saving_and_says_so(
    vault: Vault, workspace: Workspace, isla: str, frozen_time: FrozenTime
) -> None:
    path = vault.folder / "lifeboat.log"
    path.unlink()
    path.mkdir()
    (path / "in the way").write_text("x")
    cases.add_note(workspace, isla, text="Saved all the same")
    assert "Sync soon" in vault.lifeboat.behind
    again = reopened(vault, frozen_time)
    assert "Saved all the same" in titles(again)
    assert again.lifeboat.behind
    shutil.rmtree(path)
    cases.add_note(again.workspace(), isla, text="And the next")
    assert not again.lifeboat.behind
    assert in_step(again)
    again.close()


def test_a_sync_to_disk_that_fails_is_noticed_and_made_good(
    vault: Vault, workspace: Workspace, isla: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.vault import lifeboat as file

    def refuse(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(file, "_sync", refuse)
    cases.add_note(workspace, isla, text="The disk has an error")
    assert vault.lifeboat.behind
    monkeypatch.undo()
    cases.add_note(workspace, isla, text="The disk is well again")
    assert not vault.lifeboat.behind
    assert in_step(vault)


def test_a_record_damaged_in_the_middle_is_found_after_the_next_sync_and_written_again(
    vault: Vault, workspace: Workspace, isla: str
) -> None:
    for number in range(5):
        cases.add_note(workspace, isla, text=f"Note {number}")
    path = vault.folder / "lifeboat.log"
    with path.open("r+b") as stream:
        stream.seek(2000)
        stream.write(b"?????")
    assert contents(vault).damaged
    workspace.tidy()
    assert in_step(vault)
    assert len(list((vault.folder / "set-aside").glob("lifeboat*.log"))) == 1
    before = path.stat().st_ino
    workspace.tidy()
    assert path.stat().st_ino == before


_OTHER_PROCESS = """
import sys
from pathlib import Path
from app.services import cases
from app.services.vault import open_vault
from app.timesource import SystemTime
vault = open_vault(Path(sys.argv[1]), sys.argv[2], time=SystemTime())
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    cases.add_note(vault.workspace(), sys.argv[3], text=f"Theirs {number}")
vault.close()
"""


def test_the_window_and_the_command_line_may_write_at_the_same_time(
    vault: Vault, workspace: Workspace, isla: str, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifeboat_keeping, "TIDY_OVER", 0)
    command = [sys.executable, "-c", _OTHER_PROCESS, str(vault.folder), PASSPHRASE, isla]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "ready\n"
    other.stdin.write("go\n")
    other.stdin.flush()
    for number in range(40):
        cases.add_note(workspace, isla, text=f"Ours {number}")
        if number % 10 == 5:
            workspace.tidy()  # the file is replaced under the other
    other.stdin.close()
    assert other.wait(60) == 0
    other.stdout.close()
    assert len([title for title in titles(vault) if title.startswith(("Ours", "Theirs"))]) == 80
    assert in_step(vault)
    again = reopened(vault, frozen_time)
    assert again.lifeboat.caught_up is not None
    assert not again.lifeboat.caught_up.made_anew
    again.close()


def test_after_a_sync_nothing_that_is_in_the_central_store_stays_in_the_lifeboat(
    enrol_laptop: Callable[..., Any], sync_once: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = enrol_laptop("dawn")
    ws = vault.workspace()
    held = contents(vault)
    assert held.identity is not None
    assert {"user_id", "server", "server_key"} <= set(held.identity.facts)
    case_id = open_isla(ws)
    cases.add_note(ws, case_id, text="To be synced")
    assert len(contents(vault).change_sets) > 1
    monkeypatch.setattr(lifeboat_keeping, "TIDY_OVER", 0)
    sync_once(ws)
    assert contents(vault).change_sets == []
    with vault.engine.connect() as connection:
        newest = connection.execute(select(func.max(AuditEntry.sequence))).scalar_one()
    # The central store has countersigned the chain and holds none of its entries: they stay until a proven backup does.
    assert contents(vault).audit_entries[0].sequence == 1
    assert contents(vault).audit_entries[-1].sequence == newest
    cases.add_note(ws, case_id, text="After the sync")
    assert [b"After the sync" in own.body for own in contents(vault).change_sets] == [True]


def test_refused_work_stays_in_the_lifeboat_since_it_is_nowhere_else(
    vault: Vault, workspace: Workspace, isla: str, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifeboat_keeping, "TIDY_OVER", 0)
    cases.add_note(workspace, isla, text="Refused by the central store")
    with workspace.local_session() as session:
        refused = session.scalars(select(ChangeSetRow).order_by(ChangeSetRow.sequence.desc())).first()
        for own in session.scalars(select(ChangeSetRow)):
            own.state = ChangeState.REFUSED if own is refused else ChangeState.ACCEPTED
    workspace.tidy()
    assert [b"Refused by the central store" in own.body for own in contents(vault).change_sets] == [True]
    again = reopened(vault, frozen_time)
    assert len(contents(again).change_sets) == 1
    again.close()


def test_audit_entries_that_a_proven_backup_holds_need_not_stay(
    vault: Vault, workspace: Workspace, isla: str, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifeboat_keeping, "TIDY_OVER", 0)
    back_up(vault.folder, vault.keys, vault.engine, time=frozen_time, reason=Reason.REQUESTED)
    backed_up = contents(vault).audit_entries[-1].sequence
    drill(vault.folder, vault.keys, vault.engine, opening_for(lambda: vault.keys), time=frozen_time)
    cases.add_note(workspace, isla, text="After the backup")
    workspace.tidy()
    # The newest of them does: by it the end of the chain is known.
    assert contents(vault).audit_entries[0].sequence == backed_up
    again = reopened(vault, frozen_time)
    assert again.lifeboat.caught_up is not None
    assert not again.lifeboat.caught_up.made_anew
    again.close()
