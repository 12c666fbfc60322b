"""What was filled in for a document and not used yet: kept when another is opened, through locks and crashes."""

import json
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.errors import RollcallError
from app.services import drafts
from app.services.documents import suggest
from app.views.context import AppContext
from app.views.correspondence.link_form import FormValues

if TYPE_CHECKING:
    from app.services.documents.suggest import Candidate
    from app.services.workspace import Workspace


class FormKeeper(QObject):
    """Keeps form values by document, in memory and as drafts in the vault (never synced)."""

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._kept: dict[str, FormValues] = {}

    def keep(self, document_id: str, values: FormValues) -> None:
        """Keep what is filled in; the draft is written off the window's thread."""
        if self._kept.get(document_id) == values:
            return
        self._kept[document_id] = values
        ws, words = self._context.ws, _words(values)
        self._context.runner.run(self, lambda: drafts.save_draft(ws, _key(document_id), words), lambda _none: None)

    def keep_now(self, document_id: str, values: FormValues) -> None:
        """Keep what is filled in before returning: the window is about to lock."""
        self._kept[document_id] = values
        drafts.save_draft(self._context.ws, _key(document_id), _words(values))

    def recall(self, document_id: str, then: Callable[[FormValues], object]) -> FormValues | None:
        """Return what is kept in memory; what only the vault holds is handed to ``then`` when it is read."""
        if document_id in self._kept:
            return self._kept[document_id]
        ws = self._context.ws

        def read() -> FormValues | None:
            text = drafts.load_draft(ws, _key(document_id))
            return _values(ws, text) if text else None

        def give(found: FormValues | None) -> None:
            if found is not None:
                self._kept[document_id] = found
                then(found)

        self._context.runner.run(self, read, give)
        return None

    def forget(self, document_id: str) -> None:
        """Drop what was kept: it has become a record, or the document has left the tray."""
        self._kept.pop(document_id, None)
        ws = self._context.ws
        self._context.runner.run(self, lambda: drafts.save_draft(ws, _key(document_id), ""), lambda _none: None)


def _key(document_id: str) -> str:
    return f"correspondence:{document_id}"


def _words(values: FormValues) -> str:
    return json.dumps(
        {
            "case": values.candidate.case_id if values.candidate is not None else None,
            "kind": values.kind,
            "sender": values.sender,
            "received_on": values.received_on.isoformat() if values.received_on else None,
            "follow_up": values.follow_up,
        }
    )


def _values(ws: "Workspace", text: str) -> FormValues | None:
    """Return the values of a draft; one that cannot be read counts as none."""
    try:
        found: dict[str, Any] = json.loads(text)
        received_on = date.fromisoformat(found["received_on"]) if found["received_on"] else None
        return FormValues(
            _candidate(ws, found["case"]),
            str(found["kind"]),
            str(found["sender"]),
            received_on,
            str(found["follow_up"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _candidate(ws: "Workspace", case_id: str | None) -> "Candidate | None":
    if case_id is None:
        return None
    try:
        return suggest.describe_case(ws, case_id)
    except RollcallError:
        return None  # the case has left this laptop; the rest of the draft still helps
