"""A one-page letter against the same page drawn by bare ReportLab, its QR code as one path.

Both draw the same words at the same places in the same fonts; the rival is handed every line ready broken. They take
turns in one process, and the ratio is of the medians. What each new letter costs is measured, so the values differ
from turn to turn.
"""

import argparse
import io
import json
import statistics
import time
from dataclasses import dataclass
from typing import Any
from unittest import mock

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from app.ids import new_id
from app.services.letters import body, code, crest, fonts, merge, qr, templates
from app.services.letters.measures import MARGIN, MM, PAGE_HEIGHT, PAGE_WIDTH
from app.services.letters.pen import Pen
from app.services.letters.typeset import Content, typeset

TURNS = {"small": 15, "full": 60}
TARGET = 2.0
ONE_PAGE = """
# Tell us about {{ child_first_name }}’s education

We are writing about {{ child_name }}, born {{ child_dob }}. As far as we know, {{ child_first_name }} left
{{ last_school }} on {{ last_on_roll }}.

We do not have enough information to know that {{ child_first_name }} is getting a suitable, full-time education.

## What you need to do

Tell us by **{{ reply_by }}** how {{ child_first_name }} is being educated. You can:

- tell us the name of the school and the date {{ child_first_name }} started
- send us information about education at home
- ring {{ officer_name }} to talk about what is happening

## If we do not hear from you

We will go on looking for {{ child_first_name }}. We may ask schools, health services and other councils.

## If you need help

Ring {{ officer_phone }}. {{ alt_format_line }}
"""
VALUES = {
    "doc_ref": "CME-2026-00377/L4",
    "date_of_letter": "17 November 2026",
    "officer_name": "Dawn Ellery",
    "officer_role": "Children Missing Education officer",
    "officer_phone": "01632 960144",
    "team_email": "cme@marlshire.example",
    "office_address": "County Offices, Aldermere MH1 1AA",
    "council_name": "Marlshire County Council",
    "service_name": "Children’s Services",
    "duty_number": "01632 960199",
    "privacy_notice_link": "marlshire.example/cme-privacy",
    "recipient_name": "Mr Gareth Pendleford",
    "recipient_address": "17 Weir Cottages\nKingsholt\nMH7 3DD",
    "salutation": "Mr Pendleford",
    "child_name": "Rhys Pendleford",
    "child_first_name": "Rhys",
    "child_dob": "21 June 2012",
    "alt_format_line": "We can explain this letter, arrange an interpreter, or send it in large print.",
    "last_school": "Saltenby Academy",
    "last_on_roll": "9 October 2026",
    "reply_by": "Friday 27 November 2026",
}

ARABIC = {"child_name": "محمد علي الحسن", "child_first_name": "محمد"}


@dataclass(frozen=True, slots=True)
class Words:
    left: float
    baseline: float
    text: str
    bold: bool
    size: float


def letter(turn: int, text: str = ONE_PAGE, **more: str) -> tuple[bytes, int]:
    """Merge and typeset one letter to somebody new."""
    values = {**VALUES, **more, "recipient_name": f"Mr Gareth Pendleford {turn}", "salutation": f"Mr Pendleford {turn}"}
    content = Content(values, body.blocks(merge.fill(text, values)), code.make(new_id()), title="Bench")
    made = typeset(content)
    return made.pdf, made.page_count


def recorded() -> list[Words]:
    """Return every word of the page with its place, as the letter draws it."""
    words: list[Words] = []
    draw = Pen.draw

    def record(pen: Pen, left: float, baseline: float, spans: list[Any], size: float) -> Any:
        placed = draw(pen, left, baseline, spans, size)
        words.extend(Words(left + p.left, baseline, p.span.text, p.span.bold, size) for p in placed)
        return placed

    with mock.patch.object(Pen, "draw", record):
        _pdf, pages = letter(0)
    assert pages == 1
    return words


def bare_faces() -> None:
    """Register the same two files once more, as ReportLab alone would use them."""
    for weight in ("Regular", "Bold"):
        font = TTFont(f"Bare-{weight}", str(fonts.FOLDER / f"LiberationSans-{weight}.ttf"))
        font.face.name = f"Bare-{weight}".encode()  # else ReportLab hands back the letters' own face of that file
        pdfmetrics.registerFont(font)


def bare(words: list[Words]) -> bytes:
    """Draw the page with ReportLab's canvas alone."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(PAGE_WIDTH, PAGE_HEIGHT), invariant=1, pageCompression=1)
    crest.draw(canvas, MARGIN, PAGE_HEIGHT - 14.5 * MM, 15 * MM)
    canvas.setFillColorRGB(0, 0, 0)
    for each in words:
        canvas.setFont("Bare-Bold" if each.bold else "Bare-Regular", each.size)
        canvas.drawString(each.left, each.baseline, each.text)
    canvas.line(MARGIN, 140, PAGE_WIDTH - MARGIN, 140)
    qr.draw(canvas, code.make(new_id()), MARGIN, 19.5 * MM, 25 * MM)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _timed(work: Any) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def run(scale: str) -> list[dict[str, Any]]:
    """Measure.

    Args:
        scale: small or full.

    Returns:
        One line a figure: name, value, unit, floor, ratio, target, ok.
    """
    words = recorded()
    bare_faces()
    first = templates.template("L01").body
    for turn in range(3):
        letter(turn), letter(turn, first), letter(turn, **ARABIC), bare(words)
    ours, floors, two_pages, shaped = [], [], [], []
    for turn in range(TURNS[scale]):
        floors.append(_timed(lambda: bare(words)))
        ours.append(_timed(lambda turn=turn: letter(turn)))
        shaped.append(_timed(lambda turn=turn: letter(turn, **ARABIC)))
        two_pages.append(_timed(lambda turn=turn: letter(turn, first)))
    floor = statistics.median(floors)
    lines = []
    for name, times, target in (
        ("letter_one_page", ours, TARGET),
        # A face for shaping is loaded afresh for every letter, so that the same letter gives the same bytes.
        ("letter_with_an_arabic_name", shaped, 2 * TARGET),
        # Two pages may cost twice one page.
        ("letter_first_enquiry_two_pages", two_pages, 2 * TARGET),
    ):
        value = statistics.median(times)
        ratio = value / floor
        lines.append(
            {
                "name": name,
                "value": round(value, 3),
                "unit": "ms",
                "floor": round(floor, 3),
                "ratio": round(ratio, 3),
                "target": target,
                "ok": ratio <= target,
            }
        )
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=sorted(TURNS), default="full")
    for line in run(parser.parse_args().scale):
        print(json.dumps(line))
