"""What the vault's process and the parsing worker say to each other: MessagePack frames over a pipe.

Not pickle: a worker that a hostile file has taken over must not be able to run anything on this side.
"""

from enum import StrEnum

import msgspec


class Problem(StrEnum):
    """Why a file is not taken."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNKNOWN_KIND = "unknown_kind"
    LOCKED = "locked"
    CUT_SHORT = "cut_short"
    DAMAGED = "damaged"
    NO_PAGES = "no_pages"
    TOO_MANY_PAGES = "too_many_pages"
    PICTURE_TOO_LARGE = "picture_too_large"
    TOOK_TOO_LONG = "took_too_long"
    BROKE_THE_READER = "broke_the_reader"


Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the page, from its top left as shown."""


class Check(msgspec.Struct, tag="check"):
    """Check and read a file that has just arrived."""

    data: bytes


class Draw(msgspec.Struct, tag="draw"):
    """Draw one page, from 0, at a width in pixels. ``data`` is sent when the worker does not hold the file yet."""

    sha256: str
    page: int
    width: int
    data: bytes | None = None


class ReadWords(msgspec.Struct, tag="words"):
    """Read the words of one page with their places."""

    sha256: str
    page: int
    data: bytes | None = None


class Code(msgspec.Struct, frozen=True):
    """A QR code found on a page."""

    page: int
    text: str
    box: Box


class Checked(msgspec.Struct, tag="checked"):
    """A file that may be kept.

    Attributes:
        texts: the text of each page; empty where there is no text layer.
        flags: what a person should know, such as ``script`` (see ``intake.FLAG_WORDS``).
    """

    media_type: str
    page_count: int
    texts: list[str]
    codes: list[Code]
    flags: list[str]


class Picture(msgspec.Struct, tag="picture", frozen=True):
    """A drawn page: rows of red, green, blue and a byte of no meaning; four bytes a pixel, no padding."""

    width: int
    height: int
    rgba: bytes


class Word(msgspec.Struct, frozen=True, array_like=True):
    """Characters ``start`` to ``end`` (exclusive) of the page's text, and where they stand."""

    start: int
    end: int
    box: Box


class PageWords(msgspec.Struct, tag="page_words", frozen=True):
    """A page's text and the places of its words."""

    text: str
    words: list[Word]


class Refused(msgspec.Struct, tag="refused"):
    """The file is not taken. ``detail`` is a number or a word for the message, never content."""

    problem: Problem
    detail: str = ""


class BytesWanted(msgspec.Struct, tag="bytes_wanted"):
    """The worker does not hold this file; ask again with its bytes."""


Request = Check | Draw | ReadWords
Answer = Checked | Picture | PageWords | Refused | BytesWanted


class FileProblemError(Exception):
    """Raised while parsing: why a file is not taken."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.detail = detail
