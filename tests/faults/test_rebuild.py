"""Files that are missing, emptied, cut short, foreign or beyond mending are rebuilt, with a true report."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.services.rescue.report import last_report
from app.services.vault import pages
from tests.faults.conftest import Specimen
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


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("backup", [True, False], ids=["backup", "no backup"])
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
