"""The rows of the timeline: day heads and lines, and what each says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from app.models.terms import EventKind
from app.timesource import format_date

if TYPE_CHECKING:
    from app.services.case_views import TimelineEvent

ICONS: Final = {
    EventKind.NOTE: "message-square",
    EventKind.CALL: "phone",
    EventKind.VISIT: "footprints",
    EventKind.SIGHTING: "eye",
    EventKind.CONTACT: "message-square",
    EventKind.EMAIL: "mail",
    EventKind.DOCUMENT: "file-text",
    EventKind.LETTER: "mail",
    EventKind.DECISION: "gavel",
    EventKind.STAGE: "flag",
    EventKind.REFERRAL: "school",
    EventKind.ALLOCATION: "user-check",
    EventKind.LINK: "link",
}
ON_TINT: Final = frozenset({EventKind.DOCUMENT, EventKind.LETTER, EventKind.EMAIL})
"""Kinds whose circle is tinted: something that can be opened."""
FILTERS: Final[dict[str, tuple[str, tuple[EventKind, ...]]]] = {
    "all": ("All", ()),
    "notes": ("Notes", (EventKind.NOTE, EventKind.CALL, EventKind.CONTACT, EventKind.SIGHTING)),
    "visits": ("Visits", (EventKind.VISIT,)),
    "documents": ("Documents", (EventKind.DOCUMENT, EventKind.EMAIL)),
    "letters": ("Letters", (EventKind.LETTER,)),
    "decisions": ("Decisions", (EventKind.DECISION, EventKind.STAGE, EventKind.ALLOCATION)),
}


@dataclass(frozen=True, slots=True)
class DayHead:
    """The day above its lines."""

    words: str


TimelineRow = "DayHead | TimelineEvent"


def day_words(day: date, today: date) -> str:
    """Return ``Today, Tuesday 17 November``, with the year where it is another one."""
    year = f" {day.year}" if day.year != today.year else ""
    words = f"{day:%A} {day.day} {day:%B}{year}"
    if day == today:
        return f"Today, {words}"
    return f"Yesterday, {words}" if day == today - timedelta(days=1) else words


def with_days(events: "Sequence[TimelineEvent]", today: date) -> "Iterable[DayHead | TimelineEvent]":
    """Return events under a head for each day."""
    last: date | None = None
    for event in events:
        if event.day != last:
            last = event.day
            yield DayHead(day_words(event.day, today))
        yield event


def sentence(row: "DayHead | TimelineEvent") -> str:
    """Return a row as a screen reader says it and as it is copied."""
    if isinstance(row, DayHead):
        return row.words
    parts = [f"{format_date(row.day)}, {row.time}, {row.actor}: {row.title}"]
    if row.corrects:
        parts.append(f"Corrects: {row.corrects}")
    if row.body:
        parts.append(row.body)
    if row.document:
        parts.append(f"Document: {row.document.title}")
    if row.waiting:
        parts.append("On this laptop, waiting to sync")
    return ". ".join(parts)


def document_words(row: "TimelineEvent") -> str:
    """Return the second line of a document's card."""
    document = row.document
    if document is None:
        return ""
    pages = "1 page" if document.page_count == 1 else f"{document.page_count} pages"
    kind = {"application/pdf": "PDF"}.get(document.media_type, "Scan")
    received = f" · received {document.received_on.day} {document.received_on:%B}" if document.received_on else ""
    return f"{kind}, {pages}{received}"
