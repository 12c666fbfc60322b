"""What the page about backups shows, in words."""

from dataclasses import dataclass
from datetime import datetime

from app.services.backup.keeper import BackupState, BackupStatus
from app.services.backup.listing import Backup
from app.services.backup.manifest import Reason
from app.services.backup.words import shown_size
from app.timesource import format_date, format_time, to_london

REASONS = {
    Reason.DAILY: "Daily",
    Reason.REQUESTED: "Asked for",
    Reason.MIGRATION: "Before an update",
    Reason.ROTATION: "Before new keys",
    Reason.ROTATED: "After new keys",
    Reason.DRILL: "After a damaged one",
}
RUNNING = {
    BackupState.RESTING: "",
    BackupState.BACKING_UP: "Backing up. You can go on working.",
    BackupState.DRILLING: "Opening the newest backup and comparing every byte. You can go on working.",
}


@dataclass(frozen=True, slots=True)
class BackupRow:
    """One backup.

    Attributes:
        when: as ``Today, 08:15`` or ``23 November 2026, 08:15``.
        why: what it was made for.
        holds: how much is in it.
        proven: whether it is the newest that was opened and found in order.
    """

    id: str
    when: str
    why: str
    size: str
    holds: str
    proven: bool


@dataclass(frozen=True, slots=True)
class BackupOverview:
    """The page.

    Attributes:
        newest: when the newest backup was made, and how large it is.
        proven: when a backup was last opened and found in order.
        proven_ok: whether the last try found everything in order.
        running: what is being done; empty at rest.
        share: how far, of a hundred; 0 when that is not known.
    """

    newest: str
    proven: str
    proven_ok: bool
    second: str
    second_ok: bool
    problem: str
    alarm: str
    running: str
    share: int
    rows: tuple[BackupRow, ...]


def overview(status: BackupStatus, now: datetime) -> BackupOverview:
    """Return the page for a state of the keeper."""
    newest = status.backups[0] if status.backups else None
    proven, last = status.proven, status.last_drill
    return BackupOverview(
        newest=f"{when(newest.made_at, now)} · {shown_size(newest.size)}" if newest else "None yet",
        proven=when(proven.at, now) if proven else "Not yet",
        proven_ok=last is None or last.ok,
        second=status.second,
        second_ok=status.second_ok,
        problem=status.problem,
        alarm=status.alarm,
        running=RUNNING[status.state],
        share=_share(status),
        rows=tuple(_row(info, now, proven.name if proven else "") for info in status.backups),
    )


def _share(status: BackupStatus) -> int:
    share = status.done_bytes * 100 // status.total_bytes if status.total_bytes else 0
    # Once every byte is compared, a drill reads pages and records, and cannot say how far it is.
    return 0 if status.state is BackupState.DRILLING and share >= 100 else share


def when(instant: datetime, now: datetime) -> str:
    """Return an instant as the page says it."""
    day = to_london(instant).date()
    return f"{'Today' if day == to_london(now).date() else format_date(day)}, {format_time(instant)}"


def _row(info: Backup, now: datetime, proven: str) -> BackupRow:
    counts = info.manifest.counts
    parts = [_counted(counts.get("cases", 0), "case"), _counted(counts.get("documents", 0), "document")]
    return BackupRow(
        id=info.name,
        when=when(info.made_at, now),
        why=REASONS[info.reason],
        size=shown_size(info.size),
        holds=", ".join(parts),
        proven=info.name == proven,
    )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
