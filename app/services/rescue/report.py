"""What a rebuild did: what was set aside, what came from where, and what came from nowhere."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from app.models import Document, SyncState
from app.services.locking import WRITING
from app.services.sync import facts
from app.services.workspace import Workspace
from app.timesource import format_date, format_time, to_london

LAST = "rescue:report"
"""Name in ``sync_state`` of the last report; it is inside the encrypted vault."""
MOST_NAMED = 50
Kind = Literal["mended", "backup", "new", "lifeboat", "salvage", "central"]
_STORED = select(SyncState.value).where(SyncState.name == LAST)
_PLACES: dict[Kind, str] = {
    "mended": "The damaged file itself, put right",
    "backup": "Backup",
    "new": "An empty database",
    "lifeboat": "Lifeboat",
    "salvage": "The damaged file itself, page by page",
    "central": "Central store",
}


class FileOutcome(msgspec.Struct, frozen=True):
    """What was the matter with one database and what became of it.

    Attributes:
        name: of the file.
        wrong: in words; empty when it was in order and stayed.
        kept_as: under which name below ``set-aside`` it is kept; empty when there was nothing to keep.
    """

    name: str
    wrong: str
    kept_as: str = ""


class Source(msgspec.Struct, frozen=True):
    """What came from one place.

    Attributes:
        file: the database it went into.
        made_at: of a backup: when; of the lifeboat: of its newest change set. ISO instants.
        first_at: of the lifeboat: of its oldest change set.
        records: rows of synced tables; of the central store those that arrived.
    """

    kind: Kind
    file: str = "cases.db"
    name: str = ""
    first_at: str = ""
    made_at: str = ""
    records: int = 0
    change_sets: int = 0
    audit_entries: int = 0
    drafts: int = 0
    documents: int = 0
    pages: int = 0

    def words(self) -> str:
        """Return a sentence without a full stop."""
        where = _PLACES[self.kind]
        if self.kind == "backup":
            where = f"{where} of {_at(self.made_at)}"
        elif self.kind == "lifeboat" and self.made_at:
            where = f"{where}, saves from {_at(self.first_at)} to {_at(self.made_at)}"
        counts = [
            _count(self.pages, "page"),
            _count(self.records, "record"),
            _count(self.change_sets, "save"),
            _count(self.audit_entries, "audit entry", "audit entries"),
            _count(self.drafts, "draft"),
            _count(self.documents, "document"),
        ]
        said = [each for each in counts if each]
        return f"{where}: {', '.join(said) or 'nothing was missing'}"


class RebuildReport(msgspec.Struct, frozen=True):
    """One rebuild.

    Attributes:
        at: ISO instant, UTC.
        set_aside: name of the folder below ``set-aside`` with the damaged files; empty when there were none.
        sources: in the order in which they were used.
        losses: what no source had, in words with counts and ids, never names; empty when nothing was lost.
        awaiting: what the central store will bring at the next sync, in words; empty when nothing is awaited.
        lost_documents: ids of documents whose bytes are neither here nor, as far as is known, at the central store.
        enrol_again: the laptop has lost its identity, so that it must be enrolled before it can be used.
    """

    at: str
    files: list[FileOutcome]
    set_aside: str = ""
    sources: list[Source] = []
    losses: list[str] = []
    awaiting: str = ""
    lost_documents: list[str] = []
    enrol_again: bool = False

    @property
    def damaged(self) -> bool:
        """Whether anything was the matter."""
        return any(file.wrong for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def sections(self) -> list[tuple[str, list[str]]]:
        """Return the report as headings with sentences; a heading may stand alone."""
        if not self.damaged:
            return [("Every page of both databases is in order. Nothing was changed.", [])]
        wrong = [f"{file.name}: {file.wrong}." for file in self.files if file.wrong]
        if self.set_aside:
            wrong.append(f"The damaged files are kept untouched in set-aside/{self.set_aside}.")
        found = [("What was wrong", wrong)]
        sources = [f"{source.file} from: {source.words()}." for source in self.sources]
        found.append(("What came from where", sources))
        if self.awaiting:
            found.append(("Still to come", [self.awaiting]))
        found.append(("What is missing", self._missing_words()))
        return found

    def lines(self) -> list[str]:
        """Return the report as sentences, for a terminal or a file."""
        sections = self.sections()
        if len(sections) == 1:
            return [sections[0][0]]
        return [line for _, lines in sections for line in lines]

    def _missing_words(self) -> list[str]:
        if self.enrol_again:
            return [
                "No backup and no lifeboat could be read, so this laptop has lost its identity. Enrol it again with a "
                "code from your administrator. What was sent to the central store comes back then.",
                *self.losses,
            ]
        lost = [*self.losses, *self._documents_words()]
        return lost or ["Nothing else." if self.awaiting else "Nothing. Everything that was saved is here."]

    def _documents_words(self) -> list[str]:
        count = len(self.lost_documents)
        if not count:
            return []
        words = "1 document is" if count == 1 else f"{count:,} documents are"
        which = f"{', '.join(self.lost_documents[:MOST_NAMED])}{' and more' if count > MOST_NAMED else ''}"
        if self.awaiting:
            return [f"{words} in no backup. What of them was sent comes with the next sync: {which}."]
        return [
            f"{words} in no backup and had not been sent, so the pages are lost and have to be scanned or asked for "
            f"again: {which}."
        ]


def remember(engine: Engine, report: RebuildReport) -> None:
    """Keep a report in the vault."""
    text = msgspec.json.encode(report).decode()
    with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
        connection.execute(insert(SyncState).prefix_with("OR REPLACE"), {"name": LAST, "value": text})


def last_report(engine: Engine) -> RebuildReport | None:
    """Return the last rebuild's report, or None when there was none."""
    with engine.connect() as connection:
        return _read(connection.execute(_STORED).scalar())


def report_of(ws: Workspace) -> RebuildReport | None:
    """Return the last rebuild's report of an open vault, as it stands now, or None when there was none."""
    with ws.read() as session:
        report = _read(session.execute(_STORED).scalar())
        if report is None or not report.awaiting or not _has_synced_since(session, report.at):
            return report
        sent = select(SyncState.name).where(SyncState.name == facts.DOCUMENT_PREFIX + Document.sha256).exists()
        come = set(session.scalars(select(Document.id).where(Document.id.in_(report.lost_documents), sent)))
    lost = [document for document in report.lost_documents if document not in come]
    return msgspec.structs.replace(report, awaiting="", lost_documents=lost)


def _has_synced_since(session: Session, at: str) -> bool:
    synced = facts.get(session, facts.LAST_SYNCED)
    return synced is not None and synced >= at and facts.get(session, facts.BEHIND) is None


def _read(text: str | None) -> RebuildReport | None:
    try:
        return msgspec.json.decode(text, type=RebuildReport) if text else None
    except msgspec.MsgspecError:
        return None


def _at(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return "an unknown time"
    return f"{format_time(at)} on {format_date(to_london(at).date())}"


def _count(number: int, one: str, many: str = "") -> str:
    return "" if not number else f"{number:,} {one if number == 1 else many or one + 's'}"
