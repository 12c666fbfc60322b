"""The figures of restricted cases, read once from ``resources/rules/access.toml``."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from app.errors import UserError
from app.paths import RESOURCES

ACCESS: Final = RESOURCES / "rules" / "access.toml"


@dataclass(frozen=True, slots=True)
class AccessRules:
    """How long an emergency lasts, in hours, and how many words its reason has at least."""

    emergency_hours: int
    emergency_hours_most: int
    reason_words: int


@lru_cache(maxsize=1)
def access_rules() -> AccessRules:
    """Return the figures."""
    return AccessRules(**tomllib.loads(ACCESS.read_text(encoding="utf-8")))


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
