"""Filters in words: the chips over the table, and the sentence when they hide everything."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from app.services.case_list import NOT_ALLOCATED, STAGE_GROUP_WORDS, CaseQuery

EMPTY_WORDS: Final = {
    "mine": "You have no open cases.",
    "due_week": "Nothing is due this week.",
    "no_contact": "Every open case has had activity in the last 10 days.",
    "all": "There are no open cases on this laptop.",
}
"""What a view says when nothing but itself is asked for."""


def filters_in_force(query: CaseQuery, names: Mapping[str, str]) -> list[tuple[str, CaseQuery]]:
    """Return each filter in words, with the query that is left without it.

    Args:
        query: what the table shows.
        names: officer ids to names.
    """
    found = [
        (f"Officer: {_officer(officer, names)}", replace(query, officers=query.officers - {officer}))
        for officer in sorted(query.officers)
    ]
    found += [
        (f"Stage: {STAGE_GROUP_WORDS.get(stage, stage)}", replace(query, stages=query.stages - {stage}))
        for stage in sorted(query.stages)
    ]
    switches = {
        "statutory": "Statutory clocks only",
        "changed_here": "Changed on this laptop",
        "closed": "Closed cases",
    }
    found += [(words, query.showing(name, on=False)) for name, words in switches.items() if getattr(query, name)]
    if query.text.strip():
        found.append((f"“{query.text.strip()}”", replace(query, text="")))
    return found


def _officer(officer: str, names: Mapping[str, str]) -> str:
    return "Not allocated" if officer == NOT_ALLOCATED else names.get(officer, "another")
