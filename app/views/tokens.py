"""Every colour and measure on screen, and the theme in use. No other module holds a hex value.

A theme is one ``Tokens``; the text size (100, 115, 130 or 150 %) multiplies every measure through ``px``.
"""

from typing import NamedTuple

TEXT_SCALES = (100, 115, 130, 150)


class Tokens(NamedTuple):
    """The colours of one theme, each ``#RRGGBB``.

    Attributes:
        border_width: of cards, fields and buttons, in pixels at 100 %.
        focus_width: of the focus ring, in pixels at 100 %.
        selection, on_selection: a selected row and the text on it (inverted in the contrast theme).
        strong, on_strong: a chosen chip or segment and the text on it.
    """

    name: str
    canvas: str
    surface: str
    sunken: str
    hairline: str
    edge: str
    ink: str
    ink2: str
    ink3: str
    accent: str
    accent_pressed: str
    on_accent: str
    accent_tint: str
    band: str
    band_tag: str
    on_band: str
    on_band2: str
    focus: str
    focus_on_band: str
    danger: str
    danger_tint: str
    warn: str
    warn_tint: str
    ok: str
    ok_tint: str
    offline: str
    offline_tint: str
    conflict: str
    conflict_tint: str
    chart_open: str
    chart_due: str
    chart_over: str
    selection: str
    on_selection: str
    on_selection2: str
    strong: str
    on_strong: str
    hover: str
    paper: str
    paper_ink: str
    desk: str
    border_width: int = 1
    focus_width: int = 2


LIGHT = Tokens(
    name="light",
    canvas="#F7F6F3",
    surface="#FFFFFF",
    sunken="#EFEDE8",
    hairline="#DEDAD2",
    edge="#85817A",
    ink="#1A2433",
    ink2="#465062",
    ink3="#5C6575",
    accent="#1F5A96",
    accent_pressed="#174876",
    on_accent="#FFFFFF",
    accent_tint="#E5EEF7",
    band="#16283E",
    band_tag="#32425A",
    on_band="#FFFFFF",
    on_band2="#B7C5D6",
    focus="#0B4C92",
    focus_on_band="#FFFFFF",
    danger="#9E231C",
    danger_tint="#FBE9E7",
    warn="#754700",
    warn_tint="#FCF0DA",
    ok="#1C6639",
    ok_tint="#E4F2E8",
    offline="#3C4B5E",
    offline_tint="#E7EBF0",
    conflict="#573699",
    conflict_tint="#EEE9F8",
    chart_open="#5F83A8",
    chart_due="#B7791F",
    chart_over="#9E231C",
    selection="#E5EEF7",
    on_selection="#1A2433",
    on_selection2="#5C6575",
    strong="#1A2433",
    on_strong="#FFFFFF",
    hover="#F7F6F3",
    paper="#FFFFFF",
    paper_ink="#1A2433",
    desk="#E3E0D9",
)

DARK = Tokens(
    name="dark",
    canvas="#13171D",
    surface="#1B2129",
    sunken="#10141A",
    hairline="#303945",
    edge="#7D8897",
    ink="#E9EDF2",
    ink2="#BAC3CF",
    ink3="#98A3B1",
    accent="#8ABBEF",
    accent_pressed="#A9CFF8",
    on_accent="#0E1A28",
    accent_tint="#1F3147",
    band="#22303F",
    band_tag="#34455A",
    on_band="#FFFFFF",
    on_band2="#B7C5D6",
    focus="#A9CFF8",
    focus_on_band="#FFFFFF",
    danger="#F4A59E",
    danger_tint="#3B2322",
    warn="#ECC47A",
    warn_tint="#372B17",
    ok="#90D4A7",
    ok_tint="#1B3325",
    offline="#B7C5D6",
    offline_tint="#27313D",
    conflict="#C9B6F3",
    conflict_tint="#2D2745",
    chart_open="#7C9CBC",
    chart_due="#D9A441",
    chart_over="#F4A59E",
    selection="#1F3147",
    on_selection="#E9EDF2",
    on_selection2="#98A3B1",
    strong="#E9EDF2",
    on_strong="#13171D",
    hover="#13171D",
    paper="#FFFFFF",
    paper_ink="#1A2433",
    desk="#10141A",
)

CONTRAST = Tokens(
    name="contrast",
    canvas="#000000",
    surface="#000000",
    sunken="#000000",
    hairline="#FFFFFF",
    edge="#FFFFFF",
    ink="#FFFFFF",
    ink2="#FFFFFF",
    ink3="#E0E0E0",
    accent="#7CC4FF",
    accent_pressed="#FFFFFF",
    on_accent="#000000",
    accent_tint="#000000",
    band="#000000",
    band_tag="#000000",
    on_band="#FFFFFF",
    on_band2="#FFFFFF",
    focus="#FFD800",
    focus_on_band="#FFD800",
    danger="#FF9B92",
    danger_tint="#000000",
    warn="#FFE066",
    warn_tint="#000000",
    ok="#7DF2A3",
    ok_tint="#000000",
    offline="#FFFFFF",
    offline_tint="#000000",
    conflict="#DCC6FF",
    conflict_tint="#000000",
    chart_open="#7CC4FF",
    chart_due="#FFE066",
    chart_over="#FF9B92",
    selection="#FFFFFF",
    on_selection="#000000",
    on_selection2="#000000",
    strong="#FFFFFF",
    on_strong="#000000",
    hover="#000000",
    paper="#FFFFFF",
    paper_ink="#000000",
    desk="#000000",
    border_width=2,
    focus_width=3,
)

THEMES = {tokens.name: tokens for tokens in (LIGHT, DARK, CONTRAST)}

# Pixel size and line height at 100 %.
TEXT_SIZES = {
    "meta": (12, 16),
    "secondary": (13, 18),
    "body": (14, 20),
    "card": (15, 20),
    "pane": (18, 24),
    "page": (22, 28),
    "name": (24, 30),
}

SPACE = (4, 8, 12, 16, 20, 24, 32)
RADIUS_TAG, RADIUS_CONTROL, RADIUS_CARD, RADIUS_PILL = 4, 6, 8, 14
CONTROL_HEIGHT, COMPACT_HEIGHT, TOUCH_HEIGHT = 34, 28, 56
ROW_HEIGHT, TALL_ROW_HEIGHT = 44, 54


class _Use:
    def __init__(self, tokens: Tokens, scale: float) -> None:
        self.tokens, self.scale = tokens, scale


_use = _Use(LIGHT, 1.0)


def use(tokens: Tokens, text_scale: int = 100) -> None:
    """Make a theme and a text size (in per cent) the ones in use; ``theme.apply_theme`` calls this."""
    _use.tokens, _use.scale = tokens, text_scale / 100


def current() -> Tokens:
    """Return the theme in use."""
    return _use.tokens


def text_scale() -> int:
    """Return the text size in use, in per cent."""
    return round(_use.scale * 100)


def px(measure: float) -> int:
    """Return a measure given at 100 % as whole pixels at the text size in use (at least 1 when positive)."""
    scaled = round(measure * _use.scale)
    return max(1, scaled) if measure > 0 else scaled
