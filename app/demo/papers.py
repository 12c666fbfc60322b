"""The papers of the demonstration, made when it is built: what waits in the tray, and what is linked already."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import TYPE_CHECKING

from app.demo.days import Days
from app.paths import RESOURCES
from app.timesource import format_date, format_weekday

if TYPE_CHECKING:
    from PIL import Image
    from reportlab.pdfgen.canvas import Canvas

_FONTS = RESOURCES / "fonts"
_LEFT, _TOP, _LINE = 70, 780, 15
_INK = (38, 48, 92)


@dataclass(frozen=True, slots=True)
class Paper:
    """A file as it arrives.

    Attributes:
        source: scan or email.
        working_day, at: when it came.
    """

    name: str
    data: bytes
    source: str
    working_day: int
    at: str


@dataclass(frozen=True, slots=True)
class _Head:
    name: str
    lines: tuple[str, ...]


def tray(days: Days, born: date, noor_born: date) -> list[Paper]:
    """Return the four papers that wait, newest last.

    Args:
        days: dates around today.
        born: Zofia Halewicz's date of birth.
        noor_born: Noor Salvani's.
    """
    return [
        Paper("GP registration slip.jpg", gp_slip(days), "email", -1, "16:42"),
        Paper("scan0003.pdf", kingsholt_reply(days, noor_born), "scan", 0, "08:03"),
        Paper("Handwritten letter, no address.png", handwritten(), "scan", 0, "08:04"),
        Paper("scan0001.pdf", thornwick_admission(days, born), "scan", 0, "08:05"),
    ]


def thornwick_admission(days: Days, born: date) -> bytes:
    """Return two pages: an academy confirms an admission, quoting reference and UPN; and its admission form."""
    head = _Head("Thornwick Academy", ("Mill Lane, Thornwick TK3 9QX", "01632 960188"))
    admitted = days.working(-6)
    first = [
        "",
        "Children Missing Education team",
        "Marlshire County Council",
        "County Offices, Aldermere MH1 1AA",
        "",
        format_date(days.working(-3)),
        f"Your reference: CME-{days.today.year}-00398",
        "",
        "*Confirmation of admission",
        f"Pupil: Zofia Halewicz, born {format_date(born)}",
        "UPN: G999206814057",
        "",
        "I am writing to confirm that Zofia was admitted to Thornwick Academy on",
        f"{format_weekday(admitted)} and has attended every day since. She is in form",
        "8W. Her parents gave a new address in Thornwick, which is on our",
        "admission form (page 2).",
        "",
        "We have requested her common transfer file from Saltenby Academy.",
        "",
        "Yours faithfully",
        "~",
        "",
        "J. Marchbank",
        "Attendance and admissions officer",
    ]
    second = [
        "",
        "*Admission form, in-year",
        "",
        "Pupil: Zofia Halewicz",
        f"Date of birth: {format_date(born)}",
        f"Admitted on: {format_date(admitted)}",
        "Form: 8W",
        "Address: 4 Copse Way, Thornwick TK3 9CX",
        "Parents: Beata Halewicz, Marek Halewicz",
        "Language at home: Polish",
    ]
    return _pdf([(head, first), (head, second)])


def kingsholt_reply(days: Days, born: date) -> bytes:
    """Return three pages: another council answers about Noor Salvani."""
    head = _Head("Kingsholt Council", ("Education Welfare", "Town Hall, Kingsholt MH7 1TH", "01632 960175"))
    first = [
        "",
        format_date(days.working(-2)),
        f"Your reference: CME-{days.today.year}-00405",
        "",
        "*Reply to your enquiry",
        f"Child: Noor Salvani, born {format_date(born)}",
        "",
        "You asked whether this child is known to this council. We have searched",
        "admissions, schools, housing and early help. The results are on the next",
        "two pages.",
        "",
        "Yours faithfully",
        "~",
        "",
        "P. Drewett",
        "Education welfare officer",
    ]
    found = [
        "",
        "*What we searched",
        "",
        "Admissions: no application.",
        "Schools: not on roll.",
        "Early help: not known.",
    ]
    home = [
        "",
        "*Housing",
        "",
        "A tenancy in the family name began at Priory Gardens last month. The",
        "housing officer has not yet seen the children.",
    ]
    return _pdf([(head, first), (head, found), (head, home)])


def housing_letter(days: Days) -> bytes:
    """Return the page from Saltenby Housing that is linked to Isla Merrow's case."""
    head = _Head("Saltenby Housing", ("Quay House, Saltenby MH5 1QH", "01632 960176"))
    lines = [
        "",
        format_date(days.working(-3)),
        f"Your reference: CME-{days.today.year}-00412",
        "",
        "*Flat 2, 41 Tanner’s Row",
        "",
        "The tenancy of Ms Carla Merrow is still open. The rent is up to date and",
        "was last paid on the first of this month.",
        "",
        "Yours faithfully",
        "~",
        "",
        "T. Okafor",
        "Housing officer",
    ]
    return _pdf([(head, lines)])


def walk_in_letter(days: Days, name: str, reference: str) -> bytes:
    """Return the one page that arrives during the journey, for a case that was opened a moment ago."""
    head = _Head("Pennyford Primary", ("Mill Bank, Pennyford MH6 8AA", "01632 960181"))
    lines = [
        "",
        format_date(days.today),
        f"Your reference: {reference}",
        "",
        f"*{name}",
        "",
        f"{name} last attended on {format_weekday(days.working(-9))}. We rang every number we",
        "hold on three days and called at the home once. There was no reply.",
        "",
        "Yours faithfully",
        "~",
        "",
        "A. Pomfret",
        "School office",
    ]
    return _pdf([(head, lines)])


def handwritten() -> bytes:
    """Return a picture of a page written by hand, without an address, that no machine can read."""
    from PIL import Image, ImageDraw

    random = Random(7)
    page = Image.new("RGB", (1240, 1754), (252, 250, 244))
    draw = ImageDraw.Draw(page)
    for line in range(9):
        x, y = 150.0, 260.0 + line * 120
        while x < (900 if line == 8 else 1060):
            points, width = [], random.randint(40, 130)
            for step in range(width // 3):
                points.append((x + step * 3, y + random.uniform(-16, 16) - (34 if random.random() < 0.06 else 0)))
            draw.line(points, fill=_INK, width=4, joint="curve")
            x += width + random.randint(22, 40)
    return _picture(page, "PNG")


def gp_slip(days: Days) -> bytes:
    """Return a photograph of a registration slip, a little askew, with two first names it could mean."""
    from PIL import Image, ImageDraw, ImageFont

    slip = Image.new("RGB", (1000, 620), (250, 250, 246))
    draw = ImageDraw.Draw(slip)
    big = ImageFont.truetype(str(_FONTS / "letters" / "LiberationSans-Bold.ttf"), 40)
    plain = ImageFont.truetype(str(_FONTS / "letters" / "LiberationSans-Regular.ttf"), 30)
    draw.rectangle((8, 8, 991, 611), outline=(90, 90, 90), width=3)
    draw.text((50, 40), "Aldermere Surgery", font=big, fill=(20, 40, 60))
    draw.text((50, 95), "Registration slip", font=plain, fill=(20, 40, 60))
    words = ["Family name: Merrow", "First name: I / F", "Date: " + format_date(days.working(-4)), "Signed at the desk"]
    for place, line in enumerate(words):
        draw.text((50, 190 + place * 80), line, font=plain, fill=_INK)
    desk = Image.new("RGB", (1240, 900), (96, 88, 78))
    desk.paste(slip.rotate(2.5, expand=True, fillcolor=(96, 88, 78), resample=Image.Resampling.BICUBIC), (100, 110))
    return _picture(desk, "JPEG")


def _picture(page: "Image.Image", kind: str) -> bytes:
    stream = io.BytesIO()
    page.save(stream, kind, dpi=(150, 150))
    return stream.getvalue()


def _pdf(pages: Sequence[tuple[_Head, Sequence[str]]]) -> bytes:
    """Draw pages of plain lines; ``*`` begins a bold line, ``~`` is a signature."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    for name in ("Regular", "Bold"):
        pdfmetrics.registerFont(TTFont(f"Paper{name}", str(_FONTS / "letters" / f"LiberationSans-{name}.ttf")))
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, invariant=True)
    for head, lines in pages:
        canvas.setFont("PaperBold", 18)
        canvas.drawString(_LEFT, _TOP, head.name)
        canvas.setFont("PaperRegular", 11)
        y = _TOP - 18.0
        for line in head.lines:
            canvas.drawString(_LEFT, y, line)
            y -= _LINE
        canvas.circle(500, _TOP - 6, 20)
        canvas.setFont("PaperBold", 13)
        canvas.drawCentredString(500, _TOP - 11, "".join(word[0] for word in head.name.split()))
        for line in lines:
            y -= _LINE
            if line == "~":
                y -= _signature(canvas, y)
            else:
                canvas.setFont("PaperBold" if line.startswith("*") else "PaperRegular", 11)
                canvas.drawString(_LEFT, y, line.removeprefix("*"))
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _signature(canvas: "Canvas", y: float) -> float:
    canvas.setStrokeColorRGB(0.15, 0.2, 0.45)
    canvas.setLineWidth(1.4)
    path = canvas.beginPath()
    path.moveTo(_LEFT, y - 18)
    for step in range(5):
        x = _LEFT + step * 16
        path.curveTo(x + 4, y + 12, x + 8, y - 26, x + 16, y - 6)
    path.lineTo(_LEFT + 112, y - 10)
    canvas.drawPath(path)
    canvas.setStrokeColorRGB(0, 0, 0)
    return 24
