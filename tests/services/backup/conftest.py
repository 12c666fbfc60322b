"""Vaults with something in them, and what a backup test asks of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.services import safekeeping
from app.services.backup.drill import Opening
from app.services.backup.listing import Backup
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.vault import Vault
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.services.casework import open_isla

BackUp = Callable[..., Backup]


@pytest.fixture
def kept(vault: Vault, workspace: Workspace) -> Vault:
    """A vault with a case and a document."""
    open_isla(workspace)
    workspace.documents.put(b"a scanned page " * 50_000, "application/pdf")
    return vault


@pytest.fixture
def back_up_now(kept: Vault, frozen_time: FrozenTime) -> BackUp:
    """Make a backup of the vault."""

    def make(reason: Reason = Reason.REQUESTED, **options: object) -> Backup:
        return back_up(kept.folder, kept.keys, kept.engine, time=frozen_time, reason=reason, **options)  # type: ignore[arg-type]  # passed on

    return make


@pytest.fixture
def opening(kept: Vault) -> Opening:
    return safekeeping.opening_for(lambda: kept.keys)


def contents(folder: Path) -> set[str]:
    """Return what a folder holds, without the file that only marks whose turn it is."""
    return {path.name for path in folder.iterdir()} - {".turn"}
