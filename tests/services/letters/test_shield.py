"""The address shield and the other hard stops, and what is only worth a look."""

from dataclasses import replace
from datetime import date

import pytest

from app.errors import UserError
from app.models import Address, Case, Child, Document, Person
from app.models.terms import CaseStatus, Known, LetterState, RelationshipKind, SafetyKind
from app.services.letters import facts as letter_facts
from app.services.letters import letters, listing, shield
from app.services.letters.compose import Composed, compose
from app.services.letters.draft import Level
from app.services.workspace import Workspace
from tests.services.letters.world import add_address, add_flag, add_parent, change, first_letter, open_rhys


def reader(ws: Workspace, case_id: str, name: str):
    return next(each for each in letter_facts.read(ws, case_id).parents if name in each.name)


def composed(ws: Workspace, case_id: str, template: str = "L01", to: str = "", **typed: str) -> Composed:
    draft = replace(first_letter(ws, case_id, template), typed=typed)
    if to:
        draft = replace(draft, recipient_key=reader(ws, case_id, to).key)
    return compose(letter_facts.read(ws, case_id), draft)


def stops(made: Composed) -> str:
    return "\n".join(issue.text for issue in made.issues if issue.level is Level.STOP)


def refused(ws: Workspace, made: Composed) -> str:
    """The words of the refusal; nothing may have been stored or sent."""
    with pytest.raises(UserError) as error:
        letters.issue(ws, made.draft)
    with ws.read() as session:
        assert session.query(Document).count() == 0
    assert all(line.state is LetterState.DRAFT for line in listing.letters(ws))
    return error.value.message


def test_a_person_who_must_not_be_contacted_gets_no_letter(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    change(workspace, Person, reader(workspace, case_id, "Gareth").id, no_contact=True)
    made = composed(workspace, case_id, to="Gareth")
    assert "Mr Gareth Pendleford must not be contacted" in stops(made)
    assert "must not be contacted" in refused(workspace, made)


@pytest.mark.parametrize("unsafe", [Known.REFUSED, Known.WITHHELD])
def test_an_unsafe_contact_gets_no_letter(workspace: Workspace, unsafe: Known) -> None:
    case_id = open_rhys(workspace)
    change(workspace, Person, reader(workspace, case_id, "Gareth").id, contact_safe=unsafe)
    assert "not safe to write" in refused(workspace, composed(workspace, case_id, to="Gareth"))


def test_a_safe_contact_flag_stops_letters_until_somebody_checked(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    father = reader(workspace, case_id, "Gareth").id
    change(workspace, Person, father, contact_safe=Known.NOT_ASKED)
    add_flag(workspace, case_id, SafetyKind.SAFE_CONTACT_ONLY)
    assert "safe contact flag" in refused(workspace, composed(workspace, case_id, to="Gareth"))
    change(workspace, Person, father, contact_safe=Known.KNOWN)
    assert letters.issue(workspace, composed(workspace, case_id, to="Gareth").draft).reference.endswith("/L2")


def test_a_protected_address_is_never_printed_even_to_the_person_who_lives_there(workspace: Workspace) -> None:
    case_id = open_rhys(workspace, address=False)
    add_address(workspace, protected=True, person_id=reader(workspace, case_id, "Gareth").id)
    made = composed(workspace, case_id, to="Gareth")
    assert "protected address" in stops(made)
    shown = letters.preview(made)
    assert "Hidden Row" not in shown.text
    assert "MH9" not in shown.text
    by_hand = replace(made, draft=replace(made.draft, delivery="HD"))
    assert "protected address" in refused(workspace, by_hand)


def test_a_restricted_address_flag_covers_everybody_at_the_childs_home(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    add_flag(workspace, case_id, SafetyKind.RESTRICTED_ADDRESS)
    made = composed(workspace, case_id, to="Gareth")
    assert "protected address" in stops(made)
    assert "Weir Cottages" not in letters.preview(made).text
    school = composed(workspace, case_id, "L05")
    assert "child_last_address" not in school.values
    assert stops(school) == ""


@pytest.mark.parametrize(
    "words",
    ["They live at 4 Hidden Row now", "4, hidden-row", "go to MH9 9ZZ", "mh99zz"],
)
def test_no_letter_to_one_parent_holds_the_others_protected_address_however_it_is_written(
    workspace: Workspace, words: str
) -> None:
    case_id = open_rhys(workspace)
    mother = add_parent(workspace, case_id, "Sian", RelationshipKind.MOTHER)
    add_address(workspace, protected=True, person_id=mother)
    made = composed(workspace, case_id, to="Gareth", last_school=words)
    assert stops(made) == "Last school holds a protected address. Take it out. It must not be printed."
    assert "protected address" in refused(workspace, made)


def test_a_protected_address_of_the_child_does_not_reach_a_school(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    child_id = letter_facts.read(workspace, case_id).child_id
    add_address(workspace, child_id=child_id, lines="17 Weir Cottages", to_on=date(2026, 10, 1))
    add_address(workspace, child_id=child_id, protected=True)
    made = composed(workspace, case_id, "L05")
    assert "child_last_address" not in made.values, "its postcode would give the protected place away"
    with workspace.write("Moved") as session:
        old = session.query(Address).filter_by(to_on=date(2026, 10, 1)).one()
        old.postcode = "MH7 3DD"
    made = composed(workspace, case_id, "L05")
    assert made.values["child_last_address"] == "17 Weir Cottages, Farway MH7 3DD"
    assert stops(made) == ""
    assert "Hidden" not in letters.preview(made).text


def test_the_readers_own_address_may_share_a_postcode_with_a_protected_one(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    mother = add_parent(workspace, case_id, "Sian", RelationshipKind.MOTHER)
    add_address(
        workspace, protected=True, person_id=mother, lines="99 Weir Cottages", town="Kingsholt", postcode="MH7 3DD"
    )
    assert stops(composed(workspace, case_id, to="Gareth")) == ""


def test_a_siblings_protected_address_is_covered(workspace: Workspace) -> None:
    from app.ids import new_id
    from app.models import Relationship

    case_id = open_rhys(workspace)
    child_id, sibling = letter_facts.read(workspace, case_id).child_id, new_id()
    with workspace.write("Added a sibling") as session:
        session.add(Child(id=sibling, forename="Mair", surname="Pendleford", born_on=date(2015, 1, 1)))
        session.add(Relationship(child_id=child_id, sibling_id=sibling, kind=RelationshipKind.SIBLING))
    add_address(workspace, protected=True, child_id=sibling)
    assert "protected" in stops(composed(workspace, case_id, last_school="near 4 Hidden Row"))


def test_no_letter_is_sent_about_a_child_who_has_died(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    change(workspace, Child, letter_facts.read(workspace, case_id).child_id, deceased_on=date(2026, 11, 10))
    for template in ("L01", "L05"):
        made = composed(workspace, case_id, template)
        assert stops(made) == shield.DECEASED
        assert shield.DECEASED in refused(workspace, made)


def test_a_closed_case_sends_nothing(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    made = composed(workspace, case_id)
    change(workspace, Case, case_id, status=CaseStatus.CLOSED)
    with pytest.raises(UserError, match="closed"):
        letters.issue(workspace, made.draft)
    assert "closed" in stops(composed(workspace, case_id))


def test_an_address_that_ended_is_not_written_to(workspace: Workspace) -> None:
    case_id = open_rhys(workspace, address=False)
    father = reader(workspace, case_id, "Gareth").id
    add_address(workspace, person_id=father, lines="1 Old Street", postcode="MH1 1AA", to_on=date(2026, 11, 16))
    assert reader(workspace, case_id, "Gareth").address == ()
    add_address(workspace, person_id=father, lines="2 New Street", postcode="MH2 2BB", to_on=date(2026, 11, 17))
    assert reader(workspace, case_id, "Gareth").address == ("2 New Street", "Farway", "MH2 2BB")


def test_a_parent_who_lives_with_the_child_is_written_to_at_the_childs_address(workspace: Workspace) -> None:
    case_id = open_rhys(workspace, address=False)
    add_address(workspace, child_id=letter_facts.read(workspace, case_id).child_id)
    assert reader(workspace, case_id, "Gareth").address == ("4 Hidden Row", "Farway", "MH9 9ZZ")


def test_the_first_reader_offered_is_one_who_may_be_written_to(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    mother = add_parent(workspace, case_id, "Sian", RelationshipKind.MOTHER)
    add_address(workspace, person_id=mother)
    assert first_letter(workspace, case_id).recipient_key == reader(workspace, case_id, "Gareth").key
    change(workspace, Person, reader(workspace, case_id, "Gareth").id, no_contact=True)
    assert first_letter(workspace, case_id).recipient_key == f"person:{mother}"


def test_what_is_worth_a_look_is_said_and_does_not_stop_the_letter(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    father = reader(workspace, case_id, "Gareth").id
    change(
        workspace, Person, father, contact_safe=Known.NOT_ASKED, language="Polish", format_needs="Large print, 18 point"
    )
    add_parent(workspace, case_id, "Sian", RelationshipKind.MOTHER)
    made = compose(letter_facts.read(workspace, case_id), replace(first_letter(workspace, case_id), points=12))
    said = " ".join(issue.text for issue in made.issues)
    assert not made.blocked
    assert "Nobody has recorded that it is safe to write to Mr Gareth Pendleford" in said
    assert "prefers Polish" in said
    assert "large print, 18 point" in said
    assert "Sian Pendleford also has parental responsibility. Write a separate letter to each parent." in said
    assert first_letter(workspace, case_id).points == 18, "a new letter begins in the size the reader asked for"


def test_dates_are_checked(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)

    def says(**typed: str) -> str:
        return " ".join(issue.text for issue in composed(workspace, case_id, **typed).issues)

    assert "Date of letter must be today or earlier" in says(date_of_letter="2026-11-18")
    assert "Reply by must be after the date of the letter. Change it to 27 November 2026 or later." in says(
        reply_by="2026-11-17"
    )
    assert "The usual last day to reply is 27 November 2026" in says(reply_by="2026-11-20")
    assert "Enter a date, such as 17 November 2026." in says(reply_by="soon")
    assert "not in force on the date" in says(date_of_letter="2020-01-01", reply_by="2026-12-01")
    assert says() == ""


def test_what_is_missing_names_where_to_put_it_right(workspace: Workspace) -> None:
    from app.models import Authority, User

    case_id = open_rhys(workspace)
    facts = letter_facts.read(workspace, case_id)
    change(workspace, Child, facts.child_id, born_on=None)
    change(workspace, User, workspace.actor.user_id, job_title="")
    with workspace.write("Emptied") as session:
        session.query(Authority).one().privacy_notice_link = ""
    said = {issue.field: issue.text for issue in composed(workspace, case_id).issues}
    assert said["child_dob"] == "Child’s date of birth is not on the case. Add it there first."
    assert said["officer_role"] == "Officer’s job title is not set. Ask an administrator to add it."
    assert said["privacy_notice_link"] == "Privacy notice link is not set. Ask an administrator to add it."


def test_an_address_too_long_for_the_envelopes_window_is_said(workspace: Workspace) -> None:
    case_id = open_rhys(workspace, address=False)
    lines = "Flat 3\nThe Old Mill\nMill House\nMill Yard\nMill Lane"
    add_address(workspace, person_id=reader(workspace, case_id, "Gareth").id, lines=lines)
    made = composed(workspace, case_id, to="Gareth")
    assert [issue.text for issue in made.issues] == [
        "The address has 8 lines. It may not show whole in a window envelope."
    ]
    by_hand = compose(letter_facts.read(workspace, case_id), replace(made.draft, delivery="HD"))
    assert by_hand.issues == ()


def test_a_case_without_anybody_to_write_to_says_who_is_missing(workspace: Workspace) -> None:
    from app.models import Enrolment, Relationship

    case_id = open_rhys(workspace)
    with workspace.write("Emptied") as session:
        session.delete(session.query(Enrolment).one())
        session.delete(session.query(Relationship).one())
    for template, said in (("L01", "No parent or carer is on the case."), ("L05", "No school is on the case.")):
        made = composed(workspace, case_id, template)
        assert [issue.text for issue in made.issues] == [f"{said} Add one there first."]
        assert said in refused(workspace, made)


def test_a_template_that_changed_since_the_draft_was_started_is_said(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    draft = replace(first_letter(workspace, case_id), template_version="0")
    made = compose(letter_facts.read(workspace, case_id), draft)
    assert [issue.text for issue in made.issues] == [
        "The template has changed since you started this letter. Read it again."
    ]
    assert not made.blocked


def test_a_character_that_cannot_be_printed_is_refused_by_name(workspace: Workspace) -> None:
    case_id = open_rhys(workspace, forename="Rhys 𒀀")
    made = composed(workspace, case_id)
    assert "The letter cannot print 𒀀 in child’s first name" in refused(workspace, made)


def test_the_school_letter_names_the_law_in_force_on_the_day_of_removal(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    new = composed(workspace, case_id, "L05")
    assert new.values["joint_enquiry_law"].startswith("regulation 9(1)(h) and (i) of the School Attendance")
    assert new.values["ground_claimed"].startswith("9(1)(i), continuously absent 20 school days")
    old = composed(workspace, case_id, "L05", deletion_date="2024-08-18", ground_claimed="8(1)(h)")
    assert old.values["joint_enquiry_law"] == (
        "regulation 8(1)(f) and (h) of the Education (Pupil Registration) (England) Regulations 2006"
    )
    assert "Regulations 2006" in letters.preview(old).text.replace("\u00a0", " ").replace("\n", " ")


def test_the_school_letter_goes_to_the_head_of_the_last_school(workspace: Workspace) -> None:
    case_id = open_rhys(workspace)
    made = composed(workspace, case_id, "L05")
    assert made.recipient is not None
    assert made.recipient.label == "Mrs Jane Carrow, head of Saltenby Academy"
    assert made.values["recipient_address"] == "Headteacher\nSaltenby Academy\nQuarry Lane\nSaltenby\nMH4 2BB"
    assert (made.values["school_name"], made.values["dfe_number"]) == ("Saltenby Academy", "999/4012")
    assert made.values["last_attended"] == "25 September 2026"
    assert made.values["reply_by"] == "Tuesday 24 November 2026"
    assert letters.issue(workspace, made.draft).recipient == "Mrs Jane Carrow"


def test_a_school_that_is_not_on_the_list_can_be_written_to_by_email(workspace: Workspace) -> None:
    from app.models import School

    case_id = open_rhys(workspace)
    with workspace.write("Removed a school") as session:
        session.delete(session.query(School).filter_by(urn="990012").one())
    made = composed(workspace, case_id, "L05")
    assert made.recipient is not None
    assert made.recipient.salutation == "Headteacher"
    shown = letters.preview(made).text
    assert "Yours faithfully" in shown
    assert "By secure email" in shown
    assert not made.blocked
    posted = compose(letter_facts.read(workspace, case_id), replace(made.draft, delivery="P1"))
    assert [issue.field for issue in posted.issues if issue.level is Level.FIX] == ["recipient_address"]
