"""Who may hold which unit: by role and team, restricted cases' lists, emergencies and declared interests.

The rule of need to know, in SQL, for some units at a time. How wide a role looks is data of
:mod:`app.services.access`. A laptop may hold what any of its people may see.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from app.central.places import LOOSE, MARKS, REFERENCE
from app.central.tables import device_person
from app.models import User
from app.models.terms import Role
from app.services.access import Reach, keeps_restricted, reach

# For each person: no declared interest; a case of the team, of no team, or none at all; and every restricted case of
# the child has them on its list, or in an emergency.
_RULE: Final = """
  NOT EXISTS (
    SELECT 1 FROM interest_declared AS i
    WHERE i.user_id = :user_id AND i.ended_at IS NULL
      AND (i.child_id = u.id OR i.case_id IN (SELECT x.id FROM "case" AS x WHERE x.child_id = u.id)))
  AND (:wide
    OR EXISTS (SELECT 1 FROM "case" AS c WHERE c.child_id = u.id AND (c.team_id = :team_id OR c.team_id IS NULL))
    OR NOT EXISTS (SELECT 1 FROM "case" AS c WHERE c.child_id = u.id))
  AND (:keeps OR NOT EXISTS (
    SELECT 1 FROM "case" AS r WHERE r.child_id = u.id AND r.restricted
      AND NOT EXISTS (SELECT 1 FROM case_access AS a
                      WHERE a.case_id = r.id AND a.user_id = :user_id AND a.ended_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM break_glass AS b
                      WHERE b.case_id = r.id AND b.user_id = :user_id AND b.from_at <= :now AND b.until_at > :now)))
"""
_KEY = Uuid(as_uuid=False)
_TYPED = (bindparam("user_id", type_=_KEY), bindparam("team_id", type_=_KEY))
_SOME = text(f"SELECT u.id FROM child AS u WHERE u.id = ANY(:units) AND {_RULE}").bindparams(
    bindparam("units", type_=ARRAY(_KEY)), *_TYPED
)
_ALL = text(f"SELECT u.id FROM child AS u WHERE {_RULE}").bindparams(*_TYPED)
_COUNT = text(f"SELECT count(*) FROM child AS u WHERE {_RULE}").bindparams(*_TYPED)


@dataclass(frozen=True, slots=True)
class Viewer:
    """One of a laptop's people."""

    user_id: str
    role: Role
    team_id: str | None

    def values(self, now: datetime) -> dict[str, Any]:
        """Return what the rule asks about a person."""
        return {
            "user_id": self.user_id,
            "team_id": self.team_id,
            "wide": reach(self.role, self.team_id) is Reach.AUTHORITY,
            "keeps": keeps_restricted(self.role),
            "now": now,
        }


class Visibility:
    """What a laptop may hold, as the open transaction sees it."""

    def __init__(self, connection: Connection, viewers: Iterable[Viewer], now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._viewers = [viewer for viewer in viewers if reach(viewer.role, viewer.team_id) is not Reach.NONE]

    @property
    def marks(self) -> frozenset[str]:
        """Which rows of no unit the laptop gets."""
        return MARKS if self._viewers else frozenset({REFERENCE})

    @property
    def reads_cases(self) -> bool:
        """Whether the laptop gets anything of a case."""
        return LOOSE in self.marks

    def of(self, units: Iterable[str]) -> set[str]:
        """Return those of some units that the laptop may hold; units whose child was deleted are not among them."""
        left, found = set(units) - MARKS, set[str]()
        for viewer in self._viewers:
            if left:
                values = {"units": list(left), **viewer.values(self._now)}
                seen = {str(unit) for unit in self._connection.scalars(_SOME, values)}
                found |= seen
                left -= seen
        return found

    def of_units_and_loose(self, units: Iterable[str]) -> set[str]:
        """Return as :meth:`of`, with the mark of what belongs to no unit where it is among them and may be held."""
        asked = set(units)
        return self.of(asked) | (self.marks & {LOOSE} & asked)

    def all(self) -> set[str]:
        """Return every unit that the laptop may hold; reads the whole authority."""
        found: set[str] = set()
        for viewer in self._viewers:
            found.update(str(unit) for unit in self._connection.scalars(_ALL, viewer.values(self._now)))
        return found

    def count(self) -> int:
        """Return about how many units that is: as many as the one of the laptop's people may see who sees most."""
        counts = (self._connection.execute(_COUNT, viewer.values(self._now)).scalar_one() for viewer in self._viewers)
        return max(counts, default=0)


def viewers_of(connection: Connection, device_id: str) -> list[Viewer]:
    """Return a laptop's people who may still work."""
    rows = connection.execute(
        select(User.id, User.role, User.team_id)
        .join(device_person, device_person.c.user_id == User.id)
        .where(device_person.c.device_id == device_id, User.active)
    )
    return [Viewer(row.id, row.role, row.team_id) for row in rows]


def alive(connection: Connection, units: Sequence[str]) -> set[str]:
    """Return those of some units whose child is there."""
    found = connection.scalars(
        text("SELECT id FROM child WHERE id = ANY(:units)").bindparams(bindparam("units", type_=ARRAY(_KEY))),
        {"units": list(units)},
    )
    return {str(unit) for unit in found}
