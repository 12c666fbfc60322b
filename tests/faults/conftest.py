"""A worked-in vault, made once and copied for every fault."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.timesource import FrozenTime
from tests.faults.truth import Truth, back_up_now, fill, truth_of, work_on


@dataclass
class Specimen:
    """A closed vault's folder and what was committed in it."""

    folder: Path
    truth: Truth
    time: FrozenTime


@pytest.fixture(scope="session")
def _original(tmp_path_factory: pytest.TempPathFactory) -> Specimen:
    from tests.faults.make import make_vault_at

    time = FrozenTime(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))
    vault = make_vault_at(tmp_path_factory.mktemp("original") / "vault", time)
    case_id = fill(vault)
    back_up_now(vault)
    time.advance(minutes=30)
    work_on(vault, case_id)
    truth = truth_of(vault)
    folder = vault.folder
    vault.close()
    return Specimen(folder, truth, time)


@pytest.fixture
def specimen(_original: Specimen, tmp_path: Path) -> Callable[..., Specimen]:
    """Copy the original: with its backup or without."""
    count = 0

    def copy(*, backup: bool = True) -> Specimen:
        nonlocal count
        count += 1
        folder = tmp_path / f"copy-{count}"
        shutil.copytree(_original.folder, folder)
        if not backup:
            shutil.rmtree(folder / "backups")
        time = FrozenTime(_original.time.now())
        return Specimen(folder, _original.truth, time)

    return copy
