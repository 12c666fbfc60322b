"""Work off the window's thread, results on it.

Three lanes: ``database`` (one thread: the vault has one writer), ``network`` and ``cpu``. Work takes ids and returns
frozen dataclasses; a session never crosses threads. A result whose owner is gone is dropped.
"""

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

if TYPE_CHECKING:
    from queue import SimpleQueue

T = TypeVar("T")
Lane = Literal["database", "network", "cpu"]
_THREADS: dict[Lane, int] = {"database": 1, "network": 2, "cpu": 2}


class _Job:
    def __init__(
        self,
        owner: QObject,
        work: Callable[[], Any],
        on_success: Callable[[Any], object],
        on_error: Callable[[Exception], object] | None,
        generation: int,
    ) -> None:
        self.owner, self.generation = weakref.ref(owner), generation
        self.work, self.on_success, self.on_error = work, on_success, on_error
        self.result: Any = None
        self.error: Exception | None = None


class TaskRunner(QObject):
    """Runs work in lanes and delivers through one signal.

    Attributes:
        on_unexpected: called on the window's thread with an error that nobody else takes.
    """

    _finished = Signal(object)
    idle = Signal()

    def __init__(self, on_unexpected: Callable[[Exception], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.on_unexpected = on_unexpected
        self._queues: dict[Lane, SimpleQueue[_Job | None]] = {}
        self._threads: list[threading.Thread] = []
        self._pending = 0
        self._generation = 0
        self._closed = False
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        owner: QObject,
        work: Callable[[], T],
        on_success: Callable[[T], object],
        on_error: Callable[[Exception], object] | None = None,
        *,
        lane: Lane = "database",
    ) -> None:
        """Start work in a lane, in order within ``database``.

        Args:
            owner: usually the page; when it is gone the result is dropped.
            work: runs on another thread; must not touch widgets.
            on_success: takes the result, on the window's thread.
            on_error: takes what was raised; without it ``on_unexpected`` does.
            lane: ``database``, ``network`` or ``cpu``.
        """
        if self._closed:
            return
        self._pending += 1
        job = _Job(owner, work, on_success, on_error, self._generation)
        self._queue(lane).put(job)

    def pending_count(self) -> int:
        """Return how many results are still to come."""
        return self._pending

    def forget_all(self) -> None:
        """Drop every result still to come, e.g. when the window locks; the work itself finishes."""
        self._generation += 1

    def close(self, timeout_s: float = 10.0) -> None:
        """Let started work finish (writes are whole), then stop the threads."""
        self._closed = True
        for queue in self._queues.values():
            queue.put(None)
        for thread in self._threads:
            thread.join(timeout_s)

    def _queue(self, lane: Lane) -> "SimpleQueue[_Job | None]":
        if lane not in self._queues:
            from queue import SimpleQueue  # late: the unlock window does not wait for it

            self._queues[lane] = SimpleQueue()
            for number in range(_THREADS[lane]):
                name = f"{lane}-{number}"
                thread = threading.Thread(target=self._serve, args=(self._queues[lane],), name=name, daemon=True)
                thread.start()
                self._threads.append(thread)
        return self._queues[lane]

    def _serve(self, queue: "SimpleQueue[_Job | None]") -> None:
        while True:
            job = queue.get()
            if job is None:
                queue.put(None)  # the lane's other threads stop too
                return
            try:
                job.result = job.work()
            except Exception as error:  # noqa: BLE001  (delivered on the window's thread)
                job.error = error
            if not shiboken6.isValid(self):
                return
            self._finished.emit(job)
            del job

    def _deliver(self, job: _Job) -> None:
        self._pending -= 1
        owner = job.owner()
        alive = owner is not None and shiboken6.isValid(owner) and job.generation == self._generation
        try:
            if alive and job.error is None:
                job.on_success(job.result)
            elif alive and job.error is not None:
                (job.on_error or self.on_unexpected)(job.error)
        finally:
            if not self._pending:
                self.idle.emit()
