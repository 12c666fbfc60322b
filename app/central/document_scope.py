"""Whose laptops are told of documents' bytes: those that hold the record they belong to.

That the bytes of a document are here may be asked by a laptop that held its record once: it has to know so before it
lets its own copy go. The bytes themselves go only to laptops that may hold the record now.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, select

from app.central.scope_tables import device_holding
from app.central.tables import document_content
from app.central.visibility import Visibility, viewers_of
from app.models import Document
from app.services.sync.units import units_of_rows
from app.timesource import TimeSource

_TABLE = Document.__tablename__


class DocumentScope:
    """Knows which contents a laptop may ask about."""

    def __init__(self, engine: Engine, time: TimeSource) -> None:
        self._engine, self._time = engine, time

    def known_to(self, device_id: str, sha256s: Sequence[str]) -> list[str]:
        """Return those of the contents whose record the laptop holds or held."""
        with self._engine.connect() as connection:
            return self._within(connection, device_id, sha256s, once=True)

    def given_to(self, device_id: str, chunks: Sequence[str]) -> list[str]:
        """Return those of the chunks that are part of a content whose record the laptop may hold now."""
        columns = document_content.c
        with self._engine.connect() as connection:
            contents = {
                row.sha256: row.chunk_hashes
                for row in connection.execute(
                    select(columns.sha256, columns.chunk_hashes).where(columns.chunk_hashes.overlap(list(chunks)))
                )
            }
            good = self._within(connection, device_id, list(contents), once=False)
        allowed = {chunk for sha256 in good for chunk in contents[sha256]}
        return [chunk for chunk in chunks if chunk in allowed]

    def _within(self, connection: Connection, device_id: str, sha256s: Sequence[str], *, once: bool) -> list[str]:
        if not sha256s:
            return []
        documents = {
            row.id: row.sha256
            for row in connection.execute(select(Document.id, Document.sha256).where(Document.sha256.in_(sha256s)))
        }
        belongs = units_of_rows(_TABLE, lambda source: source.c.id.in_(list(documents)))
        pairs = [(str(row.id), str(row.unit)) for row in connection.execute(belongs)] if documents else []
        units = {unit for _, unit in pairs}
        visibility = Visibility(connection, viewers_of(connection, device_id), self._time.now())
        good = visibility.of(units)
        if once:
            held = select(device_holding.c.unit).where(
                device_holding.c.device_id == device_id, device_holding.c.unit.in_(units)
            )
            good |= {str(unit) for unit in connection.scalars(held)}
        linked = {document for document, _ in pairs}
        here = {documents[document] for document, unit in pairs if unit in good}
        if visibility.reads_cases:
            here |= {sha256 for document, sha256 in documents.items() if document not in linked}
        if once:
            # Bytes of no record: only who had them can name them, and asks before letting its own copy go.
            here |= set(sha256s) - set(documents.values())
        return [sha256 for sha256 in sha256s if sha256 in here]
