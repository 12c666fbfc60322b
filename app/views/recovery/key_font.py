"""The face that recovery keys are shown and typed in: every character as wide as the next, none like another."""

from functools import cache

from PySide6.QtGui import QFont, QFontDatabase

from app.paths import RESOURCES
from app.views.tokens import px

_BUNDLED = "NanumGothicCoding"


@cache
def _families() -> tuple[str, ...]:
    """Register the bundled face; a machine that blocks fonts from outside falls back to its own."""
    number = QFontDatabase.addApplicationFont(str(RESOURCES / "fonts" / "letters" / f"{_BUNDLED}.ttf"))
    bundled = QFontDatabase.applicationFontFamilies(number) if number >= 0 else []
    return (*bundled[:1], "Consolas", "DejaVu Sans Mono", QFontDatabase.systemFont(_FIXED).family())


_FIXED = QFontDatabase.SystemFont.FixedFont


def key_font(size: float) -> QFont:
    """Return the face.

    Args:
        size: in pixels at 100 %.
    """
    made = QFont()
    made.setFamilies(list(_families()))
    made.setStyleHint(QFont.StyleHint.Monospace)
    made.setPixelSize(px(size))
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return made
