"""How alike two values are, in words a person can weigh: same, close (and why), different, not recorded.

Pure functions. A comparison is advice: it never decides that two records are one child.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from app.models.folding import fold, fold_postcode, sound


class Likeness(StrEnum):
    """The four answers of a comparison."""

    SAME = "Same"
    CLOSE = "Close"
    DIFFERENT = "Different"
    NOT_RECORDED = "Not recorded"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two values are.

    Attributes:
        why: for CLOSE, in words, such as "1 digit apart"; may explain the others too.
    """

    likeness: Likeness
    why: str = ""

    @property
    def words(self) -> str:
        """Return what the screen shows."""
        return self.why if self.likeness is Likeness.CLOSE and self.why else self.likeness.value

    def __bool__(self) -> bool:
        return self.likeness in {Likeness.SAME, Likeness.CLOSE}


SAME = Comparison(Likeness.SAME)
DIFFERENT = Comparison(Likeness.DIFFERENT)
NOT_RECORDED = Comparison(Likeness.NOT_RECORDED)


def close(why: str) -> Comparison:
    """Return a close comparison."""
    return Comparison(Likeness.CLOSE, why)


@lru_cache(maxsize=4096)
def compare_names(ours: str, theirs: str) -> Comparison:
    """Compare two names of any number of words: folded, part of, other order, sounds alike, one letter apart."""
    one, two = fold(ours), fold(theirs)
    if not one or not two:
        return NOT_RECORDED
    if one == two or one.replace(" ", "") == two.replace(" ", ""):
        return SAME
    first, second = one.split(), two.split()
    if sorted(first) == sorted(second):
        return close("Names in another order")
    if set(first) <= set(second) or set(second) <= set(first):
        return close("Part of name")
    if len(first) == len(second) and all(_word_alike(a, b) for a, b in zip(first, second, strict=True)):
        return close(_why(first, second))
    shared = [(a, b) for a in first for b in second if _word_alike(a, b)]
    if len(first) != len(second) and len(shared) >= min(len(first), len(second)):
        return close("Part of name, spelt differently")
    return DIFFERENT


def _word_alike(one: str, two: str) -> bool:
    return one == two or _sounds_alike(one, two) or _letters_apart(one, two) == 1


def _sounds_alike(one: str, two: str) -> bool:
    return one[0] == two[0] and len(sound(one)) > 1 and sound(one) == sound(two)


def _why(first: list[str], second: list[str]) -> str:
    apart = [_letters_apart(a, b) for a, b in zip(first, second, strict=True)]
    if sum(apart) == 1:
        return "1 letter apart"
    return "Sounds alike"


@lru_cache(maxsize=65536)
def _letters_apart(one: str, two: str) -> int:
    """Return the edit distance when it is 0 or 1 and both are long enough to mean something, else 9."""
    from rapidfuzz.distance import OSA

    if one == two:
        return 0
    if min(len(one), len(two)) < 3:
        return 9
    return 1 if OSA.distance(one, two, score_cutoff=1) == 1 else 9


def compare_days(ours: date | None, theirs: date | None) -> Comparison:
    """Compare two dates of birth: the same, one digit apart, digits swapped, day and month swapped."""
    if ours is None or theirs is None:
        return NOT_RECORDED
    if ours == theirs:
        return SAME
    if ours.year == theirs.year and (ours.day, ours.month) == (theirs.month, theirs.day):
        return close("Day and month swapped")
    one, two = f"{ours:%d%m%Y}", f"{theirs:%d%m%Y}"
    differing = [index for index in range(8) if one[index] != two[index]]
    if len(differing) == 1:
        return close("1 digit apart")
    if len(differing) == 2 and differing[1] == differing[0] + 1:
        left, right = differing
        if one[left] == two[right] and one[right] == two[left]:
            return close("2 digits swapped")
    return DIFFERENT


def near_days(day: date) -> list[date]:
    """Return the days that :func:`compare_days` calls close to a day, for looking them up in an index."""
    text = f"{day:%d%m%Y}"
    spellings = {text[2:4] + text[:2] + text[4:]}
    for index in range(8):
        spellings |= {text[:index] + digit + text[index + 1 :] for digit in "0123456789"}
        if index < 7:
            spellings.add(text[:index] + text[index + 1] + text[index] + text[index + 2 :])
    spellings.discard(text)
    found = []
    for spelling in spellings:
        try:
            found.append(date(int(spelling[4:]), int(spelling[2:4]), int(spelling[:2])))
        except ValueError:
            continue
    return [near for near in found if near.year >= 1900]


def compare_upns(ours: tuple[str, ...], theirs: tuple[str, ...]) -> Comparison:
    """Compare two sets of UPNs (current first, then former); one in common is the same child's number."""
    one, two = [upn for upn in ours if upn], [upn for upn in theirs if upn]
    if not one or not two:
        return NOT_RECORDED
    if one[0] == two[0]:
        return SAME
    if set(one) & set(two):
        return Comparison(Likeness.SAME, "Same as a former UPN")
    if sum(a != b for a, b in zip(one[0], two[0], strict=False)) == 1 and len(one[0]) == len(two[0]):
        return close("1 character apart")
    return DIFFERENT


def compare_addresses(ours_lines: str, ours_postcode: str, theirs_lines: str, theirs_postcode: str) -> Comparison:
    """Compare two addresses by postcode and by the words of their lines."""
    one, two = fold(ours_lines.replace("\n", " ")), fold(theirs_lines.replace("\n", " "))
    code_one, code_two = fold_postcode(ours_postcode), fold_postcode(theirs_postcode)
    if not (one or code_one) or not (two or code_two):
        return NOT_RECORDED
    same_code = bool(code_one) and code_one == code_two
    if one and two and (one == two or set(one.split()) <= set(two.split()) or set(two.split()) <= set(one.split())):
        if same_code or not (code_one and code_two):
            return SAME
        return close("Same lines, other postcode")
    if same_code:
        return close("Same postcode")
    return DIFFERENT
