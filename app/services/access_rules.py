"""The figures of restricted cases, read once from ``resources/rules/access.toml``."""

import tomllib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from app.errors import UserError
from app.paths import RESOURCES
from app.policy import policy

ACCESS: Final = RESOURCES / "rules" / "access.toml"


@dataclass(frozen=True, slots=True)
class AccessRules:
    """How long an emergency lasts, in hours, and how many words its reason has at least."""

    emergency_hours: int
    emergency_hours_most: int
    reason_words: int


@lru_cache(maxsize=1)
def access_rules() -> AccessRules:
    """Return the figures; where IT's policy sets how long an emergency lasts, it lasts no longer."""
    rules = AccessRules(**tomllib.loads(ACCESS.read_text(encoding="utf-8")))
    if "break_glass_hours" not in policy().managed:
        return rules
    most = min(rules.emergency_hours_most, policy().break_glass_hours)
    return replace(rules, emergency_hours=min(rules.emergency_hours, most), emergency_hours_most=most)


def check_reason(reason: str, what: str) -> str:
    """Return a reason without spaces around it.

    Args:
        reason: as typed.
        what: the sentence that asks for one, such as "Say why the case is restricted."

    Raises:
        UserError: there is none.
    """
    if not reason.strip():
        raise UserError(what, field="reason")
    return reason.strip()
