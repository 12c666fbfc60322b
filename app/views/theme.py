"""The look of the application, built from the tokens: palette, style sheet and fonts.

Widgets that cache a font or a measure derive from :class:`Themed` and are asked to restyle when the theme or the
text size changes; everything else follows the palette and the style sheet.
"""

from functools import cache
from typing import Any
from weakref import WeakSet

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from app.paths import RESOURCES
from app.views import tokens as tokens_module
from app.views.stylesheet import style_sheet
from app.views.tokens import CONTRAST, DARK, LIGHT, TEXT_SIZES, THEMES, Tokens, current, px

FALLBACK_FAMILIES = ["Inter", "Segoe UI", "Noto Sans", "DejaVu Sans"]
WEIGHTS = {
    "regular": QFont.Weight.Normal,
    "medium": QFont.Weight.Medium,
    "strong": QFont.Weight.DemiBold,
}


def load_fonts() -> None:
    """Register the bundled Inter; a machine that blocks fonts from outside falls back to its own."""
    for name in ("Regular", "Medium", "SemiBold"):
        QFontDatabase.addApplicationFont(str(RESOURCES / "fonts" / "inter" / f"Inter-{name}.otf"))


def resolve(choice: str) -> Tokens:
    """Return the tokens for ``light``, ``dark``, ``contrast`` or ``system`` (what the operating system shows)."""
    if choice in THEMES:
        return THEMES[choice]
    hints = QApplication.styleHints()
    accessibility = getattr(hints, "accessibility", None)
    preference = getattr(accessibility() if accessibility else None, "contrastPreference", None)
    if preference is not None and getattr(preference(), "name", "") == "HighContrast":
        return CONTRAST
    return DARK if hints.colorScheme() == Qt.ColorScheme.Dark else LIGHT


def apply_theme(app: QApplication, tokens: Tokens, text_scale: int = 100) -> None:
    """Show the whole application in a theme at a text size; may be called again at any time.

    Args:
        app: the application.
        tokens: the theme.
        text_scale: 100, 115, 130 or 150 (per cent).
    """
    tokens_module.use(tokens, text_scale)
    font.cache_clear()
    colour.cache_clear()
    app.setFont(font("body"))
    app.setPalette(_palette())
    sheet = style_sheet(tokens)
    if app.styleSheet() != sheet:  # Qt would go through every widget again, also for the same sheet
        app.setStyleSheet(sheet)
    _restyle_all()


@cache
def font(role: str = "body", weight: str = "regular", *, tabular: bool = False) -> QFont:
    """Return a font by its role in ``TEXT_SIZES`` and weight (regular, medium or strong).

    Args:
        role: meta, secondary, body, card, pane, page or name.
        weight: regular (400), medium (500) or strong (600).
        tabular: figures of equal width, for columns of numbers.
    """
    made = QFont()
    made.setFamilies(FALLBACK_FAMILIES)
    made.setPixelSize(px(TEXT_SIZES[role][0]))
    made.setWeight(WEIGHTS[weight])
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    if tabular:
        made.setFeature(QFont.Tag("tnum"), 1)
    return made


def metrics(role: str = "body", weight: str = "regular") -> QFontMetrics:
    """Return the metrics of ``font(role, weight)``."""
    return QFontMetrics(font(role, weight))


def line_height(role: str = "body") -> int:
    """Return the line height of a role in pixels, never less than its font needs."""
    return max(px(TEXT_SIZES[role][1]), metrics(role).height())


@cache
def colour(role: str) -> QColor:
    """Return a token of the theme in use as a colour, e.g. ``colour("ink2")``."""
    return QColor(getattr(current(), role))


class Themed:
    """Mixin for widgets: ``restyle`` runs once when they are made and whenever the theme or text size changes.

    Put it before the Qt class: ``class Card(Themed, QFrame)``, and call ``self.start_theming()`` at the end of
    ``__init__``. (Qt's own change events would do, but each costs a trip into Python, and there are thousands.)
    """

    def restyle(self) -> None:
        """Set fonts, measures and palettes from the tokens in use."""

    def start_theming(self) -> None:
        """Style the widget for the first time, and from now on."""
        self.restyle()
        _themed.add(self)


_themed: "WeakSet[Themed]" = WeakSet()


def _restyle_all() -> None:
    for widget in list(_themed):
        if isinstance(widget, QWidget) and isValid(widget):
            widget.restyle()


def tinted(widget: Any, ink: str, background: str | None = None) -> None:
    """Give a widget the text colour of a token, and a background when one is named."""
    palette = QPalette(widget.palette())
    for group in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(group, colour(ink))
    if background is not None:
        palette.setColor(QPalette.ColorRole.Window, colour(background))
        widget.setAutoFillBackground(True)
    widget.setPalette(palette)


def _palette() -> QPalette:
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    for target, token in (
        (role.Window, "canvas"),
        (role.WindowText, "ink"),
        (role.Base, "surface"),
        (role.AlternateBase, "canvas"),
        (role.Text, "ink"),
        (role.Button, "surface"),
        (role.ButtonText, "ink"),
        (role.PlaceholderText, "ink3"),
        (role.ToolTipBase, "strong"),
        (role.ToolTipText, "on_strong"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "on_accent"),
        (role.Link, "accent"),
        (role.LinkVisited, "accent"),
        (role.Accent, "accent"),
        (role.Mid, "hairline"),
        (role.Dark, "edge"),
        (role.Light, "surface"),
    ):
        palette.setColor(target, colour(token))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, target, colour("ink3"))
    return palette
