"""Fills the tray list off the window's thread: rows, counts, matches and small pictures."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.models.terms import DocumentState
from app.services.documents import suggest, tray
from app.views.context import AppContext
from app.views.correspondence.canvas import to_image
from app.views.correspondence.tray_list import TrayList

if TYPE_CHECKING:
    from app.services.documents.protocol import Picture

_SHOWN_TABLES = frozenset({"document"})
_MATCHED_TABLES = frozenset({"case", "child", "child_name", "letter", "address"})
_GATHER_MS = 100
"""Changes that come close together are read once."""


class TrayFeed(QObject):
    """Reads the part of the tray whose chip is on.

    Args:
        may_link: whether documents are compared with cases for this person.

    Signals:
        filled: (ids shown, the document to show or None).
    """

    filled = Signal(object, object)

    def __init__(self, context: AppContext, tray_list: TrayList, parent: QObject, *, may_link: bool) -> None:
        super().__init__(parent)
        self._context, self._tray, self._may_link = context, tray_list, may_link
        self._drawing: set[str] = set()
        self._matches: dict[str, tuple[str, str]] = {}
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_GATHER_MS)
        self._soon.timeout.connect(self.load)
        tray_list.thumbnail_wanted.connect(self._draw_thumbnail, Qt.ConnectionType.QueuedConnection)

    def warm(self) -> None:
        """Start the page worker before the first page is wanted."""
        ws = self._context.ws
        self._context.runner.run(self, lambda: ws.documents.pages.warm(), lambda _none: None, lane="cpu")

    def note_changes(self, tables: "frozenset[str]", *, shown: bool) -> None:
        """Read again after a commit that touched what is shown; ``shown`` is False while nobody sees the page."""
        if tables & _MATCHED_TABLES:
            self._matches.clear()
        if shown and tables & (_SHOWN_TABLES | _MATCHED_TABLES):
            self._soon.start()

    def is_gathering(self) -> bool:
        """Return whether a change is about to be read."""
        return self._soon.isActive()

    def load(self, target: str | None = None, *, follow: bool = False) -> None:
        """Read the list again.

        Args:
            target: the document to show; the page decides when left out.
            follow: go to the part of the tray where the target is.
        """
        ws, state = self._context.ws, DocumentState(self._tray.state())

        def work() -> tuple[str, tuple[tray.TrayRow, ...], tray.TrayCounts]:
            chosen = state
            if follow and target is not None:
                found = tray.document(ws, target).state
                chosen = found if found in (DocumentState.SET_ASIDE, DocumentState.LINKED) else DocumentState.TO_LINK
            return str(chosen), tray.list_documents(ws, chosen), tray.counts(ws)

        self._context.runner.run(self, work, lambda loaded: self._loaded(*loaded, target))

    def _loaded(
        self, state: str, rows: "tuple[tray.TrayRow, ...]", counts: "tray.TrayCounts", target: str | None
    ) -> None:
        self._tray.set_state(state)
        self._tray.set_counts(counts)
        self._tray.set_rows(rows)
        ids = [row.id for row in rows]
        self.filled.emit(ids, target)
        self._match(ids)

    def _match(self, ids: list[str]) -> None:
        """Compare what was not compared yet; the words of the others are shown at once."""
        if not self._may_link or self._tray.state() != "to_link":
            return
        self._tray.set_matches(self._matches)
        ws, new = self._context.ws, [document_id for document_id in ids if document_id not in self._matches]

        def matched(found: dict[str, tuple[str, str]]) -> None:
            self._matches.update(found)
            if self._tray.state() == "to_link":
                self._tray.set_matches(found)

        if new:
            self._context.runner.run(self, lambda: suggest.summaries(ws, new), matched, lane="cpu")

    def _draw_thumbnail(self, sha256: str) -> None:
        if sha256 in self._drawing:
            return
        self._drawing.add(sha256)
        ws = self._context.ws

        def drawn(picture: "Picture") -> None:
            self._tray.set_thumbnail(sha256, to_image(picture))

        # A page that cannot be drawn says so when it is opened; its row just stays without a picture.
        self._context.runner.run(
            self, lambda: ws.documents.pages.thumbnail(sha256), drawn, lambda _error: None, lane="cpu"
        )
