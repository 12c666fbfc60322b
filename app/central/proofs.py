"""Whether a laptop and this store hold the same: hashes of units compared, for the revision the laptop is at."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, Engine, text

from app.central.places import LOOSE, MARKS
from app.central.unit_rows import by_unit, loose_rows, rows_of
from app.central.visibility import Visibility, viewers_of
from app.services.sync.proof import scope_hash, unit_hash
from app.services.sync.protocol import ProtocolError
from app.services.sync.scope_protocol import ProofAnswer, ProofRequest
from app.timesource import TimeSource

_AT_ONCE: Final = 200
_MOST_UNITS: Final = 5000


class Proofs:
    """Answers requests for proof."""

    def __init__(self, engine: Engine, time: TimeSource) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")
        self._time = time

    def compare(self, device_id: str, request: ProofRequest) -> ProofAnswer:
        """Return which of a laptop's units differ from the store's, and which it may not hold.

        Raises:
            ProtocolError: far too many units.
        """
        if len(request.units) > _MOST_UNITS:
            raise ProtocolError("too many units")
        with self._engine.begin() as connection:
            head = int(connection.execute(text("SELECT value FROM revision_counter")).scalar_one())
            if head != request.cursor:
                return ProofAnswer(head, [], [])
            visibility = Visibility(connection, viewers_of(connection, device_id), self._time.now())
            theirs = dict(request.units)
            visible = visibility.of_units_and_loose(theirs)
            leave = [unit for unit in theirs if unit not in visible]
            ours = unit_hashes(connection, visible)
            differ = [unit for unit, digest in theirs.items() if unit in visible and ours[unit] != digest]
            if not request.whole_scope:
                return ProofAnswer(head, differ, leave)
            held = visibility.all()
        same = scope_hash(held) == request.whole_scope
        return ProofAnswer(head, differ, leave, same, [] if same else sorted(held))


def unit_hashes(connection: Connection, units: Iterable[str]) -> dict[str, bytes]:
    """Return the hash of each unit as this store holds it; what belongs to no unit counts as one, by its mark."""
    asked = set(units)
    wanted: Sequence[str] = sorted(asked - MARKS)
    hashes = {LOOSE: unit_hash(loose_rows(connection))} if LOOSE in asked else {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        for unit, rows in by_unit(rows_of(connection, some), some).items():
            hashes[unit] = unit_hash(rows)
    return hashes
