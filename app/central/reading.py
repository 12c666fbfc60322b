"""What laptops pull: the log after a cursor, and the snapshot of a first pull."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, func, select

from app.central import records
from app.central.tables import change_log, revision_counter
from app.models.synced import SYNCED_TABLES
from app.services.sync.protocol import (
    PAGE_BYTES,
    PAGE_ENTRIES,
    SNAPSHOT_ROWS,
    LogEntry,
    OwnSet,
    OwnSets,
    ProtocolError,
    PullAnswer,
    SnapshotAnswer,
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

    def snapshot_start(self) -> SnapshotStart:
        """Return what a first pull will bring.

        The revision is read first: whatever changes while the pages are sent is in the log after it.
        """
        with self._engine.connect() as connection:
            revision = int(connection.execute(select(revision_counter.c.value)).scalar_one())
            tables = [(name, records.count(connection, name)) for name in SYNCED_TABLES]
        return SnapshotStart(revision, tables)

    def snapshot(self, table: str, after: str | None, limit: int) -> SnapshotAnswer:
        """Return rows from a table on, after a key: small tables share an answer, a large one takes several.

        Raises:
            ProtocolError: there is no such table.
        """
        if table not in SYNCED_TABLES:
            raise ProtocolError("no such table")
        tables = list(SYNCED_TABLES)
        left_bytes, left_rows = PAGE_BYTES, max(1, min(limit, SNAPSHOT_ROWS))
        pages: list[SnapshotPage] = []
        with self._engine.connect() as connection:
            for name in tables[tables.index(table) :]:
                start = after if name == table else None
                rows = connection.exec_driver_sql(records.list_query(name), (start, start, left_rows)).all()
                kept = page(rows, [len(row[1]) for row in rows], left_bytes)
                if kept:
                    pages.append(_page(name, rows[:kept]))
                    left_rows -= kept
                    left_bytes -= len(pages[-1].rows)
                if kept < len(rows) or left_rows <= 0 or left_bytes <= 0:
                    return SnapshotAnswer(pages, name, rows[kept - 1][0])
        return SnapshotAnswer(pages, None, None)


def _page(table: str, rows: Sequence[Any]) -> SnapshotPage:
    text = f"[{','.join(row[1] for row in rows)}]".encode()
    return SnapshotPage(table, list(columns_of(table)), text, len(rows), rows[-1][0])
