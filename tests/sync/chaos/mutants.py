"""Protections taken out one at a time: what a careless change to the product would do. Each must be caught."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import delete

from app.central import batch
from app.central.document_scope import note_shown
from app.central.places import MARKS
from app.central.store import Store
from app.central.visibility import Visibility
from app.models import ChangeSetRow
from app.services.changes import Change, decode
from app.services.sync import documents
from app.services.sync.faults import CentralUnreachable
from app.services.sync.merge import Merged, merge
from app.services.sync.rescue import HandedInReport
from app.services.sync.shapes import wire_defaults

Mutant = Callable[[], AbstractContextManager[object]]


def _news(change: Change) -> dict[str, Any]:
    return {name: new for name, (_, new) in change.fields.items()}


def last_write_wins() -> AbstractContextManager[object]:
    """Whoever syncs last overwrites the field."""

    def merged(change: Change, current: Mapping[str, Any] | None, *more: Any) -> Merged:
        if current is None or change.op != "update":
            return merge(change, current, *more)
        news = _news(change)
        return Merged({**current, **news}, news)

    return patch.object(batch, "merge", merged)


def whole_record() -> AbstractContextManager[object]:
    """The whole record is sent as the laptop knew it, not the fields that were changed."""
    known: dict[str, dict[str, Any]] = {}

    def merged(change: Change, current: Mapping[str, Any] | None, *more: Any) -> Merged:
        if current is None or change.op != "update":
            return merge(change, current, *more)
        row = {**known.setdefault(change.row, dict(current)), **_news(change)}
        return Merged(row, row)

    return patch.object(batch, "merge", merged)


def first_write_wins() -> AbstractContextManager[object]:
    """The second value of a field is dropped, and no conflict keeps it."""

    def merged(change: Change, current: Mapping[str, Any] | None, *more: Any) -> Merged:
        found = merge(change, current, *more)
        found.conflicts.clear()
        return found

    return patch.object(batch, "merge", merged)


def delete_beats_edit() -> AbstractContextManager[object]:
    """A deletion goes through whatever was edited meanwhile."""

    def merged(change: Change, current: Mapping[str, Any] | None, *more: Any) -> Merged:
        return Merged(None) if change.op == "delete" else merge(change, current, *more)

    return patch.object(batch, "merge", merged)


def edit_resurrects() -> AbstractContextManager[object]:
    """An edit of a deleted record brings back a record of defaults with that one field."""

    def merged(change: Change, current: Mapping[str, Any] | None, *more: Any) -> Merged:
        if current is not None or change.op != "update":
            return merge(change, current, *more)
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

    def settle(connection: Any, device_id: str, sha256s: Sequence[str], _sent: Any) -> list[str]:
        for sha256 in sha256s:
            connection.exec_driver_sql("UPDATE document_content SET complete = true WHERE sha256 = %s", (sha256,))
        note_shown(connection, device_id, sha256s)
        return list(sha256s)

    with patch("app.central.documents._settle", settle):
        yield


@contextmanager
def no_guard() -> Iterator[None]:
    """What arrives overwrites what was written here and not sent yet."""
    with patch("app.services.sync.overlay.Guard.fields", lambda *_: frozenset()):
        yield


@contextmanager
def any_place_out() -> Iterator[None]:
    """The central store takes change sets of a laptop in whatever order they arrive."""
    plain, first = Store.push, [0]

    def push(self: Store, device: Any, sets: Sequence[Any], *more: Any) -> Any:
        first[0] = min((decode(each.body).sequence for each in sets), default=1)
        return plain(self, device, sets, *more)

    with patch.object(Store, "push", push), patch.object(Store, "_last_sequence", lambda *_: first[0] - 1):
        yield


@contextmanager
def any_order_in_unproven() -> Iterator[None]:
    """Entries of the log are applied as they come, and nobody compares afterwards."""
    with any_order_in(), patch("app.services.sync.proving.prove_after_sync", lambda *_: None):
        yield


@contextmanager
def work_without_access_is_dropped() -> Iterator[None]:
    """What may not be merged any more is taken out of the outbox, and that is all."""

    def hand_in(ws: Any, _transport: Any, ids: Sequence[str], *_: Any) -> HandedInReport:
        with ws.local_session() as session:
            session.execute(delete(ChangeSetRow).where(ChangeSetRow.id.in_(list(ids))))
        return HandedInReport()

    with patch("app.services.sync.rescue.hand_in", hand_in):
        yield


@contextmanager
def bytes_called_sent() -> Iterator[None]:
    """Bytes count as sent when somebody tried to send them."""
    plain = documents.send

    def send(store: Any, transport: Any, sha256s: Sequence[str], *more: Any) -> Any:
        try:
            return plain(store, transport, sha256s, *more)
        except CentralUnreachable:
            return list(sha256s)

    with patch.object(documents, "send", send):
        yield


@contextmanager
def answered_before_commit() -> Iterator[None]:
    """The laptop is told "accepted" before the central store has committed, and now and then it never does."""
    plain, calls = Store.push, [0]

    def push(self: Store, device: Any, sets: Sequence[Any], *more: Any) -> Any:
        calls[0] += 1
        if calls[0] % 3 or not sets:
            return plain(self, device, sets, *more)
        answer: list[Any] = []

        def do_commit(connection: Any) -> None:
            connection.rollback()

        with patch.object(self.engine.dialect, "do_commit", do_commit):
            answer.append(plain(self, device, sets, *more))
        return answer[0]

    with patch.object(Store, "push", push):
        yield


@contextmanager
def everything_is_shown() -> Iterator[None]:
    """Every laptop may hold every child."""

    def of(_self: Visibility, units: Iterable[str]) -> set[str]:
        return set(units) - MARKS

    with patch.object(Visibility, "of", of):
        yield
