"""One thing happens at a time: threads that hand over a baton wherever a laptop's sync could be overtaken."""

import threading
from collections.abc import Callable


class LaptopKilled(BaseException):
    """The laptop's process ends here; nothing after it runs, as far as the disk is concerned."""


class Stopped(BaseException):
    """The schedule is over; a thread that still waits goes away."""


class Task:
    """Something that runs in pieces: each :meth:`resume` lets it go on to its next :meth:`pause`.

    Attributes:
        done: it has ended.
        error: how, when not in order.
    """

    def __init__(self, work: Callable[["Task"], object], name: str = "task") -> None:
        self.name = name
        self.done = False
        self.error: BaseException | None = None
        self.result: object = None
        self.where = ""
        self._work = work
        self._go = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._order: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._go.acquire()
        _here.task = self
        try:
            if self._order is not None:
                raise self._order  # noqa: TRY301  (ended before it began)
            self.result = self._work(self)
        except BaseException as error:  # noqa: BLE001  (told to whoever resumes)
            self.error = error
        self.done = True
        self._back.release()

    def resume(self, order: BaseException | None = None) -> None:
        """Let it go on; with an order, let that be raised where it waits."""
        if self.done:
            return
        self._order = order
        self._go.release()
        self._back.acquire()

    def pause(self, where: str) -> None:
        """Hand the baton back; called by the task's own thread."""
        self.where = where
        self._back.release()
        self._go.acquire()
        order, self._order = self._order, None
        if order is not None:
            raise order

    def stop(self) -> None:
        """End it wherever it stands."""
        while not self.done:
            self.resume(Stopped())
        self._thread.join(5)


_here = threading.local()


def current() -> Task | None:
    """Return the task whose thread this is."""
    return getattr(_here, "task", None)
