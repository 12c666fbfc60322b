"""The way from a vault to its central store: the one place that turns an enrolled vault into a transport."""

from sqlalchemy import select

from app.errors import UserError
from app.models import DeviceKey
from app.services.access import Permission, require
from app.services.signing import Signer
from app.services.sync import facts
from app.services.sync.transport import HttpTransport
from app.services.vault import vault_file
from app.services.workspace import Workspace


def open_transport(ws: Workspace) -> HttpTransport:
    """Return a transport to the central store this vault is enrolled with.

    Raises:
        UserError: it is not enrolled.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        server = facts.get(session, facts.SERVER)
        key = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).first()
    if server is None or key is None:
        raise UserError("This laptop is not enrolled with a central store. Enrol it with the code you were given.")
    vault_id = vault_file.candidates(ws.folder)[0].header.vault
    return HttpTransport(server, device_id=key.device_id, signer=Signer(key.private_key), vault_id=vault_id)


def enrolled(ws: Workspace) -> bool:
    """Return whether this vault has a central store."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        return facts.get(session, facts.SERVER) is not None
