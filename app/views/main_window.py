"""The opened window: rail, top bar and pages. Navigation only; what pages show is theirs."""

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.views import clipboard, pages
from app.views.backups.relay import BackupNotice
from app.views.commands import window_commands
from app.views.context import AppContext
from app.views.errors_shown import describe
from app.views.help_panel import HelpPanel
from app.views.kit.feedback import Banner, Toast
from app.views.page_stack import PageStack
from app.views.palette import Palette
from app.views.rail import Rail
from app.views.shortcuts import KEYS
from app.views.sync_pill import SyncPopover, SyncRelay
from app.views.theme import tinted
from app.views.tokens import px
from app.views.top_bar import TopBar
from app.views.vault_notices import VaultNotices

WIDE_FROM, ONE_PANE_BELOW = 1280, 960


@dataclass(frozen=True, slots=True)
class Place:
    """Where the person has been: a route and what it was opened with."""

    route: str
    arguments: dict[str, Any]


class MainWindow(QWidget):
    """Everything behind the unlock page, for one opened workspace.

    Signals:
        lock_asked: Ctrl+L or the Lock button.
        title_changed: words for the title bar.
    """

    lock_asked = Signal()
    title_changed = Signal(str)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.setObjectName("main_window")
        self.setAcceptDrops(True)
        actor = context.ws.actor
        self._built: dict[str, QWidget] = {}
        self._history: list[Place] = []
        self._at = -1
        self.allowed = _allowed(context)
        self.rail = Rail(pages.rail_pages(self.allowed))
        self.top_bar = TopBar(actor.initials, f"Signed in as {actor.name}")
        self.stack = PageStack()
        self.help = HelpPanel()
        self.help.hide()
        self.notices = VaultNotices(context)
        self.backup_notice = BackupNotice(context)
        self.error_slot = QVBoxLayout()
        self._lay_out()
        self._connect()
        self._make_shortcuts()
        tinted(self, "ink", "canvas")

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.stack, 1)
        middle.addWidget(self.help)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(self.top_bar)
        column.addWidget(self.notices)
        column.addWidget(self.backup_notice)
        column.addLayout(self.error_slot)
        column.addLayout(middle, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(column, 1)

    def _connect(self) -> None:
        self.rail.chosen.connect(self._rail_chosen)
        self.help.closed.connect(self.close_help)
        bar, context = self.top_bar, self.context
        bar.back_asked.connect(self.back)
        bar.forward_asked.connect(self.forward)
        bar.palette_asked.connect(self.open_palette)
        bar.lock_asked.connect(self.lock_asked)
        bar.sync_asked.connect(self._open_sync)
        bar.route_asked.connect(self.navigate)
        context.navigation_asked.connect(lambda route, arguments: self.navigate(route, **arguments))
        context.toast_asked.connect(self._toast)
        context.error_reported.connect(self.show_error)
        context.records_changed.connect(lambda _tables: self._count_badges())
        context.counts_changed.connect(self._count_badges)
        self._relay = SyncRelay(context.sync, self)
        self._relay.arrived.connect(bar.pill.show_status)
        bar.pill.show_status(context.sync.status())

    def _make_shortcuts(self) -> None:
        actions = {
            KEYS["palette"]: self.open_palette,
            KEYS["all_commands"]: self.open_palette,
            KEYS["referral"]: lambda: self.navigate("referral"),
            KEYS["lock"]: self.lock_asked.emit,
            KEYS["sync_now"]: self.context.sync.sync_now,
            KEYS["back"]: self.back,
            KEYS["forward"]: self.forward,
            KEYS["next_pane"]: self._next_pane,
            KEYS["close_panel"]: self._escape,
            KEYS["help"]: self.toggle_help,
            KEYS["shortcuts"]: self.show_shortcuts,
            KEYS["primary"]: lambda: self._ask_page("primary_action"),
            KEYS["find"]: lambda: self._ask_page("find_here"),
            KEYS["note"]: lambda: self._ask_page("add_note"),
        }
        for keys, action in actions.items():
            QShortcut(QKeySequence(keys), self, action)
        for place in range(1, 10):
            QShortcut(QKeySequence(f"Ctrl+{place}"), self, lambda place=place: self._open_place(place))

    # Navigation

    def navigate(self, route: str, **arguments: Any) -> None:
        """Open a page and remember it; forward history is dropped."""
        if route == "help":
            self.toggle_help()
            return
        place = Place(route, arguments)
        if self._show(place) and (self._at < 0 or self._history[self._at] != place):
            del self._history[self._at + 1 :]
            self._history.append(place)
            self._at = len(self._history) - 1
        self._light_history()

    def back(self) -> None:
        """Go to the page before."""
        if self._at > 0 and self._show(self._history[self._at - 1]):
            self._at -= 1
        self._light_history()

    def forward(self) -> None:
        """Go to the page after, when Back was used."""
        if self._at + 1 < len(self._history) and self._show(self._history[self._at + 1]):
            self._at += 1
        self._light_history()

    def route(self) -> str:
        """Return the route of the page shown."""
        return self._history[self._at].route if self._at >= 0 else ""

    def place(self) -> Place | None:
        """Return where the person is, to come back to after a lock."""
        if self._at < 0:
            return None
        at, here = self._history[self._at], getattr(self.page(), "here", None)
        return Place(at.route, {**at.arguments, **(here() if here is not None else {})})

    def page(self) -> Any:
        """Return the page shown."""
        return self.stack.currentWidget()

    def _show(self, place: Place) -> bool:
        spec = pages.SPECS.get(place.route)
        if spec is None or (spec.permission and spec.permission not in self.allowed):
            return False
        try:
            page = self._page(place.route)
            page.open(**place.arguments)
        except Exception as error:  # noqa: BLE001  (a page that cannot open must not take the window with it)
            self.show_error(error)
            return False
        self.clear_error()
        self.stack.show_page(page)
        self._head(spec, page)
        page.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def _page(self, route: str) -> Any:
        if route not in self._built:
            page = pages.build(route, self.context)
            self._built[route] = page
            self.stack.add_page(page)
            changed = getattr(page, "heading_changed", None)
            if changed is not None:
                changed.connect(lambda: self._head(pages.SPECS[route], page))
        return self._built[route]

    def _head(self, spec: pages.PageSpec, page: Any) -> None:
        if page is not self.stack.currentWidget():
            return
        self.rail.light(spec.rail_route or spec.route)
        self.top_bar.crumbs.set_crumbs(list(page.breadcrumb) or [(page.title, None)])
        # Task bars, window lists and shared screens show it: a page whose title names somebody has another for here.
        self.title_changed.emit(f"{getattr(page, 'window_title', page.title)} – Rollcall")
        self.help.show_screen(spec.route, page.title)

    def _light_history(self) -> None:
        self.top_bar.back.setEnabled(self._at > 0)
        self.top_bar.forward.setEnabled(self._at + 1 < len(self._history))

    def _rail_chosen(self, route: str) -> None:
        self.navigate(route)

    def _open_place(self, place: int) -> None:
        route = self.rail.route_at(place)
        if route:
            self.navigate(route)

    # Panels

    def open_palette(self) -> None:
        """Open the command palette."""
        commands = window_commands(self)
        offered = getattr(self.page(), "commands", None)
        if offered is not None:
            commands = list(offered()) + commands
        Palette(self.context, commands, self).show_over(self, self.top_bar.command)

    def toggle_help(self) -> None:
        """Show or hide help at the side (alone, in a narrow window)."""
        if self.help.isVisible():
            self.close_help()
            return
        self.help.choice.set_value("screen")
        self.help.show_screen(self.route(), getattr(self.page(), "title", "Rollcall"))
        self._open_help()

    def show_shortcuts(self) -> None:
        """Show the list of shortcuts."""
        self.help.show_shortcuts()
        self._open_help()

    def _open_help(self) -> None:
        self.help.setVisible(True)
        self._fold()
        self.help.words.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_help(self) -> None:
        """Hide help and give the page the focus."""
        self.help.setVisible(False)
        self._fold()
        page = self.page()
        if page is not None:
            page.setFocus(Qt.FocusReason.OtherFocusReason)

    def _open_sync(self) -> None:
        popover = SyncPopover(self.context.sync.status(), self)
        popover.sync_asked.connect(self.context.sync.sync_now)
        popover.centre_asked.connect(lambda: self.navigate("sync"))
        popover.review_asked.connect(lambda: self.navigate("conflicts"))
        popover.sign_in_asked.connect(lambda: self.navigate("sign_in"))
        popover.show_under(self.top_bar.pill)

    def _escape(self) -> None:
        close = getattr(self.page(), "close_panel", None)
        if self.help.isVisible():
            self.close_help()
        elif close is not None:
            close()

    def _ask_page(self, action: str) -> None:
        asked = getattr(self.page(), action, None)
        if asked is not None:
            asked()

    def _next_pane(self) -> None:
        """Move the focus: rail, top bar, each pane of the page, help."""
        page = self.page()
        offered = getattr(page, "panes", None)
        panes: list[QWidget] = [self.rail.main, self.top_bar.command]
        panes += list(offered()) if offered is not None else [page] if page is not None else []
        panes += [self.help.words] if self.help.isVisible() else []
        panes = [pane for pane in panes if pane.isVisible()]
        focused = QGuiApplication.focusObject()
        held = [i for i, pane in enumerate(panes) if _inside(focused, pane)]
        step = (held[-1] + 1) % len(panes) if held else 0
        target = panes[step]
        target.setFocus(Qt.FocusReason.TabFocusReason)
        if not target.hasFocus():
            target.focusNextChild()

    # What is said

    def _toast(self, text: str, undo: Any) -> None:
        for old in self.findChildren(Toast):
            old.close()
        Toast(self, text, undo).popup()

    def show_error(self, error: BaseException) -> None:
        """Show an error over the page; what was typed stays."""
        shown = describe(error)
        self.clear_error()
        actions = []
        if shown.details:
            actions.append(("Copy details for IT", lambda: clipboard.copy(shown.details)))
        banner = Banner(shown.kind, shown.text, actions, closable=True)
        banner.setObjectName("error_banner")
        self.error_slot.addWidget(banner)

    def clear_error(self) -> None:
        """Take the error away."""
        while (item := self.error_slot.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _count_badges(self) -> None:
        ws = self.context.ws

        def work() -> dict[str, int]:
            from app.services import today

            return today.counts(ws)

        self.context.runner.run(self, work, self._show_counts, lambda _error: None)

    def _show_counts(self, counts: dict[str, int]) -> None:
        for route, count in counts.items():
            self.rail.set_count(route, count)

    def start(self, route: str = "today") -> None:
        """Open the first page."""
        self.navigate(route)
        if not self._history:
            # Not everybody has that page: the first one of the rail is everybody's own.
            self.navigate(pages.rail_pages(self.allowed)[0].route)
        self._count_badges()

    # Files dropped anywhere on the window go to Correspondence

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a drag that carries files."""
        if event.mimeData().hasUrls() and "LINK_DOCUMENTS" in self.allowed:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open Correspondence and add the files."""
        from app.views.correspondence.drops import accept, dropped_files

        if accept(event):
            self.navigate("correspondence")
            take = getattr(self.page(), "take_files", None)
            if take is not None:
                take(dropped_files(event.mimeData()))

    # Size

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the rail, and help, to the width."""
        super().resizeEvent(event)
        self._fold()

    def changeEvent(self, event: QEvent) -> None:
        """Fold again when the text size changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            tinted(self, "ink", "canvas")
            self._fold()

    def _fold(self) -> None:
        self.rail.set_narrow(self.width() < px(WIDE_FROM))
        alone = self.help.isVisibleTo(self) and self.width() < px(ONE_PANE_BELOW)
        self.stack.setVisible(not alone)
        self.help.setMaximumWidth(self.width() if alone else px(360))


def _allowed(context: AppContext) -> frozenset[str]:
    from app.services.access import ROLE_PERMISSIONS

    return frozenset(permission.name for permission in ROLE_PERMISSIONS[context.ws.actor.role])


def _inside(focused: QObject | None, pane: QWidget) -> bool:
    return isinstance(focused, QWidget) and (focused is pane or pane.isAncestorOf(focused))
