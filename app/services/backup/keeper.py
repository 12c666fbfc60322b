"""Backups and drills in the background, while the vault is open: a thread of its own, so that no save waits for it.

Daily backups are due when none was made today; drills a week after the last. Both are looked at a little after
unlocking, then every hour, and whenever somebody asks.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine

from app.errors import RollcallError
from app.logs import get_logger
from app.services.backup import facts, second
from app.services.backup.drill import DrillReport, Opening, drill, last_drill, last_proven
from app.services.backup.files import Cancelled
from app.services.backup.listing import Backup, list_backups
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.backup.restore import refresh_vault_files
from app.services.backup.rotate import USUAL, Kept
from app.services.backup.words import Stopped
from app.timesource import TimeSource, format_date, format_time, to_london

FIRST_SECONDS = 20.0
"""Unlocking, and the first minute's work, come first."""
EVERY_SECONDS = 3600.0
DRILL_EVERY = timedelta(days=7)
DRILL_AGAIN = timedelta(days=1)
"""After a failed drill whose new backup failed too."""
STOP_SECONDS = 10.0
_NICENESS = 10


class BackupState(StrEnum):
    """What the keeper is doing."""

    RESTING = "resting"
    BACKING_UP = "backing_up"
    DRILLING = "drilling"


@dataclass(frozen=True, slots=True)
class BackupStatus:
    """What the page shows.

    Attributes:
        backups: newest first.
        proven: the last drill that found everything in order.
        last_drill: the last drill, whatever it found.
        second: what became of the last second copy; empty without a second folder.
        second_ok: whether that is well.
        problem: why the last thing that was due did not happen, in words; empty when it did.
        alarm: that a backup was found damaged since the vault was opened, and what was done about it.
        done_bytes, total_bytes: how far, while something is being done.
    """

    state: BackupState = BackupState.RESTING
    backups: tuple[Backup, ...] = ()
    proven: DrillReport | None = None
    last_drill: DrillReport | None = None
    second: str = ""
    second_ok: bool = True
    problem: str = ""
    alarm: str = ""
    done_bytes: int = 0
    total_bytes: int = 0


class OpenVault(Protocol):
    """What the keeper needs of an opened vault."""

    folder: Path
    time: TimeSource
    engine: Engine

    @property
    def keys(self) -> Any:
        """The data keys; raises when the vault is closed."""
        ...


Listener = Callable[[BackupStatus], object]


@dataclass(frozen=True, slots=True)
class Arrangements:
    """What was arranged for a vault's backups.

    Attributes:
        opening: how copies are opened.
        second_folder: asked each time; None without one.
        kept: how many stay.
        look: looks the databases through before anything is done with them; raises when one is damaged.
        audit: told in the audit chain: ``backed up`` or ``proved a backup``, with details.
    """

    opening: Opening
    second_folder: Callable[[], Path | None] = lambda: None
    kept: Kept = USUAL
    look: Callable[[Cancelled], None] = lambda _cancelled: None
    audit: Callable[[str, dict[str, Any]], None] = lambda _what, _detail: None


class Keeper:
    """Backs up and drills by itself; ``stop()`` before the vault is closed."""

    def __init__(
        self,
        vault: OpenVault,
        arranged: Arrangements,
        *,
        made_at_opening: Backup | None = None,
        first_seconds: float = FIRST_SECONDS,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        """Prepare; ``start()`` starts.

        Args:
            vault: open.
            arranged: what was arranged.
            made_at_opening: a backup that opening the vault made, which nobody has audited yet.
            first_seconds: until the first look.
            every_seconds: between looks.
        """
        self._vault, self._arranged, self._made_at_opening = vault, arranged, made_at_opening
        self._alarm = ""
        self._first, self._every = first_seconds, every_seconds
        self._turn = threading.Condition()
        self._asked: set[str] = set()
        self._stopping = self._cancelling = False
        self._listeners: list[Listener] = []
        self._status = BackupStatus()
        self._thread = threading.Thread(target=self._run, name="backups", daemon=True)

    # What the window uses

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def status(self) -> BackupStatus:
        """Return the state now."""
        return self._status

    def on_status(self, callback: Listener) -> Callable[[], None]:
        """Call back with every new state, on whatever thread it arises.

        Returns:
            A function that stops the calls.
        """
        self._listeners.append(callback)

        def stop() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return stop

    def back_up_now(self) -> None:
        """Ask for a backup; returns at once."""
        self._ask("backup")

    def drill_now(self) -> None:
        """Ask for a drill; returns at once."""
        self._ask("drill")

    def look_again(self) -> None:
        """Read the list again, and copy what the second folder lacks; returns at once."""
        self._ask("look")

    def cancel(self) -> None:
        """End what is under way; what was whole stays."""
        self._cancelling = True

    def stop(self) -> None:
        """End what is under way and the thread."""
        self._listeners.clear()
        with self._turn:
            self._stopping = True
            self._turn.notify()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(STOP_SECONDS)

    # The thread

    def _ask(self, what: str) -> None:
        with self._turn:
            self._asked.add(what)
            self._turn.notify()

    def _run(self) -> None:
        _be_modest()
        with suppress(Exception):  # shown again at the first round
            self._publish(self._resting())
        delay = self._first
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._asked or self._stopping, timeout=delay)
                asked, self._asked = self._asked, set()
                if self._stopping:
                    return
                self._cancelling = False
            self.tend(asked)
            delay = self._every

    def tend(self, asked: set[str] | frozenset[str] = frozenset()) -> None:
        """Do what is due or was asked for, and tell how it went. Called by the thread; tests call it themselves."""
        problem = ""
        try:
            self._tend(asked)
        except Stopped as stopped:
            problem = "" if self._stopping else stopped.message
        except RollcallError as fault:
            problem = fault.message
        except Exception as error:  # noqa: BLE001  (the thread must live; the log says what and where)
            get_logger().error("backup failed", exc=error)
            problem = "A backup met an error. Your records and earlier backups are kept. It is tried again in an hour."
        if not self._stopping:
            with suppress(Exception):  # the vault is being closed
                self._publish(replace(self._resting(), problem=problem))

    def _tend(self, asked: set[str] | frozenset[str]) -> None:
        if self._made_at_opening is not None:
            self._note(self._made_at_opening)
            self._made_at_opening = None
        self._arranged.look(self._cancelled)
        now = self._vault.time.now()
        newest = next(iter(list_backups(self._vault.folder, self._vault.keys)), None)
        if "backup" in asked:
            newest = self.back_up(Reason.REQUESTED)
        elif backup_due(newest, now):
            newest = self.back_up(Reason.DAILY)
        else:
            self._catch_up(now)
        if "drill" in asked or (newest is not None and drill_due(last_drill(self._vault.engine), now)):
            self._drill()

    def back_up(self, reason: Reason) -> Backup:
        """Make a backup now, on this thread."""
        self._publish(replace(self._status, state=BackupState.BACKING_UP, done_bytes=0, total_bytes=0, problem=""))
        info = back_up(
            self._vault.folder,
            self._vault.keys,
            self._vault.engine,
            time=self._vault.time,
            reason=reason,
            second_folder=self._arranged.second_folder(),
            kept=self._arranged.kept,
            progress=self._note_progress,
            cancelled=self._cancelled,
        )
        self._note(info)
        return info

    def _note(self, info: Backup) -> None:
        self._arranged.audit("backed up", {"backup": info.name, "reason": info.reason.value, "size": info.size})

    def _drill(self) -> None:
        report = self.drill()
        if report.ok:
            return
        # Nothing is known to restore from until there is another.
        made_at = f"{format_date(to_london(report.made_at).date())}, {format_time(report.made_at)}"
        damaged = f"The backup of {made_at} is damaged."
        self._alarm = f"{damaged} Another could not be made yet. It is tried again in an hour. Your records are kept."
        self.back_up(Reason.DRILL)
        if self.drill().ok:
            self._alarm = f"{damaged} Another was made at once and is in order. Your records are kept."
        else:
            self._alarm = f"{damaged} Another was made at once and is not in order either. Tell your administrator."

    def drill(self) -> DrillReport:
        """Try the newest backup now, on this thread."""
        self._publish(replace(self._status, state=BackupState.DRILLING, done_bytes=0, total_bytes=0, problem=""))
        report = drill(
            self._vault.folder,
            self._vault.keys,
            self._vault.engine,
            self._arranged.opening,
            time=self._vault.time,
            progress=self._note_progress,
            cancelled=self._cancelled,
        )
        self._arranged.audit("proved a backup", {"backup": report.name, "in_order": report.ok})
        return report

    def _catch_up(self, now: datetime) -> None:
        folder = self._arranged.second_folder()
        if folder is not None:
            # The passphrase may have changed while the folder was out of reach.
            refresh_vault_files(self._vault.folder, self._vault.keys, folder)
            second.catch_up(
                self._vault.folder,
                self._vault.keys,
                self._vault.engine,
                folder,
                now=now,
                kept=self._arranged.kept,
                cancelled=self._cancelled,
            )

    # States

    def _cancelled(self) -> bool:
        return self._stopping or self._cancelling

    def _resting(self) -> BackupStatus:
        engine = self._vault.engine
        told = facts.get(engine, facts.SECOND) if self._arranged.second_folder() is not None else {}
        return BackupStatus(
            backups=tuple(list_backups(self._vault.folder, self._vault.keys)),
            proven=last_proven(engine),
            last_drill=last_drill(engine),
            second=str(told.get("words") or ""),
            second_ok=bool(told.get("ok", True)),
            alarm=self._alarm,
        )

    def _note_progress(self, done: int, total: int) -> None:
        before = self._status
        # A page can show a hundred steps.
        if total and (done * 100 // total) != (before.done_bytes * 100 // max(before.total_bytes, 1)):
            self._publish(replace(before, done_bytes=done, total_bytes=total))

    def _publish(self, status: BackupStatus) -> None:
        self._status = status
        for listener in list(self._listeners):
            listener(status)


def backup_due(newest: Backup | None, now: datetime) -> bool:
    """Return whether a daily backup is due: none was made on this day, in London."""
    return newest is None or to_london(newest.made_at).date() != to_london(now).date()


def drill_due(last: DrillReport | None, now: datetime) -> bool:
    """Return whether a drill is due: a week after one that found everything in order, a day after one that did not.

    A clock that was set back makes one due too.
    """
    if last is None:
        return True
    return not timedelta() <= now - last.at < (DRILL_EVERY if last.ok else DRILL_AGAIN)


def _be_modest() -> None:
    """Let everybody else on this machine go first."""
    if hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
