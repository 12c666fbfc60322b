"""The window's frame: it holds the unlock page, the first run, or everything behind them, one at a time."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QPaintEvent
from PySide6.QtWidgets import QApplication, QMainWindow

from app.settings import Settings
from app.views.frame_shape import keep_shape, restore_shape
from app.views.theme import apply_theme, resolve
from app.views.unlock_page import UnlockPage
from app.views.vault_label import is_vault, last_synced_words, read_label, was_ended

if TYPE_CHECKING:
    from threading import Event, Thread

    from app.views.clipboard import ClipboardGuard
    from app.views.collector import Collector
    from app.views.context import AppContext
    from app.views.first_run import FirstRun
    from app.views.frame_ending import Ending
    from app.views.idle import IdleWatch
    from app.views.locking import LockWatch
    from app.views.main_window import MainWindow, Place
    from app.views.opening import Opened
    from app.views.task_runner import TaskRunner


class _Words(QObject):
    """Carries progress from a worker to the window's thread."""

    said = Signal(str)
    counted = Signal(int, int, str)
    unexpected = Signal(object)


class Frame(QMainWindow):
    """One window for one vault.

    Attributes:
        window_page: the opened window, or None while locked.
        opened: the opened vault, or None while locked.

    Signals:
        painted: the window is on screen for the first time.
        unlocked, locked: the page behind has come or gone.
        dropped: keys and connections of the locked window are gone too.
    """

    painted = Signal()
    unlocked = Signal()
    locked = Signal()
    dropped = Signal()

    def __init__(self, folder: Path, settings: Settings) -> None:
        super().__init__()
        self.folder, self.settings = folder, settings
        self.opened: Opened | None = None
        self.window_page: MainWindow | None = None
        self._context: AppContext | None = None
        self._first_run: FirstRun | None = None
        self._was_painted = False
        self._warming: Thread | None = None
        self._collector: Collector | None = None
        self._runner: TaskRunner | None = None
        self._words = _Words(self)
        self._words.unexpected.connect(self.show_unexpected)
        self._watch: LockWatch | None = None
        self._clipboard: ClipboardGuard | None = None
        self._is_dropped: Event | None = None
        self._lock_when_open = False
        self._was_at: tuple[str, Place | None] = ("", None)
        restore_shape(self, settings)
        hints = QApplication.styleHints()
        hints.colorSchemeChanged.connect(lambda _scheme: self.restyle())

    @property
    def runner(self) -> "TaskRunner":
        """What runs work off the window's thread, made when first needed."""
        if self._runner is None:
            from app.views.task_runner import TaskRunner

            self._runner = TaskRunner(self.show_unexpected, self)
        return self._runner

    @property
    def idle(self) -> "IdleWatch | None":
        """What counts the time without use; None before the window was first opened."""
        return None if self._watch is None else self._watch.idle

    @cached_property
    def ending(self) -> "Ending":
        """What closes the vault for good when this laptop may not be used any more."""
        from app.views.frame_ending import Ending

        return Ending(self, self._show_first_run)

    # Appearance

    def restyle(self) -> None:
        """Apply theme, text size and lock time from the settings, at once."""
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, resolve(self.settings.get("theme")), self.settings.get("text_size"))
        if self._watch is not None:
            self._watch.idle.set_minutes(self.settings.get("lock_minutes"))

    def come_forward(self) -> None:
        """Show the window in front of others."""
        self.showNormal() if self.isMinimized() else self.show()
        self.raise_()
        self.activateWindow()

    # Before the vault is open

    def show_first(self) -> None:
        """Show the unlock page, or the first run when there is no vault here yet."""
        if was_ended(self.folder):
            self.ending.show()
        elif is_vault(self.folder):
            self._show_unlock()
        else:
            self._show_first_run()
        self.show()

    def warm_up(self) -> None:
        """Import the rest in the background."""
        from threading import Thread

        from app.views import opening

        self._warming = Thread(target=opening.warm, name="warm-up", daemon=True)
        self._warming.start()
        from app.views.errors_shown import catch_unexpected
        from app.views.kit.mark import window_icon

        catch_unexpected(self._words.unexpected.emit)
        self.setWindowIcon(window_icon())
        self._collect_here()
        self._guard_what_shows()
        self._settle_when_warm()

    def _guard_what_shows(self) -> None:
        """Clear the clipboard after us, and keep recordings out where IT's policy asks."""
        from app.views import screen_capture
        from app.views.clipboard import ClipboardGuard

        self._clipboard = ClipboardGuard(self)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            screen_capture.start(application)

    def _collect_here(self) -> None:
        """Have Python's garbage collected on this thread from now on."""
        from app.views.collector import Collector

        if self._collector is None:
            self._collector = Collector(self)

    def _settle_when_warm(self) -> None:
        if self._collector is None or self._warming is None:
            return
        if self._warming.is_alive():
            QTimer.singleShot(200, self, self._settle_when_warm)
        elif self.opened is None:  # a full collection takes a moment: never while somebody works
            self._collector.settle()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell of the first paint, once it is on screen."""
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def _show_unlock(self) -> None:
        page = UnlockPage()
        label = read_label(self.folder)
        page.show_device(label.name, last_synced_words(self.settings, label.vault), alone=not label.keyring)
        page.unlock_asked.connect(self._unlock)
        page.recovery_asked.connect(self._show_recovery)
        self.setCentralWidget(page)
        self.setWindowTitle("Rollcall")
        page.show_ready()

    def _unlock(self, passphrase: str) -> None:
        page = self.centralWidget()
        if not isinstance(page, UnlockPage):
            return
        from app.views import opening
        from app.views.unlocking import expected_seconds

        folder = self.folder
        self._lock_when_open = False
        page.show_busy("Unlocking", expected_seconds(folder, self.settings))
        words = _Words(page)
        words.said.connect(page.say)
        self.runner.run(
            page,
            lambda: opening.unlock(folder, passphrase, words.said.emit),
            self._open,
            lambda error: self._refused(page, error),
            lane="cpu",
        )

    def _refused(self, page: UnlockPage, error: Exception) -> None:
        from app.views.opening import AwayTooLong, RebuildNeeded, SetUpUnfinished
        from app.views.unlocking import away_page, rescue_page, show_why

        if isinstance(error, SetUpUnfinished):
            self._show_first_run(error.message)
        elif isinstance(error, RebuildNeeded):
            self.setCentralWidget(rescue_page(error.unlocked, self.runner, self._open, self._show_unlock))
        elif isinstance(error, AwayTooLong):
            self.setCentralWidget(away_page(error, self.runner, self._open, self._show_unlock, self.ending.show))
        else:
            show_why(page, error, self._show_recovery)

    def _show_recovery(self) -> None:
        """Lead back into the vault without the passphrase or without the keyring."""
        from app.views.unlocking import recovery_page

        page = recovery_page(self.folder, self.runner, self._open, self._show_unlock, self._recovered_in_vain)
        self.setCentralWidget(page)
        self.setWindowTitle("Recover Rollcall")

    def _recovered_in_vain(self, reason: Exception) -> None:
        """Say why the databases did not open; a new passphrase stands."""
        self._show_unlock()
        self._refused(cast("UnlockPage", self.centralWidget()), reason)

    def _show_first_run(self, message: str = "") -> None:
        from app.views.unlocking import first_run

        self._first_run = first_run(self.folder, self.runner, message, self._open)
        self.setCentralWidget(self._first_run.page)
        self.setWindowTitle("Set up Rollcall")

    # Open and locked

    def _open(self, opened: "Opened") -> None:
        from app.services.audit import Action
        from app.views import opening
        from app.views.backups.restore_page import offer_restoring
        from app.views.context import AppContext
        from app.views.main_window import MainWindow
        from app.views.unlocking import note_key_speed

        self._collect_here()
        self._first_run = None
        self.opened = opened
        note_key_speed(self.folder, self.settings, opened.key_seconds)
        self._context = AppContext(
            opened.ws, self.runner, opened.sync, settings=self.settings, vault=opened.vault, parent=self
        )
        self._context.backups = opening.start_backups(opened, self.settings)
        self._context.appearance_changed.connect(self.restyle)
        self._context.rotation_asked.connect(self._rotate)
        offer_restoring(self, opened, self._context)
        window = MainWindow(self._context)
        window.lock_asked.connect(self.lock)
        window.title_changed.connect(self.setWindowTitle)
        self.window_page = window
        self.setCentralWidget(window)
        window.start()
        self._return_to(opened, window)
        if opened.welcome:
            self._context.toast(opened.welcome)
        self._watch_use()
        self.ending.watch(opened.sync)
        self.runner.run(self, lambda: opened.ws.audit(Action.UNLOCKED), lambda _none: None, lambda _error: None)
        self.unlocked.emit()
        if self._lock_when_open:
            self.lock()

    def _rotate(self, passphrase: str) -> None:
        """Change the encryption keys: lock, write everything again, and open again."""
        from app.views.unlocking import rotation_page

        self.while_closed(lambda opened, failed: rotation_page(self.folder, passphrase, self.runner, opened, failed))

    def while_closed(self, begin: Any) -> None:
        """Lock, and show the page of work on the closed vault; ``begin`` takes what to call when it opens or fails."""
        self.lock()
        self._lock_when_open = False
        self.setCentralWidget(begin(self._open, self._recovered_in_vain))

    def _return_to(self, opened: "Opened", window: "MainWindow") -> None:
        """Open the page at which the same person was when the window locked."""
        person, place = self._was_at
        self._was_at = ("", None)
        if place is not None and person == opened.ws.actor.user_id:
            window.navigate(place.route, **place.arguments)

    def _watch_use(self) -> None:
        """Lock when nobody uses the window, and with the machine."""
        from app.timesource import SystemTime
        from app.views.locking import LockWatch

        if self._watch is None:
            self._watch = LockWatch(SystemTime(), self)
            self._watch.lock_asked.connect(self.lock)
            self._watch.sleep_asked.connect(self.lock_for_sleep)
        self._watch.opened(self.settings.get("lock_minutes"), self.windowHandle())

    def lock(self) -> None:
        """Save what is being typed, drop keys and pages, and show the unlock page with nothing behind it."""
        opened, window, context = self.opened, self.window_page, self._context
        if opened is None or window is None or context is None:
            self._lock_when_open = True  # an unlocking that is under way ends in a locked window
            return
        from app.views.locking import drop, show_nothing

        context.flush_drafts.emit()
        if self._watch is not None:
            self._watch.locked()
        if self._clipboard is not None:
            self._clipboard.clear_now()
        self._note_last_sync(opened)
        self._was_at = (opened.ws.actor.user_id or "", window.place())
        self.opened = self.window_page = self._context = None
        self.runner.forget_all()
        self.runner.on_unexpected = self.show_unexpected  # the context told it to report there, and holds the keys
        show_nothing(self)
        window.hide()
        self._show_unlock()  # replaces and deletes the page behind
        context.deleteLater()
        self._is_dropped = drop(opened, self.runner, self, self._dropped)
        self.locked.emit()

    def _dropped(self) -> None:
        from gc import collect

        collect()  # pages and sessions refer to each other: what they held goes now, not with the next collection
        if self._watch is not None:
            self._watch.dropped()
        self.dropped.emit()

    def lock_for_sleep(self) -> None:
        """Lock because the machine is about to sleep; where it does not wait, keys are dropped before this returns."""
        from sys import platform

        from app.views.locking import SLEEP_WAIT_S

        self.lock()
        if self._is_dropped is None:
            return
        if platform == "win32":
            self._is_dropped.wait(SLEEP_WAIT_S)
        if self._is_dropped.is_set() and self._watch is not None:
            self._watch.dropped()  # it was locked before

    def _note_last_sync(self, opened: "Opened") -> None:
        from app.views.unlocking import note_last_sync

        note_last_sync(self.settings, opened)

    def show_unexpected(self, error: Any) -> None:
        """Show an error that nobody else took."""
        from app.views.errors_shown import describe

        page = self.centralWidget()
        if self.window_page is not None:
            self.window_page.show_error(error)
        elif isinstance(page, UnlockPage):
            page.show_refusal(describe(error).text, calm=True)

    # The end

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save drafts and the window's place."""
        if self._context is not None:
            self._context.flush_drafts.emit()
        keep_shape(self, self.settings)
        super().closeEvent(event)

    def shut_down(self) -> None:
        """Let work finish, then drop keys."""
        opened, self.opened = self.opened, None
        if self._clipboard is not None:
            self._clipboard.clear_now()
        if self._watch is not None:
            self._watch.session.stop()
        if self._first_run is not None:
            self._first_run.stop()
        if self._runner is not None:
            self._runner.close()
        if opened is not None:
            from app.views import opening

            self._note_last_sync(opened)
            opening.close(opened)
        if self._collector is not None:
            self._collector.stop()
