"""The five lists of the page: their columns, what opens from them, and what they say when they are empty."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.views.team import columns
from app.views.team.columns import Column

if TYPE_CHECKING:
    from app.services.team_queue import TeamQueue


@dataclass(frozen=True, slots=True)
class ListSpec:
    """One list.

    Attributes:
        key: of its tile, and of its rows in the queue.
        identity: the rows' attribute that identifies them.
        ticks: whether rows are ticked and allocated.
        verb: of the button that opens the current row, for lists without ticks.
        hint: a sentence beside that button.
    """

    key: str
    name: str
    columns: Sequence[Column]
    identity: str
    empty: str
    ticks: bool = False
    verb: str = "Open case"
    hint: str = ""


LISTS = {
    spec.key: spec
    for spec in (
        ListSpec(
            "waiting",
            "Cases waiting for an officer",
            columns.WAITING,
            "case_id",
            "Nobody is waiting for an officer.",
            ticks=True,
        ),
        ListSpec("overdue", "Overdue cases", columns.OVERDUE, "case_id", "Nothing is overdue.", ticks=True),
        ListSpec(
            "approvals",
            "Letters waiting for approval",
            columns.APPROVALS,
            "letter_id",
            "No letter waits for your approval.",
            verb="Review letter",
            hint="You cannot approve your own letter.",
        ),
        ListSpec(
            "closures",
            "Closings proposed",
            columns.CLOSURES,
            "closure_id",
            "No closing is proposed.",
            hint="Read the evidence in the case, then close it there.",
        ),
        ListSpec(
            "conflicts",
            "Conflicts",
            columns.CONFLICTS,
            "conflict_id",
            "Nothing to decide.",
            verb="Review",
            hint="Both values are kept until somebody chooses.",
        ),
    )
}


def rows_of(queue: "TeamQueue", key: str, officer_id: str | None = None) -> list[Any]:
    """Return a list's rows; overdue cases can be those of one officer."""
    if key == "overdue":
        return [row for row in queue.overdue if officer_id is None or row.officer_id == officer_id]
    return list(getattr(queue, key))
