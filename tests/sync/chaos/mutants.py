"""Protections taken out one at a time: what a careless change to the product would do. Each must be caught."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from app.central import batch
from app.central.documents import ByteStore
from app.services.changes import Change
from app.services.sync.merge import Merged, merge
from app.services.sync.shapes import wire_defaults

Mutant = Callable[[], AbstractContextManager[object]]


def _news(change: Change) -> dict[str, Any]:
    return {name: new for name, (_, new) in change.fields.items()}


def last_write_wins() -> AbstractContextManager[object]:
    """Whoever syncs last overwrites the field."""

    def merged(change: Change, current: Mapping[str, Any] | None) -> Merged:
        if current is None or change.op != "update":
            return merge(change, current)
        news = _news(change)
        return Merged({**current, **news}, news)

    return patch.object(batch, "merge", merged)


def whole_record() -> AbstractContextManager[object]:
    """The whole record is sent as the laptop knew it, not the fields that were changed."""
    known: dict[str, dict[str, Any]] = {}

    def merged(change: Change, current: Mapping[str, Any] | None) -> Merged:
        if current is None or change.op != "update":
            return merge(change, current)
        row = {**known.setdefault(change.row, dict(current)), **_news(change)}
        return Merged(row, row)

    return patch.object(batch, "merge", merged)


def first_write_wins() -> AbstractContextManager[object]:
    """The second value of a field is dropped, and no conflict keeps it."""

    def merged(change: Change, current: Mapping[str, Any] | None) -> Merged:
        found = merge(change, current)
        found.conflicts.clear()
        return found

    return patch.object(batch, "merge", merged)


def delete_beats_edit() -> AbstractContextManager[object]:
    """A deletion goes through whatever was edited meanwhile."""

    def merged(change: Change, current: Mapping[str, Any] | None) -> Merged:
        return Merged(None) if change.op == "delete" else merge(change, current)

    return patch.object(batch, "merge", merged)


def edit_resurrects() -> AbstractContextManager[object]:
    """An edit of a deleted record brings back a record of defaults with that one field."""

    def merged(change: Change, current: Mapping[str, Any] | None) -> Merged:
        if current is not None or change.op != "update":
            return merge(change, current)
        row = {**wire_defaults(change.table), "id": change.row, "created_at": "2026-11-17T09:00:00+00:00"}
        return Merged({**row, **_news(change)}, row)

    return patch.object(batch, "merge", merged)


def no_fuse() -> AbstractContextManager[object]:
    """Nothing stops a pull that deletes a large share of a table."""
    return patch("app.services.sync.overlay.too_many_deletions", lambda *_: False)


def any_receipt() -> AbstractContextManager[object]:
    """Whatever answers "accepted" is believed."""
    return patch("app.services.sync.receipts.ReceiptChecker.fits", lambda *_: True)


def any_order_in() -> AbstractContextManager[object]:
    """A pull with a hole in it is applied as far as it goes."""
    return patch("app.services.sync.apply._check_order", lambda *_: None)


@contextmanager
def complete_unseen() -> Iterator[None]:
    """The central store calls a document whole when the laptop says so."""

    def finish(self: ByteStore, sha256s: Sequence[str]) -> None:
        with self._engine.begin() as connection:
            for sha256 in sha256s:
                connection.exec_driver_sql("UPDATE document_content SET complete = true WHERE sha256 = %s", (sha256,))

    with patch.object(ByteStore, "finish", finish):
        yield


@contextmanager
def no_guard() -> Iterator[None]:
    """What arrives overwrites what was written here and not sent yet."""
    with patch("app.services.sync.overlay.Guard.fields", lambda *_: frozenset()):
        yield
