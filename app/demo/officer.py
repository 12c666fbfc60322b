"""What Dawn Ellery does in the journey, at her own window."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QWidget

from app.demo.hands import ALT, CTRL, SHIFT, Hands
from app.demo.laptops import PASSPHRASE
from app.services.sync.status import SyncState

FIRST_NAME, SURNAME = "Maeve", "Thistlewood"
NOTE = (
    "Rang Pennyford Primary. The school office confirms Maeve has not attended since the family moved.\n"
    "They will write to us today with what they have tried."
)


@dataclass(slots=True)
class Journey:
    """What came of the journey so far."""

    case_id: str = ""
    reference: str = ""
    child: str = ""
    document_name: str = ""
    letter_id: str = ""
    letter_reference: str = ""
    matched_with: str = ""


def unlock(hands: Hands, picture: str = "") -> None:
    """Type the passphrase."""
    field = hands.find(QLineEdit, "passphrase")
    if picture:
        hands.shot(picture)
    hands.write(field, PASSPHRASE)
    hands.key(Qt.Key.Key_Return, on=field)
    hands.wait(lambda: hands.frame.window_page is not None, "the vault to open")
    hands.settle()


def sync_state(hands: Hands) -> SyncState:
    """Return what the pill says."""
    opened = hands.frame.opened
    return opened.sync.status().state if opened else SyncState.OFFLINE


def wait_synced(hands: Hands) -> None:
    """Wait until everything is in the central store: up to date, or only conflicts left to review."""
    calm = (SyncState.UP_TO_DATE, SyncState.REVIEW)
    hands.wait(lambda: sync_state(hands) in calm and not pending(hands), "the sync to finish", 180)
    hands.settle()


def pending(hands: Hands) -> int:
    """Return how many changes wait on this laptop."""
    opened = hands.frame.opened
    return int(opened.sync.status().pending_count) if opened else 0


def sync_now(hands: Hands) -> None:
    """Ctrl+Shift+Y, and wait."""
    asked = {"seen": False}
    opened = hands.frame.opened
    if opened is None:
        return
    opened.sync.on_status(lambda status: asked.update(seen=asked["seen"] or status.state is SyncState.SYNCING))
    hands.key(Qt.Key.Key_Y, CTRL | SHIFT, on=hands.frame)
    hands.wait(lambda: asked["seen"], "a sync to start")
    wait_synced(hands)


def look_at_today(hands: Hands) -> None:
    """The first page."""
    hands.on_page("today_page")
    wait_synced(hands)
    hands.shot("today")


def add_note(hands: Hands, journey: Journey) -> None:
    """Ctrl+Shift+N, write, Ctrl+Enter."""
    page = hands.on_page("case_page")
    hands.key(Qt.Key.Key_N, CTRL | SHIFT, on=hands.frame)
    editor = hands.find(QPlainTextEdit, "note_text")
    hands.write(editor, NOTE)
    hands.shot("case-writing-a-note")
    hands.key(Qt.Key.Key_Return, CTRL, on=editor)
    hands.wait(lambda: not editor.isVisible(), "the note to be saved")
    hands.settle()
    journey.child = page.title
    hands.shot("case-timeline")


def drop_letter(hands: Hands, journey: Journey, paper: Path) -> None:
    """Drop a scanned letter on Correspondence and link it to the suggested case."""
    hands.key(Qt.Key.Key_3, CTRL, on=hands.frame)
    page = hands.on_page("correspondence_page")
    hands.wait(lambda: page.form.detail is not None and page.form.choice.candidate() is not None, "a suggestion")
    hands.shot("correspondence-suggested-child")
    hands.drop(paper, page)
    hands.wait(
        lambda: page.form.detail and page.form.detail.title.startswith(paper.stem[:8]) or _is_new(page), "the file"
    )
    hands.wait(lambda: _suggested(page) == journey.case_id, "the case as a suggestion")
    hands.settle()
    hands.choose(hands.find(QComboBox, "kind"), "School replies")
    sender = hands.find(QLineEdit, "sender")
    sender.clear()
    hands.write(sender, "Pennyford Primary")
    page.form.received.setFocus()
    hands.shot("correspondence-linking")
    journey.document_name = paper.name
    linked = page.form.detail.id
    hands.key(Qt.Key.Key_Return, CTRL, on=hands.frame)
    hands.wait(lambda: page.form.detail is None or page.form.detail.id != linked, "the letter to be linked")
    hands.settle()


def _is_new(page: Any) -> bool:
    return page.form.detail is not None and "Pennyford" in page.viewer.page_words()


def _suggested(page: Any) -> str:
    candidate = page.form.choice.candidate()
    return str(candidate.case_id) if candidate is not None else ""


def find_case(hands: Hands, reference: str, picture: str = "") -> Any:
    """Ctrl+K, the reference, Enter; return the case page."""
    hands.key(Qt.Key.Key_K, CTRL, on=hands.frame)
    line = hands.find(QLineEdit, "palette_line")
    hands.write(line, reference)
    palette: Any = line.parentWidget()
    hands.wait(lambda: reference in str(palette.list.currentIndex().data()), "the case among the results")
    if picture:
        hands.pictures.take_over(hands.frame, palette, picture)
    hands.key(Qt.Key.Key_Return, on=line)
    page = hands.on_page("case_page")
    hands.wait(lambda: page._view is not None and page._view.identity.reference == reference, "the case")
    hands.settle()
    return page


def write_letter(hands: Hands, journey: Journey) -> None:
    """Write the first enquiry to the parent, look at it, send it."""
    hands.click(hands.find(QWidget, "write_letter"))
    page = hands.on_page("letter_page")
    sent: list[Any] = []
    page.sent.connect(sent.append)
    hands.wait(lambda: page._rendered is not None, "the letter on screen")
    if page._draft.template_id != "L01":
        hands.choose(hands.find(QComboBox, "template_choice"), "First enquiry")
    hands.wait(lambda: page._draft.template_id == "L01" and not page._drawing, "the first enquiry to a parent")
    hands.settle()
    hands.shot("letter-with-preview")
    hands.key(Qt.Key.Key_Return, CTRL, on=hands.frame)
    hands.wait(lambda: sent, "the letter to be recorded")
    journey.letter_id, journey.letter_reference = sent[0].letter_id, sent[0].reference
    hands.wait(lambda: page.panes.sent_panel.isVisible(), "the letter as it was sent")
    hands.shot("letter-sent-offline")


def wait_offline(hands: Hands) -> None:
    """Wait until the window has noticed that nothing answers."""
    hands.wait(lambda: sync_state(hands) is SyncState.OFFLINE, "the pill to say Offline")


def back(hands: Hands) -> None:
    """Alt+Left."""
    hands.key(Qt.Key.Key_Left, ALT, on=hands.frame)
