"""The one question every action on a case asks first: is it here, and is it open?"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import Case
from app.models.terms import CaseStatus


def require_open(session: Session, case_id: str) -> None:
    """Refuse a case that is not on this laptop or is closed.

    Raises:
        UserError: in words.
    """
    status = session.execute(select(Case.status).where(Case.id == case_id)).scalar()
    if status is None:
        raise UserError("This case is not on this laptop. Sync, then open it again. Nothing was changed.")
    if status is CaseStatus.CLOSED:
        raise UserError("This case is closed. Ask a supervisor to reopen it. Nothing was changed.")
