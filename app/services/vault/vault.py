"""An opened vault: its databases, its person, and changing the ways in.

A vault is a folder: ``cases.db`` and ``documents.db`` (SQLCipher), ``vault.json`` with its copy (how keys are derived,
and the keys sealed; nothing about anybody), ``lifeboat.log``, ``attempts.json``, ``backups/`` and ``set-aside/``.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
from sqlalchemy import Engine, Table, bindparam, func, insert, select, text, type_coerce
from sqlalchemy.exc import DatabaseError

from app.errors import EnvironmentFault, UserError
from app.ids import new_id
from app.models import DeviceKey, SyncState, User
from app.models.terms import Role
from app.services import projection  # noqa: F401  (imported while the passphrase is typed, not at the first save)
from app.services.audit import Action
from app.services.backup.listing import Backup
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.backup.restore import READY, finish_restoring
from app.services.damage import NAME as MARK
from app.services.damage import marked_damage
from app.services.locking import WRITING
from app.services.rows import RowSelect, stored_key
from app.services.signing import Signer, new_seed
from app.services.vault import device_secret, migrate, vault_file, ways_in
from app.services.vault.attempts import Attempts
from app.services.vault.database import DriverError, VaultDamaged, damage_in, engine_on
from app.services.vault.keys import DataKeys, KdfParameters, WrongSecretError
from app.services.vault.lifeboat import Lifeboat
from app.services.vault.lifeboat_keeping import LifeboatKeeper
from app.services.vault.lifeboat_meeting import newest_in
from app.services.vault.recovery_key import RecoveryKey
from app.services.vault.reserve import Reserve
from app.services.vault.vault_file import VaultFile
from app.services.workspace import Actor, Workspace
from app.timesource import TimeSource

if TYPE_CHECKING:
    from app.services.documents.store import DocumentStore
    from app.services.vault.device_secret import Keyring

USER_FACT = "user_id"
_KEYS, _FACTS, _USERS = (cast("Table", model.__table__) for model in (DeviceKey, SyncState, User))
_DEVICE = RowSelect(select(_KEYS.c.device_id, _KEYS.c.private_key))
_PERSONS = select(_USERS.c.id, _USERS.c.name, _USERS.c.role, _USERS.c.team_id)
_PERSON = RowSelect(_PERSONS.where(_USERS.c.id == bindparam("id")))
_STORED = type_coerce(func.replace(_FACTS.c.value, text("'-'"), text("''")), _USERS.c.id.type)
_OWNER = RowSelect(_PERSONS.join(_FACTS, _USERS.c.id == _STORED).where(_FACTS.c.name == bindparam("name")))


class Vault:
    """An opened vault. Closing it drops keys and connections."""

    def __init__(
        self,
        folder: Path,
        data_keys: DataKeys,
        file: VaultFile,
        time: TimeSource,
        *,
        keyring: "Keyring | None" = None,
        new: bool = False,
        wrong: int = 0,
    ) -> None:
        self.folder = folder
        self._wrong = wrong
        self.time = time
        self.file = file
        self._keyring = keyring
        self._keys: DataKeys | None = data_keys
        self._workspaces: list[Workspace] = []
        self._turn = threading.Lock()
        self.backed_up_first: Backup | None = None
        self.was_unclean = False
        if not new:
            present = _names_in(folder)
            if READY in present:
                finish_restoring(folder)
                present = _names_in(folder)
            self.was_unclean = _look_over(folder, present)
        self.reserve = Reserve(folder)
        self.reserve.make_way()
        self._documents: DocumentStore | None = None
        self.engine: Engine = engine_on(folder / "cases.db", data_keys.cases, create=new)
        self.lifeboat = LifeboatKeeper(Lifeboat(folder / "lifeboat.log", data_keys.lifeboat), self.engine, time)
        try:
            if not new:
                self._documents = self._open_documents()  # a vault whose documents do not open is not open
            with self._connected() as bare:
                revision = migrate.revision_in(bare)
                newest = newest_in(bare) if revision == migrate.NEWEST else None
            if revision != migrate.NEWEST:
                migrate.bring_up_to_date(self.engine, "vault", new=new, before=self._back_up_first)
            self.lifeboat.catch_up(newest)
            self.reserve.prepare()
        except (DatabaseError, DriverError) as error:
            self._drop()
            raise VaultDamaged(
                "cases.db", "cases.db is damaged and could not be read. It is kept untouched."
            ) from error
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        self.lifeboat.close()
        if self._documents is not None:
            self._documents.close()
            self._documents = None
        self.engine.dispose()

    def _back_up_first(self) -> None:
        """Make a backup before the records are migrated; where there is no room for one they are not."""
        self.backed_up_first = back_up(self.folder, self.keys, self.engine, time=self.time, reason=Reason.MIGRATION)

    @property
    def keys(self) -> DataKeys:
        """The data keys.

        Raises:
            EnvironmentFault: the vault is closed.
        """
        if self._keys is None:
            raise EnvironmentFault("Rollcall is locked. Unlock it first.")
        return self._keys

    @property
    def vault_id(self) -> str:
        """The vault's own id, random."""
        return self.file.header.vault

    @property
    def label(self) -> str:
        """The laptop's name."""
        return self.file.header.label

    @property
    def keyring(self) -> "Keyring | None":
        """The keyring it was opened with, where that is not this machine's own."""
        return self._keyring

    @property
    def uses_keyring(self) -> bool:
        """Whether the passphrase needs the device secret in the keyring too."""
        return self.file.header.keyring

    @property
    def has_recovery_key(self) -> bool:
        """Whether a recovery key opens this vault."""
        return self.file.wrap("recovery") is not None

    @property
    def has_authority_key(self) -> bool:
        """Whether the authority can open this vault."""
        return self.file.wrap("authority") is not None

    @property
    def authority_key(self) -> bytes | None:
        """The authority's public key that the vault is sealed to."""
        wrap = self.file.wrap("authority")
        return wrap.public_key if wrap else None

    def change_passphrase(self, old: str, new: str, *, kdf: KdfParameters | None = None) -> None:
        """Take another passphrase into use; the keyring's secret and the other ways in stay.

        Raises:
            UserError: the old one is wrong (field ``passphrase``; it is counted) or the new one weak (``new``).
            EnvironmentFault: the keyring or the disk is in the way; the old passphrase stays.
        """
        self.check_passphrase(old)
        try:
            ways_in.check_new_passphrase(new, with_keyring=self.uses_keyring)
        except UserError as error:
            raise UserError(error.message, "new") from error
        secret = ways_in.secret_of(self.file, self._keyring)
        derivation = ways_in.new_kdf(kdf, with_keyring=self.uses_keyring)
        now = self.time.now()
        with self._changing() as current:
            header = msgspec.structs.replace(
                current.header,
                generation=current.header.generation + 1,
                kdf=derivation,
                passphrase_set_at=now.isoformat(),
            )
            file = msgspec.structs.replace(current, header=header)
            self._keep(file.with_wrap(ways_in.passphrase_wrap(file, self.keys, new, secret, now)))

    def check_passphrase(self, passphrase: str) -> None:
        """Refuse a wrong passphrase, and count it.

        Raises:
            UserError: says how many tries are left; field ``passphrase``.
        """
        attempts = Attempts(self.folder / "attempts.json", self.time)
        attempts.check()
        secret = ways_in.secret_of(self.file, self._keyring)
        try:
            ways_in.open_with_passphrase(self.file, passphrase, secret)
        except WrongSecretError as error:
            raise UserError(attempts.failed(), field="passphrase") from error
        attempts.succeeded()

    def set_recovery_key(self, recovery: RecoveryKey, passphrase: str) -> None:
        """Take a recovery key into use; an earlier one stops working.

        Raises:
            UserError: the passphrase is wrong; it is counted.
        """
        self.check_passphrase(passphrase)
        with self._changing() as current:
            header = msgspec.structs.replace(current.header, generation=current.header.generation + 1)
            file = msgspec.structs.replace(current, header=header)
            self._keep(file.with_wrap(ways_in.recovery_wrap(file, self.keys, recovery.public_key, self.time.now())))

    def set_authority_key(self, public_key: bytes) -> None:
        """Seal the vault to the authority's public key too, so that its holder can recover this laptop."""
        with self._changing() as file:
            if self.authority_key != public_key:
                self._keep(file.with_wrap(ways_in.authority_wrap(file, self.keys, public_key, self.time.now())))

    @contextmanager
    def _changing(self) -> Iterator[VaultFile]:
        """Yield the vault's file as it stands on the disk now, for one change at a time.

        Sync seals to the authority on a thread of its own, and another program may have changed the passphrase since
        this one unlocked: neither may bring the other's earlier state back.

        Raises:
            EnvironmentFault: the data keys were rotated meanwhile.
        """
        with self._turn:
            found: list[VaultFile] = []
            with suppress(UserError):  # both copies damaged: what is known here is written again
                found = vault_file.candidates(self.folder)
            kept = [file for file in found if file.is_sealed(self.keys)]
            if found and not kept:
                raise EnvironmentFault("Another program changed this vault's keys. Lock Rollcall and unlock it.")
            self.file = max([*kept, self.file], key=lambda file: file.header.generation)
            yield self.file

    def _keep(self, file: VaultFile) -> None:
        file = file.sealed(self.keys)
        vault_file.write(self.folder, file)
        self.file = file

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
        with self._connected() as connection:
            device = _DEVICE.first(connection)
            if user_id is None:
                user = _OWNER.first(connection, USER_FACT)
            else:
                user = _PERSON.first(connection, stored_key(user_id))
        if device is None:
            raise UserError("This laptop has no device key. Enrol it with the code from your administrator.")
        if user is None:
            raise UserError("Nobody is signed in on this laptop yet. Enrol it with the code from your administrator.")
        device_id, seed = device
        known_id, name, role, team_id = user
        workspace = self._make_workspace(Actor(known_id, name, role, team_id, device_id), Signer(seed))
        if self._wrong:
            workspace.audit(Action.WRONG_PASSPHRASES, detail={"count": self._wrong})
            self._wrong = 0
        return workspace

    def system_workspace(self) -> Workspace:
        """Return a workspace that acts for the laptop itself: enrolment and the first pull."""
        with self._connected() as connection:
            device = _DEVICE.first(connection)
        if device is None:
            raise UserError("This laptop has no device key. Enrol it with the code from your administrator.")
        device_id, seed = device
        return self._make_workspace(Actor(None, "Rollcall", Role.ADMINISTRATOR, None, device_id), Signer(seed))

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
            self.lifeboat.carry_identity(connection)
        return Signer(seed)

    def set_user(self, user_id: str) -> None:
        """Say whose laptop this is."""
        with self.engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            connection.execute(insert(SyncState).prefix_with("OR REPLACE"), {"name": USER_FACT, "value": user_id})
            self.lifeboat.carry_identity(connection)

    def close(self) -> None:
        """Drop keys and connections."""
        for workspace in self._workspaces:
            workspace.close()
        self._workspaces.clear()
        self._drop()
        self._keys = None

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """Yield the driver's connection: for the few reads that stand between unlocking and the first page."""
        pooled = self.engine.raw_connection()
        try:
            yield pooled.dbapi_connection
        except DriverError as error:
            fault = EnvironmentFault("The disk did not let cases.db be read. Try again. Nothing was changed.")
            raise damage_in(error, self.folder) or fault from error
        finally:
            pooled.close()

    def forget_device_secret(self) -> None:
        """Remove this vault's secret from the keyring, because the vault itself goes; with neither, nothing is left."""
        if not self.uses_keyring:
            return
        keyring = self._keyring or device_secret.system_keyring()
        if keyring is not None:
            device_secret.forget_secret(keyring, self.vault_id)

    def _make_workspace(self, actor: Actor, signer: Signer) -> Workspace:
        workspace = Workspace(
            self.engine,
            actor=actor,
            signer=signer,
            time=self.time,
            folder=self.folder,
            open_documents=self._take_documents,
            journal=self.lifeboat,
            room=self.reserve,
        )
        self._workspaces.append(workspace)
        return workspace

    def _take_documents(self) -> "DocumentStore":
        """Return a store for one workspace, which closes it: the one the vault was opened with, or another."""
        with self._turn:
            store, self._documents = self._documents, None
        return store or self._open_documents()

    def _open_documents(self) -> "DocumentStore":
        from app.services.documents.store import DocumentStore

        store = DocumentStore(engine_on(self.folder / "documents.db", self.keys.documents))
        store.create_schema()
        return store


def _names_in(folder: Path) -> set[str]:
    return set(os.listdir(folder))  # noqa: PTH208  (one look instead of six questions, at every unlock)


def _look_over(folder: Path, present: set[str]) -> bool:
    """Refuse to open what is known to be damaged or is not there; the rest is told by opening it.

    Args:
        folder: of the vault.
        present: the names in it.

    Returns:
        Whether a log was left behind: the vault was not closed in order.

    Raises:
        VaultDamaged: it has to be rebuilt first.
    """
    marked = marked_damage(folder) if MARK in present else ""
    if marked:
        raise VaultDamaged(marked, f"A part of {marked} could not be read. It is kept untouched.")
    unclean = False
    for name in ("cases.db", "documents.db"):
        if name not in present:
            raise VaultDamaged(name, f"{name} is missing from the vault folder. Nothing was changed.")
        log = f"{name}-wal"
        try:
            unclean |= log in present and (folder / log).stat().st_size > 0
            if not (folder / name).stat().st_size:
                raise VaultDamaged(name, f"{name} is damaged or has another key. It is kept untouched.")
        except OSError as error:
            raise EnvironmentFault(f"The disk did not let {name} be opened. Try again.") from error
    return unclean
