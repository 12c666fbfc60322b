"""Where the window was and how large: kept between two starts."""

from contextlib import suppress

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QMainWindow

from app.settings import Settings

SMALLEST = (640, 360)
USUAL = (1440, 900)


def restore_shape(window: QMainWindow, settings: Settings) -> None:
    """Give a window the place and size it had, or the usual ones."""
    window.setMinimumSize(*SMALLEST)
    shape = QByteArray.fromBase64(settings.get("window_geometry").encode())
    if shape.isEmpty() or not window.restoreGeometry(shape):
        screen = window.screen().availableGeometry()
        window.resize(min(USUAL[0], screen.width()), min(USUAL[1], screen.height()))


def keep_shape(window: QMainWindow, settings: Settings) -> None:
    """Remember a window's place and size."""
    shape = bytes(window.saveGeometry().toBase64().data()).decode()
    with suppress(OSError):  # a full disk must not keep the window open
        settings.set("window_geometry", shape)
