"""A bar that moves while a passphrase becomes a key.

Argon2 runs in one piece and tells nothing of how far it is. What it costs is known from the vault's parameters, and how
fast this laptop pays it from the last time; where that was never measured, the bar only shows that something is done.
"""

from typing import NamedTuple

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QProgressBar

STEP_MS = 40
FULL = 1000
ALMOST = 950
"""The bar waits here when it takes longer than last time: it never says that it is done before it is."""


class Cost(NamedTuple):
    """What a derivation costs.

    Attributes:
        memory_kib: Argon2id memory.
        passes: Argon2id time cost.
    """

    memory_kib: int
    passes: int

    def seconds(self, rate: int) -> float:
        """Return how long it takes at a rate in nanoseconds for a KiB in a pass; 0 when the rate is not known."""
        return self.memory_kib * self.passes * rate / 1e9

    def rate(self, seconds: float) -> int:
        """Return the rate that a measured time means; 0 when it means nothing."""
        work = self.memory_kib * self.passes
        return min(round(seconds * 1e9 / work), 1_000_000) if work else 0


class _Mover(QObject):
    def __init__(self, bar: QProgressBar, expected_s: float) -> None:
        super().__init__(bar)
        self.setObjectName("mover")
        self._bar, self._expected_ms, self._done_ms = bar, expected_s * 1000, 0
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._step)
        self._timer.start()

    def _step(self) -> None:
        if not self._bar.isVisible() or self._bar.maximum() != FULL:
            self.deleteLater()
            return
        self._done_ms += STEP_MS
        self._bar.setValue(min(round(ALMOST * self._done_ms / self._expected_ms), ALMOST))


def move_bar(bar: QProgressBar, expected_s: float) -> None:
    """Move a bar for as long as something is expected to take; without an expectation let it only be busy.

    Args:
        bar: shown; it stops when it is hidden or given another range.
        expected_s: seconds; 0 when not known.
    """
    for earlier in bar.findChildren(QObject, "mover"):
        earlier.deleteLater()
    if expected_s <= 0:
        bar.setRange(0, 0)
        return
    bar.setRange(0, FULL)
    bar.setValue(0)
    _Mover(bar, expected_s)
