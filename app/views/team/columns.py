"""The columns of each list of the Team queue: how a cell is drawn, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter

from app.timesource import format_short, to_london
from app.views.icons import paint_icon
from app.views.kit.delegates import two_lines
from app.views.kit.paint import paint_avatar, paint_tag, paint_text
from app.views.theme import line_height
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.team_queue import ApprovalRow, ClosureRow, ConflictRow, OverdueCase, WaitingCase
    from app.services.team_workload import Officer

Paint = Callable[[QPainter, QRect, Any, bool], None]
_WAITED_LONG = 2
"""Days from which waiting is marked: triage is due the next working day (resources/clocks, local_triage)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        width: in pixels at 100 %; what is left over goes to the columns by ``stretch``.
        paint: draws (painter, rectangle, row, narrow).
        text: what the cell says.
        folds: hidden where the list is narrow; its facts stand in the first column's second line.
    """

    title: str
    width: int
    stretch: int
    paint: Paint
    text: Callable[[Any], str]
    folds: bool = False


def days(count: int) -> str:
    """Return ``Today``, ``1 day`` or ``3 days``."""
    return "Today" if count == 0 else "1 day" if count == 1 else f"{count} days"


def _lines(first: Callable[[Any], str], second: Callable[[Any, bool], str], *, strong: bool = False) -> Paint:
    def paint(painter: QPainter, rect: QRect, row: Any, narrow: bool) -> None:
        two_lines(painter, rect, first(row), second(row, narrow), weight="strong" if strong else "regular")

    return paint


def _person(painter: QPainter, rect: QRect, initials: str, first: str, second: str) -> None:
    size = px(26)
    paint_avatar(painter, QRect(rect.left(), rect.center().y() - size // 2, size, size), initials)
    two_lines(painter, rect.adjusted(size + px(10), 0, 0, 0), first, second, weight="regular")


# Waiting


def _paint_waited(painter: QPainter, rect: QRect, row: "WaitingCase", _narrow: bool) -> None:
    paint_tag(painter, rect, "due" if row.waited_days >= _WAITED_LONG else "later", days(row.waited_days))


def _paint_worth(painter: QPainter, rect: QRect, row: "WaitingCase", _narrow: bool) -> None:
    if not row.worth:
        paint_tag(painter, rect, "none", "Nothing flagged")
        return
    height = line_height("meta") + px(4)
    shown = list(row.worth[:2])
    more = len(row.worth) - len(shown)
    top = rect.top() + (rect.height() - height * len(shown)) // 2
    for place, worth in enumerate(shown):
        ink = "danger" if worth.serious else "ink2"
        line = QRect(rect.left(), top + place * height, rect.width(), height)
        paint_icon(painter, QRect(line.left(), line.top(), px(14), height), worth.icon, ink, px(14))
        text = f"{worth.text}, {more} more" if more and place == 1 else worth.text
        room = line.adjusted(px(20), 0, 0, 0)
        paint_text(painter, room, text, "secondary", "strong" if worth.serious else "regular", ink)


def _paint_suggestion(painter: QPainter, rect: QRect, row: "WaitingCase", _narrow: bool) -> None:
    if row.suggestion is None:
        paint_text(painter, rect, "Nobody has room", "secondary", ink="ink3")
        return
    _person(painter, rect, row.suggestion.initials, row.suggestion.name, row.suggestion.why)


def _worth_text(row: "WaitingCase") -> str:
    return ". ".join(worth.text for worth in row.worth) or "Nothing flagged"


def _suggestion_text(row: "WaitingCase") -> str:
    if row.suggestion is None:
        return "Nobody has room"
    return f"Suggested: {row.suggestion.name}, {row.suggestion.why}"


def _waiting_detail(row: "WaitingCase", narrow: bool) -> str:
    if not narrow:
        return row.age
    serious = next((worth.text for worth in row.worth if worth.serious), "")
    return " · ".join(part for part in (row.age, serious or row.area or row.source) if part)


WAITING = (
    Column(
        "Child",
        148,
        2,
        _lines(lambda row: row.name, _waiting_detail, strong=True),
        lambda row: f"{row.name}, {row.age}, {row.reference}",
    ),
    Column("Waiting", 96, 0, _paint_waited, lambda row: f"Waiting: {days(row.waited_days).lower()}"),
    Column(
        "From and area",
        134,
        2,
        _lines(lambda row: row.source, lambda row, _narrow: row.area),
        lambda row: f"From {row.source}, {row.area}" if row.area else f"From {row.source}",
        folds=True,
    ),
    Column("Worth knowing", 168, 2, _paint_worth, _worth_text, folds=True),
    Column("Suggested officer", 176, 2, _paint_suggestion, _suggestion_text),
)

# Overdue


def _paint_over(painter: QPainter, rect: QRect, row: "OverdueCase", _narrow: bool) -> None:
    paint_tag(painter, rect, "overdue", f"{days(row.days_over)} over")


def _paint_holder(painter: QPainter, rect: QRect, row: "OverdueCase", _narrow: bool) -> None:
    words = row.officer.split()
    initials = (words[0][:1] + words[-1][:1]).upper() if words else "?"
    _person(painter, rect, initials, row.officer, "")


def _basis(row: "OverdueCase") -> str:
    return "Statutory" if row.statutory else "Local standard"


OVERDUE = (
    Column(
        "Child",
        150,
        2,
        _lines(lambda row: row.name, lambda row, narrow: row.what if narrow else row.reference, strong=True),
        lambda row: f"{row.name}, {row.reference}",
    ),
    Column(
        "Clock",
        180,
        3,
        _lines(lambda row: row.what, lambda row, _narrow: f"{_basis(row)} · due {format_short(row.due_on)}"),
        lambda row: f"{row.what}, {_basis(row)}, due {format_short(row.due_on)}",
        folds=True,
    ),
    Column("Over", 120, 0, _paint_over, lambda row: f"{days(row.days_over)} over"),
    Column("Officer", 170, 1, _paint_holder, lambda row: f"With {row.officer}"),
)

# Approvals


def _asked(row: "ApprovalRow") -> str:
    return format_short(to_london(row.asked_at).date())


def _about(row: "ApprovalRow") -> str:
    return f"{row.name}, from {row.writer}" if row.writer else row.name


APPROVALS = (
    Column(
        "Letter",
        200,
        2,
        _lines(lambda row: row.title, lambda row, narrow: _about(row) if narrow else "", strong=True),
        lambda row: row.title,
    ),
    Column(
        "About", 200, 2, _lines(_about, lambda row, _narrow: "Your own letter" if row.own else ""), _about, folds=True
    ),
    Column("Asked", 110, 0, _lines(_asked, lambda _row, _narrow: ""), lambda row: f"Asked {_asked(row)}"),
)

# Closures


def _proposed(row: "ClosureRow") -> str:
    return format_short(row.proposed_on) if row.proposed_on else ""


CLOSURES = (
    Column(
        "Child",
        150,
        2,
        _lines(lambda row: row.name, lambda row, narrow: row.outcome if narrow else row.reference, strong=True),
        lambda row: f"{row.name}, {row.reference}",
    ),
    Column(
        "Outcome and evidence",
        240,
        4,
        _lines(lambda row: row.outcome, lambda row, _narrow: row.evidence or "No evidence given"),
        lambda row: f"{row.outcome}. {row.evidence or 'No evidence given'}",
        folds=True,
    ),
    Column(
        "Proposed by",
        150,
        1,
        _lines(lambda row: row.proposed_by, lambda row, _narrow: _proposed(row)),
        lambda row: f"Proposed by {row.proposed_by} {_proposed(row)}".strip(),
    ),
)

# Conflicts


def _paint_conflict(painter: QPainter, rect: QRect, row: "ConflictRow", narrow: bool) -> None:
    if row.already_allocated:
        paint_tag(painter, rect, "conflict", row.already_allocated)
    else:
        _lines(lambda shown: shown.field, lambda _row, _narrow: "Two values are kept")(painter, rect, row, narrow)


CONFLICTS = (
    Column(
        "Case",
        150,
        2,
        _lines(lambda row: row.name, lambda row, _narrow: row.reference, strong=True),
        lambda row: f"{row.name}, {row.reference}",
    ),
    Column("What", 220, 3, _paint_conflict, lambda row: row.already_allocated or f"{row.field}, two values are kept"),
    Column(
        "Officers",
        200,
        2,
        _lines(lambda row: row.officers, lambda _row, _narrow: ""),
        lambda row: row.officers,
        folds=True,
    ),
    Column(
        "Age", 90, 0, _lines(lambda row: days(row.age_days), lambda _row, _narrow: ""), lambda row: days(row.age_days)
    ),
)

# Workload


def _number(value: Callable[[Any], int | None]) -> Paint:
    def paint(painter: QPainter, rect: QRect, row: "Officer", _narrow: bool) -> None:
        shown = value(row)
        text = "–" if shown is None else str(shown)
        align = Qt.AlignmentFlag.AlignRight
        paint_text(painter, rect.adjusted(0, 0, -px(8), 0), text, align=align, tabular=True)

    return paint


WORKLOAD = (
    Column(
        "Officer",
        120,
        3,
        _lines(lambda row: row.name, lambda row, _narrow: row.note),
        lambda row: f"{row.name}, {row.note}" if row.note else row.name,
    ),
    Column("Open", 56, 0, _number(lambda row: row.open), lambda row: f"{row.open} open"),
    Column("Due", 50, 0, _number(lambda row: row.due), lambda row: f"{row.due} due this week"),
    Column("Over", 52, 0, _number(lambda row: row.over), lambda row: f"{row.over} overdue"),
    Column(
        "Limit",
        54,
        0,
        _number(lambda row: row.limit),
        lambda row: f"agreed limit {row.limit}" if row.limit is not None else "no agreed limit",
    ),
)
