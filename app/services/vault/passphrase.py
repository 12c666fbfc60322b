"""How hard a passphrase is to guess, by zxcvbn, in words; and what is asked of one.

What is asked follows the National Cyber Security Centre's advice of three random words: a least length and a least
number of guesses, and no rules about digits, capitals or signs, which make passphrases harder to remember but hardly
harder to guess. An Argon2id derivation of half a second makes each guess slow on top of that.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.errors import UserError
from app.policy import policy

LEAST_LENGTH = 12
LEAST_SCORE = 3
"""Of zxcvbn's 0 to 4: at least a hundred million guesses. Three random words reach it."""
LEAST_SCORE_ALONE = 4
"""Where no keyring helps, the passphrase is the only lock: at least ten thousand million guesses."""
MOST_JUDGED = 72
"""Characters that are judged; what follows can only make it harder. zxcvbn's time grows with the square."""
MOST_LENGTH = 1024
_SUBSTITUTES = frozenset("4@8({[<369!1|7$05+%2")
"""Characters that zxcvbn takes for letters. Its work doubles with each different one, so only a few are looked at."""
_MOST_SUBSTITUTES = 5
_BELOW_LEAST = ("Very easy to guess.", "Easy to guess.", "Could be guessed.", "Not yet strong.")

_one_at_a_time = threading.Lock()  # zxcvbn keeps the words about the person in a dictionary of the module


@dataclass(frozen=True, slots=True)
class Strength:
    """What a passphrase is worth.

    Attributes:
        score: zxcvbn's, 0 (guessed at once) to 4.
        enough: whether it may be used.
        words: for the person, at most three short sentences.
    """

    score: int
    enough: bool
    words: str


def judge(
    text: str,
    about: Iterable[str] = (),
    *,
    least_length: int | None = None,
    alone: bool = False,
) -> Strength:
    """Return how hard a passphrase is to guess.

    Args:
        text: what is typed; the first 72 characters are judged.
        about: what a guesser would know: the person's name, the council's, the laptop's.
        least_length: characters asked for; what IT asks for when left out, and never fewer than 12.
        alone: whether no keyring helps, so that more is asked for.
    """
    short = (least_length or _least_length()) - len(text)
    if short > 0:
        return Strength(0, False, f"{short} more character{'' if short == 1 else 's'} needed.")
    known = list(_known_words(about))
    result = _estimate(_bounded(text), known)
    score = min(int(result["score"]), _score_without(text, known))
    least = LEAST_SCORE_ALONE if alone else LEAST_SCORE
    enough = score >= least
    if enough:
        return Strength(score, True, "Strong." if score == 4 else "Good. One more word makes it strong.")
    verdict = _BELOW_LEAST[score]
    reason = _reason(result) if score == int(result["score"]) else "It has a name in it that others know."
    return Strength(score, False, " ".join(filter(None, (verdict, reason, "Add another unrelated word."))))


def check(text: str, about: Iterable[str] = (), *, least_length: int | None = None, alone: bool = False) -> None:
    """Refuse a passphrase that is too short or too easy to guess.

    Raises:
        UserError: says why, field ``passphrase``.
    """
    least = least_length or _least_length()
    if len(text) < least:
        raise UserError(f"Use at least {least} characters. Three unrelated words work well.", field="passphrase")
    if len(text) > MOST_LENGTH:
        raise UserError(f"Use at most {MOST_LENGTH} characters.", field="passphrase")
    found = judge(text, about, least_length=least_length, alone=alone)
    if not found.enough:
        raise UserError(found.words, field="passphrase")


def _least_length() -> int:
    return max(policy().passphrase_least, LEAST_LENGTH)


def _estimate(text: str, about: list[str]) -> dict[str, Any]:
    from zxcvbn import zxcvbn  # late: its dictionaries take a moment to load

    with _one_at_a_time:
        try:
            result: dict[str, Any] = zxcvbn(text, user_inputs=about)
        finally:
            zxcvbn("x", user_inputs=[])  # it would keep the words about the person
    return result


def _score_without(text: str, known: list[str]) -> int:
    """Return the score of what is left without the words that a guesser knows: three of those are no secret.

    zxcvbn alone would count ``dawn ellery 2026`` as five parts to be guessed.
    """
    left = text.casefold()
    for word in sorted({word.casefold() for word in known}, key=len, reverse=True):
        left = left.replace(word, "")
    if left == text.casefold():
        return 4
    return int(_estimate(_bounded(left), known)["score"]) if left.strip() else 0


def _bounded(text: str) -> str:
    """Return the part that is judged, with few enough substitutes for letters that judging stays quick."""
    judged = text[:MOST_JUDGED]
    kept = set(islice(dict.fromkeys(char for char in judged if char in _SUBSTITUTES), _MOST_SUBSTITUTES))
    return "".join("~" if char in _SUBSTITUTES and char not in kept else char for char in judged)


def _known_words(about: Iterable[str]) -> Iterable[str]:
    """Return the parts of names that a guesser would try, and each with its parts run together."""
    for name in islice(about, 20):
        parts = [part for part in "".join(char if char.isalnum() else " " for char in name[:200]).split() if part]
        yield from (part for part in parts if len(part) > 2)
        if len(parts) > 1:
            yield "".join(parts)
    yield from ("rollcall", "council", "passphrase", "children", "caseworker", "education")


def _reason(result: dict[str, Any]) -> str:
    parts: Sequence[dict[str, Any]] = result["sequence"]
    if not parts:
        return ""
    longest = max(parts, key=lambda part: len(part["token"]))
    if longest["pattern"] != "dictionary":
        return _PATTERNS.get(longest["pattern"], "")
    if longest["dictionary_name"] == "user_inputs":
        return "It has a name in it that others know."
    if longest["dictionary_name"] == "passwords":
        return "It is like a well-known password."
    return "Names and single words are tried first." if len(parts) == 1 else ""


_PATTERNS = {
    "spatial": "Keys in a row are tried first.",
    "repeat": "Repeated parts count once.",
    "sequence": "Sequences are tried first.",
    "regex": "Years are tried first.",
    "date": "Dates are tried first.",
}
