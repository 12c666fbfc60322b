"""What every schedule starts from: a central store with two teams and some cases, and vaults that are enrolled there.

Made once in a run, in memory where the system has such a place; each worker copies it.
"""

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from sqlalchemy import select

from app.central.database import bring_up_to_date, open_engine
from app.central.embedded import database_dsn, serve_in_thread, start_postgres
from app.models import Address, Case, Child, DeviceKey, Person, Relationship, Task
from app.models.terms import RelationshipKind
from app.services.cases import open_case_in
from app.services.sync import enrolment
from app.services.sync.client import SyncClient
from app.services.sync.faults import CentralUnreachable
from app.services.vault.keys import KdfParameters
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.sync.chaos.determinism import deterministic

PASSPHRASE = "seven blue kettles sing"
STARTS_AT = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)
DATABASE = "chaos_template"
QUICK = KdfParameters(memory_kib=1024, passes=1, lanes=1)
PEOPLE = {
    "dawn": ("Dawn Ellery", "caseworker", "West team"),
    "ruth": ("Ruth Okonjo", "supervisor", "West team"),
    "omar": ("Omar Bisset", "caseworker", "East team"),
    "lena": ("Lena Fairholm", "supervisor", "East team"),
    "ada": ("Ada Fenwick", "administrator", ""),
}
ROSTER = ("dawn", "ruth", "dawn-2", "omar", "lena")
"""Laptops that have everything; the second of Dawn is hers too."""
NEW = ("dawn-new", "ruth-new", "omar-new")
"""Laptops that are enrolled and have fetched nothing yet."""
SERVER = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # the harness clears away what it deleted between two schedules, not during one
    "jit": "off",
    "checkpoint_timeout": "'1h'",
    "max_wal_size": "'2GB'",
}
FAMILIES = (("Isla", "Merrow", "dawn"), ("Ezra", "Pallant", "dawn"), ("Wren", "Tarrow", "omar"))


@dataclass
class Template:
    """Where the template is, and who is in it."""

    folder: str
    server: str
    people: dict[str, str] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    seeds: dict[str, str] = field(default_factory=dict)
    """Of each laptop's key, by device: to open what was sealed for it."""

    def vault(self, name: str) -> Path:
        """Return the folder of a laptop's vault."""
        return Path(self.folder) / "vaults" / name

    @property
    def place(self) -> Path:
        """Where it is written down for other processes."""
        return Path(self.folder) / "template.json"

    def save(self) -> None:
        """Write it down."""
        self.place.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, place: Path) -> "Template":
        """Return what another process wrote down."""
        return cls(**json.loads(place.read_text()))


def memory_folder() -> Path | None:
    """Return where files cost no disk, if the system has such a place with room."""
    place = Path("/dev/shm")
    with suppress(OSError):
        if place.is_dir() and shutil.disk_usage(place).free > 2 << 30:
            return place
    return None


def start_server(folder: Path) -> Any:
    """Start the PostgreSQL of a run; nothing here waits for the disk (another test pulls the plug)."""
    server = start_postgres(folder / "postgres")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for name, value in SERVER.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        connection.execute("SELECT pg_reload_conf()")
    return server


def make_template(folder: Path, server: Any) -> Template:
    """Fill a database and make the vaults."""
    with deterministic() as ids:
        ids.start("template")
        dsn = database_dsn(server, DATABASE)
        engine = open_engine(dsn)
        bring_up_to_date(engine)
        engine.dispose()
        time = FrozenTime(STARTS_AT)
        template = Template(str(folder), server.get_uri())
        with serve_in_thread(dsn, time=time) as running:
            people = running.services.people
            people.ensure_authority("Marlshire County Council", la_code="999")
            for username, (name, role, team) in PEOPLE.items():
                template.people[username] = people.add_user(username, name, role, team)
            template.teams = {name: people.ensure_team(name) for name in ("West team", "East team")}
            for name in (*ROSTER, *NEW):
                _enrol(template, running, name, time)
            _fill(template, running, time)
        return template


def _enrol(template: Template, running: Any, name: str, time: FrozenTime) -> None:
    def cut_off(*_: object) -> None:
        raise CentralUnreachable("cut off")

    username = name.partition("-")[0]
    code = running.services.trust.make_code(template.people[username])
    with patch.object(enrolment, "first_pull", cut_off):
        vault = enrolment.create_and_enrol(
            template.vault(name), running.url, code, f"Laptop {name}", PASSPHRASE, time=time, kdf=QUICK
        )
    with vault.workspace().read() as session:
        key = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).one()
    template.seeds[key.device_id] = key.private_key.hex()
    vault.close()


def _fill(template: Template, running: Any, time: FrozenTime) -> None:
    from app.services.vault import open_vault

    vaults = {name: open_vault(template.vault(name), PASSPHRASE, time=time) for name in ROSTER}
    spaces = {name: vault.workspace() for name, vault in vaults.items()}
    for forename, surname, whose in FAMILIES:
        _family(spaces[whose], forename, surname, template.people[whose])
    for _ in range(2):
        for ws in spaces.values():
            transport = enrolment.open_transport(ws)
            SyncClient(ws, transport).run()
            transport.close()
    for vault in vaults.values():
        with vault.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        vault.close()


def _family(ws: Workspace, forename: str, surname: str, officer: str) -> None:
    with ws.write("Opened a case") as session:
        child = Child(forename=forename, surname=surname, born_on=date(2015, 1, 2))
        person = Person(forename="Morag", surname=surname)
        session.add_all([child, person])
        session.flush()
        case: Case = open_case_in(session, ws, child.id, reason="Not on roll", area="Aldermere", officer_id=officer)
        session.add_all(
            [
                Relationship(child_id=child.id, person_id=person.id, kind=RelationshipKind.MOTHER),
                Address(child_id=child.id, lines="1 Mill Lane", town="Aldermere", postcode="MA1 1AA"),
                *(Task(case_id=case.id, text=f"Task {number}") for number in range(3)),
            ]
        )
