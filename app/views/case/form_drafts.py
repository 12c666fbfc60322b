"""What is typed into a form and not saved yet: kept through locks and crashes, back when the form is opened again."""

import json
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from app.views.kit.date_field import DateField
from app.views.kit.feedback import Banner
from app.views.kit.fields import Check, Select

if TYPE_CHECKING:
    from app.views.case.inline_form import InlineForm
    from app.views.context import AppContext

AUTOSAVE_MS = 1000
BACK = "What you had typed is back. It is on this laptop only until you save it."


class FormDraft(QObject):
    """Keeps one form's values as a draft in the vault, never synced.

    The draft is kept a second after typing stops and before a lock, and dropped when the form is saved or given up.
    """

    def __init__(self, context: "AppContext", form: "InlineForm", subject_id: str) -> None:
        """Begin to keep a form, and bring back what was typed before.

        Args:
            context: where drafts are.
            form: just opened; it owns this.
            subject_id: of the case or line that the form is about.
        """
        super().__init__(form)
        self._context, self._form = context, form
        self._key = f"form:{subject_id}:{form.accessibleName()}"
        self._usual = self._kept = _values(form)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(AUTOSAVE_MS)
        self._later.timeout.connect(self._save)
        for widget in form.widgets.values():
            _on_change(widget, self._later.start)
        form.installEventFilter(self)
        context.flush_drafts.connect(self.flush)
        form.done.connect(self.drop)
        form.cancelled.connect(self.drop)
        self._load()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep what is typed when the form gives way to something else."""
        if event.type() == QEvent.Type.Hide and watched is self._form:
            self._save()
        return False

    def flush(self) -> None:
        """Keep what is typed at once, on this thread: the window is about to lock."""
        from app.services import drafts

        self._later.stop()
        values = _values(self._form)
        if values != self._kept:
            self._kept = values
            drafts.save_draft(self._context.ws, self._key, self._words(values))

    def drop(self, *_: object) -> None:
        """Forget the draft: it has become a record, or the person gave it up."""
        from app.services import drafts

        self._later.stop()
        if self._kept != self._usual or _values(self._form) != self._usual:
            self._kept = self._usual = _values(self._form)
            ws, key = self._context.ws, self._key
            self._context.runner.run(self._context, lambda: drafts.save_draft(ws, key, ""), lambda _none: None)

    def _save(self) -> None:
        from app.services import drafts

        values = _values(self._form)
        if values == self._kept:
            return
        self._kept = values
        ws, key, words = self._context.ws, self._key, self._words(values)
        self._context.runner.run(self, lambda: drafts.save_draft(ws, key, words), lambda _none: None)

    def _words(self, values: dict[str, Any]) -> str:
        """Return the draft's text; none when nothing differs from an untouched form."""
        return "" if values == self._usual else json.dumps(values)

    def _load(self) -> None:
        from app.services import drafts

        ws, key = self._context.ws, self._key
        self._context.runner.run(self, lambda: drafts.load_draft(ws, key), self._loaded)

    def _loaded(self, text: str) -> None:
        if not text or _values(self._form) != self._usual:
            return  # nothing was kept, or the person has begun anew
        try:
            kept = json.loads(text)
            for name, value in kept.items():
                _put(self._form.widgets[name], value)
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # of another version's form
        self._kept = _values(self._form)
        self._form.tell(BACK)


def show_unfinished(context: "AppContext", owner: QWidget, case_id: str, slot: QVBoxLayout) -> None:
    """Say above a case which of its forms hold something that was typed and not saved."""
    from app.services import drafts

    ws = context.ws

    def show(keys: list[str]) -> None:
        titles = [key.partition(f"form:{case_id}:")[2] for key in keys]
        if titles:
            words = f"Not finished: {'; '.join(titles)}. What you typed is kept and comes back when you open it again."
            banner = Banner("info", words, closable=True)
            banner.setObjectName("unfinished_forms")
            slot.addWidget(banner)

    context.runner.run(owner, lambda: drafts.kept_keys(ws, f"form:{case_id}:"), show)


def _values(form: "InlineForm") -> dict[str, Any]:
    # A date as it is typed, so that half a date is kept too.
    return {
        name: widget.text() if isinstance(widget, DateField) else form.value(name)
        for name, widget in form.widgets.items()
    }


def _put(widget: QWidget, value: Any) -> None:
    if isinstance(widget, Select):
        widget.setCurrentIndex(max(0, widget.findData(value)))
    elif isinstance(widget, Check):
        widget.setChecked(value is True)
    elif isinstance(widget, DateField):
        widget.set_words(str(value))
    elif isinstance(widget, QPlainTextEdit):
        widget.setPlainText(str(value))
    elif isinstance(widget, QLineEdit):
        widget.setText(str(value))


def _on_change(widget: QWidget, act: Any) -> None:
    if isinstance(widget, Select):
        widget.currentIndexChanged.connect(lambda _place: act())
    elif isinstance(widget, Check):
        widget.toggled.connect(lambda _on: act())
    elif isinstance(widget, QPlainTextEdit | QLineEdit):
        widget.textChanged.connect(lambda *_: act())
