"""Whose laptops are told of documents' bytes: those that hold a record they belong to, or showed to have them.

That the bytes of a document are here may be asked by a laptop that held its record once, or that has them: it has to
know so before it lets its own copy go. The bytes themselves go only to laptops that may hold such a record now. A
record counts only where who named the bytes in it had them (:mod:`app.central.document_claims`): otherwise a laptop
could name another team's bytes in a record of its own.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from app.central.document_claims import proven
from app.central.document_tables import document_proof
from app.central.scope_tables import device_holding
from app.central.tables import document_content
from app.central.visibility import Visibility, viewers_of
from app.models import Document
from app.services.sync.units import units_of_rows
from app.timesource import TimeSource

_TABLE = Document.__tablename__


@dataclass(frozen=True, slots=True)
class Known:
    """Which of some contents a laptop may ask about.

    Attributes:
        asked: that they are here may be said.
        given: their bytes may be fetched now.
    """

    asked: frozenset[str]
    given: frozenset[str]


class DocumentScope:
    """Knows which contents a laptop may ask about."""

    def __init__(self, engine: Engine, own_device: str, time: TimeSource) -> None:
        self._engine, self._own_device, self._time = engine, own_device, time

    def known_to(self, device_id: str, sha256s: Sequence[str]) -> Known:
        """Return which of the contents a laptop may ask about, and fetch."""
        with self._engine.begin() as connection:
            mine = set(shown_by(connection, device_id, sha256s))
            now, once = self._within(connection, device_id, sha256s)
        return Known(frozenset(mine | now | once), frozenset(now))

    def given_to(self, device_id: str, chunks: Sequence[str]) -> list[str]:
        """Return those of the chunks that are part of a content whose record the laptop may hold now."""
        columns = document_content.c
        with self._engine.begin() as connection:
            contents = {
                row.sha256: row.chunk_hashes
                for row in connection.execute(
                    # A list of chunks that never came together may be a false one, made up to get at others.
                    select(columns.sha256, columns.chunk_hashes).where(
                        columns.chunk_hashes.overlap(list(chunks)), columns.complete
                    )
                )
            }
            good, _ = self._within(connection, device_id, list(contents))
        allowed = {chunk for sha256 in good for chunk in contents[sha256]}
        return [chunk for chunk in chunks if chunk in allowed]

    def note_given(self, device_id: str, sha256s: Collection[str]) -> None:
        """Note that a laptop may have contents by right: what it was told to fetch it need not send again."""
        with self._engine.begin() as connection:
            new = sorted(set(sha256s) - set(shown_by(connection, device_id, sha256s)))
            note_shown(connection, device_id, new)

    def _within(self, connection: Connection, device_id: str, sha256s: Collection[str]) -> tuple[set[str], set[str]]:
        """Return the contents of whose records the laptop may hold one now, and of those it held one once."""
        documents = proven(connection, self._own_device, sha256s)
        if not documents:
            return set(), set()
        belongs = units_of_rows(_TABLE, lambda source: source.c.id.in_(list(documents)))
        pairs = [(str(row.id), str(row.unit)) for row in connection.execute(belongs)]
        units = {unit for _, unit in pairs}
        visibility = Visibility(connection, viewers_of(connection, device_id), self._time.now())
        seen = visibility.of(units)
        held = select(device_holding.c.unit).where(
            device_holding.c.device_id == device_id, device_holding.c.unit.in_(units - seen)
        )
        had = {str(unit) for unit in connection.scalars(held)} if units - seen else set()
        linked = {document for document, _ in pairs}
        now = {documents[document] for document, unit in pairs if unit in seen}
        if visibility.reads_cases:
            now |= {sha256 for document, sha256 in documents.items() if document not in linked}
        return now, {documents[document] for document, unit in pairs if unit in had}


def shown_by(connection: Connection, device_id: str, sha256s: Collection[str]) -> list[str]:
    """Return those of some contents that a laptop showed to have, or was given."""
    columns = document_proof.c
    query = select(columns.sha256).where(columns.device_id == device_id, columns.sha256.in_(sha256s))
    return list(connection.scalars(query)) if sha256s else []


def note_shown(connection: Connection, device_id: str, sha256s: Collection[str]) -> None:
    """Note that a laptop has contents by right."""
    rows = [{"device_id": device_id, "sha256": sha256} for sha256 in sha256s]
    if rows:
        connection.execute(insert(document_proof).on_conflict_do_nothing(), rows)
