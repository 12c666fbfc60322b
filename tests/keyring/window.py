"""The real window in a session with a real keyring: the keyring's half is lost, and the way back is walked.

A process of its own, because what keyring there is belongs to a process's environment. Prints what was seen as JSON.
"""

import json
import sys
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from app.ids import new_id
from app.models import Team, User
from app.models.terms import Role
from app.services.vault import create_vault
from app.services.vault.device_secret import forget_secret, system_keyring
from app.services.vault.recovery_key import RecoveryKey
from app.settings import Settings
from app.timesource import SystemTime
from app.views.frame import Frame
from app.views.recovery.recovery_page import PASSPHRASE, RecoveryPage
from app.views.start import make_application
from app.views.theme import apply_theme
from app.views.tokens import LIGHT
from app.views.unlock_page import UnlockPage
from tests.conftest import PASSPHRASE as OLD
from tests.conftest import QUICK

NEW = "purple tractor lemon rain"


def until(true: object, seconds: float = 20) -> None:
    """Let the window work until something is so."""
    for _ in range(int(seconds * 40)):
        if true():  # type: ignore[operator]
            return
        loop = QEventLoop()
        QTimer.singleShot(25, loop.quit)
        loop.exec()
    raise AssertionError(str(QApplication.topLevelWidgets()))


def make_vault(folder: Path, key: RecoveryKey) -> str:
    """Make a vault of one person whose secret is in the session's keyring; return its id."""
    vault = create_vault(
        folder, OLD, time=SystemTime(), label="ML-0417", kdf=QUICK, recovery=key, use_system_keyring=True
    )
    vault.add_device("ML-0417")
    with vault.system_workspace().write("Set up") as session:
        team = Team(id=new_id(), name="West team")
        user = User(id=new_id(), username="dawn", name="Dawn Ellery", role=Role.CASEWORKER, team_id=team.id)
        session.add_all([team, user])
        user_id = user.id
    vault.set_user(user_id)
    vault_id = vault.vault_id
    vault.close()
    return vault_id


def unlock(frame: Frame, passphrase: str) -> UnlockPage:
    """Type a passphrase and press Unlock."""
    page = frame.centralWidget()
    assert isinstance(page, UnlockPage)
    page.passphrase.setText(passphrase)
    page.button.click()
    return page


def main() -> None:
    """Walk it."""
    folder = Path(sys.argv[1])
    application = make_application()
    apply_theme(application, LIGHT)
    key = RecoveryKey.new()
    vault_id = make_vault(folder, key)
    keyring = system_keyring()
    assert keyring is not None
    frame = Frame(folder, Settings(folder.parent / "settings.json"))
    frame.show_first()
    unlock(frame, OLD)
    until(lambda: frame.opened is not None)
    seen = {"opened_with_keyring": True}
    frame.lock()
    until(lambda: not frame.runner.pending_count())
    assert forget_secret(keyring, vault_id)
    page = unlock(frame, OLD)
    until(lambda: page.message is not None)
    assert page.message is not None
    seen["said"] = page.message.accessibleName()
    page.recovery_asked.emit()
    recovery = frame.centralWidget()
    assert isinstance(recovery, RecoveryPage)
    recovery.next.click()
    recovery.key.line.setText(key.text)
    recovery.next.click()
    until(lambda: recovery.step() == PASSPHRASE)
    recovery.passphrase.first.setText(NEW)
    recovery.passphrase.second.setText(NEW)
    recovery.renew.setChecked(False)
    recovery.next.click()
    until(lambda: frame.opened is not None)
    seen["uses_keyring_again"] = frame.opened.vault.uses_keyring
    seen["secrets"] = keyring.get_password("Rollcall vault", vault_id) is not None
    frame.lock()
    until(lambda: not frame.runner.pending_count())
    unlock(frame, NEW)
    until(lambda: frame.opened is not None)
    seen["opened_again"] = True
    frame.close()
    frame.shut_down()
    sys.stdout.write("\n" + json.dumps(seen) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
