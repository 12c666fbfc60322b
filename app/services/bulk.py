"""Writing many rows at once with the same guarantee as one: every row is in a change set of the same transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import bindparam

from app.ids import new_id
from app.models.synced import Synced
from app.services import projection
from app.services.batches import batched
from app.services.capture import record_change_set, unit_of
from app.services.changes import Change
from app.services.rows import connection_of, insert_into
from app.services.wire import complete, insert_fields, to_wire

ROWS_A_SET = 1000


class BulkRecorder:
    """Inserts and updates many rows through Core, recording every one.

    Large imports become several change sets of at most 1,000 rows, all in the session's one transaction.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._unit = unit_of(session)

    def insert(self, model: type[Synced], rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert rows of column values; ids and defaults are filled in.

        Returns:
            How many.
        """
        table, now, count = model.__tablename__, self._unit.time.now(), 0
        for some in batched(rows, ROWS_A_SET):
            full, changes = [], []
            for values in some:
                row = complete(model, values)
                row["id"] = row["id"] or new_id()
                row["created_at"] = row["created_at"] or now
                row["created_by"] = row["created_by"] or self._unit.actor_id
                if model.derived_fields:
                    row.update(model.derive(row))
                full.append(row)
                changes.append(Change(table, row["id"], "insert", insert_fields(table, row)))
            insert_into(model.__table__)(connection_of(self._session), full)
            self._record(changes)
            count += len(full)
        return count

    def update(self, model: type[Synced], rows: Sequence[tuple[str, Mapping[str, tuple[Any, Any]]]]) -> int:
        """Update rows, each given as its id and ``{column: (old, new)}`` with Python values.

        Returns:
            How many rows really changed.
        """
        table, count = model.__tablename__, 0
        for some in batched(rows, ROWS_A_SET):
            changes = []
            by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
            for row_id, fields in some:
                changed = {name: pair for name, pair in fields.items() if pair[0] != pair[1]}
                if not changed:
                    continue
                news = {name: new for name, (_, new) in changed.items()}
                values = {**news, **model.derive(news)}
                by_columns.setdefault(tuple(sorted(values)), []).append({"row_id": row_id, **values})
                wired = {name: [to_wire(old), to_wire(new)] for name, (old, new) in changed.items()}
                changes.append(Change(table, row_id, "update", wired))
            for columns, values_list in by_columns.items():
                statement = update(model.__table__).where(  # type: ignore[arg-type]  # mapped to a Table
                    model.__table__.c.id == bindparam("row_id")
                )
                connection_of(self._session).execute(
                    statement.values({name: bindparam(name) for name in columns}), values_list
                )
            self._record(changes)
            count += len(changes)
        return count

    def _record(self, changes: list[Change]) -> None:
        if not changes:
            return
        self._unit.tables |= {change.table for change in changes}
        subjects = projection.refresh(self._session, changes, self._unit.time)
        record_change_set(self._session, self._unit, changes, subjects)
