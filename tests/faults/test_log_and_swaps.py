"""Logs that are cut or changed, files that are another vault's, a copied vault, and a rebuild that is killed."""

import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import EnvironmentFault, UserError
from app.services import cases
from app.services.rescue.rebuild import rebuild
from app.services.vault import create_vault, unlock, unlock_with_recovery
from app.services.vault.recovery_key import RecoveryKey
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE, QUICK
from tests.faults.conftest import Specimen
from tests.faults.make import make_vault_at
from tests.faults.page_map import flip
from tests.faults.test_flipped_byte import LONG, same_work
from tests.faults.truth import Truth, fill, open_or_rebuild, truth_of, work_on
from tests.services.vault.boxes import BoxKeyring

FRAME = 24 + 4096


def crashed(it: Specimen, case_words: str = "Rang the neighbour.") -> Truth:
    """Do more work and leave the folder as a process that was killed leaves it, with its logs."""
    vault = unlock(it.folder, PASSPHRASE, time=it.time).open()
    with vault.workspace().read() as session:
        from sqlalchemy import select

        from app.models import Case

        case_id = session.scalars(select(Case.id)).first() or ""
    for number in range(6):
        cases.add_note(vault.workspace(), case_id, text=f"{case_words} {number}")
    work_on(vault, case_id)
    truth = truth_of(vault)
    kept = it.folder.with_name(f"{it.folder.name}-killed")
    shutil.copytree(it.folder, kept)
    vault.close()
    it.folder = kept
    return truth


CUTS = [0, 10, 32, 32 + 11, 32 + FRAME, 32 + 5 * FRAME + 2000, 32 + 9 * FRAME]


@pytest.mark.parametrize("name", ["cases.db-wal", "documents.db-wal"])
@pytest.mark.parametrize("cut", CUTS if LONG else CUTS[1::2])
def test_a_log_that_is_cut_short_loses_nothing_that_was_reported(
    name: str, cut: int, specimen: Callable[..., Specimen]
) -> None:
    it = specimen()
    truth = crashed(it)
    path = it.folder / name
    if name == "documents.db-wal":
        assert path.stat().st_size == 0  # what was kept is in the file already: there is nothing to lose
    else:
        assert path.stat().st_size > 10 * FRAME
    os.truncate(path, cut)
    everything_is_there(it, truth)


@pytest.mark.parametrize("name", ["cases.db-wal", "cases.db-shm", "documents.db-shm"])
def test_a_byte_flipped_in_a_log(name: str, specimen: Callable[..., Specimen]) -> None:
    for place in (5, 20, 32 + 3, 32 + 24 + 50, 32 + 3 * FRAME + 2000) if LONG else (20, 32 + 3 * FRAME + 2000):
        it = specimen()
        truth = crashed(it)
        flip(it.folder / name, place, 0x40)
        everything_is_there(it, truth)


def everything_is_there(it: Specimen, truth: Truth) -> None:
    vault, report = open_or_rebuild(it.folder, it.time)
    try:
        same_work(truth_of(vault), truth)
        assert report is None or not report.losses
    finally:
        vault.close()


def test_an_old_copy_of_cases_db_put_back_alone_is_made_good_from_the_lifeboat(
    specimen: Callable[..., Specimen],
) -> None:
    it = specimen()
    shutil.copyfile(it.folder / "cases.db", it.folder.with_name("old.db"))
    truth = crashed(it)
    for tail in ("-wal", "-shm"):
        (it.folder / f"cases.db{tail}").unlink()
    shutil.copyfile(it.folder.with_name("old.db"), it.folder / "cases.db")
    vault, report = open_or_rebuild(it.folder, it.time)
    try:
        assert report is None
        assert vault.lifeboat.caught_up is not None
        assert vault.lifeboat.caught_up.redone >= 6  # said in the audit chain too
        same_work(truth_of(vault), truth)
    finally:
        vault.close()


@pytest.fixture
def other(tmp_path: Path, frozen_time: FrozenTime) -> Path:
    vault = make_vault_at(tmp_path / "other", frozen_time)
    fill(vault, children=5)
    vault.close()
    return vault.folder


@pytest.mark.parametrize("name", ["cases.db", "documents.db", "lifeboat.log"])
def test_a_file_of_another_vault_is_set_aside_and_ours_comes_back(
    name: str, other: Path, specimen: Callable[..., Specimen]
) -> None:
    it = specimen()
    shutil.copyfile(other / name, it.folder / name)
    theirs = (other / name).read_bytes()
    vault, report = open_or_rebuild(it.folder, it.time)
    try:
        found = truth_of(vault)
        if name == "cases.db":
            assert report is not None
            same_work(found, it.truth)
        else:
            assert found.rows == it.truth.rows
        if name == "documents.db":  # what no backup had and was never sent is named
            assert report is not None
            assert len(report.lost_documents) == len(it.truth.contents - found.contents) == 1
        kept = [path for path in (it.folder / "set-aside").rglob("*") if path.is_file()]
        assert theirs in [path.read_bytes() for path in kept]
    finally:
        vault.close()


def test_vault_json_of_another_vault_opens_nothing_and_touches_nothing(
    other: Path, specimen: Callable[..., Specimen]
) -> None:
    it = specimen()
    kept = {path.name: path.read_bytes() for path in it.folder.iterdir() if path.suffix in (".db", ".log")}
    for name in ("vault.json", "vault-copy.json"):
        shutil.copyfile(other / name, it.folder / name)
    unlocked = unlock(it.folder, PASSPHRASE, time=it.time)  # both have the same passphrase
    report = rebuild(unlocked)
    set_aside = {
        path.name: path.read_bytes() for path in (it.folder / "set-aside").rglob("*") if path.suffix in (".db", ".log")
    }
    assert report.enrol_again
    for name, content in kept.items():
        assert set_aside.get(name) == content, name


def test_a_copied_vault_opens_on_another_machine_with_the_recovery_key_only(
    tmp_path: Path, frozen_time: FrozenTime
) -> None:
    box, recovery = BoxKeyring(), RecoveryKey.new()
    vault = create_vault(tmp_path / "here", PASSPHRASE, time=frozen_time, keyring=box, kdf=QUICK, recovery=recovery)
    vault.add_device("Here")
    vault.close()
    shutil.copytree(vault.folder, tmp_path / "there")
    with pytest.raises(EnvironmentFault, match="keyring"):
        unlock(tmp_path / "there", PASSPHRASE, time=frozen_time, keyring=BoxKeyring())
    strange = BoxKeyring()
    strange.kept = {key: "AAAA" * 11 for key in box.kept}
    with pytest.raises((UserError, EnvironmentFault)):
        unlock(tmp_path / "there", PASSPHRASE, time=frozen_time, keyring=strange)
    with pytest.raises(UserError):
        unlock_with_recovery(tmp_path / "there", RecoveryKey.new().text, time=frozen_time)
    opened = unlock_with_recovery(tmp_path / "there", recovery.text, time=frozen_time).open()
    assert opened.device_id is not None
    opened.close()
    # Damaged as well: the same keys rebuild it there.
    (tmp_path / "there" / "cases.db").write_bytes(b"")
    report = rebuild(unlock_with_recovery(tmp_path / "there", recovery.text, time=frozen_time))
    assert report.sources[-1].kind == "lifeboat"


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signal here")
def test_a_rebuild_that_is_killed_is_taken_up_by_the_next_unlocking(specimen: Callable[..., Specimen]) -> None:
    chance = random.Random(7)
    for _ in range(40 if LONG else 3):
        it = specimen()
        (it.folder / "cases.db").write_bytes(b"gone")
        content = bytearray((it.folder / "documents.db").read_bytes())
        content[40_000:41_000] = bytes(1000)
        (it.folder / "documents.db").write_bytes(content)
        unlocked = unlock(it.folder, PASSPHRASE, time=it.time)
        child = os.fork()
        if child == 0:
            _rebuild_and_leave(unlocked)
        _kill_after(child, chance.uniform(0.005, 0.5))
        vault, _ = open_or_rebuild(it.folder, it.time)
        try:
            same_work(truth_of(vault), it.truth)
            left = [path.name for path in it.folder.iterdir() if "rebuil" in path.name or "salvage" in path.name]
            assert not left
        finally:
            vault.close()


def _rebuild_and_leave(unlocked: Any) -> None:
    try:
        rebuild(unlocked)
    finally:
        os._exit(0)


def _kill_after(child: int, seconds: float) -> None:
    import time

    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
