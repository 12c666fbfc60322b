"""The council's crest: vector shapes read once and drawn as paths."""

import tomllib
from dataclasses import dataclass
from functools import cache

from reportlab.lib.colors import Color, HexColor
from reportlab.pdfgen.canvas import Canvas

from app.errors import BugError
from app.paths import RESOURCES

_ARGUMENTS = {"M": 2, "L": 2, "C": 6, "Z": 0}


@dataclass(frozen=True, slots=True)
class Shape:
    """One filled shape: commands with their numbers."""

    fill: Color
    steps: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True, slots=True)
class Crest:
    """Shapes in a box, y downwards."""

    width: float
    height: float
    title: str
    shapes: tuple[Shape, ...]


@cache
def crest() -> Crest:
    """Return the crest in resources/letters/crest.toml."""
    found = tomllib.loads((RESOURCES / "letters" / "crest.toml").read_text(encoding="utf-8"))
    shapes = tuple(Shape(HexColor(shape["fill"]), _steps(shape["path"])) for shape in found["shape"])
    return Crest(float(found["width"]), float(found["height"]), str(found["title"]), shapes)


def draw(canvas: Canvas, left: float, top: float, height: float) -> float:
    """Draw the crest and return its width, all in points from the page's left and foot."""
    picture = crest()
    scale = height / picture.height
    for shape in picture.shapes:
        path = canvas.beginPath()
        for command, numbers in shape.steps:
            at = [left + n * scale if i % 2 == 0 else top - n * scale for i, n in enumerate(numbers)]
            if command == "M":
                path.moveTo(at[0], at[1])
            elif command == "L":
                path.lineTo(at[0], at[1])
            elif command == "C":
                path.curveTo(at[0], at[1], at[2], at[3], at[4], at[5])
            else:
                path.close()
        canvas.setFillColor(shape.fill)
        canvas.drawPath(path, stroke=0, fill=1)
    return picture.width * scale


def _steps(path: str) -> tuple[tuple[str, tuple[float, ...]], ...]:
    words = path.split()
    steps = []
    while words:
        command = words.pop(0)
        if command not in _ARGUMENTS:
            raise BugError(f"The crest holds an unknown command: {command}")
        count = _ARGUMENTS[command]
        steps.append((command, tuple(float(word) for word in words[:count])))
        del words[:count]
    return tuple(steps)
