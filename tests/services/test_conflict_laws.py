"""The laws of deciding, for any values: what was ever offered stays within reach, and joining depends on nobody.

"Within reach" is the record, a conflict, or the history on this laptop.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.models import Case, ChangeSetRow, Conflict, ContactPoint, Enquiry
from app.models.terms import ConflictState
from app.services.changes import decode
from app.services.conflicts import deciding, listing, reading, undoing
from app.services.conflicts.deciding import Decision, DecisionResult
from app.services.conflicts.joining import Voice, join
from app.services.conflicts.marking import marks_of
from app.services.conflicts.shown import BOTH, TYPED
from app.services.workspace import Workspace
from tests.services.conflict_scene import Scene, add_conflict, make_scene

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40)
said = texts.map(str.strip).filter(bool)
FIELDS = {
    "area": ("case", "caleb:case", Case),
    "outcome": ("enquiry", "caleb:enquiry", Enquiry),
    "value": ("contact_point", "caleb:phone", ContactPoint),
}


@pytest.fixture
def scene(workspace: Workspace) -> Scene:
    made = make_scene(workspace, cases=1)
    with workspace.write("Settled") as session:
        for conflict in session.scalars(select(Conflict)):
            conflict.state = ConflictState.RESOLVED
    return made


def within_reach(ws: Workspace) -> str:
    """Every word in records, conflicts and history, as one text."""
    with ws.read() as session:
        parts: list[Any] = [decode(row).changes for row in session.scalars(select(ChangeSetRow.body))]
        for conflict in session.scalars(select(Conflict)):
            parts.append([conflict.before, conflict.kept, conflict.offered, conflict.chosen])
        for model in (Case, Enquiry, ContactPoint):
            parts += [[getattr(row, name) for name in ("area", "outcome", "value") if hasattr(row, name)]
                      for row in session.scalars(select(model))]  # fmt: skip
    return json.dumps([str(part) for part in parts], ensure_ascii=False)


@contextmanager
def written(scene: Scene, name: str, value: str) -> Iterator[None]:
    _, row, model = FIELDS[name]
    with scene.ws.write("Changed") as session:
        setattr(session.get_one(model, scene.ids[row]), name, value)
    yield


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(FIELDS)),
    offers=st.lists(said, min_size=2, max_size=4, unique=True),
    pick=st.sampled_from(["first", "last", BOTH, TYPED]),
    typed=said,
    back=st.booleans(),
)
def test_after_a_decision_every_value_that_was_ever_offered_is_within_reach(
    scene: Scene, name: str, offers: list[str], pick: str, typed: str, back: bool
) -> None:
    table, row, _ = FIELDS[name]
    kept, *others = offers
    with written(scene, name, kept):
        for other in others:
            add_conflict(scene, f"{name}:{other}", table, row, name, "", kept, other, scene.ids["samir"],
                         subject="caleb:case")  # fmt: skip
    key = scene.ids["caleb:case"]
    (shown,) = reading.read_case(scene.ws, key).choices
    wanted = {"first": shown.left.key, "last": shown.right[-1].key}.get(pick, pick)
    if wanted == BOTH and shown.both is None:
        wanted = shown.right[0].key
    decision = Decision(shown.key, shown.conflict_ids, shown.shown, wanted, {name: typed} if pick == TYPED else {})
    result = deciding.decide(scene.ws, key, [decision])
    assert result.settled
    assert not listing.list_cases(scene.ws).cases
    _assert_reachable(scene, [*offers, *([typed] if pick == TYPED else [])])
    if back:
        _taken_back(scene, result, offers)


def _assert_reachable(scene: Scene, values: list[str]) -> None:
    reach = within_reach(scene.ws)
    for value in values:
        assert json.dumps(str([value]), ensure_ascii=False)[3:-3] in reach


def _taken_back(scene: Scene, result: DecisionResult, offers: list[str]) -> None:
    undoing.undo(scene.ws, result)
    (again,) = reading.read_case(scene.ws, scene.ids["caleb:case"]).choices
    assert {each.words for each in again.values} == set(offers)
    _assert_reachable(scene, offers)
    keep = Decision(again.key, again.conflict_ids, again.shown, again.left.key)
    deciding.decide(scene.ws, scene.ids["caleb:case"], [keep])


AT = datetime(2026, 11, 16, 14, 20, tzinfo=UTC)
voices = st.builds(
    Voice, said, st.sampled_from(["Dawn Ellery", "Samir Beltrane", ""]),
    st.integers(0, 90).map(lambda minutes: AT + timedelta(minutes=minutes)),
)  # fmt: skip


@given(st.lists(voices, min_size=2, max_size=4), texts, st.randoms())
def test_joining_does_not_depend_on_who_joins_and_loses_no_word(spoken: list[Voice], before: str, shuffle: Any) -> None:
    mixed = list(spoken)
    shuffle.shuffle(mixed)
    joined = join("join", before, spoken)
    assert joined == join("join", before, mixed)
    base = before.strip()
    for voice in spoken:
        own = voice.value[len(base) :].strip() if base and voice.value.startswith(base) else voice.value
        assert own in joined


@given(st.lists(st.dictionaries(st.sampled_from("abc"), said), min_size=2, max_size=3),
       st.dictionaries(st.sampled_from("abc"), said))  # fmt: skip
def test_forms_are_joined_only_where_no_answer_is_lost(forms: list[dict[str, str]], before: dict[str, str]) -> None:
    joined = join("keys", before, [Voice(form, "", AT) for form in forms])
    if joined is None:
        return
    for form in forms:
        for key, answer in form.items():
            assert answer in (joined.get(key), before.get(key))


@given(texts, texts)
def test_marks_stay_inside_their_text_and_cover_what_differs(first: str, second: str) -> None:
    ours, theirs = marks_of(first, second)
    for text, marks in ((first, ours), (second, theirs)):
        at = 0
        for start, stop in marks:
            assert at <= start < stop <= len(text)
            at = stop
    assert bool(ours or theirs) == (first != second) or "".join(first.split()) == "".join(second.split())

    def rest(text: str, marks: Any) -> str:
        kept = [text[a:b] for (_, a), (b, _) in zip([(0, 0), *marks], [*marks, (len(text), 0)], strict=True)]
        return "".join("".join(kept).split())

    assert rest(first, ours) == rest(second, theirs)
