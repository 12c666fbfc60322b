"""A bench for tests that tell a story step by step, in the same world as the schedules."""

import atexit
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.errors import RollcallError
from app.models import Case, Child, Task
from tests.sync.chaos import invariants
from tests.sync.chaos.baton import LaptopKilled
from tests.sync.chaos.determinism import deterministic
from tests.sync.chaos.laptop import Kill, Laptop
from tests.sync.chaos.running import environment
from tests.sync.chaos.template import Template, make_template, memory_folder, start_server
from tests.sync.chaos.worker import Bench
from tests.sync.chaos.world import World


@cache
def shared() -> Template:
    """Return a template for all that runs in this process or is started by it; it goes when the process ends.

    Another process makes it and keeps its server: with the order of sets that seeds are replayed in.
    """
    folder = Path(tempfile.mkdtemp(prefix="rollcall-chaos-", dir=memory_folder()))
    command = [sys.executable, "-m", "tests.sync.chaos", "--prepare", str(folder)]
    keeper = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), start_new_session=True
    )
    orders, answers = keeper.stdin, keeper.stdout
    assert orders is not None
    assert answers is not None

    def let_go() -> None:
        orders.close()
        answers.close()
        keeper.wait(60)

    atexit.register(let_go)
    return Template.read(Path(answers.readline().decode().strip()))


def prepare(folder: Path) -> None:
    """Make a template and keep its server running until standard input ends, then leave nothing behind."""
    server = start_server(folder)
    try:
        template = make_template(folder, server)
        template.save()
        sys.stdout.write(f"{template.place}\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


_numbers = count(1)


@contextmanager
def bench(laptops: int = 3) -> Iterator[Bench]:
    """Yield a bench on the shared template."""
    template = shared()
    with deterministic() as ids:
        made = Bench(template, ids, f"bench_{next(_numbers)}", laptops)
        try:
            yield made
        finally:
            made.close()


class Story:
    """What happens on some laptops, told one thing after another.

    Attributes:
        broken: promises that were broken on the way.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.broken: list[str] = []

    def laptop(self, name: str) -> Laptop:
        """Return a laptop by name."""
        return next(each for each in self.world.laptops if each.name == name)

    def do(self, name: str, work: Callable[[Any], Any], *, kill: str = "", after: int = 0) -> Any:
        """Let the person at a laptop do something; it may be killed at one of its commits."""
        laptop = self.laptop(name)
        self.world.pass_time(seconds=30)
        laptop.kill = Kill(kill, after) if kill else None
        try:
            with self.world.as_(laptop):
                return work(laptop.ws)
        except LaptopKilled:
            laptop.die()
            return None
        finally:
            laptop.kill = None
            laptop.note_commits()

    def sync(self, *names: str, kill: str = "", after: int = 0) -> str:
        """Sync laptops one after the other; return the last one's fault in words, or nothing."""
        words = ""
        for name in names:
            laptop = self.laptop(name)
            self.world.pass_time(seconds=30)
            laptop.start_sync(random.Random(0), None, Kill(kill, after) if kill else None)
            self.world.run(laptop)
            task = laptop.task
            assert task is not None
            laptop.task, laptop.depth, words = None, 0, ""
            if isinstance(task.error, LaptopKilled):
                laptop.die()
                words = "killed"
            elif isinstance(task.error, RollcallError):
                words = task.error.message
            elif task.error is not None:
                raise task.error
            laptop.kill = None
            found = invariants.check_after_sync(self.world, laptop)
            self.broken += [found] if found else []
        return words

    def end(self) -> list[str]:
        """Let everybody sync until all agree, and return every promise that was broken."""
        names = [laptop.name for laptop in self.world.laptops]
        for _ in range(3):
            self.sync(*names)
        return self.broken + invariants.check(self.world)

    def case_of(self, name: str, surname: str) -> str:
        """Return the id of a child's case."""
        with self.laptop(name).ws.read() as session:
            query = select(Case.id).join(Child, Child.id == Case.child_id).where(Child.surname == surname)
            return session.scalars(query).one()

    def tasks_of(self, name: str, case_id: str) -> list[str]:
        """Return the ids of a case's tasks, in order."""
        with self.laptop(name).ws.read() as session:
            return list(session.scalars(select(Task.id).where(Task.case_id == case_id).order_by(Task.id)))


def put(model: type, row_id: str, **values: Any) -> Callable[[Any], None]:
    """Return what sets fields of a record."""

    def work(ws: Any) -> None:
        with ws.write("Changed a field") as session:
            row = session.get(model, row_id)
            for name, value in values.items():
                setattr(row, name, value)

    return work


def remove(model: type, row_id: str) -> Callable[[Any], None]:
    """Return what deletes a record."""

    def work(ws: Any) -> None:
        with ws.write("Removed a record") as session:
            session.delete(session.get(model, row_id))

    return work
