"""What must not differ between two runs of one seed: ids, clocks and tokens. Times come from frozen clocks."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

_FIRST_MS = 1_795_000_000_000


class Ids:
    """Stands for ``uuid_utils``: UUIDv7 that count up, and lie where a laptop's wrong clock would put them.

    Attributes:
        skew_ms: how wrong the clock of whoever acts now is.
    """

    def __init__(self) -> None:
        self.start("")

    def start(self, seed: object) -> None:
        """Begin again; another seed gives other ids."""
        self._random = random.Random(f"ids {seed}")
        # No two schedules, and no schedule and the template, draw the same: a life of the store is told by its name.
        self.secrets = random.Random(f"secrets {seed}")
        self._count = 0
        self.skew_ms = 0

    def uuid7(self) -> UUID:
        """Return the next id."""
        self._count += 1
        stamp = _FIRST_MS + self._count + self.skew_ms
        tail = self._random.getrandbits(62)
        return UUID(int=(stamp << 80) | (7 << 76) | ((self._count & 0xFFF) << 64) | (2 << 62) | tail)


class _Secrets:
    """Stands for ``secrets`` in the central store: nobody attacks a schedule."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def token_hex(self, count: int = 32) -> str:
        return self._ids.secrets.randbytes(count).hex()

    def token_urlsafe(self, count: int = 32) -> str:
        return self._ids.secrets.randbytes(count).hex()

    def choice(self, items: Any) -> Any:
        return self._ids.secrets.choice(items)

    def __getattr__(self, name: str) -> Any:
        import secrets

        return getattr(secrets, name)


@contextmanager
def deterministic() -> Iterator[Ids]:
    """Let everything that draws at random count instead, and disks never be full, while the block lasts."""
    import sys

    ids = Ids()
    with ExitStack() as stack:
        stack.enter_context(patch("app.ids.uuid_utils", ids))
        for name, module in list(sys.modules.items()):
            if name.startswith("app.central") and hasattr(module, "secrets"):
                stack.enter_context(patch.object(module, "secrets", _Secrets(ids)))
        # 64 MiB beside each of a thousand vaults would only measure the disk.
        stack.enter_context(patch("app.services.vault.reserve.SIZE", 1))
        stack.enter_context(patch("app.services.vault.reserve.LEAST", 0))
        yield ids
