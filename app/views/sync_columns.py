"""The columns of the Sync centre's list: what, which case, how large, since when, and what became of it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from app.timesource import format_short, format_time, to_london
from app.views.kit.delegates import two_lines
from app.views.kit.paint import paint_tag, paint_text
from app.views.team.columns import Column
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sync.centre import WaitingRow

# state -> (state of kit.paint.STATES, words)
TAGS = {
    "waiting": ("unsynced", "Waiting"),
    "refused": ("warning", "Not taken"),
    "sent": ("synced", "In the central store"),
    "received": ("info", "From a colleague"),
}


def size_words(size: int) -> str:
    """Return a size as ``1 KB``, ``240 KB`` or ``3.2 MB``."""
    if size < 1024 * 1024:
        return f"{max(1, round(size / 1024))} KB"
    return f"{size / 1024 / 1024:.1f} MB"


def since_words(row: "WaitingRow") -> str:
    """Return when it was made, as ``Tue 17 Nov, 09:12``."""
    return f"{format_short(to_london(row.since).date())}, {format_time(row.since)}"


def _what_detail(row: "WaitingRow", narrow: bool) -> str:
    if row.state == "refused":
        return row.state_words.partition(": ")[2]
    parts = [row.case, since_words(row)] if narrow else [row.by]
    return " · ".join(part for part in parts if part)


def _paint_what(painter: QPainter, rect: QRect, row: "WaitingRow", narrow: bool) -> None:
    two_lines(painter, rect, row.what, _what_detail(row, narrow), weight="regular")


def _paint_case(painter: QPainter, rect: QRect, row: "WaitingRow", _narrow: bool) -> None:
    paint_text(painter, rect, row.case or "No one case", "secondary", ink="ink" if row.case else "ink3")


def _paint_size(painter: QPainter, rect: QRect, row: "WaitingRow", _narrow: bool) -> None:
    paint_text(painter, rect, size_words(row.size), "secondary", ink="ink2", tabular=True)


def _paint_since(painter: QPainter, rect: QRect, row: "WaitingRow", _narrow: bool) -> None:
    paint_text(painter, rect, since_words(row), "secondary", ink="ink2", tabular=True)


def _paint_state(painter: QPainter, rect: QRect, row: "WaitingRow", _narrow: bool) -> None:
    paint_tag(painter, rect.adjusted(0, 0, px(4), 0), *TAGS[row.state])


def _what_text(row: "WaitingRow") -> str:
    detail = _what_detail(row, narrow=False)
    return f"{row.what}, {detail}" if detail else row.what


COLUMNS = (
    Column("What", 220, 3, _paint_what, _what_text),
    Column("Case", 220, 2, _paint_case, lambda row: row.case, folds=True),
    Column("Size", 76, 0, _paint_size, lambda row: size_words(row.size), folds=True),
    Column("Since", 150, 0, _paint_since, since_words, folds=True),
    Column("State", 190, 0, _paint_state, lambda row: TAGS[row.state][1]),
)
