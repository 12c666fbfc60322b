"""The harness itself: a seed replays exactly, and schedules catch what a careless change to the product would do."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.sync.chaos import mutants
from tests.sync.chaos.stage import bench
from tests.sync.chaos.worker import Bench

SEEDS = (28, 29, 36, 42, *range(1, 16))
"""The first few are days on which two people write one field."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Bench]:
    with bench() as made:
        yield made


def test_a_seed_replays_exactly(stage: Bench) -> None:
    first = stage.run(7)
    again = stage.run(7)
    assert first.trace == again.trace
    assert (first.counts, first.faults, first.failures) == (again.counts, again.faults, again.failures)


def test_two_seeds_are_two_days(stage: Bench) -> None:
    assert stage.run(8).trace != stage.run(9).trace


@pytest.mark.parametrize(
    ("mutant", "told"),
    [
        (mutants.last_write_wins, "value"),
        (mutants.first_write_wins, "value"),
        (mutants.answered_before_commit, ""),
        (mutants.everything_is_shown, "sees"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_schedules_catch(stage: Bench, mutant: Callable[[], AbstractContextManager[object]], told: str) -> None:
    with mutant():
        for seed in SEEDS:
            failures = stage.run(seed).failures
            if any(words.startswith(told) for words in failures):
                return
    pytest.fail(f"{len(SEEDS)} schedules caught nothing")
