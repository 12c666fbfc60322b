"""The identity bar: the child stays on screen in every view of a case."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.views.kit.tags import Pill
from app.views.kit.text import ElidedText, Text
from app.views.theme import Themed
from app.views.tokens import px


@dataclass(frozen=True, slots=True)
class SafetyMark:
    """One safety flag: its words, and ``safety`` (amber) or ``danger`` (red)."""

    words: str
    state: str = "safety"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the bar shows; empty parts are left out.

    Attributes:
        name: the child's name.
        stage: e.g. ``Enquiries, day 11``.
        safety: flags in force, gravest first.
        born: e.g. ``14 March 2017 (9, Year 5)``.
        age: the short form for a narrow window, e.g. ``9, Year 5``.
        last_seen: e.g. ``16 October at Pennyford Primary``.
        upn, officer: as they are.
    """

    name: str
    stage: str = ""
    safety: tuple[SafetyMark, ...] = ()
    born: str = ""
    age: str = ""
    last_seen: str = ""
    upn: str = ""
    officer: str = ""


class IdentityBar(Themed, QWidget):
    """The dark band; actions (buttons of kind ``band``) stand at its right."""

    def __init__(self, actions: Sequence[QWidget] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("identity_bar")
        self.setProperty("fill", "band")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._identity = Identity("")
        self._actions = list(actions)
        self._top = QHBoxLayout()
        self._facts = QHBoxLayout()
        self._facts_box = QWidget()
        self._facts_box.setLayout(self._facts)
        self._facts.setContentsMargins(0, 0, 0, 0)
        column = QVBoxLayout()
        column.addLayout(self._top)
        column.addWidget(self._facts_box)
        self._column = column
        row = QHBoxLayout(self)
        row.addLayout(column, 1)
        for action in self._actions:
            row.addWidget(action, 0, Qt.AlignmentFlag.AlignTop)
        self._narrow = False
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        layout = self.layout()
        if layout is None:
            return
        layout.setContentsMargins(px(20), px(10), px(20), px(10))
        layout.setSpacing(px(8))
        self._column.setSpacing(px(4))
        self._top.setSpacing(px(12))
        self._facts.setSpacing(px(28))

    def show_identity(self, identity: Identity) -> None:
        """Show a child."""
        self._identity = identity
        self._fill()

    def set_actions_visible(self, count: int) -> None:
        """Show the last ``count`` actions only, in a narrow window."""
        for place, action in enumerate(self._actions):
            action.setVisible(place >= len(self._actions) - count)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold to one line when narrow."""
        super().resizeEvent(event)
        narrow = self.width() < px(960)
        if narrow != self._narrow:
            self._narrow = narrow
            self._fill()

    def _fill(self) -> None:
        _clear(self._top)
        _clear(self._facts)
        shown = self._identity
        name = ElidedText(shown.name, "pane" if self._narrow else "name", weight="strong", ink="on_band")
        name.setObjectName("child_name")
        name.setMinimumWidth(min(px(280), name.fontMetrics().horizontalAdvance(shown.name) + 2))
        name.setMaximumWidth(name.fontMetrics().horizontalAdvance(shown.name) + 2)
        self._top.addWidget(name, 1)
        if self._narrow:
            short = " · ".join(part for part in (shown.age, shown.upn) if part)
            if short:
                line = ElidedText(short, "body", ink="on_band2")
                line.setMaximumWidth(line.fontMetrics().horizontalAdvance(short) + 2)
                self._top.addWidget(line, 1)
        if shown.stage:
            self._top.addWidget(Pill(shown.stage, "band", "search"))
        for mark in shown.safety:
            self._top.addWidget(Pill(mark.words, mark.state))
        self._top.addStretch(1)
        facts = (
            ("Born", shown.born),
            ("Last seen", shown.last_seen),
            ("UPN", shown.upn),
            ("Officer", shown.officer),
        )
        for label, value in facts:
            if value and not self._narrow:
                self._facts.addLayout(_fact(label, value))
        self._facts.addStretch(1)
        self._facts_box.setVisible(not self._narrow)
        spoken = [shown.name, shown.stage, *(mark.words for mark in shown.safety)]
        spoken += [f"{label} {value}" for label, value in facts if value]
        self.setAccessibleName(", ".join(part for part in spoken if part))


def _fact(label: str, value: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(px(8))
    row.addWidget(Text(label, "secondary", ink="on_band2"))
    if label == "Last seen":  # the one fact without a natural length: a school's name
        shown: Text = ElidedText(value, "secondary", ink="on_band", weight="medium", selectable=True)
        shown.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        row.addWidget(shown)
    else:
        row.addWidget(Text(value, "secondary", ink="on_band", weight="medium", selectable=True))
    return row


def _clear(layout: QHBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif isinstance(inner, QHBoxLayout):
            _clear(inner)
            inner.deleteLater()
