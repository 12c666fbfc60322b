"""What a piece of correspondence can be, from ``resources/rules/document_kinds.toml``."""

import tomllib
from dataclasses import dataclass
from functools import cache

from app.paths import RESOURCES
from app.services.letters.code import LETTER_SENT

_FILE = RESOURCES / "rules" / "document_kinds.toml"
_TEXT_LOOKED_AT = 20_000
LONGEST_TITLE = 90
REPLY_SLIP = "reply_slip"
"""The kind of a page of ours that came back."""


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """One kind.

    Attributes:
        key: stored on the document.
        label: words for lists and the timeline.
        task: what to do next, offered as a follow-up task; empty when nothing is.
        phrases: in lower case; when one stands in the text this kind is suggested.
    """

    key: str
    label: str
    task: str
    phrases: tuple[str, ...]


@cache
def document_kinds() -> dict[str, DocumentKind]:
    """Return every kind by key, in the order in which they are offered."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["kind"]
    kinds = [
        DocumentKind(
            entry["key"],
            entry["label"],
            entry["task"],
            tuple(phrase.lower() for phrase in entry["phrases"]),
        )
        for entry in entries
    ]
    return {kind.key: kind for kind in kinds}


def kind_label(key: str) -> str:
    """Return a kind's words; a key this version does not know is shown as "Document"."""
    if key == LETTER_SENT:
        return "Letter sent"
    kind = document_kinds().get(key)
    return kind.label if kind else "Document"


def guess_kind(text: str) -> str:
    """Return the key of the first kind one of whose phrases stands in the text, or an empty text."""
    looked_at = " ".join(text[:_TEXT_LOOKED_AT].lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
    for kind in document_kinds().values():
        if any(phrase in looked_at for phrase in kind.phrases):
            return kind.key
    return ""


def titled(sender: str, kind: str) -> str:
    """Return a title from who it is from and what it is, such as ``Thornwick Academy: school confirms admission``.

    Empty when either is not known.
    """
    if not sender or kind not in document_kinds():
        return ""
    label = kind_label(kind)
    return f"{sender}: {label[:1].lower()}{label[1:]}"[:LONGEST_TITLE]
