"""Restricted cases, emergencies and declared interests, seen by the people they are about."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import AccessRefused, UserError
from app.ids import new_id
from app.models import BreakGlass, Case, CaseAccess, User
from app.models.terms import EventKind, Role
from app.services import (
    access_alerts,
    allocation,
    break_glass,
    case_list,
    case_page,
    cases,
    children,
    interests,
    named_list,
    search,
    today,
)
from app.services.access_rules import access_rules
from app.services.case_list import CaseQuery
from app.services.households import initials_of
from app.services.signing import Signer, new_seed
from app.services.vault import Vault
from app.services.workspace import Actor, Workspace
from app.timesource import FrozenTime
from tests.services.casework import add_mother, open_isla

As = Callable[..., Workspace]


@pytest.fixture
def vault(make_vault: Callable[..., Vault]) -> Vault:
    return make_vault(role=Role.SUPERVISOR, person="Ruth Okonjo")


@pytest.fixture
def sign_in(vault: Vault) -> As:
    """Sign another person in on the same vault: ``sign_in(Role.DUTY, "Dot Ashby")``."""
    users: dict[str, str] = {}

    def sign_in(role: Role, name: str) -> Workspace:
        ruth = vault.workspace()
        if name not in users:
            users[name] = new_id()
            with vault.system_workspace().write("A person") as session:
                team = ruth.actor.team_id
                session.add(User(id=users[name], username=name, name=name, role=role, team_id=team))
        return Workspace(
            vault.engine,
            actor=Actor(users[name], name, role, ruth.actor.team_id, ruth.actor.device_id),
            signer=Signer(new_seed()),
            time=vault.time,
            folder=vault.folder,
            open_documents=lambda: ruth.documents,
        )

    return sign_in


@pytest.fixture
def ruth(vault: Vault) -> Workspace:
    return vault.workspace()


@pytest.fixture
def dawn(sign_in: As) -> Workspace:
    return sign_in(Role.CASEWORKER, "Dawn Ellery")


@pytest.fixture
def dot(sign_in: As) -> Workspace:
    return sign_in(Role.DUTY, "Dot Ashby")


@pytest.fixture
def isla(ruth: Workspace, dawn: Workspace) -> str:
    """Isla's case is Dawn's and restricted by Ruth."""
    case_id = open_isla(dawn, area="Saltenby")
    named_list.restrict(ruth, case_id, reason="The child of a colleague")
    return case_id


def stored(ws: Workspace, model: Any, **where: Any) -> list[Any]:
    with ws.read() as session:
        return list(session.scalars(select(model).filter_by(**where)))


def test_the_officer_and_whoever_restricts_are_on_the_list(ruth: Workspace, dawn: Workspace, isla: str) -> None:
    shown = named_list.named_list(dawn, isla)
    assert shown.restricted
    assert not shown.can_change
    assert [(one.name, one.is_officer, one.reason) for one in shown.people] == [
        ("Ruth Okonjo", False, "The child of a colleague"),
        ("Dawn Ellery", True, "The child of a colleague"),
    ]
    assert named_list.named_list(ruth, isla).can_change


def test_of_a_restricted_case_a_list_shows_the_name_the_reference_and_the_officer(dot: Workspace, isla: str) -> None:
    (row,) = case_list.rows(dot, [isla])
    assert (row.name, row.officer, row.reference, row.masked) == ("Isla Merrow", "Dawn Ellery", "CME-2026-00001", True)
    blank = (row.age, row.stage, row.area, row.last_school, row.last_activity, row.due_what, row.flags)
    assert blank == ("", "", "", "", "", "", ())
    assert (row.due_on, row.last_activity_at, row.opened_on, row.statutory) == (None, None, None, False)


def test_no_filter_or_order_tells_what_is_not_shown(dot: Workspace, dawn: Workspace, isla: str) -> None:
    other = cases.open_case(
        dawn,
        _child(dawn, "Zed", "Zebra"),
        area="Zeal",
        received_on=date(2026, 10, 1),
        officer_id=dawn.actor.user_id,
    )
    everything = CaseQuery("all")
    for sort in ("due", "stage", "activity", "school", "area", "waiting", "unsynced"):
        for descending in (False, True):
            query = CaseQuery("all", sort=sort, descending=descending)
            assert case_list.ids(dot, query) == [other, isla], sort
    assert case_list.ids(dot, CaseQuery("all", sort="child")) == [isla, other]
    for narrow in (
        CaseQuery("due_week"),
        CaseQuery("no_contact"),
        CaseQuery("all", stages=frozenset(case_list.STAGE_GROUPS)),
        CaseQuery("all", statutory=True),
        CaseQuery("all", changed_here=True),
    ):
        assert isla not in case_list.ids(dot, narrow)
    assert isla in case_list.ids(dot, CaseQuery("all", text="isla"))
    assert sum(case_list.filter_counts(dot, everything).stages.values()) == 1
    assert case_list.filter_counts(dot, everything).total == case_list.count(dot, everything) == 2
    assert case_list.filter_counts(dawn, everything).stages != case_list.filter_counts(dot, everything).stages


def _child(ws: Workspace, forename: str, surname: str) -> str:
    from tests.services.casework import add_child

    return add_child(ws, forename, surname)


def test_search_finds_a_restricted_case_by_name_alone(dot: Workspace, dawn: Workspace, isla: str) -> None:
    (hit,) = search.find(dot, "isla mer")
    assert (hit.title, hit.detail) == ("Isla Merrow", "CME-2026-00001 · Restricted · Dawn Ellery")
    assert search.find(dot, "Q999401723006") == []
    assert len(search.find(dawn, "Q999401723006")) == 1


def test_a_refusal_says_whom_to_ask(dot: Workspace, isla: str) -> None:
    with pytest.raises(AccessRefused) as refused:
        case_page.load_case(dot, isla)
    assert refused.value.message == "This case is restricted. Ask Dawn Ellery or a supervisor for access."
    assert (refused.value.permission, refused.value.subject) == ("READ_CASES", isla)
    shown = named_list.closed_case(dot, isla)
    assert (shown.name, shown.officer, shown.asked, shown.can_break_glass) == (
        "Isla Merrow",
        "Dawn Ellery",
        False,
        True,
    )


def test_asking_reaches_those_on_the_list_and_granting_opens_the_case(
    ruth: Workspace, dot: Workspace, sign_in: As, isla: str
) -> None:
    named_list.ask_for_access(dot, isla, reason="Covering for Dawn")
    assert named_list.closed_case(dot, isla).asked
    with pytest.raises(UserError, match="asked already"):
        named_list.ask_for_access(dot, isla, reason="Again")
    stranger = sign_in(Role.SUPERVISOR, "Stella Voss")
    assert access_alerts.alerts(stranger) == ()
    (alert,) = access_alerts.alerts(ruth)
    assert (alert.kind, alert.person, alert.reason) == ("request", "Dot Ashby", "Covering for Dawn")
    with pytest.raises(AccessRefused, match="on this case’s list|on this case's list"):
        named_list.answer_request(stranger, alert.record_id, granted=True)
    named_list.answer_request(ruth, alert.record_id, granted=True)
    assert case_page.load_case(dot, isla).identity.name == "Isla Merrow"
    assert access_alerts.alerts(ruth) == ()


def test_a_refused_request_says_why_and_may_be_made_again(ruth: Workspace, dot: Workspace, isla: str) -> None:
    request = named_list.ask_for_access(dot, isla, reason="Curious")
    with pytest.raises(UserError, match="Say why"):
        named_list.answer_request(ruth, request, granted=False)
    named_list.answer_request(ruth, request, granted=False, answer="You do not work on it")
    with pytest.raises(AccessRefused):
        case_page.load_case(dot, isla)
    named_list.ask_for_access(dot, isla, reason="I do now")


def test_an_emergency_opens_the_case_at_once_alerts_and_ends_by_the_clock(
    ruth: Workspace, dot: Workspace, isla: str, frozen_time: FrozenTime
) -> None:
    opened = break_glass.open_in_emergency(dot, isla, reason="Police ask about her tonight")
    hours = access_rules().emergency_hours
    assert opened.until == frozen_time.now() + timedelta(hours=hours)
    assert case_page.load_case(dot, isla).identity.upn == "Q999401723006"
    assert break_glass.running(dot, isla) == opened
    cases.add_note(dot, isla, text="Spoke to the police")
    (alert,) = access_alerts.alerts(ruth)
    assert (alert.kind, alert.person, alert.until, alert.own) == ("emergency", "Dot Ashby", opened.until, False)
    assert access_alerts.waiting(ruth) == 1
    frozen_time.advance(hours=hours)
    with pytest.raises(AccessRefused, match="restricted"):
        case_page.load_case(dot, isla)
    assert access_alerts.waiting(ruth) == 1
    break_glass.review(ruth, alert.record_id, words="Rightly opened")
    assert access_alerts.waiting(ruth) == 0
    assert stored(ruth, BreakGlass)[0].review == "Rightly opened"


@pytest.mark.parametrize(
    ("reason", "hours", "field"),
    [
        ("", None, "reason"),
        ("urgent", None, "reason"),
        ("a reason of enough words", 0, "hours"),
        ("x y z w", 99, "hours"),
    ],
)
def test_an_emergency_needs_a_reason_in_words_and_ends(
    dot: Workspace, isla: str, reason: str, hours: int | None, field: str
) -> None:
    with pytest.raises(UserError) as refused:
        break_glass.open_in_emergency(dot, isla, reason=reason, hours=hours)
    assert refused.value.field == field
    assert stored(dot, BreakGlass) == []


def test_nobody_reviews_their_own_emergency_or_changes_a_list_through_one(
    sign_in: As, dawn: Workspace, isla: str
) -> None:
    stella = sign_in(Role.SUPERVISOR, "Stella Voss")
    break_glass.open_in_emergency(stella, isla, reason="No one else is here")
    assert not named_list.named_list(stella, isla).can_change
    with pytest.raises(AccessRefused):
        named_list.add_person(stella, isla, stella.actor.user_id, reason="Mine")
    (alert,) = access_alerts.alerts(stella)
    assert alert.own
    assert access_alerts.waiting(stella) == 0
    with pytest.raises(AccessRefused, match="yourself"):
        break_glass.review(stella, alert.record_id, words="Fine")


def test_the_list_follows_the_officer(ruth: Workspace, dawn: Workspace, dot: Workspace, isla: str) -> None:
    result = allocation.allocate(ruth, [isla], dot.actor.user_id, "Dawn is away", expected={isla: 1})
    assert case_page.load_case(dot, isla).identity.officer == "Dot Ashby"
    with pytest.raises(AccessRefused):
        case_page.load_case(dawn, isla)
    with pytest.raises(UserError, match="officer stays"):
        named_list.remove_person(ruth, isla, dot.actor.user_id)
    allocation.undo(ruth, result)
    assert case_page.load_case(dawn, isla).identity.officer == "Dawn Ellery"
    with pytest.raises(AccessRefused):
        case_page.load_case(dot, isla)
    ended = [row for row in stored(ruth, CaseAccess, case_id=isla) if row.ended_at is not None]
    assert len(ended) == 2


def test_information_governance_sees_to_every_list_and_shows_on_it(sign_in: As, dot: Workspace, isla: str) -> None:
    gita = sign_in(Role.INFORMATION_GOVERNANCE, "Gita Rao")
    with pytest.raises(AccessRefused):
        case_page.load_case(gita, isla)
    assert named_list.named_list(gita, isla).can_change
    named_list.add_person(gita, isla, gita.actor.user_id, reason="A subject request")
    assert case_page.load_case(gita, isla).identity.upn
    assert [one.reason for one in named_list.named_list(gita, isla).people if one.name == "Gita Rao"] == [
        "A subject request"
    ]
    named_list.unrestrict(gita, isla, reason="The colleague has left")
    assert case_page.load_case(dot, isla).identity.upn
    assert all(row.ended_at for row in stored(gita, CaseAccess, case_id=isla))


def test_an_auditor_cannot_be_put_on_a_list(sign_in: As, ruth: Workspace, isla: str) -> None:
    ana = sign_in(Role.AUDITOR, "Ana Ditor")
    with pytest.raises(UserError, match="cannot read cases"):
        named_list.add_person(ruth, isla, ana.actor.user_id, reason="x")
    assert all(user_id != ana.actor.user_id for user_id, _ in named_list.named_list(ruth, isla).others)


def test_an_older_case_of_a_restricted_child_is_closed_too(ruth: Workspace, dot: Workspace, isla: str) -> None:
    with ruth.write("An older case") as session:
        old = Case(
            id=new_id(),
            reference="CME-2025-00001",
            child_id=session.get_one(Case, isla).child_id,
            opened_on=date(2025, 1, 1),
        )
        session.add(old)
    with pytest.raises(AccessRefused):
        case_page.load_case(dot, old.id)
    assert case_page.load_case(ruth, old.id).identity.reference == "CME-2025-00001"
    (row,) = case_list.rows(dot, [old.id])
    assert (row.masked, row.restricted, row.stage) == (True, True, "")
    assert old.id not in case_list.ids(dot, CaseQuery("all", stages=frozenset(case_list.STAGE_GROUPS)))
    named_list.unrestrict(ruth, isla, reason="No longer")
    (row,) = case_list.rows(dot, [old.id])
    assert (row.masked, row.restricted) == (False, False)


def test_a_brother_of_a_restricted_child_is_shown_by_name_only(
    dawn: Workspace, dot: Workspace, ruth: Workspace, isla: str
) -> None:
    with dawn.read() as session:
        child = session.get_one(Case, isla).child_id
    brother = _child(dawn, "Finn", "Merrow")
    children.link_sibling(dawn, brother, child)
    children.add_contact(dawn, kind="mobile", value="07700 900777", child_id=child)
    case_id = cases.open_case(dawn, brother, officer_id=dawn.actor.user_id)
    view = case_page.load_case(dot, case_id)
    (member,) = [one for house in view.households for one in house.members if one.child_id == child]
    assert (member.name, member.note, member.contacts, member.age, member.case_id) == (
        "Isla Merrow",
        "Restricted",
        (),
        "",
        None,
    )
    assert "900777" not in repr(view)
    assert "900777" in repr(case_page.load_case(ruth, case_id))
    assert initials_of(member.name) == member.initials


def test_a_declared_interest_hides_the_child_everywhere_and_asks_for_reallocation(
    ruth: Workspace, dawn: Workspace, dot: Workspace
) -> None:
    case_id = open_isla(dawn)
    with dawn.read() as session:
        child = session.get_one(Case, case_id).child_id
    mother = add_mother(dawn, child)
    interests.declare(dawn, case_id, reason="My neighbour")
    assert case_list.ids(dawn, CaseQuery("all")) == []
    assert case_list.rows(dawn, [case_id]) == []
    assert search.find(dawn, "isla") == []
    assert search.recent(dawn) == []
    assert today.read(dawn).cases_count == 0
    for act in (
        lambda: case_page.load_case(dawn, case_id),
        lambda: cases.add_note(dawn, case_id, text="x", kind=EventKind.NOTE),
        lambda: children.edit(dawn, "person", mother, {"surname": "Else"}),
        lambda: children.add_address(dawn, lines="1 Road", child_id=child),
        lambda: break_glass.open_in_emergency(dawn, case_id, reason="I really need to look"),
    ):
        with pytest.raises(AccessRefused, match="conflict of interest"):
            act()
    with pytest.raises(UserError, match="not on this laptop"):
        case_page.find_case_id(dawn, "CME-2026-00001")
    assert case_page.load_case(dot, case_id).identity.name == "Isla Merrow"
    (alert,) = access_alerts.alerts(ruth)
    assert (alert.kind, alert.person, alert.reason, alert.reallocate) == (
        "interest",
        "Dawn Ellery",
        "My neighbour",
        True,
    )
    with pytest.raises(UserError, match="declared a conflict"):
        allocation.allocate(ruth, [case_id], dawn.actor.user_id, "x", expected={case_id: 1})
    allocation.allocate(ruth, [case_id], dot.actor.user_id, "Conflict of interest", expected={case_id: 1})
    assert access_alerts.alerts(ruth) == ()


def test_a_supervisor_ends_a_declared_interest_but_not_their_own(ruth: Workspace, dawn: Workspace, sign_in: As) -> None:
    case_id = open_isla(dawn)
    declared = interests.declare(dawn, case_id)
    with pytest.raises(AccessRefused, match="Your role cannot"):
        interests.end(dawn, declared, reason="x")
    own = interests.declare(ruth, case_id)
    with pytest.raises(AccessRefused, match="your own"):
        interests.end(ruth, own, reason="x")
    stella = sign_in(Role.SUPERVISOR, "Stella Voss")
    interests.end(stella, own, reason="Moved away")
    interests.end(ruth, declared, reason="Moved away")
    assert case_page.load_case(dawn, case_id).identity.name == "Isla Merrow"


def test_a_conflicted_supervisor_sees_no_alert_about_the_child(ruth: Workspace, dot: Workspace, isla: str) -> None:
    named_list.ask_for_access(dot, isla, reason="Covering")
    interests.declare(ruth, isla)
    assert access_alerts.alerts(ruth) == ()
    with pytest.raises(AccessRefused, match="conflict of interest"):
        named_list.named_list(ruth, isla)
