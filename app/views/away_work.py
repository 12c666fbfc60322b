"""What the page for a laptop that was away too long does, off the window's thread."""

from typing import TYPE_CHECKING

from app.errors import UserError

if TYPE_CHECKING:
    from app.services.vault import Unlocked, Vault
    from app.services.workspace import Workspace
    from app.views.opening import Opened

_SIGN_IN_FIRST = "sign-in-needed"
"""The central store knows this laptop and asks its person to sign in: that is what comes next anyway."""


class LaptopEnded(UserError):
    """This laptop may not be used any more; what it had not sent is with the team, and its keys are gone."""


def reach(unlocked: "Unlocked", held: "Vault | None" = None) -> tuple["Vault", "Workspace"]:
    """Open the vault behind the page and prove this laptop to the central store.

    Args:
        unlocked: the keys.
        held: the vault, where an earlier try opened it.

    Raises:
        LaptopEnded: it may not be used any more; the vault is gone.
        CentralUnreachable: no connection; the vault is closed again.
    """
    from app.services import offline_gate
    from app.services.sync.faults import NotLetIn

    vault = held or unlocked.open()
    try:
        ws = vault.workspace()
        try:
            offline_gate.prove(ws)
        except NotLetIn as fault:
            if fault.code != _SIGN_IN_FIRST:
                end_when_told(vault, ws, fault)
                raise
    except BaseException:
        vault.close()
        raise
    return vault, ws


def let_in(vault: "Vault", ws: "Workspace") -> "Opened":
    """Return the opened vault, once its person has just signed in.

    Raises:
        As :func:`app.services.offline_gate.let_in`; the vault stays as it is, behind the page.
    """
    from app.services import offline_gate
    from app.views.opening import Opened, start_sync

    offline_gate.let_in(ws)
    return Opened(vault, ws, start_sync(vault, ws))


def end_when_told(vault: "Vault", ws: "Workspace", fault: Exception) -> None:
    """End a vault whose laptop was turned away for good, once everything of it is handed in.

    Raises:
        LaptopEnded: it was ended.
    """
    from app.services import safekeeping
    from app.services.sync import revocation
    from app.services.sync.faults import NotLetIn

    words = revocation.words_when_ended(ws, fault) if isinstance(fault, NotLetIn) else ""
    if words:
        revocation.end(vault, safekeeping.second_folders())
        raise LaptopEnded(words)
