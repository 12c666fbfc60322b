"""Every pair of colours that may meet keeps its contrast, in all three themes; there are no other colours."""

import ast
import gc
import re
from pathlib import Path

import pytest
from PySide6.QtGui import QIcon, QPixmap

from app.views import icons
from app.views.kit.feedback import BANNERS
from app.views.kit.paint import STATES
from app.views.pages import PAGES
from app.views.sync_pill import LOOKS
from app.views.theme import apply_theme
from app.views.tokens import CONTRAST, DARK, LIGHT, Tokens, px, use

VIEWS = Path(__file__).resolve().parents[3] / "app" / "views"
GROUNDS = ("canvas", "surface", "sunken")
TEXT_ON_GROUNDS = ("ink", "ink2", "ink3", "accent", "danger", "warn", "ok", "offline", "conflict")
TEXT_PAIRS = [
    *((ink, ground) for ink in TEXT_ON_GROUNDS for ground in GROUNDS),
    *((ink, "accent_tint") for ink in ("ink", "ink2", "ink3", "accent")),
    *((ink, "hover") for ink in ("ink", "ink2", "ink3")),
    *((state, f"{state}_tint") for state in ("danger", "warn", "ok", "offline", "conflict")),
    *(("ink", f"{state}_tint") for state in ("danger", "warn", "ok", "offline", "conflict")),
    *(("accent", f"{state}_tint") for state in ("danger", "warn", "ok", "offline")),
    ("on_accent", "accent"),
    ("on_accent", "accent_pressed"),
    ("on_band", "band"),
    ("on_band2", "band"),
    ("on_band", "band_tag"),
    ("on_selection", "selection"),
    ("on_selection2", "selection"),
    ("on_strong", "strong"),
    ("paper_ink", "paper"),
]
PART_PAIRS = [
    *(("edge", ground) for ground in ("canvas", "surface")),
    *(("focus", ground) for ground in (*GROUNDS, "selection")),
    *((bar, "surface") for bar in ("chart_open", "chart_due", "chart_over")),
    ("accent", "sunken"),
    ("focus_on_band", "band"),
]
# On the contrast theme's white selection the ring is drawn in the ink (``delegates.ring_role``).
INVERTED = {("contrast", ("focus", "selection")): ("on_selection", "selection")}


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_ratio_is_that_of_wcag():
    assert ratio("#000000", "#FFFFFF") == pytest.approx(21)
    assert ratio("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("tokens", [LIGHT, DARK, CONTRAST], ids=lambda tokens: tokens.name)
@pytest.mark.parametrize("pair", TEXT_PAIRS, ids=lambda pair: f"{pair[0]}-on-{pair[1]}")
def test_text_is_readable_on_every_ground_it_may_stand_on(tokens: Tokens, pair: tuple[str, str]):
    needed = 10 if tokens is CONTRAST else 4.5
    if tokens is CONTRAST and pair[0] in ("danger", "accent", "on_accent", "conflict"):
        needed = 9  # the colours of state keep their hue; white and yellow are well above
    assert ratio(getattr(tokens, pair[0]), getattr(tokens, pair[1])) >= needed


@pytest.mark.parametrize("tokens", [LIGHT, DARK, CONTRAST], ids=lambda tokens: tokens.name)
@pytest.mark.parametrize("pair", PART_PAIRS, ids=lambda pair: f"{pair[0]}-on-{pair[1]}")
def test_edges_rings_and_bars_stand_out(tokens: Tokens, pair: tuple[str, str]):
    pair = INVERTED.get((tokens.name, pair), pair)
    assert ratio(getattr(tokens, pair[0]), getattr(tokens, pair[1])) >= 3


def test_every_token_is_a_colour_of_six_figures():
    for tokens in (LIGHT, DARK, CONTRAST):
        for name, value in tokens._asdict().items():
            if name not in ("name", "border_width", "focus_width"):
                assert re.fullmatch(r"#[0-9A-F]{6}", value), name


def test_no_module_but_tokens_holds_a_colour():
    hex_colour = re.compile(r"['\"]#[0-9A-Fa-f]{3,8}\b|QColor\(\s*\d")
    guilty = [
        path.name
        for path in VIEWS.rglob("*.py")
        if path.name != "tokens.py" and hex_colour.search(path.read_text(encoding="utf-8"))
    ]
    assert not guilty


@pytest.mark.parametrize("scale", [100, 115, 130, 150])
def test_the_text_size_multiplies_every_measure(scale: int):
    use(LIGHT, scale)
    assert px(20) == round(20 * scale / 100)
    assert px(0) == 0
    assert px(0.1) == 1


def named_icons() -> set[str]:
    """Every icon that the code names: in registries, and in calls."""
    found = {icon for icon, _ink, _tint in (*STATES.values(), *BANNERS.values(), *LOOKS.values())}
    found |= {spec.icon for spec in PAGES}
    place = {
        "icon": 0, "IconButton": 0, "IconLabel": 0, "set_icon": 0, "paint_icon": 2, "pixmap": 0,
        "PrimaryButton": 1, "QuietButton": 1, "PlainButton": 1, "Button": 1, "Command": 2,
    }  # fmt: skip
    for path in VIEWS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in place and len(node.args) > place[name]:
                given = node.args[place[name]]
                if isinstance(given, ast.Constant) and isinstance(given.value, str) and given.value:
                    found.add(given.value)
    return found


def test_every_icon_that_is_named_is_vendored_with_its_licence():
    missing = named_icons() - set(icons.names())
    assert not missing
    assert (icons.FOLDER / "LICENSE.txt").read_text(encoding="utf-8").startswith("ISC")


def test_every_icon_takes_its_tint(qapp):
    for name in icons.names():
        source = (icons.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        assert "currentColor" in source, name
        assert "<script" not in source
        assert "href" not in source


def test_a_changed_icon_outlives_its_first_engine(qapp):
    kept = []
    for _ in range(50):
        changed = QIcon(icons.icon("search"))
        changed.addPixmap(QPixmap(4, 4))
        kept.append(changed)
    gc.collect()
    assert all(not changed.pixmap(16, 16).isNull() for changed in kept)


def test_an_icon_follows_the_theme(qapp):
    made = icons.icon("search", "accent")
    light = made.pixmap(16, 16).toImage()
    apply_theme(qapp, DARK)
    assert made.pixmap(16, 16).toImage() != light
