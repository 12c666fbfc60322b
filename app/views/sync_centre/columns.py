"""The columns of the Sync centre's lists: changes, cases with their receipts, and how the last syncs went."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from app.timesource import format_short, format_time, to_london
from app.views.kit.delegates import two_lines
from app.views.kit.paint import paint_tag, paint_text
from app.views.sync_words import size_words
from app.views.team.columns import Column
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sync.case_receipts import CaseReceipts
    from app.services.sync.centre import WaitingRow
    from app.services.sync.run_history import Run

# state -> (state of kit.paint.STATES, words)
TAGS = {
    "waiting": ("unsynced", "Waiting"),
    "refused": ("warning", "Not taken"),
    "sent": ("synced", "In the central store"),
    "received": ("info", "From a colleague"),
    "cleared": ("none", "Dealt with"),
}
OUTCOMES = {
    "done": ("synced", "Synced"),
    "offline": ("offline", "No connection"),
    "sign_in": ("warning", "Sign-in needed"),
    "failed": ("warning", "Could not sync"),
}


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


# -- receipts by case ------------------------------------------------------------------------------------------------


def _case_tag(row: "CaseReceipts") -> str:
    return "warning" if row.refused else "unsynced" if row.waiting else "synced"


def receipts_words(row: "CaseReceipts") -> str:
    """Return how many changes of this laptop have a receipt."""
    total = row.with_receipt + row.waiting + row.refused
    return f"{row.with_receipt} of {total} with a receipt"


def _paint_who(painter: QPainter, rect: QRect, row: "CaseReceipts", narrow: bool) -> None:
    two_lines(painter, rect, row.case, receipts_words(row) if narrow else "", weight="regular")


def _paint_receipts(painter: QPainter, rect: QRect, row: "CaseReceipts", _narrow: bool) -> None:
    paint_text(painter, rect, receipts_words(row), "secondary", ink="ink2", tabular=True)


def _paint_case_state(painter: QPainter, rect: QRect, row: "CaseReceipts", _narrow: bool) -> None:
    paint_tag(painter, rect.adjusted(0, 0, px(4), 0), _case_tag(row), row.words)


CASE_COLUMNS = (
    Column("Case", 220, 3, _paint_who, lambda row: row.case),
    Column("Recorded here", 180, 1, _paint_receipts, receipts_words, folds=True),
    Column("State", 260, 1, _paint_case_state, lambda row: row.words),
)


# -- how the last syncs went -----------------------------------------------------------------------------------------


def when_words(row: "Run") -> str:
    """Return when a sync ended; for several in a row, from when until when."""
    ended = f"{format_short(to_london(row.ended_at).date())}, {format_time(row.ended_at)}"
    return ended if row.times == 1 else f"{row.times} times until {ended}"


def moved_words(row: "Run") -> str:
    """Return what a sync moved."""
    parts = [f"{row.sent} sent" if row.sent else "", f"{row.received} received" if row.received else ""]
    if row.refused:
        parts.append(f"{row.refused} not taken")
    if row.documents:
        documents = "1 document" if row.documents == 1 else f"{row.documents} documents"
        parts.append(f"{documents}, {size_words(row.bytes_sent + row.bytes_fetched)}")
    return " · ".join(part for part in parts if part) or ("Nothing to do" if row.outcome == "done" else "Nothing moved")


def _paint_when(painter: QPainter, rect: QRect, row: "Run", narrow: bool) -> None:
    two_lines(painter, rect, when_words(row), moved_words(row) if narrow else "", weight="regular")


def _paint_moved(painter: QPainter, rect: QRect, row: "Run", _narrow: bool) -> None:
    paint_text(painter, rect, moved_words(row), "secondary", ink="ink2", tabular=True)


def _paint_outcome(painter: QPainter, rect: QRect, row: "Run", _narrow: bool) -> None:
    paint_tag(painter, rect.adjusted(0, 0, px(4), 0), *OUTCOMES[row.outcome])


RUN_COLUMNS = (
    Column("When", 250, 2, _paint_when, when_words),
    Column("What moved", 220, 3, _paint_moved, moved_words, folds=True),
    Column("How it ended", 170, 0, _paint_outcome, lambda row: OUTCOMES[row.outcome][1]),
)
