"""The second folder: another disk or a share that gets a copy of each backup."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.policy import policy
from app.views.context import AppContext
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import Card
from app.views.kit.feedback import Banner
from app.views.kit.tags import StateTag
from app.views.kit.text import Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.backup.overview import BackupOverview

NONE = (
    "Backups are kept on this laptop only. If it is lost or broken, they are too. Choose a folder on another disk or a "
    "share."
)


class SecondCard(Card):
    """Where the second copies go."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        self.tag = StateTag("done", "Copied")
        super().__init__("Second folder", "", self.tag, parent)
        self.setObjectName("second_card")
        self.context = context
        self.where = Text("", "body", wrap=True, selectable=True)
        self.where.setObjectName("second_where")
        self.words = Text("", "secondary", ink="ink2", wrap=True)
        self.words.setObjectName("second_words")
        self.refused = Banner("warn", "")
        self.refused.hide()
        self.choose = QuietButton("Choose folder", "folder-open", compact=True)
        self.choose.setObjectName("choose_second")
        self.choose.clicked.connect(self._choose)
        self.forget = QuietButton("Stop using it", compact=True)
        self.forget.clicked.connect(self._forget)
        column = self.padded()
        column.addWidget(self.refused)
        column.addWidget(self.where)
        column.addWidget(self.words)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.choose, 0, Qt.AlignmentFlag.AlignLeft)
        row.addWidget(self.forget, 0, Qt.AlignmentFlag.AlignLeft)
        row.addStretch(1)
        column.addLayout(row)
        self.show_folder(None)

    def show_folder(self, found: "BackupOverview | None") -> None:
        """Show the folder and what became of the last copy."""
        managed, chosen = policy().backup_folder, self.context.settings.get("backup_folder")
        folder = managed or chosen
        self.where.setText(folder or NONE)
        words = found.second if found is not None and folder else ""
        if managed:
            words = f"{words} Set by your organisation.".strip()
        self.words.setText(words)
        self.words.setVisible(bool(words))
        self.choose.setVisible(not managed)
        self.forget.setVisible(bool(chosen) and not managed)
        self.tag.setVisible(bool(folder) and found is not None and bool(found.second))
        if found is not None and found.second:
            self.tag.set_state(*(("done", "Copied") if found.second_ok else ("warning", "Waiting")))

    def _choose(self) -> None:
        self.context.prompts.choose_folder(self, "Choose a second folder for backups", self.take)

    def take(self, folder: Path) -> None:
        """Use a folder from now on, unless it is the vault's own."""
        vault = self.context.ws.folder.resolve()
        if vault in (folder.resolve(), *folder.resolve().parents):
            self.refused.set_text("This folder is inside the vault's own. Choose one on another disk or a share.")
            self.refused.show()
            return
        self.refused.hide()
        self._set(str(folder))

    def _forget(self) -> None:
        self._set("")
        self.context.toast("Second copies end. Those already made stay where they are.")

    def _set(self, folder: str) -> None:
        try:
            self.context.settings.set("backup_folder", folder)
        except OSError as error:
            self.context.report_error(error)
        self.show_folder(None)
        if self.context.backups is not None:
            self.context.backups.look_again()
