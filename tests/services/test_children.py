from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.errors import UserError
from app.models import Address, Case, ChangeSetRow, Child, ContactPoint, Person, SafetyFlag
from app.models.terms import Known, RelationshipKind, SafetyKind
from app.services import case_page, children, history
from app.services.ages import age_on, age_words, school_year
from tests.services.casework import add_child, add_mother, open_isla

MOTHER = RelationshipKind.MOTHER


@pytest.fixture
def isla(workspace):
    case_id = open_isla(workspace)
    with workspace.read() as session:
        return case_id, session.get_one(Case, case_id).child_id


def change_sets(ws):
    with ws.read() as session:
        return session.execute(select(func.count()).select_from(ChangeSetRow)).scalar_one()


def test_people_stand_under_the_address_they_live_at_and_a_protected_one_is_marked(workspace, isla):
    case_id, child_id = isla
    add_mother(workspace, child_id)
    children.add_address(
        workspace, lines="Flat 2\n41 Tanner's Row", town="Aldermere", postcode="mh42qt", child_id=child_id
    )
    father = children.add_person(workspace, child_id, children.NewPerson(RelationshipKind.FATHER, "Piotr", "Merrow"))
    children.add_address(workspace, lines="8 Chapel Rise", person_id=father, protected=True)
    grandmother = children.NewPerson(RelationshipKind.GRANDPARENT, "Ada", "Merrow")
    children.add_person(workspace, child_id, grandmother)
    houses = case_page.load_case(workspace, case_id).households
    assert [(house.title, [member.name for member in house.members]) for house in houses] == [
        ("Flat 2, 41 Tanner's Row, Aldermere, MH4 2QT", ["Isla Merrow", "Carla Merrow"]),
        ("8 Chapel Rise", ["Piotr Merrow"]),
        ("No address recorded", ["Ada Merrow"]),
    ]
    assert houses[1].address.protected


def test_a_new_address_ends_the_one_before_and_keeps_it(workspace, isla):
    case_id, child_id = isla
    children.add_address(workspace, lines="1 Old Road", child_id=child_id, from_on=date(2024, 1, 1))
    children.add_address(workspace, lines="2 New Road", child_id=child_id, from_on=date(2026, 11, 1))
    houses = case_page.load_case(workspace, case_id).households
    assert [(house.title, house.earlier) for house in houses] == [("2 New Road", False), ("1 Old Road", True)]
    assert houses[1].address.to_on == date(2026, 11, 1)


def test_brothers_and_sisters_are_linked_both_ways_with_their_cases(workspace, isla):
    case_id, child_id = isla
    finn = add_child(workspace, "Finn", "Merrow", date(2020, 6, 2))
    children.link_sibling(workspace, child_id, finn)
    sibling = case_page.load_case(workspace, case_id).linked[0]
    assert (sibling.name, sibling.age, sibling.case_reference) == ("Finn Merrow", "6", "")
    from app.services import cases

    other = cases.open_case(workspace, finn)
    assert case_page.load_case(workspace, other).linked[0].case_id == case_id
    with pytest.raises(UserError, match="themselves"):
        children.link_sibling(workspace, finn, finn)


@pytest.mark.parametrize(
    ("call", "field", "message"),
    [
        (
            lambda ws, child: children.add_person(ws, child, children.NewPerson(RelationshipKind.MOTHER)),
            "surname",
            "name",
        ),
        (
            lambda ws, child: children.add_person(ws, child, children.NewPerson(MOTHER, surname="X", phone="12")),
            "phone",
            "telephone number",
        ),
        (lambda ws, child: children.add_address(ws, lines=" ", child_id=child), "lines", "Enter the address"),
        (
            lambda ws, child: children.add_address(ws, lines="1 Road", postcode="MH", child_id=child),
            "postcode",
            "postcode",
        ),
        (lambda ws, child: children.add_contact(ws, kind="email", value="carla@", child_id=child), "value", "e-mail"),
        (lambda ws, child: children.add_contact(ws, kind="mobile", value="", child_id=child), "value", "Enter"),
        (lambda ws, child: children.edit(ws, "child", child, {"upn": "Q99"}), "upn", "UPN must be"),
        (lambda ws, child: children.edit(ws, "child", child, {"surname": ""}), "surname", "Enter a name"),
        (lambda ws, child: children.edit(ws, "child", child, {"id": "x"}), None, "cannot be changed here"),
    ],
)
def test_a_wrong_value_is_refused_beside_its_field_and_changes_nothing(workspace, isla, call, field, message):
    _case_id, child_id = isla
    before = change_sets(workspace)
    with pytest.raises(UserError, match=message) as caught:
        call(workspace, child_id)
    assert caught.value.field == field
    assert change_sets(workspace) == before


def test_a_correction_is_in_the_cases_history_with_before_and_after(workspace, isla):
    case_id, child_id = isla
    mother = add_mother(workspace, child_id)
    children.edit(workspace, "person", mother, {"language": "Polish", "contact_safe": Known.REFUSED})
    entry = history.of_case(workspace, case_id)[0]
    assert ("Language", "Nothing", "Polish") in [(line.field, line.before, line.after) for line in entry.lines]
    member = case_page.load_case(workspace, case_id).linked[0]
    assert member.contact_words == "Do not contact"
    with pytest.raises(UserError, match="no longer on this laptop"):
        children.edit(workspace, "person", "0190b8a0-0000-7000-8000-000000000000", {"language": "x"})


def test_numbers_are_kept_as_given_and_their_kind_is_seen(workspace, isla):
    _case_id, child_id = isla
    add_mother(workspace, child_id)
    children.add_contact(workspace, kind="email", value="carla@merrow.example", child_id=child_id)
    with workspace.read() as session:
        kinds = {point.value: point.kind for point in session.scalars(select(ContactPoint))}
    assert kinds == {"07700 900412": "mobile", "carla@merrow.example": "email"}


def test_identity_shows_year_last_seen_and_the_gravest_flag_first(workspace, isla):
    case_id, child_id = isla
    now = workspace.time.now()
    with workspace.write("Flags") as session:
        for kind in (SafetyKind.INTERPRETER, SafetyKind.VIOLENCE):
            session.add(SafetyFlag(child_id=child_id, kind=kind, set_at=now, review_on=date(2027, 5, 1)))
        child = session.get_one(Child, child_id)
        child.last_seen_on, child.last_seen_where = date(2026, 10, 16), "Pennyford Primary"
    who = case_page.load_case(workspace, case_id).identity
    assert who.born == "14 March 2017 (9, Year 5)"
    assert who.last_seen == "16 October at Pennyford Primary"
    assert who.stage_words == "Initial checks, day 11"
    assert [flag.words for flag in who.flags] == ["Known violence", "Interpreter"]
    assert who.school == "Pennyford Primary"


def test_an_address_belongs_to_one_owner(workspace, isla):
    _case_id, child_id = isla
    with pytest.raises(UserError, match="one child or one person"):
        children.add_address(workspace, lines="1 Road", child_id=child_id, person_id=child_id)
    with workspace.read() as session:
        assert session.execute(select(func.count()).select_from(Address)).scalar_one() == 0
        assert session.execute(select(func.count()).select_from(Person)).scalar_one() == 0


@pytest.mark.parametrize(
    ("born", "day", "year"),
    [
        (date(2017, 3, 14), date(2026, 11, 17), "Year 5"),
        (date(2017, 8, 31), date(2026, 9, 1), "Year 5"),
        (date(2017, 9, 1), date(2026, 9, 1), "Year 4"),
        (date(2017, 9, 1), date(2026, 8, 31), "Year 3"),
        (date(2022, 8, 31), date(2026, 11, 17), "Reception"),
        (date(2023, 1, 1), date(2026, 11, 17), "Nursery"),
        (date(2026, 1, 1), date(2026, 11, 17), ""),
        (date(2000, 1, 1), date(2026, 11, 17), ""),
        (None, date(2026, 11, 17), ""),
    ],
)
def test_school_year_turns_on_the_first_of_september(born, day, year):
    assert school_year(born, day) == year


def test_ages_in_words():
    assert age_words(date(2017, 3, 14), date(2026, 11, 17)) == "9, Year 5"
    assert age_words(None, date(2026, 11, 17), "", "about 9 years old") == "about 9 years old"
    assert age_words(None, date(2026, 11, 17), "5") == "Year 5"
    assert age_words(None, date(2026, 11, 17)) == "Age not known"


@given(born=st.dates(date(2005, 1, 1), date(2026, 1, 1)), day=st.dates(date(2026, 1, 1), date(2030, 1, 1)))
def test_age_is_one_more_exactly_a_year_later(born, day):
    age = age_on(born, day)
    assert age is not None
    later = day.replace(year=day.year + 1, day=min(day.day, 28) if day.month == 2 else day.day)
    if (day.month, day.day) != (2, 29) and (born.month, born.day) != (2, 29):
        assert age_on(born, later) == age + 1
