"""One notice at a time over a page: what happened, what to do, what was kept."""

from collections.abc import Callable

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.kit.feedback import Banner


class Notices(QWidget):
    """Holds the newest notice; empty it takes no room."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._banner: Banner | None = None
        self.hide()

    def show_notice(self, kind: str, words: str, action: str = "", then: Callable[[], object] | None = None) -> None:
        """Show a notice instead of the one before.

        Args:
            kind: a kind of ``Banner``.
            words: a sentence or two.
            action: words of a link, with ``then``.
            then: what the link does.
        """
        self.clear()
        actions = [(action, then)] if action and then is not None else []
        self._banner = Banner(kind, words, actions, closable=True)
        self._banner.setObjectName(self._name)
        self._banner.closed.connect(self.hide)
        self._column.addWidget(self._banner)
        self.show()

    def clear(self) -> None:
        """Take the notice away."""
        if self._banner is not None:
            self._column.removeWidget(self._banner)
            self._banner.hide()
            self._banner.deleteLater()
            self._banner = None
        self.hide()
