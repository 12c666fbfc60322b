"""The one question every action on a case asks first: may this person, is it here, and is it open?"""

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from app.errors import UserError
from app.models.terms import CaseStatus
from app.services.access import Permission
from app.services.restriction import require_case

if TYPE_CHECKING:
    from app.services.workspace import Actor


def require_open(session: Session, actor: "Actor", case_id: str, permission: Permission) -> None:
    """Refuse a case that a person may not work on, that is not on this laptop, or that is closed.

    Args:
        session: a session of the vault.
        actor: who asks.
        case_id: the case.
        permission: what is to be done with it.

    Raises:
        AccessRefused: the person may not.
        UserError: in words.
    """
    status = require_case(session, actor, case_id, permission)
    if status is None:
        raise UserError("This case is not on this laptop. Sync, then open it again. Nothing was changed.")
    if status == CaseStatus.CLOSED.value:
        raise UserError("This case is closed. Ask a supervisor to reopen it. Nothing was changed.")
