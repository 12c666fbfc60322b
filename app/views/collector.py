"""Python's cyclic garbage is collected on the window's thread only.

WORKAROUND: the collector runs in whatever thread allocates. In a worker it would delete Qt objects that the window's
thread is using, and crash it now and then. (Anki and calibre do the same, for the same reason.)
"""

import gc

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000
MANY_YOUNG = 20_000
"""More young objects than that are a worker's: a page of a sync, an import. Looking through them holds up the window,
and most are gone, without any collector, when the worker is done with its page."""
MOST_PUT_OFF = 20
"""How often in a row it waits for a worker; what really is garbage must not pile up for longer."""


class Collector(QObject):
    """Switches automatic collection off, and collects what is due once a second, where it is safe.

    Several windows may have one each; Python has the work back when the last has stopped.
    """

    _running = 0

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        Collector._running += 1
        self._put_off = 0
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.collect_due)
        self._timer.start()

    def settle(self) -> None:
        """Take what is loaded by now (modules, mappings) out of later collections: it is never garbage."""
        gc.collect()
        gc.freeze()

    def collect_due(self) -> int | None:
        """Collect the oldest generation whose time has come; return which, or None."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        if counts[0] > MANY_YOUNG and self._put_off < MOST_PUT_OFF:
            self._put_off += 1
            return None
        self._put_off = 0
        for generation in (2, 1, 0):
            if counts[generation] > thresholds[generation]:
                gc.collect(generation)
                return generation
        return None

    def stop(self) -> None:
        """Give the work back to Python, unless another window still has to do it."""
        if not self._timer.isActive():
            return
        self._timer.stop()
        Collector._running -= 1
        if not Collector._running:
            gc.unfreeze()
            gc.enable()
