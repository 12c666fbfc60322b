"""Vaults with the demonstration authority in them: filled once in a run of the tests, copied for each test."""

import shutil
import tempfile
from atexit import register
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from app.demo.people import populate
from app.demo.world import World
from app.ids import new_id
from app.models import Team, User
from app.models.terms import Role
from app.services.vault import Vault, create_vault, open_vault
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE, QUICK


@cache
def _template(everyone: bool) -> tuple[Path, World]:
    """Fill a vault of Ruth Okonjo's, on Tuesday 17 November 2026 at 09:00, and return its folder."""
    folder = Path(tempfile.mkdtemp(prefix="marlshire-"))
    register(shutil.rmtree, folder, ignore_errors=True)
    clock = FrozenTime(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))
    vault = create_vault(folder / "vault", PASSPHRASE, time=clock, label="Test laptop", kdf=QUICK)
    vault.add_device("Test laptop")
    with vault.system_workspace().write("Set up") as session:
        team, user_id = Team(id=new_id(), name="West team"), new_id()
        session.add(team)
        session.add(User(id=user_id, username="ruth.okonjo", name="Ruth Okonjo", role=Role.SUPERVISOR, team_id=team.id))
    vault.set_user(user_id)
    world = populate(vault.workspace(), everyone=everyone)
    vault.close()
    return folder / "vault", world


def open_copy(folder: Path, clock: FrozenTime, *, everyone: bool = False) -> tuple[Vault, Workspace, World]:
    """Return an opened copy of a filled vault, its supervisor's workspace, and the ids of what is in it."""
    template, world = _template(everyone)
    shutil.copytree(template, folder)
    vault = open_vault(folder, PASSPHRASE, time=clock)
    return vault, vault.workspace(), replace(world)
