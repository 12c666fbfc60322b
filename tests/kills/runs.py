"""One run: copy the vault, fork a writer, kill it, lose what was never synced, look at what is left."""

import json
import os
import random
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST_SECONDS = 60.0


@dataclass(slots=True)
class Run:
    """What came of a run.

    Attributes:
        reports: how many calls had returned.
        moment: when it was killed, in words.
        power: what the power cut took, in words.
        fault: what is wrong; empty when nothing is.
    """

    seed: int
    reports: int = 0
    moment: str = ""
    power: str = ""
    fault: str = ""
    found: dict[str, Any] = field(default_factory=dict)


def run_once(template: Path, case_ids: list[str], seed: int, folder: Path) -> Run:
    """Kill one writer and look at what is left; the folder stays when something is wrong."""
    choose, run = random.Random(seed), Run(seed)
    shutil.copytree(template, folder / "vault")
    reports = _kill_a_writer(folder, case_ids, choose, run)
    run.reports = len(reports)
    if choose.random() < 0.5 and reports:
        from tests.kills.power import cut_power

        run.power = cut_power(folder / "vault", reports[-1], choose)
    answer = folder / "answer.json"

    def look() -> None:
        from tests.kills.checks import check, read_reports

        (folder / "scratch").mkdir()
        shutil.copyfile(template.parent / "empty.db", folder / "scratch" / "empty.db")
        reports = read_reports(folder / "reports")
        found = check(folder / "vault", reports, scratch=folder / "scratch", cut=bool(run.power))
        answer.write_text(json.dumps(found))

    if not reports:
        run.fault = "the writer said nothing before its time was up"
    elif in_child(look, errors=folder / "errors.txt") != 0:
        run.fault = (folder / "errors.txt").read_text().strip().splitlines()[-1]
    else:
        run.found = json.loads(answer.read_text())
        shutil.rmtree(folder)
    return run


def in_child(work: Callable[[], object], *, errors: Path) -> int:
    """Run something in a forked process and return its exit status; what went wrong stands in a file."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001  (whatever it is, the parent is told and this process ends here)
            errors.write_text(traceback.format_exc())
        finally:
            sys.stdout.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _kill_a_writer(folder: Path, case_ids: list[str], choose: random.Random, run: Run) -> list[dict[str, Any]]:
    reading, writing = os.pipe()
    seed = choose.randrange(1 << 30)
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            from tests.kills.writer import Writer

            Writer(folder / "vault", case_ids, seed, writing).work()
        except BaseException:  # noqa: BLE001  (it may only end by being killed; why it did otherwise is kept)
            (folder / "writer.txt").write_text(traceback.format_exc())
        finally:
            os._exit(1)
    os.close(writing)
    received = _until_the_moment(reading, choose, run)
    os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    while part := os.read(reading, 1 << 16):
        received += part
    os.close(reading)
    (folder / "reports").write_bytes(received)
    if status != -signal.SIGKILL:
        raise AssertionError(f"the writer of seed {run.seed} ended by itself: {(folder / 'writer.txt').read_text()}")
    whole, _, _ = received.rpartition(b"\n")
    return [json.loads(line) for line in whole.split(b"\n") if line]


def _until_the_moment(reading: int, choose: random.Random, run: Run) -> bytes:
    """Read reports until it is time: a little after one of the first reports, which is anywhere in the next call."""
    enough = choose.randrange(1, 40)
    pause = choose.choice((choose.uniform(0, 0.003), choose.uniform(0, 0.05)))
    run.moment = f"{pause * 1e6:.0f} microseconds after report {enough}"
    received, end = b"", time.monotonic() + LONGEST_SECONDS
    while received.count(b"\n") < enough and time.monotonic() < end:
        if not select.select([reading], [], [], 1.0)[0]:
            continue
        part = os.read(reading, 1 << 16)
        if not part:
            break
        received += part
    end = time.perf_counter() + pause
    while time.perf_counter() < end:
        pass
    return received
