"""A copy of the demonstration to walk through, so that walking never changes what the next start opens."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from app.central import embedded
from app.central.embedded import RunningCentral
from app.demo.laptops import LAPTOPS, PASSPHRASE
from app.demo.state import Demonstration
from app.services.sync import facts
from app.services.vault import open_vault
from app.timesource import SystemTime

_DATABASE = "walk"


@dataclass(slots=True)
class Copy:
    """Both vaults and a central store of their own.

    Attributes:
        central: running, or stopped while the network is cut.
    """

    dawn: Path
    ruth: Path
    dsn: str
    central: RunningCentral

    def cut(self) -> None:
        """Cut the network: nothing answers at the central store's address."""
        self.central.stop()

    def restore(self) -> None:
        """Let the central store answer again, at the same address."""
        self.central = embedded.serve_in_thread(self.dsn, port=self.central.port)


def copy(demonstration: Demonstration, folder: Path) -> Copy:
    """Copy a demonstration; its own central store is stopped and not started again.

    Args:
        demonstration: ready.
        folder: for the copied vaults; emptied first.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    demonstration.central.stop()
    dsn = _copy_database(demonstration.central.dsn)
    central = embedded.serve_in_thread(dsn)
    made = {}
    for key in LAPTOPS:
        made[key] = folder / key
        shutil.copytree(demonstration.folder / key, made[key])
        vault = open_vault(made[key], PASSPHRASE, time=SystemTime())
        try:
            with vault.system_workspace().local_session() as session:
                facts.put(session, facts.SERVER, central.url)
        finally:
            vault.close()
    return Copy(made["dawn"], made["ruth"], dsn, central)


def _copy_database(dsn: str) -> str:
    """Copy the central store's database beside it and return the copy's DSN."""
    import psycopg
    from psycopg import sql

    parts = urlsplit(dsn)
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as connection:
        name = sql.Identifier(_DATABASE)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        original = sql.Identifier(parts.path.removeprefix("/"))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, original))
    return urlunsplit(parts._replace(path=f"/{_DATABASE}"))
