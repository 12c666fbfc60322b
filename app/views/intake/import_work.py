"""What the import page does off the window's thread: read a file, preview it, import it, with progress and cancel."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from app.services.exchange.ctf import CtfPlan, Decision
    from app.services.exchange.report import ImportReport
    from app.services.workspace import Workspace
    from app.views.context import AppContext


@dataclass(frozen=True, slots=True)
class Preview:
    """A file that was read: a list's report of what would happen, or a transfer file's plan."""

    kind: str
    label: str
    file_name: str
    content: bytes
    report: "ImportReport | None" = None
    plan: "CtfPlan | None" = None


class ImportWork(QObject):
    """One import at a time, beside the database lane so that other pages stay quick.

    Signals:
        progressed: rows done and in all.
        previewed: a :class:`Preview`.
        imported: the report of what was done.
        failed: what went wrong; nothing was imported.
    """

    progressed = Signal(int, int)
    previewed = Signal(object)
    imported = Signal(object)
    failed = Signal(object)

    def __init__(self, context: "AppContext", parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._stop = threading.Event()

    def cancel(self) -> None:
        """Stop after the rows that are being saved."""
        self._stop.set()

    def read(self, path: Path) -> None:
        """Read and preview a file."""
        ws = self._context.ws
        self._run(lambda: preview(ws, path, self._report, self._stop.is_set), self.previewed.emit)

    def apply(self, read: Preview, decisions: "dict[int, Decision]") -> None:
        """Import what was previewed."""
        ws = self._context.ws
        self._run(lambda: apply(ws, read, decisions, self._report, self._stop.is_set), self.imported.emit)

    def _run(self, work: Callable[[], object], then: Callable[[object], object]) -> None:
        self._stop.clear()
        self._context.runner.run(self, work, then, self.failed.emit, lane="cpu")

    def _report(self, done: int, total: int) -> None:
        self.progressed.emit(done, total)


def preview(
    ws: "Workspace", path: Path, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
) -> Preview:
    """Return what importing a file would do.

    Raises:
        UserError: the file is refused whole.
    """
    from app.services.exchange import ctf, detect
    from app.services.exchange.tabular import REFERENCE_BYTES, read_bytes

    content = read_bytes(path, REFERENCE_BYTES)
    kind = detect.kind_of(content)
    if kind == detect.CTF:
        plan = ctf.plan(ws, ctf.read(content), file_name=path.name, progress=progress, cancelled=cancelled)
        return Preview(kind, "Common Transfer File", path.name, content, plan=plan)
    listed = detect.list_kind(kind)
    report = listed.run(ws, content, file_name=path.name, dry_run=True, progress=progress, cancelled=cancelled)
    return Preview(kind, listed.label, path.name, content, report=report)


def apply(
    ws: "Workspace",
    read: Preview,
    decisions: "dict[int, Decision]",
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> "ImportReport":
    """Import what was previewed and return the report."""
    from app.services.exchange import ctf, detect

    if read.plan is not None:
        return ctf.apply(ws, read.plan, decisions)
    listed = detect.list_kind(read.kind)
    return listed.run(ws, read.content, file_name=read.file_name, progress=progress, cancelled=cancelled)
