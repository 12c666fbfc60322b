"""How often anybody may ask: rates shared by all worker processes.

They are token buckets in the database, by the database's clock. For laptops, whose requests are many, a worker takes a
handful of tokens at a time and hands them out from memory, so that the count stays common and costs next to nothing.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, select, text

from app.central.sign_in_tables import rate_bucket
from app.central.tokens import TrustError

REMEMBERED = 10_000
_HELD_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket.

    Attributes:
        name: stands before the key.
        burst: requests at once.
        per_second: requests in the long run.
        handful: tokens that a worker takes at a time.
    """

    name: str
    burst: float
    per_second: float
    handful: int = 1


LAPTOP = Rate("laptop", 900, 30, 30)
PROVING = Rate("proving", 3000, 100, 10)
"""By address: laptops proving their keys. A whole council may come from one."""
KNOCKING = Rate("knocking", 1000, 5)
"""By address: codes, names and passwords. Wrong ones are counted apart and sooner (:mod:`app.central.tries`)."""

PROVING_PATHS = frozenset({"/v1/challenge", "/v1/session", "/v1/rescue/session"})
KNOCKING_PATHS = frozenset(
    {
        "/v1/enrolment",
        "/v1/enrolment/check",
        "/v1/sign-in",
        "/v1/sign-in/way",
        "/v1/sign-in/start",
        "/v1/sign-in/provider",
        "/v1/sign-in/account",
        "/v1/sign-in/renew",
        "/v1/sign-in/end",
        "/v1/my-code",
        "/v1/second-step",
        "/v1/second-step/confirm",
    }
)

_TAKE = text(
    "INSERT INTO rate_bucket AS held (key, tokens, at) VALUES (:key, :burst - :wanted, clock_timestamp()) "
    "ON CONFLICT (key) DO UPDATE SET at = clock_timestamp(), tokens = LEAST(:burst, "
    "held.tokens + GREATEST(0, extract(epoch FROM clock_timestamp() - held.at)) * :rate) - :wanted "
    "WHERE LEAST(:burst, held.tokens + GREATEST(0, extract(epoch FROM clock_timestamp() - held.at)) * :rate) "
    ">= :wanted RETURNING held.tokens"
)
_CLEAR = text("DELETE FROM rate_bucket WHERE at < clock_timestamp() - interval '1 day'")


class Limits:
    """Counts requests."""

    def __init__(
        self,
        engine: Engine,
        *,
        laptop: Rate = LAPTOP,
        proving: Rate = PROVING,
        knocking: Rate = KNOCKING,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        from time import monotonic as system_monotonic

        self._engine = engine
        self.laptop, self.proving, self.knocking = laptop, proving, knocking
        self._monotonic = monotonic or system_monotonic
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def count_laptop(self, device_id: str) -> None:
        """Count a request of a laptop that is let in.

        Raises:
            TrustError: ``too-many``, with the seconds to wait.
        """
        self.count(self.laptop, device_id)

    def count_open(self, path: str, address: str) -> None:
        """Count a request that needs no token.

        Raises:
            TrustError: ``too-many``.
        """
        if path in PROVING_PATHS:
            self.count(self.proving, address)
        elif path in KNOCKING_PATHS:
            self.count(self.knocking, address)

    def count(self, rate: Rate, who: str) -> None:
        """Count a request.

        Raises:
            TrustError: ``too-many``.
        """
        key = f"{rate.name} {who[:100]}"
        if self._from_hand(key):
            return
        wanted = min(rate.handful, int(rate.burst))
        if self._take(rate, key, wanted):
            if wanted > 1:
                self._keep(key, wanted - 1)
            return
        if wanted == 1 or not self._take(rate, key, 1):
            seconds = self._wait(rate, key)
            words = f"Too many requests. Try again in {seconds} seconds. Your work is kept."
            raise TrustError("too-many", words, retry_after=seconds)

    def _from_hand(self, key: str) -> bool:
        if key not in self._held:
            return False
        with self._lock:
            count, since = self._held.pop(key, (0, 0.0))
            if not count or self._monotonic() - since > _HELD_SECONDS:
                return False
            if count > 1:
                self._held[key] = (count - 1, since)
            return True

    def _keep(self, key: str, count: int) -> None:
        with self._lock:
            before, _since = self._held.pop(key, (0, 0.0))
            self._held[key] = (before + count, self._monotonic())
            while len(self._held) > REMEMBERED:
                self._held.popitem(last=False)

    def _take(self, rate: Rate, key: str, wanted: int) -> bool:
        values = {"key": key, "burst": rate.burst, "rate": rate.per_second, "wanted": wanted}
        with self._engine.begin() as connection:
            left = connection.execute(_TAKE, values).scalar()
            if left is not None and left == rate.burst - wanted:  # a bucket that was full: now and then, others are old
                connection.execute(_CLEAR)
        return left is not None

    def _wait(self, rate: Rate, key: str) -> int:
        with self._engine.connect() as connection:
            tokens = connection.execute(select(rate_bucket.c.tokens).where(rate_bucket.c.key == key)).scalar() or 0.0
        return max(1, int((1 - min(float(tokens), 1.0)) / rate.per_second) + 1)
