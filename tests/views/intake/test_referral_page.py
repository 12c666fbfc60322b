"""The new-referral page by keyboard, on real records: kept, resumed, matched, opened."""

from datetime import date

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from sqlalchemy import func, select

from app.models import Case, Child, Referral
from app.models.terms import CaseStatus, ReferralState, Stage
from app.services import referrals
from app.services.exchange import gias
from app.services.referral_form import STEPS
from app.services.workspace import Workspace
from app.views import tokens
from app.views.kit.text import Link
from app.views.theme import apply_theme
from tests.services.test_referrals import close, filled, open_new, start
from tests.views.clipping import clipped
from tests.views.intake.conftest import SAMPLES, Window, type_into

ENTER, TAB, SPACE, DOWN = Qt.Key.Key_Return, Qt.Key.Key_Tab, Qt.Key.Key_Space, Qt.Key.Key_Down
CONTROL = Qt.KeyboardModifier.ControlModifier


def count(ws: Workspace, model: type) -> int:
    with ws.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def on(shown: Window) -> None:
    """Ctrl+Enter."""
    QTest.keyClick(shown.window, ENTER, CONTROL)
    shown.settle()


def test_a_referral_is_taken_and_opened_with_the_keyboard_alone(shown: Window, qtbot: QtBot) -> None:
    QTest.keyClick(shown.window, Qt.Key.Key_N, CONTROL)
    shown.settle()
    page = shown.page
    assert page.current() == "who"
    source = shown.find("answer_source")
    assert source.hasFocus()
    QTest.keyClicks(source, "Police")
    shown.type("answer_name", "Sergeant Ash")
    shown.type("answer_reason", "Found alone in town.")
    on(shown)
    assert page.current() == "child"
    assert shown.find("answer_forename").hasFocus()
    type_into(shown.find("answer_forename"), "Zoë")
    QTest.keyClick(shown.find("answer_forename"), TAB)
    assert shown.find("answer_surname").hasFocus()
    type_into(shown.find("answer_surname"), "Brontë")
    QTest.keyClick(shown.find("unknown_born_on"), SPACE)
    shown.type("answer_age_described", "about 9 years old")
    QTest.keyClick(shown.find("unknown_address"), SPACE)
    on(shown)
    assert page.current() == "match"
    assert page.match.nobody.isVisible()
    assert page.match.nobody.hasFocus()
    on(shown)
    assert page.current() == "family"
    on(shown)
    on(shown)
    assert page.current() == "safety"
    QTest.keyClick(shown.find("rest_not_known"), ENTER)
    on(shown)
    assert page.current() == "open"
    assert page.next.isEnabled()
    assert page.next.hasFocus()
    on(shown)
    assert count(shown.ws, Case) == 1
    with shown.ws.read() as session:
        child = session.scalars(select(Child)).one()
        assert (child.forename, child.surname, child.age_described) == ("Zoë", "Brontë", "about 9 years old")
        referral = session.scalars(select(Referral)).one()
        assert (referral.state, referral.referrer_name) == (ReferralState.OPENED, "Sergeant Ash")
    assert shown.toasts[-1][0] == "Case CME-2026-00001 is open."


def test_what_is_typed_is_kept_a_second_after_typing_stops_and_resumed(shown: Window, qtbot: QtBot) -> None:
    shown.go("referral")
    referral_id = shown.page.keeper.referral_id
    shown.type("answer_name", "Ada")
    qtbot.waitUntil(lambda: count(shown.ws, Referral) == 1, timeout=4000)
    shown.settle()
    shown.type("answer_name", " Brookes")
    shown.context.flush_drafts.emit()  # the window locks
    shown.go("cases")
    shown.go("referral", referral_id=referral_id)
    assert shown.find("answer_name").text() == "Ada Brookes"


def test_no_part_of_the_page_is_a_window_of_its_own_for_a_moment(shown: Window) -> None:
    """A widget shown before it has a parent flashes on screen and takes the keyboard away."""
    referral_id = start(shown.ws, filled())
    for step in STEPS:
        shown.go("referral", referral_id=referral_id, step=step)
        assert shown.window.isActiveWindow()
    shown.go("import")
    shown.page.look_at(SAMPLES / "8500000_CTF_850LLLL_001.xml")
    shown.settle()
    assert shown.window.isActiveWindow()


def test_an_empty_referral_leaves_nothing_behind(shown: Window) -> None:
    shown.go("referral")
    shown.go("cases")
    assert count(shown.ws, Referral) == 0


def test_leaving_the_page_keeps_what_was_typed(shown: Window) -> None:
    shown.go("referral")
    shown.type("answer_name", "Ada")
    shown.go("cases")
    assert [line.source for line in referrals.waiting(shown.ws)] == ["Source not given yet"]
    shown.go("referral", waiting=True)
    waiting = shown.find("waiting_list")
    assert waiting.model().rowCount() == 1
    QTest.keyClick(waiting, ENTER)
    shown.settle()
    assert shown.find("answer_name").text() == "Ada"


def test_a_new_referral_says_where_the_unfinished_one_is(shown: Window) -> None:
    shown.go("referral")
    first = shown.page.keeper.referral_id
    shown.type("answer_name", "Ada")
    shown.page.go("child")
    shown.type("answer_forename", "Jonah")
    QTest.keyClick(shown.window, Qt.Key.Key_N, CONTROL)
    shown.settle()
    notice = shown.find("referral_notice")
    assert notice.accessibleName() == "Your other referral is kept: Jonah."
    assert shown.page.rail.others.text() == "Other referrals (1)"
    link = next(one for one in notice.findChildren(Link) if one.text() == "Go on with it")
    QTest.keyClick(link, ENTER)
    shown.settle()
    assert shown.page.keeper.referral_id == first
    assert shown.find("answer_forename").text() == "Jonah"


def test_a_waiting_referral_is_set_aside_with_a_reason(shown: Window) -> None:
    referral_id = start(shown.ws, filled())
    shown.go("referral", waiting=True)
    QTest.keyClick(shown.find("set_referral_aside"), SPACE)
    shown.settle()
    assert len(referrals.waiting(shown.ws)) == 1  # no reason was given
    shown.prompts.reason = "Sent twice"
    QTest.keyClick(shown.find("set_referral_aside"), SPACE)
    shown.settle()
    assert referrals.waiting(shown.ws) == []
    assert referrals.load(shown.ws, referral_id).state is ReferralState.DECLINED


def test_without_a_name_nobody_can_be_found_and_nothing_is_decided(shown: Window) -> None:
    answers = filled()
    answers.child.forename = answers.child.surname = answers.child.upn = ""
    shown.go("referral", referral_id=start(shown.ws, answers), step="match")
    assert not shown.page.match.nobody.isEnabled()
    on(shown)
    assert shown.page.current() == "match"


def test_missing_answers_are_listed_and_lead_to_their_field(shown: Window) -> None:
    answers = filled()
    answers.child.born_on = answers.child.born = ""
    shown.go("referral", referral_id=start(shown.ws, answers), step="open")
    page = shown.page
    assert not page.next.isEnabled()
    words = [link.text() for link in page.open_step.links]
    assert words == [
        "Check for a match: Check for a match before you open the case.",
        'About the child: Enter a date of birth, or choose "Not known".',
    ]
    QTest.keyClick(page.open_step.links[1], ENTER)
    shown.settle()
    assert page.current() == "child"
    assert shown.find("answer_born_on").hasFocus()
    assert page.steps["child"].grid.fields["born_on"].error() == 'Enter a date of birth, or choose "Not known".'


def test_a_date_that_is_not_one_is_kept_as_typed_and_said(shown: Window) -> None:
    shown.go("referral", referral_id=start(shown.ws, filled()), step="child")
    born = shown.find("answer_born_on")
    born.selectAll()
    QTest.keyClicks(born, "some time in May")
    shown.page.go("open")
    shown.settle()
    assert any("must be a date" in link.text() for link in shown.page.open_step.links)
    shown.page.go("child")
    assert shown.find("answer_born_on").text() == "some time in May"


def test_a_wrong_upn_letter_is_said_and_not_in_the_way(shown: Window) -> None:
    answers = filled()
    answers.child.upn = ""
    shown.go("referral", referral_id=start(shown.ws, answers), step="child")
    shown.type("answer_upn", "A999203312077")
    assert "should be V" in shown.page.steps["child"].grid.fields["upn"].error()
    shown.page.go("open")
    shown.settle()
    assert [link.text() for link in shown.page.open_step.links] == [
        "Check for a match: Check for a match before you open the case."
    ]


def known(ws: Workspace) -> str:
    """A closed case of the same child; return its id."""
    opened = open_new(ws, filled())
    close(ws, opened.case_id)
    with ws.write("Stage") as session:
        session.get_one(Case, opened.case_id).stage = Stage.CLOSED
    return opened.case_id


def test_the_strong_match_holds_the_primary_and_reopens_the_closed_case(shown: Window) -> None:
    case_id = known(shown.ws)
    shown.go("referral", referral_id=start(shown.ws, filled()), step="match")
    match = shown.page.match
    assert match.title.text() == "Is Jonah already known to us?"
    assert match.subtitle.text().startswith("1 record looks similar. Opening a second case")
    button = shown.find("same_1")
    assert type(button).__name__ == "PrimaryButton"
    assert button.hasFocus()
    assert button.accessibleName() == "This is the same child as Jonah Thistlewood, Closed case, July 2026"
    assert match.footnote.text().startswith("If you choose a match, the closed case reopens with its history")
    QTest.keyClick(button, SPACE)
    shown.settle()
    assert shown.page.current() == "family"
    shown.page.go("open")
    shown.settle()
    assert shown.page.next.text() == "Reopen the case"
    assert shown.page.next.hasFocus()
    on(shown)
    with shown.ws.read() as session:
        assert session.get_one(Case, case_id).status is CaseStatus.OPEN
    words, undo = shown.toasts[-1]
    assert words == "Case reopened: CME-2026-00001"
    shown.prompts.reason = "Cousins"
    undo()
    shown.settle()
    with shown.ws.read() as session:
        assert session.get_one(Case, case_id).status is CaseStatus.CLOSED
    assert shown.page.current() == "match"


def test_neither_asks_why_when_the_match_is_strong(shown: Window) -> None:
    known(shown.ws)
    referral_id = start(shown.ws, filled())
    shown.go("referral", referral_id=referral_id, step="match")
    match = shown.page.match
    assert match.neither.text() == "This is another child, carry on"
    QTest.keyClick(match.neither, SPACE)
    line = shown.find("match_reason")
    assert line.hasFocus()
    QTest.keyClick(line, ENTER)
    assert "The match is strong" in match.reason.field.error()
    assert shown.page.current() == "match"
    QTest.keyClick(shown.window, Qt.Key.Key_Escape)
    assert not match.reason.isVisible()
    assert match.neither.hasFocus()
    QTest.keyClick(match.neither, SPACE)
    QTest.keyClicks(line, "Born in another town")
    QTest.keyClick(line, ENTER)
    shown.settle()
    assert shown.page.current() == "family"
    view = referrals.load(shown.ws, referral_id)
    assert (view.decision, view.why) == (referrals.NEW_CHILD, "Born in another town")


def test_a_manager_can_be_asked_and_the_rest_filled_in_meanwhile(shown: Window) -> None:
    known(shown.ws)
    referral_id = start(shown.ws, filled())
    shown.go("referral", referral_id=referral_id, step="match")
    QTest.keyClick(shown.page.match.ask_manager, SPACE)
    QTest.keyClick(shown.find("match_reason"), ENTER)
    shown.settle()
    assert shown.page.current() == "family"
    assert referrals.load(shown.ws, referral_id).state is ReferralState.AWAITING_MANAGER
    shown.page.go("open")
    shown.settle()
    assert not shown.page.next.isEnabled()
    assert shown.page.open_step.links[0].text() == "Check for a match: A manager is checking the match."
    shown.go("referral", waiting=True)
    model = shown.find("waiting_list").model()
    assert "Manager to check" in model.data(model.index(0), Qt.ItemDataRole.AccessibleTextRole)


def test_a_match_that_syncs_in_while_the_page_is_open_appears(shown: Window, qtbot: QtBot) -> None:
    shown.go("referral", referral_id=start(shown.ws, filled()), step="match")
    assert not shown.page.match.shown
    with shown.ws.write("Synced") as session:
        session.add(Child(forename="Jonah", surname="Thistlewood", born_on=date(2013, 5, 3)))
    qtbot.waitUntil(lambda: len(shown.page.match.shown) == 1)
    shown.settle()
    assert not shown.page.match.nobody.isVisible()


def test_a_school_is_chosen_from_gias_as_one_types(shown: Window, qtbot: QtBot) -> None:
    gias.import_schools(shown.ws, (SAMPLES / "gias_hampshire_2017_relayout.csv").read_bytes())
    answers = filled()
    answers.who.school_name = answers.who.school_urn = ""
    shown.go("referral", referral_id=start(shown.ws, answers), step="who")
    shown.window.activateWindow()
    picker = shown.find("answer_school")
    picker.setFocus()
    QTest.keyClicks(picker, "haven ear")
    qtbot.waitUntil(lambda: picker._popup.isVisible(), timeout=5000)
    QTest.keyClick(picker._popup, DOWN)
    QTest.keyClick(picker._popup, ENTER)
    assert (picker.urn(), picker.text()) == ("115830", "Haven Early Years Centre")
    QTest.keyClicks(picker, "x")
    assert picker.urn() == ""


def test_people_are_added_and_removed_by_keyboard(shown: Window) -> None:
    answers = filled()
    answers.family.carers, answers.family.siblings = [], []
    shown.go("referral", referral_id=start(shown.ws, answers), step="family")
    family = shown.page.steps["family"]
    assert family.add_carer.hasFocus()
    QTest.keyClick(family.add_carer, SPACE)
    assert family.carers[0].grid.widgets["forename"].hasFocus()
    QTest.keyClicks(family.carers[0].grid.widgets["forename"], "Ruby")
    QTest.keyClick(family.add_sibling, SPACE)
    QTest.keyClicks(family.siblings[0].name, "Maeve")
    QTest.keyClick(family.add_carer, SPACE)
    family.carers[1].removed.emit()
    assert len(family.carers) == 1
    shown.page.go("open")
    shown.settle()
    held = shown.page.keeper.answers.family
    assert [carer.forename for carer in held.carers] == ["Ruby"]
    assert [sibling.name for sibling in held.siblings] == ["Maeve"]


def test_the_grounds_offered_follow_the_day_of_removal(shown: Window) -> None:
    shown.go("referral", referral_id=start(shown.ws, filled()), step="known")
    choice = shown.find("answer_ground_code")
    assert choice.itemText(1).startswith("9(1)(a)")
    field = shown.find("answer_on_roll_until")
    field.selectAll()
    QTest.keyClicks(field, "18/08/2024")
    assert choice.itemText(1).startswith("8(1)(a)")
    assert shown.page.steps["known"].grid.fields["ground_code"].source.text() == "2006 Regulations"


SIZES = [(1440, 900, 100), (911, 512, 100), (1440, 900, 150), (1152, 720, 125), (720, 450, 100)]


@pytest.mark.parametrize(("width", "height", "scale"), SIZES)
def test_nothing_is_clipped_at_any_scale(shown: Window, qapp: object, width: int, height: int, scale: int) -> None:
    known(shown.ws)
    referral_id = start(shown.ws, filled())
    apply_theme(qapp, tokens.LIGHT, scale)  # type: ignore[arg-type]  # pytest-qt's own application
    shown.window.resize(width, height)
    found = []
    for step in STEPS:
        shown.go("referral", referral_id=referral_id, step=step)
        found += [f"{step}: {line}" for line in clipped(shown.window)]
    shown.go("referral", waiting=True)
    found += clipped(shown.window)
    assert found == []
    assert shown.window.width() == width


def test_every_control_of_every_step_has_a_name(shown: Window) -> None:
    known(shown.ws)
    referral_id = start(shown.ws, filled())
    for step in STEPS:
        shown.go("referral", referral_id=referral_id, step=step)
        for widget in shown.page.findChildren(type(shown.page).__mro__[1]):
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible():
                named = widget.accessibleName() or getattr(widget, "text", lambda: "")()
                assert named, f"{step}: {type(widget).__name__} {widget.objectName()}"
