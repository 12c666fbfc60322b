"""Enrolling a laptop with a one-time code: a new vault, or an existing one that joins a central store."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.errors import EnvironmentFault, UserError
from app.logs import get_logger
from app.models import DeviceKey, User
from app.services.signing import Signer
from app.services.sync import facts, trust_protocol, writing
from app.services.sync.authority import keep_authority_key
from app.services.sync.client import SyncClient, keep_lease
from app.services.sync.connecting import enrolled, open_transport
from app.services.sync.faults import NotLetIn, nonsense
from app.services.sync.shapes import ShapeError, wire_defaults
from app.services.sync.telling import SyncProgress, SyncReport
from app.services.sync.transport import HttpTransport, checked_address
from app.services.vault import Vault, create_vault, vault_exists
from app.services.workspace import Workspace
from app.timesource import TimeSource

if TYPE_CHECKING:
    from app.services.vault.device_secret import Keyring
    from app.services.vault.keys import KdfParameters
    from app.services.vault.recovery_key import RecoveryKey

__all__ = ["check_code", "create_and_enrol", "enrol", "enrolled", "first_pull", "open_transport"]
Counted = Callable[[int, int, str], None]
"""Told how far it is: done, total (0 when it is not known), and words."""


def check_code(server: str, code: str) -> trust_protocol.CodeAnswer:
    """Return whom a code is for, without spending it.

    Raises:
        UserError: the address is not one, or the code is unknown, spent or expired (fields ``server`` and ``code``).
        CentralUnreachable: no central store answers there.
    """
    transport = HttpTransport(server)
    try:
        return transport.call(
            "/enrolment/check", trust_protocol.CodeRequest(code), trust_protocol.CodeAnswer, open_to_all=True
        )
    except NotLetIn as fault:
        raise UserError(fault.message, "code") from fault
    finally:
        transport.close()


def enrol(vault: Vault, server: str, code: str, progress: Counted | None = None, *, device_name: str = "") -> bool:
    """Register this laptop with a one-time code and fetch the records.

    The vault may be new, or hold records already: what it holds is sent in the first sync. A first pull that is cut
    off is not a failure: the laptop is enrolled and the next sync goes on from there.

    Args:
        vault: open; it is given a device key when it has none.
        server: the central store's address.
        code: from an administrator; works once.
        progress: told how far it is.
        device_name: what the laptop is called for people; the vault's label when left out.

    Returns:
        Whether everything was fetched.

    Raises:
        UserError: a wrong address or code, or the laptop is enrolled already; nothing was changed.
        CentralUnreachable: no central store answers; nothing was changed.
    """
    say = progress or (lambda _done, _total, _words: None)
    say(0, 0, "Checking the code")
    check_code(server, code)
    name = device_name or vault.label or "Laptop"
    if vault.device_id is None:
        vault.add_device(name)
    elif enrolled(vault.system_workspace()):
        raise UserError("This laptop is enrolled already. Nothing was changed.")
    say(0, 0, "Registering this laptop")
    _register(vault, server, code, name)
    try:
        first_pull(vault, lambda at: say(at.done, at.total, at.phase))
    except EnvironmentFault:
        get_logger().warning("first pull not finished")
        return False
    return True


def create_and_enrol(
    folder: Path,
    server: str,
    code: str,
    device_name: str,
    passphrase: str,
    progress: Counted | None = None,
    *,
    time: TimeSource,
    keyring: "Keyring | None" = None,
    use_system_keyring: bool = False,
    kdf: "KdfParameters | None" = None,
    recovery: "RecoveryKey | None" = None,
) -> Vault:
    """Make a vault in a new or empty folder and enrol it.

    The code is checked before the vault is made and spent after, so a mistyped one costs nothing.

    Args:
        folder: where the vault goes.
        server, code, device_name, progress: as for :func:`enrol`.
        passphrase: opens the vault.
        time: the clock.
        keyring, use_system_keyring, kdf, recovery: as for ``create_vault``.

    Returns:
        The vault, open.

    Raises:
        As :func:`enrol` and ``create_vault``; nothing is left in the folder or the keyring.
    """
    if vault_exists(folder):
        raise UserError("This folder already holds a vault. Open it, or choose another folder. Nothing was changed.")
    check_code(server, code)
    was_used = folder.exists() and any(folder.iterdir())
    try:
        vault = create_vault(
            folder,
            passphrase,
            time=time,
            label=device_name,
            keyring=keyring,
            use_system_keyring=use_system_keyring,
            kdf=kdf,
            recovery=recovery,
            progress=(lambda words: progress(0, 0, words)) if progress else None,
        )
        try:
            enrol(vault, server, code, progress, device_name=device_name)
        except BaseException:
            vault.close()
            vault.forget_device_secret()
            raise
    except BaseException:
        if not was_used:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return vault


def first_pull(vault: Vault, progress: Callable[[SyncProgress], None] | None = None) -> SyncReport:
    """Sync a vault in the laptop's own name; the first time, this fetches everything."""
    ws = vault.system_workspace()
    transport = open_transport(ws)
    try:
        report = SyncClient(ws, transport, progress).run()
        keep_authority_key(vault, ws, transport.authority)
        return report
    finally:
        transport.close()


def _register(vault: Vault, server: str, code: str, device_name: str) -> None:
    ws = vault.system_workspace()
    with ws.read() as session:
        device = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).one()
    signer = Signer(device.private_key)
    year = vault.time.today().year
    request = trust_protocol.EnrolRequest(
        code=code,
        device_id=device.device_id,
        device_name=device_name,
        public_key=signer.public_key,
        proof=signer.sign(trust_protocol.enrolment_statement(code, device.device_id, signer.public_key)),
        year=year,
        vault=vault.vault_id,
    )
    transport = HttpTransport(server)
    try:
        answer = transport.call("/enrolment", request, trust_protocol.EnrolAnswer, open_to_all=True)
    except NotLetIn as fault:
        raise UserError(fault.message, "code") from fault
    finally:
        transport.close()
    user_id = _keep_person(ws, answer.user)
    with ws.local_session() as session:
        facts.put(session, facts.SERVER, checked_address(server))
        facts.put(session, facts.SERVER_KEY, answer.server_key)
    keep_lease(ws, answer.lease, year)
    vault.set_user(user_id)
    keep_authority_key(vault, ws, answer.authority)


def _keep_person(ws: Workspace, user: dict[str, Any]) -> str:
    """Keep the person's own record at once, so that the laptop can be used before the first pull ends."""
    try:
        with ws.apply_session() as session:
            connection = session.connection()
            if not writing.existing(connection, User.__tablename__, [user["id"]]):
                writing.insert_wire(connection, User.__tablename__, [{**wire_defaults("user"), **user}])
    except (ShapeError, KeyError, AttributeError) as error:
        raise nonsense() from error
    return str(user["id"])
