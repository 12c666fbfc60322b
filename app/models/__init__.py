"""What is stored: SQLAlchemy mappings, one module an aggregate. No I/O, no Qt.

Importing this package registers every table; the order below is the order of a first pull (parents first).
"""

from app.models.authority import Authority, Device, Team, User
from app.models.school import LocalAuthority, School, SchoolLink

from app.models.child import (  # isort: skip  (order is the first pull's)
    Address,
    Child,
    ChildName,
    ContactPoint,
    Enrolment,
    HealthLink,
    Person,
    Relationship,
    SafetyFlag,
)
from app.models.case import Assignment, Case, CaseEvent, Clock, Closure, Enquiry, Referral, Task  # isort: skip
from app.models.access import AccessRequest, BreakGlass, CaseAccess, InterestDeclared  # isort: skip
from app.models.document import Document  # isort: skip
from app.models.letter import Letter  # isort: skip
from app.models.conflict import Conflict  # isort: skip
from app.models.handed_in import HandedIn, TeamKey, TeamKeyWrap  # isort: skip
from app.models.local import (  # isort: skip
    LOCAL_TABLES,
    AuditAnchor,
    AuditEntry,
    AuditLine,
    BytesLeaving,
    CaseRow,
    ChangeLine,
    ChangeSetRow,
    ClearedChange,
    DeviceKey,
    Draft,
    KeptSealed,
    ReferenceLease,
    RowLeaving,
    SearchRow,
    SyncRun,
    SyncState,
    UnitArriving,
    UnitHistory,
    UnitLeaving,
    UnitTouched,
)
from app.models.synced import SYNCED_TABLES, MergeRule, Synced  # isort: skip

__all__ = [
    "LOCAL_TABLES",
    "SYNCED_TABLES",
    "AccessRequest",
    "Address",
    "Assignment",
    "AuditAnchor",
    "AuditEntry",
    "AuditLine",
    "Authority",
    "BreakGlass",
    "BytesLeaving",
    "Case",
    "CaseAccess",
    "CaseEvent",
    "CaseRow",
    "ChangeLine",
    "ChangeSetRow",
    "Child",
    "ChildName",
    "ClearedChange",
    "Clock",
    "Closure",
    "Conflict",
    "ContactPoint",
    "Device",
    "DeviceKey",
    "Document",
    "Draft",
    "Enquiry",
    "Enrolment",
    "HandedIn",
    "HealthLink",
    "InterestDeclared",
    "KeptSealed",
    "Letter",
    "LocalAuthority",
    "MergeRule",
    "Person",
    "ReferenceLease",
    "Referral",
    "Relationship",
    "RowLeaving",
    "SafetyFlag",
    "School",
    "SchoolLink",
    "SearchRow",
    "SyncRun",
    "SyncState",
    "Synced",
    "Task",
    "Team",
    "TeamKey",
    "TeamKeyWrap",
    "UnitArriving",
    "UnitHistory",
    "UnitLeaving",
    "UnitTouched",
    "User",
]
