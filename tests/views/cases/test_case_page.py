import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu
from sqlalchemy import select

from app.models import AuditEntry, Case, CaseEvent, ChangeSetRow, Conflict, Enquiry, Person
from app.models.terms import EnquiryState, EventKind, Known, Stage
from app.services import case_page, cases, drafts, history
from app.views.case.case_page import CasePage
from app.views.case.family_rows import FamilyModel
from app.views.case.inline_form import InlineForm
from app.views.case.timeline_rows import DayHead
from app.views.kit.feedback import Banner
from app.views.main_window import MainWindow

Q = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(qtbot, context, scene, settled):
    made = CasePage(context)
    qtbot.addWidget(made)
    made.setMinimumSize(1, 1)
    made.resize(1300, 820)
    made.show()
    made.open(case_id=scene.case_id)
    settled()
    yield made
    settled()


@pytest.fixture
def window(qtbot, context, scene, settled):
    made = MainWindow(context)
    qtbot.addWidget(made)
    made.resize(1440, 869)
    made.show()
    settled()
    yield made
    settled()


def titles(page):
    return [row.title for row in page.timeline.list.rows.rows() if not isinstance(row, DayHead)]


def form_of(page):
    return next(form for form in page.findChildren(InlineForm) if form.isVisible())


def fill_in(form, **values):
    for name, value in values.items():
        widget = form.widgets[name]
        if hasattr(widget, "setPlainText"):
            widget.setPlainText(value)
        elif hasattr(widget, "findData"):
            widget.setCurrentIndex(widget.findData(value))
        elif hasattr(widget, "setChecked"):
            widget.setChecked(value)
        else:
            widget.setText(value)
            widget.textEdited.emit(value)


def test_the_keyboard_journey_opens_a_case_and_saves_a_note(qtbot, window, context, workspace, scene, settled):
    window.navigate("cases")
    settled()
    table = window.stack.currentWidget().table
    qtbot.keyClick(table, Q.Key_Return)
    settled()
    page = window.stack.currentWidget()
    assert isinstance(page, CasePage)
    assert page.title == "Isla Merrow"
    window._ask_page("add_note")  # what Ctrl+Shift+N asks for
    editor = page.timeline.composer.editor
    assert editor.isVisible()
    qtbot.keyClicks(editor, "Seen at the library")
    qtbot.keyClick(editor, Q.Key_Return, CTRL)
    settled()
    assert titles(page)[0] == "Seen at the library"
    assert page.timeline.list.rows.rows()[1].waiting
    assert history.of_case(workspace, scene.case_id)[0].reason == "Added a note"
    with workspace.read() as session:
        newest = session.scalars(select(ChangeSetRow).order_by(ChangeSetRow.sequence.desc()).limit(1)).one()
    assert b"Seen at the library" in newest.body
    assert not page.timeline.composer.is_open()


def test_identity_tabs_and_cards_show_the_case(page):
    assert "Isla Merrow, Initial checks, day 11, Visit in pairs" in page.identity.accessibleName()
    assert "Last seen 16 October at Pennyford Primary" in page.identity.accessibleName()
    assert page.strip.buttons["enquiries"].accessibleName() == "Enquiries, 3 of 11"
    assert page.strip.buttons["letters"].accessibleName() == "Letters, 1"
    cards = [card.accessibleName() for card in (page.side.next_card, page.side.enquiry_card, page.side.linked_card)]
    assert cards == ["Next", "Enquiries", "Linked"]
    rows = [w.accessibleName() for w in page.side.findChildren(object) if hasattr(w, "paint_row") and w.isVisible()]
    assert any(name.startswith("Decide: refer to social care?") for name in rows)
    assert "Finn Merrow, 6, Sister · open case CME-2026-00002" in rows


def test_a_draft_is_kept_a_second_after_typing_and_on_leaving(page, qtbot, workspace, scene, settled):
    composer, key = page.timeline.composer, drafts.note_key(scene.case_id)
    composer.begin()
    qtbot.keyClicks(composer.editor, "Half a")
    assert drafts.load_draft(workspace, key) == ""
    qtbot.waitUntil(lambda: drafts.load_draft(workspace, key) == "Half a", timeout=3000)
    qtbot.waitUntil(lambda: composer.status.text() == "Draft kept on this laptop", timeout=2000)
    qtbot.keyClicks(composer.editor, " thought")
    composer.keep_draft()
    settled()
    assert drafts.load_draft(workspace, key) == "Half a thought"


def test_a_draft_survives_the_lock_and_comes_back_open(page, qtbot, context, workspace, scene, settled):
    page.timeline.composer.begin()
    qtbot.keyClicks(page.timeline.composer.editor, "Typed just before the lock")
    context.flush_drafts.emit()
    assert drafts.load_draft(workspace, drafts.note_key(scene.case_id)) == "Typed just before the lock"
    again = CasePage(context)
    qtbot.addWidget(again)
    again.show()
    again.open(case_id=scene.case_id)
    settled()
    assert again.timeline.composer.is_open()
    assert again.timeline.composer.editor.toPlainText() == "Typed just before the lock"


def test_a_draft_belongs_to_its_case(page, qtbot, workspace, scene, settled):
    page.timeline.composer.begin()
    qtbot.keyClicks(page.timeline.composer.editor, "About Isla")
    page.open(case_id=scene.brother_case_id)
    settled()
    assert page.timeline.composer.editor.toPlainText() == ""
    assert drafts.load_draft(workspace, drafts.note_key(scene.case_id)) == "About Isla"
    page.open(case_id=scene.case_id)
    settled()
    assert page.timeline.composer.editor.toPlainText() == "About Isla"


def test_an_empty_note_is_refused_in_words_and_esc_closes(page, qtbot, settled):
    page.add_note()
    page.primary_action()
    settled()
    assert page.timeline.composer.error.text() == "Type the note before you save it."
    assert page.close_panel()
    assert not page.timeline.composer.is_open()
    assert not page.close_panel()


def test_typing_on_the_invitation_opens_the_editor_with_the_letter(page, qtbot):
    invitation = page.timeline.composer.invitation
    invitation.setFocus()
    qtbot.keyClick(invitation, Q.Key_S)
    assert page.timeline.composer.editor.toPlainText() == "s"


def test_a_sighting_asks_where_and_moves_last_seen(page, qtbot, settled):
    composer = page.timeline.composer
    composer.begin()
    composer.kind.set_value(EventKind.SIGHTING.value)
    composer.kind.chosen.emit(EventKind.SIGHTING.value)
    assert composer.place.isVisible()
    composer.editor.setPlainText("Seen with her mother")
    composer.place.setText("Aldermere library")
    composer.save()
    settled()
    assert "Last seen 17 November at Aldermere library" in page.identity.accessibleName()


def test_a_correction_keeps_the_earlier_entry(page, qtbot, settled):
    line = next(row for row in page.timeline.list.rows.rows() if getattr(row, "title", "").startswith("Call to"))
    page.timeline.composer.correct(line)
    page.timeline.composer.editor.setPlainText("It was her father who was called")
    page.timeline.composer.save()
    settled()
    newest = page.timeline.list.rows.rows()[1]
    assert newest.corrects == "Call to Carla Merrow, no answer"
    assert "Call to Carla Merrow, no answer" in titles(page)


def test_filter_chips_narrow_the_timeline_and_the_order_turns(page, qtbot, settled):
    qtbot.mouseClick(page.findChild(object, "filter_documents"), LEFT)
    settled()
    assert titles(page) == ["Letter from Saltenby Housing linked"]
    qtbot.mouseClick(page.findChild(object, "filter_letters"), LEFT)
    settled()
    assert page.timeline.empty.label.text() == "There are no letters on this case."
    qtbot.mouseClick(page.findChild(object, "filter_all"), LEFT)
    qtbot.mouseClick(page.timeline.order, LEFT)
    settled()
    assert titles(page)[0] == "Referral received from Pennyford Primary"


def test_enter_on_a_document_line_opens_it_and_ctrl_c_copies(page, qtbot, scene, settled):
    rows = page.timeline.list.rows
    place = next(i for i, row in enumerate(rows.rows()) if getattr(row, "document", None))
    page.timeline.list.setCurrentIndex(rows.index(place))
    qtbot.keyClick(page.timeline.list, Q.Key_C, CTRL)
    assert "Document: Tenancy still open" in QGuiApplication.clipboard().text()
    qtbot.keyClick(page.timeline.list, Q.Key_Return)
    settled()
    assert page.strip.current == "documents"


def test_an_enquiry_is_recorded_beside_the_list(page, qtbot, workspace, settled):
    page.open(case_id=page._case_id, tab="enquiries")
    settled()
    chosen = page.enquiries.rows.rows()[0]
    form = form_of(page)
    fill_in(form, state=EnquiryState.NOT_NEEDED.value)
    page.primary_action() if form.isAncestorOf(page.focusWidget() or page) else form.submit()
    settled()
    assert form.fields["reason"].error() == "Say why this enquiry is not needed."
    fill_in(form, reason="The family has no GP here")
    form.submit()
    settled()
    with workspace.read() as session:
        line = session.get_one(Enquiry, chosen.id)
    assert (line.state, line.reason) == (EnquiryState.NOT_NEEDED, "The family has no GP here")
    assert page.strip.buttons["enquiries"].accessibleName() == "Enquiries, 4 of 11"


def test_an_enquiry_of_ones_own_is_added(page, qtbot, settled):
    page.open(case_id=page._case_id, tab="enquiries")
    settled()
    qtbot.mouseClick(page.enquiries.add_button, LEFT)
    form = form_of(page)
    fill_in(form, kind="other", label="Kingsholt Council")
    form.submit()
    settled()
    assert "Kingsholt Council" in [line.label for line in page.enquiries.rows.rows()]


def test_a_person_is_added_and_corrected_in_place(page, qtbot, workspace, scene, settled):
    page.open(case_id=page._case_id, tab="family")
    settled()
    qtbot.mouseClick(page.family.add_button, LEFT)
    form = form_of(page)
    form.submit()
    settled()
    assert form.fields["surname"].error() == "Enter a name or an organisation."
    fill_in(form, forename="Ada", surname="Merrow", phone="01632 960077")
    form.submit()
    settled()
    page.family.choose(scene.mother_id)
    qtbot.mouseClick(page.findChild(object, "family_correct_details"), LEFT)
    form = form_of(page)
    fill_in(form, language="Polish", contact_safe=Known.REFUSED.value)
    form.submit()
    settled()
    with workspace.read() as session:
        mother = session.get_one(Person, scene.mother_id)
    assert (mother.language, mother.forename) == ("Polish", "Carla")
    member = next(m for m in page.view.linked if m.person_id == scene.mother_id)
    assert member.contact_words == "Do not contact"


def test_the_child_can_be_corrected_and_moved(page, qtbot, settled):
    page.open(case_id=page._case_id, tab="family")
    settled()
    qtbot.mouseClick(page.findChild(object, "family_correct_details"), LEFT)
    form = form_of(page)
    fill_in(form, upn="Q99")
    form.submit()
    settled()
    assert "UPN must be" in form.fields["upn"].error()
    fill_in(form, upn="", surname="Merrow-Vale")
    form.submit()
    settled()
    assert page.title == "Isla Merrow-Vale"
    qtbot.mouseClick(page.findChild(object, "family_new_address"), LEFT)
    form = form_of(page)
    fill_in(form, lines="1 Harrow Lane", town="Saltenby", postcode="MH2 1AB")
    form.submit()
    settled()
    assert [house.title for house in page.view.households if house.earlier] == [
        "Flat 2, 41 Tanner's Row, Aldermere, MH4 2QT"
    ]


def test_the_family_model_is_sound(page, qtmodeltester):
    qtmodeltester.check(page.family.model, force_py=True)
    qtmodeltester.check(page.timeline.list.rows, force_py=True)
    assert isinstance(page.family.model, FamilyModel)


def test_a_task_is_ticked_off_and_put_back(page, qtbot, settled, toasts):
    page.actions_of.add_task()
    form = form_of(page)
    fill_in(form, text="Ring the surgery", due_on="1 November 2026")
    form.submit()
    settled()
    assert page.view.next_items[0].what == "Ring the surgery"
    qtbot.mouseClick(page.findChild(object, "next_done"), LEFT)
    settled()
    assert page.view.next_items[0].what == "Second home visit"
    words, undo = toasts[-1]
    assert words == "Ring the surgery: done"
    undo()
    settled()
    assert page.view.next_items[0].what == "Ring the surgery"


def test_a_clock_explains_its_date_and_stops_with_a_reason(page, qtbot, settled):
    qtbot.mouseClick(page.findChild(object, "next_why"), LEFT)
    popup = page.findChild(object, "explanation")
    said = " ".join(label.text() for label in popup.findChildren(object) if hasattr(label, "wordWrap"))
    assert "local practice (configurable)" in said
    assert "Calendar: Marlshire" in said
    popup.close()
    page.actions_of.stop_clock(page.view.next_items[0])
    form = form_of(page)
    form.submit()
    settled()
    assert form.fields["reason"].error() == "Say why the clock stops."
    assert page.close_panel()


def test_a_stage_changes_and_a_clock_starts_from_the_menu(page, qtbot, workspace, settled):
    page.actions_of.open_more(page.more_button)
    menu = page.findChild(QMenu)
    assert [action.text() for action in menu.actions()] == [
        "Book visit", "Write letter", "Change stage", "Add a task", "Start a clock", "",
        "Declare a conflict of interest", "History"
    ]  # fmt: skip
    menu.close()
    page.actions_of.change_stage()
    form = form_of(page)
    fill_in(form, stage=Stage.ENQUIRIES.value, reason="Nobody answers")
    form.submit()
    settled()
    assert "Enquiries, day 0" in page.identity.accessibleName()
    page.actions_of.start_clock()
    form = form_of(page)
    fill_in(form, rule="fap_place", started_on="31 December 2026")
    form.submit()
    settled()
    assert form.fields["started_on"].error() == "The date must be today or earlier."


def test_what_is_not_a_date_is_said_beside_the_field(page):
    page.actions_of.add_task()
    form = form_of(page)
    fill_in(form, text="x", due_on="next week sometime")
    form.submit()
    assert form.fields["due_on"].error() == "Enter a date, such as 17 November 2026."


def test_letters_lead_to_the_composer_and_drafts_open(page, qtbot, went, scene, settled):
    qtbot.mouseClick(page.letter_button, LEFT)
    assert went[-1] == ("letter", {"case_id": scene.case_id})
    page.open(case_id=scene.case_id, tab="letters")
    settled()
    qtbot.mouseClick(page.findChild(object, "open_letter"), LEFT)
    assert went[-1] == ("letter", {"case_id": scene.case_id, "letter_id": scene.letter_id})


def test_history_shows_before_and_after(page, workspace, scene, settled):
    cases.change_stage(workspace, scene.case_id, Stage.LOCATED, reason="Found")
    page.open(case_id=scene.case_id, tab="history")
    settled()
    model = page.history.model
    head = model.index(0, 0)
    assert "Changed the stage" in head.data()
    rows = [[model.index(row, column, head).data() for column in range(3)] for row in range(model.rowCount(head))]
    assert ["Case: Stage", "Initial checks", "Located"] in rows


def test_two_values_for_a_field_are_both_shown(page, workspace, scene, settled):
    with workspace.write("Conflict") as session:
        session.add(
            Conflict(
                table_name="child", row_id=scene.child_id, subject_id=scene.child_id, field="last_seen_where",
                before="", kept="Pennyford Primary", offered="Aldermere library", chosen=None,
                offered_at=workspace.time.now(), offered_by=workspace.actor.user_id,
            )
        )  # fmt: skip
    settled()
    said = [banner.accessibleName() or "" for banner in page.findChildren(Banner)]
    text = " ".join(label.text() for banner in page.findChildren(Banner) for label in banner.findChildren(object)
                    if hasattr(label, "wordWrap"))  # fmt: skip
    assert "Last seen at: Pennyford Primary is shown. Dawn Ellery entered Aldermere library. Both are kept." in (
        text + " ".join(said)
    )


def test_the_side_column_is_a_drawer_where_there_is_no_room(page, qtbot, settled):
    page.resize(900, 520)
    QApplication.processEvents()
    assert page.drawer_button.isVisible()
    assert page.drawer_button.text() == "Next: 1 day over"
    assert not page.side.isVisible()
    qtbot.mouseClick(page.drawer_button, LEFT)
    assert page.side.isVisible()
    assert page.close_panel()
    assert not page.side.isVisible()
    page.resize(1300, 820)
    QApplication.processEvents()
    assert page.side.isVisible()
    assert not page.drawer_button.isVisible()


def test_tabs_that_do_not_fit_are_under_more(page, qtbot, settled):
    page.resize(560, 520)
    QApplication.processEvents()
    assert page.strip.more.isVisible()
    assert not page.strip.buttons["history"].isVisible()
    page.strip.setFocus()
    page.strip.step(-1)
    settled()
    assert page.strip.current == "history"
    assert page.strip.more.isChecked()


def test_a_closed_case_is_read_only_and_a_supervisor_can_reopen_it(qtbot, supervisor_workspace, runner, settled):
    from app.services.sync.status import NoSync
    from app.views.context import AppContext
    from tests.services.casework import open_isla

    ws = supervisor_workspace
    case_id = open_isla(ws)
    page = CasePage(AppContext(ws, runner, NoSync()))
    qtbot.addWidget(page)
    page.show()
    page.open(case_id=case_id)
    settled()
    page.actions_of.close_case()
    form = form_of(page)
    fill_in(form, outcome="M1")
    form.submit()
    settled()
    assert "what shows this outcome" in form.fields["evidence"].error()
    fill_in(form, evidence="Kingsholt Council wrote")
    form.submit()
    settled()
    assert not page.view.editable
    assert not page.timeline.composer.isVisible()
    assert not page.visit_button.isVisible()
    page.actions_of.reopen()
    form = form_of(page)
    fill_in(form, reason="Seen again")
    form.submit()
    settled()
    assert page.view.editable


def test_opening_is_audited_once_in_five_minutes_and_showing_a_change_is_not(page, workspace, scene, settled):
    def readings():
        with workspace.read() as session:
            entries = session.scalars(select(AuditEntry.subject_id).where(AuditEntry.action == "read"))
            return list(entries).count(scene.case_id)

    before = readings()
    page.open(case_id=scene.case_id)
    settled()
    assert readings() == before  # the same reading, still
    workspace.time.advance(minutes=6)
    page.open(case_id=scene.case_id)
    settled()
    assert readings() == before + 1
    cases.add_note(workspace, scene.case_id, text="Shown without another reading")
    settled()
    assert readings() == before + 1


def test_a_case_that_is_not_here_says_so(page, settled):
    page.open(case_id="0190b8a0-0000-7000-8000-000000000000")
    settled()
    assert page.closed.isVisible()
    assert "not on this laptop" in page.closed.words.text()


def test_a_colleagues_change_shows_without_being_asked(page, workspace, scene, settled):
    cases.add_note(workspace, scene.case_id, text="Neighbour rang")
    settled()
    assert titles(page)[0] == "Neighbour rang"
    with workspace.read() as session:
        assert (
            session.scalars(select(CaseEvent).where(CaseEvent.title == "Neighbour rang")).one().case_id == scene.case_id
        )
        assert session.get_one(Case, scene.case_id).reference == "CME-2026-00001"
    assert case_page.load_case(workspace, scene.case_id, audited=False).event_count == len(titles(page))
