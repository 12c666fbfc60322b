"""One byte of a file has changed: it works, or says what happened, and everything committed is back."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.services.vault import unlock
from app.services.vault.pages import PAGE
from tests.conftest import PASSPHRASE
from tests.faults import page_map
from tests.faults.conftest import Specimen
from tests.faults.truth import SPOKEN, Truth, open_or_rebuild, truth_of

LONG = bool(os.environ.get("ROLLCALL_FAULTS"))
"""Set to anything for every region with three values each; the ordinary run takes every kind of page once."""
MASKS = (0x01, 0x80, 0xB6) if LONG else (0x01,)


def same_work(found: Truth, truth: Truth) -> None:
    """Everything committed is there; the audit chain may have gained what happened since."""
    assert found.rows == truth.rows
    assert found.sets == truth.sets
    assert found.drafts == truth.drafts
    assert found.numbers == truth.numbers
    assert found.contents == truth.contents
    assert found.head[0] >= truth.head[0]


def data_keys(it: Specimen) -> tuple[bytes, bytes]:
    keys = unlock(it.folder, PASSPHRASE, time=it.time).keys
    return keys.cases, keys.documents


@pytest.mark.parametrize("name", ["cases.db", "documents.db"])
@pytest.mark.parametrize(
    "backup", [True, False] if LONG else [False], ids=lambda backup: "backup" if backup else "none"
)
def test_in_every_region_of_every_kind_of_page(name: str, backup: bool, specimen: Callable[..., Specimen]) -> None:
    first = specimen(backup=backup)
    cases, documents = data_keys(first)
    path = first.folder / name
    found = list(page_map.places(path, cases if name == "cases.db" else documents))
    assert {"salt", "first: middle", "leaf table: code", "overflow: nonce"} <= {place for place, _ in found}
    if not LONG:  # each kind of page once, with another region each time, and the first page whole
        regions = itertools.cycle(page_map.REGIONS)
        by_kind: dict[str, dict[str, int]] = {}
        for words, offset in found:
            kind, _, region = words.partition(": ")
            by_kind.setdefault(kind, {})[region] = offset
        found = [(f"{kind}: {region}", some.get(region, min(some.values())))
                 for (kind, some), region in zip(by_kind.items(), regions, strict=False)]  # fmt: skip
    for (words, offset), mask in itertools.product(found, MASKS):
        it = specimen(backup=backup)
        page_map.flip(it.folder / name, offset, mask)
        vault, report = open_or_rebuild(it.folder, it.time)
        try:
            assert report is not None, words
            assert report.sources[0].kind in ("mended", "backup"), words
            assert not report.losses, words
            assert not report.lost_documents, words
            same_work(truth_of(vault), it.truth)
        finally:
            vault.close()


@pytest.mark.parametrize("name", ["vault.json", "vault-copy.json", "attempts.json", "lifeboat.log", "reserve"])
def test_in_a_file_beside_the_databases(name: str, specimen: Callable[..., Specimen]) -> None:
    size = (specimen().folder / name).stat().st_size if (specimen().folder / name).exists() else 0
    if not size:
        (specimen().folder / name).write_bytes(b"{}")
        size = 2
    offsets = {0, size // 3, size // 2, size - 1} | (set(range(0, size, max(1, size // 60))) if LONG else set())
    for offset, mask in itertools.product(sorted(offsets), MASKS):
        it = specimen()
        path = it.folder / name
        if not path.exists():
            path.write_bytes(b"{}")
        page_map.flip(path, offset, mask)
        vault, _ = open_or_rebuild(it.folder, it.time)
        try:
            same_work(truth_of(vault), it.truth)
        finally:
            vault.close()


def test_in_the_lifeboat_and_in_a_database_at_once(specimen: Callable[..., Specimen]) -> None:
    """Two faults at one time: what can be proven is put right, and the lifeboat's damage is reported."""
    it = specimen(backup=False)
    page_map.flip(it.folder / "cases.db", PAGE * 4 + 77, 0x10)
    page_map.flip(it.folder / "lifeboat.log", (it.folder / "lifeboat.log").stat().st_size // 3, 0x10)
    vault, report = open_or_rebuild(it.folder, it.time)
    try:
        assert report is not None
        assert report.sources[0].kind == "mended"
        same_work(truth_of(vault), it.truth)
    finally:
        vault.close()


def backup_files(folder: Path) -> list[Path]:
    (backup,) = (path for path in (folder / "backups").iterdir() if path.is_dir())
    return sorted(path for path in backup.iterdir() if path.is_file())


def test_in_each_file_of_the_only_backup_when_the_database_is_lost_too(specimen: Callable[..., Specimen]) -> None:
    for file in [path.name for path in backup_files(specimen().folder)]:
        it = specimen()
        path = next(path for path in backup_files(it.folder) if path.name == file)
        page_map.flip(path, path.stat().st_size // 2, 0x20)
        (it.folder / "cases.db").unlink()
        vault, report = open_or_rebuild(it.folder, it.time)
        try:
            assert report is not None
            # The lifeboat holds all of it: nothing of this laptop was ever sent.
            expected = "new" if file in ("cases.db", "manifest.json") else "backup"
            assert report.sources[0].kind == expected, file
            same_work(truth_of(vault), it.truth)
        finally:
            vault.close()


def test_in_both_copies_of_vault_json_it_is_said_and_nothing_is_touched(specimen: Callable[..., Specimen]) -> None:
    it = specimen()
    before = {path.name: path.read_bytes() for path in it.folder.iterdir() if path.suffix == ".db"}
    for name in ("vault.json", "vault-copy.json"):
        path = it.folder / name
        page_map.flip(path, path.stat().st_size // 2, 0x20)
    with pytest.raises(SPOKEN):
        open_or_rebuild(it.folder, it.time)
    assert {name: (it.folder / name).read_bytes() for name in before} == before
