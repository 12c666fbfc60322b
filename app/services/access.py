"""Who may do what: one table, read by the window (which hides), the services (which refuse) and the central store.

A role's row below is what that role does in the work (domain governance, section 7), not what its holder could be
trusted with. What a permission means for one case (a restricted case, a declared interest) is in
:mod:`app.services.restriction`; both must say yes.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from app.errors import AccessRefused
from app.models.terms import Role

if TYPE_CHECKING:
    from app.services.changes import Change
    from app.services.workspace import Actor


class Permission(StrEnum):
    """Something a role may do; the value finishes the sentence "Your role cannot ..."."""

    USE_LAPTOP = "use Rollcall"
    """Lock, unlock, sync, back up and restore one's own laptop, and choose its settings: nothing of a case is shown."""
    READ_CASES = "read cases"
    SEARCH_CASES = "search for children"
    EDIT_CASES = "change cases"
    TAKE_REFERRALS = "take referrals"
    LINK_DOCUMENTS = "link documents"
    WRITE_LETTERS = "write letters"
    APPROVE_LETTERS = "approve letters"
    EXPORT_RECORDS = "print, or save documents and letters outside Rollcall"
    ALLOCATE_CASES = "allocate cases"
    CLOSE_CASES = "close cases"
    DECLARE_INTEREST = "declare a conflict of interest"
    ASK_FOR_ACCESS = "ask for access to a restricted case"
    RESTRICT_CASES = "restrict cases or change who may see them"
    BREAK_GLASS = "open a restricted case in an emergency"
    REVIEW_ACCESS = "review who opened a restricted case, or end a conflict of interest"
    TAKE_OVER_WORK = "open work that was handed in, or confirm that many records are deleted"
    READ_REFERENCE = "read schools and codes"
    IMPORT_REFERENCE = "import schools and codes"
    READ_AUDIT = "read the audit"
    MANAGE_PEOPLE = "manage people and laptops"


P = Permission
_READING = frozenset(
    {P.USE_LAPTOP, P.READ_CASES, P.SEARCH_CASES, P.READ_REFERENCE, P.DECLARE_INTEREST, P.ASK_FOR_ACCESS}
)
_CASEWORK = _READING | {
    P.EDIT_CASES,
    P.TAKE_REFERRALS,
    P.LINK_DOCUMENTS,
    P.WRITE_LETTERS,
    P.EXPORT_RECORDS,
    P.IMPORT_REFERENCE,
    P.BREAK_GLASS,
}
ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        # Opens the post, takes referrals by telephone, prints and files. Decides nothing on a case.
        Role.BUSINESS_SUPPORT: _READING | {P.TAKE_REFERRALS, P.LINK_DOCUMENTS, P.EXPORT_RECORDS},
        # Finds the child: enquiries, visits, letters. May have to open a restricted case on a doorstep.
        Role.CASEWORKER: _CASEWORK,
        # A caseworker of the day, for whoever calls; the same rights, other cases.
        Role.DUTY: _CASEWORK,
        # Allocates, approves, closes, restricts, and reviews what was opened in an emergency.
        Role.SUPERVISOR: _CASEWORK
        | {
            P.ALLOCATE_CASES,
            P.APPROVE_LETTERS,
            P.CLOSE_CASES,
            P.RESTRICT_CASES,
            P.REVIEW_ACCESS,
            P.TAKE_OVER_WORK,
            P.READ_AUDIT,
        },
        # Takes a case to court: statements and notices on a case that others opened and others close.
        Role.COURT_OFFICER: _READING | {P.EDIT_CASES, P.WRITE_LETTERS, P.EXPORT_RECORDS},
        # Reads to advise on inclusion; what they find out reaches the case through its officer.
        Role.INCLUSION: _READING,
        # Answers subject requests and watches over access: reads, exports, restricts, reviews; changes no case.
        Role.INFORMATION_GOVERNANCE: _READING | {P.EXPORT_RECORDS, P.RESTRICT_CASES, P.REVIEW_ACCESS, P.READ_AUDIT},
        # Reads the logs, and nothing of a case.
        Role.AUDITOR: frozenset({P.USE_LAPTOP, P.READ_AUDIT}),
        # Keeps people, laptops and reference data in order, and sees nothing of a case.
        Role.ADMINISTRATOR: frozenset({P.USE_LAPTOP, P.MANAGE_PEOPLE, P.READ_REFERENCE, P.IMPORT_REFERENCE}),
    }
)
CASE_CONTENT: Final = frozenset(P) - {
    P.USE_LAPTOP,
    P.READ_REFERENCE,
    P.IMPORT_REFERENCE,
    P.READ_AUDIT,
    P.MANAGE_PEOPLE,
}
"""What shows or changes something of a case. Auditors and administrators have none of it."""


class Reach(StrEnum):
    """Whose cases a laptop holds for a person (governance: need to know, decided by role and team)."""

    TEAM = "team"
    """Cases of the person's team, and of no team yet; all of the authority's for somebody without a team."""
    AUTHORITY = "authority"
    """Every case of the authority."""
    NONE = "none"
    """Nothing of a case: people, teams, schools and codes only."""


ROLE_REACH: Final[Mapping[Role, Reach]] = MappingProxyType(
    {
        Role.BUSINESS_SUPPORT: Reach.TEAM,
        Role.CASEWORKER: Reach.TEAM,
        Role.DUTY: Reach.TEAM,
        Role.SUPERVISOR: Reach.TEAM,
        Role.COURT_OFFICER: Reach.TEAM,
        Role.INCLUSION: Reach.TEAM,
        # Answers subject requests about any child, so has every child's record.
        Role.INFORMATION_GOVERNANCE: Reach.AUTHORITY,
        Role.AUDITOR: Reach.NONE,
        Role.ADMINISTRATOR: Reach.NONE,
    }
)
"""How wide each role looks; a test keeps it in step with the permissions."""


def reach(role: Role, team_id: str | None) -> Reach:
    """Return how wide a person looks.

    Args:
        role: theirs.
        team_id: theirs; somebody of a team's role who has no team works for the whole authority.
    """
    wide = ROLE_REACH[role]
    return Reach.AUTHORITY if wide is Reach.TEAM and team_id is None else wide


def keeps_restricted(role: Role) -> bool:
    """Return whether a laptop holds restricted cases for a role whose holder is not on their lists.

    A doorstep has no signal, so what may have to be opened in an emergency is there already, closed; and whoever
    reviews such an opening or watches over the lists needs the case they are about.
    """
    return not ROLE_PERMISSIONS[role].isdisjoint({P.BREAK_GLASS, P.REVIEW_ACCESS})


_ANY_CASEWORK = (P.EDIT_CASES, P.TAKE_REFERRALS, P.LINK_DOCUMENTS, P.WRITE_LETTERS)
TABLE_PERMISSIONS: Final[Mapping[str, Sequence[Permission]]] = MappingProxyType(
    {
        "authority": (P.MANAGE_PEOPLE,),
        "team": (P.MANAGE_PEOPLE,),
        "user": (P.MANAGE_PEOPLE,),
        "device": (P.MANAGE_PEOPLE,),
        "school": (P.IMPORT_REFERENCE,),
        "school_link": (P.IMPORT_REFERENCE,),
        "local_authority": (P.IMPORT_REFERENCE,),
        "child": _ANY_CASEWORK,
        "child_name": _ANY_CASEWORK,
        "person": _ANY_CASEWORK,
        "relationship": _ANY_CASEWORK,
        "address": _ANY_CASEWORK,
        "contact_point": _ANY_CASEWORK,
        "enrolment": _ANY_CASEWORK,
        "health_link": _ANY_CASEWORK,
        "safety_flag": _ANY_CASEWORK,
        "referral": _ANY_CASEWORK,
        "case": _ANY_CASEWORK,
        "case_event": _ANY_CASEWORK,
        "enquiry": _ANY_CASEWORK,
        "task": _ANY_CASEWORK,
        "clock": _ANY_CASEWORK,
        "assignment": (P.ALLOCATE_CASES,),
        "closure": (P.CLOSE_CASES,),
        "case_access": (P.RESTRICT_CASES,),
        "break_glass": (P.BREAK_GLASS,),
        "access_request": (P.ASK_FOR_ACCESS,),
        "interest_declared": (P.DECLARE_INTEREST,),
        "document": (P.LINK_DOCUMENTS, P.WRITE_LETTERS),
        "letter": (P.WRITE_LETTERS, P.APPROVE_LETTERS),
        "conflict": _ANY_CASEWORK,
        "team_key": (P.TAKE_OVER_WORK,),
        "team_key_wrap": (P.TAKE_OVER_WORK,),
        "handed_in": (P.TAKE_OVER_WORK,),
    }
)
"""Any of these lets a role write the table. A table that is not named here is written by nobody."""
FIELD_PERMISSIONS: Final[Mapping[tuple[str, str], Permission]] = MappingProxyType(
    {
        ("case", "officer_id"): P.ALLOCATE_CASES,
        ("case", "restricted"): P.RESTRICT_CASES,
        ("break_glass", "reviewed_by"): P.REVIEW_ACCESS,
        ("break_glass", "reviewed_at"): P.REVIEW_ACCESS,
        ("break_glass", "review"): P.REVIEW_ACCESS,
        ("access_request", "granted"): P.RESTRICT_CASES,
        ("access_request", "decided_by"): P.RESTRICT_CASES,
        ("access_request", "decided_at"): P.RESTRICT_CASES,
        ("access_request", "answer"): P.RESTRICT_CASES,
        ("interest_declared", "ended_at"): P.REVIEW_ACCESS,
        ("interest_declared", "ended_by"): P.REVIEW_ACCESS,
        ("interest_declared", "end_reason"): P.REVIEW_ACCESS,
    }
)
"""Fields of an existing row that have a permission of their own, in place of the table's."""


def allowed(role: Role, permission: Permission) -> bool:
    """Return whether a role may do something."""
    return permission in ROLE_PERMISSIONS[role]


def require(actor: "Actor", permission: Permission, subject: str | None = None) -> None:
    """Refuse what the actor's role may not do; the refusal is audited.

    Args:
        actor: who asks.
        permission: for what.
        subject: the case or record it is about, for the audit of the refusal.

    Raises:
        AccessRefused: in words.
    """
    if not allowed(actor.role, permission):
        error = AccessRefused(refusal(permission), permission=permission.name, subject=subject)
        if actor.on_refusal is not None:
            actor.on_refusal(error)
        raise error


def refusal(permission: Permission) -> str:
    """Return why a role is refused, in words."""
    return f"Your role cannot {permission.value}. Ask a supervisor. Nothing was changed."


def needed_permissions(changes: Iterable["Change"]) -> set[tuple[Permission, ...]]:
    """Return what changes to synced tables need: of each tuple any one permission.

    A tuple without a permission is a table that nobody writes.
    """
    changes = list(changes)
    opened = {change.row for change in changes if change.table == "case" and change.op == "insert"}
    needed: set[tuple[Permission, ...]] = set()
    for change in changes:
        needed |= _needed(change, opened)
    return needed


def _needed(change: "Change", opened: set[str]) -> set[tuple[Permission, ...]]:
    # Whoever opens a case may say in the same breath who works on it; giving it away later is allocation.
    if change.table == "assignment" and change.fields.get("case_id", (None, None))[-1] in opened:
        return {_ANY_CASEWORK}
    of_table = tuple(TABLE_PERMISSIONS.get(change.table, ()))
    if change.op == "insert" and change.table == "case" and change.fields.get("restricted", (None, False))[-1]:
        return {of_table, (Permission.RESTRICT_CASES,)}
    if change.op != "update" or not change.fields:
        return {of_table}
    special = {name: FIELD_PERMISSIONS.get((change.table, name)) for name in change.fields}
    needed: set[tuple[Permission, ...]] = {(permission,) for permission in special.values() if permission is not None}
    if None in special.values():
        needed.add(of_table)
    return needed
