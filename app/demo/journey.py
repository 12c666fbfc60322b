"""The whole job, walked through the real windows without a screen: two laptops, a central store, a cut network."""

import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMessageLogContext, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QWidget

from app.demo import officer, papers, referral, report, review, safety, supervisor
from app.demo.copies import Copy, copy
from app.demo.days import Days
from app.demo.hands import CTRL, Hands, Pictures, StrayWindows
from app.demo.laptops import Say
from app.demo.officer import Journey
from app.demo.state import Demonstration
from app.demo.world import World
from app.settings import Settings
from app.timesource import SystemTime
from app.views.frame import Frame
from app.views.start import make_application
from app.views.theme import apply_theme
from app.views.tokens import DARK, LIGHT

SIZE, SMALL = (1440, 900), (911, 512)
ISLA = 412
"""Number of Isla Merrow's case, the one with the whole story."""
RESTRICTED = 130
"""Number of another officer's case, which becomes restricted."""


def walk(demonstration: Demonstration, out: Path, say: Say) -> dict[str, Any]:
    """Walk the journey and leave screenshots, the letter and a summary in a folder.

    Returns:
        The summary.

    Raises:
        JourneyError: a window did not do what was waited for; a last screenshot shows where.
    """
    out.mkdir(parents=True, exist_ok=True)
    for old in (*out.glob("[0-9][0-9]-*.png"), *out.glob("CME-*.pdf")):
        old.unlink()
    qInstallMessageHandler(_say_warnings)
    application = make_application()
    apply_theme(application, LIGHT)
    made = copy(demonstration, demonstration.folder / "walk")
    pictures, journey = Pictures(out), Journey()
    stray = StrayWindows()
    application.installEventFilter(stray)
    settings = Settings(demonstration.folder / "walk" / "settings.json")
    settings.set("theme", "light")
    settings.set("lock_minutes", 15)
    frames: list[Frame] = []
    try:
        dawn = _window(made.dawn, settings, frames, pictures)
        ruth = _window(made.ruth, settings, frames, pictures)
        _dawn_first(dawn, made, journey, out, say)
        say("Ruth Okonjo allocates the case on the second laptop")
        officer.unlock(ruth)
        supervisor.open_queue(ruth, journey)
        supervisor.allocate(ruth, journey, "Dawn")
        say("Dawn Ellery’s laptop syncs and has the case")
        officer.sync_now(dawn)
        officer.find_case(dawn, journey.reference)
        dawn.shot("case-allocated")
        say("How the laptop is kept safe: a proven backup, a restricted case, and who has done what")
        safety.protect(dawn)
        safety.restrict(ruth, dawn, World(Days(SystemTime())).reference(RESTRICTED))
        safety.look_at_audit(ruth)
        ruth.go("team")
        _look_round(dawn, ruth, application)
        for hands in (dawn, ruth):
            officer.wait_synced(hands)
    finally:
        application.removeEventFilter(stray)
        for frame in frames:
            frame.shut_down()
            frame.close()
    summary = report.write_summary(made, journey, out, pictures.names, sorted(stray.seen))
    made.central.stop()
    return summary


def _say_warnings(_kind: QtMsgType, _where: QMessageLogContext, words: str) -> None:
    """Pass Qt's warnings on, but for what a platform without a screen says of every window."""
    if "This plugin does not support" not in words:
        sys.stderr.write(f"{words}\n")


def _window(folder: Path, settings: Settings, frames: list[Frame], pictures: Pictures) -> Hands:
    frame = Frame(folder, settings)
    frames.append(frame)
    frame.show_first()
    frame.resize(*SIZE)
    return Hands(frame, pictures)


def _dawn_first(hands: Hands, made: Copy, journey: Journey, out: Path, say: Say) -> None:
    say("Dawn Ellery unlocks, and takes a referral")
    officer.unlock(hands, "unlock")
    officer.look_at_today(hands)
    referral.take(hands, journey)
    say("She writes a note, and links a scanned letter")
    officer.add_note(hands, journey)
    data = papers.walk_in_letter(Days(SystemTime()), journey.child, journey.reference)
    scan = made.dawn.parent / "Letter from Pennyford Primary.pdf"
    scan.write_bytes(data)
    officer.drop_letter(hands, journey, scan)
    say("The network is cut. She writes to the parent")
    made.cut()
    officer.find_case(hands, journey.reference, "find-a-case")
    officer.write_letter(hands, journey)
    officer.wait_offline(hands)
    officer.find_case(hands, journey.reference)
    hands.shot("case-offline")
    say("The network is back. The work reaches the central store")
    made.restore()
    officer.sync_now(hands)
    hands.shot("case-synced")


def _look_round(dawn: Hands, ruth: Hands, application: QApplication) -> None:
    """A picture of each page that the journey did not stop at, some in dark, and the smallest common window."""
    for place, name in ((Qt.Key.Key_2, "cases"), (Qt.Key.Key_4, "letters")):
        dawn.key(place, CTRL, on=dawn.frame)
        dawn.shot(name)
    review.decide_changes(dawn)
    officer.sync_now(ruth)
    for route in ("sync", "settings", "import"):
        dawn.go(route)
        dawn.shot(route)
    case = officer.find_case(dawn, World(Days(SystemTime())).reference(ISLA))
    dawn.shot("case-of-isla")
    for tab in ("family", "enquiries", "documents", "letters", "history"):
        case.open(case_id=case._view.identity.case_id, tab=tab)
        dawn.shot(f"case-{tab}")
    case.open(case_id=case._view.identity.case_id, tab="timeline")
    dawn.frame.resize(*SMALL)
    dawn.shot("case-911-by-512")
    dawn.frame.resize(*SIZE)
    ruth.click(ruth.find(QWidget, "tile_conflicts"))
    ruth.shot("team-queue-conflicts")
    ruth.click(ruth.find(QWidget, "tile_waiting"))
    ruth.frame.resize(*SMALL)
    ruth.shot("team-queue-911-by-512")
    ruth.frame.resize(*SIZE)
    apply_theme(application, DARK)
    ruth.shot("team-queue-dark")
    dawn.key(Qt.Key.Key_1, CTRL, on=dawn.frame)
    dawn.shot("today-dark")
    apply_theme(application, LIGHT)
