"""Many seeds on several processes: each is handed one at a time; one that hangs or dies costs no more than itself."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty, Queue

from tests.sync.chaos.worker import Asked, Told

SAY_EVERY_SECONDS = 15.0
HANGS_AFTER_SECONDS = 180.0
SHRINKS_FOR_SECONDS = 900.0
SHOWN_AT_MOST = 3
SEEDS_LISTED = 20
SEEDS_A_PROCESS = 1000
"""After so many a process is replaced by a fresh one, so that what it keeps in memory has an end."""


def say(words: str) -> None:
    """Write a line."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def environment() -> dict[str, str]:
    """Return what a process needs so that a seed replays there: the order of sets is part of it."""
    return {**os.environ, "PYTHONHASHSEED": "0"}


class Process:
    """A process that runs one seed after the other, and is told each on its standard input."""

    def __init__(self, name: str, template: Path, laptops: int) -> None:
        command = [sys.executable, "-m", "tests.sync.chaos", "--worker", name, "--template", str(template)]
        command += ["--laptops", str(laptops)]
        # In a session of its own: Ctrl-C is for the process that keeps count.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        self._lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout:
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(None)

    def run(self, asked: Asked, seconds: float = HANGS_AFTER_SECONDS) -> Told:
        """Run a seed; where nothing comes back in time the process is ended, and that is the finding."""
        line: str | None = None
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(asdict(asked)) + "\n")
            self._process.stdin.flush()
            line = self._lines.get(timeout=seconds)
        except Empty:
            self._process.send_signal(signal.SIGUSR1)  # it writes where each of its threads stands
            time.sleep(1)
            self.end()
            return Told(asked.seed, seconds, [f"hangs: nothing came back within {seconds:.0f} seconds"])
        except OSError:
            pass
        if line is None:
            return Told(asked.seed, 0.0, [f"process: it ended with {self._process.wait()}"])
        return Told(**json.loads(line))

    @property
    def runs(self) -> bool:
        """Whether it can take another seed."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it, at once."""
        self._process.kill()
        self._leave()

    def _leave(self) -> None:
        self._process.wait()
        self._reader.join(10)
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def finish(self) -> None:
        """Let it end in order."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._leave()


@dataclass
class Run:
    """A run over many seeds.

    Attributes:
        template: where the template is written down.
        stopped: somebody stopped it before its end.
    """

    template: Path
    laptops: int
    together: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failed: list[Told] = field(default_factory=list)
    done: int = 0
    seconds: float = 0.0
    stopped: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _processes: list[Process] = field(default_factory=list)

    def all(self, first: int, schedules: int, jobs: int) -> None:
        """Run schedules from a first seed on; Ctrl-C ends it, and what was found until then stays."""
        started = time.monotonic()
        seeds = iter(range(first, first + schedules))
        told: Queue[Told | None] = Queue()
        jobs = max(1, min(jobs, schedules))
        for number in range(jobs):
            threading.Thread(target=self._feed, args=(number, seeds, told), daemon=True).start()
        try:
            self._collect(told, jobs, schedules, started)
        except KeyboardInterrupt:
            self._stop()
        self.seconds = time.monotonic() - started

    def _feed(self, number: int, seeds: Iterator[int], told: "Queue[Told | None]") -> None:
        process, place = None, 0
        try:
            while not self.stopped:
                with self._turn:
                    seed = next(seeds, None)
                if seed is None:
                    break
                if process is None or not process.runs:
                    process = self._start(f"worker_{number}_{place}")
                told.put(process.run(Asked(seed, together=self.together)))
                place += 1
                if place % SEEDS_A_PROCESS == 0:
                    process.finish()
            if process is not None and not self.stopped:
                process.finish()
        finally:
            told.put(None)

    def _start(self, name: str) -> Process:
        process = Process(name, self.template, self.laptops)
        with self._turn:
            self._processes = [each for each in self._processes if each.runs]
            self._processes.append(process)
        return process

    def _stop(self) -> None:
        self.stopped = True
        with self._turn:
            for process in self._processes:
                process.end()

    def _collect(self, told: "Queue[Told | None]", jobs: int, schedules: int, started: float) -> None:
        ended, said = 0, started
        while ended < jobs:
            each = told.get()
            if each is None:
                ended += 1
                continue
            self._take(each)
            now = time.monotonic()
            if now - said > SAY_EVERY_SECONDS:
                said = now
                left = (schedules - self.done) * (now - started) / self.done / 60
                words = f"{self.done} of {schedules} in {now - started:.0f} s, {len(self.failed)} failed"
                say(f"{words}, {left:.0f} minutes to go")

    def _take(self, told: Told) -> None:
        self.done += 1
        self.counts.update(told.counts)
        self.faults.update(told.faults)
        if told.failures:
            self.failed.append(told)
            say(f"seed {told.seed}: {told.failures[0].splitlines()[0][:300]}")

    # -- telling -------------------------------------------------------------------------------------------------

    def summary(self) -> int:
        """Print what was done and what failed; return the exit status."""
        rate = self.done / self.seconds if self.seconds else 0.0
        say("")
        say("Stopped." if self.stopped else "All done.")
        say(f"{self.done} schedules in {self.seconds:.0f} s ({rate:.1f} a second), {len(self.failed)} failed.")
        say("What happened: " + _listed(self.counts))
        say("What went wrong on purpose: " + _listed(self.faults))
        groups = self._by_reason()
        for reason, some in groups.items():
            listed = " ".join(str(told.seed) for told in some[:SEEDS_LISTED])
            say(f"{len(some)} x {reason}\n    {listed}{' ...' if len(some) > SEEDS_LISTED else ''}")
        if not self.stopped:
            for number, some in enumerate(list(groups.values())[:SHOWN_AT_MOST]):
                self._show(some[0], number)
        if self.failed:
            say("Failing seeds: " + " ".join(str(told.seed) for told in self.failed))
            say("Run one again with --schedules 1 --seed SEED.")
        return 1 if self.failed or self.stopped else 0

    def _by_reason(self) -> dict[str, list[Told]]:
        groups: dict[str, list[Told]] = {}
        for told in sorted(self.failed, key=lambda each: each.seed):
            groups.setdefault(reason_of(told.failures[0]), []).append(told)
        return dict(sorted(groups.items(), key=lambda pair: -len(pair[1])))

    def _show(self, told: Told, number: int) -> None:
        process = Process(f"shrink_{number}", self.template, self.laptops)
        try:
            shown = process.run(Asked(told.seed, shrink=True, together=self.together), SHRINKS_FOR_SECONDS)
        except KeyboardInterrupt:
            shown = told
        process.end()
        if not shown.trace:
            shown = told
        say(f"\nseed {told.seed}, shortened as far as it still fails:")
        for words in shown.trace:
            say(f"  {words}")
        for words in shown.failures:
            say(f"  FAILED {words}")


_VARYING = (
    (re.compile(r"\b(dawn|ruth|omar|lena)(-\w+)?('s)?\b"), "a laptop"),
    (re.compile(r"\bword\d+"), "a word"),
    (re.compile(r"\b[0-9a-f]{6,}\b"), "#"),
    (re.compile(r"\d+"), "#"),
)


def reason_of(failure: str) -> str:
    """Return a failure without what differs from seed to seed, so that those of one kind stand together."""
    lines = failure.splitlines()
    words = lines[0]
    for pattern, plain in _VARYING:
        words = pattern.sub(plain, words)
    # Of an exception, the last place in the product's own code says more than its name.
    places = [line.strip() for line in lines[1:] if line.strip().startswith("File ") and "/app/" in line]
    place = f" at {places[-1].rpartition('/app/')[2].replace(chr(34), '')}" if places else ""
    return words[:200] + place


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"
