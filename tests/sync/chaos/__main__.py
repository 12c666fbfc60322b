"""``python -m tests.sync.chaos [--schedules N] [--seed N] [--laptops N] [--jobs N]``: bad days that lose nothing."""

import argparse
import os
import random
import signal
import sys
from pathlib import Path

from tests.sync.chaos.running import Run, say
from tests.sync.chaos.stage import prepare, shared
from tests.sync.chaos.worker import work


def main(arguments: list[str]) -> int:
    """Run schedules, print progress, each failing seed and a summary by reason; 0 when every promise held."""
    asked = _asked(arguments)
    if asked.worker:
        work(Path(asked.template), asked.worker, asked.laptops)
        return 0
    if asked.prepare:
        prepare(Path(asked.prepare))
        return 0
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # stopped either way, it tells what it found
    first = random.SystemRandom().randrange(1 << 30) if asked.seed is None else asked.seed
    say(f"{asked.schedules} schedules of {asked.laptops} laptops on {asked.jobs} processes; first seed {first}.")
    run = Run(Path(asked.template) if asked.template else shared().place, asked.laptops, asked.concurrent)
    run.all(first, asked.schedules, asked.jobs)
    return run.summary()


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--schedules", type=int, default=300, help="how many")
    parser.add_argument("--seed", type=int, default=None, help="of the first schedule; each further one counts up")
    parser.add_argument("--laptops", type=int, default=3, help="how many laptops take part, 2 to 5")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--concurrent", action="store_true", help="all laptops sync at the same moment, on threads")
    parser.add_argument("--template", default="", help="a template that stands already, with its server running")
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    parser.add_argument("--prepare", default="", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
