"""Which keyrings are taken and which are refused, by what they are. The real Secret Service is in tests/keyring."""

import threading
import time
from typing import Any

import keyring
import pytest
from keyring.backends import chainer, fail, null

from app.errors import EnvironmentFault
from app.services.vault import device_secret, keyring_state
from app.services.vault.device_secret import KeyringLost, KeyringShut, forget_secret, need_secret, store_new_secret
from app.services.vault.keyring_state import KeyringKind, in_time
from tests.services.vault.boxes import BoxKeyring


def of_kind(module: str, name: str) -> Any:
    """Return a keyring whose class has this full name."""
    return type(name, (BoxKeyring,), {"__module__": module})()


def active(monkeypatch: pytest.MonkeyPatch, backend: Any) -> keyring_state.KeyringState:
    """Return what is made of a back end that is the active one."""
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    # Whoever runs this on a desktop has a keyring, which would be found when there seems to be none.
    monkeypatch.setattr(keyring.core, "load_env", lambda: backend)
    return keyring_state.keyring_state()


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [
        ("keyrings.alt.file", "PlaintextKeyring", KeyringKind.PLAIN_TEXT),
        ("keyrings.alt.file", "EncryptedKeyring", KeyringKind.PLAIN_TEXT),
        ("keyrings.alt.Windows", "RegistryKeyring", KeyringKind.PLAIN_TEXT),
        ("somebody.own", "PlainFile", KeyringKind.PLAIN_TEXT),
        ("somebody.own", "Vault", KeyringKind.UNKNOWN),
        ("keyring.backends.SecretService.fake", "Keyring", KeyringKind.UNKNOWN),
        ("keyring.backends.Windows", "WinVaultKeyring", KeyringKind.USABLE),
        ("keyring.backends.macOS", "Keyring", KeyringKind.USABLE),
        ("keyring.backends.kwallet", "DBusKeyring", KeyringKind.USABLE),
    ],
)
def test_only_known_keyrings_that_encrypt_are_taken(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, kind: KeyringKind
) -> None:
    found = active(monkeypatch, of_kind(module, name))
    assert found.kind is kind
    assert (found.keyring is not None) == (kind is KeyringKind.USABLE)
    assert ("The passphrase alone protects the records." in found.words) == (kind is not KeyringKind.USABLE)


def test_a_keyring_that_keeps_nothing_or_always_fails_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: tuple[Any, ...] = (null.Keyring, fail.Keyring)
    for kind in kinds:
        assert active(monkeypatch, kind()).kind is KeyringKind.NONE
        assert device_secret.system_keyring() is None


def test_of_several_keyrings_the_first_good_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, good = of_kind("keyrings.alt.file", "PlaintextKeyring"), of_kind("keyring.backends.macOS", "Keyring")

    def chain(*backends: Any) -> Any:
        return type("Chain", (chainer.ChainerBackend,), {"backends": backends})()

    assert active(monkeypatch, chain(plain, good)).keyring is good
    assert active(monkeypatch, chain(plain)).kind is KeyringKind.PLAIN_TEXT
    assert active(monkeypatch, chain()).kind is KeyringKind.NONE


def test_work_that_hangs_is_waited_for_so_long_and_no_longer() -> None:
    end = threading.Event()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        in_time(end.wait, 0.2)
    assert time.monotonic() - started < 5
    end.set()
    assert in_time(lambda: 7, 5) == 7
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 // 0, 5)


class Failing(BoxKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError("a message of the back end, with who knows what in it")


class Forgetful(BoxKeyring):
    def set_password(self, service: str, username: str, password: str) -> None:
        pass


def test_a_keyring_that_fails_or_forgets_is_said_in_our_words() -> None:
    with pytest.raises(KeyringShut, match="did not open. Unlock it and try again. Your records are kept") as shut:
        need_secret("an-id", Failing())
    assert "back end" not in shut.value.message
    with pytest.raises(EnvironmentFault, match="did not keep the vault's secret. Nothing has been set up yet"):
        store_new_secret(Forgetful(), "an-id")
    with pytest.raises(KeyringShut, match="Nothing has been set up yet"):
        store_new_secret(Failing(), "an-id")


def test_a_secret_is_stored_once_replaced_and_forgotten() -> None:
    box = BoxKeyring()
    first = store_new_secret(box, "an-id")
    assert need_secret("an-id", box) == first
    second = store_new_secret(box, "an-id")
    assert need_secret("an-id", box) == second != first
    assert len(box.kept) == 1
    assert forget_secret(box, "an-id")
    assert not forget_secret(box, "an-id")
    with pytest.raises(KeyringLost, match="Use the recovery key, or ask your administrator for a recovery file"):
        need_secret("an-id", box)


def test_a_machine_whose_keyring_is_refused_now_is_led_to_the_recovery_key(monkeypatch: pytest.MonkeyPatch) -> None:
    active(monkeypatch, of_kind("keyrings.alt.file", "PlaintextKeyring"))
    with pytest.raises(KeyringLost, match=r"does not use it\. The vault needs the secret that its keyring kept"):
        need_secret("an-id")
    monkeypatch.setattr(keyring, "get_keyring", lambda: 1 // 0)
    with pytest.raises(KeyringShut, match="did not answer"):
        need_secret("an-id")
