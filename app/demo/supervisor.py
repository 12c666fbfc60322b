"""What Ruth Okonjo does in the journey, at her own window."""

from typing import Any

from PySide6.QtCore import Qt

from app.demo.hands import CTRL, Hands
from app.demo.officer import Journey, wait_synced
from app.views.team.officer_select import OfficerSelect


def open_queue(hands: Hands, journey: Journey) -> Any:
    """Open the Team queue and find the new case in it."""
    wait_synced(hands)
    hands.key(Qt.Key.Key_5, CTRL, on=hands.frame)
    page = hands.on_page("team_page")
    hands.wait(lambda: journey.case_id in _waiting(page), "the new case in the team queue")
    return page


def allocate(hands: Hands, journey: Journey, officer: str) -> None:
    """Tick the new case, choose the officer, Ctrl+Enter."""
    page = hands.page
    table = page.lists.table
    table.setFocus()
    for _ in range(page.lists.model.rowCount()):
        if table.current_row().case_id == journey.case_id:
            break
        hands.key(Qt.Key.Key_Down, on=table)
    hands.key(Qt.Key.Key_Space, on=table)
    hands.choose(hands.find(OfficerSelect, "give_to"), officer)
    hands.shot("team-queue")
    hands.key(Qt.Key.Key_Return, CTRL, on=hands.frame)
    hands.wait(lambda: journey.case_id not in _waiting(page), "the case to leave the queue")
    hands.settle()
    hands.shot("team-queue-allocated", toast=True)
    wait_synced(hands)


def _waiting(page: Any) -> set[str]:
    return {row.case_id for row in page.lists.models["waiting"].rows()}
