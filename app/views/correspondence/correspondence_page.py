"""The Correspondence page: what waits, the page itself, and the form that links it to a child's case."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.errors import UserError
from app.services.access import Permission, allowed
from app.services.documents import reading, suggest
from app.services.documents.kinds import document_kinds
from app.views import clipboard
from app.views.context import AppContext
from app.views.correspondence.actions import DocumentActions
from app.views.correspondence.drops import DropHint, accept, dropped_files
from app.views.correspondence.form_keeper import FormKeeper
from app.views.correspondence.intake_strip import IntakeStrip
from app.views.correspondence.link_form import FormValues, LinkForm
from app.views.correspondence.panes import Panes
from app.views.correspondence.tray_feed import TrayFeed
from app.views.correspondence.tray_list import TrayList
from app.views.correspondence.viewer import PageViewer
from app.views.pages import Crumb

if TYPE_CHECKING:
    from pathlib import Path

    from app.services.documents.intake import IntakeReport
    from app.services.documents.listing import DocumentDetail
    from app.services.documents.reading import PageMark
    from app.services.documents.suggest import Candidate, Suggestions
    from app.views.palette import Command

_AUTOSAVE_MS = 1000
_WIDTHS = "correspondence_panes"
NOT_FOUND = "No child found. Check the spelling, or start a referral."


class CorrespondencePage(QWidget):
    """Adds, shows, links, sets aside. A person decides every link."""

    title = "Correspondence"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("correspondence_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Correspondence", None)]
        self._may_link = allowed(context.ws.actor.role, Permission.LINK_DOCUMENTS)
        self._shown: str | None = None
        self.keeper = FormKeeper(context, self)
        self._autosave = QTimer(self)
        self._autosave.setSingleShot(True)
        self._autosave.setInterval(_AUTOSAVE_MS)
        self._autosave.timeout.connect(self._keep_form)
        self.acts = DocumentActions(context, self)
        self.strip = IntakeStrip(context)
        self.tray = TrayList(context.ws.time)
        self.feed = TrayFeed(context, self.tray, self, may_link=self._may_link)
        self.viewer = PageViewer(context)
        self.form = LinkForm(list(document_kinds().values()))
        self.split = Panes(self.tray, self.viewer, self.form)
        self._remember_widths()
        self.hint = DropHint(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.split, 1)
        self.setAcceptDrops(self._may_link)
        self.tray.add.setVisible(self._may_link)
        self.setFocusProxy(self.tray.view)
        self._connect()
        self._make_shortcuts()

    def _connect(self) -> None:
        tray_list, form, viewer = self.tray, self.form, self.viewer
        self.strip.finished.connect(self._added)
        tray_list.add_asked.connect(lambda: self.strip.choose(self))
        tray_list.state_chosen.connect(lambda _state: self.feed.load())
        self.feed.filled.connect(self._filled)
        tray_list.chosen.connect(self._show)
        tray_list.opened.connect(self._opened)
        viewer.document_shown.connect(self._document_shown)
        viewer.page_changed.connect(lambda _page: self._show_words())
        form.edited.connect(self._autosave.start)
        self.context.flush_drafts.connect(self._flush)
        form.link_asked.connect(self.link)
        form.left.connect(lambda how, reason: self._with_detail(lambda it: self.acts.leave(it, how, reason)))
        form.put_back_asked.connect(lambda: self._with_detail(self.acts.put_back))
        form.copy_asked.connect(lambda: clipboard.copy(viewer.page_words()))
        form.case_asked.connect(lambda case_id: self.context.navigate("case", case_id=case_id))
        choice = form.choice
        choice.unlink_asked.connect(lambda: self._with_detail(self.acts.unlink))
        choice.referral_asked.connect(lambda: self.context.navigate("referral"))
        choice.candidate_changed.connect(self._candidate_changed)
        choice.reason_chosen.connect(self._show_reason)
        choice.search_asked.connect(self._search)
        choice.child_found.connect(self._child_found)
        self.acts.done.connect(self._done)
        self.acts.undone.connect(self._show_again)
        self.acts.refused.connect(self._refused)
        self.context.records_changed.connect(self._records_changed)

    def _remember_widths(self) -> None:
        stored = self.context.settings.get(_WIDTHS).split(",")
        if len(stored) == 2 and all(width.isdecimal() for width in stored):
            self.split.set_widths(*map(int, stored))
        self._widths_settle = QTimer(self)
        self._widths_settle.setSingleShot(True)
        self._widths_settle.setInterval(_AUTOSAVE_MS)
        self._widths_settle.timeout.connect(self._store_widths)
        self.split.resized.connect(lambda *_widths: self._widths_settle.start())

    def _store_widths(self) -> None:
        with suppress(OSError):  # a full disk costs a width, not the work
            self.context.settings.set(_WIDTHS, ",".join(str(width) for width in self.split.widths()))

    def _make_shortcuts(self) -> None:
        actions: dict[str, Callable[[], object]] = {
            "Ctrl+O": lambda: self.strip.choose(self) if self._may_link else None,
            "Ctrl+Down": lambda: self.step_document(1),
            "Ctrl+Up": lambda: self.step_document(-1),
            "Ctrl+Z": self.acts.undo_last,
            "PgDown": lambda: self.viewer.step_page(1),
            "PgUp": lambda: self.viewer.step_page(-1),
        }
        for keys, action in actions.items():
            QShortcut(QKeySequence(keys), self, action, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)

    # What the window asks of a page

    def open(self, document_id: str | None = None, **_: Any) -> None:
        """Show the tray, at a document when one is named."""
        self.feed.warm()
        if document_id is not None:
            self._show_again(document_id)
        else:
            self.feed.load()

    def here(self) -> dict[str, str]:
        """Return what brings somebody back to this document after a lock."""
        return {"document_id": self.form.detail.id} if self.form.detail is not None else {}

    def primary_action(self) -> None:
        """Link and open next; or give the reason that is being asked for."""
        if self.form.outcome.is_asking():
            self.form.outcome.give_reason()
        elif self.form.outcome.primary.isEnabled():
            self.link(True)

    def find_here(self) -> None:
        """Find another child."""
        self.split.show_pane("form")
        self.form.open_finder()

    def close_panel(self) -> bool:
        """Close the search or the reason, else return to the list; return whether anything was closed."""
        if self.form.choice.close_finder():
            return True
        if self.form.outcome.is_asking():
            self.form.outcome.stop_asking()
            return True
        if self.split.count < 3 and self.tray.isHidden():
            self.split.show_pane("list")
            self.tray.view.setFocus(Qt.FocusReason.OtherFocusReason)
            return True
        return False

    def panes(self) -> list[QWidget]:
        """Return the panes that F6 moves between."""
        inside = {self.tray: self.tray.view, self.viewer: self.viewer.canvas, self.form: self.form.kind}
        return [inside[pane] for pane in self.split.shown() if pane in inside]

    def commands(self) -> "list[Command]":
        """Return what the palette offers here."""
        from app.views.correspondence.page_commands import page_commands

        return page_commands(self)

    def take_files(self, paths: "list[Path]") -> None:
        """Add files that were dropped on the window."""
        if self._may_link:
            self.strip.add(paths, "drop")

    # The list

    def _filled(self, ids: list[str], target: str | None) -> None:
        """Stay on the document shown when it is still in the list; else the one asked for, else the first."""
        target = next((wanted for wanted in (target, self._shown) if wanted in ids), ids[0] if ids else None)
        if target is not None:
            self.tray.select(target, quiet=True)
        if target is None:
            self._keep_form()
            self._shown = None
            self.viewer.clear()
            self.form.clear()
        elif target != self._shown:
            self._show(target)

    def _records_changed(self, tables: "frozenset[str]") -> None:
        # What this page is doing itself is shown when it is done.
        self.feed.note_changes(tables, shown=self.isVisible() and not self.acts.busy)

    def step_document(self, step: int) -> None:
        """Go to the next document (1) or the one before (-1)."""
        document_id = self.tray.neighbour(step)
        if document_id is not None:
            self.tray.select(document_id)

    def _opened(self, _document_id: str) -> None:
        self.split.show_pane("page" if self.split.count == 1 else "form")

    # One document

    def _show(self, document_id: str) -> None:
        self._keep_form()
        self._shown = document_id
        self.form.clear()
        self.viewer.show_document(document_id)

    def _keep_form(self) -> None:
        """Keep what was filled in for a document that is left before it is linked."""
        if self.form.detail is not None and self.form.touched():
            self.keeper.keep(self.form.detail.id, self.form.values())

    def _document_shown(self, detail: "DocumentDetail") -> None:
        kept = None
        if detail.case_id is None:
            kept = self.keeper.recall(detail.id, lambda found: self._refill(detail, found))
        self.form.show_document(detail, kept, may_link=self._may_link)
        self._show_words()
        if detail.case_id is None and self._may_link:
            self._suggest(detail.id)

    def _refill(self, detail: "DocumentDetail", found: FormValues) -> None:
        """Show what was filled in before the window was locked, unless something new was typed already."""
        if detail.id == self._shown and not self.form.touched():
            suggestions = self.form.choice.suggested
            self.form.show_document(detail, found, may_link=self._may_link)
            self.form.choice.suggested = suggestions
            self.form.choice.set_cards(found.candidate)
            self._show_words()

    def _flush(self) -> None:
        if self.form.detail is not None and self.form.touched():
            self.keeper.keep_now(self.form.detail.id, self.form.values())

    def _suggest(self, document_id: str) -> None:
        ws = self.context.ws
        self.form.choice.busy.show()

        def suggested(found: "Suggestions") -> None:
            if document_id == self._shown:
                self.form.choice.busy.hide()
                self.form.set_suggestions(found)

        run = self.context.runner.run
        run(self, lambda: suggest.suggest(ws, document_id), suggested, self._not_suggested, lane="cpu")

    def _not_suggested(self, error: Exception) -> None:
        self.form.choice.busy.hide()
        self.context.report_error(error)

    def _show_words(self) -> None:
        self.form.set_page_words(self.viewer.page_words(), reading.NO_TEXT_WHY)

    def _candidate_changed(self, candidate: "Candidate | None") -> None:
        self.viewer.set_marks(())
        detail = self.viewer.detail
        if candidate is None or detail is None or not candidate.reasons:
            return
        ws, document_id = self.context.ws, detail.id

        def marked(marks: "tuple[PageMark, ...]") -> None:
            chosen = self.form.choice.candidate()
            if document_id == self._shown and chosen is not None and chosen.case_id == candidate.case_id:
                self.viewer.set_marks(marks)

        self.context.runner.run(self, lambda: reading.marks_of(ws, detail.sha256, candidate), marked, lane="cpu")

    def _show_reason(self, number: int) -> None:
        if self.split.count == 1:
            self.split.show_pane("page")
        self.viewer.show_reason(number)

    def _search(self, words: str) -> None:
        if not words.strip():
            self.form.choice.finder.show_hits([], "")
            return
        ws = self.context.ws

        def work() -> Any:
            from app.services import search

            return search.find(ws, words, 20)

        def found(hits: Any) -> None:
            if words == self.form.choice.finder.field.text():
                self.form.choice.finder.show_hits(hits, "" if hits else NOT_FOUND)

        self.context.runner.run(self, work, found)

    def _child_found(self, case_id: str) -> None:
        ws = self.context.ws
        self.context.runner.run(self, lambda: suggest.describe_case(ws, case_id), self.form.add_candidate)

    # What is done with it

    def link(self, open_next: bool) -> None:
        """Link the document to the chosen child's case."""
        detail = self.form.detail
        if detail is not None and detail.case_id is None:
            self.acts.link(detail, self.form.values(), self.viewer.marks(), open_next=open_next)

    def ask_to_leave(self, how: str) -> None:
        """Ask why the document is set aside (``set_aside``) or where it goes (``not_for_us``)."""
        self.split.show_pane("form")
        self.form.outcome.ask(how)

    def _with_detail(self, act: "Callable[[DocumentDetail], None]") -> None:
        if self.form.detail is not None:
            act(self.form.detail)

    def _done(self, document_id: str, open_next: bool) -> None:
        following = self.tray.neighbour(1) or self.tray.neighbour(-1)
        self.keeper.forget(document_id)
        self.form.clear()
        self._shown = None
        if open_next:
            self.feed.load(following)
        else:
            self.feed.load(document_id, follow=True)

    def _refused(self, error: Exception) -> None:
        if isinstance(error, UserError) and self.form.show_error(error):
            self.split.show_pane("form")
        else:
            self.context.report_error(error)

    def _show_again(self, document_id: str) -> None:
        """Show a document where it is now."""
        self._shown = None
        self.feed.load(document_id, follow=True)
        self.context.counts_changed.emit()

    # Adding

    def _added(self, report: "IntakeReport") -> None:
        new = [added for added in report.added if not added.known]
        if new:
            self.context.toast("1 file added" if len(new) == 1 else f"{len(new)} files added")
            self.context.counts_changed.emit()
        if report.added:
            self._keep_form()
            self._show_again((new or list(report.added))[0].document_id)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Offer to take files."""
        if accept(event):
            self.hint.cover()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Go on offering."""
        accept(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Take the words away."""
        self.hint.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Add what was dropped."""
        self.hint.hide()
        if accept(event):
            self.take_files(dropped_files(event.mimeData()))
