"""What is done with a document: linked, set aside, not for us, taken off, put back."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.errors import UserError
from app.services.documents import tray
from app.views.context import AppContext

if TYPE_CHECKING:
    from app.services.documents.listing import DocumentDetail
    from app.services.documents.reading import PageMark
    from app.views.correspondence.link_form import FormValues


class DocumentActions(QObject):
    """One action at a time; a second press meanwhile does nothing.

    Attributes:
        busy: an action is under way.

    Signals:
        done: (document id, whether to open the next one).
        undone: a document whose action was undone.
        refused: what was wrong, as an exception.
    """

    done = Signal(str, bool)
    undone = Signal(str)
    refused = Signal(object)

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.busy = False
        self._undo_last: Callable[[], object] | None = None

    def undo_last(self) -> None:
        """Undo what was done last, once, if it can be."""
        undo, self._undo_last = self._undo_last, None
        if undo is not None:
            undo()

    def link(
        self, detail: "DocumentDetail", values: "FormValues", marks: "Sequence[PageMark]", *, open_next: bool
    ) -> None:
        """Link a document to the chosen child's case."""
        candidate, ws = values.candidate, self._context.ws
        if candidate is None:
            self.refused.emit(UserError("Choose a child, or find another child.", field="case_id"))
            return

        def work() -> tray.LinkDone:
            return tray.link(
                ws,
                detail.id,
                candidate.case_id,
                kind=values.kind,
                sender=values.sender,
                received_on=values.received_on,
                follow_up_task=values.follow_up,
                candidate=candidate,
                marks=marks,
            )

        words = f"Linked to {candidate.child_name}"
        self._act(detail.id, work, words, lambda made: tray.undo_link(ws, made), open_next=open_next)

    def leave(self, detail: "DocumentDetail", how: str, reason: str) -> None:
        """Set a document aside, or mark it as not for us (``how`` is ``set_aside`` or ``not_for_us``)."""
        ws = self._context.ws
        act = tray.set_aside if how == "set_aside" else tray.not_for_us
        words = "Set aside" if how == "set_aside" else "Marked as not for us"
        self._act(
            detail.id, lambda: act(ws, detail.id, reason=reason), words, lambda _made: tray.put_back(ws, detail.id)
        )

    def unlink(self, detail: "DocumentDetail") -> None:
        """Take a document off its case."""
        ws = self._context.ws
        self._act(detail.id, lambda: tray.unlink(ws, detail.id), "Taken off the case. It is back in To link.")

    def put_back(self, detail: "DocumentDetail") -> None:
        """Put a document back in To link."""
        ws = self._context.ws
        self._act(detail.id, lambda: tray.put_back(ws, detail.id), "Put back in To link")

    def _act(
        self,
        document_id: str,
        work: Callable[[], Any],
        words: str,
        undo: Callable[[Any], Any] | None = None,
        *,
        open_next: bool = True,
    ) -> None:
        if self.busy:
            return
        self.busy = True

        def undo_it(made: Any) -> None:
            if undo is not None:
                run = self._context.runner.run
                run(self, lambda: undo(made), lambda _none: self.undone.emit(document_id), self.refused.emit)

        def finished(made: Any) -> None:
            self.busy = False
            self.done.emit(document_id, open_next)
            self._context.counts_changed.emit()
            self._undo_last = None if undo is None else lambda: undo_it(made)
            self._context.toast(words, None if undo is None else self.undo_last)

        self._context.runner.run(self, work, finished, self._failed)

    def _failed(self, error: Exception) -> None:
        self.busy = False
        self.refused.emit(error)
