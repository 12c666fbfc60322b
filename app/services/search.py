"""Finding a child or a case from a few letters, for the palette."""

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from app.models.folding import fold
from app.models.local import CaseRow, SearchRow
from app.models.terms import STAGE_WORDS, Stage
from app.services import access, restriction
from app.services.access import Permission
from app.services.ages import age_words

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.services.workspace import Workspace

LONGEST_QUERY, MOST_WORDS = 100, 8
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One thing found.

    Attributes:
        kind: ``case``.
        title: the child's name.
        detail: year, reference and stage in one line.
        why: what matched when it is not the name: ``UPN``, ``Reference`` or ``Another name``; else empty.
        route, subject: the page it opens in and the id that page takes.
    """

    kind: str
    title: str
    detail: str
    why: str
    route: str
    subject: str


def find(ws: "Workspace", words: str, limit: int = 12) -> list[SearchHit]:
    """Return cases whose child's names, UPN or reference begin with every word typed, open cases first.

    The search is audited, without its words.

    Args:
        ws: the workspace.
        words: what was typed; accents and case do not matter.
        limit: the most hits returned.

    Raises:
        AccessRefused: the role may not read cases.
    """
    access.require(ws.actor, Permission.SEARCH_CASES)
    query = _match(words)
    if not query:
        return []
    with ws.read() as session:
        sight = restriction.sight_of(session, ws.actor)
        hits = _hits(session, query, fold(words[:LONGEST_QUERY]), limit, ws.time.today(), sight)
    ws.searched("children", words[:LONGEST_QUERY], len(hits))
    return hits


def recent(ws: "Workspace", limit: int = 5) -> list[SearchHit]:
    """Return this person's open cases with the newest activity, for a palette nothing was typed into yet."""
    access.require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        sight = restriction.sight_of(session, ws.actor)
        rows = session.scalars(
            select(CaseRow)
            .where(
                CaseRow.status == "open",
                CaseRow.officer_id == ws.actor.user_id,
                *sight.open_cases(CaseRow.case_id),
            )
            .order_by(CaseRow.last_activity_at.desc())
            .limit(limit)
        )
        return [_hit(row, "", ws.time.today()) for row in rows]


def _match(words: str) -> str:
    """Return a full-text query that asks for every word as a beginning; nothing typed is read as an operator."""
    found = _WORD.findall(words[:LONGEST_QUERY])[:MOST_WORDS]
    return " ".join(f'"{word}"*' for word in found)


def _hits(
    session: "Session", query: str, folded: str, limit: int, today: date, sight: restriction.Sight
) -> list[SearchHit]:
    rowids = session.scalars(
        text("SELECT rowid FROM search_index WHERE search_index MATCH :query ORDER BY rank LIMIT :most"),
        {"query": query, "most": limit * 4},
    ).all()
    if not rowids:
        return []
    place = {
        row.subject_id: rowids.index(row.id)
        for row in session.execute(select(SearchRow.id, SearchRow.subject_id).where(SearchRow.id.in_(rowids)))
    }
    shown = sight.shown_cases(CaseRow.case_id)
    rows = session.scalars(select(CaseRow).where(CaseRow.child_id.in_(place), *shown)).all()
    ordered = sorted(rows, key=lambda row: (row.status != "open", place[row.child_id], row.reference))
    found = ((row, _why(row, folded)) for row in ordered)
    # A restricted case is found by the child's name alone: a hit on a UPN or another name would tell what it is.
    hits = [
        _restricted_hit(row) if row.case_id in sight.masked else _hit(row, why, today)
        for row, why in found
        if not (why and row.case_id in sight.masked)
    ]
    return hits[:limit]


def _why(row: CaseRow, folded: str) -> str:
    names = row.name_folded.split()
    if all(any(name.startswith(word) for name in names) for word in folded.split()):
        return ""
    if any(char.isdigit() for char in folded):
        reference = fold(row.reference)
        return "Reference" if folded.split()[-1] in reference.split()[-1] else "UPN"
    return "Another name"


def _restricted_hit(row: CaseRow) -> SearchHit:
    detail = " · ".join(part for part in (row.reference, "Restricted", row.officer_name) if part)
    return SearchHit("case", row.child_name, detail, "", "case", row.case_id)


def _hit(row: CaseRow, why: str, today: date) -> SearchHit:
    parts = [age_words(row.born_on, today, row.year_group), row.reference]
    parts.append(STAGE_WORDS[Stage(row.stage)] if row.status == "open" else "Closed")
    return SearchHit(
        kind="case",
        title=row.child_name,
        detail=" · ".join(part for part in parts if part),
        why=why,
        route="case",
        subject=row.case_id,
    )
