"""One case: who it is about, what happened, what is next."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.errors import UserError
from app.services import case_page
from app.services.case_views import CaseView
from app.views.case.case_actions import CaseActions, case_banners
from app.views.case.closed_case import ClosedCaseView
from app.views.case.documents_tab import DocumentsTab, LettersTab
from app.views.case.drawer import Drawer, DrawerButton
from app.views.case.enquiries_tab import EnquiriesTab
from app.views.case.family_tab import FamilyTab
from app.views.case.form_drafts import FormDraft, show_unfinished
from app.views.case.form_slot import FormSlot
from app.views.case.history_tab import HistoryTab
from app.views.case.inline_form import InlineForm
from app.views.case.parts import SHOWN_TABLES, TABS
from app.views.case.side_column import SideColumn
from app.views.case.tab_strip import TabStrip, counts_of
from app.views.case.timeline_tab import TimelineTab
from app.views.cases.columns import due_words
from app.views.identity_bar import Identity, IdentityBar, SafetyMark
from app.views.kit.buttons import Button, IconButton
from app.views.kit.cards import rule
from app.views.sync_pill import SyncRelay
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.views.context import AppContext

WIDE_FROM, LOW_BELOW, SETTLE_MS = 1280, 520, 120
ACTIONS_FROM = 1160
"""Narrower, the facts about the child need the room; the actions are under More."""


class CasePage(Themed, QWidget):
    """Identity bar, tabs, and the side column (a drawer where there is no room for it).

    Signals:
        heading_changed: title and breadcrumb name another child.
        ready: the case is shown.
    """

    heading_changed = Signal()
    ready = Signal()

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self.setObjectName("case_page")
        self._context = context
        self._case_id = ""
        self._view: CaseView | None = None
        self._history_stale = True
        self.title = self.window_title = "Case"
        self.breadcrumb: list[tuple[str, str | None]] = [("Cases", "cases"), ("Case", None)]
        self.actions_of = CaseActions(context, self)
        self._make_identity()
        self._make_tabs()
        self._lay_out()
        self._connect()
        self.start_theming()

    def _make_identity(self) -> None:
        self.visit_button = Button("Book visit", "calendar-plus", kind="band")
        self.visit_button.setObjectName("book_visit")
        self.letter_button = Button("Write letter", "mail", kind="band")
        self.letter_button.setObjectName("write_letter")
        self.more_button = IconButton("ellipsis", "More actions", kind="band")
        self.more_button.setObjectName("case_more")
        self.identity = IdentityBar([self.visit_button, self.letter_button, self.more_button])

    def _make_tabs(self) -> None:
        self.drawer_button = DrawerButton()
        self.strip = TabStrip(TABS, self.drawer_button)
        self.timeline = TimelineTab(self._context)
        self.family = FamilyTab(self._context)
        self.enquiries = EnquiriesTab(self._context)
        self.documents = DocumentsTab(self._context)
        self.letters = LettersTab(self._context)
        self.history = HistoryTab(self._context)
        self._tabs: dict[str, QWidget] = {
            "timeline": self.timeline,
            "family": self.family,
            "enquiries": self.enquiries,
            "documents": self.documents,
            "letters": self.letters,
            "history": self.history,
        }
        self.stack = QStackedWidget()
        # A form over the tabs has the height it needs before the tabs have theirs.
        self.stack.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        for tab in self._tabs.values():
            self.stack.addWidget(tab)
        self.side = SideColumn()
        self.drawer = Drawer(self, self.side)

    def _lay_out(self) -> None:
        self.form_slot = FormSlot()
        self.banners = QVBoxLayout()
        self.banners.setSpacing(px(8))
        self.closed = ClosedCaseView(self._context)
        self.closed.hide()
        self._main = QVBoxLayout()
        self._main.addLayout(self.banners)
        self._main.addWidget(self.form_slot)
        self._main.addWidget(self.stack, 1)
        self._body = QHBoxLayout()
        self._body.setSpacing(0)
        self._body.addLayout(self._main, 1)
        self._body.addWidget(self.side)
        self._content = QWidget()
        content = QVBoxLayout(self._content)
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(0)
        content.addWidget(self.identity)
        content.addWidget(self.strip)
        content.addWidget(rule())
        content.addLayout(self._body, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.closed, 1)
        column.addWidget(self._content, 1)

    def _connect(self) -> None:
        context = self._context
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.read_again)
        context.records_changed.connect(self._note_change)
        relay = SyncRelay(context.sync, self)
        relay.arrived.connect(lambda _status: self._settle.start() if self._shown() else None)
        self.strip.chosen.connect(self.choose_tab)
        self.visit_button.clicked.connect(self.actions_of.book_visit)
        self.letter_button.clicked.connect(self.actions_of.write_letter)
        self.more_button.clicked.connect(lambda: self.actions_of.open_more(self.more_button))
        self.drawer_button.clicked.connect(self.drawer.toggle)
        self.timeline.document_asked.connect(lambda key: self._show_in("documents", key))
        self.timeline.letter_asked.connect(lambda key: self._show_in("letters", key))
        self.enquiries.document_asked.connect(lambda key: self._show_in("documents", key))
        for tab in (self.timeline.saved, self.family.changed, self.enquiries.changed):
            tab.connect(self.read_again)
        self.family.case_asked.connect(self._open_other)
        self.closed.named.connect(lambda reference: self._name(reference, reference))
        self.closed.opened.connect(lambda: self._read(audited=True))
        self.side.case_asked.connect(self._open_other)
        self.side.enquiries_asked.connect(lambda: self._show_in("enquiries", ""))
        self.side.family_asked.connect(lambda: self._show_in("family", ""))
        does = self.actions_of
        self.side.task_asked.connect(does.add_task)
        self.side.clock_asked.connect(does.start_clock)
        self.side.stopped_asked.connect(does.stop_clock)
        self.side.done_asked.connect(does.mark_done)
        QShortcut(QKeySequence("Ctrl+Tab"), self, lambda: self.strip.step(1))
        QShortcut(QKeySequence("Ctrl+Shift+Tab"), self, lambda: self.strip.step(-1))

    def restyle(self) -> None:
        """Follow the theme."""
        self._main.setContentsMargins(px(20), px(14), px(16), px(12))
        self._main.setSpacing(px(10))

    # What the window asks

    def open(self, case_id: str = "", tab: str | None = None, **_more: Any) -> None:
        """Show a case.

        Args:
            case_id: the case.
            tab: a key of ``TABS``; Timeline when another case is opened without one.
        """
        other = case_id != self._case_id
        if other:
            self.timeline.composer.flush()
            self._close_form()
            self._case_id, self._view = case_id, None
        if tab in self._tabs or other:
            self.choose_tab(tab if tab in self._tabs else "timeline")
        self._read(audited=True)

    def primary_action(self) -> None:
        """Save the note, or the form that is open; otherwise begin a note."""
        form = self._open_form()
        if form is not None:
            form.submit()
        elif self.timeline.composer.is_open() and self.strip.current == "timeline":
            self.timeline.composer.save()
        else:
            self.add_note()

    def add_note(self) -> None:
        """Put the cursor into the composer."""
        if self._view is not None and self._view.editable:
            self.choose_tab("timeline")
            self.timeline.composer.begin()

    def close_panel(self) -> bool:
        """Close the form, the drawer or the composer; return whether there was one."""
        if self.form_slot.isVisible():
            self._close_form()
            return True
        if self.drawer.is_open():
            self.drawer.close_drawer()
            return True
        if self.timeline.composer.is_open() and self.strip.current == "timeline":
            self.timeline.composer.close_note()
            return True
        return False

    @property
    def view(self) -> CaseView | None:
        """What is shown, or None until it is read."""
        return self._view

    # Reading

    def _shown(self) -> bool:
        return self.isVisible() and bool(self._case_id)

    def _note_change(self, tables: object) -> None:
        if isinstance(tables, frozenset) and tables & SHOWN_TABLES and self._shown():
            self._settle.start()

    def read_again(self) -> None:
        """Show what has changed since."""
        self._settle.stop()
        if self._case_id:
            self._read(audited=False)

    def _read(self, *, audited: bool) -> None:
        ws, case_id = self._context.ws, self._case_id
        self._context.runner.run(
            self,
            lambda: case_page.load_case(ws, case_id, audited=audited),
            lambda view: self._show(view) if view.identity.case_id == self._case_id else None,
            self._could_not_read,
        )

    def _could_not_read(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            self._context.report_error(error)
            return
        self._content.hide()
        self._view = None
        self._name("Case", "Case")
        self.closed.show_refusal(self._case_id, error)

    def _show(self, view: CaseView) -> None:
        self._view = view
        today = self._context.ws.time.today()
        self.closed.hide()
        self._content.show()
        self._show_identity(view)
        self._show_banners(view)
        self.actions_of.watch(view)
        self._show_next_button(view)
        self.strip.set_counts(counts_of(view))
        self.timeline.show_case(view, today)
        self.family.show_case(view)
        self.enquiries.show_case(view, today)
        self.documents.show_case(view, shown=self.strip.current == "documents")
        self.letters.show_case(view, shown=self.strip.current == "letters")
        self.side.show_case(view, today)
        self._history_stale = True
        self._show_history()
        self._name(view.identity.name, view.identity.reference)
        self.ready.emit()

    def _name(self, title: str, window_title: str) -> None:
        """Say whose case this is; the window's own title never holds a name."""
        if (self.title, self.window_title) != (title, window_title):
            self.title, self.window_title = title, window_title
            self.breadcrumb = [("Cases", "cases"), (title, None)]
            self.heading_changed.emit()

    def _show_identity(self, view: CaseView) -> None:
        who = view.identity
        marks = tuple(SafetyMark(flag.words, "danger" if flag.grave else "safety") for flag in who.flags)
        self.identity.show_identity(
            Identity(
                name=who.name,
                stage=who.stage_words,
                safety=marks,
                born=who.born,
                age=who.age,
                last_seen=who.last_seen,
                upn=who.upn,
                officer=who.officer,
            )
        )
        self.visit_button.setVisible(view.editable)
        self.letter_button.setVisible(view.editable)
        self._fit_identity()

    def _show_banners(self, view: CaseView) -> None:
        while (item := self.banners.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for banner in case_banners(view, self.actions_of):
            self.banners.addWidget(banner)
        if self._open_form() is None:
            show_unfinished(self._context, self, view.identity.case_id, self.banners)

    def _show_next_button(self, view: CaseView) -> None:
        first = view.next_items[0] if view.next_items else None
        if first is None:
            self.drawer_button.show_next("none", "Next")
            return
        state, words = due_words(first.due_on, self._context.ws.time.today())
        self.drawer_button.show_next(state, f"Next: {words[0].lower() if state != 'later' else words[0]}{words[1:]}")

    # Tabs

    def here(self) -> dict[str, str]:
        """Return what brings somebody back to this tab after a lock."""
        return {"tab": self.strip.current}

    def choose_tab(self, key: str) -> None:
        """Show a tab by its key."""
        self.strip.set_current(key)
        self.stack.setCurrentWidget(self._tabs[key])
        if self._view is not None:
            if key == "documents":
                self.documents.show_case(self._view, shown=True)
            elif key == "letters":
                self.letters.show_case(self._view, shown=True)
        self._show_history()

    def _show_history(self) -> None:
        if self.strip.current == "history" and self._history_stale and self._case_id:
            self._history_stale = False
            self.history.show_case(self._case_id)

    def _show_in(self, tab: str, key: str) -> None:
        self.drawer.close_drawer()
        self.choose_tab(tab)
        if key and tab == "documents":
            self.documents.choose(key)
        elif key and tab == "letters":
            self.letters.choose(key)

    def _open_other(self, case_id: str) -> None:
        self.drawer.close_drawer()
        self._context.navigate("case", case_id=case_id)

    # Forms

    def show_form(self, form: InlineForm) -> None:
        """Show a form over the tabs."""
        self.drawer.close_drawer()
        self.form_slot.show_form(form)
        if isinstance(form, InlineForm):
            FormDraft(self._context, form, self._case_id)
        form.cancelled.connect(self._close_form)
        form.done.connect(self._form_done)
        form.focus_first()

    def _form_done(self, _result: object) -> None:
        self._close_form()
        self.read_again()

    def _close_form(self) -> None:
        self.form_slot.drop()

    def _open_form(self) -> InlineForm | None:
        forms = [form for form in self.findChildren(InlineForm) if form.isVisible()]
        holding = self.focusWidget()
        return next((form for form in forms if holding is not None and form.isAncestorOf(holding)), None)

    # Room

    def minimumSizeHint(self) -> QSize:
        """Return less than the parts ask for: they fold when they are given less."""
        return QSize(px(320), px(240))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Turn the side column into a drawer, and fold what there is no room for."""
        super().resizeEvent(event)
        wide = self.window().width() >= px(WIDE_FROM)
        self.drawer.dock(self._body if wide else None)
        self.drawer_button.setVisible(not wide)
        self.strip.refit()
        self.timeline.show_chips(self.height() >= px(LOW_BELOW))
        self._fit_identity()

    def _fit_identity(self) -> None:
        narrow = self.width() < px(ACTIONS_FROM)
        editable = self._view is not None and self._view.editable
        self.visit_button.setVisible(editable and not narrow)
        self.letter_button.setVisible(editable and not narrow)
