"""What is audited, and reading it: filters, words, searches without their words, refusals, verifying, exporting."""

import csv
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import AccessRefused, UserError
from app.models import AuditEntry
from app.models.terms import Role
from app.services import audit_trail, case_page, cases, history, search
from app.services.access import Permission, require
from app.services.audit import Action, ActionKind, FindingKind
from app.services.audit.actions import ACTION_WORDS, KIND_WORDS, action_of, values_of
from app.services.audit.recorder import Recorder
from app.services.audit_trail import AuditQuery
from app.services.audit_trail.checking import result_words
from app.services.rows import connection_of, driver
from app.services.vault import Vault, open_vault
from app.services.workspace import Workspace
from tests.conftest import PASSPHRASE
from tests.services.casework import open_isla


@pytest.fixture
def ruth(supervisor_workspace: Workspace) -> Workspace:
    """Somebody who may read the audit."""
    return supervisor_workspace


def entries(ws: Workspace, action: Action | None = None) -> list[AuditEntry]:
    with ws.read() as session:
        query = select(AuditEntry).order_by(AuditEntry.sequence)
        return list(session.scalars(query.where(AuditEntry.action == action) if action else query))


def listed(ws: Workspace, **filters: Any) -> list[audit_trail.AuditRow]:
    audit_trail.refresh(ws)
    return audit_trail.rows(ws, list(audit_trail.sequences(ws, AuditQuery(**filters))))


# -- what is audited -------------------------------------------------------------------------------------------------


def test_every_action_has_words_and_one_kind_and_every_kind_has_words_and_actions() -> None:
    assert set(ACTION_WORDS) == set(Action)
    assert all(action.kind in KIND_WORDS and action in values_of(action.kind) for action in Action)
    assert all(values_of(kind) for kind in ActionKind)
    assert action_of("unlock") is Action.UNLOCKED
    assert action_of("something of tomorrow") is None


def test_readings_of_one_case_within_five_minutes_are_one_entry(ruth: Workspace) -> None:
    case_id = open_isla(ruth)
    for minutes in (0, 2, 2, 2):
        ruth.time.advance(minutes=minutes)  # type: ignore[attr-defined]
        case_page.load_case(ruth, case_id)
    assert len(entries(ruth, Action.READ)) == 2
    history.of_case(ruth, case_id)
    history.of_case(ruth, case_id, offset=5)
    assert len(entries(ruth, Action.READ_HISTORY)) == 1


def test_a_search_is_recorded_once_typed_out_and_without_its_words(ruth: Workspace) -> None:
    open_isla(ruth)
    for words in ("I", "Is", "Isla", "Isla M", "Isla Mer"):
        search.find(ruth, words)
    assert entries(ruth, Action.SEARCHED) == []
    search.find(ruth, "Zofia")
    ruth.audit(Action.PRINTED)
    first, second = entries(ruth, Action.SEARCHED)
    assert '"hits":1' in first.detail
    assert '"hits":0' in second.detail
    assert all(b"sla" not in entry.body and b"ofia" not in entry.body for entry in entries(ruth))
    audit_trail.refresh(ruth)
    assert audit_trail.searches_for(ruth, "ISLA mér") == [first.sequence]
    assert audit_trail.searches_for(ruth, "Isla") == []


def test_a_search_nobody_goes_on_from_is_recorded_when_the_vault_is_locked(
    make_vault: Callable[..., Vault], frozen_time: Any
) -> None:
    vault = make_vault("locked", role=Role.SUPERVISOR)
    search.find(vault.workspace(), "Isla")
    folder = vault.folder
    vault.close()
    again = open_vault(folder, PASSPHRASE, time=frozen_time)
    assert len(entries(again.workspace(), Action.SEARCHED)) == 1
    again.close()


def test_a_search_is_recorded_by_itself_after_a_moment(ruth: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    done = threading.Event()
    written = Recorder._write_search
    monkeypatch.setattr("app.services.audit.recorder.SETTLED_SECONDS", 0.01)
    monkeypatch.setattr(Recorder, "_write_search", lambda self, what: (written(self, what), done.set()))
    search.find(ruth, "Isla")
    assert done.wait(10)
    assert len(entries(ruth, Action.SEARCHED)) == 1


def test_the_same_words_have_another_digest_on_another_laptop(ruth: Workspace, workspace: Workspace) -> None:
    assert ruth.search_digest("Isla") == ruth.search_digest(" isla ")
    assert ruth.search_digest("Isla") != workspace.search_digest("Isla")


def test_a_refusal_is_recorded_wherever_it_is_raised(make_vault: Callable[..., Vault]) -> None:
    ws = make_vault("auditor", role=Role.AUDITOR).workspace()
    with pytest.raises(AccessRefused):
        require(ws.actor, Permission.EDIT_CASES, "0190b8a0-0000-7000-8000-000000000001")
    with pytest.raises(AccessRefused), ws.write("Not allowed") as session:
        from app.models import Team

        session.add(Team(name="Never"))
        raise AccessRefused("No.", permission="READ_CASES")
    with pytest.raises(AccessRefused), ws.read(), ws.read():
        raise AccessRefused("No.")
    refused = entries(ws, Action.REFUSED)
    assert [entry.detail for entry in refused] == [
        '{"permission":"EDIT_CASES"}',
        '{"permission":"READ_CASES"}',
        "",
    ]
    assert refused[0].subject_id == "0190b8a0-0000-7000-8000-000000000001"
    assert all(entry.actor_name == "Dawn Ellery" for entry in refused)


def test_a_service_refusing_a_role_is_audited_without_knowing_of_it(make_vault: Callable[..., Vault]) -> None:
    ws = make_vault("auditor", role=Role.AUDITOR).workspace()
    with pytest.raises(AccessRefused):
        search.find(ws, "Isla")
    with pytest.raises(AccessRefused):
        cases.add_note(ws, "0190b8a0-0000-7000-8000-000000000001", text="Anything")
    assert len(entries(ws, Action.REFUSED)) == 2


def test_what_is_recorded_inside_a_transaction_goes_with_it(ruth: Workspace) -> None:
    before = len(entries(ruth))
    with pytest.raises(RuntimeError), ruth.local_session():
        ruth.audit(Action.PRINTED)
        raise RuntimeError
    assert len(entries(ruth)) == before
    with ruth.local_session():
        ruth.audit(Action.PRINTED)
    assert len(entries(ruth)) == before + 1


def test_wrong_passphrases_are_told_at_the_next_unlock(make_vault: Callable[..., Vault], frozen_time: Any) -> None:
    vault = make_vault("tried")
    folder = vault.folder
    vault.close()
    for _ in range(3):
        with pytest.raises(UserError):
            open_vault(folder, "not the passphrase", time=frozen_time)
    again = open_vault(folder, PASSPHRASE, time=frozen_time)
    (told,) = entries(again.workspace(), Action.WRONG_PASSPHRASES)
    assert told.detail == '{"count":3}'
    again.workspace()
    assert len(entries(again.workspace(), Action.WRONG_PASSPHRASES)) == 1
    again.close()


# -- reading it ------------------------------------------------------------------------------------------------------


def test_only_some_roles_read_the_audit(workspace: Workspace, tmp_path: Path) -> None:
    for ask in (
        lambda: audit_trail.sequences(workspace, AuditQuery()),
        lambda: audit_trail.rows(workspace, [1]),
        lambda: audit_trail.people(workspace),
        lambda: audit_trail.find_case(workspace, "CME-2026-00001"),
        lambda: audit_trail.searches_for(workspace, "Isla"),
        lambda: audit_trail.export(workspace, AuditQuery(), tmp_path / "audit.csv"),
        lambda: audit_trail.note_reading(workspace),
    ):
        with pytest.raises(AccessRefused):
            ask()
    assert not (tmp_path / "audit.csv").exists()


def test_entries_are_listed_newest_first_and_filtered(ruth: Workspace) -> None:
    case_id = open_isla(ruth)
    case_page.load_case(ruth, case_id)
    ruth.time.advance(days=2)  # type: ignore[attr-defined]
    ruth.audit(Action.PRINTED_LETTER, "letter", "0190b8a0-0000-7000-8000-000000000001")
    with pytest.raises(AccessRefused):
        require(ruth.actor, Permission.MANAGE_PEOPLE)
    everything = listed(ruth)
    assert [row.sequence for row in everything] == list(range(len(everything), 0, -1))
    assert [row.action for row in listed(ruth, kind=ActionKind.PRINTING)] == ["Printed"]
    assert [row.action for row in listed(ruth, refusals=True)] == ["Refused"]
    assert listed(ruth, refusals=True)[0].detail == "to manage people and laptops"
    assert [row.action for row in listed(ruth, since=date(2026, 11, 19))] == ["Refused", "Printed"]
    assert listed(ruth, until=date(2026, 11, 18))[0].action == "Opened"
    about = listed(ruth, case_id=case_id)
    assert about[0].action == "Opened"
    assert {row.about for row in about if row.case_id} >= {"Case, CME-2026-00500"}
    assert len(about) < len(everything)
    assert {row.who for row in listed(ruth, person=ruth.actor.user_id)} == {"Ruth Okonjo"}
    assert audit_trail.people(ruth) == [(ruth.actor.user_id, "Ruth Okonjo")]
    assert audit_trail.find_case(ruth, "cme-2026-00500 ") == case_id
    with pytest.raises(UserError):
        audit_trail.find_case(ruth, "CME-2026-09999")


def test_no_childs_name_stands_in_a_row(ruth: Workspace) -> None:
    case_id = open_isla(ruth)
    case_page.load_case(ruth, case_id)
    search.find(ruth, "Isla")
    ruth.audit(Action.PRINTED)
    assert not any("Isla" in f"{row.about} {row.detail}" or "Merrow" in f"{row}" for row in listed(ruth))


def test_an_entry_that_was_tampered_with_is_still_listed(ruth: Workspace) -> None:
    ruth.audit(Action.PRINTED)
    with ruth.local_session() as session:
        driver(connection_of(session)).execute("UPDATE audit_entry SET body = X'FF00' WHERE sequence = 2")
    assert [row.action for row in listed(ruth) if row.sequence == 2] == ["This entry cannot be read"]


def test_verifying_is_audited_and_says_what_it_found(ruth: Workspace) -> None:
    ruth.audit(Action.PRINTED)
    told: list[tuple[int, int]] = []
    result = audit_trail.check(ruth, lambda done, total: told.append((done, total)))
    assert result.finding is None
    assert told[-1] == (result.last, result.last)
    assert result_words(result).startswith(f"{result.entries} entries verified.")
    assert entries(ruth)[-1].detail == f'{{"entries":{result.entries},"found":"nothing"}}'
    with ruth.local_session() as session:
        driver(connection_of(session)).execute("DELETE FROM audit_entry WHERE sequence = 2")
    result = audit_trail.check(ruth)
    assert result.finding is not None
    assert (result.finding.sequence, result.finding.kind) == (2, FindingKind.REMOVED)
    report = audit_trail.report_text(ruth, result)
    assert "The chain breaks at entry 2: an entry was removed." in report
    assert "by Ruth Okonjo" in report
    assert entries(ruth)[-1].detail.endswith('"found":"removed"}')


def test_a_cut_that_the_vault_does_not_show_is_shown_by_the_lifeboat(ruth: Workspace) -> None:
    for _ in range(3):
        ruth.audit(Action.PRINTED)
    last = len(entries(ruth))
    with ruth.local_session() as session:
        connection = driver(connection_of(session))
        connection.execute("DELETE FROM audit_entry WHERE sequence > ?", (last - 2,))
        connection.execute("DELETE FROM audit_anchor")
    result = audit_trail.check(ruth)
    assert result.finding is not None
    assert any(
        (each.sequence, each.kind, each.proof)
        == (last - 1, FindingKind.TRUNCATED, f"the lifeboat holds entry {last - 1}")
        for each in result.findings
    )


def test_a_stopped_verification_is_no_verification(ruth: Workspace) -> None:
    before = len(entries(ruth))
    result = audit_trail.check(ruth, lambda _done, _total: False)
    assert result.stopped
    assert result_words(result) == "Stopped. The audit is not verified."
    assert len(entries(ruth)) == before


def test_an_export_is_audited_and_no_cell_is_a_formula(ruth: Workspace, tmp_path: Path) -> None:
    ruth.audit(Action.EXPORTED, detail={"what": "=HYPERLINK(0)"})
    path = tmp_path / "audit.csv"
    count = audit_trail.export(ruth, AuditQuery(kind=ActionKind.EXPORTING), path)
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == ["Entry", "When (London)", "Who", "What", "About", "Details"]
    assert len(rows) == count + 1 == 2
    assert rows[1][1:] == ["2026-11-17 09:00:00", "Ruth Okonjo", "Exported", "", "'=HYPERLINK(0)"]
    assert entries(ruth)[-1].action == "exported the audit"
    with pytest.raises(UserError):
        audit_trail.export(ruth, AuditQuery(), path)
    with pytest.raises(UserError):
        audit_trail.export(ruth, AuditQuery(), tmp_path / "stopped.csv", lambda _done, _total: False)
    assert not (tmp_path / "stopped.csv").exists()


def test_the_index_follows_the_chain_in_pieces(ruth: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.audit_trail.index.PART", 3)
    for _ in range(10):
        ruth.audit(Action.PRINTED)
    told: list[tuple[int, int]] = []
    audit_trail.refresh(ruth, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] == len(entries(ruth))
    assert len(audit_trail.sequences(ruth, AuditQuery(kind=ActionKind.PRINTING))) == 10


def test_whatever_is_audited_has_a_word_of_the_vocabulary() -> None:
    app = Path(audit_trail.__file__).parents[2]
    said = [
        (path.name, match)
        for path in app.rglob("*.py")
        for match in re.findall(r"\b(?:ws|workspace|system_workspace\(\))\.audit\(\s*([\"'\w.]+)", path.read_text())
    ]
    assert len(said) > 10
    assert [one for one in said if one[1][:1] in "\"'"] == []
