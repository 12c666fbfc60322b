"""Files that are missing, emptied, cut short, foreign or beyond mending are rebuilt, with a true report."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.services.backup.second import second_place
from app.services.rescue.rebuild import rebuild
from app.services.rescue.report import last_report
from app.services.vault import pages, unlock
from tests.conftest import PASSPHRASE
from tests.faults.conftest import Specimen
from tests.faults.test_flipped_byte import LONG
from tests.faults.truth import open_or_rebuild, truth_of

PAGE = pages.PAGE


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def keep_one_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:PAGE])


def cut_in_a_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: PAGE * 9 + 1000])


def cut_at_a_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: -PAGE * 3])


def zero_a_sector(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[PAGE * 5 : PAGE * 5 + 512] = bytes(512)
    path.write_bytes(content)


def scramble_half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(bytes(byte ^ 0xA5 for byte in content[: len(content) // 2]) + content[len(content) // 2 :])


def garbage(path: Path) -> None:
    path.write_bytes(b"not a database " * 1000)


DAMAGES = [remove, empty, keep_one_page, cut_in_a_page, cut_at_a_page, zero_a_sector, scramble_half, garbage]


@pytest.mark.parametrize(
    ("damage", "backup"),
    [(damage, True) for damage in DAMAGES] + [(damage, False) for damage in (DAMAGES if LONG else DAMAGES[::3])],
)
def test_a_lost_cases_db_comes_back_whole(
    damage: Callable[[Path], None], backup: bool, specimen: Callable[..., Specimen]
) -> None:
    it = specimen(backup=backup)
    damage(it.folder / "cases.db")
    left = (it.folder / "cases.db").read_bytes() if (it.folder / "cases.db").exists() else None
    vault, report = open_or_rebuild(it.folder, it.time)
    try:
        assert report is not None
        found = truth_of(vault)
        assert found.rows == it.truth.rows
        assert found.sets == it.truth.sets
        assert found.drafts == it.truth.drafts
        assert found.numbers == it.truth.numbers
        assert found.contents == it.truth.contents
        assert found.head[0] == it.truth.head[0] + 1  # the rebuild itself
        assert not report.losses
        assert [source.kind for source in report.sources] == ["backup" if backup else "new", "lifeboat"]
        assert last_report(vault.engine) == report
    finally:
        vault.close()
    kept = it.folder / "set-aside" / report.set_aside / "cases.db"
    assert (kept.read_bytes() if kept.exists() else None) == left


def test_a_second_copy_in_another_folder_counts_when_the_first_is_gone(
    specimen: Callable[..., Specimen], tmp_path: Path
) -> None:
    it = specimen()
    unlocked = unlock(it.folder, PASSPHRASE, time=it.time)
    there = second_place(tmp_path / "share", unlocked.file.header.vault)
    there.parent.mkdir(parents=True)
    (it.folder / "backups").rename(there)
    (it.folder / "cases.db").unlink()
    report = rebuild(unlocked, second=tmp_path / "share")
    assert report.sources[0].kind == "backup"
    vault = unlocked.open()
    try:
        assert truth_of(vault).rows == it.truth.rows
    finally:
        vault.close()


def test_a_share_that_is_not_reached_keeps_nobody_waiting(specimen: Callable[..., Specimen], tmp_path: Path) -> None:
    it = specimen()
    (it.folder / "cases.db").unlink()
    report = rebuild(unlock(it.folder, PASSPHRASE, time=it.time), second=tmp_path / "not there")
    assert report.sources[0].kind == "backup"
