"""Merging as a machine with a model: several laptops, any edits, syncs in any order, answers lost; nothing is lost.

Pure: laptops and the central store are dictionaries, ``merge`` is the product's. The model remembers every value that
anybody wrote and wants it in the row, in a conflict, or replaced by somebody who had seen it.
"""

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from app.services.changes import Change
from app.services.sync.merge import WHOLE_ROW, merge
from app.services.sync.overlay import FOREVER, Guard, Overlay
from app.services.sync.shapes import wire_defaults

LAPTOPS = 3
ROWS = tuple(f"0190a0a0-0000-7000-8000-00000000000{number}" for number in range(2))
FIELDS = ("text", "place", "at_time")
START = {**wire_defaults("task"), "created_at": "2026-11-17T09:00:00+00:00", **dict.fromkeys(FIELDS, "")}
Rows = dict[str, dict[str, Any]]
laptops = st.integers(0, LAPTOPS - 1)
rows = st.sampled_from(ROWS)


class Laptop:
    """What a laptop holds, what waits, and how far it has read."""

    def __init__(self) -> None:
        self.rows: Rows = {row: {"id": row, **START} for row in ROWS}
        self.made: list[Change] = []
        self.answered = 0
        self.told: dict[int, int] = {}
        self.cursor = 0


class Merging(RuleBasedStateMachine):
    """One table, one central store with a log, three laptops."""

    def __init__(self) -> None:
        super().__init__()
        self.laptops = [Laptop() for _ in range(LAPTOPS)]
        self.central: Rows = {row: {"id": row, **START} for row in ROWS}
        self.log: list[tuple[int, int, Change, bool]] = []
        """Who sent it, under which number of theirs, what every laptop applies, and whether merging altered it."""
        self.taken = [0] * LAPTOPS
        self.conflicts: list[tuple[str, str, Any]] = []
        self.count = 0

    # -- people --------------------------------------------------------------------------------------------------

    @rule(who=laptops, row=rows, field=st.sampled_from(FIELDS), emptied=st.booleans())
    def edit(self, who: int, row: str, field: str, emptied: bool) -> None:
        laptop = self.laptops[who]
        if row in laptop.rows and not (emptied and laptop.rows[row][field] == ""):
            self.count += 1
            new = "" if emptied else f"word {self.count}"
            laptop.made.append(Change("task", row, "update", {field: [laptop.rows[row][field], new]}))
            laptop.rows[row] = {**laptop.rows[row], field: new}

    @rule(who=laptops, row=rows)
    def remove(self, who: int, row: str) -> None:
        laptop = self.laptops[who]
        if row in laptop.rows:
            olds = {name: [value, None] for name, value in laptop.rows.pop(row).items() if value is not None}
            laptop.made.append(Change("task", row, "delete", olds))

    # -- syncs ---------------------------------------------------------------------------------------------------

    @rule(who=laptops, lost=st.booleans())
    def push(self, who: int, lost: bool) -> None:
        """Send what waits; a lost answer leaves it waiting, and it is sent again."""
        laptop = self.laptops[who]
        for sequence, change in enumerate(laptop.made[laptop.answered :], start=laptop.answered + 1):
            if sequence > self.taken[who]:
                self.take(who, sequence, change)
        if not lost:
            laptop.answered = len(laptop.made)
            laptop.told = {sequence: place for place, (by, sequence, *_) in enumerate(self.log, 1) if by == who}

    def take(self, who: int, sequence: int, change: Change) -> None:
        assert sequence == self.taken[who] + 1  # never out of a laptop's own order
        before = self.central.get(change.row)
        merged = merge(change, before)
        self.taken[who] = sequence
        if merged.row is None:
            self.central.pop(change.row, None)
        else:
            self.central[change.row] = merged.row
        self.conflicts += [(change.row, kept.field, kept.offered) for kept in merged.conflicts]
        self.log.append((who, sequence, merged.effective or change, merged.effective is not None))
        self.check(change, before, merged.row, {kept.field: kept.offered for kept in merged.conflicts})

    def check(
        self, change: Change, before: dict[str, Any] | None, after: dict[str, Any] | None, offered: dict[str, Any]
    ) -> None:
        if change.op == "delete":
            assert after is None or offered == {WHOLE_ROW: None}
            return
        for name, (old, new) in change.fields.items():
            landed = after is not None and after[name] == new
            assert landed or offered.get(name) == new or (offered.get(WHOLE_ROW) or {}).get(name) == new
            if before is not None and after is not None and landed and before[name] not in (old, new):
                raise AssertionError("a value was overwritten that its writer had not seen")

    @rule(who=laptops, limit=st.integers(1, 4))
    def pull(self, who: int, limit: int) -> None:
        """Read some of the log; what this laptop wrote and has not seen merged stays on top."""
        laptop = self.laptops[who]
        page = list(enumerate(self.log, start=1))[laptop.cursor : laptop.cursor + limit]
        if not page:
            return
        guard = Guard()
        here = {sequence: revision for revision, (by, sequence, *_) in page if by == who}
        for sequence, change in enumerate(laptop.made, start=1):
            guard.add(change, laptop.told.get(sequence) or here.get(sequence) or FOREVER)
        overlay = Overlay({("task", row) for row in laptop.rows}, guard)
        for revision, (by, _, change, altered) in page:
            if by != who or altered:  # what it did itself is here already
                overlay.take(change, revision)
        for (_, row), values in overlay.rows.items():
            if values is None:
                laptop.rows.pop(row, None)
            else:
                laptop.rows[row] = {**laptop.rows.get(row, {}), **values}
        laptop.cursor = page[-1][0]

    # -- what always holds ---------------------------------------------------------------------------------------

    @precondition(lambda self: self.log)
    @invariant()
    def whoever_read_everything_holds_the_same(self) -> None:
        for laptop in self.laptops:
            if laptop.cursor == len(self.log) and laptop.answered == len(laptop.made):
                assert laptop.rows == self.central


TestMerging = Merging.TestCase
TestMerging.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def forgetful_of(merging: Any) -> Any:
    """Return a merge that keeps no conflicts."""

    def merged(*arguments: Any) -> Any:
        found = merging(*arguments)
        found.conflicts.clear()
        return found

    return merged


def test_the_machine_notices_a_merge_that_drops_the_second_value() -> None:
    quick = settings(max_examples=150, stateful_step_count=25, deadline=None, phases=[Phase.generate], database=None)
    with patch(f"{__name__}.merge", forgetful_of(merge)), pytest.raises(AssertionError):
        run_state_machine_as_test(Merging, settings=quick)


def there_and_back() -> None:
    """Somebody writes a field and empties it again; another, who saw neither, writes it, sends it, and reads."""
    machine = Merging()
    for emptied in (False, True):
        machine.edit(1, ROWS[0], "text", emptied)
    machine.push(1, lost=False)
    machine.edit(0, ROWS[0], "text", emptied=False)
    machine.push(0, lost=False)
    for _ in range(3):
        machine.pull(0, limit=1)
    machine.whoever_read_everything_holds_the_same()


def test_what_was_sent_is_not_overwritten_by_what_was_merged_before_it() -> None:
    there_and_back()
    with patch.object(Guard, "fields", lambda *_: frozenset()), pytest.raises(AssertionError):
        there_and_back()
