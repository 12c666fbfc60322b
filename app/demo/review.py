"""Reviewing what two people both changed: looked at, decided by key, saved."""

from PySide6.QtCore import Qt

from app.demo.hands import ALT, CTRL, Hands
from app.demo.officer import wait_synced

CHILD = "Caleb Ostwick"


def decide_changes(hands: Hands) -> None:
    """Open the page, choose between the values of one case with Alt and a figure, and save with Ctrl+Enter."""
    hands.go("conflicts")
    page = hands.on_page("conflicts_page")
    hands.wait(lambda: page.table is not None, "the changes to review")
    row = next(row for row in page.cases.rows.rows() if row.name == CHILD)
    hands.go_to("conflicts", case_id=row.case_id)
    hands.wait(lambda: page.pane.name.text() == CHILD, f"the changes of {CHILD}")
    hands.shot("review-changes")
    page.table.rows[0].focus()
    for _ in list(page.table.undecided()):
        hands.key(Qt.Key.Key_1, ALT, on=hands.frame)
    hands.shot("review-changes-decided")
    hands.key(Qt.Key.Key_Return, CTRL, on=hands.frame)
    hands.wait(lambda: page.pane.name.text() != CHILD, "the next case to review")
    hands.shot("review-changes-saved", toast=True)
    wait_synced(hands)
