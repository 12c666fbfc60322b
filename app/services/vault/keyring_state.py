"""Which keyring this machine really has, and whether Rollcall may trust it with a vault's secret.

A keyring is only taken when it is one of those known to encrypt what they keep and to keep it over a restart. One that
keeps plain text, keeps nothing, forgets at log-out, or that nobody here knows, is refused in words; then the passphrase
alone protects the vault, and the screens say so.
"""

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

WAIT_SECONDS = 30.0
"""How long a keyring may take: a person may be answering its own prompt. One that hangs must not hang the unlock."""

Result = TypeVar("Result")


class Keyring(Protocol):
    """What Rollcall needs of the ``keyring`` package, so that tests can hand in one of their own."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return a stored secret."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store a secret."""
        ...


class KeyringKind(StrEnum):
    """What a machine's keyring is to Rollcall."""

    USABLE = "usable"
    LOCKED = "locked"
    NONE = "none"
    NOT_SET_UP = "not set up"
    PLAIN_TEXT = "plain text"
    FORGETS = "forgets"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class KeyringState:
    """The keyring that is active on this machine.

    Attributes:
        kind: what it is to Rollcall.
        backend_name: what people call it; empty where there is none.
        keyring: the keyring itself, only where Rollcall uses it (usable, or locked: using it asks to unlock it).
    """

    kind: KeyringKind
    backend_name: str = ""
    keyring: Keyring | None = None

    @property
    def words(self) -> str:
        """One or two sentences for the person who sets up a vault: what was found and what follows."""
        refused = self.kind not in (KeyringKind.USABLE, KeyringKind.LOCKED, KeyringKind.FAILED)
        return f"{self.found} The passphrase alone protects the records." if refused else self.found

    @property
    def found(self) -> str:
        """One sentence: what was found."""
        return _WORDS[self.kind].format(name=self.backend_name or "This machine's keyring")


_WORDS = {
    KeyringKind.USABLE: "{name} keeps this laptop's half of the key.",
    KeyringKind.LOCKED: "{name} is locked. Unlock it and try again.",
    KeyringKind.NONE: "This machine has no keyring.",
    KeyringKind.NOT_SET_UP: "{name} has not been set up for this person, so Rollcall does not use it.",
    KeyringKind.PLAIN_TEXT: "{name} keeps what it holds unencrypted, so Rollcall does not use it.",
    KeyringKind.FORGETS: "{name} forgets what it holds at log-out, so Rollcall does not use it.",
    KeyringKind.UNKNOWN: "{name} is of a kind that Rollcall does not know, so it is not used.",
    KeyringKind.FAILED: "{name} did not answer. Try again, or restart this machine.",
}

_SECRET_SERVICE = "keyring.backends.SecretService.Keyring"
_LIBSECRET = "keyring.backends.libsecret.Keyring"
_TRUSTED = {
    _SECRET_SERVICE: "The desktop's keyring (Secret Service)",
    _LIBSECRET: "The desktop's keyring (Secret Service)",
    "keyring.backends.kwallet.DBusKeyring": "KDE Wallet",
    "keyring.backends.kwallet.DBusKeyringKWallet4": "KDE Wallet",
    "keyring.backends.Windows.WinVaultKeyring": "Windows Credential Manager",
    "keyring.backends.macOS.Keyring": "The macOS Keychain",
}
"""Those that encrypt under the person's log-in. What is not listed may write plain text, so it is refused."""
_DEFAULT_ALIAS, _SESSION_ALIAS = "default", "session"
_COLLECTIONS = "/org/freedesktop/secrets/collection/"


def keyring_state(*, wait_seconds: float = WAIT_SECONDS) -> KeyringState:
    """Return the active keyring and whether it may be used. Reads no secret; never asks the person anything."""
    try:
        return in_time(_detect, wait_seconds)
    except Exception:  # noqa: BLE001  (a back end may raise anything; each means that it cannot be used now)
        return KeyringState(KeyringKind.FAILED)


def in_time(work: Callable[[], Result], seconds: float = WAIT_SECONDS) -> Result:
    """Do something that may hang, on a thread of its own, and wait so long and no longer.

    Raises:
        TimeoutError: it took longer. It is left to itself; what it brings is dropped.
    """
    outcome: list[Callable[[], Result]] = []

    def run() -> None:
        try:
            result = work()
            outcome.append(lambda: result)
        except BaseException as error:  # noqa: BLE001  (carried to the caller's thread)
            outcome.append(_raiser(error))

    thread = threading.Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError
    return outcome[0]()


def _raiser(error: BaseException) -> Callable[[], Any]:
    def again() -> Any:
        raise error

    return again


def _detect() -> KeyringState:
    states = [_judge(candidate) for candidate in _candidates()] or [KeyringState(KeyringKind.NONE)]
    return next((state for state in states if state.keyring is not None), states[0])


def _candidates() -> list[Any]:
    import keyring
    from keyring.backend import KeyringBackend
    from keyring.backends import chainer, fail

    active: Any = keyring.get_keyring()
    if isinstance(active, chainer.ChainerBackend):
        return list(active.backends)
    if not isinstance(active, fail.Keyring) or keyring.core.load_env() or keyring.core.load_config():
        return [active]
    # The package looks once and remembers that there was none. A keyring that was started since is found here.
    viable = [kind for kind in KeyringBackend.get_viable_backends() if _name_of(kind) in _TRUSTED]
    return [kind() for kind in sorted(viable, key=lambda kind: kind.priority, reverse=True)] or [active]


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _judge(backend: Any) -> KeyringState:
    kind = type(backend)
    full_name = _name_of(kind)
    if full_name in _TRUSTED:
        name = _TRUSTED[full_name]
        if full_name in (_SECRET_SERVICE, _LIBSECRET):
            return _judge_secret_service(backend, name)
        return KeyringState(KeyringKind.USABLE, name, backend)
    if kind.__module__ in ("keyring.backends.fail", "keyring.backends.null"):
        return KeyringState(KeyringKind.NONE)
    if kind.__module__.startswith("keyrings.alt") or "plain" in kind.__qualname__.lower():
        return KeyringState(KeyringKind.PLAIN_TEXT, f"The keyring {kind.__qualname__}")
    return KeyringState(KeyringKind.UNKNOWN, f"The keyring {kind.__qualname__}")


def _judge_secret_service(backend: Any, name: str) -> KeyringState:
    """Look at the collection that would be used: there, kept over a restart, encrypted on the disk, unlocked."""
    import secretstorage
    from secretstorage.exceptions import ItemNotFoundException, SecretServiceNotAvailableException

    try:
        connection = secretstorage.dbus_init()
    except SecretServiceNotAvailableException:
        return KeyringState(KeyringKind.NONE)
    with closing(connection) as bus:
        if not secretstorage.check_service_availability(bus):
            return KeyringState(KeyringKind.NONE)
        chosen = getattr(backend, "preferred_collection", None)
        try:
            if chosen:
                collection = secretstorage.Collection(bus, chosen)
            else:
                collection = secretstorage.get_collection_by_alias(bus, _DEFAULT_ALIAS)
        except ItemNotFoundException:
            return KeyringState(KeyringKind.NOT_SET_UP, name)
        path = collection.collection_path
        if path in _session_paths(bus):
            return KeyringState(KeyringKind.FORGETS, name)
        if _is_plain_on_disk(path):
            return KeyringState(KeyringKind.PLAIN_TEXT, name)
        kind = KeyringKind.LOCKED if collection.is_locked() else KeyringKind.USABLE
    return KeyringState(kind, name, backend)


def _session_paths(bus: Any) -> set[str]:
    import secretstorage
    from secretstorage.exceptions import ItemNotFoundException

    found = {_COLLECTIONS + "session", "/org/freedesktop/secrets/aliases/session"}
    with suppress(ItemNotFoundException):
        found.add(secretstorage.get_collection_by_alias(bus, _SESSION_ALIAS).collection_path)
    return found


def _is_plain_on_disk(collection_path: str) -> bool:
    """Return whether GNOME Keyring writes this collection in the clear: it does when its password is empty.

    The Secret Service interface does not tell, so the file is looked at: an encrypted one starts with ``GnomeKeyring``,
    one in the clear with ``[keyring]``.
    """
    import platformdirs

    folder = Path(platformdirs.user_data_dir()) / "keyrings"
    file = folder / f"{_file_name(collection_path)}.keyring"
    try:
        with file.open("rb") as stream:
            return stream.read(9) == b"[keyring]"
    except OSError:
        return False


def _file_name(collection_path: str) -> str:
    """Return a collection's name: what D-Bus cannot carry in a path is written there as ``_`` and two hex digits."""
    import re

    last = collection_path.rsplit("/", 1)[-1]
    name = re.sub(r"_([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), last)
    return name if "/" not in name and not name.startswith(".") else ""
