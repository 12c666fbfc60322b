"""A bench for tests that tell a story step by step, in the same world as the schedules."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.sync.chaos.determinism import deterministic
from tests.sync.chaos.template import make_template, memory_folder, start_server
from tests.sync.chaos.worker import Bench


@contextmanager
def bench(laptops: int = 3) -> Iterator[Bench]:
    """Make a template and yield a bench on it."""
    folder = Path(tempfile.mkdtemp(prefix="rollcall-chaos-", dir=memory_folder()))
    server = start_server(folder)
    try:
        template = make_template(folder, server)
        with deterministic() as ids:
            made = Bench(template, ids, "told_bench", laptops)
            try:
                yield made
            finally:
                made.close()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
