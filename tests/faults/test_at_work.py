"""A page that goes bad while people work: told in words, marked, and rebuilt at the next unlocking."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from app.models import Child
from app.services.cases import add_note
from app.services.damage import marked_damage
from app.services.vault import Vault, VaultDamaged, pages, unlock
from app.services.vault.check import check_vault, look_before_backup, look_is_due, look_through, note_look
from tests.conftest import PASSPHRASE
from tests.faults.conftest import Specimen
from tests.faults.truth import SPOKEN, open_or_rebuild, truth_of
from tests.services.casework import add_child


def spoil(path: Path, *, pages_from: int = 2, step: int = 1, mask: int = 0x5A) -> None:
    """Change a byte of every page but the first, as a bad disk does under an open file."""
    size = path.stat().st_size
    with path.open("r+b") as stream:
        for start in range((pages_from - 1) * pages.PAGE, size, pages.PAGE * step):
            stream.seek(start + 2000)
            byte = stream.read(1)
            stream.seek(start + 2000)
            stream.write(bytes([byte[0] ^ mask]))


@pytest.mark.parametrize("doing", ["reading", "saving"])
def test_damage_met_at_work_is_told_in_words_and_rebuilt_at_the_next_unlocking(
    doing: str, specimen: Callable[..., Specimen]
) -> None:
    it = specimen()
    vault = unlock(it.folder, PASSPHRASE, time=it.time).open()
    ws = vault.workspace()
    vault.engine.dispose()  # nothing is remembered of what was read
    spoil(it.folder / "cases.db")
    try:
        with pytest.raises(VaultDamaged, match="Unlock Rollcall again to have it rebuilt"):
            if doing == "reading":
                with ws.read() as session:
                    session.scalars(select(Child)).all()
            else:
                add_child(ws, "Late", "Merrow")
    finally:
        vault.close()
    assert marked_damage(it.folder) == "cases.db"
    vault, report = open_or_rebuild(it.folder, it.time)
    try:
        assert report is not None
        assert report.sources[0].kind == "backup"
        assert not report.losses
        assert truth_of(vault).rows == it.truth.rows
        assert not marked_damage(it.folder)
    finally:
        vault.close()


def test_a_page_nobody_has_read_yet_is_found_by_looking_through(specimen: Callable[..., Specimen]) -> None:
    it = specimen()
    with (it.folder / "cases.db").open("r+b") as stream:
        stream.seek(-pages.PAGE + 100, 2)
        byte = stream.read(1)[0]
        stream.seek(-pages.PAGE + 100, 2)
        stream.write(bytes([byte ^ 1]))
    vault = unlock(it.folder, PASSPHRASE, time=it.time).open()
    try:
        assert look_is_due(vault.engine, it.time)
        assert look_through(it.folder, vault.keys) == {"cases.db": 1, "documents.db": 0}
        report = check_vault(vault)
        assert not report.sound
        assert "1 damaged page" in report.findings[0]
    finally:
        vault.close()
    with pytest.raises(VaultDamaged):
        unlock(it.folder, PASSPHRASE, time=it.time).open()
    vault, report_of = open_or_rebuild(it.folder, it.time)
    try:
        assert report_of is not None
        assert [source.kind for source in report_of.sources] == ["mended", "lifeboat"]
        assert truth_of(vault).rows == it.truth.rows
        note_look(vault.engine, it.time)
        assert not look_is_due(vault.engine, it.time)
        it.time.advance(days=7)
        assert look_is_due(vault.engine, it.time)
    finally:
        vault.close()


def test_a_document_that_goes_bad_is_told_in_words(specimen: Callable[..., Specimen]) -> None:
    it = specimen()
    vault = unlock(it.folder, PASSPHRASE, time=it.time).open()
    spoil(it.folder / "documents.db", pages_from=8)
    try:
        for sha256 in it.truth.contents:
            with pytest.raises(SPOKEN):
                vault.workspace().documents.get(sha256)
        # The cases are in another file, and go on.
        add_note(vault.workspace(), truth_of_case(vault), text="Rang again.")
    finally:
        vault.close()


def truth_of_case(vault: Vault) -> str:
    from app.models import Case

    with vault.workspace().read() as session:
        return str(session.scalars(select(Case.id)).first())


def test_no_backup_is_made_of_a_damaged_file_and_people_are_told(specimen: Callable[..., Specimen]) -> None:
    """A copy of a damaged file would push the whole backups out, one each day."""
    from app.services import safekeeping
    from app.services.backup.listing import list_backups
    from app.settings import Settings

    it = specimen()
    vault = unlock(it.folder, PASSPHRASE, time=it.time).open()
    try:
        ws = vault.workspace()
        keeper = safekeeping.keeper(vault, ws, Settings(it.folder / "settings.json"))
        keeper.tend()
        assert not look_is_due(vault.engine, it.time)
        assert ws.notices() == ()
        spoil(it.folder / "documents.db", pages_from=8, step=50, mask=0x10)
        it.time.advance(days=1)
        before = [info.name for info in list_backups(it.folder, vault.keys)]
        keeper.tend({"backup"})
        assert "no backup was made of it" in keeper.status().problem
        assert [info.name for info in list_backups(it.folder, vault.keys)] == before
        assert dict(ws.notices())["damage"].startswith("A part of documents.db on this laptop could not be read.")
    finally:
        vault.close()
    vault, report = open_or_rebuild(it.folder, it.time)
    try:
        assert report is not None
        assert truth_of(vault).contents == it.truth.contents
        assert vault.workspace().notices() == ()
    finally:
        vault.close()


def unclean(vault: Vault) -> bool:
    return vault.was_unclean


def test_after_a_crash_every_page_is_looked_at(specimen: Callable[..., Specimen]) -> None:
    it = specimen()
    vault = unlock(it.folder, PASSPHRASE, time=it.time).open()
    add_child(vault.workspace(), "Tomas", "Merrow")
    left = (it.folder / "cases.db-wal").read_bytes()
    vault.close()
    (it.folder / "cases.db-wal").write_bytes(left)  # what a process that was killed leaves behind
    vault = unlock(it.folder, PASSPHRASE, time=it.time).open()
    try:
        assert unclean(vault)
        note_look(vault.engine, it.time)
        look_before_backup(vault, lambda: False)
        assert not unclean(vault)
    finally:
        vault.close()
    vault = unlock(it.folder, PASSPHRASE, time=it.time).open()
    try:
        assert not unclean(vault)
    finally:
        vault.close()
