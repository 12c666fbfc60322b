"""Everything of one schedule: its laptops, its central store, its network and its clocks."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy.util import LRUCache

from app.services.vault import database
from app.services.workspace import Workspace
from tests.sync.chaos.baton import current
from tests.sync.chaos.central import Central
from tests.sync.chaos.determinism import Ids
from tests.sync.chaos.laptop import Laptop, plain_sync
from tests.sync.chaos.network import Network
from tests.sync.chaos.template import Template

COMPOSED = 2000
SKEWS = (timedelta(0), timedelta(0), timedelta(minutes=7), timedelta(hours=-3), timedelta(days=2), timedelta(days=-40))


class World:
    """What a schedule acts on.

    Attributes:
        acting: whose code runs at this moment.
        trace: what happened, in words, for a person who looks at a failing seed.
        restored: how often the central store was put back to a backup.
        healing: the network is good, and laptops go on with the session that they have.
    """

    current: "World | None" = None

    def __init__(self, template: Template, central: Central, folder: Path, ids: Ids, seed: int) -> None:
        self.template, self.central, self.folder, self.ids = template, central, folder, ids
        self.seed = seed
        self.trace: list[str] = []
        self.counts: Counter[str] = Counter()
        self.network = Network(central, self.say)
        self.laptops: list[Laptop] = []
        self.acting: Laptop | None = None
        self.sync: Callable[[Workspace, Any], object] = plain_sync
        self.words = 0
        self.store_kept = False
        self.restored = 0
        self.healing = False

    def add(self, name: str, skew: timedelta) -> None:
        """Let a laptop take part."""
        self.laptops.append(Laptop(self, name, skew))

    def say(self, words: str) -> None:
        """Put a line on the trace."""
        self.trace.append(words)

    def word(self) -> str:
        """Return a word that was never written before."""
        self.words += 1
        return f"word{self.words:04d}"

    def pass_time(self, **units: float) -> None:
        """Let every clock go on."""
        for laptop in self.laptops:
            laptop.time.advance(**units)
        self.central.time.advance(**units)

    @contextmanager
    def as_(self, laptop: Laptop) -> Iterator[None]:
        """Let a laptop's code run."""
        before, skew = self.acting, self.ids.skew_ms
        self.acting, self.ids.skew_ms = laptop, laptop.skew_ms
        try:
            yield
        finally:
            self.acting, self.ids.skew_ms = before, skew

    def run(self, laptop: Laptop) -> None:
        """Give a laptop's sync the baton until it pauses or ends."""
        assert laptop.task is not None
        with self.as_(laptop):
            laptop.task.resume()

    def logged(self) -> set[str]:
        """Return the ids of the change sets that the central store has."""
        return {row[0] for row in self.central.rows("SELECT change_set_id::text FROM change_log")}

    def close(self) -> None:
        """End every process."""
        for laptop in self.laptops:
            laptop.close()


def skew_for(chance: random.Random) -> timedelta:
    """Return how wrong a clock is."""
    return chance.choice(SKEWS)


@contextmanager
def hooked() -> Iterator[None]:
    """Make commits of a vault places to be killed at, and beginnings of its sessions places to be overtaken at."""
    dialect: Any = database._dialect()
    plain_commit = dialect.do_commit

    def do_commit(connection: Any) -> None:
        laptop = World.current.acting if World.current is not None else None
        if laptop is None or laptop.kill is None or laptop.kill.at == "call":
            plain_commit(connection)
            return
        laptop.kill.left -= 1
        if laptop.kill.left >= 0:
            plain_commit(connection)
            return
        if laptop.kill.at == "after commit":
            plain_commit(connection)
        laptop.end_here()

    composed: Any = LRUCache(COMPOSED)

    def engine_on(*arguments: Any, **named: Any) -> Any:
        engine = plain_engine_on(*arguments, **named)
        engine._compiled_cache = composed
        return engine

    plain_engine_on = database.engine_on
    with ExitStack() as stack:
        stack.enter_context(patch.object(dialect, "do_commit", do_commit))
        # Every laptop of every schedule asks the same questions: they are put into SQL once.
        stack.enter_context(patch("app.services.vault.vault.engine_on", engine_on))
        for name in ("read", "_unit"):
            stack.enter_context(patch.object(Workspace, name, _overtakable(getattr(Workspace, name))))
        yield


def _overtakable(plain: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def session(self: Workspace, *arguments: Any, **named: Any) -> Iterator[Any]:
        task = current()
        laptop = World.current.acting if World.current is not None and task is not None else None
        if laptop is None or laptop.ws is not self:
            with plain(self, *arguments, **named) as found:
                yield found
            return
        if laptop.depth == 0:
            laptop.pause("at the vault")
        laptop.depth += 1
        try:
            with plain(self, *arguments, **named) as found:
                yield found
        finally:
            laptop.depth -= 1

    return session
