"""The audit of this laptop: who did what, when; filtered, verified and exported."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from app.errors import UserError
from app.services.audit_trail import AuditQuery
from app.views.audit.audit_filters import AuditFilters
from app.views.audit.audit_model import AuditModel
from app.views.audit.audit_table import AuditTable
from app.views.audit.verification import Verification
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import EmptyState, PageHeader, rule
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.views.context import AppContext

WIDE_FROM = 1280


class AuditPage(Themed, QWidget):
    """Filters, the verification and the table.

    Signals:
        ready: the first entries of a query are shown.
    """

    ready = Signal()

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self.setObjectName("audit_page")
        self.title = "Audit"
        self.breadcrumb: list[tuple[str, str | None]] = [("Audit", None)]
        self._context = context
        self._query = AuditQuery()
        self._reference = ""
        self._panel_asked = False
        self.model = AuditModel(context, self)
        self.table = AuditTable(self.model)
        self.panel = AuditFilters()
        self.verification = Verification(context)
        self._make_head()
        self._lay_out()
        self._connect()
        self.start_theming()

    def _make_head(self) -> None:
        self.filters_button = QuietButton("Filters", "list-filter")
        self.filters_button.setObjectName("audit_filters_button")
        self.export_button = QuietButton("Export", "download")
        self.export_button.setObjectName("audit_export")
        self.verify_button = PrimaryButton("Verify", "shield-check", answers=False)
        self.verify_button.setObjectName("audit_verify")
        self.head = PageHeader("Audit", "", [self.filters_button, self.export_button, self.verify_button])

    def _lay_out(self) -> None:
        self._top = QVBoxLayout()
        self._top.addWidget(self.head)
        self._top.addWidget(self.verification)
        self.empty = EmptyState("No entry matches these filters.")
        self.table.setParent(self)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self.empty)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addLayout(self._top)
        right.addWidget(rule())
        right.addLayout(self._stack, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.panel)
        self._edge = rule(upright=True)
        row.addWidget(self._edge)
        row.addLayout(right, 1)

    def _connect(self) -> None:
        self.setFocusProxy(self.table)
        self.model.loaded.connect(self._show_loaded)
        self.model.indexing.connect(self._show_indexing, Qt.ConnectionType.QueuedConnection)
        self.table.opened.connect(self._open_case)
        self.panel.changed.connect(self._ask)
        self.panel.case_typed.connect(self._find_case)
        self.filters_button.clicked.connect(self._toggle_panel)
        self.verify_button.clicked.connect(self.verification.start)
        self.verification.running.connect(lambda on: self.verify_button.setEnabled(not on))
        self.verification.done.connect(self._reload)
        self.export_button.clicked.connect(self._ask_export)

    def restyle(self) -> None:
        """Follow the theme."""
        self._top.setContentsMargins(px(20), px(12), px(20), px(10))
        self._top.setSpacing(px(8))

    # What the window asks

    def open(self, case_id: str | None = None, **_arguments: Any) -> None:
        """Show the newest entries, or those about a case; reading the audit is audited.

        Args:
            case_id: only what concerns this case.
        """
        from app.services import audit_trail
        from app.services.audit_trail.checking import refusal
        from app.services.audit_trail.listing import reference_of

        if case_id is not None:
            self._query = AuditQuery(case_id=case_id)
        ws, wanted = self._context.ws, self._query.case_id

        def note() -> tuple[str, str]:
            audit_trail.note_reading(ws)
            return reference_of(ws, wanted) if wanted else "", refusal(ws)

        def people() -> list[tuple[str, str]]:
            audit_trail.refresh(ws, self.model.indexing.emit)
            return audit_trail.people(ws)

        self._context.runner.run(self, note, lambda found: self._show_first(*found))
        # The newest entries need no index; whoever is in the audit is known once there is one.
        self._context.runner.run(self, people, self.panel.show_people, lane="cpu")
        self.table.setFocus()

    def primary_action(self) -> None:
        """Verify the audit."""
        if self.verify_button.isEnabled():
            self.verification.start()

    def find_here(self) -> None:
        """Put the cursor into the case reference."""
        self._panel_asked = True
        self._place_panel()
        self.panel.case.setFocus()
        self.panel.case.selectAll()

    def close_panel(self) -> bool:
        """Close the filters where they lie over a narrow window; return whether that did anything."""
        if self._panel_asked and not self._is_wide():
            self._panel_asked = False
            self._place_panel()
            self.table.setFocus()
            return True
        return False

    # Queries

    def _show_first(self, reference: str, refused: str) -> None:
        self._reference = reference
        self.panel.show_query(self._query, reference)
        self.verification.show_refusal(refused)
        self._reload()

    def _ask(self, query: AuditQuery) -> None:
        self._query = query
        if query.case_id is None:
            self._reference = ""
        self.panel.show_query(query, self._reference)
        self._reload()

    def _reload(self) -> None:
        self.model.load(self._query)

    def _find_case(self, reference: str) -> None:
        if not reference:
            self._ask(replace(self._query, case_id=None))
            return
        from app.services import audit_trail

        ws = self._context.ws

        def found(case_id: str) -> None:
            self._reference = reference.upper()
            self._ask(replace(self._query, case_id=case_id))

        def missing(error: Exception) -> None:
            if isinstance(error, UserError):
                self.panel.case_field.set_error(error.message)
            else:
                self._context.report_error(error)

        self._context.runner.run(self, lambda: audit_trail.find_case(ws, reference), found, missing)

    def _show_loaded(self, count: int) -> None:
        self._show_count()
        if count:
            self._stack.setCurrentWidget(self.table)
            self.table.go_to(0)
        else:
            self._stack.setCurrentWidget(self.empty)
        self.export_button.setEnabled(count > 0)
        self.ready.emit()

    def _show_count(self) -> None:
        count = self.model.rowCount()
        words = "1 entry" if count == 1 else f"{count:,} entries"
        if self._reference:
            words += f" about {self._reference}"
        elif not self._query.is_plain:
            words += (" matches" if count == 1 else " match") + " the filters"
        self.head.set_title("Audit", words)

    def _show_indexing(self, done: int, total: int) -> None:
        if done < total:
            self.head.set_title("Audit", f"Preparing filters, {done:,} of {total:,}")
        else:
            self._show_count()

    def _open_case(self, case_id: str) -> None:
        from app.services.access import Permission, allowed

        if allowed(self._context.ws.actor.role, Permission.READ_CASES):
            self._context.navigate("case", case_id=case_id)

    # Export

    def _ask_export(self) -> None:
        self._context.prompts.save_file(self, "Export the audit", "audit.csv", "CSV (*.csv)", self._export)

    def _export(self, path: Path) -> None:
        from app.services import audit_trail

        ws, query = self._context.ws, self._query
        self.export_button.setEnabled(False)

        def done(count: int) -> None:
            self.export_button.setEnabled(True)
            self._context.toast(f"{count:,} entries saved as {path.name}.")

        def failed(error: Exception) -> None:
            self.export_button.setEnabled(True)
            self._context.report_error(error)

        self._context.runner.run(self, lambda: audit_trail.export(ws, query, path), done, failed, lane="cpu")

    # Room

    def _is_wide(self) -> bool:
        return self.window().width() >= px(WIDE_FROM)

    def _toggle_panel(self) -> None:
        self._panel_asked = not self.panel.isVisible()
        self._place_panel()
        if self._panel_asked:
            self.panel.person.setFocus()

    def _place_panel(self) -> None:
        wide = self._is_wide()
        self.filters_button.setVisible(not wide)
        self.panel.setVisible(wide or self._panel_asked)
        self._edge.setVisible(wide or self._panel_asked)

    def minimumSizeHint(self) -> QSize:
        """Return less than the parts ask for: they fold when they are given less."""
        return QSize(px(320), px(240))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the filters in view only where there is room for them."""
        super().resizeEvent(event)
        self._place_panel()
        self.head.subtitle.setVisible(self.width() >= px(520))
