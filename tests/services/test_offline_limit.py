"""Being away from the central store is said ahead, and again when the time is over."""

import pytest

from app.policy import policy
from app.services import offline_limit
from app.services.sync import facts
from app.services.workspace import Workspace
from app.timesource import FrozenTime


@pytest.mark.parametrize(
    ("days", "says"),
    [(0, ""), (22, ""), (23, "by 17 December 2026"), (29, "by 17 December 2026"), (30, "last synced 30 days ago"),
     (45, "your organisation allows 30")],
)  # fmt: skip
def test_it_is_said_a_week_ahead_and_when_it_is_over(
    workspace: Workspace, frozen_time: FrozenTime, days: int, says: str
) -> None:
    with workspace.local_session() as session:
        facts.put(session, facts.LAST_SYNCED, frozen_time.now().isoformat())
    frozen_time.advance(days=days)
    said = dict(offline_limit.notices(workspace)).get("offline", "")
    assert says in said
    assert bool(said) is bool(says)


def test_a_short_limit_is_said_at_half_and_a_laptop_that_never_synced_is_left_alone(
    workspace: Workspace, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    assert offline_limit.notices(workspace) == ()
    (tmp_path / "policy.toml").write_text("offline_days = 4")
    monkeypatch.setenv("ROLLCALL_POLICY", str(tmp_path / "policy.toml"))
    policy.cache_clear()
    try:
        with workspace.local_session() as session:
            facts.put(session, facts.LAST_SYNCED, frozen_time.now().isoformat())
        frozen_time.advance(days=1)
        assert offline_limit.notices(workspace) == ()
        frozen_time.advance(days=1)
        assert "by 21 November 2026" in dict(offline_limit.notices(workspace))["offline"]
    finally:
        policy.cache_clear()
