"""What laptops pull: the log after a cursor, and the snapshot of a first pull."""

from sqlalchemy import Engine, select

from app.central import records
from app.central.tables import change_log, revision_counter
from app.models.synced import SYNCED_TABLES
from app.services.sync.protocol import (
    PAGE_BYTES,
    PAGE_ENTRIES,
    SNAPSHOT_ROWS,
    LogEntry,
    ProtocolError,
    PullAnswer,
    SnapshotPage,
    SnapshotStart,
    page,
)
from app.services.sync.shapes import columns_of


class Reader:
    """Reads the store for laptops; takes no locks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def head(self) -> int:
        """Return the newest revision."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(revision_counter.c.value)).scalar_one())

    def pull(self, device_id: str, cursor: int, limit: int) -> PullAnswer:
        """Return the log after a revision, in order, as much as fits a page.

        Args:
            device_id: who asks; the bodies of its own change sets are left out, it has them.
            cursor: the last revision it has.
            limit: the most entries it wants.
        """
        columns = change_log.c
        with self._engine.connect() as connection:
            head = int(connection.execute(select(revision_counter.c.value)).scalar_one())
            rows = connection.execute(
                select(
                    columns.revision,
                    columns.change_set_id,
                    columns.device_id,
                    columns.body,
                    columns.signature,
                    columns.effective,
                )
                .where(columns.revision > cursor)
                .order_by(columns.revision)
                .limit(max(1, min(limit, PAGE_ENTRIES)))
            ).all()
        entries = [
            LogEntry(
                row.revision,
                row.change_set_id,
                b"" if row.device_id == device_id else bytes(row.body),
                b"" if row.device_id == device_id else bytes(row.signature),
                bytes(row.effective),
            )
            for row in rows
        ]
        entries = entries[: page(entries, [len(entry.body) + len(entry.effective) + 200 for entry in entries])]
        return PullAnswer(entries, entries[-1].revision if entries else cursor, max(head, cursor))

    def snapshot_start(self) -> SnapshotStart:
        """Return what a first pull will bring.

        The revision is read first: whatever changes while the pages are sent is in the log after it.
        """
        with self._engine.connect() as connection:
            revision = int(connection.execute(select(revision_counter.c.value)).scalar_one())
            tables = [(name, records.count(connection, name)) for name in SYNCED_TABLES]
        return SnapshotStart(revision, tables)

    def snapshot_page(self, table: str, after: str | None, limit: int) -> SnapshotPage:
        """Return rows of a table in key order after a key.

        Raises:
            ProtocolError: there is no such table.
        """
        if table not in SYNCED_TABLES:
            raise ProtocolError("no such table")
        limit = max(1, min(limit, SNAPSHOT_ROWS))
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql(records.list_query(table), (after, after, limit)).all()
        kept = page(rows, [len(row[1]) for row in rows], PAGE_BYTES)
        at_end = kept == len(rows) and len(rows) < limit
        text = f"[{','.join(row[1] for row in rows[:kept])}]".encode()
        return SnapshotPage(
            table, list(columns_of(table)), text, kept, None if at_end or not kept else rows[kept - 1][0]
        )
