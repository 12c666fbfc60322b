"""Cards, page heads, rules and empty states."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.views.kit.buttons import Button
from app.views.kit.flow import Flow
from app.views.kit.text import ElidedText, Text
from app.views.theme import Themed
from app.views.tokens import px


def rule(*, upright: bool = False) -> QFrame:
    """Return a hairline, across or upright."""
    line = QFrame()
    line.setProperty("kind", "vrule" if upright else "rule")
    return line


class Card(Themed, QFrame):
    """A white box with a hairline border, and a head with title, subtitle and an action when given.

    Args:
        folds: the action is a wide one, and stands under the title where there is no room beside it.

    Attributes:
        body: the layout to add content to; it has no margins, so that rows can run to the edges. Use ``padded()``
            for text and forms.
    """

    def __init__(
        self,
        title: str = "",
        subtitle: str = "",
        action: QWidget | None = None,
        parent: QWidget | None = None,
        *,
        folds: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        outer = QVBoxLayout(self)
        outer.setSpacing(0)
        self._head: QWidget | None = None
        self.subtitle: Text | None = None
        if title:
            self.setAccessibleName(title)
            self._head = self._make_folding_head(title, action) if folds else self._make_head(title, subtitle, action)
            outer.addWidget(self._head)
            outer.addWidget(rule())
        self.body = QVBoxLayout()
        self.body.setSpacing(0)
        outer.addLayout(self.body, 1)
        self.start_theming()

    def _make_head(self, title: str, subtitle: str, action: QWidget | None) -> QWidget:
        head = QWidget(self)
        row = QHBoxLayout(head)
        # A plain button brings its own padding.
        row.setContentsMargins(px(16), 0, px(8) if isinstance(action, Button) else px(16), 0)
        row.setSpacing(px(8))
        row.addWidget(Text(title, "card", weight="strong"))
        # The title is never cut off; what stands beside it gives way.
        self.subtitle = ElidedText(subtitle, "secondary", ink="ink2")
        row.addWidget(self.subtitle, 1)
        self.subtitle.setVisible(bool(subtitle))
        row.addStretch(0)
        if action is not None:
            row.addWidget(action)
        return head

    def _make_folding_head(self, title: str, action: QWidget | None) -> QWidget:
        head = QWidget(self)
        row = Flow(px(8), last_at_right=True, parent=head)
        row.setContentsMargins(px(16), px(6), px(16), px(6))
        self.subtitle = Text("", "secondary", ink="ink2")
        row.addWidget(_beside((Text(title, "card", weight="strong"), self.subtitle), px(8)))
        if action is not None:
            row.addWidget(action)
        return head

    def restyle(self) -> None:
        """Follow the theme."""
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(1, 1, 1, 1)
        if self._head is not None:
            self._head.setMinimumHeight(px(44))

    def set_subtitle(self, text: str) -> None:
        """Change the words beside the title."""
        if self.subtitle is not None:
            self.subtitle.setText(text)
            self.subtitle.setVisible(bool(text))

    def padded(self) -> QVBoxLayout:
        """Return a new layout inside the body with the usual margins, for text and forms."""
        inner = QVBoxLayout()
        inner.setContentsMargins(px(16), px(12), px(16), px(16))
        inner.setSpacing(px(8))
        self.body.addLayout(inner)
        return inner


class PageHeader(Themed, QWidget):
    """A page's title, a few words beside it, and its actions at the right; under the title where there is no room.

    Args:
        choice: what the page is about, to choose from, right beside the title.
    """

    def __init__(
        self,
        title: str,
        subtitle: str = "",
        actions: Sequence[QWidget] = (),
        parent: QWidget | None = None,
        *,
        choice: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.title = Text(title, "page", weight="strong")
        self.subtitle = Text(subtitle, "body", ink="ink2")
        row = Flow(px(12), last_at_right=bool(actions), parent=self)
        row.addWidget(_beside([self.title, *([choice] if choice else []), self.subtitle], px(12)))
        self.subtitle.setVisible(bool(subtitle))
        if actions:
            row.addWidget(_beside(actions, px(12)))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self._keep_height()

    def _keep_height(self) -> None:
        layout = self.layout()
        needed = layout.heightForWidth(self.width()) if layout is not None else 0
        self.setMinimumHeight(max(px(34), needed))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Be as high as the lines need."""
        super().resizeEvent(event)
        self._keep_height()

    def event(self, event: QEvent) -> bool:
        """Be as high as the lines need, too, when an action comes or goes."""
        handled = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self._keep_height()
        return handled

    def set_title(self, title: str, subtitle: str = "") -> None:
        """Change the words."""
        self.title.setText(title)
        self.subtitle.setText(subtitle)
        self.subtitle.setVisible(bool(subtitle))


def _beside(widgets: Sequence[QWidget], spacing: int) -> QWidget:
    """Return a holder with widgets beside each other."""
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(spacing)
    for widget in widgets:
        row.addWidget(widget)
    return holder


class EmptyState(QWidget):
    """One sentence, and one action when there is something to do."""

    def __init__(self, text: str, action: QWidget | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(20), px(16), px(20))
        column.setSpacing(px(12))
        self.label = Text(text, "body", ink="ink2", wrap=True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.label)
        if action is not None:
            column.addWidget(action, 0, Qt.AlignmentFlag.AlignHCenter)

    def set_text(self, text: str) -> None:
        """Change the sentence."""
        self.label.setText(text)
