"""The laws of merging, for any changes in any order: nothing written is lost, and everybody ends with the same row."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.services.changes import Change
from app.services.sync.fuse import too_many_deletions
from app.services.sync.merge import CREATION_FIELDS, WHOLE_ROW, Merged, merge

ROW = "0190a0a0-0000-7000-8000-000000000001"
FIELDS = ("text", "place", "at_time", "kind")
values = st.sampled_from(["a", "b", "c", "d", ""])
edits = st.dictionaries(st.sampled_from(FIELDS), values, min_size=1)
BASE = {"id": ROW, "created_at": "2026-11-17T09:00:00+00:00", "text": "a", "place": "a", "at_time": "a", "kind": "a"}


def edit(row: Mapping[str, Any], news: Mapping[str, Any]) -> Change:
    """What a laptop that sees this row records when it sets these fields."""
    return Change("task", ROW, "update", {name: [row[name], new] for name, new in news.items() if row[name] != new})


def server_log(row: dict[str, Any] | None, changes: Sequence[Change]) -> tuple[list[Merged], dict[str, Any] | None]:
    outcomes = []
    for change in changes:
        outcomes.append(merge(change, row))
        row = outcomes[-1].row
    return outcomes, row


def replay(row: dict[str, Any] | None, changes: Sequence[Change], outcomes: Sequence[Merged]) -> dict[str, Any] | None:
    """What a laptop comes to that applies the log: the effective change where there is one, else the change sent."""
    for change, outcome in zip(changes, outcomes, strict=True):
        applied = outcome.effective or change
        if applied.op == "delete":
            row = None
        elif row is None and applied.op == "insert":
            row = {name: pair[1] for name, pair in applied.fields.items()}
        elif row is not None:
            row = {**row, **{name: pair[1] for name, pair in applied.fields.items()}}
    return row


@given(st.lists(edits, min_size=1, max_size=6))
def test_every_value_two_laptops_write_ends_in_the_record_its_history_or_a_conflict(news: list[dict[str, str]]) -> None:
    changes = [change for change in (edit(BASE, each) for each in news) if change.fields]
    outcomes, row = server_log(dict(BASE), changes)
    assert row is not None
    was = dict(BASE)
    for change, outcome in zip(changes, outcomes, strict=True):
        offered = {kept.field: kept.offered for kept in outcome.conflicts}
        for name, (_, new) in change.fields.items():
            landed = outcome.row is not None and outcome.row[name] == new
            assert landed or offered.get(name) == new
            if not landed:
                assert outcome.row is not None
                assert outcome.row[name] == was[name]
        was = dict(outcome.row or {})


@given(edits, edits)
def test_the_order_of_two_syncs_decides_only_which_value_is_kept_never_what_survives(
    first: dict[str, str], second: dict[str, str]
) -> None:
    one, two = edit(BASE, first), edit(BASE, second)
    survivors = []
    for order in ((one, two), (two, one)):
        outcomes, row = server_log(dict(BASE), order)
        assert row is not None
        held: dict[str, set[Any]] = {name: {row[name]} for name in FIELDS}
        for outcome in outcomes:
            for kept in outcome.conflicts:
                held[kept.field].add(kept.offered)
        survivors.append(held)
    assert survivors[0] == survivors[1]


@given(edits)
def test_sending_a_change_again_changes_nothing(news: dict[str, str]) -> None:
    change = edit(BASE, news)
    first = merge(change, dict(BASE))
    again = merge(change, dict(first.row or {}))
    assert again.row == first.row
    assert not again.written
    assert not again.conflicts


@given(edits, edits)
def test_an_edit_that_saw_the_latest_always_goes_in(first: dict[str, str], second: dict[str, str]) -> None:
    row = merge(edit(BASE, first), dict(BASE)).row
    assert row is not None
    outcome = merge(edit(row, second), dict(row))
    assert outcome.row == {**row, **second}
    assert not outcome.conflicts


steps = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), st.integers(0, 2), edits),
        st.tuples(st.just("delete"), st.integers(0, 2), st.just({})),
        st.tuples(st.just("sync"), st.integers(0, 2), st.just({})),
    ),
    max_size=25,
)


@given(steps)
@settings(max_examples=300, deadline=None)
def test_three_laptops_in_any_order_end_equal_and_lose_nothing(plan: list[tuple[str, int, dict[str, str]]]) -> None:
    """A model of the whole: each laptop edits what it sees, sends in its own order, and replays the log."""
    central: dict[str, Any] | None = dict(BASE)
    log: list[tuple[Change, Merged]] = []
    seen: list[dict[str, Any] | None] = [dict(BASE) for _ in range(3)]
    at = [0, 0, 0]
    waiting: list[list[Change]] = [[], [], []]
    written: list[tuple[str, Any]] = []

    def sync(laptop: int) -> None:
        nonlocal central
        for change in waiting[laptop]:
            outcome = merge(change, central)
            central = outcome.row
            log.append((change, outcome))
        waiting[laptop] = []
        base = replay(dict(BASE), [change for change, _ in log], [outcome for _, outcome in log])
        seen[laptop], at[laptop] = base, len(log)

    for kind, laptop, news in plan:
        row = seen[laptop]
        if kind == "sync":
            sync(laptop)
        elif row is None:
            continue
        elif kind == "delete":
            waiting[laptop].append(Change("task", ROW, "delete", {name: [old, None] for name, old in row.items()}))
            seen[laptop] = None
        else:
            change = edit(row, news)
            if change.fields:
                waiting[laptop].append(change)
                seen[laptop] = {**row, **news}
                written += [(name, pair[1]) for name, pair in change.fields.items()]
    for laptop in (0, 1, 2, 0, 1, 2):
        sync(laptop)
    assert seen[0] == seen[1] == seen[2] == central
    history = {(name, pair[1]) for change, _ in log for name, pair in change.fields.items()}
    offered = {(kept.field, _plain(kept.offered)) for _, outcome in log for kept in outcome.conflicts}
    whole = [kept for _, outcome in log for kept in outcome.conflicts if kept.field == WHOLE_ROW]
    for name, value in written:
        assert (name, value) in history
        overtaken = central is None or central.get(name) != value
        if overtaken and not _was_in_the_record(log, name, value):
            assert (name, value) in offered or any(
                isinstance(kept.offered, dict) and kept.offered.get(name) == value for kept in whole
            )


def _plain(value: Any) -> Any:
    return repr(value) if isinstance(value, dict) else value


def _was_in_the_record(log: Sequence[tuple[Change, Merged]], name: str, value: Any) -> bool:
    return any(outcome.row is not None and outcome.row.get(name) == value for _, outcome in log) or BASE[name] == value


@given(edits, st.dictionaries(st.sampled_from(sorted(CREATION_FIELDS - {"id"})), values, min_size=1))
def test_creation_stamps_never_raise_a_conflict(news: dict[str, str], stamps: dict[str, str]) -> None:
    fields = {name: [None, value] for name, value in {**BASE, **news, **stamps}.items()}
    outcome = merge(Change("task", ROW, "insert", fields), dict(BASE))
    assert {kept.field for kept in outcome.conflicts} == {name for name, new in news.items() if BASE[name] != new}
    assert outcome.row == BASE


def test_a_row_made_on_two_laptops_alike_is_one_row() -> None:
    same = {name: [None, value] for name, value in BASE.items()}
    outcome = merge(Change("task", ROW, "insert", same), dict(BASE))
    assert (outcome.row, outcome.conflicts, outcome.effective) == (BASE, [], None)


def test_a_delete_of_what_is_gone_already_is_nothing() -> None:
    outcome = merge(Change("task", ROW, "delete", {"text": ["a", None]}), None)
    assert (outcome.row, outcome.conflicts, outcome.effective) == (None, [], None)


def test_a_delete_that_did_not_see_every_field_brings_the_row_back() -> None:
    outcome = merge(Change("task", ROW, "delete", {"text": ["a", None]}), dict(BASE))
    assert outcome.row == BASE
    assert outcome.conflicts[0].kept == BASE
    assert outcome.effective is not None
    assert outcome.effective.op == "insert"


def test_the_fuse_lets_a_few_go_and_stops_many() -> None:
    assert not too_many_deletions(50, 50)
    assert too_many_deletions(51, 51)
    assert not too_many_deletions(500, 10_000)
    assert too_many_deletions(501, 10_000)
