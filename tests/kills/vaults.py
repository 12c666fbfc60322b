"""The vault that every run starts from, and opening it."""

from datetime import UTC, datetime
from pathlib import Path

from app.services.vault import Vault, open_vault, reserve
from app.services.vault.database import open_engine
from app.services.vault.migrate import bring_up_to_date
from app.timesource import FrozenTime
from tests.bench.vaults import PASSPHRASE, workspace
from tests.services.casework import open_isla

CASES = 6
reserve.SIZE = 256 * 1024


def make_template(folder: Path, empty: Path) -> list[str]:
    """Make a vault with a few cases, every row of which went through change capture; return the cases' ids.

    Args:
        folder: where.
        empty: where an empty database under the same key goes, for lifeboats to be replayed into.
    """
    ws, vault = workspace(folder)
    made = [open_isla(ws) for _ in range(CASES)]
    engine = open_engine(empty, vault.keys.cases, create=True)
    bring_up_to_date(engine, "vault")
    engine.dispose()
    vault.close()
    return made


def clock(seconds: int = 0) -> FrozenTime:
    """Return a clock that the run moves on itself."""
    time = FrozenTime(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))
    time.advance(seconds=seconds)
    return time


def opened(folder: Path, time: FrozenTime) -> Vault:
    """Open a vault by its passphrase, as a person does."""
    return open_vault(folder, PASSPHRASE, time=time)
