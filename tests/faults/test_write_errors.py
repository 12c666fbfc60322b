"""Real write errors in the middle of saves, backups, rotations, restores, rebuilds, migrations and changes of keys."""

import os
import sys
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from app.errors import UserError
from app.models import CaseEvent, Document, Draft
from app.services.audit import Action
from app.services.backup.listing import list_backups, verify_backup
from app.services.vault import Vault, unlock
from app.services.vault.migrate import NEWEST, stored_revision
from tests.conftest import PASSPHRASE
from tests.faults.conftest import Specimen
from tests.faults.jobs import NEW_PASSPHRASE
from tests.faults.limited import Helper, Outcome
from tests.faults.older import make_older
from tests.faults.test_flipped_byte import same_work
from tests.faults.truth import open_or_rebuild, truth_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of a file's size")
LONG = bool(os.environ.get("ROLLCALL_FAULTS"))


@pytest.fixture(scope="module")
def helper() -> Iterator[Helper]:
    it = Helper()
    yield it
    it.close()


def limits(it: Specimen, count: int) -> list[int]:
    """Return bytes at which files may not grow further: small, in the middle of pages, near what files measure."""
    size = (it.folder / "cases.db").stat().st_size
    lifeboat = (it.folder / "lifeboat.log").stat().st_size
    chosen = [
        100,
        3000,
        4096 * 8 + 100,
        90_000,
        lifeboat - 7000,
        lifeboat + 100,
        size - 4096 * 3,
        size + 4096 + 24,
        2 * size,
    ]
    if LONG:
        chosen += list(range(1000, 2 * size, 4096 * 5 + 1234))
        return sorted(chosen)
    step = max(1, len(chosen) // count)
    return chosen[::step]


def told(outcome: Outcome) -> None:
    """It worked, or it said why in words."""
    assert not outcome.trace, outcome.trace
    assert outcome.said or outcome.done


def holds(vault: Vault, outcome: Outcome) -> None:
    """Everything that was reported is there."""
    with vault.workspace().read() as session:
        notes = set(session.scalars(select(CaseEvent.body)))
        titles = set(session.scalars(select(Document.title)))
        drafts = set(session.scalars(select(Draft.text)))
        hashes = list(session.scalars(select(Document.sha256)))
    for line in outcome.done:
        kind, _, words = line.partition(":")
        if kind == "note":
            assert words in notes, words[:20]
        elif kind == "document":
            assert words in titles
    told_notes = [line for line in outcome.done if line.startswith("note:")]
    if outcome.done and outcome.done[-1].startswith("draft:") and len(told_notes) == len(notes & _written(outcome)):
        assert outcome.done[-1].partition(":")[2] in drafts  # a note that follows takes its draft away
    for sha256 in hashes:
        vault.workspace().documents.get(sha256)


def _written(outcome: Outcome) -> set[str]:
    return {line.partition(":")[2] for line in outcome.done}


def test_in_the_middle_of_saving(specimen: Callable[..., Specimen], helper: Helper) -> None:
    refused = saved = 0
    for limit in limits(specimen(), 9):
        it = specimen()
        outcome = helper.run("save", it.folder, it.time.now(), limit)
        told(outcome)
        refused += bool(outcome.said)
        saved += len(outcome.done)
        vault, _ = open_or_rebuild(it.folder, it.time)
        try:
            holds(vault, outcome)
            found = truth_of(vault)
            for name, rows in it.truth.rows.items():
                assert set(rows) <= set(found.rows[name]) or name in ("case", "child"), name
        finally:
            vault.close()
    assert refused  # some of the limits really were in the way
    assert saved


def test_in_the_middle_of_a_backup(specimen: Callable[..., Specimen], helper: Helper) -> None:
    for limit in limits(specimen(), 4):
        it = specimen()
        outcome = helper.run("back up", it.folder, it.time.now(), limit)
        told(outcome)
        vault, report = open_or_rebuild(it.folder, it.time)
        try:
            assert report is None
            same_work(truth_of(vault), it.truth)
            backups = list_backups(it.folder, vault.keys)
            assert backups  # the earlier one stays until a newer one of the day is whole
            assert backups[0].name == (outcome.done[0] if outcome.done else "2026-11-17T09-00-00Z")
            for info in backups:
                verify_backup(info.folder, vault.keys)
            leftovers = [path for path in (it.folder / "backups").iterdir() if path.name.endswith(".partial")]
            assert not leftovers
        finally:
            vault.close()


@pytest.mark.parametrize("work", ["rotate", "restore", "rebuild"])
def test_in_the_middle_of_writing_everything_again(
    work: str, specimen: Callable[..., Specimen], helper: Helper
) -> None:
    for limit in limits(specimen(), 4):
        it = specimen()
        if work == "rebuild":
            (it.folder / "cases.db").write_bytes(b"gone")
        outcome = helper.run(work, it.folder, it.time.now(), limit)
        told(outcome)
        vault, _ = open_or_rebuild(it.folder, it.time)
        try:
            same_work(truth_of(vault), it.truth)
        finally:
            vault.close()
        # And what was refused works once there is room.
        again = helper.run("rotate" if work == "rebuild" else work, it.folder, it.time.now(), 0)
        assert again.done, again
        vault, _ = open_or_rebuild(it.folder, it.time)
        try:
            same_work(truth_of(vault), it.truth)
        finally:
            vault.close()


def test_in_the_middle_of_changing_the_passphrase(specimen: Callable[..., Specimen], helper: Helper) -> None:
    for limit in (1, 100, 700, 5000):
        it = specimen()
        outcome = helper.run("change passphrase", it.folder, it.time.now(), limit)
        told(outcome)
        works = []
        for words in (PASSPHRASE, NEW_PASSPHRASE):
            try:
                unlocked = unlock(it.folder, words, time=it.time)
            except UserError:
                continue
            works.append(words)
            vault = unlocked.open()
            same_work(truth_of(vault), it.truth)
            vault.close()
        assert works, limit
        if outcome.done:
            assert NEW_PASSPHRASE in works


def test_in_the_middle_of_a_migration(specimen: Callable[..., Specimen], helper: Helper) -> None:
    refused = 0
    for limit in limits(specimen(), 3):
        it = specimen()
        keys = unlock(it.folder, PASSPHRASE, time=it.time).keys
        make_older(it.folder, keys.cases)
        outcome = helper.run("open", it.folder, it.time.now(), limit)
        told(outcome)
        refused += bool(outcome.said)
        vault, report = open_or_rebuild(it.folder, it.time)
        try:
            assert report is None  # a migration that did not end left the old schema, whole
            assert stored_revision(vault.engine) == NEWEST
            vault.workspace().audit(Action.UNLOCKED)  # as the window does; the old schema had no seals on the chain
            same_work(truth_of(vault), it.truth)
            assert vault.backed_up_first is not None or outcome.done
        finally:
            vault.close()
    assert refused
