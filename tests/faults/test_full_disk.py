"""A disk that is really full, and one that is read-only: a small file system of our own, where we may mount one."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Specimen
from tests.faults.limited import Helper
from tests.faults.test_flipped_byte import same_work
from tests.faults.test_write_errors import LONG, holds, told
from tests.faults.truth import SPOKEN, open_or_rebuild, truth_of


class Disk:
    """A file system in memory with a size that can be changed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()

    def mount(self, kilobytes: int) -> bool:
        """Mount it; return whether this account may."""
        return self._run("-t", "tmpfs", "-o", f"size={kilobytes}k", "rollcall-test")

    def change(self, options: str) -> None:
        """Give it other options."""
        assert self._run("-o", f"remount,{options}")

    def fill(self, *, leave: int) -> None:
        """Write until only so many bytes are left."""
        free = os.statvfs(self.place)
        size = free.f_bavail * free.f_frsize - leave
        with (self.place / "ballast").open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, size)

    def _run(self, *words: str) -> bool:
        done = subprocess.run(["mount", *words, str(self.place)], capture_output=True, check=False)
        return done.returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a file system; write errors of the same kind are tested without one")
    it = Disk(tmp_path / "disk")
    if not it.mount(64_000):
        pytest.skip("this machine does not let a file system be mounted, as in a container")
    yield it
    subprocess.run(["umount", "-l", str(it.place)], check=True)


@pytest.fixture(scope="module")
def helper() -> Iterator[Helper]:
    it = Helper()
    yield it
    it.close()


def moved(it: Specimen, disk: Disk) -> Specimen:
    """Put a specimen's folder on the disk."""
    folder = disk.place / "vault"
    shutil.copytree(it.folder, folder)
    (folder / "reserve").unlink(missing_ok=True)
    return Specimen(folder, it.truth, it.time)


@pytest.mark.parametrize("left", [0, 5_000, 150_000, 900_000] if LONG else [150_000, 900_000])
@pytest.mark.parametrize("work", ["save", "back up", "rotate", "restore", "change passphrase"])
def test_full_in_the_middle_of(
    work: str, left: int, disk: Disk, specimen: Callable[..., Specimen], helper: Helper
) -> None:
    it = moved(specimen(), disk)
    disk.fill(leave=left)
    outcome = helper.run(work, it.folder, it.time.now(), 0)
    told(outcome)
    (disk.place / "ballast").unlink()
    if work == "change passphrase" and outcome.done:
        return  # it fitted; what it did is tested elsewhere
    vault, report = open_or_rebuild(it.folder, it.time)
    try:
        assert report is None  # a full disk damages nothing
        holds(vault, outcome)
        if work != "save":
            same_work(truth_of(vault), it.truth)
    finally:
        vault.close()
    assert helper.run("save", it.folder, it.time.now(), 0, times=2).done


@pytest.mark.parametrize("left", [0, 300_000, 1_200_000])
def test_full_in_the_middle_of_a_rebuild(
    left: int, disk: Disk, specimen: Callable[..., Specimen], helper: Helper
) -> None:
    it = moved(specimen(), disk)
    (it.folder / "cases.db").write_bytes(b"gone")
    disk.fill(leave=left)
    outcome = helper.run("rebuild", it.folder, it.time.now(), 0)
    told(outcome)
    assert outcome.done or "Make room" in outcome.said
    (disk.place / "ballast").unlink()
    vault, _ = open_or_rebuild(it.folder, it.time)
    try:
        same_work(truth_of(vault), it.truth)
    finally:
        vault.close()


def test_read_only_is_said_and_nothing_is_lost(disk: Disk, specimen: Callable[..., Specimen], helper: Helper) -> None:
    it = moved(specimen(), disk)
    disk.change("ro")
    for work in ("save", "back up", "rotate", "restore", "open", "change passphrase"):
        outcome = helper.run(work, it.folder, it.time.now(), 0)
        assert outcome.said, work
        assert not outcome.trace, outcome.trace
    disk.change("rw")
    vault, report = open_or_rebuild(it.folder, it.time)
    try:
        assert report is None
        same_work(truth_of(vault), it.truth)
    finally:
        vault.close()


def test_read_only_with_a_damaged_database_is_said_too(disk: Disk, specimen: Callable[..., Specimen]) -> None:
    it = moved(specimen(), disk)
    (it.folder / "cases.db").write_bytes(b"gone")
    disk.change("ro")
    with pytest.raises(SPOKEN, match="Nothing was changed|did not let"):
        open_or_rebuild(it.folder, it.time)
    disk.change("rw")
    vault, report = open_or_rebuild(it.folder, it.time)
    try:
        assert report is not None
        same_work(truth_of(vault), it.truth)
    finally:
        vault.close()
