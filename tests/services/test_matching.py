"""Who may be the same child: strengths, reasons and comparisons; twins; the words of each difference."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from app.ids import new_id
from app.models import Address, Case, CaseAccess, Child, ChildName, Enrolment, Person, Relationship, SchoolLink
from app.models.folding import fold
from app.models.terms import CaseStatus, RelationshipKind, Stage
from app.services import comparing, schools
from app.services.comparing import Likeness, compare_addresses, compare_days, compare_names, compare_upns, near_days
from app.services.exchange import gias
from app.services.match_details import find_candidates
from app.services.matching import Strength, Subject
from app.services.vault import Vault
from app.services.workspace import Workspace
from tests.services.exchange.test_reference import GIAS

JONAH = Subject(
    forename="Jonah",
    surname="Thistlewood",
    born_on=date(2013, 5, 3),
    upn="V999203312077",
    address_lines="6 Fuller's Yard",
    town="Pennyford",
    postcode="ZZ99 3VZ",
    parents=("Ruby Thistlewood",),
    last_school_name="Pennyford High",
    siblings=(("Maeve", 8),),
)


def add(ws: Workspace, **values: Any) -> str:
    with ws.write("Recorded") as session:
        child = Child(**{"forename": "Jonah", "surname": "Thistlewood", "born_on": date(2013, 5, 3), **values})
        session.add(child)
        session.flush()
        return child.id


def around(ws: Workspace, child_id: str, **values: Any) -> None:
    with ws.write("Recorded") as session:
        if "address" in values:
            lines, town, postcode = values["address"]
            session.add(Address(child_id=child_id, lines=lines, town=town, postcode=postcode))
        if "parent" in values:
            forename, surname = values["parent"]
            person = Person(forename=forename, surname=surname)
            session.add(person)
            session.flush()
            session.add(Relationship(child_id=child_id, person_id=person.id, kind=RelationshipKind.MOTHER))
        if "school" in values:
            session.add(Enrolment(child_id=child_id, **values["school"]))
        if "sibling" in values:
            other = Child(forename=values["sibling"], surname="Thistlewood", born_on=date(2018, 2, 1))
            session.add(other)
            session.flush()
            session.add(Relationship(child_id=child_id, sibling_id=other.id, kind=RelationshipKind.SIBLING))


def only(ws: Workspace, subject: Subject = JONAH) -> Any:
    found = find_candidates(ws, subject)
    assert len(found) == 1
    return found[0]


def test_the_picture_of_the_comparison_comes_out_of_real_records(workspace: Workspace) -> None:
    park = add(workspace, surname="Thistlewood-Park", upn="V999203312077")
    around(
        workspace,
        park,
        address=("90 Saltenby Road", "Saltenby", "ZZ99 4WZ"),
        parent=("Ruby", "Thistlewood-Park"),
        school={"school_name": "Pennyford High"},
        sibling="Maeve",
    )
    jonas = add(workspace, forename="Jonas", born_on=date(2013, 5, 13), source="On the school census")
    around(
        workspace,
        jonas,
        address=("11 Copse Way", "Thornwick", "ZZ99 5XZ"),
        parent=("Petra", "Thistlewood"),
        school={"school_name": "Thornwick Academy"},
    )
    with workspace.write("Closed") as session:
        session.add(
            Case(
                reference="CME-2025-00012",
                child_id=park,
                status=CaseStatus.CLOSED,
                stage=Stage.CLOSED,
                opened_on=date(2025, 3, 1),
                closed_on=date(2025, 7, 9),
            )
        )
    first, second = find_candidates(workspace, JONAH)
    assert (first.name, first.heading, first.strength) == (
        "Jonah Thistlewood-Park",
        "Closed case, July 2025",
        Strength.STRONG,
    )
    assert [(line.label, line.theirs, line.comparison.words) for line in first.fields] == [
        ("Born", "3 May 2013", "Same"),
        ("UPN", "V999203312077", "Same"),
        ("Address", "90 Saltenby Road, Saltenby", "Different"),
        ("Parent", "Ruby Thistlewood-Park", "Part of name"),
        ("Last school", "Pennyford High", "Same"),
        ("Brothers and sisters", "Maeve, 8", "Same"),
    ]
    assert (second.name, second.heading, second.strength) == (
        "Jonas Thistlewood",
        "On the school census",
        Strength.WEAK,
    )
    assert [(line.theirs, line.comparison.words) for line in second.fields] == [
        ("13 May 2013", "1 digit apart"),
        ("None", "Not recorded"),
        ("11 Copse Way, Thornwick", "Different"),
        ("Petra Thistlewood", "Different"),
        ("Thornwick Academy", "Different"),
        ("None listed", "Not recorded"),
    ]


@pytest.mark.parametrize(
    ("theirs", "strength", "reason"),
    [
        ({}, Strength.STRONG, "Same name"),
        ({"upn": "V999203312077"}, Strength.STRONG, "Same UPN"),
        ({"upn": "D850000016014", "former_upn": "V999203312077"}, Strength.STRONG, "Same as a former UPN"),
        ({"surname": "THISTLEWOOD", "forename": "jonáh"}, Strength.STRONG, "Same name"),
        ({"forename": "Jona"}, Strength.POSSIBLE, "Name: 1 letter apart"),
        ({"surname": "Thistlewoode"}, Strength.POSSIBLE, "Name: 1 letter apart"),
        ({"surname": "Park", "preferred_name": "x"}, None, ""),
        ({"forename": "Nathan", "preferred_name": "Jonah"}, Strength.STRONG, "Same name"),
        ({"born_on": date(2013, 3, 5)}, Strength.POSSIBLE, "Born: day and month swapped"),
        ({"born_on": date(2013, 5, 30)}, Strength.POSSIBLE, "Born: 2 digits swapped"),
        ({"born_on": date(2014, 5, 3)}, Strength.POSSIBLE, "Born: 1 digit apart"),
        ({"born_on": None}, Strength.WEAK, "Same name"),
        ({"born_on": date(2001, 11, 19)}, Strength.WEAK, "Same name"),
        ({"forename": "Silas", "born_on": date(2001, 11, 19)}, None, ""),
        ({"forename": "Silas", "surname": "Vale"}, None, ""),
        ({"upn": "D850000016014"}, Strength.POSSIBLE, "Same name"),
        ({"forename": "Silas", "surname": "Vale", "upn": "V999203312077"}, Strength.POSSIBLE, "Same UPN"),
    ],
)
def test_strengths_and_reasons(
    workspace: Workspace, theirs: dict[str, Any], strength: Strength | None, reason: str
) -> None:
    add(workspace, **theirs)
    found = find_candidates(workspace, JONAH)
    assert [candidate.strength for candidate in found] == ([strength] if strength else [])
    if found:
        assert reason in " | ".join(found[0].reasons)


def test_a_twin_at_the_same_address_is_weak_and_says_so(workspace: Workspace) -> None:
    twin = add(workspace, forename="Silas")
    around(workspace, twin, address=("6 Fuller's Yard", "Pennyford", "ZZ993VZ"), parent=("Ruby", "Thistlewood"))
    candidate = only(workspace)
    assert candidate.strength is Strength.WEAK
    assert "First name differs: may be a twin" in candidate.reasons


def test_an_alias_is_found_by_its_sound(workspace: Workspace) -> None:
    child = add(workspace, forename="Ioan", surname="Vale", born_on=date(2013, 5, 3))
    with workspace.write("Alias") as session:
        session.add(ChildName(child_id=child, forename="Jonah", surname="Thistelwood"))
    candidate = only(workspace)
    assert candidate.child_id == child
    assert candidate.strength is Strength.POSSIBLE


def test_a_postcode_lifts_a_close_name_without_a_date(workspace: Workspace) -> None:
    child = add(workspace, forename="Jona", born_on=None)
    around(workspace, child, address=("Elsewhere", "", "zz99 3vz"))
    candidate = only(workspace)
    assert candidate.strength is Strength.POSSIBLE
    assert "Same postcode" in candidate.reasons


def test_a_parents_postcode_counts_too(workspace: Workspace) -> None:
    child = add(workspace, forename="Jona", surname="Vale", born_on=None)
    around(workspace, child, parent=("Ruby", "Thistlewood"))
    with workspace.write("Parent moved") as session:
        person = session.query(Person).one()
        session.add(Address(person_id=person.id, lines="x", postcode="ZZ99 3VZ"))
    assert find_candidates(workspace, JONAH) == []
    with workspace.write("Renamed") as session:
        session.get_one(Child, child).surname = "Thistlewood-Park"
    assert only(workspace).strength is Strength.POSSIBLE


def test_nobody_is_found_where_nobody_is(workspace: Workspace) -> None:
    assert find_candidates(workspace, JONAH) == []
    add(workspace)
    assert find_candidates(workspace, Subject()) == []


def test_at_most_three_are_shown_the_strongest_first(workspace: Workspace) -> None:
    for surname in ("Thistlewoods", "Thistlewoode", "Thistlewook", "Thistlewood"):
        add(workspace, surname=surname)
    found = find_candidates(workspace, JONAH)
    assert len(found) == 3
    assert found[0].name == "Jonah Thistlewood"


def test_a_restricted_record_shows_nothing_but_that_it_is_there(
    workspace: Workspace, supervisor_workspace: Workspace
) -> None:
    for ws in (workspace, supervisor_workspace):
        child = add(ws)
        around(ws, child, address=("Secret Road", "", ""))
        with ws.write("Restricted") as session:
            case = Case(
                id=new_id(), reference="CME-2026-09999", child_id=child, opened_on=date(2026, 1, 1), restricted=True
            )
            session.add(case)
            if ws is supervisor_workspace:
                session.add(
                    CaseAccess(case_id=case.id, user_id=ws.actor.user_id, granted_at=ws.time.now(), reason="Theirs")
                )
    candidate = only(workspace)
    assert (candidate.restricted, candidate.fields) == (True, ())
    assert candidate.reasons == ("This record is restricted. Ask a manager to check.",)
    assert not only(supervisor_workspace).restricted


def test_a_school_that_became_an_academy_is_the_same_school(workspace: Workspace) -> None:
    child = add(workspace)
    around(workspace, child, school={"school_name": "Old Primary", "school_urn": "100001"})
    with workspace.write("Links") as session:
        session.add(SchoolLink(urn="100001", linked_urn="100002", kind="Successor"))
    subject = Subject(**{**_plain(JONAH), "last_school_urn": "100002", "last_school_name": "New Academy"})
    lines = {line.key: line for line in only(workspace, subject).fields}
    assert lines["school"].comparison.words == "Same school, new number"


def _plain(subject: Subject) -> dict[str, Any]:
    return {name: getattr(subject, name) for name in subject.__dataclass_fields__}


def test_school_links_are_followed_to_the_end_and_loops_do_not_hang(workspace: Workspace) -> None:
    links = [("1", "2"), ("2", "3"), ("5", "6"), ("6", "7"), ("7", "5"), ("4", "5"), ("8", "9"), ("8", "10")]
    with workspace.write("Links") as session:
        session.add_all(SchoolLink(urn=a, linked_urn=b, kind="Successor - merged") for a, b in links)
        session.add(SchoolLink(urn="3", linked_urn="2", kind="Predecessor"))
    with workspace.read() as session:
        assert schools.current_urn(session, "1") == "3"
        assert {schools.current_urn(session, urn) for urn in ("4", "5", "6", "7")} == {"5"}
        assert schools.current_urn(session, "8") == "8"
        assert schools.current_urn(session, "99") == "99"
        assert schools.same_school(session, ("1", "3"))
        assert not schools.same_school(session, ("1", "8"))


def test_schools_are_found_as_one_types(workspace: Workspace) -> None:
    gias.import_schools(workspace, GIAS.read_bytes())
    assert [one.name for one in schools.search_schools(workspace, "hav ear")] == ["Haven Early Years Centre"]
    assert schools.search_schools(workspace, "115830")[0].name == "Haven Early Years Centre"
    assert schools.search_schools(workspace, "850/1001")[0].dfe_number == "8501001"
    assert schools.search_schools(workspace, "h") == []
    assert schools.search_schools(workspace, "%_") == []
    assert len(schools.search_schools(workspace, "school", limit=5)) == 5


@pytest.mark.parametrize(
    ("ours", "theirs", "likeness", "words"),
    [
        ("Zoë", "ZOE", Likeness.SAME, "Same"),
        ("O'Brien", "OBrien", Likeness.SAME, "Same"),
        ("Nguyễn", "Nguyen", Likeness.SAME, "Same"),
        ("محمد", "محمد", Likeness.SAME, "Same"),
        ("Ruby Thistlewood", "Ruby Thistlewood-Park", Likeness.CLOSE, "Part of name"),
        ("Li Wei", "Wei Li", Likeness.CLOSE, "Names in another order"),
        ("Jonah", "Jonas", Likeness.CLOSE, "1 letter apart"),
        ("Mohammed", "Muhammad", Likeness.CLOSE, "Sounds alike"),
        ("Ruby Thistlewood", "Petra Thistlewood", Likeness.DIFFERENT, "Different"),
        ("Li", "Lu", Likeness.DIFFERENT, "Different"),
        ("", "Lu", Likeness.NOT_RECORDED, "Not recorded"),
        ("...", "Lu", Likeness.NOT_RECORDED, "Not recorded"),
    ],
)
def test_names_are_compared_in_words(ours: str, theirs: str, likeness: Likeness, words: str) -> None:
    found = compare_names(ours, theirs)
    assert (found.likeness, found.words) == (likeness, words)


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (("6 Mill Yard", "ZZ99 3VZ"), ("6 Mill Yard, Pennyford", "zz993vz"), "Same"),
        (("6 Mill Yard", ""), ("6 mill yard", "ZZ99 3VZ"), "Same"),
        (("6 Mill Yard", "ZZ99 3VZ"), ("8 Mill Yard", "ZZ99 3VZ"), "Same postcode"),
        (("6 Mill Yard", "ZZ99 3VZ"), ("6 Mill Yard", "ZZ99 4WZ"), "Same lines, other postcode"),
        (("6 Mill Yard", ""), ("8 Mill Yard", ""), "Different"),
        (("", ""), ("8 Mill Yard", ""), "Not recorded"),
    ],
)
def test_addresses_are_compared_in_words(ours: tuple[str, str], theirs: tuple[str, str], words: str) -> None:
    assert compare_addresses(*ours, *theirs).words == words


def test_upns_are_compared_with_former_ones() -> None:
    assert compare_upns(("A1", ""), ("A1", "")).words == "Same"
    assert compare_upns(("A1", "B2"), ("C3", "B2")).why == "Same as a former UPN"
    assert compare_upns(("", ""), ("C3", "")).words == "Not recorded"
    assert compare_upns(("V999203312077", ""), ("V999203312078", "")).words == "1 character apart"
    assert compare_upns(("A1", ""), ("C3", "")).words == "Different"


days = st.dates(min_value=date(1995, 1, 1), max_value=date(2040, 1, 1))


@given(days, days)
def test_days_compare_the_same_both_ways_and_close_ones_are_looked_up(one: date, two: date) -> None:
    assert compare_days(one, two).likeness == compare_days(two, one).likeness
    assert (compare_days(one, two).likeness is Likeness.CLOSE) <= (two in near_days(one))


@given(days)
def test_every_day_looked_up_is_one_that_compares_close(day: date) -> None:
    assert all(compare_days(day, near).likeness is Likeness.CLOSE for near in near_days(day))


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_names_compare_the_same_both_ways(one: str, two: str) -> None:
    assert compare_names(one, two).likeness == compare_names(two, one).likeness
    if fold(one):
        assert compare_names(one, one).likeness is Likeness.SAME
        assert compare_names(one.upper(), one).likeness in (Likeness.SAME, Likeness.CLOSE, Likeness.DIFFERENT)


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_comparing_is_false_where_nothing_agrees() -> None:
    assert not comparing.DIFFERENT
    assert not comparing.NOT_RECORDED
    assert comparing.SAME


def test_matching_among_many_children_finds_the_one_without_reading_them_all(make_vault: Callable[..., Vault]) -> None:
    from app.services.bulk import BulkRecorder

    ws = make_vault("many").workspace()
    rows = [
        {
            "forename": f"Child{n % 997}",
            "surname": f"Family{n % 1009}",
            "born_on": date(2008 + n % 12, n % 12 + 1, n % 28 + 1),
        }
        for n in range(20_000)
    ]
    with ws.write("Many") as session:
        BulkRecorder(session).insert(Child, rows)
    add(ws)
    read = 0

    def count(*_: Any) -> None:
        nonlocal read
        read += 1

    event.listen(Child, "load", count)
    try:
        assert len(find_candidates(ws, JONAH)) == 1
    finally:
        event.remove(Child, "load", count)
    assert read < 200
    with ws.read() as session:
        plan = (
            session.connection()
            .exec_driver_sql(
                "EXPLAIN QUERY PLAN SELECT id FROM child WHERE born_on = ? AND surname_folded = ?", ("2013-05-03", "x")
            )
            .all()
        )
    assert any("ix_child_born_on_surname_folded" in str(line) for line in plan)
