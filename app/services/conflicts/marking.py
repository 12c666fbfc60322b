"""Which characters of two texts differ, for the eye: word by word, and inside a word where only a part changed."""

import re
import unicodedata
from difflib import SequenceMatcher
from typing import Final

Marks = tuple[tuple[int, int], ...]
"""Half-open character ranges, in order."""

_PIECES: Final = re.compile(r"\w+|[^\w\s]|\s+")
_MOST_PIECES: Final = 600
"""Comparing grows with the square of the length; longer texts are compared from both ends only."""


def marks_of(first: str, second: str) -> tuple[Marks, Marks]:
    """Return what differs in each of two texts.

    Args:
        first, second: as they are shown.

    Returns:
        The ranges in the first and in the second; both empty where they are equal.
    """
    if first == second:
        return (), ()
    ours, theirs = _pieces(first), _pieces(second)
    if max(len(ours), len(theirs)) > _MOST_PIECES:
        return _ends(first, second)
    mine: list[tuple[int, int]] = []
    other: list[tuple[int, int]] = []
    matcher = SequenceMatcher(a=[text for text, _ in ours], b=[text for text, _ in theirs], autojunk=False)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        left, right = _range(ours, a1, a2, len(first)), _range(theirs, b1, b2, len(second))
        if tag == "replace":
            left, right = _inside(first, left, second, right)
        mine.append(left)
        other.append(right)
    return _tidy(first, mine), _tidy(second, other)


def _pieces(text: str) -> list[tuple[str, int]]:
    return [(found.group(), found.start()) for found in _PIECES.finditer(text)]


def _range(pieces: list[tuple[str, int]], start: int, stop: int, length: int) -> tuple[int, int]:
    if start == stop:
        at = pieces[start][1] if start < len(pieces) else length
        return at, at
    last, begins = pieces[stop - 1]
    return pieces[start][1], begins + len(last)


def _inside(first: str, left: tuple[int, int], second: str, right: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Leave out what two different words begin and end with, unless nothing of one of them would be marked."""
    one, two = first[left[0] : left[1]], second[right[0] : right[1]]
    begins = _common(one, two)
    ends = _common(one[begins:][::-1], two[begins:][::-1])
    # An accent is never parted from its letter.
    while begins and any(_joins(text[begins : begins + 1]) for text in (one, two)):
        begins -= 1
    while ends and _joins(one[len(one) - ends]):
        ends -= 1
    shorter = min(len(one), len(two))
    # One word against another of which most is the same; other words that happen to end alike are marked whole.
    if not (one.isalnum() and two.isalnum()) or begins + ends >= shorter or 2 * (begins + ends) < shorter:
        return left, right
    return (left[0] + begins, left[1] - ends), (right[0] + begins, right[1] - ends)


def _common(one: str, two: str) -> int:
    count = 0
    for a, b in zip(one, two, strict=False):
        if a != b:
            break
        count += 1
    return count


def _joins(character: str) -> bool:
    return bool(character) and (unicodedata.combining(character) != 0 or character in "\u200d\ufe0f")


def _ends(first: str, second: str) -> tuple[Marks, Marks]:
    begins = _common(first, second)
    ends = _common(first[begins:][::-1], second[begins:][::-1])
    return (
        _tidy(first, [(begins, len(first) - ends)]),
        _tidy(second, [(begins, len(second) - ends)]),
    )


def _tidy(text: str, ranges: list[tuple[int, int]]) -> Marks:
    """Join ranges with only spaces between, drop empty ones, and leave spaces at the edges unmarked."""
    joined: list[tuple[int, int]] = []
    for start, stop in ranges:
        while start < stop and text[start].isspace():
            start += 1
        while stop > start and text[stop - 1].isspace():
            stop -= 1
        if start >= stop:
            continue
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return tuple(joined)
