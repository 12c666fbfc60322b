"""Creating, opening and closing a vault folder.

A vault holds ``cases.db`` and ``documents.db`` (SQLCipher), ``vault.json`` (key-derivation parameters and sealed keys;
nothing about anybody) and ``backups/``.
"""

import base64
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import DatabaseError

from app.errors import EnvironmentFault, UserError
from app.ids import new_id
from app.models import DeviceKey, SyncState, User
from app.models.terms import Role
from app.services import projection  # noqa: F401  (imported while the passphrase is typed, not at the first save)
from app.services.locking import WRITING
from app.services.signing import Signer, new_seed
from app.services.vault import device_secret, keys
from app.services.vault.attempts import Attempts
from app.services.vault.database import open_engine
from app.services.vault.keys import DataKeys, KdfParameters, WrongSecretError
from app.services.vault.migrate import bring_up_to_date
from app.services.workspace import Actor, Workspace
from app.timesource import TimeSource

if TYPE_CHECKING:
    from app.services.documents.store import DocumentStore
    from app.services.vault.device_secret import Keyring

FORMAT = 1
MINIMUM_PASSPHRASE = 12
Progress = Callable[[str], None]
USER_FACT = "user_id"


class Vault:
    """An opened vault. Closing it drops keys and connections."""

    def __init__(
        self, folder: Path, data_keys: DataKeys, header: dict[str, Any], time: TimeSource, *, new: bool = False
    ) -> None:
        self.folder = folder
        self.time = time
        self.label: str = header["label"]
        self.uses_keyring: bool = header["keyring"]
        self._keys: DataKeys | None = data_keys
        self._workspaces: list[Workspace] = []
        self.engine: Engine = open_engine(folder / "cases.db", data_keys.cases, create=new)
        try:
            bring_up_to_date(self.engine, "vault")
        except DatabaseError as error:
            self.engine.dispose()
            raise UserError(
                "cases.db is damaged and could not be read. It is kept untouched. Restore it from a backup."
            ) from error
        except BaseException:
            self.engine.dispose()
            raise

    @property
    def device_id(self) -> str | None:
        """This laptop's id, or None before it has one."""
        with self.engine.connect() as connection:
            return connection.execute(select(DeviceKey.device_id)).scalar()

    def workspace(self, user_id: str | None = None) -> Workspace:
        """Return a workspace for a person; by default the one this laptop was enrolled for.

        Raises:
            UserError: no such person, or the laptop has no device key yet.
        """
        with self.engine.connect() as connection:
            device = connection.execute(select(DeviceKey.device_id, DeviceKey.private_key)).first()
            if user_id is None:
                user_id = connection.execute(select(SyncState.value).where(SyncState.name == USER_FACT)).scalar()
            user = connection.execute(
                select(User.id, User.name, User.role, User.team_id).where(User.id == user_id)
            ).first()
        if device is None:
            raise UserError("This laptop has no device key. Enrol it with the code from your administrator.")
        if user is None:
            raise UserError("Nobody is signed in on this laptop yet. Enrol it with the code from your administrator.")
        return self._make_workspace(
            Actor(user.id, user.name, user.role, user.team_id, device.device_id), Signer(device.private_key)
        )

    def system_workspace(self) -> Workspace:
        """Return a workspace that acts for the laptop itself: enrolment and the first pull."""
        with self.engine.connect() as connection:
            device = connection.execute(select(DeviceKey.device_id, DeviceKey.private_key)).first()
        if device is None:
            raise UserError("This laptop has no device key. Enrol it with the code from your administrator.")
        actor = Actor(None, "Rollcall", Role.ADMINISTRATOR, None, device.device_id)
        return self._make_workspace(actor, Signer(device.private_key))

    def add_device(self, name: str, *, device_id: str | None = None, seed: bytes | None = None) -> Signer:
        """Give this laptop its identity and signing key, kept only inside the encrypted vault.

        Returns:
            The signer, whose public half the central store is told.
        """
        seed = seed or new_seed()
        with self.engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            connection.execute(
                insert(DeviceKey), {"device_id": device_id or new_id(), "name": name, "private_key": seed}
            )
        return Signer(seed)

    def set_user(self, user_id: str) -> None:
        """Say whose laptop this is."""
        with self.engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            connection.execute(insert(SyncState).prefix_with("OR REPLACE"), {"name": USER_FACT, "value": user_id})

    def close(self) -> None:
        """Drop keys and connections."""
        for workspace in self._workspaces:
            workspace.close()
        self._workspaces.clear()
        self.engine.dispose()
        self._keys = None

    def _make_workspace(self, actor: Actor, signer: Signer) -> Workspace:
        workspace = Workspace(
            self.engine,
            actor=actor,
            signer=signer,
            time=self.time,
            folder=self.folder,
            open_documents=self._open_documents,
        )
        self._workspaces.append(workspace)
        return workspace

    def _open_documents(self) -> "DocumentStore":
        from app.services.documents.store import DocumentStore

        if self._keys is None:
            raise EnvironmentFault("Rollcall is locked. Unlock it to open documents.")
        store = DocumentStore(open_engine(self.folder / "documents.db", self._keys.documents))
        store.create_schema()
        return store


def vault_exists(folder: Path) -> bool:
    """Return whether a folder holds a vault."""
    return (folder / "vault.json").exists()


def create_vault(
    folder: Path,
    passphrase: str,
    *,
    time: TimeSource,
    label: str = "",
    keyring: "Keyring | None" = None,
    use_system_keyring: bool = False,
    kdf: KdfParameters | None = None,
    progress: Progress | None = None,
) -> Vault:
    """Make a new vault and open it.

    Args:
        folder: an empty or new folder.
        passphrase: at least 12 characters.
        time: the clock.
        label: the laptop's name for the unlock page; never a person's.
        keyring: where the device secret is kept; None keeps none (passphrase only, with stronger parameters).
        use_system_keyring: find the operating system's keyring.
        kdf: parameters; tuned to about half a second here when not given.
        progress: told in words what is being done.

    Raises:
        UserError: the folder holds a vault, or the passphrase is short.
    """
    if vault_exists(folder):
        raise UserError("This folder already holds a vault. Open it, or choose another folder. Nothing was changed.")
    if len(passphrase) < MINIMUM_PASSPHRASE:
        raise UserError(f"Use at least {MINIMUM_PASSPHRASE} characters. A few unrelated words work well.", "passphrase")
    _say(progress, "Measuring this laptop")
    if use_system_keyring and keyring is None:
        keyring = device_secret.system_keyring()
    if kdf is None:
        # Without a keyring the passphrase is the only lock, so guessing is made twice as slow.
        kdf = KdfParameters.tuned(0.5 if keyring else 1.0)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "backups").mkdir(exist_ok=True)
    vault_id = new_id()
    header = {
        "format": FORMAT,
        "vault": vault_id,
        "label": label,
        "created_at": time.now().isoformat(),
        "keyring": keyring is not None,
        "kdf": {"name": "argon2id", "salt": base64.b64encode(os.urandom(16)).decode(), **asdict(kdf)},
    }
    secret = device_secret.store_new_secret(keyring, vault_id) if keyring else None
    _say(progress, "Making the keys")
    data_keys = DataKeys.fresh()
    wrapping = keys.wrapping_key(kdf.derive(passphrase, base64.b64decode(header["kdf"]["salt"])), secret)  # type: ignore[index]  # built above
    wraps = [{"kind": "passphrase", **keys.seal(data_keys, wrapping, _canonical(header))}]
    _write_durably(folder / "vault.json", json.dumps({"header": header, "wraps": wraps}, indent=1))
    _say(progress, "Making the databases")
    open_engine(folder / "documents.db", data_keys.documents, create=True).dispose()
    return Vault(folder, data_keys, header, time, new=True)


def open_vault(
    folder: Path,
    passphrase: str,
    *,
    time: TimeSource,
    keyring: "Keyring | None" = None,
    progress: Progress | None = None,
) -> Vault:
    """Open a vault.

    Raises:
        UserError: no vault, a newer vault, a wrong passphrase (with how many tries are left), or a wait is running.
        EnvironmentFault: the keyring does not open or has lost the vault's secret.
    """
    header, wraps = _read_header(folder)
    attempts = Attempts(folder / "attempts.json", time)
    attempts.check()
    secret = _device_secret(header, keyring)
    _say(progress, "Unlocking")
    parameters = dict(header["kdf"])
    salt = base64.b64decode(parameters.pop("salt"))
    parameters.pop("name", None)
    derived = KdfParameters(**parameters).derive(passphrase, salt)
    wrapping = keys.wrapping_key(derived, secret)
    for wrap in wraps:
        if wrap.get("kind") != "passphrase":
            continue
        try:
            data_keys = keys.unseal(wrap, wrapping, _canonical(header))
        except WrongSecretError:
            continue
        attempts.succeeded()
        _say(progress, "Opening your cases")
        return Vault(folder, data_keys, header, time)
    raise UserError(attempts.failed(), field="passphrase")


def read_label(folder: Path) -> str:
    """Return the laptop's name for the unlock page, or an empty text."""
    try:
        return str(_read_header(folder)[0]["label"])
    except UserError:
        return ""


def _device_secret(header: dict[str, Any], keyring: "Keyring | None") -> bytes | None:
    if not header["keyring"]:
        return None
    keyring = keyring or device_secret.system_keyring()
    secret = device_secret.fetch_secret(keyring, header["vault"]) if keyring else None
    if secret is None:
        raise EnvironmentFault(
            "This laptop's keyring no longer holds the vault's secret. Ask your administrator to enrol it again. "
            "Your records are kept, encrypted."
        )
    return secret


def _read_header(folder: Path) -> tuple[dict[str, Any], list[dict[str, str]]]:
    path = folder / "vault.json"
    if not path.exists():
        raise UserError("There is no vault on this laptop yet. Enrol it with the code from your administrator.")
    try:
        whole = json.loads(path.read_text())
        header, wraps = whole["header"], whole["wraps"]
        stated = int(header["format"])
        if stated > FORMAT:
            raise UserError("This vault was made by a newer Rollcall. Update Rollcall to open it. Nothing was changed.")
        _ = header["vault"], header["label"], header["keyring"], header["kdf"]["salt"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            "vault.json is damaged, so the vault cannot be opened. Restore it from a backup. Your records are kept."
        ) from error
    return header, wraps


def _canonical(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _write_durably(path: Path, content: str) -> None:
    scratch = path.with_suffix(".new")
    with scratch.open("w") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    scratch.chmod(0o600)
    scratch.replace(path)


def _say(progress: Progress | None, words: str) -> None:
    if progress is not None:
        progress(words)
