"""What laptops read: the log after a cursor, a first pull, whole units, and their own change sets."""

from collections.abc import Sequence

from sqlalchemy import Engine, func, select

from app.central.pulling import Puller
from app.central.snapshots import Snapshots
from app.central.store import Store
from app.central.tables import change_log, revision_counter
from app.central.unit_log import UnitLog
from app.services.sync.protocol import (
    PAGE_ENTRIES,
    VERSION,
    OwnSet,
    OwnSets,
    PullAnswer,
    SnapshotAnswer,
    SnapshotStart,
    page,
)
from app.services.sync.scope_protocol import HistoryRequest, UnitsAnswer
from app.timesource import TimeSource


class Reader:
    """Reads the store for laptops, each within its scope; waits for no push."""

    def __init__(self, engine: Engine, store: Store, time: TimeSource) -> None:
        self._engine = engine
        self._puller = Puller(engine, store, time)
        self._snapshots = Snapshots(engine, time)
        self._unit_log = UnitLog(engine, time)

    def head(self) -> int:
        """Return the newest revision."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(revision_counter.c.value)).scalar_one())

    def pull(
        self, device_id: str, cursor: int, limit: int, version: int = VERSION, prove: Sequence[str] | None = None
    ) -> PullAnswer:
        """Return the log after a revision as a laptop may read it (:meth:`app.central.pulling.Puller.pull`)."""
        return self._puller.pull(device_id, cursor, limit, version, prove)

    def history(self, device_id: str, request: HistoryRequest) -> PullAnswer:
        """Return what the log says of units (:meth:`app.central.unit_log.UnitLog.history`)."""
        return self._unit_log.history(device_id, request)

    def own_sets(self, device_id: str, after: int, limit: int) -> OwnSets:
        """Return a laptop's own change sets after a place in its order, refused ones too, as much as fits a page."""
        columns = change_log.c
        own = columns.device_id == device_id
        with self._engine.connect() as connection:
            last = connection.execute(select(func.max(columns.sequence)).where(own)).scalar()
            rows = connection.execute(
                select(change_log)
                .where(own, columns.sequence > after)
                .order_by(columns.sequence)
                .limit(max(1, min(limit, PAGE_ENTRIES)))
            ).all()
        sets = [
            OwnSet(
                row.change_set_id,
                row.sequence,
                row.state,
                row.revision,
                bytes(row.body),
                bytes(row.signature),
                bytes(row.receipt),
                row.refusal,
            )
            for row in rows
        ]
        return OwnSets(sets[: page(sets, [len(each.body) + 300 for each in sets])], int(last or 0))

    def snapshot_start(self, device_id: str) -> SnapshotStart:
        """Return what a first pull will bring (:meth:`app.central.snapshots.Snapshots.start`)."""
        return self._snapshots.start(device_id)

    def snapshot(self, device_id: str, table: str, after: str | None, limit: int) -> SnapshotAnswer:
        """Return rows of a first pull (:meth:`app.central.snapshots.Snapshots.rows`)."""
        return self._snapshots.rows(device_id, table, after, limit)

    def units(self, device_id: str, units: Sequence[str]) -> UnitsAnswer:
        """Return units whole (:meth:`app.central.snapshots.Snapshots.units`)."""
        return self._snapshots.units(device_id, units)
