"""Getting a laptop's keys back for its officer, with the authority's private key; each use is on record for good.

IT brings a copy of the laptop's ``vault.json`` (it holds no personal data and opens nothing by itself) and the
authority's key file. Before anything is opened, the laptop must be enrolled, not revoked, and the vault must be its
own. Before anything is handed out, who, when, which laptop and why are in the database, and in the change log, which
every laptop pulls.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy import insert as insert_row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import StatementError

from app.central.authority_key import AuthorityKeys
from app.central.store import Store
from app.central.tables import device_credential, device_vault, recovery_issue
from app.errors import UserError
from app.ids import new_id
from app.models import Device, User
from app.services.access import Permission, allowed
from app.services.changes import Change
from app.services.vault import vault_file as file_format
from app.services.vault.authority_wrap import AuthorityKey, fingerprint
from app.services.vault.keys import WrongSecretError
from app.services.vault.reissue import make_reissue, write_reissue
from app.services.vault.vault_file import VaultFile
from app.timesource import TimeSource

MOST_REASON = 300
LONGEST_VAULT_ID = 64
REASON = "Issued a recovery file for a laptop"


@dataclass(frozen=True, slots=True)
class Request:
    """What IT asks for.

    Attributes:
        device_id: the laptop.
        vault_file: a copy of its ``vault.json``.
        reason: why, in words, for the record.
        by: the username of who asks: an administrator.
        system_account: of the operating system that the command ran under.
        out: where the recovery file goes.
    """

    device_id: str
    vault_file: Path
    reason: str
    by: str
    system_account: str
    out: Path


@dataclass(frozen=True, slots=True)
class Issued:
    """A recovery that was issued.

    Attributes:
        code: opens the file; shown once, kept nowhere.
        revision: its line in the change log.
    """

    id: str
    device_name: str
    code: str = field(repr=False)
    revision: int


@dataclass(frozen=True, slots=True)
class Recoveries:
    """Issues recoveries and lists those that were issued."""

    engine: Engine
    store: Store
    authority: AuthorityKeys
    time: TimeSource

    def issue(self, request: Request, key: AuthorityKey) -> Issued:
        """Make a recovery file and its one-time code, on record first.

        Args:
            request: who asks, for which laptop, why.
            key: the authority's, with its private half.

        Raises:
            UserError: says what does not fit; nothing was opened, and no file was made.
        """
        reason = " ".join(request.reason.split())
        if not reason or len(reason) > MOST_REASON:
            raise UserError(f"Give a reason of up to {MOST_REASON} characters. Nothing was opened.", "reason")
        if request.out.exists():
            raise UserError("There is a file of this name already. Choose another name. Nothing was opened.", "out")
        vault = read_copy(request.vault_file)
        with self.engine.connect() as connection:
            actor_id = administrator_id(connection, request.by)
            device_name = _laptop(connection, request.device_id, vault.header.vault)
        self._check_key(vault, key)
        try:
            data_keys = key.open(vault)
        except WrongSecretError as error:
            raise UserError(
                "This copy of vault.json was changed or damaged, so it does not open. Copy it again. No file was made.",
                "vault_file",
            ) from error
        now = self.time.now()
        content, code = make_reissue(vault, data_keys, now.isoformat())
        issue_id = new_id()
        with self.engine.begin() as connection:
            revision = self._record(connection, request, actor_id, device_name, now)
            connection.execute(
                insert_row(recovery_issue).values(
                    id=issue_id,
                    issued_at=now,
                    device_id=request.device_id,
                    vault_id=vault.header.vault,
                    issued_by=actor_id,
                    system_account=request.system_account[:100],
                    reason=reason,
                    key_fingerprint=fingerprint(key.public_key),
                    file_sha256=hashlib.sha256(content).hexdigest(),
                    revision=revision,
                )
            )
        # Only now: a recovery that is not on record is never handed out.
        write_reissue(request.out, content)
        return Issued(issue_id, device_name, code, revision)

    def listed(self) -> list[dict[str, Any]]:
        """Return every recovery that was issued, newest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(recovery_issue, Device.name.label("device"), User.name.label("by"))
                .join(Device, Device.id == recovery_issue.c.device_id, isouter=True)
                .join(User, User.id == recovery_issue.c.issued_by, isouter=True)
                .order_by(recovery_issue.c.issued_at.desc())
            )
            return [dict(row._mapping) for row in rows]

    def _check_key(self, vault: VaultFile, key: AuthorityKey) -> None:
        if key.public_key not in {known.public_key for known in self.authority.all()}:
            raise UserError("This key file is of another central store. Nothing was opened.", "key")
        wrap = vault.wrap("authority")
        if wrap is None:
            raise UserError(
                "This laptop had not synced since there was an authority key, so its vault was never sealed to it. "
                "The recovery key on its sheet is the way in. Nothing was opened.",
                "vault_file",
            )
        if wrap.public_key != key.public_key:
            raise UserError(
                f"This vault is sealed to another authority key: {fingerprint(wrap.public_key)}. Use the file of that "
                "key. Nothing was opened.",
                "key",
            )

    def _record(self, connection: Connection, request: Request, actor_id: str, device_name: str, now: datetime) -> int:
        """Put a line into the change log: it reaches every laptop, and stands in the laptop's history."""
        change = Change("device", request.device_id, "update", {"name": [device_name, device_name]})
        return self.store.record_in(connection, [change], REASON, actor_id)


def note_vault(connection: Connection, device_id: str, vault_id: str, now: datetime) -> None:
    """Remember that a laptop, which has just proved its key, has a vault of this id; one that gives none has none."""
    if 0 < len(vault_id) <= LONGEST_VAULT_ID:
        connection.execute(
            insert(device_vault)
            .values(device_id=device_id, vault_id=vault_id, first_seen_at=now)
            .on_conflict_do_nothing()
        )


def read_copy(path: Path) -> VaultFile:
    """Return the vault's file that IT brought.

    Raises:
        UserError: it cannot be read or is none; field ``vault_file``.
    """
    try:
        with path.open("rb") as stream:
            return file_format.decode(stream.read(file_format.MOST_BYTES + 1))
    except file_format.NewerVaultError as error:
        raise UserError(
            "This vault.json was made by another version of Rollcall. Update the central store. Nothing was opened.",
            "vault_file",
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(
            "This is not a vault.json, or it is damaged. Copy it again, or take vault-copy.json beside it. "
            "Nothing was opened.",
            "vault_file",
        ) from error


def administrator_id(connection: Connection, username: str) -> str:
    """Return the id of somebody who may manage people and laptops.

    Raises:
        UserError: there is no such person, or they may not; field ``by``.
    """
    row = connection.execute(select(User.id, User.role, User.active).where(User.username == username)).first()
    if row is None or not row.active:
        raise UserError(f"There is nobody active called {username}. Nothing was opened.", "by")
    if not allowed(row.role, Permission.MANAGE_PEOPLE):
        raise UserError("Only somebody who manages people and laptops may do this. Nothing was opened.", "by")
    return str(row.id)


def _laptop(connection: Connection, device_id: str, vault_id: str) -> str:
    """Return the name of an enrolled laptop that has this vault."""
    try:
        row = connection.execute(
            select(device_credential.c.revoked_at, Device.name)
            .join(Device, Device.id == device_credential.c.device_id)
            .where(device_credential.c.device_id == device_id)
        ).first()
    except StatementError:
        row = None
    if row is None:
        raise UserError("There is no such laptop. Nothing was opened.", "device")
    if row.revoked_at is not None:
        raise UserError("This laptop is revoked, so its vault is not opened. Nothing was opened.", "device")
    known = connection.execute(
        select(device_vault.c.vault_id).where(
            device_vault.c.device_id == device_id, device_vault.c.vault_id == vault_id
        )
    ).first()
    if known is None:
        raise UserError(
            "This vault.json is of another laptop, or that laptop has not synced since it was made. Check the "
            "laptop's id. Nothing was opened.",
            "vault_file",
        )
    return str(row.name)
