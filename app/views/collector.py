"""Python's cyclic garbage is collected on the window's thread only.

WORKAROUND: the collector runs in whatever thread allocates. In a worker it would delete Qt objects that the window's
thread is using, and crash it now and then. (Anki and calibre do the same, for the same reason.)
"""

import gc

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000


class Collector(QObject):
    """Switches automatic collection off, and collects what is due once a second, where it is safe.

    Several windows may have one each; Python has the work back when the last has stopped.
    """

    _running = 0

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        Collector._running += 1
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
