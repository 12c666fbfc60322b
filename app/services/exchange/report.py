"""The row-by-row report of an import, and the saved list of rows to put right and try again."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.services.workspace import Workspace

Progress = Callable[[int, int], None]
"""Called with rows done and rows in all (0 when not known)."""
Cancelled = Callable[[], bool]
"""Asked between batches; True stops the import after what is already kept."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
ISSUES_KEPT = 2_000
"""A report lists this many issues; beyond it they are only counted, so that a hostile file stays small."""


class Severity(StrEnum):
    """What an issue means for its row."""

    REFUSED = "refused"
    """The row did not go in."""
    QUERY = "query"
    """The row went in, and the school must be asked."""
    WARNING = "warning"
    """The row went in; worth a look."""


@dataclass(frozen=True, slots=True)
class RowIssue:
    """One thing about one row: where it is and why it matters.

    Attributes:
        line: line of the file, from 1; for a spreadsheet the row number; for a CTF the pupil's number.
        column: the heading, or empty for the whole row.
        why: words for the screen.
    """

    line: int
    column: str
    why: str
    severity: Severity = Severity.REFUSED


@dataclass(frozen=True, slots=True)
class BadRow:
    """A refused row as it was read, for saving and trying again."""

    line: int
    cells: tuple[str, ...]
    why: str


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do.

    Attributes:
        kind: what was read, such as "Schools (GIAS)".
        file_name: name only, never a path.
        rows_read: data rows, without headings and empty rows.
        kept: rows that are in the vault after a cancelled import, counted whole.
    """

    kind: str
    file_name: str = ""
    encoding: str = ""
    rows_read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    queries: int = 0
    warnings: int = 0
    dry_run: bool = False
    cancelled: bool = False
    issues: list[RowIssue] = field(default_factory=list)
    header: tuple[str, ...] = ()
    bad_rows: list[BadRow] = field(default_factory=list)
    created_ids: list[str] = field(default_factory=list)
    """Keys of the records that a person deals with next (draft referrals)."""

    def refuse(self, line: int, column: str, why: str, cells: Sequence[str] = ()) -> None:
        """Record that a row was refused; several reasons for one line count as one row."""
        if not any(row.line == line for row in self.bad_rows[-1:]):
            self.refused += 1
            if len(self.bad_rows) < ISSUES_KEPT:
                self.bad_rows.append(BadRow(line, tuple(cells), why))
        self._note(RowIssue(line, column, why, Severity.REFUSED))

    def query(self, line: int, column: str, why: str) -> None:
        """Record a question for the sender about a row that went in."""
        self.queries += 1
        self._note(RowIssue(line, column, why, Severity.QUERY))

    def warn(self, line: int, column: str, why: str) -> None:
        """Record something worth a look about a row that went in."""
        self.warnings += 1
        self._note(RowIssue(line, column, why, Severity.WARNING))

    def _note(self, issue: RowIssue) -> None:
        if len(self.issues) < ISSUES_KEPT:
            self.issues.append(issue)

    def audited_in(self, ws: "Workspace") -> "ImportReport":
        """Record the import in the audit, with its counts; one that was only tried is none."""
        from app.services.audit import Action

        if not self.dry_run:
            rows = self.added + self.changed
            ws.audit(Action.IMPORTED, detail={"what": self.kind, "rows": rows, "refused": self.refused})
        return self

    @property
    def summary(self) -> str:
        """Return one sentence for the screen and the terminal."""
        verb = "would be " if self.dry_run else ""
        parts = [
            f"{self.added:,} {verb}added",
            f"{self.changed:,} {verb}changed",
            f"{self.unchanged:,} already the same",
            f"{self.refused:,} refused",
        ]
        if self.queries:
            parts.append(f"{self.queries:,} to ask about")
        sentence = f"{self.kind}: {self.rows_read:,} rows read; {', '.join(parts)}."
        if self.cancelled:
            sentence += f" Stopped by you. The {self.added + self.changed:,} rows already saved are kept."
        return sentence

    def bad_rows_csv(self) -> bytes:
        """Return the refused rows as CSV (UTF-8 with a mark, as Excel expects), with line and reason in front.

        The two extra columns are ignored when the file is imported again. Cells that a spreadsheet could take for
        a formula get a leading apostrophe, which the import takes off again.
        """
        return rows_to_csv(
            (LINE_HEADING, REASON_HEADING, *self.header),
            ((str(row.line), row.why, *row.cells) for row in self.bad_rows),
        )

    def issues_csv(self) -> bytes:
        """Return the whole report as CSV."""
        return rows_to_csv(
            ("Line", "Column", "What", "Why"),
            ((str(issue.line), issue.column, issue.severity.value, issue.why) for issue in self.issues),
        )


LINE_HEADING = "Rollcall line"
REASON_HEADING = "Rollcall reason"


def neutralise(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def restore(cell: str) -> str:
    """Return a cell without the apostrophe that :func:`neutralise` put in front."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA_STARTS) else cell


def rows_to_csv(header: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    """Return rows as CSV bytes in UTF-8 with a byte order mark, every cell neutralised."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow([neutralise(cell) for cell in header])
    for row in rows:
        writer.writerow([neutralise(cell) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8")
