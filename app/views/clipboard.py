"""What Rollcall puts on the clipboard does not stay there: it goes after half a minute, at a lock and at the end.

It follows the clipboard rather than the places that copy, so that Ctrl+C in any field, table or label counts too. What
another program has put there since is left alone. Histories of clipboards are asked to leave it out: Windows' history
and its cloud, KDE's and others that heed the same mark.
"""

from PySide6.QtCore import QMimeData, QObject, QTimer
from PySide6.QtGui import QClipboard, QGuiApplication

from app.policy import policy

OURS = "application/x-rollcall"
_WINDOWS = 'application/x-qt-windows-mime;value="{}"'
_NO = bytes(4)  # a DWORD of 0
HINTS = {
    OURS: b"1",
    "x-kde-passwordManagerHint": b"secret",  # Klipper, GPaste, CopyQ
    "application/x-nspasteboard-concealed-type": b"1",  # macOS
    _WINDOWS.format("ExcludeClipboardContentFromMonitorProcessing"): b"1",
    _WINDOWS.format("CanIncludeInClipboardHistory"): _NO,
    _WINDOWS.format("CanUploadToCloudClipboard"): _NO,
    _WINDOWS.format("Clipboard Viewer Ignore"): b"1",
}

_CLIPBOARD, _SELECTION = QClipboard.Mode.Clipboard, QClipboard.Mode.Selection


def copy(text: str) -> None:
    """Put text on the clipboard, marked so that histories leave it out."""
    QGuiApplication.clipboard().setMimeData(_marked(text))


def _marked(text: str) -> QMimeData:
    marked = QMimeData()
    marked.setText(text)
    for kind, value in HINTS.items():
        marked.setData(kind, value)
    return marked


class ClipboardGuard(QObject):
    """Clears what Rollcall has put on the clipboard, and on X11 the selection."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._board = QGuiApplication.clipboard()
        self._timers = {mode: self._timer(mode) for mode in (_CLIPBOARD, _SELECTION)}
        # Methods, not lambdas: the clipboard outlives every window, and Qt lets go of a method's owner with it.
        self._board.dataChanged.connect(self._copied)
        self._board.selectionChanged.connect(self._selected)

    def _copied(self) -> None:
        self._changed(_CLIPBOARD)

    def _selected(self) -> None:
        self._changed(_SELECTION)

    def _timer(self, mode: QClipboard.Mode) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(lambda: self._clear(mode))
        return timer

    def clear_now(self) -> None:
        """Clear what is ours, at once: Rollcall locks or ends."""
        for mode in self._timers:
            self._clear(mode)

    def owns(self, mode: QClipboard.Mode) -> bool:
        """Return whether what is there comes from this program."""
        if mode == _SELECTION:
            return self._board.supportsSelection() and self._board.ownsSelection()
        return self._board.ownsClipboard()

    def _changed(self, mode: QClipboard.Mode) -> None:
        if not self.owns(mode):
            self._timers[mode].stop()
            return
        held = self._board.mimeData(mode)
        if held is None or not held.formats():
            return
        if mode == _CLIPBOARD and not held.hasFormat(OURS):
            # Copied by a field itself: once more as plain text, with the marks. The change is told again.
            self._board.setMimeData(_marked(held.text()))
            return
        self._timers[mode].start(policy().clipboard_seconds * 1000)

    def _clear(self, mode: QClipboard.Mode) -> None:
        self._timers[mode].stop()
        if self.owns(mode):
            self._board.clear(mode)
