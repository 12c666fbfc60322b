"""What the composer asks of the services, run off the window's thread; ids and frozen values in and out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

if TYPE_CHECKING:
    from app.services.letters.compose import Composed
    from app.services.letters.draft import LetterDraft
    from app.services.letters.facts import Facts
    from app.services.letters.letters import Issued
    from app.services.letters.listing import LetterLine
    from app.services.letters.pictures import PageImage
    from app.services.letters.templates import Template
    from app.services.letters.typeset import FieldBox
    from app.services.workspace import Workspace
    from app.views.letters.printing import Sheets


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A template in the list; a row with no id is the heading of a group."""

    id: str
    title: str
    group: str
    approval: bool = False


@dataclass(frozen=True, slots=True)
class OpenedLetter:
    """A letter to be written, or one that has gone out (``sent`` is then its line, and ``pdf`` its bytes)."""

    facts: "Facts"
    draft: "LetterDraft | None"
    templates: tuple[TemplateRow, ...]
    sent: "LetterLine | None" = None
    pages: tuple[QImage, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """A draft as it looks now."""

    composed: "Composed"
    pages: tuple[QImage, ...]
    boxes: "tuple[FieldBox, ...]"
    dpi: float
    text: str


def open_letter(ws: "Workspace", case_id: str, template_id: str, letter_id: str, dpi: float) -> OpenedLetter:
    """Read what the composer needs.

    Args:
        ws: the workspace.
        case_id: for a new letter.
        template_id: for a new letter; the first template when empty.
        letter_id: of a draft or a letter that has gone out; empty for a new one.
        dpi: to draw a sent letter at.
    """
    from app.services.letters import facts, letters, listing
    from app.services.letters.templates import templates

    rows = _rows(templates())
    if letter_id:
        line = listing.letter(ws, letter_id)
        if line.issued_at is not None:
            pages = images(letters.issued_bytes(ws, letter_id), dpi)
            return OpenedLetter(facts.read(ws, line.case_id), None, rows, line, pages)
        return OpenedLetter(facts.read(ws, line.case_id), letters.load(ws, letter_id), rows)
    found = facts.read(ws, case_id)
    chosen = template_id or next(row.id for row in rows if row.id)
    return OpenedLetter(found, letters.new(found, chosen), rows)


def open_correction(ws: "Workspace", letter_id: str) -> OpenedLetter:
    """Return a new draft that corrects a letter which has gone out."""
    from app.services.letters import facts, letters
    from app.services.letters.templates import templates

    draft = letters.correct(ws, letter_id)
    return OpenedLetter(facts.read(ws, draft.case_id), draft, _rows(templates()))


def render(facts: "Facts", draft: "LetterDraft", dpi: float) -> Rendered:
    """Compose a draft and draw its pages."""
    from app.services.letters import letters
    from app.services.letters.compose import compose

    composed = compose(facts, draft)
    shown = letters.preview(composed)
    return Rendered(composed, images(shown.pdf, dpi), shown.boxes, dpi, shown.text)


def keep(ws: "Workspace", draft: "LetterDraft") -> "LetterDraft":
    """Keep what is typed on this laptop."""
    from app.services.letters import letters

    return letters.keep(ws, draft)


def save(ws: "Workspace", draft: "LetterDraft") -> "LetterDraft":
    """Save a draft to the record."""
    from app.services.letters import letters

    return letters.save(ws, draft)


def issue(ws: "Workspace", draft: "LetterDraft") -> "Issued":
    """Send a letter."""
    from app.services.letters import letters

    return letters.issue(ws, draft)


def sheets_to_print(ws: "Workspace", letter_id: str) -> "Sheets":
    """Return a sent letter for a printer; the printing is audited."""
    from app.services.audit import Action
    from app.services.letters import letters
    from app.views.letters.printing import prepare

    sheets = prepare(letters.issued_bytes(ws, letter_id), images)
    ws.audit(Action.PRINTED_LETTER, "letter", letter_id)
    return sheets


def forget() -> None:
    """Drop the words remembered from letters: the window has locked or closed."""
    from app.services.letters import typeset

    typeset.forget_words()


def images(pdf: bytes, dpi: float) -> tuple[QImage, ...]:
    """Draw a letter's pages as images."""
    from app.services.letters import pictures

    return tuple(_image(page) for page in pictures.draw(pdf, dpi))


def _image(page: "PageImage") -> QImage:
    image = QImage(page.rows, page.width, page.height, page.width * 4, QImage.Format.Format_RGBX8888).copy()
    image.setDotsPerMeterX(round(page.dpi / 0.0254))
    image.setDotsPerMeterY(round(page.dpi / 0.0254))
    return image


def _rows(found: "tuple[Template, ...]") -> tuple[TemplateRow, ...]:
    rows: list[TemplateRow] = []
    groups: dict[str, list[TemplateRow]] = {}
    for each in found:
        row = TemplateRow(each.id, each.front.title, each.front.group, each.needs_approval)
        groups.setdefault(each.front.group, []).append(row)
    for group, members in groups.items():
        rows += [TemplateRow("", group, group), *members]
    return tuple(rows)
