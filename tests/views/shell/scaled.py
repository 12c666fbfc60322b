"""Shows the shell's pages in a process of its own and prints what is cut off (see ``test_scaling``)."""

import sys

from PySide6.QtWidgets import QApplication, QWidget

from app.views.identity_bar import Identity, IdentityBar, SafetyMark
from app.views.kit.buttons import Button
from app.views.start import make_application
from app.views.theme import apply_theme
from app.views.tokens import LIGHT
from tests.views.clipping import clipped
from tests.views.recovery.scenes import all_scenes


def pages() -> list[QWidget]:
    """Return the pages that need no vault, in their fullest state."""
    bar = IdentityBar([Button("Book visit", "calendar-plus", kind="band"), Button("Write letter", "mail", kind="band")])
    bar.show_identity(
        Identity(
            name="Isla Merrow",
            stage="Enquiries, day 11",
            safety=(SafetyMark("Visit in pairs"),),
            born="14 March 2017 (9, Year 5)",
            age="9, Year 5",
            last_seen="16 October at Pennyford Primary",
            upn="Q999401723006",
            officer="Dawn Ellery",
        )
    )
    return [*all_scenes().values(), bar]


def main() -> int:
    """Show each page at each size; exit 1 with a list when something is cut off."""
    application = make_application()
    apply_theme(application, LIGHT, int(sys.argv[1]))
    found = []
    shown = pages()
    for page in shown:
        for width, height in ((1440, 869), (911, 512), (640, 360)):
            if width == 640 and isinstance(page, IdentityBar):
                continue
            page.resize(width, height if not isinstance(page, IdentityBar) else page.sizeHint().height())
            page.show()
            for _ in range(3):
                QApplication.processEvents()
            name = f"{type(page).__name__} {page.windowTitle()}"
            found += [f"{name} at {width}: {line}" for line in clipped(page)]
        page.hide()
    sys.stdout.write("\n".join(found))
    for page in shown:
        page.deleteLater()
    return 1 if found else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.exit(code)
