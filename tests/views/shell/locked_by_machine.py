"""A real frame on a real vault that unlocks itself and says what happens to it: run as a program by the tests."""

import itertools
import sys
from pathlib import Path

from PySide6.QtCore import QTimer

from app.settings import Settings
from app.views.frame import Frame
from app.views.start import make_application
from app.views.theme import apply_theme
from app.views.tokens import LIGHT


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> int:
    folder, passphrase = Path(sys.argv[1]), sys.argv[2]
    application = make_application()
    apply_theme(application, LIGHT, 100)
    frame = Frame(folder, Settings(folder.parent / "settings.json"))
    count = itertools.count(1)
    frame.locked.connect(lambda: say(f"locked {next(count)}"))
    frame.dropped.connect(lambda: say("dropped"))
    frame.dropped.connect(
        lambda: QTimer.singleShot(0, lambda: frame._unlock(passphrase))
    )  # the next word needs it open
    frame.unlocked.connect(lambda: say("unlocked"))
    frame.painted.connect(lambda: frame._unlock(passphrase))
    frame.show_first()
    QTimer.singleShot(40_000, application.quit)
    application.exec()
    return 0


if __name__ == "__main__":
    sys.exit(main())
