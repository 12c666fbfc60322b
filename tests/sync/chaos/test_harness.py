"""The harness itself: a seed replays exactly, and schedules catch what a careless change to the product would do."""

from collections.abc import Iterator

import pytest

from tests.sync.chaos.running import Process
from tests.sync.chaos.stage import shared
from tests.sync.chaos.worker import Asked, Told

DAY = 28
"""Two people write one field on it, answers are lost, and laptops hold different children."""
CAUGHT = {
    "last_write_wins": "value: ",
    "first_write_wins": "value: ",
    "answered_before_commit": "are safe in the central store, and they are not",
    "everything_is_shown": "sees: ",
}
"""Protections, and how the promise is told that is broken without one."""


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    made = Process("harness", shared().place, 3)
    yield made
    made.finish()


def what_happened(told: Told) -> tuple[object, ...]:
    return told.trace, told.counts, told.faults, told.failures


def test_a_seed_replays_exactly_in_another_process_too(process: Process) -> None:
    process.run(Asked(8))
    first = what_happened(process.run(Asked(7, traced=True)))
    other = Process("harness_again", shared().place, 3)
    assert what_happened(other.run(Asked(7, traced=True))) == first
    other.finish()


def test_the_day_is_sound_with_every_protection(process: Process) -> None:
    assert process.run(Asked(DAY)).failures == []


@pytest.mark.parametrize("mutant", CAUGHT)
def test_schedules_catch(process: Process, mutant: str) -> None:
    failures = process.run(Asked(DAY, mutant=mutant)).failures
    assert any(CAUGHT[mutant] in words for words in failures), failures
