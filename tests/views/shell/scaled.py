"""Shows the shell's pages in a process of its own and prints what is cut off (see ``test_scaling``)."""

import sys

from PySide6.QtWidgets import QApplication, QWidget

from app.views.first_run_page import FirstRunPage
from app.views.identity_bar import Identity, IdentityBar, SafetyMark
from app.views.kit.buttons import Button
from app.views.start import make_application
from app.views.theme import apply_theme
from app.views.tokens import LIGHT
from app.views.unlock_page import UnlockPage
from tests.views.clipping import clipped


def pages() -> list[QWidget]:
    """Return the pages that need no vault, in their fullest state."""
    unlock = UnlockPage()
    unlock.show_device("Marlshire laptop ML-0417", "08:12, 17 November 2026")
    unlock.show_refusal("Passphrase not recognised. 4 tries left before a 15 minute wait.")
    unlock.caps.setVisible(True)
    unlock.forgotten.activated.emit()
    first = FirstRunPage()
    first.next.click()
    first.next.click()
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
    return [unlock, first, bar]


def main() -> int:
    """Show each page at each size; exit 1 with a list when something is cut off."""
    application = make_application()
    apply_theme(application, LIGHT, int(sys.argv[1]))
    found = []
    for page in pages():
        for width, height in ((1440, 869), (911, 512)):
            page.resize(width, height if not isinstance(page, IdentityBar) else page.sizeHint().height())
            page.show()
            for _ in range(3):
                QApplication.processEvents()
            found += [f"{type(page).__name__} at {width}: {line}" for line in clipped(page)]
    sys.stdout.write("\n".join(found))
    for page in pages():
        page.deleteLater()
    return 1 if found else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.exit(code)
