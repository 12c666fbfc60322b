"""Refused work stays on the laptop until a person deals with it; whatever they decide, nothing of it is lost."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import AccessRefused, UserError
from app.models import AuditEntry, Case, ChangeSetRow, Child, ClearedChange, Closure, User
from app.models.terms import ChangeState, Role
from app.services.rescued import listing, opening, settling
from app.services.sync import refused
from app.services.sync.centre import sync_view
from app.services.workspace import Workspace

Sync = Callable[[Workspace], Any]


def open_case(ws: Workspace, reference: str = "CME-2026-00001") -> tuple[str, str]:
    with ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Bräton", born_on=date(2015, 1, 2))
        session.add(child)
        session.flush()
        case = Case(reference=reference, child_id=child.id, opened_on=date(2026, 11, 2))
        session.add(case)
        session.flush()
        return child.id, case.id


@pytest.fixture
def laptops(enrol_laptop: Callable[..., Any]) -> tuple[Workspace, Workspace]:
    return enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()


@pytest.fixture
def refused_case(laptops: tuple[Workspace, Workspace], sync_once: Sync) -> tuple[str, str]:
    """A case of Dawn's whose reference Ruth used first: refused as it is."""
    dawn, ruth = laptops
    open_case(ruth, "CME-2026-00077")
    sync_once(ruth)
    _child, case_id = open_case(dawn, "CME-2026-00077")
    assert sync_once(dawn).refused == 1
    with dawn.read() as session:
        set_id = session.scalars(select(ChangeSetRow.id).where(ChangeSetRow.state == ChangeState.REFUSED)).one()
    return set_id, case_id


def actions(ws: Workspace) -> list[str]:
    with ws.read() as session:
        return list(session.scalars(select(AuditEntry.action)))


def test_the_tray_says_what_was_refused_why_and_what_to_do(
    laptops: tuple[Workspace, Workspace], refused_case: tuple[str, str]
) -> None:
    (shown,) = refused.refused_sets(laptops[0])
    assert shown.id == refused_case[0]
    assert (shown.what, shown.by, shown.can_send_again) == ("Opened a case", "Dawn Ellery", True)
    assert "Isla Bräton" in shown.case
    assert "reference or name is already" in shown.reason
    assert shown.advice.startswith("Send it again")
    assert {line.after for line in shown.lines} >= {"Isla", "Bräton"}


def test_what_is_sent_again_reaches_the_central_store_on_the_records_as_they_are_now(
    laptops: tuple[Workspace, Workspace], refused_case: tuple[str, str], sync_once: Sync
) -> None:
    dawn, ruth = laptops
    set_id, case_id = refused_case
    again = refused.send_again(dawn, set_id)
    report = sync_once(dawn)
    assert (report.refused, report.pushed >= 1) == (0, True)
    with dawn.read() as session:
        assert session.get_one(ChangeSetRow, set_id).state is ChangeState.CLEARED
        assert session.get_one(ChangeSetRow, again).state in (ChangeState.ACCEPTED, ChangeState.CONFLICTED)
        assert session.get_one(ClearedChange, set_id).sent_again_as == again
    sync_once(ruth)
    for ws in laptops:
        with ws.read() as session:
            assert session.get_one(Case, case_id).reference not in ("", "CME-2026-00077"), "a number of its own"
    assert not refused.refused_sets(dawn)
    assert "sent again" in actions(dawn)


def test_what_is_set_aside_needs_a_reason_and_stays_in_history_with_it(
    laptops: tuple[Workspace, Workspace], refused_case: tuple[str, str], sync_once: Sync
) -> None:
    dawn, _ = laptops
    set_id, _case = refused_case
    with pytest.raises(UserError):
        refused.clear(dawn, set_id, reason="  ")
    assert refused.refused_sets(dawn)
    before = sync_view(dawn).receipts
    refused.clear(dawn, set_id, reason="Recorded again under the right number")
    assert not refused.refused_sets(dawn)
    (cleared,) = refused.cleared_sets(dawn)
    assert (cleared.by, cleared.reason, cleared.sent_again) == (
        "Dawn Ellery",
        "Recorded again under the right number",
        False,
    )
    assert "cleared refused work" in actions(dawn)
    view = sync_view(dawn)
    assert (view.refused_count, view.receipts) == (0, before), "what was set aside has no receipt and gets none"
    sync_once(dawn)
    with dawn.read() as session:
        assert session.get_one(ChangeSetRow, set_id).body, "the words are kept"
    with pytest.raises(UserError):
        refused.clear(dawn, set_id, reason="Twice")


def test_the_copy_for_it_names_nobody(laptops: tuple[Workspace, Workspace], refused_case: tuple[str, str]) -> None:
    text = refused.details_for_it(laptops[0])
    assert refused_case[0] in text
    assert "insert child" in text
    assert not any(word in text for word in ("Isla", "Bräton", "Dawn", "Ellery", "CME-2026-00077", "2015"))


def test_a_person_whose_role_may_not_cannot_send_it_again(
    laptops: tuple[Workspace, Workspace], sync_once: Sync, central: Any
) -> None:
    dawn, _ = laptops
    _, case_id = open_case(dawn)
    sync_once(dawn)
    with dawn.write("Closed the case") as session:
        session.add(Closure(case_id=case_id, outcome="R1"))
    assert sync_once(dawn).refused == 1
    (shown,) = refused.refused_sets(dawn)
    assert not shown.can_send_again
    assert shown.advice.startswith("Hand it to a supervisor")
    with pytest.raises(AccessRefused):
        refused.send_again(dawn, shown.id)
    assert refused.refused_sets(dawn)


def test_what_was_refused_is_sealed_to_the_team_and_a_supervisor_takes_it_over(
    laptops: tuple[Workspace, Workspace], refused_case: tuple[str, str], sync_once: Sync
) -> None:
    dawn, ruth = laptops
    set_id, case_id = refused_case
    sync_once(ruth), sync_once(dawn)  # the team has its key, and Dawn's laptop knows it
    refused.hand_to_supervisor(dawn, set_id)
    assert not refused.refused_sets(dawn)
    with dawn.read() as session:
        assert session.get_one(ChangeSetRow, set_id).state is ChangeState.RESCUED
    with pytest.raises(UserError):
        refused.hand_to_supervisor(dawn, set_id)
    sync_once(ruth)
    (waiting,) = listing.handed_in(ruth)
    assert (waiting.author, waiting.why) == ("Dawn Ellery", "Was refused, and a supervisor was asked")
    work = opening.open_work(ruth, waiting.id)
    settling.take_over(ruth, work)
    assert sync_once(ruth).refused == 0
    sync_once(dawn)
    for ws in laptops:
        with ws.read() as session:
            assert session.get_one(Case, case_id).reference not in ("", "CME-2026-00077"), "a number of its own"
    assert not refused.refused_sets(dawn), "it is not sent again"


def test_it_stays_in_the_tray_while_nobody_could_open_it(
    enrol_laptop: Callable[..., Any], sync_once: Sync, central: Any
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    with dawn.write("Changed a role") as session:
        session.get_one(User, central.people["dawn"]).role = Role.SUPERVISOR
    assert sync_once(dawn).refused == 1
    (shown,) = refused.refused_sets(dawn)
    with pytest.raises(UserError, match="has a key yet"):
        refused.hand_to_supervisor(dawn, shown.id)
    assert refused.refused_sets(dawn) == [shown]
