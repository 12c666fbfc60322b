"""Files dropped on the page: what is taken from the drag, and the words shown meanwhile."""

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QWidget

from app.views.theme import Themed, font, tinted


def dropped_files(data: QMimeData) -> list[Path]:
    """Return the local files of a drag, in order; folders and links to elsewhere are left out."""
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return [path for path in paths if not path.is_dir()]


def accept(event: QDropEvent) -> bool:
    """Take a drag that carries files, as a copy; return whether it was taken."""
    if not dropped_files(event.mimeData()):
        event.ignore()
        return False
    # A copy, whatever was offered: the file must stay where it is until the person removes it.
    event.setDropAction(Qt.DropAction.CopyAction)
    event.accept()
    return True


class DropHint(Themed, QLabel):
    """Covers the page while files are dragged over it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Drop the files here to add them", parent)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.start_theming()
        self.hide()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font("pane", "strong"))
        tinted(self, "accent", "accent_tint")

    def cover(self) -> None:
        """Show over the whole parent."""
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.show()
        self.raise_()
