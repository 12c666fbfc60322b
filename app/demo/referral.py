"""Taking the referral of the journey: seven steps, with the match against a child who is known under another name."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QWidget

from app.demo import spec
from app.demo.days import Days
from app.demo.hands import CTRL, Hands
from app.demo.officer import FIRST_NAME, SURNAME, Journey
from app.timesource import SystemTime, format_date

REASON = "Maeve has not been in school since the family moved. We rang every number and called at the home. No reply."


def take(hands: Hands, journey: Journey) -> None:
    """Ctrl+N, the seven steps, and the case is open."""
    hands.key(Qt.Key.Key_N, CTRL, on=hands.frame)
    page = hands.on_page("referral_page")
    _who(hands, page)
    _child(hands, page)
    _match(hands, page, journey)
    _family(hands, page)
    _known(hands, page)
    _safety(hands, page)
    hands.shot("referral-check-and-open")
    hands.key(Qt.Key.Key_Return, CTRL, on=hands.frame)
    case: Any = hands.on_page("case_page")
    hands.wait(lambda: case._view is not None, "the case that was opened")
    hands.settle()
    journey.case_id, journey.reference = case._view.identity.case_id, case._view.identity.reference


def _step(hands: Hands, page: Any, key: str) -> None:
    """Go on to a step with Ctrl+Enter."""
    hands.settle()
    hands.key(Qt.Key.Key_Return, CTRL, on=hands.frame)
    hands.wait(lambda: page.current() == key, f"the step “{key}” of the referral")
    hands.settle()


def _who(hands: Hands, page: Any) -> None:
    days = Days(SystemTime())
    hands.choose(hands.find(QComboBox, "answer_source"), "School: cannot be traced")
    school = hands.find(QLineEdit, "answer_school")
    hands.write(school, "Pennyford Prim")
    hands.wait(lambda: _offered(school), "schools to choose from")
    popup = school.completer().popup()
    hands.key(Qt.Key.Key_Down, on=popup)
    hands.key(Qt.Key.Key_Return, on=popup)
    hands.wait(lambda: school.text().startswith("Pennyford Primary"), "the chosen school")
    received = hands.find(QWidget, "answer_received_on")
    hands.wait(lambda: str(days.today.day) in _text(received), "today as the date received")
    hands.write(hands.find(QPlainTextEdit, "answer_reason"), REASON)
    hands.shot("referral-who-told-us")
    _step(hands, page, "child")


def _offered(school: QLineEdit) -> bool:
    popup = school.completer().popup()
    return popup is not None and popup.isVisible()


def _text(widget: QWidget) -> str:
    line = widget if isinstance(widget, QLineEdit) else widget.findChild(QLineEdit)
    return line.text() if isinstance(line, QLineEdit) else ""


def _child(hands: Hands, page: Any) -> None:
    maeve = next(child for child in spec.children() if child.key == "maeve")
    born = Days(SystemTime()).born(maeve.born)
    for name, value in (("forename", FIRST_NAME), ("surname", SURNAME), ("upn", maeve.upn)):
        hands.write(hands.find(QLineEdit, f"answer_{name}"), value)
    date_field = hands.find(QWidget, "answer_born_on")
    line = date_field if isinstance(date_field, QLineEdit) else date_field.findChild(QLineEdit)
    if isinstance(line, QLineEdit):
        hands.write(line, format_date(born))
        hands.key(Qt.Key.Key_Tab, on=line)
    hands.choose(hands.find(QComboBox, "answer_sex"), "Female")
    hands.write(hands.find(QPlainTextEdit, "answer_address"), "6 Fuller’s Yard")
    hands.write(hands.find(QLineEdit, "answer_town"), "Pennyford")
    hands.write(hands.find(QLineEdit, "answer_postcode"), "MH6 8FY")
    hands.shot("referral-about-the-child")
    _step(hands, page, "match")


def _match(hands: Hands, page: Any, journey: Journey) -> None:
    """Compare with who is known; a person decides: it is the same child, under the father's name."""
    hands.wait(lambda: page.match.searched and page.match.shown, "records that look similar")
    hands.shot("referral-check-for-a-match")
    strong = page.match.shown[0]
    journey.matched_with = strong.name
    _step(hands, page, "family")


def _family(hands: Hands, page: Any) -> None:
    hands.click(hands.find(QWidget, "add_carer"))
    for name, value in (("forename", "Ruby"), ("surname", "Thistlewood"), ("phone", "07700 900432")):
        hands.write(hands.find(QLineEdit, f"answer_{name}"), value)
    hands.choose(hands.find(QComboBox, "answer_kind"), "Mother")
    hands.shot("referral-family")
    _step(hands, page, "known")


def _known(hands: Hands, page: Any) -> None:
    hands.write(hands.find(QLineEdit, "answer_last_seen_by"), "Class teacher")
    hands.write(hands.find(QLineEdit, "answer_last_seen_where"), "Pennyford Primary")
    _step(hands, page, "safety")


def _safety(hands: Hands, page: Any) -> None:
    hands.click(hands.find(QWidget, "rest_not_known"))
    hands.shot("referral-safety")
    _step(hands, page, "open")
