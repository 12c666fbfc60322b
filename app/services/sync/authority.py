"""Sealing a vault to the authority's public key, as the central store tells it at enrolment and at each session.

Whoever could put another key in its place could read every laptop's records later. So nothing is sealed to a key
unless the central store's own key, which this laptop has known since enrolment, signed it; and a laptop that has
sealed to one never goes back to an earlier one.
"""

from typing import TYPE_CHECKING

from app.logs import get_logger
from app.services.signing import verified
from app.services.sync import facts, trust_protocol
from app.services.vault.authority_wrap import is_public_key
from app.services.workspace import Workspace

if TYPE_CHECKING:
    from app.services.vault import Vault


def keep_authority_key(vault: "Vault", ws: Workspace, notice: trust_protocol.AuthorityNotice | None) -> bool:
    """Seal a vault's keys to the authority's key, when it is a good one and newer than what the vault has.

    A notice that is not good changes nothing and stops nothing: it is logged, and the sync goes on.

    Args:
        vault: open.
        ws: a workspace on it.
        notice: as it arrived; None from a central store without such a key.

    Returns:
        Whether the vault was sealed now.
    """
    if notice is None:
        return False
    with ws.read() as session:
        server_key = facts.get(session, facts.SERVER_KEY) or ""
        serial, _, known = (facts.get(session, facts.AUTHORITY_KEY) or "0:").partition(":")
    told = notice.public_key.hex()
    if not is_good(notice, server_key):
        get_logger().warning("authority key not signed by the central store")
        return False
    if notice.serial < int(serial) or (notice.serial == int(serial) and told != known):
        get_logger().warning("authority key older than the one in use", revision=notice.serial)
        return False
    if told == known and vault.authority_key == notice.public_key:
        return False
    from app.services.protection import seal_for_authority

    # The vault first: if this is cut off before the key is noted, the next session does both again.
    seal_for_authority(vault, ws, notice.public_key)
    with ws.local_session() as session:
        facts.put(session, facts.AUTHORITY_KEY, f"{notice.serial}:{told}")
    get_logger().info("sealed for the authority", revision=notice.serial)
    return True


def is_good(notice: trust_protocol.AuthorityNotice, server_key: str) -> bool:
    """Return whether a notice is a usable public key that the central store signed."""
    statement = trust_protocol.authority_statement(notice.serial, notice.public_key)
    return notice.serial > 0 and is_public_key(notice.public_key) and verified(server_key, statement, notice.signature)
