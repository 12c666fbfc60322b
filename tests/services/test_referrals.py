"""Referrals from the first answer to the opened, joined or reopened case."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from app.errors import AccessRefused, UserError
from app.ids import new_id
from app.models import (
    Address,
    Case,
    CaseEvent,
    ChangeSetRow,
    Child,
    ChildName,
    Clock,
    ContactPoint,
    Enrolment,
    HealthLink,
    Person,
    Referral,
    Relationship,
    SafetyFlag,
)
from app.models.terms import CaseStatus, Known, ReferralState, RelationshipKind, Role, SafetyKind
from app.services import referral_opening, referrals
from app.services.referral_form import (
    SAFETY_QUESTIONS,
    Answers,
    CarerAnswer,
    SafetyAnswer,
    SiblingAnswer,
    from_json,
    problems,
    to_json,
)
from app.services.vault import Vault
from app.services.workspace import Workspace
from app.timesource import FrozenTime


def filled() -> Answers:
    """A whole referral of an invented child."""
    answers = Answers()
    answers.who.source = "school_untraced"
    answers.who.name = "Ada Brookes"
    answers.who.school_name = "Pennyford High"
    answers.who.school_urn = "999902"
    answers.who.received_on = "2026-11-16"
    answers.who.reason = "Not seen since half term."
    child = answers.child
    child.forename, child.surname = "Jonah", "Thistlewood"
    child.born, child.born_on = "known", "2013-05-03"
    child.upn = "V999203312077"
    child.address_state, child.address, child.town, child.postcode = "known", "6 Fuller's Yard", "Pennyford", "zz993vz"
    answers.family.carers = [
        CarerAnswer(
            forename="Ruby",
            surname="Thistlewood",
            kind="PAM",
            responsibility="known",
            lives_with=True,
            phone="07700 900 123",
            email="ruby@example.org",
            language="Polish",
        )
    ]
    answers.family.siblings = [SiblingAnswer("Maeve", "8")]
    answers.known.on_roll_until = "2026-11-06"
    answers.known.last_seen_on = "2026-11-02"
    answers.known.last_seen_where = "Pennyford market"
    answers.known.last_seen_by = "Class teacher"
    answers.known.health = "Invented Lane Surgery"
    answers.safety = {kind.value: SafetyAnswer("no") for kind in SAFETY_QUESTIONS}
    answers.safety[SafetyKind.DOGS.value] = SafetyAnswer("yes", "Two large dogs in the yard")
    return answers


def start(ws: Workspace, answers: Answers) -> str:
    referral_id = new_id()
    referrals.save(ws, referral_id, answers)
    return referral_id


def open_new(ws: Workspace, answers: Answers) -> referral_opening.Opened:
    referral_id = start(ws, answers)
    shown = referrals.candidates(ws, answers)
    choice = referrals.NEW_CHILD if shown else referrals.NOBODY_FOUND
    referrals.decide(ws, referral_id, choice, shown, why="Another family" if shown else "")
    return referral_opening.open_case(ws, referral_id)


def count(ws: Workspace, model: type) -> int:
    with ws.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def close(ws: Workspace, case_id: str) -> None:
    with ws.write("Closed for a test") as session:
        case = session.get_one(Case, case_id)
        case.status, case.closed_on = CaseStatus.CLOSED, date(2026, 7, 3)


def test_answers_come_back_as_they_were_typed(workspace: Workspace) -> None:
    answers = filled()
    answers.child.born_on = "third of May"
    answers.step = "known"
    referral_id = start(workspace, answers)
    held = referrals.load(workspace, referral_id)
    assert held.answers == answers
    assert held.state is ReferralState.DRAFT
    lines = referrals.waiting(workspace)
    assert [(line.id, line.child_name, line.source, line.step) for line in lines] == [
        (referral_id, "Jonah Thistlewood", "Pennyford High", "What is known")
    ]


def test_answers_that_are_not_readable_come_back_empty_not_as_an_error() -> None:
    for stored in ({}, {"who": 3, "child": ["x"], "safety": {"a": 1}, "step": "elsewhere", "queries": "no"}):
        assert from_json(stored) == Answers()
    assert from_json(to_json(filled())) == filled()


def test_opening_makes_every_record_in_one_change_set(workspace: Workspace) -> None:
    answers = filled()
    referral_id = start(workspace, answers)
    referrals.decide(workspace, referral_id, referrals.NOBODY_FOUND, [])
    before = count(workspace, ChangeSetRow)
    opened = referral_opening.open_case(workspace, referral_id)
    assert count(workspace, ChangeSetRow) == before + 1
    with workspace.read() as session:
        record = session.get_one(Referral, referral_id)
        assert (record.state, record.case_id) == (ReferralState.OPENED, opened.case_id)
        case = session.get_one(Case, opened.case_id)
        assert (case.reference, case.area, case.source_name) == ("CME-2026-00001", "Pennyford", "Pennyford High")
        assert (case.officer_id, case.opened_on) == (None, date(2026, 11, 16))
        child = session.get_one(Child, case.child_id)
        assert (child.forename, child.surname, child.born_on) == ("Jonah", "Thistlewood", date(2013, 5, 3))
        assert (child.upn, child.born_on_known, child.source) == ("V999203312077", Known.KNOWN, "Pennyford High")
        assert (child.last_seen_on, child.last_seen_by) == (date(2026, 11, 2), "Class teacher")
        address = session.scalars(select(Address)).one()
        assert (address.lines, address.town, address.postcode) == ("6 Fuller's Yard", "Pennyford", "ZZ99 3VZ")
        mother = session.scalars(select(Person)).one()
        assert (mother.forename, mother.language) == ("Ruby", "Polish")
        contacts = {(one.kind, one.value) for one in session.scalars(select(ContactPoint))}
        assert contacts == {("mobile", "07700 900 123"), ("email", "ruby@example.org")}
        relation = session.scalars(select(Relationship).where(Relationship.person_id == mother.id)).one()
        assert (relation.kind, relation.parental_responsibility) == (RelationshipKind.MOTHER, Known.KNOWN)
        enrolment = session.scalars(select(Enrolment)).one()
        assert (enrolment.school_name, enrolment.to_on) == ("Pennyford High", date(2026, 11, 6))
        health = session.scalars(select(HealthLink)).one()
        assert (health.kind, health.name) == ("gp", "Invented Lane Surgery")
        flag = session.scalars(select(SafetyFlag)).one()
        assert (flag.kind, flag.review_on) == (SafetyKind.DOGS, date(2027, 11, 17))
        events = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id)).all()
        assert "Referral received from Pennyford High" in {event.title for event in events}
        siblings = session.scalars(select(Relationship).where(Relationship.kind == RelationshipKind.SIBLING)).all()
        assert len(siblings) == 2


def test_an_opened_referral_cannot_be_saved_or_opened_again(workspace: Workspace) -> None:
    answers = filled()
    referral_id = start(workspace, answers)
    referrals.decide(workspace, referral_id, referrals.NOBODY_FOUND, [])
    referral_opening.open_case(workspace, referral_id)
    for act in (
        lambda: referral_opening.open_case(workspace, referral_id),
        lambda: referrals.save(workspace, referral_id, answers),
        lambda: referrals.decide(workspace, referral_id, referrals.NOBODY_FOUND, []),
        lambda: referrals.discard(workspace, referral_id, reason="x"),
    ):
        with pytest.raises(UserError, match="dealt with"):
            act()
    assert count(workspace, Case) == 1


def test_nothing_is_opened_without_a_match_check(workspace: Workspace) -> None:
    referral_id = start(workspace, filled())
    with pytest.raises(UserError, match="Check for a match before"):
        referral_opening.open_case(workspace, referral_id)
    assert count(workspace, Child) == 0


def test_a_changed_name_makes_the_match_check_out_of_date(workspace: Workspace) -> None:
    answers = filled()
    referral_id = start(workspace, answers)
    assert referrals.decide(workspace, referral_id, referrals.NOBODY_FOUND, []).match_done
    answers.child.surname = "Thistle"
    referrals.save(workspace, referral_id, answers)
    assert not referrals.load(workspace, referral_id).match_done
    with pytest.raises(UserError, match="Check for a match again"):
        referral_opening.open_case(workspace, referral_id)


def test_a_strong_match_that_arrived_after_the_check_stops_the_opening(workspace: Workspace) -> None:
    referral_id = start(workspace, filled())
    referrals.decide(workspace, referral_id, referrals.NOBODY_FOUND, [])
    with workspace.write("Synced meanwhile") as session:
        session.add(Child(forename="Jonah", surname="Thistlewood", born_on=date(2013, 5, 3)))
    with pytest.raises(UserError, match="strong match has reached this laptop"):
        referral_opening.open_case(workspace, referral_id)
    assert count(workspace, Case) == 0


@pytest.mark.parametrize(
    ("spoil", "field", "words"),
    [
        (lambda a: setattr(a.who, "source", ""), "who:source", "Choose who told us"),
        (lambda a: setattr(a.who, "received_on", "2026-11-18"), "who:received_on", "must be today or earlier"),
        (lambda a: setattr(a.who, "school_name", ""), "who:school", "Enter the school"),
        (lambda a: setattr(a.child, "born_on", ""), "child:born_on", 'Enter a date of birth, or choose "Not known".'),
        (lambda a: setattr(a.child, "born_on", "2026-12-01"), "child:born_on", "must be today or earlier"),
        (lambda a: setattr(a.child, "born_on", "1913-05-03"), "child:born_on", "last 25 years"),
        (lambda a: setattr(a.child, "upn", "V99920331207"), "child:upn", "UPN must be 1 letter, then 11 numbers"),
        (lambda a: (setattr(a.child, "address", ""), setattr(a.child, "postcode", "")), "child:address", "Not known"),
        (lambda a: a.family.carers.append(CarerAnswer()), "family:carer1", "Enter a name, or remove"),
        (lambda a: setattr(a.known, "last_seen_on", "soon"), "known:last_seen_on", "must be a date"),
        (lambda a: a.safety.pop("dogs"), "safety:dogs", "Not known"),
        (lambda a: a.safety.update(dogs=SafetyAnswer("yes")), "safety:dogs", "Say what is known"),
    ],
)
def test_each_missing_answer_has_its_words_and_changes_nothing(
    workspace: Workspace, spoil: Callable[[Answers], object], field: str, words: str
) -> None:
    answers = filled()
    spoil(answers)
    referral_id = start(workspace, answers)
    referrals.decide(workspace, referral_id, referrals.NOBODY_FOUND, [])
    with pytest.raises(UserError, match=words) as refused:
        referral_opening.open_case(workspace, referral_id)
    assert refused.value.field == field
    assert count(workspace, Child) == count(workspace, Case) == 0
    assert referrals.load(workspace, referral_id).answers == answers


def test_not_known_is_an_answer(workspace: Workspace) -> None:
    answers = filled()
    answers.child.born, answers.child.born_on, answers.child.age_described = "not_known", "", "about 9 years old"
    answers.child.address_state, answers.child.address, answers.child.postcode = "not_known", "", ""
    answers.safety = {kind.value: SafetyAnswer("not_known") for kind in SAFETY_QUESTIONS}
    assert problems(answers, date(2026, 11, 17)) == []
    opened = open_new(workspace, answers)
    with workspace.read() as session:
        child = session.get_one(Child, session.get_one(Case, opened.case_id).child_id)
        assert (child.born_on, child.born_on_known, child.age_described) == (
            None,
            Known.NOT_KNOWN,
            "about 9 years old",
        )
    assert count(workspace, Address) == count(workspace, SafetyFlag) == 0


def test_a_referral_about_a_known_child_joins_the_open_case_and_overwrites_nothing(workspace: Workspace) -> None:
    first = open_new(workspace, filled())
    again = filled()
    again.child.forename, again.child.surname = "Jonah", "Thistlewood-Park"
    again.child.sex = "M"
    again.child.address, again.child.postcode, again.child.town = "90 Saltenby Road", "ZZ99 4WZ", "Saltenby"
    referral_id = start(workspace, again)
    shown = referrals.candidates(workspace, again)
    assert shown[0].heading == "Open case CME-2026-00001"
    referrals.decide(workspace, referral_id, referrals.SAME_CHILD, shown, child_id=shown[0].child_id)
    opened = referral_opening.open_case(workspace, referral_id)
    assert (opened.case_id, opened.joined, opened.reopened) == (first.case_id, True, False)
    with workspace.read() as session:
        child = session.get_one(Child, shown[0].child_id)
        assert (child.surname, child.sex) == ("Thistlewood", "M")
        alias = session.scalars(select(ChildName)).one()
        assert (alias.forename, alias.surname) == ("Jonah", "Thistlewood-Park")
        addresses = session.scalars(select(Address).order_by(Address.created_at, Address.id)).all()
        assert [address.to_on is None for address in addresses] == [False, True]
        assert session.scalar(select(func.count()).select_from(Person)) == 1
        assert session.scalar(select(func.count()).select_from(Enrolment)) == 1
        assert session.get_one(Referral, referral_id).state is ReferralState.ADDED_TO_CASE


def test_the_closed_case_of_the_same_child_reopens_and_can_be_undone_for_thirty_days(
    workspace: Workspace, frozen_time: FrozenTime
) -> None:
    first = open_new(workspace, filled())
    close(workspace, first.case_id)
    again = filled()
    again.child.preferred_name = "Joe"
    again.child.address, again.child.postcode = "90 Saltenby Road", "ZZ99 4WZ"
    referral_id = start(workspace, again)
    shown = referrals.candidates(workspace, again)
    assert shown[0].heading == "Closed case, July 2026"
    referrals.decide(workspace, referral_id, referrals.SAME_CHILD, shown, child_id=shown[0].child_id)
    clocks = count(workspace, Clock)
    opened = referral_opening.open_case(workspace, referral_id)
    assert opened.reopened
    with workspace.read() as session:
        case = session.get_one(Case, first.case_id)
        assert (case.status, case.closed_on) == (CaseStatus.OPEN, None)
    assert [joined.referral_id for joined in referral_opening.lately_joined(workspace)] == [referral_id]

    referral_opening.separate(workspace, referral_id, reason="Cousins with one name")
    with workspace.read() as session:
        case = session.get_one(Case, first.case_id)
        assert (case.status, case.closed_on) == (CaseStatus.CLOSED, date(2026, 7, 3))
        child = session.get_one(Child, case.child_id)
        assert child.preferred_name == ""
        assert session.scalars(select(Address)).one().to_on is None
        titles = {event.title for event in session.scalars(select(CaseEvent))}
        assert {"Case reopened", "Referral taken out of this case"} <= titles
    assert count(workspace, Clock) == clocks
    held = referrals.load(workspace, referral_id)
    assert (held.state, held.decision, held.answers.child.preferred_name) == (ReferralState.DRAFT, "", "Joe")


def test_after_thirty_days_a_joined_referral_stays(workspace: Workspace, frozen_time: FrozenTime) -> None:
    open_new(workspace, filled())
    referral_id = start(workspace, filled())
    shown = referrals.candidates(workspace, filled())
    referrals.decide(workspace, referral_id, referrals.SAME_CHILD, shown, child_id=shown[0].child_id)
    referral_opening.open_case(workspace, referral_id)
    frozen_time.move_to(frozen_time.now() + timedelta(days=31))
    assert referral_opening.lately_joined(workspace) == []
    with pytest.raises(UserError, match="More than 30 days"):
        referral_opening.separate(workspace, referral_id, reason="x")


def test_a_known_child_without_a_case_gets_one(workspace: Workspace) -> None:
    with workspace.write("Imported") as session:
        session.add(Child(forename="Jonah", surname="Thistlewood", born_on=date(2013, 5, 3), source="School census"))
    referral_id = start(workspace, filled())
    shown = referrals.candidates(workspace, filled())
    assert shown[0].heading == "School census"
    referrals.decide(workspace, referral_id, referrals.SAME_CHILD, shown, child_id=shown[0].child_id)
    opened = referral_opening.open_case(workspace, referral_id)
    assert not opened.joined
    with workspace.read() as session:
        assert session.get_one(Case, opened.case_id).child_id == shown[0].child_id
        assert session.get_one(Child, shown[0].child_id).upn == "V999203312077"


def test_not_the_same_needs_a_reason_when_the_match_is_strong(workspace: Workspace) -> None:
    open_new(workspace, filled())
    referral_id = start(workspace, filled())
    shown = referrals.candidates(workspace, filled())
    with pytest.raises(UserError, match="The match is strong"):
        referrals.decide(workspace, referral_id, referrals.NEW_CHILD, shown)
    with pytest.raises(UserError, match="Compare them first"):
        referrals.decide(workspace, referral_id, referrals.NOBODY_FOUND, shown)
    with pytest.raises(UserError, match="Choose which record"):
        referrals.decide(workspace, referral_id, referrals.SAME_CHILD, shown, child_id=new_id())
    view = referrals.decide(workspace, referral_id, referrals.NEW_CHILD, shown, why="Born in another town")
    assert (view.why, view.match_done) == ("Born in another town", True)
    with workspace.read() as session:
        decision = session.get_one(Referral, referral_id).match_decision
    assert decision["shown"][0]["strength"] == "Strong match"
    assert decision["shown"][0]["fields"]["upn"] == "Same"


def test_a_restricted_record_is_for_a_manager_to_join(workspace: Workspace) -> None:
    first = open_new(workspace, filled())
    with workspace.write("Restricted") as session:
        session.get_one(Case, first.case_id).restricted = True
    referral_id = start(workspace, filled())
    shown = referrals.candidates(workspace, filled())
    with pytest.raises(UserError, match="This record is restricted. Ask a manager"):
        referrals.decide(workspace, referral_id, referrals.SAME_CHILD, shown, child_id=shown[0].child_id)


def test_asking_a_manager_waits_and_the_manager_decides(workspace: Workspace) -> None:
    open_new(workspace, filled())
    referral_id = start(workspace, filled())
    shown = referrals.candidates(workspace, filled())
    view = referrals.decide(workspace, referral_id, referrals.ASKED_MANAGER, shown, why="Cannot tell")
    assert (view.state, view.asked_by) == (ReferralState.AWAITING_MANAGER, "Dawn Ellery")
    with pytest.raises(UserError, match="A manager is checking"):
        referral_opening.open_case(workspace, referral_id)
    referrals.decide(workspace, referral_id, referrals.SAME_CHILD, shown, child_id=shown[0].child_id)
    assert referral_opening.open_case(workspace, referral_id).joined


def test_setting_aside_needs_a_reason_and_keeps_the_referral(workspace: Workspace) -> None:
    referral_id = start(workspace, filled())
    with pytest.raises(UserError, match="Say why"):
        referrals.discard(workspace, referral_id, reason=" ")
    referrals.discard(workspace, referral_id, reason="Sent twice")
    assert referrals.waiting(workspace) == []
    assert referrals.load(workspace, referral_id).answers == filled()


def test_an_auditor_takes_no_referrals(make_vault: Callable[..., Vault]) -> None:
    ws = make_vault(role=Role.AUDITOR).workspace()
    for act in (
        lambda: referrals.save(ws, new_id(), filled()),
        lambda: referrals.waiting(ws),
        lambda: referrals.candidates(ws, filled()),
        lambda: referral_opening.open_case(ws, new_id()),
    ):
        with pytest.raises(AccessRefused):
            act()


def test_a_secret_address_is_protected_from_the_first_moment(workspace: Workspace) -> None:
    answers = filled()
    answers.safety[SafetyKind.RESTRICTED_ADDRESS.value] = SafetyAnswer("yes", "Refuge, told by police")
    open_new(workspace, answers)
    with workspace.read() as session:
        assert session.scalars(select(Address)).one().protected
    assert referrals.candidates(workspace, answers)[0].fields[2].theirs == "Protected address"
