"""The one question every action on a case asks first: is it here, and is it open?"""

from sqlalchemy.orm import Session

from app.errors import UserError
from app.models.terms import CaseStatus
from app.services.rows import connection_of, driver, stored_key

# Asked before every save, so the driver asks it: composing the statement anew cost more than answering it.
_STATUS = 'SELECT status FROM "case" WHERE id = ?'


def require_open(session: Session, case_id: str) -> None:
    """Refuse a case that is not on this laptop or is closed.

    Args:
        session: a session of the vault.
        case_id: the case.

    Raises:
        UserError: in words.
    """
    if session.new or session.dirty:
        session.flush()
    found = driver(connection_of(session)).execute(_STATUS, (stored_key(case_id),)).fetchone()
    if found is None:
        raise UserError("This case is not on this laptop. Sync, then open it again. Nothing was changed.")
    if found[0] == CaseStatus.CLOSED.value:
        raise UserError("This case is closed. Ask a supervisor to reopen it. Nothing was changed.")
