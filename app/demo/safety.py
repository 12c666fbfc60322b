"""How the laptop is kept safe, in pictures: security, a backup and its drill, a restricted case, and the audit."""

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget
from sqlalchemy import select

from app.demo import officer
from app.demo.hands import Hands
from app.models import Case
from app.services import named_list

if TYPE_CHECKING:
    from app.services.workspace import Workspace

REASON = "A member of staff is related to the family."


def protect(hands: Hands) -> None:
    """Look at how the laptop is protected, make a backup, and prove it."""
    hands.go("security")
    hands.shot("security")
    hands.go("backups")
    page = hands.on_page("backups_page")
    hands.click(hands.find(QAbstractButton, "back_up_now"))
    hands.wait(lambda: page.model.rowCount() > 0, "the backup")
    drill = hands.find(QAbstractButton, "drill_now")
    hands.wait(drill.isEnabled, "the drill to be possible")
    hands.click(drill)
    proven = hands.find(QLabel, "fact_last_proven_restore")
    hands.wait(lambda: any(character.isdigit() for character in proven.text()), "the backup to be proven")
    hands.wait(lambda: drill.isEnabled() and page.progress.isHidden(), "the drill to end")
    hands.shot("backups-proven")


def restrict(hands: Hands, other: Hands, reference: str) -> None:
    """Restrict a case on one laptop, and meet it on another whose officer is not on its list."""
    ws = _workspace(hands)
    with ws.read() as session:
        case_id = session.scalars(select(Case.id).where(Case.reference == reference)).one()
    named_list.restrict(ws, case_id, reason=REASON)
    for each in (hands, other):
        officer.sync_now(each)
    officer.find_case(hands, reference)
    hands.shot("case-restricted-its-list")
    window = other.frame.window_page
    assert window is not None
    window.navigate("case", case_id=case_id)
    other.find(QWidget, "closed_case")
    other.shot("case-restricted")


def look_at_audit(hands: Hands) -> None:
    """Open the audit and verify the whole chain."""
    hands.go("audit")
    page = hands.on_page("audit_page")
    hands.click(hands.find(QAbstractButton, "audit_verify"))
    hands.wait(lambda: page.verification.banner is not None, "the chain to be verified")
    hands.shot("audit-verified")


def _workspace(hands: Hands) -> "Workspace":
    opened = hands.frame.opened
    assert opened is not None
    return opened.ws
