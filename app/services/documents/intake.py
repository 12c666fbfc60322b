"""Taking in correspondence: one bad file never blocks the others, and changes nothing.

Each file is checked in the worker process, its original bytes are kept by hash, and its record waits in the tray.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.errors import EnvironmentFault, UserError
from app.models import Case, Document, School
from app.models.folding import fold
from app.models.terms import DocumentState
from app.services.access import Permission, require
from app.services.documents import limits
from app.services.documents.clues import PAGE_BREAK
from app.services.documents.kinds import LONGEST_TITLE, REPLY_SLIP, guess_kind, titled
from app.services.documents.protocol import Checked, FileProblemError, Problem
from app.services.documents.worker import ParsingWorker
from app.services.letters import code as letter_code
from app.services.restriction import sight_of
from app.services.workspace import Workspace

FLAG_WORDS = {
    "script": "This file carries a script. Rollcall never runs it.",
    "launch": "This file tries to start another program. Rollcall never lets it.",
    "attachment": "This file has other files inside it. Rollcall does not open them.",
    "repaired": "This file is not quite right inside. Check that every page is there.",
}
_PROBLEM_WORDS = {
    Problem.EMPTY: "This file is empty. Ask the sender to send it again.",
    Problem.TOO_LARGE: f"This file is larger than {limits.MAX_BYTES // 1024 // 1024} MB. Ask for it in parts.",
    Problem.LOCKED: "This file is locked with a password. Ask the sender for an open copy.",
    Problem.CUT_SHORT: "This file is cut short. Ask the sender to send it again, or scan the paper again.",
    Problem.DAMAGED: "This file is damaged and cannot be read. Ask the sender to send it again.",
    Problem.NO_PAGES: "This file has no pages. Ask the sender to send it again.",
    Problem.TOOK_TOO_LONG: "This file took too long to read. Print it to a new PDF, or ask for it in parts.",
    Problem.BROKE_THE_READER: "This file cannot be read safely. Ask the sender for another copy.",
}
_HEADING_LINES = 6
_MACHINE_NAME = re.compile(r"(scan|img|image|doc|document|page|fax|photo|untitled|dsc|pxl)?[\s\d_.()-]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AddedFile:
    """A file that is in the tray.

    Attributes:
        name: the file's name, without its folder.
        known: words about where it already was, when these very bytes came before; then nothing was added.
    """

    name: str
    document_id: str
    known: str = ""


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that was kept out, and why, in words."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What became of a batch."""

    added: tuple[AddedFile, ...]
    refused: tuple[RefusedFile, ...]


def add_files(
    ws: Workspace,
    paths: Sequence[Path],
    *,
    source: str = "file",
    progress: Callable[[int, int], object] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> IntakeReport:
    """Add files to the tray, each on its own.

    Args:
        ws: the workspace.
        paths: files of any kind; what is not a page is named in the report.
        source: file, drop, scan or email.
        progress: told (finished, of how many), on the calling thread.
        stop: asked before each file; the rest is left out when it says so.

    Raises:
        AccessRefused: the role may not.
        DiskFull: there is no room for documents.
    """
    require(ws.actor, Permission.LINK_DOCUMENTS)
    ws.require_room()
    added: list[AddedFile] = []
    refused: list[RefusedFile] = []
    with _batch_worker() as worker:
        for number, path in enumerate(paths):
            if stop():
                break
            try:
                added.append(_add(ws, path.name, _read(path), source, worker))
            except (UserError, EnvironmentFault) as error:
                refused.append(RefusedFile(path.name, error.message))
            if progress is not None:
                progress(number + 1, len(paths))
    return IntakeReport(tuple(added), tuple(refused))


def add_bytes(ws: Workspace, name: str, data: bytes, *, source: str = "file") -> AddedFile:
    """Add one file given as bytes.

    Raises:
        UserError: it is not taken, in words; nothing was changed.
        EnvironmentFault: the disk did not take it.
    """
    require(ws.actor, Permission.LINK_DOCUMENTS)
    ws.require_room()
    with _batch_worker() as worker:
        return _add(ws, name, data, source, worker)


def problem_message(problem: Problem, detail: str = "") -> str:
    """Return why a file is not taken and what to do, in words."""
    match problem:
        case Problem.UNKNOWN_KIND:
            what = f"This is {detail}, not" if detail else "This file is not"
            return f"{what} a PDF, PNG, JPEG or TIFF file, whatever its name says. Ask for one of those."
        case Problem.TOO_MANY_PAGES:
            return f"This file has {detail} pages. Rollcall takes up to {limits.MAX_PAGES}. Ask for it in parts."
        case Problem.PICTURE_TOO_LARGE:
            size = f" ({detail} pixels)" if detail else ""
            return f"This picture is too large{size}. Scan it again at 300 dots an inch."
        case Problem.DAMAGED | Problem.CUT_SHORT if detail.isdigit() and detail != "1":
            return f"Page {detail} of this file cannot be read. Ask the sender to send it again."
        case _:
            return _PROBLEM_WORDS[problem]


class _batch_worker:  # noqa: N801  (a context manager, used like a function)
    """A worker of its own for each batch, so that what one sender sent never meets what another did."""

    def __enter__(self) -> ParsingWorker:
        self._worker = ParsingWorker()
        return self._worker

    def __exit__(self, *_: object) -> None:
        self._worker.close()


def _read(path: Path) -> bytes:
    """Read a file that may be huge, gone or forbidden."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.MAX_BYTES + 1)
    except OSError as error:
        raise UserError("This file cannot be opened. Check that it is still there and that you may read it.") from error
    if len(data) > limits.MAX_BYTES:
        raise UserError(_PROBLEM_WORDS[Problem.TOO_LARGE])
    return data


def _add(ws: Workspace, name: str, data: bytes, source: str, worker: ParsingWorker) -> AddedFile:
    known = _known(ws, name, data)
    if known is not None:
        return known
    try:
        checked = worker.check(data)
    except FileProblemError as error:
        raise UserError(problem_message(error.problem, error.detail)) from error
    # Bytes first: a record must never point at pages that were not kept.
    try:
        sha256 = ws.documents.put(data, checked.media_type)
        with ws.write("Added a document") as session:
            document = _record(ws, session, name, checked, source)
            document.sha256, document.size = sha256, len(data)
            session.add(document)
            session.flush()
            return AddedFile(name, document.id)
    except OperationalError as error:
        raise EnvironmentFault(
            "The laptop's disk did not take this file. Free some space and add it again. Nothing was changed."
        ) from error


def _known(ws: Workspace, name: str, data: bytes) -> AddedFile | None:
    sha256 = hashlib.sha256(data).hexdigest()
    with ws.read() as session:
        found = session.execute(
            select(Document.id, Document.state, Document.case_id, Case.reference)
            .outerjoin(Case, Case.id == Document.case_id)
            .where(Document.sha256 == sha256, Document.state != DocumentState.NOT_FOR_US)
            .order_by(Document.arrived_at)
        ).first()
        hidden = found is not None and found.case_id in sight_of(session, ws.actor).hidden
    if found is None or not data:
        return None
    where = {
        DocumentState.TO_LINK: "It waits in To link.",
        DocumentState.SET_ASIDE: "It is in Set aside.",
    }.get(found.state, f"It is on {found.reference}." if found.reference and not hidden else "It is kept.")
    return AddedFile(name, found.id, known=f"This page is already in Rollcall. {where}")


def _record(ws: Workspace, session: Session, name: str, checked: Checked, source: str) -> Document:
    text = PAGE_BREAK.join(checked.texts)
    # A page that carries our own code is our letter come back, whatever else its words say.
    ours = any(letter_code.parse(code.text) is not None for code in checked.codes)
    kind = REPLY_SLIP if ours else guess_kind(text)
    sender = _guess_sender(session, checked.texts[0] if checked.texts else "")
    return Document(
        media_type=checked.media_type,
        page_count=checked.page_count,
        title=_title(name, checked.texts, sender, kind),
        kind=kind,
        sender=sender,
        received_on=ws.time.today(),
        arrived_at=ws.time.now(),
        source=source,
        text=text,
        reading={
            "codes": [{"page": code.page, "text": code.text, "box": list(code.box)} for code in checked.codes],
            "flags": checked.flags,
        },
        rotation={},
    )


def _guess_sender(session: Session, first_page: str) -> str:
    """Return the school whose name stands alone on one of the first lines, or an empty text."""
    lines = {fold(line): line.strip() for line in first_page.splitlines()[:_HEADING_LINES] if 3 < len(line) < 100}
    if not lines:
        return ""
    found = session.scalar(select(School.name).where(School.name_folded.in_(lines)).limit(1))
    return found or ""


def _title(name: str, texts: Sequence[str], sender: str, kind: str) -> str:
    """Return words by which a person knows the document in the tray."""
    if known := titled(sender, kind):
        return known
    stem = Path(name).stem
    readable = unicodedata.normalize("NFC", "".join(c if c.isprintable() else " " for c in stem.replace("_", " ")))
    words = " ".join(readable.split())
    if words and not _MACHINE_NAME.fullmatch(words):
        return words[:LONGEST_TITLE]
    first = next((line.strip() for text in texts for line in text.splitlines() if len(line.strip()) > 3), "")
    return first[:LONGEST_TITLE] or (words[:LONGEST_TITLE] or "Untitled page")
