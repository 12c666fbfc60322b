"""Reading a document's pages: what text a page has, and where a reason stands on it.

Text comes from a PDF's own text layer. Pictures of pages have none: reading them (OCR) is not part of this version, and
the page says so in words.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import EnvironmentFault
from app.services.access import Permission, require
from app.services.documents.clues import PAGE_BREAK, Span
from app.services.documents.protocol import Box, PageWords
from app.services.documents.suggest import Candidate
from app.services.workspace import Workspace

if TYPE_CHECKING:
    from app.services.documents.render import Pages

TEXT_READ = "Text read from the page: good"
NO_TEXT = "No text on this page"
NO_TEXT_WHY = (
    "This page is a picture without text. Rollcall does not read pictures yet. QR codes of our letters are found."
)


@dataclass(frozen=True, slots=True)
class PageMark:
    """A ring on a page: which reason, and where in shares of the page as it is shown before turning it."""

    number: int
    page: int
    box: Box


def page_text(text: str, page: int) -> str:
    """Return the text of one page, from 0, of ``Document.text``."""
    pages = text.split(PAGE_BREAK)
    return pages[page] if 0 <= page < len(pages) else ""


def marks_of(ws: Workspace, sha256: str, candidate: Candidate) -> tuple[PageMark, ...]:
    """Return where a candidate's reasons stand on the pages; a reason whose place cannot be found is left out."""
    require(ws.actor, Permission.LINK_DOCUMENTS, candidate.case_id)
    pages = ws.documents.pages
    made: list[PageMark] = []
    for reason in candidate.reasons:
        for mark in reason.marks:
            if mark.box is not None:
                made.append(PageMark(reason.number, mark.page, mark.box))
            elif mark.span is not None:
                made.extend(PageMark(reason.number, mark.page, box) for box in _boxes(pages, sha256, mark.span))
    return tuple(made)


def _boxes(pages: "Pages", sha256: str, span: Span) -> list[Box]:
    try:
        return boxes_of(pages.words(sha256, span.page), span)
    except EnvironmentFault:
        return []  # a ring is help, not evidence: without it the words of the reason still stand


def boxes_of(read: PageWords, span: Span) -> list[Box]:
    """Return one box a line around the words that a span touches."""
    lines: list[Box] = []
    line_of_last = -1
    for word in read.words:
        if word.end <= span.start or word.start >= span.end:
            continue
        line = read.text.count("\n", 0, word.start)
        if line == line_of_last:
            left, top, right, bottom = lines[-1]
            l2, t2, r2, b2 = word.box
            lines[-1] = (min(left, l2), min(top, t2), max(right, r2), max(bottom, b2))
        else:
            lines.append(word.box)
        line_of_last = line
    return lines
