"""The matrix of roles in words, for people: what each role may do, and nothing else."""

from dataclasses import dataclass
from typing import Final

from app.models.terms import Role
from app.services.access import ROLE_PERMISSIONS, Permission

ROLE_NAMES: Final = {
    Role.BUSINESS_SUPPORT: "Business support",
    Role.CASEWORKER: "Caseworker",
    Role.DUTY: "Duty officer",
    Role.SUPERVISOR: "Supervisor",
    Role.COURT_OFFICER: "Court officer",
    Role.INCLUSION: "Inclusion",
    Role.INFORMATION_GOVERNANCE: "Information governance",
    Role.AUDITOR: "Auditor",
    Role.ADMINISTRATOR: "Administrator",
}


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One permission, and whether each role has it, in the order of the matrix."""

    words: str
    held: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class RoleMatrix:
    """Every role by every permission; the one table that window, services and central store read."""

    roles: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


def role_matrix() -> RoleMatrix:
    """Return the matrix in words."""
    rows = tuple(
        MatrixRow(
            permission.value[:1].upper() + permission.value[1:],
            tuple(permission in ROLE_PERMISSIONS[role] for role in ROLE_NAMES),
        )
        for permission in Permission
    )
    return RoleMatrix(tuple(ROLE_NAMES.values()), rows)
