"""The real window, timed: when rows are painted, and how long the event loop is ever held up."""

import time
from typing import Any

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QAbstractItemView, QApplication, QMainWindow

from app.views.context import AppContext
from app.views.main_window import MainWindow
from app.views.opening import Opened, close
from app.views.task_runner import TaskRunner

STEPS = 240
PATIENCE_S = 30.0


class _Paints(QObject):
    """Counts paints of a viewport."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        if event.type() == QEvent.Type.Paint:
            self.at = time.perf_counter()
        return False


class MeasuredWindow:
    """The window behind the unlock page, on the Cases page with every open case."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._runner = TaskRunner(_raise)
        self._context = AppContext(opened.ws, self._runner, opened.sync)
        self._frame = QMainWindow()
        self._window = MainWindow(self._context)
        self._frame.setCentralWidget(self._window)
        self._frame.resize(1440, 900)
        self._frame.show()
        self._window.navigate("cases", view="all")
        self.page: Any = self._window.stack.currentWidget()
        self._paints = _Paints()
        self.page.table.viewport().installEventFilter(self._paints)

    def until_rows_are_painted(self) -> float:
        """Run the event loop until the first rows are read and painted; return when that was."""
        ended = time.perf_counter() + PATIENCE_S
        while time.perf_counter() < ended:
            _turn()
            if self.page.model.rowCount() and self.page.model.row(0) is not None:
                read = time.perf_counter()
                self.page.table.viewport().repaint()
                if self._paints.at >= read:
                    return self._paints.at
        raise RuntimeError("the Cases page showed no rows")

    def scroll(self) -> dict[str, float]:
        """Scroll through every case and then jump to the end; return the longest block and the wait for rows."""
        block = longest_block(self.page.table)
        bar = self.page.table.verticalScrollBar()
        bar.setValue(0)
        _settle(self._runner)
        self.page.model._pages.clear()
        started = time.perf_counter()
        bar.setValue(bar.maximum())
        last = self.page.model.rowCount() - 1
        while self.page.model.row(last) is None:
            _turn()
        self.page.table.viewport().repaint()
        return {"block": block, "filled": time.perf_counter() - started}

    def end(self) -> None:
        """Close everything."""
        self._runner.close()
        close(self._opened)


def longest_block(view: QAbstractItemView) -> float:
    """Scroll a view from top to bottom and return the longest turn of the event loop, in seconds."""
    bar, longest = view.verticalScrollBar(), 0.0
    for _ in range(20):
        _turn()
    for step in range(STEPS + 1):
        started = time.perf_counter()
        bar.setValue(bar.maximum() * step // STEPS)
        _turn()
        longest = max(longest, time.perf_counter() - started)
    return longest


def _turn() -> None:
    QApplication.sendPostedEvents()
    QApplication.processEvents()


def _settle(runner: TaskRunner) -> None:
    while runner.pending_count():
        _turn()


def _raise(error: Exception) -> None:
    raise error
