"""Questions to the person: files, confirmations. No nested loops: the answer arrives in a callback.

Tests hand pages a stand-in with the same methods.
"""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget


class Prompts:
    """Asks with the platform's own dialogs."""

    def choose_files(
        self, owner: QWidget, title: str, kinds: str, then: Callable[[list[Path]], object], *, many: bool = True
    ) -> None:
        """Ask for files that exist.

        Args:
            owner: the page that asks.
            title: of the dialog.
            kinds: Qt's filter text, e.g. ``Scans (*.pdf *.png)``.
            then: takes the chosen paths; not called when nothing was chosen.
            many: whether several may be chosen.
        """
        dialog = QFileDialog(owner, title)
        dialog.setNameFilter(kinds)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles if many else QFileDialog.FileMode.ExistingFile)
        dialog.filesSelected.connect(lambda names: then([Path(name) for name in names]))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def choose_folder(self, owner: QWidget, title: str, then: Callable[[Path], object]) -> None:
        """Ask for a folder that exists; ``then`` is not called when none was chosen."""
        dialog = QFileDialog(owner, title)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda name: then(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save_file(self, owner: QWidget, title: str, suggested: str, kinds: str, then: Callable[[Path], object]) -> None:
        """Ask where to save; ``suggested`` names no child."""
        dialog = QFileDialog(owner, title)
        dialog.setNameFilter(kinds)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(suggested)
        dialog.fileSelected.connect(lambda name: then(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def confirm(
        self, owner: QWidget, title: str, text: str, verb: str, then: Callable[[], object], *, danger: bool = False
    ) -> None:
        """Ask before something that cannot be undone.

        Args:
            owner: the page that asks.
            title: the question.
            text: what will happen and what is kept.
            verb: the words on the button, e.g. ``Remove document``.
            then: called when the button is pressed.
            danger: Cancel is the default.
        """
        icon = QMessageBox.Icon.Warning if danger else QMessageBox.Icon.Question
        box = QMessageBox(icon, title, text, QMessageBox.StandardButton.Cancel, owner)
        act = box.addButton(verb, QMessageBox.ButtonRole.AcceptRole)
        if danger:
            box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.finished.connect(lambda _code: then() if box.clickedButton() is act else None)
        box.finished.connect(box.deleteLater)
        box.open()

    def ask_text(self, owner: QWidget, title: str, label: str, then: Callable[[str], object]) -> None:
        """Ask for one line, e.g. a reason; an empty answer counts as none."""
        dialog = QInputDialog(owner)
        dialog.setWindowTitle(title)
        dialog.setLabelText(label)
        dialog.textValueSelected.connect(lambda text: then(text.strip()) if text.strip() else None)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
