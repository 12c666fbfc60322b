"""The real frame on a real vault that has a recovery key; this machine's keyring is what the test says."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.services.vault import Vault
from app.services.vault.keyring_state import KeyringKind, KeyringState
from app.services.vault.keys import KdfParameters
from app.services.vault.recovery_key import RecoveryKey
from app.views.frame import Frame
from app.views.recovery.recovery_page import RecoveryPage
from tests.conftest import PASSPHRASE, QUICK
from tests.views.shell.conftest import make_frame, qapp_args, settings, themed
from tests.views.shell.people import populate

__all__ = ["make_frame", "qapp_args", "settings", "themed"]


class KeptInMemory:
    """A keyring that keeps what it is given; the real one has its own tests."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Machine:
    """What stands in for this machine's keyring."""

    def __init__(self) -> None:
        self.state = KeyringState(KeyringKind.NONE)

    def has(self, keyring: KeptInMemory) -> None:
        self.state = KeyringState(KeyringKind.USABLE, "The desktop's keyring", keyring)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without a keyring, until the test gives it one; derivation takes no time."""
    made = Machine()
    monkeypatch.setattr("app.services.vault.keyring_state.keyring_state", lambda: made.state)
    monkeypatch.setattr("app.services.vault.device_secret.keyring_state", lambda: made.state)
    monkeypatch.setattr(KdfParameters, "tuned", classmethod(lambda _cls, _seconds=0.5, **_more: QUICK))
    return made


@pytest.fixture
def key() -> RecoveryKey:
    """The key on the sheet."""
    return RecoveryKey.new()


@pytest.fixture
def locked(vault: Vault, key: RecoveryKey) -> Path:
    """A vault with cases and a recovery key, closed."""
    populate(vault.workspace())
    vault.set_recovery_key(key, PASSPHRASE)
    vault.close()
    return vault.folder


@pytest.fixture
def recovering(make_frame: Callable[[Path], Frame]) -> Callable[[Path], RecoveryPage]:
    """Start on a folder, and go to the recovery from the unlock page as a person does."""

    def start(folder: Path) -> RecoveryPage:
        frame = make_frame(folder)
        frame.centralWidget().forgotten.activated.emit()
        page = frame.centralWidget()
        assert isinstance(page, RecoveryPage)
        QApplication.processEvents()  # the window shows its new page
        return page

    return start
