"""Runs work on vaults in processes whose files may not grow beyond a byte: real write errors at any stage of it.

The operating system refuses every byte beyond ``RLIMIT_FSIZE`` (after writing those before it), so a save, a backup or
a rotation is torn exactly there. No root and no special file system is needed. One helper process imports everything
and forks a child for each piece of work, because a fork costs a fiftieth of a start.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Outcome:
    """What a child did.

    Attributes:
        done: what it reported as committed, in order.
        said: the words of the error that ended it, or an empty text.
        trace: a traceback: what a person must never meet.
    """

    done: list[str] = field(default_factory=list)
    said: str = ""
    trace: str = ""


class Helper:
    """The process that forks."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", "from tests.faults.limited import serve; serve()"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def run(self, work: str, folder: Path, now: datetime, limit: int, **options: Any) -> Outcome:
        """Do a piece of work named in ``tests.faults.jobs`` with files limited to so many bytes."""
        job = {"work": work, "folder": str(folder), "now": now.isoformat(), "limit": limit, "options": options}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        return Outcome(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def serve() -> None:
    """Take jobs from standard input until it ends."""
    from tests.faults import jobs

    for line in sys.stdin:
        job = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(jobs.WORK[job["work"]], job, writing)
        os.close(writing)
        with os.fdopen(reading) as stream:
            answer = stream.read()
        os.waitpid(child, 0)
        sys.stdout.write((answer or json.dumps({"trace": "the child died"})) + "\n")
        sys.stdout.flush()


def _child(work: Callable[..., None], job: dict[str, Any], writing: int) -> None:
    import resource

    from app.errors import RollcallError

    done: list[str] = []
    outcome: dict[str, Any] = {"done": done}
    try:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if job["limit"] > 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], resource.RLIM_INFINITY))
        work(Path(job["folder"]), datetime.fromisoformat(job["now"]), done.append, **job["options"])
    except RollcallError as error:
        outcome["said"] = error.message
    except BaseException:  # noqa: BLE001  (whatever it is, the test shows it)
        outcome["trace"] = traceback.format_exc()
    os.write(writing, json.dumps(outcome).encode())
    os._exit(0)
