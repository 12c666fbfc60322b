"""Words about sync that several pages share: its state as a tag, when it was last, how long it may be away."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from app.policy import policy
from app.timesource import format_date, format_time, to_london

if TYPE_CHECKING:
    from app.services.history import HistoryLine

# state -> (state of a tag, words)
SYNC_TAGS = {
    "up_to_date": ("synced", "Up to date"),
    "syncing": ("info", "Syncing"),
    "waiting": ("info", "Waiting"),
    "offline": ("offline", "Offline"),
    "review": ("conflict", "To review"),
    "sign_in": ("warning", "Sign in"),
    "failed": ("warning", "Could not sync"),
    "read_only": ("info", "Read only"),
    "ended": ("info", "Access ended"),
}


def synced_words(at: datetime | None, today: date) -> str:
    """Return when the last sync was: ``Today, 09:12`` or ``17 November 2026, 09:12``."""
    if at is None:
        return "Not yet"
    day = to_london(at).date()
    return f"{'Today' if day == today else format_date(day)}, {format_time(at)}"


def offline_words(at: datetime | None) -> str:
    """Return until when the laptop may be away from its central store; nothing before the first sync."""
    if at is None:
        return "Not set yet"
    day = to_london(at + timedelta(days=policy().offline_days)).date()
    return f"{day:%A} {day.day} {day:%B}"


def size_words(size: int) -> str:
    """Return a size as ``1 KB``, ``240 KB``, ``3.2 MB`` or ``1.4 GB``."""
    if size < 1024 * 1024:
        return f"{max(1, round(size / 1024))} KB" if size else "0 KB"
    if size < 1024**3:
        return f"{size / 1024**2:.1f} MB"
    return f"{size / 1024**3:.1f} GB"


def line_words(line: "HistoryLine", longest: int = 2000) -> str:
    """Return one field of a change in words: what it was, and what it becomes; long words are cut."""
    after = line.after if len(line.after) <= longest else line.after[:longest].rstrip() + "…"
    if not line.field:
        verb = {"insert": "added", "delete": "deleted"}.get(line.op, "changed")
        return f"{line.record}: {after}" if after else f"{line.record} {verb}"
    if line.op == "insert":
        return f"{line.record}, {line.field.lower()}: {after}"
    if line.op == "delete":
        return f"{line.record} deleted, {line.field.lower()}: {line.before}"
    return f"{line.record}, {line.field.lower()}: {line.before} → {after}"
