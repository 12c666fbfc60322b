"""``python -m tests.sync.chaos [--schedules N] [--seed N] [--laptops N] [--jobs N]``: bad days that lose nothing."""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

from tests.sync.chaos.template import Template, make_template, memory_folder, start_server
from tests.sync.chaos.worker import Told, work

SAY_EVERY_SECONDS = 15.0
SHRUNK_AT_MOST = 3


def say(words: str) -> None:
    """Write a line."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run schedules, print progress, a summary and each failing seed with its trace; 0 when every promise held."""
    asked = _asked(arguments)
    if asked.worker:
        seeds = range(asked.seed, asked.seed + asked.schedules * asked.stride, asked.stride)
        work(Path(asked.template), asked.worker, asked.laptops, seeds, shrink=asked.shrink)
        return 0
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets is part of what a seed replays.
        os.execve(sys.executable, [sys.executable, "-m", "tests.sync.chaos", *arguments], _environment())
    first = random.SystemRandom().randrange(1 << 30) if asked.seed is None else asked.seed
    folder = Path(tempfile.mkdtemp(prefix="rollcall-chaos-", dir=memory_folder()))
    server = start_server(folder)
    try:
        template = make_template(folder, server)
        run = Run(template, template.save(), asked.laptops)
        say(f"{asked.schedules} schedules of {asked.laptops} laptops on {asked.jobs} processes; first seed {first}.")
        run.all(first, asked.schedules, asked.jobs)
        return run.summary()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--schedules", type=int, default=300, help="how many")
    parser.add_argument("--seed", type=int, default=None, help="of the first schedule; each further one counts up")
    parser.add_argument("--laptops", type=int, default=3, help="how many laptops take part, 2 to 5")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    parser.add_argument("--template", default="", help=argparse.SUPPRESS)
    parser.add_argument("--stride", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--shrink", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": "0"}


@dataclass
class Run:
    """A run over many seeds on several processes."""

    template: Template
    place: Path
    laptops: int
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failed: list[Told] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    done: int = 0
    seconds: float = 0.0

    def all(self, first: int, schedules: int, jobs: int) -> None:
        """Run schedules from a first seed on."""
        started = time.monotonic()
        lines: Queue[str | None] = Queue()
        jobs = max(1, min(jobs, schedules))
        workers = []
        for number in range(jobs):
            share = len(range(number, schedules, jobs))
            workers.append(self._start(f"worker_{number}", first + number, share, jobs, lines))
        ended, said = 0, started
        while ended < jobs:
            line = lines.get()
            if line is None:
                ended += 1
                continue
            self._take(Told(**json.loads(line)))
            if time.monotonic() - said > SAY_EVERY_SECONDS:
                said = time.monotonic()
                say(f"{self.done} of {schedules} in {said - started:.0f} s, {len(self.failed)} failed")
        for number, process in enumerate(workers):
            if process.wait() != 0:
                self.crashed.append(f"process {number} ended with {process.returncode}")
        self.seconds = time.monotonic() - started

    def _start(
        self, name: str, first: int, share: int, stride: int, lines: "Queue[str | None]", *more: str
    ) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.sync.chaos", "--worker", name, "--template", str(self.place)]
        command += ["--seed", str(first), "--schedules", str(share), "--stride", str(stride)]
        command += ["--laptops", str(self.laptops), *more]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment())

        def read() -> None:
            for line in process.stdout or ():
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        return process

    def _take(self, told: Told) -> None:
        self.done += 1
        self.counts.update(told.counts)
        self.faults.update(told.faults)
        if told.failures:
            self.failed.append(told)
            say(f"seed {told.seed}: {told.failures[0].splitlines()[0][:300]}")

    def summary(self) -> int:
        """Print what was done and what failed; return the exit status."""
        rate = self.done / self.seconds if self.seconds else 0.0
        say("")
        say(f"{self.done} schedules in {self.seconds:.0f} s ({rate:.1f} a second), {len(self.failed)} failed.")
        say("What happened: " + _listed(self.counts))
        say("What went wrong on purpose: " + _listed(self.faults))
        for words in self.crashed:
            say(words)
        for number, told in enumerate(self.failed[:SHRUNK_AT_MOST]):
            self._show(told, number)
        if self.failed:
            say("Failing seeds: " + " ".join(str(told.seed) for told in self.failed))
            say("Run one again with --schedules 1 --seed SEED.")
        return 1 if self.failed or self.crashed else 0

    def _show(self, told: Told, number: int) -> None:
        lines: Queue[str | None] = Queue()
        self._start(f"shrink_{number}", told.seed, 1, 1, lines, "--shrink")
        line = lines.get()
        shown = Told(**json.loads(line)) if line else told
        say(f"\nseed {told.seed}, shortened as far as it still fails:")
        for words in shown.trace:
            say(f"  {words}")
        for words in shown.failures:
            say(f"  FAILED {words}")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
