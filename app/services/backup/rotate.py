"""Which backups are kept: some daily, some weekly, and those without which something could be lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.logs import get_logger
from app.services.backup import facts, files
from app.services.backup.listing import Backup, list_in
from app.services.backup.manifest import Reason
from app.timesource import to_london

if TYPE_CHECKING:
    from app.services.vault.keys import DataKeys

WEEK = timedelta(days=7)
OLD_KEYS_FOR = timedelta(days=35)
"""How long a backup under earlier data keys stays: nobody need remember how to open it for longer."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many are kept.

    Attributes:
        daily: the newest of each of this many days that have one.
        weekly: the newest of each of this many weeks that have one.
    """

    daily: int = 7
    weekly: int = 4


USUAL = Kept()


def to_remove(
    backups: Sequence[Backup], *, now: datetime, kept: Kept = USUAL, proven: str = "", made: str = ""
) -> list[Backup]:
    """Return the backups that are no longer needed.

    Never among them: the newest; the one just made; the newest that a drill proved; one made before a migration, a
    rotation or after a failed drill that is less than a week old.

    Args:
        backups: of one vault, in any order, all of them whole as far as is known.
        now: the present.
        kept: how many stay.
        proven: the name of the newest one that a drill proved.
        made: the name of the one just made; with a clock set back it is not the newest by its name.
    """
    newest_first = sorted(backups, key=lambda info: (info.made_at, info.name), reverse=True)
    stay = {info.name for info in newest_first[:1]}
    stay |= {info.name for info in newest_first if info.name in (proven, made)}
    stay |= {info.name for info in newest_first if _special(info) and now - info.made_at < WEEK}
    stay |= _newest_of_each(newest_first, kept.daily, weekly=False)
    stay |= _newest_of_each(newest_first, kept.weekly, weekly=True)
    return [info for info in newest_first if info.name not in stay]


def _under_old_keys(place: Path, ours: Sequence[Backup], now: datetime) -> list[Backup]:
    """Return backups of this vault from before its keys were changed, once they are older than any that is kept."""
    vaults, known = {info.manifest.vault for info in ours}, {info.name for info in ours}
    return [
        info
        for info in list_in(place)
        if info.name not in known and info.manifest.vault in vaults and now - info.made_at > OLD_KEYS_FOR
    ]


def _special(info: Backup) -> bool:
    return info.reason in (Reason.MIGRATION, Reason.ROTATION, Reason.DRILL)


def _newest_of_each(newest_first: Iterable[Backup], count: int, *, weekly: bool) -> set[str]:
    chosen: dict[object, str] = {}
    for info in newest_first:
        day = to_london(info.made_at).date()
        chosen.setdefault(day.isocalendar()[:2] if weekly else day, info.name)
    return set(list(chosen.values())[:count])


def rotate(place: Path, keys: "DataKeys", engine: Engine, *, made: str, now: datetime, kept: Kept = USUAL) -> list[str]:
    """Remove the backups in a folder that are no longer needed. Called only after another was made there.

    Returns:
        The names of those removed.
    """
    removed: list[str] = []
    try:
        proven = facts.proven_name(engine)
    except SQLAlchemyError as error:  # without knowing which one is proven, all stay
        get_logger().warning("backups not rotated", exc=error)
        return removed
    ours = list_in(place, keys)
    doomed = to_remove(ours, now=now, kept=kept, proven=proven, made=made)
    for info in [*doomed, *_under_old_keys(place, ours, now)]:
        try:
            files.remove_folder(info.folder)
        except OSError as error:
            get_logger().warning("backup not removed", exc=error)
            continue
        removed.append(info.name)
    return removed
