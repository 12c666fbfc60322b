"""Fixtures shared by every test: a frozen clock and real encrypted vaults with obviously fictional people."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.ids import new_id
from app.models import Authority, ReferenceLease, Team, User
from app.models.terms import Role
from app.services.vault import Vault, create_vault, migrate, reserve
from app.services.vault.keys import KdfParameters
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests import quick_schema

pytest_plugins = ["tests.fixtures_central"]

reserve.SIZE = 256 * 1024
"""Hundreds of test vaults need no 64 MiB each; the reserve has its own test."""

PASSPHRASE = "seven blue kettles sing"
QUICK = KdfParameters(memory_kib=1024, passes=1, lanes=1)
"""Key derivation that takes no time; the real parameters have their own test."""


@pytest.fixture(scope="session", autouse=True)
def settings_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep this account's own settings, and what is kept beside them, out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLCALL_SETTINGS", str(tmp_path_factory.mktemp("settings") / "settings.json"))
        yield


@pytest.fixture(scope="session", autouse=True)
def tables_from_a_recording() -> Iterator[None]:
    """Make the tables of every vault but a process's first from what its migrations left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "bring_up_to_date", quick_schema.bring_up_to_date)
        yield


@pytest.fixture
def frozen_time() -> FrozenTime:
    """Tuesday 17 November 2026, 09:00 in London."""
    return FrozenTime(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))


@pytest.fixture
def make_vault(tmp_path: Path, frozen_time: FrozenTime) -> Iterator[Callable[..., Vault]]:
    """Make real vaults with one person each; closed at the end of the test."""
    made: list[Vault] = []

    def make(
        name: str = "vault", *, role: Role = Role.CASEWORKER, person: str = "Dawn Ellery", lease: int = 1
    ) -> Vault:
        vault = create_vault(tmp_path / name, PASSPHRASE, time=frozen_time, label="Test laptop", kdf=QUICK)
        vault.add_device("Test laptop")
        with vault.system_workspace().write("Set up") as session:
            team = Team(id=new_id(), name="West team")
            user = User(
                id=new_id(),
                username=f"{person.split()[0].lower()}-{name}",
                name=person,
                role=role,
                team_id=team.id,
                job_title="Children Missing Education officer",
                phone="01632 960144",
                email="cme@marlshire.example",
            )
            session.add_all([team, user])
            session.add(
                Authority(
                    name="Marlshire County Council",
                    service_name="Children's Services",
                    la_code="999",
                    office_address="County Offices\nAldermere\nMH1 1AA",
                    phone="01632 960144",
                    email="cme@marlshire.example",
                    privacy_notice_link="marlshire.example/cme-privacy",
                )
            )
            if lease:
                session.add(ReferenceLease(year=2026, first=lease, last=lease + 99, next=lease))
            user_id = user.id
        vault.set_user(user_id)
        made.append(vault)
        return vault

    yield make
    for vault in made:
        vault.close()


@pytest.fixture
def vault(make_vault: Callable[..., Vault]) -> Vault:
    """A caseworker's vault."""
    return make_vault()


@pytest.fixture
def workspace(vault: Vault) -> Workspace:
    """A caseworker's workspace on a real vault."""
    return vault.workspace()


@pytest.fixture
def supervisor_workspace(make_vault: Callable[..., Vault]) -> Workspace:
    """A supervisor's workspace on a real vault of their own."""
    return make_vault("supervisor", role=Role.SUPERVISOR, person="Ruth Okonjo", lease=500).workspace()
