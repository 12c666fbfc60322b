"""A process that runs schedules one after the other, each in a folder of its own, and tells what came of them."""

import faulthandler
import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg

from app.timesource import FrozenTime
from tests.sync.chaos import mutants
from tests.sync.chaos.central import Central, inline_routes
from tests.sync.chaos.determinism import Ids, deterministic
from tests.sync.chaos.schedule import Outcome, Schedule, Step
from tests.sync.chaos.template import DATABASE, STARTS_AT, Template
from tests.sync.chaos.together import Together
from tests.sync.chaos.world import World, hooked

VACUUM_EVERY = 100
SHRINK_RUNS = 60


@dataclass
class Asked:
    """What a worker is asked to run; travels as a line of JSON.

    Attributes:
        mutant: the name of a protection to take out, for the tests of the harness.
        shrink: make a failing schedule as short as it still fails.
        traced: tell what happened even when nothing failed.
        together: let all laptops sync at the same moment; such a schedule is not made shorter.
    """

    seed: int
    mutant: str = ""
    shrink: bool = False
    traced: bool = False
    together: bool = False


@dataclass
class Told:
    """What a worker tells of a seed; travels as a line of JSON."""

    seed: int
    seconds: float
    failures: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)


class Bench:
    """Where a worker runs schedules: its own database, its own folder."""

    def __init__(self, template: Template, ids: Ids, name: str, laptops: int) -> None:
        self.template, self.ids, self.laptops = template, ids, laptops
        self._staged = ExitStack()
        self._staged.enter_context(inline_routes())
        self._staged.enter_context(hooked())
        self.folder = Path(template.folder) / name
        self.folder.mkdir()
        with psycopg.connect(template.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE}")
        self.central = Central(_database(template.server, name), FrozenTime(STARTS_AT))
        self._runs = 0

    def run(self, seed: int, steps: list[Step] | None = None, *, together: bool = False) -> Outcome:
        """Run one schedule; with steps, those instead of its own; or one in which all sync at once."""
        self._runs += 1
        if self._runs % VACUUM_EVERY == 0:
            self.central.vacuum()
        place = self.folder / "day"  # one name for all: the product remembers folders
        place.mkdir()
        try:
            kind = Together if together else Schedule
            return kind(self.template, self.central, place, self.ids, seed, self.laptops).run(steps)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    @contextmanager
    def world(self, *names: str) -> Iterator[World]:
        """Yield a fresh world with these laptops, for what is told step by step."""
        place = self.folder / "told"
        place.mkdir()
        self.ids.start("told")
        self.central.reset()
        self.central.time.move_to(STARTS_AT)
        world = World(self.template, self.central, place, self.ids, 0)
        World.current = world
        try:
            for name in names:
                world.add(name, timedelta(0))
            yield world
        finally:
            world.close()
            World.current = None
            shutil.rmtree(place, ignore_errors=True)

    def shrink(self, seed: int) -> Outcome:
        """Return the shortest failing run found of a failing seed."""
        steps = Schedule.steps_of(seed, self.laptops)
        best = self.run(seed)
        kind = _kind(best)
        size, runs = max(1, len(steps) // 2), 0
        while size and runs < SHRINK_RUNS:
            place, shorter = 0, False
            while place < len(steps) and runs < SHRINK_RUNS:
                fewer = steps[:place] + steps[place + size :]
                outcome = self.run(seed, fewer)
                runs += 1
                if outcome.failures and _kind(outcome) == kind:
                    steps, best, shorter = fewer, outcome, True
                else:
                    place += size
            size = size if shorter and size == 1 else size // 2
        return best

    def close(self) -> None:
        """Let go of the database."""
        self.central.close()
        self._staged.close()


def _database(server: str, name: str) -> str:
    head, question, tail = server.partition("?")
    return head.rsplit("/", 1)[0] + f"/{name}" + question + tail


def _kind(outcome: Outcome) -> str:
    return outcome.failures[0].partition(":")[0] if outcome.failures else ""


def work(place: Path, name: str, laptops: int) -> None:
    """Run each seed that is asked for on a line of standard input, and answer on a line, until there are no more."""
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    template = Template.read(place)
    with deterministic() as ids:
        bench = Bench(template, ids, name, laptops)
        for line in iter(sys.stdin.readline, ""):
            told = _run(bench, Asked(**json.loads(line)))
            sys.stdout.write(json.dumps(asdict(told)) + "\n")
            sys.stdout.flush()
        bench.close()


def _run(bench: Bench, asked: Asked) -> Told:
    started = time.perf_counter()
    with getattr(mutants, asked.mutant)() if asked.mutant else nullcontext():
        shrink = asked.shrink and not asked.together
        outcome = bench.shrink(asked.seed) if shrink else bench.run(asked.seed, together=asked.together)
    # The trace only where somebody will read it.
    trace = outcome.trace if outcome.failures or asked.traced else []
    seconds = time.perf_counter() - started
    return Told(outcome.seed, seconds, outcome.failures, trace, dict(outcome.counts), dict(outcome.faults))
