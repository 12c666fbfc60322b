"""Putting the demonstration into a vault: at once for a page under test, or day by day with everybody's own hand."""

from collections.abc import Iterator
from datetime import datetime

from app.demo import caseload, casework, cast, spec
from app.demo.days import Days
from app.demo.world import Deed, World
from app.services.workspace import Workspace


def populate(ws: Workspace, *, everyone: bool = True) -> World:
    """Put the demonstration authority into an opened vault, in the name of whoever is signed in.

    People and teams that are already there by name are kept. Takes under three seconds.

    Args:
        ws: of a vault that has its person and device.
        everyone: with the other officers' whole caseloads (some 150 open cases instead of 50).

    Returns:
        Ids by the keys of the data files, e.g. ``world.cases["isla"]``.
    """
    world = World(Days(ws.time))
    with ws.write("Demonstration") as session:
        for deed in all_deeds(world, everyone=everyone):
            deed.act(session, world)
    return world


def all_deeds(world: World, *, everyone: bool = True) -> list[Deed]:
    """Return what everybody did, oldest first."""
    cases = casework.deeds(world, spec.children())
    cases += casework.deeds(world, caseload.others(only=None if everyone else 4), bulk=True)
    ordered = sorted([*cases, *casework.to_do(world)], key=_when)
    return [*cast.deeds(world), *ordered]


def in_commits(deeds: list[Deed]) -> Iterator[tuple[datetime, str, str, list[Deed]]]:
    """Yield (moment, person, reason, deeds) for each commit: bulk deeds of one person on one day share theirs."""
    waiting: list[Deed] = []
    for deed in deeds:
        same = waiting and deed.bulk and deed.by == waiting[0].by and deed.at.date() == waiting[0].at.date()
        if waiting and not same:
            yield waiting[-1].at, waiting[0].by, waiting[0].reason, waiting
            waiting = []
        waiting.append(deed)
        if not deed.bulk:
            yield deed.at, deed.by, deed.reason, waiting
            waiting = []
    if waiting:
        yield waiting[-1].at, waiting[0].by, waiting[0].reason, waiting


def _when(deed: Deed) -> datetime:
    return deed.at
