"""The columns of the Cases table: their words, width, sort key, and what each says about a row."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from app.models.terms import SAFETY_WORDS, SafetyKind
from app.timesource import format_date, format_short, to_london

if TYPE_CHECKING:
    from app.services.case_list import CaseListRow


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        key: its name; also the sort key where ``sortable``.
        words: the header.
        width: in pixels at 100 %; 0 takes the room that is left.
        optional: can be switched off in the Columns menu.
        shown: whether it is on at first.
    """

    key: str
    words: str
    width: int
    sortable: bool = True
    optional: bool = True
    shown: bool = True


COLUMNS: Final[tuple[Column, ...]] = (
    Column("select", "", 48, sortable=False, optional=False),
    Column("child", "Child", 0, optional=False),
    Column("stage", "Stage", 142),
    Column("due", "Next due", 122, optional=False),
    Column("activity", "Last activity", 192),
    Column("school", "Last school", 152),
    Column("unsynced", "Not synced", 104),
    Column("area", "Area", 120, shown=False),
    Column("officer", "Officer", 140, shown=False),
    Column("waiting", "Open for", 100, shown=False),
    Column("basis", "Basis", 120, sortable=False, shown=False),
)
KEYS: Final = tuple(column.key for column in COLUMNS)
GRAVE: Final = frozenset(
    {
        SafetyKind.VIOLENCE.value,
        SafetyKind.THREAT_TO_STAFF.value,
        SafetyKind.RESTRICTED_ADDRESS.value,
        SafetyKind.SAFE_CONTACT_ONLY.value,
        SafetyKind.CHILD_PROTECTION_PLAN.value,
    }
)


def due_words(due: date | None, today: date) -> tuple[str, str]:
    """Return the state and words of a due date: ``("overdue", "1 day over")``."""
    if due is None:
        return "none", "Nothing due"
    late = (today - due).days
    if late > 0:
        return "overdue", f"{late} day over" if late == 1 else f"{late} days over"
    if late == 0:
        return "due", "Due today"
    return "later", format_short(due) if due.year == today.year else format_date(due)


def when_words(at: datetime | None, today: date) -> str:
    """Return ``today``, ``yesterday`` or a short date for an instant."""
    if at is None:
        return ""
    day = to_london(at).date()
    if day == today:
        return "today"
    if day == today - timedelta(days=1):
        return "yesterday"
    return f"{day:%a} {day.day}" if (today - day).days < 14 else f"{day.day} {day:%b}"


def changes_words(count: int) -> str:
    """Return ``1 change`` or ``2 changes``; empty for none."""
    return "" if not count else "1 change" if count == 1 else f"{count} changes"


def open_words(opened: date | None, today: date) -> str:
    """Return for how long a case has been open; empty where that is not shown."""
    if opened is None:
        return ""
    days = (today - opened).days
    return "1 day" if days == 1 else f"{days} days"


def cell_text(row: "CaseListRow", key: str, today: date) -> str:
    """Return what a column says about a row."""
    if key == "child":
        return ", ".join(part for part in (row.name, row.age, row.reference) if part)
    if row.masked and key != "officer":
        return "Restricted" if key == "stage" else ""
    if key == "due":
        words = due_words(row.due_on, today)[1]
        return f"{words}: {row.due_what}" if row.due_what else words
    if key == "activity":
        when = when_words(row.last_activity_at, today)
        return f"{row.last_activity}, {when}" if row.last_activity and when else row.last_activity or when
    simple = {
        "stage": row.stage,
        "school": row.last_school or "None yet",
        "unsynced": changes_words(row.unsynced),
        "area": row.area,
        "officer": row.officer or "Not allocated",
        "waiting": open_words(row.opened_on, today),
        "basis": ("Statutory" if row.statutory else "Local standard") if row.due_on else "",
    }
    return simple.get(key, "")


def sentence(row: "CaseListRow", today: date) -> str:
    """Return the whole row as a screen reader says it."""
    if row.masked:
        return f"{row.name}, {row.reference}. Restricted. Officer: {row.officer or 'not allocated'}"
    parts = [f"{row.name}, {row.age}, {row.reference}", row.stage, cell_text(row, "due", today)]
    parts += [SAFETY_WORDS[SafetyKind(flag)] for flag in row.flags if flag in set(SafetyKind)]
    if row.conflicts:
        parts.append("Has a change to review")
    if row.unsynced:
        parts.append(f"{changes_words(row.unsynced)} not synced")
    if row.last_activity:
        parts.append(f"Last activity: {cell_text(row, 'activity', today)}")
    if row.last_school:
        parts.append(f"Last school: {row.last_school}")
    return ". ".join(parts)
