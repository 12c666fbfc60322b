"""From process start to the opened window: unlock, first run, lock, and the end.

Only Qt's core, gui and widgets and small modules of ours are imported before the first paint; the rest is imported
while the passphrase is typed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QApplication

from app import hardening
from app.paths import default_vault_folder
from app.settings import Settings
from app.views.frame import Frame
from app.views.single import SingleWindow
from app.views.theme import apply_theme, load_fonts, resolve


def vault_folder(options: Sequence[str]) -> Path:
    """Return the folder named by ``--vault FOLDER``, else the usual one."""
    given = list(options)
    if "--vault" in given[:-1]:
        return Path(given[given.index("--vault") + 1])
    return default_vault_folder()


def make_application() -> QApplication:
    """Return the application with its name, style and fonts; the one that is running when there is one."""
    running = QApplication.instance()
    if isinstance(running, QApplication):
        return running
    # As an argument, because setStyle() returns a style, for which PySide looks up every type of style (8 ms).
    application = QApplication([*sys.argv[:1], "-style", "Fusion"])
    application.setApplicationName("rollcall")
    application.setApplicationDisplayName("")
    application.setDesktopFileName("rollcall")
    load_fonts()
    return application


def run_window(options: Sequence[str] = ()) -> int:
    """Show the window until it is closed.

    Args:
        options: ``--vault FOLDER`` opens another vault than this account's own.

    Returns:
        Exit status: 0, or 1 when another Rollcall holds the vault and did not answer.
    """
    application = make_application()
    folder = vault_folder(options)
    single = SingleWindow(folder)
    if not single.is_first():
        return 0 if single.call_first() else 1
    settings = Settings()
    apply_theme(application, resolve(settings.get("theme")), settings.get("text_size"))
    hook = sys.excepthook
    frame = Frame(folder, settings)
    try:
        single.raise_asked.connect(frame.come_forward)
        frame.painted.connect(hardening.harden)
        frame.painted.connect(hardening.tell_no_error_text)
        frame.painted.connect(frame.warm_up)
        frame.painted.connect(single.listen)
        frame.show_first()
        return application.exec()
    finally:
        sys.excepthook = hook
        frame.shut_down()
        single.release()
