"""The demonstration authority is whole, plausible and dated from the day it is built."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.demo.days import Days
from app.demo.people import all_deeds, in_commits, populate
from app.demo.world import World
from app.models import CaseEvent, CaseRow, ChangeSetRow, Child, ContactPoint, Person, School, User
from app.models.terms import Role
from app.services import upn
from app.services.vault import Vault
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.marlshire import open_copy


@pytest.fixture
def marlshire(tmp_path: Path, frozen_time: FrozenTime) -> Iterator[tuple[Workspace, World]]:
    vault, ws, world = open_copy(tmp_path / "ruth", frozen_time, everyone=True)
    yield ws, world
    vault.close()


def test_the_caseloads_are_those_of_the_pictures(marlshire: tuple[Workspace, World]) -> None:
    ws, _world = marlshire
    with ws.read() as session:
        rows = session.execute(
            select(CaseRow.officer_name, func.count()).where(CaseRow.status == "open").group_by(CaseRow.officer_name)
        )
        counts = {name: count for name, count in rows}
    assert counts == {
        "": 5, "Dawn Ellery": 31, "Samir Beltrane": 22, "Tom Hadlow": 29, "Priya Lindqvist": 35, "Gwen Arkley": 16,
        "Yusuf Dane": 19,
    }  # fmt: skip


def test_upns_have_right_check_letters_and_no_two_children_share_one(marlshire: tuple[Workspace, World]) -> None:
    ws, _world = marlshire
    with ws.read() as session:
        numbers = [number for number in session.scalars(select(Child.upn)) if number]
    assert len(numbers) > 100
    assert {upn.check(number).state for number in numbers} == {upn.UpnState.VALID}
    assert Counter(numbers).most_common(1)[0][1] == 1
    assert all(number[1:4] == "999" for number in numbers)


def test_telephones_are_from_the_ranges_kept_for_drama(marlshire: tuple[Workspace, World]) -> None:
    ws, _world = marlshire
    with ws.read() as session:
        numbers = [*session.scalars(select(ContactPoint.value)), *session.scalars(select(School.phone))]
    assert numbers
    assert all(number.startswith(("01632 960", "07700 900")) and len(number) == 12 for number in numbers)


def test_islas_timeline_is_the_one_of_the_picture(marlshire: tuple[Workspace, World]) -> None:
    ws, world = marlshire
    with ws.read() as session:
        query = select(CaseEvent).where(CaseEvent.case_id == world.cases["isla"]).order_by(CaseEvent.happened_at.desc())
        lines = [
            (event.happened_at.strftime("%d %H:%M"), event.actor_name, event.title) for event in session.scalars(query)
        ]
    assert lines == [
        ("17 08:31", "Dawn Ellery", "Call to Carla Merrow (mother), no answer"),
        ("13 15:20", "Samir Beltrane", "Neighbour contact at 41 Tanner’s Row"),
        ("13 11:04", "Dawn Ellery", "Letter from Saltenby Housing linked"),
        ("11 16:40", "Dawn Ellery", "First home visit, no answer"),
        ("11 09:15", "Dawn Ellery", "First enquiry letter posted to Carla Merrow"),
        ("02 10:02", "Ruth Okonjo", "Stage changed from Initial checks to Enquiries"),
        ("02 09:12", "Ruth Okonjo", "Referral received from Pennyford Primary"),
    ]


def test_nothing_is_recorded_in_the_future_whatever_the_hour(frozen_time: FrozenTime, workspace: Workspace) -> None:
    frozen_time.move_to(datetime(2027, 1, 2, 6, 30, tzinfo=UTC))
    populate(workspace, everyone=False)
    with workspace.read() as session:
        assert session.scalar(select(func.max(CaseEvent.happened_at))) <= frozen_time.now()
        assert session.scalar(select(func.count()).where(CaseRow.opened_on > frozen_time.today())) == 0
        isla = session.scalars(select(CaseRow).where(CaseRow.child_name == "Isla Merrow")).one()
    assert isla.next_due_on is not None
    assert isla.next_due_on < frozen_time.today()


def test_people_who_are_there_already_are_kept(make_vault: Callable[..., Vault]) -> None:
    ws = make_vault("twice", role=Role.SUPERVISOR, person="Ruth Okonjo").workspace()
    populate(ws, everyone=False)
    with ws.read() as session:
        assert session.scalar(select(func.count()).select_from(User).where(User.name == "Ruth Okonjo")) == 1


def test_everything_goes_through_change_capture(marlshire: tuple[Workspace, World]) -> None:
    ws, _world = marlshire
    with ws.read() as session:
        last = session.scalars(select(ChangeSetRow).order_by(ChangeSetRow.sequence.desc()).limit(1)).one()
        people = session.scalar(select(func.count()).select_from(Person))
    assert last.reason == "Demonstration"
    assert last.body.count(b'"person"') == people


def test_commits_are_in_order_and_hold_one_persons_work(frozen_time: FrozenTime) -> None:
    commits = list(in_commits(all_deeds(World(Days(frozen_time)))))
    moments = [at for at, _by, _reason, _deeds in commits]
    assert moments == sorted(moments)
    assert all(len({deed.by for deed in deeds}) == 1 for _at, _by, _reason, deeds in commits)
    assert sum(len(deeds) for *_rest, deeds in commits) == len(all_deeds(World(Days(frozen_time))))
