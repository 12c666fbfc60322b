"""Grounds for deleting a pupil from the admission register, of both regimes, and the return a school must make.

The regime follows the deletion date, not the day the return arrived: the 2006 Regulations until 18 August 2024, the
2024 ones from 19 August 2024. ``8(1)(a)`` and ``9(1)(a)`` mean different things, so regime and code are kept together.
Legal basis: SI 2006/1751 regs 8 and 12; SI 2024/208 regs 9 and 13. What is verified and what is from knowledge is
marked ground by ground in ``resources/grounds/grounds.json``.
"""

import json
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from app.errors import UserError
from app.paths import RESOURCES
from app.timesource import format_date

_CODE = re.compile(r"([89])[(.\s-]*([13])[).(\s-]*([a-o])[).\s]*", re.ASCII)
_PREFIX = re.compile(r"^(?:pr20(?:06|24)\s*:\s*|reg(?:ulation)?\.?\s*|ground\s*)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Regime:
    """One set of regulations and the days on which it is the law (inclusive; None is open)."""

    id: str
    title: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Ground:
    """One ground: regime and code together are its identity.

    Attributes:
        flags: such as ``joint_enquiry`` or ``whereabouts_unknown``.
        fields: what the return must hold, by name.
        source: where the text comes from and whether it was verified.
    """

    regime: str
    code: str
    label: str
    compulsory_school_age: bool
    default_action: str
    flags: frozenset[str]
    fields: tuple[str, ...]
    evidence: tuple[str, ...]
    source: str

    @property
    def needs_joint_enquiry(self) -> bool:
        """Return whether school and authority must both have enquired before it can be accepted."""
        return "joint_enquiry" in self.flags


@dataclass(frozen=True, slots=True)
class GroundQuery:
    """A ground that cannot be accepted as written: a question to the school, never "other"."""

    raw: str
    message: str


@cache
def _load() -> tuple[tuple[Regime, ...], dict[tuple[str, str], Ground]]:
    book: dict[str, Any] = json.loads((RESOURCES / "grounds" / "grounds.json").read_text("utf-8"))
    regimes = tuple(
        Regime(
            entry["id"],
            entry["title"],
            date.fromisoformat(entry["valid_from"]),
            date.fromisoformat(entry["valid_to"]) if entry["valid_to"] else None,
        )
        for entry in book["regimes"]
    )
    grounds = {(entry["regime"], entry["code"]): _ground(entry) for entry in book["grounds"]}
    return regimes, grounds


def _ground(entry: dict[str, Any]) -> Ground:
    return Ground(
        regime=entry["regime"],
        code=entry["code"],
        label=entry["label"],
        compulsory_school_age=entry["applies_to"] == "compulsory_school_age",
        default_action=entry["default_la_action"],
        flags=frozenset(entry["flags"]),
        fields=tuple(entry["deletion_return_fields"]),
        evidence=tuple(entry["evidence_the_la_should_see"]),
        source=entry["source"],
    )


def regimes() -> tuple[Regime, ...]:
    """Return the regimes, oldest first."""
    return _load()[0]


def regime_for(deleted_on: date) -> Regime:
    """Return the regime in force on the day of deletion.

    Raises:
        UserError: the day is before any regime that Rollcall knows.
    """
    for regime in regimes():
        if regime.valid_from <= deleted_on and (regime.valid_to is None or deleted_on <= regime.valid_to):
            return regime
    first = format_date(regimes()[0].valid_from)
    raise UserError(f"Deletion date must be {first} or later. Check the year.", "deleted_on")


def grounds_for(deleted_on: date) -> tuple[Ground, ...]:
    """Return the grounds of the regime in force on a day, in the order of the regulations."""
    regime = regime_for(deleted_on).id
    return tuple(ground for ground in _load()[1].values() if ground.regime == regime)


def normalise_code(text: str) -> str | None:
    """Return ``9(1)(h)`` for the ways schools write it (``9 1 h``, ``Reg 9(1)H``), or None when it is not a code."""
    match = _CODE.fullmatch(_PREFIX.sub("", text.strip().lower()))
    return f"{match[1]}({match[2]})({match[3]})" if match else None


def lookup(code: str, deleted_on: date) -> Ground | GroundQuery:
    """Return the ground that a code means on a deletion date, or the question it leaves open.

    Args:
        code: as the school wrote it; text is kept, never mapped by guess.
        deleted_on: chooses the regime.

    Raises:
        UserError: no regime covers the date.
    """
    regime = regime_for(deleted_on)
    raw = code.strip()
    if not raw:
        return GroundQuery(raw, "No ground was given. Ask the school for the regulation and letter.")
    normal = normalise_code(raw)
    if normal is None:
        return GroundQuery(raw, f'"{raw[:80]}" is not a ground in the regulations. Ask the school which one it used.')
    ground = _load()[1].get((regime.id, normal))
    if ground is not None:
        return ground
    if any(known == normal for _, known in _load()[1]):
        other = "2006" if normal.startswith("8") else "2024"
        return GroundQuery(
            raw,
            f"{normal} is a ground of the {other} Regulations, which did not apply on {format_date(deleted_on)}. "
            "Ask the school to check the ground and the date.",
        )
    return GroundQuery(raw, f"{normal} is not a ground in the {regime.id[2:]} Regulations. Ask the school to check it.")


def find(regime: str, code: str) -> Ground | None:
    """Return a stored ground by its identity."""
    return _load()[1].get((regime, code))
