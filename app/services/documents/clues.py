"""Finding references, UPNs, dates, postcodes and words in a document's text. Pure: no records are read here."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from app.models.folding import fold, fold_postcode
from app.services.upn import normalise as normalise_upn

K = TypeVar("K")
PAGE_BREAK = "\f"
"""Between the texts of pages in ``Document.text``."""
_MOST = 200
"""Of each sort of clue; a page that holds more is a list, not a letter about a child."""
_REFERENCE = re.compile(r"\bCME\s?[-\N{EN DASH}/ ]\s?(\d{4})\s?[-\N{EN DASH}/ ]\s?(\d{1,6})\b", re.IGNORECASE)
_UPN = re.compile(r"\b[A-HJ-NP-RT-Z]\s?\d{3}\s?\d{4}\s?\d{2}\s?\d{2}[0-9A-HJ-NP-RT-Z]\b")
_POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WRITTEN = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({_MONTH})\.?,?\s+(\d{{4}})\b", re.IGNORECASE)
_AMERICAN = re.compile(rf"\b({_MONTH})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})\b", re.IGNORECASE)
_FIGURES = re.compile(r"\b(\d{1,2})\s?[/.-]\s?(\d{1,2})\s?[/.-]\s?(\d{4}|\d{2})\b")
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_TOKEN = re.compile(r"[^\W_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}][^\W_]+)*")
_BETWEEN_NAMES = 2
"""Words that may stand between a forename and a surname: middle names."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one page's text: page from 0, characters ``start`` to ``end`` (exclusive)."""

    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Token:
    """A word, folded, and where it stands."""

    folded: str
    span: Span
    capital: bool


@dataclass(slots=True)
class Clues:
    """What was found, each with where it first stands.

    Attributes:
        references: (year, number) of a case.
        upns: in upper case without spaces.
        dates: days written anywhere in the text.
        postcodes: in upper case without spaces.
        tokens: every word in order.
        places: folded word to its positions in ``tokens``.
    """

    references: dict[tuple[int, int], Span] = field(default_factory=dict)
    upns: dict[str, Span] = field(default_factory=dict)
    dates: dict[date, Span] = field(default_factory=dict)
    postcodes: dict[str, Span] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    places: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def name(self, forename: str, surname: str) -> Span | None:
        """Return where a whole name stands, in either order, or None.

        Args:
            forename: folded; every word of it must stand together.
            surname: folded; likewise, beside the forename or with middle names between.
        """
        first, last = forename.split(), surname.split()
        if not first or not last:
            return None
        for start in self._runs(first):
            for gap in range(_BETWEEN_NAMES + 1):
                after = start + len(first) + gap
                if self._stands_at(last, after):
                    return self._over(start, after + len(last))
            before = start - len(last)
            if self._stands_at(last, before):
                return self._over(before, start + len(first))
        return None

    def _runs(self, words: list[str]) -> Iterator[int]:
        return (start for start in self.places.get(words[0], ()) if self._stands_at(words, start))

    def _stands_at(self, words: list[str], start: int) -> bool:
        if start < 0:
            return False
        found = [token.folded for token in self.tokens[start : start + len(words)]]
        return found == words and self.tokens[start].span.page == self.tokens[start + len(words) - 1].span.page

    def _over(self, start: int, end: int) -> Span | None:
        first, last = self.tokens[start].span, self.tokens[end - 1].span
        return Span(first.page, first.start, last.end) if first.page == last.page else None


def find_clues(text: str) -> Clues:
    """Return what a document's text holds; pages are separated by ``PAGE_BREAK``."""
    clues = Clues()
    for page, content in enumerate(text.split(PAGE_BREAK)):
        for match in _REFERENCE.finditer(content):
            _note(clues.references, (int(match[1]), int(match[2])), _span(page, match))
        for match in _UPN.finditer(content):
            _note(clues.upns, normalise_upn(match[0]), _span(page, match))
        for match in _POSTCODE.finditer(content):
            _note(clues.postcodes, fold_postcode(match[0]), _span(page, match))
        for day, match in _days(content):
            _note(clues.dates, day, _span(page, match))
        for match in _TOKEN.finditer(content):
            # A hyphenated surname is two words here and in the folded name alike.
            for word in fold(match[0]).split():
                clues.places[word].append(len(clues.tokens))
                clues.tokens.append(Token(word, _span(page, match), match[0][0].isupper()))
    return clues


def _note(found: dict[K, Span], key: K, span: Span) -> None:
    if len(found) < _MOST:
        found.setdefault(key, span)


def _span(page: int, match: re.Match[str]) -> Span:
    return Span(page, match.start(), match.end())


def _days(content: str) -> Iterator[tuple[date, re.Match[str]]]:
    for match in _WRITTEN.finditer(content):
        yield from _day(match, match[3], _MONTHS[match[2].lower()], match[1])
    for match in _AMERICAN.finditer(content):
        yield from _day(match, match[3], _MONTHS[match[1].lower()], match[2])
    for match in _ISO.finditer(content):
        yield from _day(match, match[1], match[2], match[3])
    for match in _FIGURES.finditer(content):
        year = match[3] if len(match[3]) == 4 else f"20{match[3]}"
        yield from _day(match, year, match[2], match[1])


def _day(
    match: re.Match[str], year: str | int, month: str | int, day: str | int
) -> Iterator[tuple[date, re.Match[str]]]:
    try:
        yield date(int(year), int(month), int(day)), match
    except ValueError:
        return
