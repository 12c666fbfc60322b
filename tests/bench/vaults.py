"""Vaults for benchmarks: real ones, with a quick key derivation, since that part is not measured."""

from datetime import UTC, datetime
from pathlib import Path

from app.ids import new_id
from app.models import ReferenceLease, Team, User
from app.models.terms import Role
from app.services.vault import Vault, create_vault, open_vault
from app.services.vault.keys import KdfParameters
from app.services.workspace import Workspace
from app.timesource import FrozenTime

PASSPHRASE = "seven blue kettles sing"
QUICK = KdfParameters(memory_kib=1024, passes=1, lanes=1)
CLOCK = FrozenTime(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))


def workspace(folder: Path) -> tuple[Workspace, Vault]:
    """Return a caseworker's workspace on a new vault."""
    vault = create_vault(folder, PASSPHRASE, time=CLOCK, label="Bench", kdf=QUICK)
    vault.add_device("Bench")
    team, user = new_id(), new_id()
    with vault.system_workspace().write("Set up") as session:
        session.add(Team(id=team, name="Bench"))
        session.add(User(id=user, username="dawn", name="Dawn Ellery", role=Role.CASEWORKER, team_id=team))
        session.add(ReferenceLease(year=2026, first=1, last=99_999, next=1))
    vault.set_user(user)
    return vault.workspace(), vault


def reopen(folder: Path) -> Vault:
    """Open an existing vault, as after the passphrase was typed."""
    return open_vault(folder, PASSPHRASE, time=CLOCK)
