"""``python -m tests.kills [--runs N] [--seed N] [--keep FOLDER]``: kill a writing Rollcall at random points."""

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.kills.runs import Run, run_once
from tests.kills.vaults import make_template

JOBS_SHOWN = 25


def say(words: str) -> None:
    """Write a line."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run, print a line for each fault and a summary; return 0 when nothing was lost."""
    parser = argparse.ArgumentParser(prog="kills", description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="how many writers are killed")
    parser.add_argument("--seed", type=int, default=None, help="of the first run; each further one counts up")
    parser.add_argument("--keep", type=Path, default=None, help="where the folders of failing runs are left")
    asked = parser.parse_args(arguments)
    first = random.SystemRandom().randrange(1 << 30) if asked.seed is None else asked.seed
    place = Path(tempfile.mkdtemp(prefix="rollcall-kills-", dir=asked.keep))
    say(f"Killing {asked.runs} writers; the first seed is {first}.")
    template = place / "template"
    case_ids = make_template(template, place / "empty.db")
    _warm_up(template, case_ids, place)
    started, runs = time.monotonic(), []
    for number in range(asked.runs):
        run = run_once(template, case_ids, first + number, place / f"run-{first + number}")
        runs.append(run)
        if run.fault:
            say(f"seed {run.seed}: {run.fault} (killed {run.moment}; {run.power or 'power stayed'})")
        elif (number + 1) % JOBS_SHOWN == 0:
            say(f"{number + 1} done in {time.monotonic() - started:.0f} s")
    return _summary(runs, place, time.monotonic() - started)


def _summary(runs: list[Run], place: Path, seconds: float) -> int:
    faults = [run for run in runs if run.fault]
    reports = sum(run.reports for run in runs)
    power = sum(bool(run.power) for run in runs)
    redone = sum(run.found.get("redone", 0) for run in runs)
    torn = sum(bool(run.found.get("torn")) for run in runs)
    say(
        f"{len(runs)} kills in {seconds:.0f} s: {reports} reported calls, {power} with unsynced bytes lost as well; "
        f"{torn} lifeboats ended torn, {redone} unreported commits were finished from the lifeboat; "
        f"{len(faults)} faults."
    )
    if faults:
        say(f"Run one again with --runs 1 --seed SEED. What they left is in {place}")
        return 1
    shutil.rmtree(place)
    return 0


def _warm_up(template: Path, case_ids: list[str], place: Path) -> None:
    """Do once what every run does: forked processes then need not import and compile it again."""
    from tests.kills.checks import check, read_reports
    from tests.kills.writer import Writer

    folder = place / "warm"
    shutil.copytree(template, folder / "vault")
    (folder / "scratch").mkdir()
    shutil.copyfile(place / "empty.db", folder / "scratch" / "empty.db")
    with (folder / "reports").open("wb") as reports:
        writer = Writer(folder / "vault", case_ids, 0, reports.fileno())
        writer.work(once=True)
    check(folder / "vault", read_reports(folder / "reports"), scratch=folder / "scratch")
    shutil.rmtree(folder)
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        raise AssertionError(f"a process with other threads cannot be forked safely: {others}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
