"""Enrolling a laptop: a new vault from a one-time code, or an existing vault that joins a central store."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from app.errors import UserError
from app.models import DeviceKey
from app.services.signing import Signer
from app.services.sync import facts, protocol
from app.services.sync.client import SyncClient, SyncProgress, SyncReport, keep_lease
from app.services.sync.transport import HttpTransport, checked_address
from app.services.vault import Vault, create_vault, vault_exists
from app.services.workspace import Workspace
from app.timesource import TimeSource

if TYPE_CHECKING:
    from app.services.vault.device_secret import Keyring
    from app.services.vault.keys import KdfParameters

Progress = Callable[[SyncProgress], None]


def check_code(server: str, code: str) -> protocol.CodeAnswer:
    """Return whom a code is for, without spending it.

    Raises:
        UserError: the address is not one.
        NotLetIn: the code is unknown, spent or expired.
        CentralUnreachable: no central store answers there.
    """
    transport = HttpTransport(server)
    try:
        return transport.call("/enrolment/check", protocol.CodeRequest(code), protocol.CodeAnswer, open_to_all=True)
    finally:
        transport.close()


def enrol(
    vault_folder: Path,
    server: str,
    code: str,
    device_name: str,
    passphrase: str,
    progress: Progress | None = None,
    *,
    time: TimeSource,
    keyring: "Keyring | None" = None,
    use_system_keyring: bool = False,
    kdf: "KdfParameters | None" = None,
) -> Vault:
    """Make a vault, register this laptop with a one-time code and fetch the records.

    The code is checked before the vault is made and spent after, so a mistyped one costs nothing. A first pull that
    is cut off is taken up by the next sync.

    Args:
        vault_folder: an empty or new folder.
        server: the central store's address.
        code: from an administrator.
        device_name: what the laptop is called for people.
        passphrase: opens the vault.
        progress: told how far it is.
        time: the clock.
        keyring, use_system_keyring, kdf: as for ``create_vault``.

    Returns:
        The vault, open.

    Raises:
        UserError: the folder holds a vault, the passphrase is short, or the address is not one.
        NotLetIn: the code is not taken.
        CentralUnreachable: no central store answers; nothing is left in the folder.
    """
    say = progress or (lambda _progress: None)
    say(SyncProgress("Checking the code", 0, 0))
    check_code(server, code)
    if vault_exists(vault_folder):
        raise UserError("This folder already holds a vault. Open it, or choose another folder. Nothing was changed.")
    was_there = vault_folder.exists() and any(vault_folder.iterdir())
    vault = create_vault(
        vault_folder,
        passphrase,
        time=time,
        label=device_name,
        keyring=keyring,
        use_system_keyring=use_system_keyring,
        kdf=kdf,
        progress=lambda words: say(SyncProgress(words, 0, 0)),
    )
    try:
        vault.add_device(device_name)
        user_id = _register(vault, server, code, device_name, time)
    except BaseException:
        vault.close()
        if not was_there:
            shutil.rmtree(vault_folder, ignore_errors=True)
        raise
    try:
        first_pull(vault, progress)
    finally:
        vault.set_user(user_id)
    return vault


def join(vault: Vault, server: str, code: str, progress: Progress | None = None) -> SyncReport:
    """Connect an existing vault, with what it already holds, to a central store and sync it.

    Raises:
        As :func:`enrol`.
    """
    _register(vault, server, code, vault.label, vault.time)
    return first_pull(vault, progress)


def first_pull(vault: Vault, progress: Progress | None = None) -> SyncReport:
    """Sync a vault in the laptop's own name; the first time, this fetches everything."""
    ws = vault.system_workspace()
    transport = open_transport(ws)
    try:
        return SyncClient(ws, transport, progress).run()
    finally:
        transport.close()


def open_transport(ws: Workspace) -> HttpTransport:
    """Return a transport to the central store this vault is enrolled with.

    Raises:
        UserError: it is not enrolled.
    """
    with ws.read() as session:
        server = facts.get(session, facts.SERVER)
        key = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).first()
    if server is None or key is None:
        raise UserError("This laptop is not enrolled with a central store. Enrol it with the code you were given.")
    return HttpTransport(server, device_id=key.device_id, signer=Signer(key.private_key))


def enrolled(ws: Workspace) -> bool:
    """Return whether this vault has a central store."""
    with ws.read() as session:
        return facts.get(session, facts.SERVER) is not None


def _register(vault: Vault, server: str, code: str, device_name: str, time: TimeSource) -> str:
    ws = vault.system_workspace()
    with ws.read() as session:
        device = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).one()
    signer = Signer(device.private_key)
    year = time.today().year
    statement = protocol.enrolment_statement(code, device.device_id, signer.public_key)
    request = protocol.EnrolRequest(
        code=code,
        device_id=device.device_id,
        device_name=device_name,
        public_key=signer.public_key,
        proof=signer.sign(statement),
        year=year,
    )
    transport = HttpTransport(server)
    try:
        answer = transport.call("/enrolment", request, protocol.EnrolAnswer, open_to_all=True)
    finally:
        transport.close()
    with ws.local_session() as session:
        facts.put(session, facts.SERVER, checked_address(server))
        facts.put(session, facts.SERVER_KEY, answer.server_key)
    keep_lease(ws, answer.lease, year)
    return answer.user_id
