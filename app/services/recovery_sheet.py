"""The sheet a recovery key is kept on: one A4 page, made in memory, to be printed or saved where the person chooses.

The sheet opens the laptop by itself, so it holds no person's name, no passphrase and no QR code: a code would invite
a photograph, and a photograph ends up in a cloud.
"""

import io
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app.timesource import format_date

FILE_NAME = "Rollcall recovery sheet.pdf"
TITLE = "Rollcall recovery sheet"
_MARGIN = 62.0
_BODY = 12.0
_KEEP = (
    "Lock it away where you keep other confidential papers, such as a locked cabinet in the office.",
    "Keep it apart from the laptop. Never carry the two together.",
    "Do not photograph it, scan it or send it. Do not keep a copy on the laptop.",
)
_WHEN = (
    "when you have forgotten your passphrase, or",
    "when the laptop's own keyring was lost or changed, for example after IT rebuilt your profile.",
)
_HOW = (
    "Start Rollcall. Choose “Forgotten your passphrase?”, then “I have the recovery key”.",
    "Type the seven groups in the box above. Capitals, hyphens and spaces do not matter. There is no letter O, I or L: "
    "a round sign is a zero, an upright stroke is a one.",
    "The last two characters check the rest, so Rollcall tells you when one is mistyped.",
    "Choose a new passphrase and print a new sheet. Then shred this one: its key no longer works.",
)


@dataclass(frozen=True, slots=True)
class RecoverySheet:
    """What a sheet says.

    Attributes:
        groups: the recovery key, seven groups of four characters.
        laptop: the laptop's name.
        made_on: the day the key was made.
    """

    groups: tuple[str, ...] = field(repr=False)
    laptop: str
    made_on: date


def draw_sheet(sheet: RecoverySheet) -> bytes:
    """Return the sheet as a PDF of one A4 page."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, lang="en-GB", invariant=1)
    canvas.setTitle(TITLE)
    canvas.setAuthor("Rollcall")
    pen = _Pen(canvas, A4[1] - _MARGIN, A4[0])
    pen.heading(TITLE, 22)
    pen.line(f"Laptop: {sheet.laptop[:60] or 'not named'}")
    pen.line(f"Key made on {format_date(sheet.made_on)}")
    pen.gap(8)
    pen.paragraph(
        "This key opens Rollcall on this laptop without the passphrase. Whoever holds both this sheet and the laptop "
        "can read every record on it."
    )
    pen.key(sheet.groups)
    pen.heading("Keep it safe", 14)
    pen.points(_KEEP)
    pen.heading("You need it", 14)
    pen.points(_WHEN)
    pen.heading("How to use it", 14)
    pen.points(_HOW, numbered=True)
    pen.heading("If the sheet is lost or somebody has seen it", 14)
    pen.paragraph(
        "Open Settings, then Security, and make a new recovery key. The old one stops working at once. If the laptop "
        "is missing too, tell IT and your information governance team straight away."
    )
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


class _Pen:
    """Writes down a page."""

    def __init__(self, canvas: Any, top: float, width: float) -> None:
        from app.services.letters.fonts import MAIN, face

        self._canvas, self._y, self._width = canvas, top, width
        self._plain, self._bold = face(f"{MAIN}-Regular").fontName, face(f"{MAIN}-Bold").fontName

    def gap(self, points: float) -> None:
        self._y -= points

    def line(self, text: str, *, indent: float = 0.0) -> None:
        self._canvas.setFont(self._plain, _BODY)
        self._y -= _BODY * 1.4
        self._canvas.drawString(_MARGIN + indent, self._y, text)

    def heading(self, text: str, size: float) -> None:
        self.gap(10)
        self._canvas.setFont(self._bold, size)
        self._y -= size * 1.2
        self._canvas.drawString(_MARGIN, self._y, text)
        self.gap(2)

    def paragraph(self, text: str, *, indent: float = 0.0) -> None:
        from reportlab.lib.utils import simpleSplit

        for part in simpleSplit(text, self._plain, _BODY, self._width - 2 * _MARGIN - indent):
            self.line(part, indent=indent)

    def points(self, texts: tuple[str, ...], *, numbered: bool = False) -> None:
        for number, text in enumerate(texts, 1):
            top = self._y
            self.paragraph(text, indent=18)
            self._canvas.setFont(self._plain, _BODY)
            self._canvas.drawString(_MARGIN, top - _BODY * 1.4, f"{number}." if numbered else "•")
            self.gap(2)

    def key(self, groups: tuple[str, ...]) -> None:
        """Draw the groups large, four to a row, each character in a place of its own and each group numbered."""
        cell, size, gap, a_row = 24.0, 26.0, 22.0, 4
        rows = [groups[start : start + a_row] for start in range(0, len(groups), a_row)]
        height = len(rows) * 58.0 + 14.0
        self.gap(14)
        self._canvas.setLineWidth(1.2)
        self._canvas.roundRect(_MARGIN, self._y - height, self._width - 2 * _MARGIN, height, 6)
        left = _MARGIN + (self._width - 2 * _MARGIN - (a_row * 4 * cell + (a_row - 1) * gap)) / 2
        for down, row in enumerate(rows):
            base = self._y - 52.0 - down * 58.0
            for across, group in enumerate(row):
                x = left + across * (4 * cell + gap)
                self._canvas.setFont(self._plain, 12)
                self._canvas.drawString(x + 4, base + 27, str(down * a_row + across + 1))
                self._canvas.setFont(self._bold, size)
                for place, character in enumerate(group):
                    self._canvas.drawCentredString(x + (place + 0.5) * cell, base, character)
        self._y -= height
        self.gap(6)
