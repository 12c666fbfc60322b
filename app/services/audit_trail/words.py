"""What an entry says besides who and when, in words."""

from collections.abc import Mapping
from typing import Any

from app.services.access import Permission
from app.services.audit import Action
from app.services.history_words import table_words

_COUNTS: Mapping[str, tuple[str, str]] = {
    "hits": ("1 found", "{:,} found"),
    "rows": ("1 record", "{:,} records"),
    "count": ("1 case", "{:,} cases"),
    "entries": ("1 entry", "{:,} entries"),
    "bytes": ("1 byte", "{:,} bytes"),
    "hours": ("for 1 hour", "for {:,} hours"),
    "moved": ("1 entry follows it", "{:,} entries follow it"),
}
_TEXTS = ("by", "what", "view", "reason")


def about_words(table: str, reference: str) -> str:
    """Return the record an entry concerns: its kind, and the reference of its case."""
    if not table:
        return reference
    kind = table_words(table)
    return f"{kind}, {reference}" if reference else kind


def detail_words(action: Action | None, said: Mapping[str, Any]) -> str:
    """Return counts and the like; digests and ids are left out."""
    if action is Action.WRONG_PASSPHRASES:
        tries = said.get("count")
        return "1 try" if tries == 1 else f"{tries} tries"
    parts: list[str] = []
    if action is Action.SEARCHED:
        parts.append(f"among {said.get('for', 'records')}")
    name = str(said.get("permission", ""))
    if name in Permission.__members__:
        parts.append(f"to {Permission[name].value}")
    for key, (one, many) in _COUNTS.items():
        number = said.get(key)
        if isinstance(number, int):
            parts.append(one if number == 1 else many.format(number))
    if isinstance(found := said.get("found"), str):
        parts.append("nothing wrong" if found == "nothing" else f"found: {found}")
    parts += [str(said[key]) for key in _TEXTS if isinstance(said.get(key), str)]
    return ", ".join(parts)
