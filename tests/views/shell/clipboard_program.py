"""A program that copies as Rollcall does and says what becomes of it, under a real X server."""

import sys

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLineEdit

from app.views import clipboard
from app.views.clipboard import OURS, ClipboardGuard
from app.views.start import make_application

WAIT_MS = 300


def main() -> int:
    application = make_application()
    board = application.clipboard()
    guard = ClipboardGuard(application)
    field = QLineEdit("Isla Merrow")
    field.show()
    field.selectAll()
    field.copy()

    def say(words: str) -> None:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()

    def copied() -> None:
        say(f"owned {board.ownsClipboard()} marked {board.mimeData().hasFormat(OURS)} {board.text()}")
        guard._clear(board.Mode.Clipboard)
        QTimer.singleShot(WAIT_MS, cleared)

    def cleared() -> None:
        say(f"cleared {board.text() == ''}")
        clipboard.copy("Isla Merrow")
        say("copied")
        sys.stdin.readline()  # another program takes the clipboard meanwhile
        QTimer.singleShot(WAIT_MS, taken)

    def taken() -> None:
        say(f"owned {board.ownsClipboard()} {board.text()}")
        guard.clear_now()
        QTimer.singleShot(WAIT_MS, kept)

    def kept() -> None:
        say(f"left {board.text()}")
        application.quit()

    QTimer.singleShot(WAIT_MS, copied)
    QTimer.singleShot(30_000, application.quit)
    application.exec()
    return 0


if __name__ == "__main__":
    sys.exit(main())
