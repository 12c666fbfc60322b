"""``python -m tests.kills [--runs N] [--seed N] [--keep FOLDER]``: kill a writing Rollcall at random points."""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.kills.runs import Run, in_child, run_once

JOBS_SHOWN = 25


def main(arguments: list[str]) -> int:
    """Run, print a line for each fault and a summary; return 0 when nothing was lost."""
    parser = argparse.ArgumentParser(prog="kills", description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="how many writers are killed")
    parser.add_argument("--seed", type=int, default=None, help="of the first run; each further one counts up")
    parser.add_argument("--keep", type=Path, default=None, help="where the folders of failing runs are left")
    asked = parser.parse_args(arguments)
    first = random.SystemRandom().randrange(1 << 30) if asked.seed is None else asked.seed
    place = Path(tempfile.mkdtemp(prefix="rollcall-kills-", dir=asked.keep))
    print(f"Killing {asked.runs} writers; the first seed is {first}.", flush=True)
    _warm_up()
    template = place / "template"

    def prepare() -> None:
        from tests.kills.vaults import make_template

        (place / "cases.json").write_text(json.dumps(make_template(template)))

    if in_child(prepare, errors=place / "errors.txt") != 0:
        print((place / "errors.txt").read_text())
        return 1
    case_ids = json.loads((place / "cases.json").read_text())
    started, runs = time.monotonic(), []
    for number in range(asked.runs):
        run = run_once(template, case_ids, first + number, place / f"run-{first + number}")
        runs.append(run)
        if run.fault:
            print(f"seed {run.seed}: {run.fault} (killed {run.moment}; {run.power or 'power stayed'})", flush=True)
        elif (number + 1) % JOBS_SHOWN == 0:
            print(f"{number + 1} done in {time.monotonic() - started:.0f} s", flush=True)
    return _summary(runs, place, time.monotonic() - started)


def _summary(runs: list[Run], place: Path, seconds: float) -> int:
    faults = [run for run in runs if run.fault]
    reports = sum(run.reports for run in runs)
    power = sum(bool(run.power) for run in runs)
    redone = sum(run.found.get("redone", 0) for run in runs)
    torn = sum(bool(run.found.get("torn")) for run in runs)
    print(
        f"{len(runs)} kills in {seconds:.0f} s: {reports} reported calls, {power} with unsynced bytes lost as well; "
        f"{torn} lifeboats ended torn, {redone} unreported commits were finished from the lifeboat; {len(faults)} faults."
    )
    if faults:
        print(f"Run one again with --runs 1 --seed SEED. What they left is in {place}")
        return 1
    shutil.rmtree(place)
    return 0


def _warm_up() -> None:
    """Import everything before forking, so that a run costs no start of Python."""
    import tests.kills.checks
    import tests.kills.power
    import tests.kills.writer  # noqa: F401


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
