"""The import page: choose or drop a file, look at what would happen, then bring it in."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.errors import UserError
from app.views.context import AppContext
from app.views.correspondence.drops import DropHint, accept, dropped_files
from app.views.intake.ctf_preview import CtfPreview
from app.views.intake.import_work import ImportWork, Preview
from app.views.intake.notices import Notices
from app.views.intake.report_panel import ReportPanel
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card, PageHeader
from app.views.kit.feedback import ProgressPanel
from app.views.kit.text import Text
from app.views.pages import Crumb
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.exchange.report import ImportReport

KINDS = "Lists and transfer files (*.csv *.xlsx *.xml *.txt);;All files (*)"
NARROW_BELOW = 760
_WHAT = (
    ("Deletion returns", "CSV or Excel from a school. Each good row becomes a draft referral."),
    ("Common Transfer File", "XML from a school or S2S. You decide for each pupil."),
    ("Schools from GIAS", "The daily extract of establishments, and the extract of links."),
    ("Local authority codes", "CSV with la_code and la_name."),
)


class ImportPage(QWidget):
    """Brings in lists and files."""

    title = "Import"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("import_page")
        self.setAcceptDrops(True)
        self.context = context
        self.breadcrumb: list[Crumb] = [("Cases", "cases"), ("Import", None)]
        self.work = ImportWork(context, self)
        self.read: Preview | None = None
        self.report: ImportReport | None = None
        self.preview: CtfPreview | None = None
        self._busy = False
        self._make()
        self._lay_out()
        self._connect()

    def _make(self) -> None:
        self.choose = PrimaryButton("Choose a file", "upload")
        self.choose.setObjectName("choose_file")
        self.header = PageHeader("Import a list or a file")
        self.progress = ProgressPanel("Reading the file", cancellable=True)
        self.panel = ReportPanel()
        self.go = PrimaryButton("Import", None, "Ctrl+Return", answers=False)
        self.go.setObjectName("import_go")
        self.suggest = QuietButton("Accept the strong matches")
        self.suggest.setObjectName("accept_matches")
        self.save_bad = QuietButton("Save refused rows", "save")
        self.save_bad.setObjectName("save_refused")
        self.save_report = QuietButton("Save report")
        self.save_report.setObjectName("save_report")
        self.again = QuietButton("Another file")
        self.again.setObjectName("another_file")
        self.hint = DropHint(self)
        self.hint.setText("Drop the file here to look at it")

    def _lay_out(self) -> None:
        self.stack = QStackedWidget()
        self._start = self._make_start()
        self._waiting = QWidget()
        wait = QVBoxLayout(self._waiting)
        wait.setContentsMargins(0, 0, 0, 0)
        wait.addWidget(self.progress)
        wait.addStretch(1)
        self.pupils = QScrollArea()
        self.pupils.setWidgetResizable(True)
        self.pupils.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.pupils.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for pane in (self._start, self._waiting, self.panel, self.pupils):
            self.stack.addWidget(pane)
        self.notices = Notices("import_notice")
        self.foot = QWidget()
        bar = QHBoxLayout(self.foot)
        bar.setContentsMargins(0, 0, 0, 0)
        bar.setSpacing(px(8))
        bar.addWidget(self.again)
        bar.addStretch(1)
        for button in (self.save_report, self.save_bad, self.suggest, self.go):
            bar.addWidget(button)
        page = QVBoxLayout(self)
        page.setContentsMargins(px(24), px(14), px(24), px(14))
        page.setSpacing(px(12))
        page.addWidget(self.header)
        page.addWidget(self.notices)
        page.addWidget(self.stack, 1)
        page.addWidget(self.foot)

    def _make_start(self) -> QWidget:
        inside = QWidget()
        inside.setProperty("fill", "none")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        card = Card()
        words = card.padded()
        lead = "Choose a file, or drop one here. Nothing is changed before you have looked at it."
        words.addWidget(Text(lead, "body", wrap=True))
        words.addWidget(self.choose, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(card)
        known = Card("What can be brought in")
        rows = known.padded()
        for name, explain in _WHAT:
            rows.addWidget(Text(name, "body", weight="medium", wrap=True))
            rows.addWidget(Text(explain, "secondary", ink="ink2", wrap=True))
        column.addWidget(known)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        return scroll

    def _connect(self) -> None:
        self.choose.clicked.connect(self.choose_file)
        self.again.clicked.connect(self._reset)
        self.go.clicked.connect(self.primary_action)
        self.suggest.clicked.connect(self._accept)
        self.save_bad.clicked.connect(self._save_refused)
        self.save_report.clicked.connect(self._save_report)
        self.progress.cancelled.connect(self.work.cancel)
        self.work.progressed.connect(self.progress.set_progress)
        self.work.previewed.connect(self._previewed)
        self.work.imported.connect(self._imported)
        self.work.failed.connect(self._failed)

    # The window's side

    def open(self, path: str | Path | None = None, **_arguments: Any) -> None:
        """Start over, or look at a file.

        Args:
            path: a file to preview at once.
        """
        if self._busy:
            return
        if path is not None:
            self.look_at(Path(path))
        elif self.read is None:
            self._reset()

    def primary_action(self) -> None:
        """Ctrl+Enter: import what is previewed, or choose a file."""
        if self._busy:
            return
        if self.read is None:
            self.choose_file()
        elif self.report is not None:
            self.context.navigate("referral", waiting=True)
        elif self.go.isEnabled():
            self._start_work("Importing")
            decisions = self.preview.decisions() if self.preview is not None else {}
            self.work.apply(self.read, decisions)

    def setFocus(self, *_reason: Any) -> None:
        """Put the keyboard where the next thing is done."""
        if self.stack.currentWidget() is self._start:
            self.choose.setFocus()
        elif self.go.isEnabled() or self.preview is None:
            (self.go if self.go.isEnabled() else self.again).setFocus()
        else:
            self.preview.focus_undecided()

    def panes(self) -> list[QWidget]:
        """Return what F6 moves between."""
        return [self.stack.currentWidget() or self.stack, self.go if self.foot.isVisible() else self.choose]

    def close_panel(self) -> bool:
        """Esc stops the work under way."""
        if self._busy:
            self.work.cancel()
        return self._busy

    # Choosing and dropping

    def choose_file(self) -> None:
        """Ask for a file."""
        if not self._busy:
            self.context.prompts.choose_files(
                self, "Choose a list or a transfer file", KINDS, lambda paths: self.look_at(paths[0]), many=False
            )

    def look_at(self, path: Path) -> None:
        """Preview a file; nothing is changed."""
        if self._busy:
            return
        self.read = self.report = None
        self.notices.clear()
        self._start_work("Reading the file")
        self.work.read(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a drag that carries a file."""
        if not self._busy and accept(event):
            self.hint.cover()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Show the page again."""
        self.hint.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Look at the first file that was dropped."""
        self.hint.hide()
        if accept(event):
            self.look_at(dropped_files(event.mimeData())[0])

    # Showing

    def _reset(self) -> None:
        self.read = self.report = self.preview = None
        self.notices.clear()
        self.header.set_title("Import a list or a file")
        self.stack.setCurrentWidget(self._start)
        self.foot.hide()
        self.choose.setFocus()

    def _start_work(self, words: str) -> None:
        self._busy = True
        self.progress.set_progress(0, 0, words)
        self.stack.setCurrentWidget(self._waiting)
        self.foot.hide()

    def _previewed(self, read: Preview) -> None:
        self._busy = False
        self.read, self.preview = read, None
        self.header.set_title(read.label, read.file_name)
        if read.plan is not None:
            self.preview = CtfPreview(read.plan)
            self.preview.setProperty("fill", "none")
            self.preview.decided.connect(self._count_decisions)
            self.pupils.setWidget(self.preview)
            self.stack.setCurrentWidget(self.pupils)
        elif read.report is not None:
            if read.report.cancelled:
                self._reset()
                self.notices.show_notice("info", "Stopped. Nothing was imported.")
                return
            self.panel.show_report(read.report)
            self.stack.setCurrentWidget(self.panel)
        self._show_foot(read.report)
        self._count_decisions()
        self.setFocus()

    def _show_foot(self, report: "ImportReport | None") -> None:
        self.foot.show()
        self.save_bad.setVisible(report is not None and bool(report.bad_rows and report.header))
        self.save_report.setVisible(report is not None and bool(report.issues))
        self.suggest.setVisible(self.preview is not None and self.report is None and self.preview.has_suggestions())
        self.go.setVisible(True)

    def _count_decisions(self) -> None:
        if self.preview is not None:
            left = self.preview.undecided_count()
            count = sum(made.kind != "skip" for made in self.preview.decisions().values())
            words = f"Choose for {left} more" if left else f"Import {count} pupils" if count != 1 else "Import 1 pupil"
            self.go.setEnabled(not left and bool(count))
            self.suggest.setVisible(self.preview.has_suggestions())
        else:
            report = self.read.report if self.read is not None else None
            count = report.added + report.changed if report is not None else 0
            words = f"Import {count:,} rows" if count != 1 else "Import 1 row"
            self.go.setEnabled(bool(count))
            if not count:
                words = "Nothing to import"
        self.go.setText(words)
        self.go.updateGeometry()

    def _accept(self) -> None:
        if self.preview is not None:
            self.preview.accept_suggestions()
            self.go.setFocus()

    def _imported(self, report: "ImportReport") -> None:
        self._busy = False
        self.report, self.preview = report, None
        self.panel.show_report(report)
        self.stack.setCurrentWidget(self.panel)
        self.notices.show_notice("info" if report.cancelled else "ok", report.summary)
        self._show_foot(report)
        made = bool(report.created_ids)
        self.go.setVisible(made)
        self.go.setEnabled(True)
        self.go.setText("See the referrals")
        self.go.updateGeometry()
        (self.go if made else self.again).setFocus()

    def _failed(self, error: Exception) -> None:
        self._busy = False
        self._reset()
        if isinstance(error, UserError):
            self.notices.show_notice("error", error.message)
        else:
            self.context.report_error(error)

    # Saving the report

    def _shown_report(self) -> "ImportReport | None":
        return self.report or (self.read.report if self.read is not None else None)

    def _save_refused(self) -> None:
        report = self._shown_report()
        if report is not None:
            self._save("Save refused rows", "refused-rows.csv", report.bad_rows_csv())

    def _save_report(self) -> None:
        report = self._shown_report()
        if report is not None:
            self._save("Save the report", "import-report.csv", report.issues_csv())

    def _save(self, title: str, suggested: str, content: bytes) -> None:
        def write(path: Path) -> None:
            from app.services.audit import Action

            ws, rows = self.context.ws, content.count(b"\r\n")

            def work() -> None:
                path.write_bytes(content)
                ws.audit(Action.EXPORTED, detail={"what": "import report", "rows": rows})

            self.context.runner.run(self, work, lambda _done: self.context.toast(f"Saved {path.name}."), lane="cpu")

        self.context.prompts.save_file(self, title, suggested, "CSV (*.csv)", write)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out a column of the report in narrow windows."""
        super().resizeEvent(event)
        self.panel.set_narrow(self.width() < px(NARROW_BELOW))
