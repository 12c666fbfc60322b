"""The audit chain of one device: what is written, how each entry is linked to the one before, how it is verified."""

from app.services.audit.actions import Action, ActionKind
from app.services.audit.anchors import keep_receipt, seal
from app.services.audit.chain import GENESIS, Link, append, entry_hash, links_of
from app.services.audit.verifying import AuditFinding, AuditResult, FindingKind, verify

__all__ = [
    "GENESIS",
    "Action",
    "ActionKind",
    "AuditFinding",
    "AuditResult",
    "FindingKind",
    "Link",
    "append",
    "entry_hash",
    "keep_receipt",
    "links_of",
    "seal",
    "verify",
]
