"""A vault that was away too long stays shut until its laptop is proven and its person signs in; its work is kept."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import UserError
from app.models import AuditEntry
from app.services import offline_gate
from app.services.sign_in import sessions
from app.services.sync.faults import CentralUnreachable, NotLetIn
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.sync.test_rescue import add_note, open_case

Sync = Callable[[Workspace], Any]
PASSWORD = "a long password of Dawn's"


@pytest.fixture
def dawn(enrol_laptop: Callable[..., Any], sync_once: Sync) -> Workspace:
    ws: Workspace = enrol_laptop("dawn").workspace()
    sync_once(ws)
    return ws


def test_it_opens_on_the_last_day_and_stays_shut_after_it_saying_what_is_kept(
    dawn: Workspace, sync_once: Sync, frozen_time: FrozenTime
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    add_note(dawn, case_id)
    frozen_time.advance(days=29, hours=23)
    assert offline_gate.shut(dawn) is None
    frozen_time.advance(hours=1)
    shut = offline_gate.shut(dawn)
    assert shut is not None
    assert (shut.days_away, shut.days_allowed, shut.pending_count) == (30, 30, 1)
    assert "17 November 2026" in shut.words
    assert "1 change that was not sent is kept" in shut.words


def test_a_laptop_without_a_central_store_is_left_alone(workspace: Workspace, frozen_time: FrozenTime) -> None:
    frozen_time.advance(days=400)
    assert offline_gate.shut(workspace) is None


def test_setting_the_clock_back_does_not_open_it(dawn: Workspace, frozen_time: FrozenTime) -> None:
    start = frozen_time.now()
    frozen_time.advance(days=31)
    assert offline_gate.shut(dawn) is not None
    frozen_time.move_to(start)
    assert offline_gate.shut(dawn) is not None, "the newest moment it has seen counts"
    frozen_time.restart("another start")
    assert offline_gate.shut(dawn) is not None


def test_a_clock_that_stands_still_does_not_keep_it_open(dawn: Workspace, frozen_time: FrozenTime) -> None:
    start = frozen_time.now()
    assert offline_gate.shut(dawn) is None
    for _ in range(4):
        frozen_time.advance(days=8)  # the machine runs on ...
        frozen_time.move_to(start)  # ... and every time its clock is set back
        found = offline_gate.shut(dawn)
    assert found is not None
    assert found.days_away == 32


def test_after_a_restart_with_the_clock_set_back_the_running_time_goes_on_counting(
    dawn: Workspace, frozen_time: FrozenTime
) -> None:
    start = frozen_time.now()
    frozen_time.advance(days=20)
    assert offline_gate.shut(dawn) is None
    frozen_time.move_to(start)
    frozen_time.restart("second", timedelta(days=11).total_seconds())
    assert offline_gate.shut(dawn) is not None


def test_a_sync_starts_the_days_anew(dawn: Workspace, sync_once: Sync, frozen_time: FrozenTime) -> None:
    frozen_time.advance(days=31)
    assert offline_gate.shut(dawn) is not None
    sync_once(dawn)
    assert offline_gate.shut(dawn) is None
    frozen_time.advance(days=29)
    assert offline_gate.shut(dawn) is None


def test_it_opens_again_once_the_laptop_is_proven_and_the_person_has_signed_in(
    dawn: Workspace, central: Any, sync_once: Sync, frozen_time: FrozenTime
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    add_note(dawn, case_id)
    central.services.trust.set_password(central.people["dawn"], PASSWORD)
    frozen_time.advance(days=45)
    assert offline_gate.shut(dawn) is not None
    with pytest.raises(UserError):
        offline_gate.let_in(dawn)
    assert offline_gate.shut(dawn) is not None, "the laptop alone does not open it"
    with pytest.raises(UserError):
        sessions.sign_in_with_account(dawn, "dawn", "not her password at all")
    sessions.sign_in_with_account(dawn, "dawn", PASSWORD)
    offline_gate.let_in(dawn)
    assert offline_gate.shut(dawn) is None
    with dawn.read() as session:
        assert "reached the central store after a long time" in session.scalars(select(AuditEntry.action)).all()
    assert sync_once(dawn).pushed >= 1, "what was kept goes out"


def test_without_a_connection_it_stays_shut(dawn: Workspace, central: Any, frozen_time: FrozenTime) -> None:
    frozen_time.advance(days=31)
    central.stop()
    with pytest.raises(CentralUnreachable):
        offline_gate.prove(dawn)
    with pytest.raises(CentralUnreachable):
        offline_gate.let_in(dawn, lambda _ws, _span: True)
    assert offline_gate.shut(dawn) is not None


def test_a_revoked_laptop_is_not_let_in(dawn: Workspace, central: Any, frozen_time: FrozenTime) -> None:
    frozen_time.advance(days=31)
    central.services.trust.revoke(dawn.actor.device_id)
    with pytest.raises(NotLetIn):
        offline_gate.let_in(dawn, lambda _ws, _span: True)
    assert offline_gate.shut(dawn) is not None
