"""Keeping both: texts under each other with author and time, lists without repeating, forms answer by answer.

The order never depends on who decides: two people who both keep both, each on their own laptop, arrive at the same
value, and nothing is left to decide between.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.services.conflicts.fields import Both
from app.timesource import format_date, format_time, to_london

_ITEMS: Final = re.compile(r"\s*[,;\n]\s*")


@dataclass(frozen=True, slots=True)
class Voice:
    """One value with who wrote it and when."""

    value: Any
    by: str
    at: datetime | None


def in_order(voices: Sequence[Voice]) -> list[Voice]:
    """Return the voices as they were written, the same on every laptop."""
    return sorted(voices, key=lambda each: (each.at.isoformat() if each.at else "", each.by, str(each.value)))


def join(both: Both, before: Any, voices: Sequence[Voice]) -> Any:
    """Return one value that holds all of them, or None where they cannot be joined.

    Args:
        both: join, items or keys.
        before: what they replaced.
        voices: at least two.
    """
    ordered = in_order(voices)
    if both == "keys":
        return _join_answers(before, ordered)
    texts = [str(each.value or "") for each in ordered]
    if both == "items":
        return _join_items(texts)
    return _join_texts(str(before or ""), ordered)


def _join_texts(before: str, voices: Sequence[Voice]) -> str:
    texts = [str(each.value or "").strip() for each in voices]
    whole = max(texts, key=len)
    if all(text in whole for text in texts):
        return whole
    # Where everybody wrote on after what was there, it is said once.
    base = before.strip()
    parts = [base] if base and all(text.startswith(base) for text in texts) else []
    for text, voice in zip(texts, voices, strict=True):
        said = text[len(base) :].strip() if parts and parts[0] == base and base else text
        if said:
            parts.append(f"{said} ({signed(voice)})" if signed(voice) else said)
    return "\n".join(parts)


def signed(voice: Voice) -> str:
    """Return author and time in words, such as ``Dawn Ellery, 16 November 2026, 14:20``."""
    when = f"{format_date(to_london(voice.at).date())}, {format_time(voice.at)}" if voice.at else ""
    return ", ".join(part for part in (voice.by, when) if part)


def _join_items(texts: Sequence[str]) -> str:
    separator = "; " if any(";" in text for text in texts) else ", "
    seen: dict[str, str] = {}
    for text in texts:
        for item in _ITEMS.split(text.strip()):
            if item:
                seen.setdefault(item.casefold(), item)
    return separator.join(seen.values())


def _join_answers(before: Any, voices: Sequence[Voice]) -> dict[str, Any] | None:
    if not all(isinstance(each.value, Mapping) for each in voices):
        return None
    base: Mapping[str, Any] = before if isinstance(before, Mapping) else {}
    joined = dict(base)
    for key in sorted({key for each in voices for key in each.value} | set(base)):
        changed = [each.value.get(key) for each in voices if each.value.get(key) != base.get(key)]
        if any(value != changed[0] for value in changed[1:]):
            return None
        if changed and changed[0] is None:
            joined.pop(key, None)
        elif changed:
            joined[key] = changed[0]
    return joined
