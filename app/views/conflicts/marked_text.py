"""Text of several lines in which some characters are marked; never interpreted as markup, in its own direction."""

import unicodedata
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.views.theme import Themed, colour, font, tinted

Marks = tuple[tuple[int, int], ...]
_LONGEST_RUN = 24
"""Characters without a space before a line may break anyway: an address of the web would push the others out."""


class MarkedText(Themed, QLabel):
    """A wrapped label with marked ranges.

    Args:
        text: plain text.
        marks: half-open ranges of its characters.
        role, ink: as for ``Text``.
    """

    def __init__(
        self,
        text: str = "",
        marks: Marks = (),
        role: str = "body",
        *,
        ink: str = "ink",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._plain, self._marks, self._role, self._ink = text, marks, role, ink
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(text)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.start_theming()

    def plain(self) -> str:
        """Return the text without its marks."""
        return self._plain

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font(self._role))
        tinted(self, self._ink)
        self.setText(_html(self._plain, self._marks))


def _html(text: str, marks: Marks) -> str:
    mark = (
        f"color:{colour('conflict').name()};background-color:{colour('conflict_tint').name()};"
        "font-weight:600;text-decoration:underline"
    )
    parts: list[str] = []
    at = 0
    for start, stop in marks:
        parts.append(_breakable(text[at:start]))
        parts.append(f'<span style="{mark}">{_breakable(text[start:stop])}</span>')
        at = stop
    parts.append(_breakable(text[at:]))
    side = "rtl" if right_to_left(text) else "ltr"
    align = "right" if side == "rtl" else "left"
    return f'<div dir="{side}" align="{align}">{"".join(parts)}</div>'


def _breakable(text: str) -> str:
    shown: list[str] = []
    run = 0
    for character in text:
        run = 0 if character.isspace() else run + 1
        shown.append("<br>" if character == "\n" else escape(character))
        if run and run % _LONGEST_RUN == 0 and not unicodedata.combining(character):
            shown.append("&#8203;")
    return "".join(shown)


def right_to_left(text: str) -> bool:
    """Return whether a text reads from right to left: by its first letter."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL", "L"):
            return kind != "L"
    return False
