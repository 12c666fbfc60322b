"""Who may do what: one table, read by the window (which hides), the services (which refuse) and the central store."""

from enum import StrEnum
from typing import TYPE_CHECKING

from app.errors import AccessRefused
from app.models.terms import Role

if TYPE_CHECKING:
    from app.services.workspace import Actor


class Permission(StrEnum):
    """Something a role may do; the value finishes the sentence "Your role cannot ..."."""

    READ_CASES = "read cases"
    EDIT_CASES = "change cases"
    TAKE_REFERRALS = "take referrals"
    LINK_DOCUMENTS = "link documents"
    WRITE_LETTERS = "write letters"
    APPROVE_LETTERS = "approve letters"
    ALLOCATE_CASES = "allocate cases"
    CLOSE_CASES = "close cases"
    READ_REFERENCE = "read schools and codes"
    IMPORT_REFERENCE = "import schools and codes"
    READ_AUDIT = "read the audit"
    MANAGE_PEOPLE = "manage people and laptops"


P = Permission
_CASEWORK = frozenset(
    {
        P.READ_CASES,
        P.EDIT_CASES,
        P.TAKE_REFERRALS,
        P.LINK_DOCUMENTS,
        P.WRITE_LETTERS,
        P.READ_REFERENCE,
        P.IMPORT_REFERENCE,
    }
)
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.BUSINESS_SUPPORT: frozenset({P.READ_CASES, P.TAKE_REFERRALS, P.LINK_DOCUMENTS, P.READ_REFERENCE}),
    Role.CASEWORKER: _CASEWORK,
    Role.DUTY: _CASEWORK,
    Role.SUPERVISOR: _CASEWORK | {P.ALLOCATE_CASES, P.APPROVE_LETTERS, P.CLOSE_CASES, P.READ_AUDIT},
    Role.COURT_OFFICER: frozenset({P.READ_CASES, P.EDIT_CASES, P.WRITE_LETTERS, P.READ_REFERENCE}),
    Role.INCLUSION: frozenset({P.READ_CASES, P.READ_REFERENCE}),
    Role.INFORMATION_GOVERNANCE: frozenset({P.READ_CASES, P.READ_AUDIT, P.READ_REFERENCE}),
    Role.AUDITOR: frozenset({P.READ_AUDIT}),
    Role.ADMINISTRATOR: frozenset({P.MANAGE_PEOPLE, P.READ_REFERENCE, P.IMPORT_REFERENCE}),
}


def allowed(role: Role, permission: Permission) -> bool:
    """Return whether a role may do something."""
    return permission in ROLE_PERMISSIONS[role]


def require(actor: "Actor", permission: Permission) -> None:
    """Refuse what the actor's role may not do.

    Raises:
        AccessRefused: in words.
    """
    if not allowed(actor.role, permission):
        raise AccessRefused(f"Your role cannot {permission.value}. Ask a supervisor. Nothing was changed.")
