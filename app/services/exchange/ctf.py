"""The Common Transfer File: read it, look at the plan, apply what a person decided."""

from app.services.exchange.ctf_apply import apply
from app.services.exchange.ctf_file import CtfFile, CtfPupil, looks_like, read
from app.services.exchange.ctf_plan import ASK, NEW, SAME, SKIP, CtfPlan, Decision, FieldChange, PupilPlan, plan

__all__ = [
    "ASK",
    "NEW",
    "SAME",
    "SKIP",
    "CtfFile",
    "CtfPlan",
    "CtfPupil",
    "Decision",
    "FieldChange",
    "PupilPlan",
    "apply",
    "looks_like",
    "plan",
    "read",
]
