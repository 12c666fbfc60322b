"""The central store's figures for Prometheus: counts, durations and states, never who or which laptop.

Labels are routes as they are declared, status numbers and words of this program; nothing that a request brings.
Several processes count together through files (``PROMETHEUS_MULTIPROC_DIR``, set by ``rollcall-central serve``), which
one of them adds up when it is asked.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from time import perf_counter
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from app.logs import get_logger
from app.services.sync import protocol
from app.timesource import TimeSource

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
_CODES: Final = frozenset(
    {"sign-in-failed", "token-stale", "bad-signature", "bad-proof", "code-unknown", "code-spent", "code-expired",
     "device-unknown", "device-revoked", "too-many"}
)  # fmt: skip
Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Metrics:
    """What one process counts.

    Attributes:
        registry: what holds the figures when no other process counts with this one.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("rollcall_requests", "Requests answered.", ["route", "status"], **own)
        self.seconds = Histogram(
            "rollcall_request_seconds", "Time from a request to its answer.", ["route"], buckets=_SECONDS, **own
        )
        self.pushed = Counter("rollcall_change_sets", "Change sets answered, again ones too.", ["state"], **own)
        self.sent = Counter("rollcall_sent", "What laptops were sent: entries of the log, rows.", ["what"], **own)
        self.refused = Counter("rollcall_not_let_in", "Requests of those not let in, by reason.", ["reason"], **own)
        live: dict[str, Any] = {**own, "multiprocess_mode": "livesum"}
        self.streams = Gauge("rollcall_live_streams", "Laptops that listen for changes.", **live)
        self.connections = Gauge("rollcall_database_connections", "Connections to the database in use.", **live)

    def note_answer(self, answer: object) -> None:
        """Count what an answer tells or carries."""
        if isinstance(answer, protocol.PushAnswer):
            for result in answer.results:
                self.pushed.labels(result.state).inc()
            if answer.then is not None:
                self.note_answer(answer.then)
        elif isinstance(answer, protocol.PullAnswer):
            self.sent.labels("entries").inc(len(answer.entries))
        else:
            # Pages of rows: the snapshot's and whole units.
            pages = getattr(answer, "pages", None)
            if pages:
                self.sent.labels("rows").inc(sum(page.count for page in pages))

    def note_refused(self, code: str) -> None:
        """Count somebody who was not let in."""
        self.refused.labels(code if code in _CODES else "other").inc()

    def watch(self, engine: Engine) -> None:
        """Count the connections that are in use."""
        event.listen(engine, "checkout", lambda *_: self.connections.inc())
        event.listen(engine, "checkin", lambda *_: self.connections.dec())


class Measured:
    """ASGI middleware: counts and times requests by route, and writes one line of the log for each."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), 500

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = perf_counter() - started
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            get_logger().info("request", page=route, status=status, seconds=round(seconds, 4))


class StoreFigures(Collector):
    """What the database itself tells, asked for at each reading: how far the log is, how laptops keep in touch."""

    def __init__(self, engine: Engine, time: TimeSource) -> None:
        self._engine = engine
        self._time = time

    def collect(self) -> Iterable[Metric]:
        """Return the figures; when the database is away, only that it is."""
        up = GaugeMetricFamily("rollcall_database_up", "1 when the database answers.")
        try:
            figures = list(self._asked())
        except SQLAlchemyError as error:
            get_logger().error("figures not read", error=type(error).__name__)
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return [up, *figures]

    def _asked(self) -> Iterable[Metric]:
        with self._engine.connect() as connection:
            revision = connection.execute(text("SELECT value FROM revision_counter")).scalar_one()
            now = {"now": self._time.now()}
            contacts = connection.execute(text(_CONTACTS), now).all()
            oldest = connection.execute(text(_OLDEST_CONTACT), now).scalar()
        yield GaugeMetricFamily("rollcall_revision", "The newest revision.", value=float(revision))
        laptops = GaugeMetricFamily("rollcall_laptops", "Laptops let in, by last contact.", labels=["last_contact"])
        known: dict[str, int] = {row.bucket: row.laptops for row in contacts}
        for bucket in ("hour", "day", "week", "month", "longer", "never"):
            laptops.add_metric([bucket], known.get(bucket, 0))
        yield laptops
        words = "Whole days since the laptop that is away longest was here."
        yield GaugeMetricFamily("rollcall_oldest_contact_days", words, value=float(oldest or 0))


_CONTACTS: Final = """
SELECT CASE WHEN last_seen_at IS NULL THEN 'never'
            WHEN last_seen_at > CAST(:now AS timestamptz) - interval '1 hour' THEN 'hour'
            WHEN last_seen_at > CAST(:now AS timestamptz) - interval '1 day' THEN 'day'
            WHEN last_seen_at > CAST(:now AS timestamptz) - interval '7 days' THEN 'week'
            WHEN last_seen_at > CAST(:now AS timestamptz) - interval '30 days' THEN 'month'
            ELSE 'longer' END AS bucket, count(*) AS laptops
FROM device_credential WHERE revoked_at IS NULL GROUP BY 1
"""
_OLDEST_CONTACT: Final = """
SELECT floor(extract(epoch FROM CAST(:now AS timestamptz) - min(coalesce(last_seen_at, enrolled_at))) / 86400)
FROM device_credential WHERE revoked_at IS NULL
"""
