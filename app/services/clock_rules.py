"""The clocks as data: what triggers them, how long they run, under which law and since when.

The rules live in ``resources/clocks``; nothing about a particular clock is written in code.
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from app.errors import BugError, UserError
from app.paths import RESOURCES

CLOCKS = RESOURCES / "clocks"

COUNTED_UNITS: Final = frozenset(
    {"days", "school_days", "working_days", "weeks", "months", "calendar_months", "years", "hours", "immediate"}
)
"""Units with a last day; every other unit is a fact without a countdown."""

STATUTORY_KINDS: Final = frozenset({"statutory", "statutory_code"})
"""Acts, regulations and the School Admissions Code; guidance and local standards are not statutory."""

BASIS_WORDS: Final = MappingProxyType(
    {
        "statutory": "Statutory",
        "statutory_code": "Statutory code",
        "statutory_guidance": "Statutory guidance",
        "guidance": "Guidance",
        "national_framework": "National framework",
        "local_practice": "Local standard",
        "rule": "Rule of law",
        "historic": "Earlier law",
        "collection": "Data collection",
        "prospective": "Not in force",
    }
)


@dataclass(frozen=True, slots=True)
class Regime:
    """The law that applies to triggers in a period; both ends are included, None is open."""

    legal_basis: str
    valid_from: date | None
    valid_until: date | None

    def covers(self, day: date) -> bool:
        """Return whether a trigger on this day falls under this regime."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


@dataclass(frozen=True, slots=True)
class ClockRule:
    """One kind of clock.

    Attributes:
        id: key kept in ``Clock.rule``.
        length: in ``unit``; None where there is no countdown.
        counts_trigger_day: True when the trigger day is day 1 ("beginning with").
        rolls: True when a last day on a weekend or bank holiday moves to the next working day.
        in_force: False for law not known to be in force; such a clock cannot be started.
        mark: verified, partly verified or unverified.
        worked: (started, due) pairs that a test computes again.
    """

    id: str
    label: str
    trigger: str
    length: int | None
    unit: str
    counts_trigger_day: bool
    rolls: bool
    kind: str
    binds: str
    counting: str
    regimes: tuple[Regime, ...]
    in_force: bool
    opens_with_case: bool
    mark: str
    source: str
    worked: tuple[tuple[date, date], ...]

    @property
    def counted(self) -> bool:
        """Whether this clock has a last day."""
        return self.unit in COUNTED_UNITS and self.length is not None

    @property
    def statutory(self) -> bool:
        """Whether the deadline is set by law."""
        return self.kind in STATUTORY_KINDS

    @property
    def basis(self) -> str:
        """What kind of rule it is, in a word or two for a list."""
        return BASIS_WORDS.get(self.kind, "Rule")

    def regime(self, triggered_on: date) -> Regime | None:
        """Return the law in force on the day of the trigger, or None when the rule did not exist then."""
        return next((regime for regime in self.regimes if regime.covers(triggered_on)), None)


def _read_rule(entry: dict[str, Any]) -> ClockRule:
    return ClockRule(
        id=entry["id"],
        label=entry["label"],
        trigger=entry["trigger"],
        length=entry.get("length"),
        unit=entry["unit"],
        counts_trigger_day=entry.get("first_day", "next") == "trigger",
        rolls=entry.get("roll") == "next_working_day",
        kind=entry["kind"],
        binds=entry["binds"],
        counting=entry["counting"],
        regimes=tuple(
            Regime(regime["legal_basis"], regime.get("from"), regime.get("until")) for regime in entry["regimes"]
        ),
        in_force=entry.get("in_force", True),
        opens_with_case=entry.get("opens_with_case", False),
        mark=entry["mark"],
        source=entry["source"],
        worked=tuple((pair["started"], pair["due"]) for pair in entry.get("worked", ())),
    )


@lru_cache(maxsize=4)
def load_rules(folder: Path = CLOCKS) -> MappingProxyType[str, ClockRule]:
    """Return every rule by id.

    Raises:
        BugError: two entries share an id.
    """
    rules: dict[str, ClockRule] = {}
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["clock"]:
            if entry["id"] in rules:
                raise BugError(f"Two clocks are called {entry['id']}.")
            rules[entry["id"]] = _read_rule(entry)
    return MappingProxyType(rules)


def rule(rule_id: str) -> ClockRule:
    """Return one rule.

    Raises:
        UserError: there is no such rule (a newer version of Rollcall may have written it).
    """
    found = load_rules().get(rule_id)
    if found is None:
        raise UserError("This version of Rollcall does not know this clock. Update Rollcall. Nothing was changed.")
    return found


def startable() -> tuple[ClockRule, ...]:
    """Return the rules an officer may start, statutory ones first, then by label."""
    rules = (each for each in load_rules().values() if each.counted and each.in_force)
    return tuple(sorted(rules, key=lambda each: (not each.statutory, each.label)))


def opening_rules() -> tuple[ClockRule, ...]:
    """Return the local standards that start with every case."""
    return tuple(each for each in load_rules().values() if each.opens_with_case)
