"""Rows as a page of changes leaves them, with what this laptop wrote and has not seen merged left alone."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from app.services.changes import Change
from app.services.sync import writing
from app.services.sync.faults import TooManyDeletions
from app.services.sync.fuse import too_many_deletions
from app.services.sync.shapes import wire_defaults

Key = tuple[str, str]
FOREVER = float("inf")


@dataclass(slots=True)
class Guard:
    """Fields that this laptop wrote and whose merging has not been seen yet."""

    writes: dict[Key, list[tuple[float, frozenset[str] | None]]] = field(default_factory=dict)

    def add(self, change: Change, revision: float) -> None:
        """Note one of this laptop's changes, merged at a revision (or not yet: infinity)."""
        fields = None if change.op == "delete" else frozenset(change.fields)
        self.writes.setdefault((change.table, change.row), []).append((revision, fields))

    def fields(self, key: Key, revision: float) -> frozenset[str] | None:
        """Return the fields of a row that a change of this revision must leave alone; None for the whole row."""
        guarded: frozenset[str] = frozenset()
        for merged_at, fields in self.writes.get(key, ()):
            if merged_at > revision:
                if fields is None:
                    return None
                guarded |= fields
        return guarded


@dataclass(slots=True)
class Overlay:
    """Rows as a page of entries leaves them, gathered before anything is written."""

    stored: set[Key]
    guard: Guard
    rows: dict[Key, dict[str, Any] | None] = field(default_factory=dict)
    fresh: set[Key] = field(default_factory=set)
    renamed: set[Key] = field(default_factory=set)
    """Rows that made room for others when these were written."""

    def take(self, change: Change, revision: float) -> None:
        """Apply one change on top of what is there."""
        key = (change.table, change.row)
        guarded = self.guard.fields(key, revision)
        if guarded is None:
            return
        present = self.rows[key] is not None if key in self.rows else key in self.stored
        if change.op == "delete":
            # An edit of this laptop that is still on its way is never deleted; its own entry will tell.
            if present and not guarded:
                self.rows[key] = None
                self.fresh.discard(key)
            return
        news = {name: pair[1] for name, pair in change.fields.items() if name not in guarded}
        if present:
            row = self.rows.get(key)
            self.rows[key] = {**row, **news} if row else news
        elif change.op == "insert":
            self.rows[key] = {**wire_defaults(change.table), **news}
            self.fresh.add(key)
        # A change to a row that is not here: it was deleted by a revision that a first pull has seen already.

    def write(self, connection: Connection, *, own: bool = False) -> None:
        """Write what the rows have become.

        Args:
            connection: in a transaction.
            own: this laptop's own changes are written again: what a person here deleted needs no fuse.

        Raises:
            TooManyDeletions: the fuse.
        """
        inserts: dict[str, list[dict[str, Any]]] = {}
        updates: dict[str, dict[str, dict[str, Any]]] = {}
        deletes: dict[str, list[str]] = {}
        for key, row in self.rows.items():
            table, row_id = key
            if row is None:
                if key in self.stored:
                    deletes.setdefault(table, []).append(row_id)
            elif key in self.stored:
                updates.setdefault(table, {})[row_id] = row
            else:
                inserts.setdefault(table, []).append(row)
        for table, ids in deletes.items():
            if not own and too_many_deletions(len(ids), writing.count(connection, table)):
                raise TooManyDeletions(
                    "The central store asks this laptop to delete a large share of its records. Nothing was deleted. "
                    "Ask a supervisor to look and confirm it.",
                    deletes,
                )
        for table, ids in deletes.items():
            writing.delete(connection, table, ids)
        for table, rows in updates.items():
            writing.update_wire(connection, table, rows, self.renamed)
        for table, fresh in inserts.items():
            writing.insert_wire(connection, table, fresh, self.renamed)
