"""A vault of one fictional caseworker at a chosen place."""

from pathlib import Path

from app.ids import new_id
from app.models import ReferenceLease, Team, User
from app.models.terms import Role
from app.services.vault import Vault, create_vault
from app.timesource import TimeSource
from tests.conftest import PASSPHRASE, QUICK


def make_vault_at(folder: Path, time: TimeSource) -> Vault:
    """Make it."""
    vault = create_vault(folder, PASSPHRASE, time=time, label="Test laptop", kdf=QUICK)
    vault.add_device("Test laptop")
    with vault.system_workspace().write("Set up") as session:
        team = Team(id=new_id(), name="West team")
        user = User(id=new_id(), username="dawn", name="Dawn Ellery", role=Role.CASEWORKER, team_id=team.id)
        session.add_all([team, user])
        session.add(ReferenceLease(year=2026, first=1, last=100, next=1))
        user_id = user.id
    vault.set_user(user_id)
    return vault
