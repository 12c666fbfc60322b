"""A letter's body: filled Markdown taken apart into blocks that still hold markers where values go."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.errors import BugError
from app.services.letters import merge
from app.services.letters.pen import Span

Kind = Literal["subject", "heading", "paragraph", "bullet", "signature", "form_text", "form_line", "form_tick"]
WRITING_LINE = "____"


@dataclass(frozen=True, slots=True)
class Part:
    """Words of the template, or a field.

    Attributes:
        field: the merge field whose value stands here; the words are then empty.
    """

    text: str
    bold: bool
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph-like thing.

    Attributes:
        lines: hard lines of parts.
    """

    kind: Kind
    lines: tuple[tuple[Part, ...], ...] = ()


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("zero").enable(["heading", "list", "hr", "fence", "emphasis", "newline", "escape"])


@lru_cache(maxsize=128)
def blocks(filled: str) -> tuple[Block, ...]:
    """Return the blocks of a body that ``merge.fill`` made.

    Raises:
        BugError: it uses Markdown that a letter does not have, such as italics or a numbered list.
    """
    tokens = _markdown().parse(filled)
    found: list[Block] = []
    kind: Kind = "paragraph"
    for token in tokens:
        if token.type == "heading_open":
            kind = "subject" if token.tag == "h1" else "heading"
        elif token.type == "list_item_open":
            kind = "bullet"
        elif token.type in ("heading_close", "list_item_close"):
            kind = "paragraph"
        elif token.type == "inline":
            found.append(Block(kind, tuple(_lines(token, bold=kind in ("subject", "heading")))))
        elif token.type == "hr":
            found.append(Block("signature"))
        elif token.type == "fence":
            found += _form(token)
        elif token.type not in _SILENT:
            raise BugError(f"a letter has no {token.type.removesuffix('_open').replace('_', ' ')}")
    return tuple(found)


_SILENT = ("paragraph_open", "paragraph_close", "bullet_list_open", "bullet_list_close")


def _lines(inline: Token, *, bold: bool) -> Iterator[tuple[Part, ...]]:
    line: list[Part] = []
    strong = 1 if bold else 0
    for token in inline.children or []:
        if token.type == "text":
            line += _parts(token.content, strong > 0)
        elif token.type == "strong_open":
            strong += 1
        elif token.type == "strong_close":
            strong -= 1
        elif token.type == "softbreak":
            line.append(Part(" ", strong > 0))
        elif token.type == "hardbreak":
            yield tuple(line)
            line = []
        else:
            raise BugError(f"a letter has no {token.type.removesuffix('_open')}")
    yield tuple(line)


def _parts(text: str, bold: bool) -> list[Part]:
    return [
        Part(merge.keep_together(words) if field is None else "", bold, field) for words, field in merge.split(text)
    ]


def _form(fence: Token) -> Iterator[Block]:
    if fence.info.strip() != "form":
        raise BugError("a letter has no code")
    for row in fence.content.splitlines():
        if row.strip().startswith("[ ]"):
            yield Block("form_tick", (tuple(_parts(row.strip()[3:].strip(), False)),))
        elif row.rstrip().endswith(WRITING_LINE):
            label = row.rstrip().removesuffix(WRITING_LINE).rstrip()
            yield Block("form_line", (tuple(_parts(label, True)),))
        elif row.strip():
            yield Block("form_text", (tuple(_parts(row.strip(), False)),))


@dataclass(frozen=True, slots=True)
class Written:
    """A block with its values in place."""

    kind: Kind
    lines: tuple[tuple[Span, ...], ...]


def write(block_list: tuple[Block, ...], values: Mapping[str, str]) -> list[Written]:
    """Put values where the markers stand.

    A field with several lines that is all there is to a bullet or paragraph gives as many bullets or hard lines.

    Args:
        values: field name to text; a missing one is written as its label in square brackets.
    """
    written: list[Written] = []
    for block in block_list:
        lone = _lone_field(block)
        rows = values.get(lone, "").strip().splitlines() if lone else []
        if lone and len(rows) > 1:
            spans = [(Span(merge.keep_together(row.strip()), field=lone),) for row in rows if row.strip()]
            if block.kind == "bullet":
                written += [Written("bullet", (span,)) for span in spans]
            else:
                written.append(Written(block.kind, tuple(spans)))
            continue
        written.append(Written(block.kind, tuple(tuple(_span(p, values) for p in line) for line in block.lines)))
    return written


def _lone_field(block: Block) -> str | None:
    if len(block.lines) == 1 and len(block.lines[0]) == 1:
        return block.lines[0][0].field
    return None


def _span(part: Part, values: Mapping[str, str]) -> Span:
    if part.field is None:
        return Span(part.text, part.bold)
    return value_span(part.field, values, bold=part.bold)


def value_span(field: str, values: Mapping[str, str], *, bold: bool = False) -> Span:
    """Return a field's value ready for a line, or its label in brackets where it is missing."""
    value = " ".join(values.get(field, "").split())
    if not value:
        return Span(f"[{merge.FIELDS[field].label}]", bold, field, missing=True)
    return Span(merge.keep_together(value), bold, field)
