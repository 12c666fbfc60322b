"""The conflict page on a real vault: what is shown, chosen by key and mouse, saved, kept and taken back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.models import Address, Case, ContactPoint, Enquiry
from app.models.terms import Role, Stage
from app.services.conflicts import deciding, listing, reading
from app.services.conflicts.deciding import Decision
from app.services.sync.status import NoSync
from app.services.vault import Vault
from app.views import tokens
from app.views.conflicts.choice_row import ChoiceRow
from app.views.conflicts.conflicts_page import ConflictsPage
from app.views.context import AppContext
from app.views.start import make_application
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme
from tests.services.conflict_scene import NOTES, Scene, add_conflict, make_scene
from tests.views.clipping import assert_nothing_clipped, clipped

ALT, CTRL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture(scope="session")
def qapp() -> Any:
    return make_application()


@dataclass(slots=True)
class Shown:
    """The page with what a test needs around it."""

    page: ConflictsPage
    context: AppContext
    scene: Scene
    settle: Callable[[], None]
    toasts: list[tuple[str, Any]]
    went: list[tuple[str, Any]]
    unexpected: list[Exception]

    def row(self, title: str) -> ChoiceRow:
        assert self.page.table is not None
        return next(row for row in self.page.table.rows if row.choice.title == title)

    def titles(self) -> list[str]:
        return [] if self.page.table is None else [row.choice.title for row in self.page.table.rows]

    def press(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
        QTest.keyClick(self.page.window(), key, modifiers)


def _shown(qtbot: QtBot, scene: Scene) -> Iterator[Shown]:
    unexpected: list[Exception] = []
    runner = TaskRunner(unexpected.append)
    context = AppContext(scene.ws, runner, NoSync())
    page = ConflictsPage(context)
    qtbot.addWidget(page)

    def settle() -> None:
        qtbot.waitUntil(lambda: not runner.pending_count() and not page._later.isActive(), timeout=10_000)
        assert not unexpected

    made = Shown(page, context, scene, settle, [], [], unexpected)
    context.toast_asked.connect(lambda text, undo: made.toasts.append((text, undo)))
    context.navigation_asked.connect(lambda route, arguments: made.went.append((route, arguments)))
    page.resize(1240, 820)
    page.show()
    page.activateWindow()
    QTest.qWaitForWindowActive(page)
    page.open()
    settle()
    yield made
    runner.close()


@pytest.fixture
def shown(qapp: Any, qtbot: QtBot, vault: Vault) -> Iterator[Shown]:
    apply_theme(qapp, tokens.LIGHT)
    yield from _shown(qtbot, make_scene(vault.workspace()))


def test_the_case_that_waits_longest_is_shown_like_the_picture(shown: Shown) -> None:
    page = shown.page
    assert [row.name for row in page.cases.rows.rows()] == ["Caleb Ostwick", "Noor Salvani"]
    assert page.pane.name.text() == "Caleb Ostwick"
    assert page.pane.line.text() == "10, Year 6 · CME-2026-0381"
    assert shown.titles() == ["Home address", "Mother’s phone", "Stage", "Outcome"]
    assert page.table is not None
    assert page.table.head.count.text() == "1 of 4 decided"  # both notes are kept unless somebody chooses otherwise
    address = shown.row("Home address")
    assert [card.words.plain() for card in address.cards] == [
        "3 Orchard Mews, Pennyford MH6 8RA",
        "3a Orchard Mews, Pennyford MH6 8RA",
    ]
    assert page.foot.words.text() == "3 choices left: home address, mother’s phone, stage"
    assert_nothing_clipped(page)


def test_keys_choose_go_on_and_save_all_that_is_chosen(shown: Shown, qtbot: QtBot) -> None:
    page = shown.page
    shown.row("Home address").focus()
    shown.press(Qt.Key.Key_2, ALT)
    assert shown.row("Home address").cards[1].isChecked()
    assert shown.row("Mother’s phone").isAncestorOf(page.focusWidget())
    shown.press(Qt.Key.Key_1, ALT)
    shown.press(Qt.Key.Key_2, ALT)
    assert page.foot.words.text() == "Everything is decided. Save to finish."
    page.primary_action()
    shown.settle()
    scene = shown.scene
    assert scene.value(Address, "caleb:home", "lines") == "3a Orchard Mews"
    assert scene.value(ContactPoint, "caleb:phone", "value") == "07700 900731"
    assert scene.value(Case, "caleb:case", "stage") is Stage.LOCATED
    assert NOTES[1] in scene.value(Enquiry, "caleb:enquiry", "outcome")
    assert shown.toasts[0][0] == "4 choices saved"
    assert page.pane.name.text() == "Noor Salvani"
    assert page.foot.save.text() == "Save"


def test_both_numbers_are_kept_by_key_and_the_box_can_be_unticked(shown: Shown) -> None:
    phone = shown.row("Mother’s phone")
    phone.focus()
    shown.press(Qt.Key.Key_3, ALT)
    assert phone.pick == "both"
    assert phone.both is not None
    assert phone.both.isVisible()
    assert not phone.cards[0].isVisible()
    phone.both.tick.click()
    assert (phone.pick, phone.decided) == ("", False)
    assert phone.cards[0].isVisible()
    note = shown.row("Outcome")
    assert note.both is not None
    note.both.tick.click()
    assert note.state.text() == "Your choice"


def test_a_card_is_chosen_with_the_mouse_and_with_arrow_keys(shown: Shown, qtbot: QtBot) -> None:
    row = shown.row("Stage")
    qtbot.mouseClick(row.cards[0], Qt.MouseButton.LeftButton)
    assert row.pick == row.cards[0].value.key
    row.cards[0].setFocus()
    qtbot.keyClick(row.cards[0], Qt.Key.Key_Right)
    assert row.cards[1].isChecked()
    assert row.pick == row.cards[1].value.key
    assert row.state.text() == "Decided"


def test_neither_lets_you_type_and_says_what_is_wrong_beside_it(shown: Shown, qtbot: QtBot) -> None:
    row = shown.row("Mother’s phone")
    row.typed_link.activated.emit()
    assert row.form is not None
    field = row.form.findChild(QLineEdit, "typed_value")
    assert field is not None
    assert field.hasFocus()
    assert not row.decided
    field.clear()
    qtbot.keyClicks(field, "   ")
    shown.row("Outcome").choose("")
    shown.page.save()
    shown.settle()
    assert row.form.error.isVisible()
    assert row.form.error.text().startswith("Type a value")
    field.clear()
    qtbot.keyClicks(field, "07700 900777")
    shown.page.save()
    shown.settle()
    assert shown.scene.value(ContactPoint, "caleb:phone", "value") == "07700 900777"


def test_an_undone_decision_comes_back_with_both_values(shown: Shown) -> None:
    row = shown.row("Stage")
    row.choose(row.cards[1].value.key)
    shown.row("Outcome").choose("")
    shown.page.save()
    shown.settle()
    assert shown.toasts[0][0] == "Stage decided"
    shown.toasts[0][1]()
    shown.settle()
    assert shown.scene.value(Case, "caleb:case", "stage") is Stage.PLACE_OFFERED
    assert "Stage" in shown.titles()
    assert shown.toasts[1][0] == "Decision taken back"


def test_deciding_later_keeps_what_is_chosen_and_typed(shown: Shown, qtbot: QtBot) -> None:
    page = shown.page
    shown.row("Stage").choose(shown.row("Stage").cards[0].value.key)
    row = shown.row("Mother’s phone")
    row.choose("typed")
    assert row.form is not None
    row.form.set_values({"value": "07700 900700"})
    page.decide_later()
    shown.settle()
    assert page.pane.name.text() == "Noor Salvani"
    page.decide_later()
    shown.settle()
    assert page.pane.name.text() == "Caleb Ostwick"
    assert shown.row("Stage").cards[0].isChecked()
    assert shown.row("Mother’s phone").typed()["value"] == "07700 900700"
    assert len(listing.list_cases(shown.scene.ws).cases) == 2


def test_a_lock_keeps_choices_for_the_next_window(shown: Shown, qtbot: QtBot) -> None:
    shown.row("Home address").choose(shown.row("Home address").cards[1].value.key)
    shown.context.flush_drafts.emit()
    again = next(_shown(qtbot, shown.scene))
    assert again.row("Home address").cards[1].isChecked()
    again.context.runner.close()


def decide_elsewhere(scene: Scene, title: str) -> None:
    view = reading.read_case(scene.ws, scene.ids["caleb:case"])
    choice = next(each for each in view.choices if each.title == title)
    decision = Decision(choice.key, choice.conflict_ids, choice.shown, choice.left.key)
    deciding.decide(scene.ws, scene.ids["caleb:case"], [decision])


def test_a_conflict_that_somebody_else_decides_meanwhile_is_told_and_what_was_typed_is_kept(
    shown: Shown, qtbot: QtBot
) -> None:
    row = shown.row("Mother’s phone")
    row.choose("typed")
    assert row.form is not None
    row.form.set_values({"value": "07700 900799"})
    decide_elsewhere(shown.scene, "Mother’s phone")
    qtbot.waitUntil(lambda: "Mother’s phone" not in shown.titles(), timeout=5000)
    said = shown.page.pane.said()
    assert "Mother’s phone: somebody else has decided this in the meantime." in said
    assert "07700 900799" in said
    link = shown.page.pane.findChild(QWidget, "conflict_notice")
    assert link is not None


def test_a_conflict_that_is_gone_when_saving_is_left_and_told(shown: Shown) -> None:
    row = shown.row("Stage")
    row.choose(row.cards[1].value.key)
    shown.context.records_changed.disconnect(shown.page._records_changed)
    decide_elsewhere(shown.scene, "Stage")
    shown.row("Outcome").choose("")
    shown.page.save()
    shown.settle()
    assert "somebody else" in shown.page.pane.said()
    assert shown.scene.value(Case, "caleb:case", "stage") is Stage.PLACE_OFFERED


def test_choices_survive_when_the_same_case_changes_elsewhere(shown: Shown, qtbot: QtBot) -> None:
    shown.row("Stage").choose(shown.row("Stage").cards[1].value.key)
    decide_elsewhere(shown.scene, "Home address")
    qtbot.waitUntil(lambda: "Home address" not in shown.titles(), timeout=5000)
    assert shown.row("Stage").cards[1].isChecked()


def test_the_last_decision_leaves_an_empty_page_with_one_sentence(shown: Shown) -> None:
    for _ in range(2):
        for row in shown.page.table.rows if shown.page.table is not None else []:
            if not row.decided:
                row.choose(row.cards[0].value.key)
        shown.page.save()
        shown.settle()
    assert shown.page.empty.isVisible()
    assert shown.page.table is None
    assert not shown.page.cases.isVisible()


def test_who_may_not_decide_sees_both_values_and_why(qapp: Any, qtbot: QtBot, vault: Vault) -> None:
    scene = make_scene(vault.workspace())
    with scene.ws.write("Changed a role") as session:
        from app.models import User

        session.get_one(User, scene.ws.actor.user_id).role = Role.INCLUSION
    scene.ws = vault.workspace()
    for made in _shown(qtbot, scene):
        row = made.row("Stage")
        assert not any(card.isEnabled() for card in row.cards)
        assert row.state.text() == "Not yours to decide"
        assert made.page.foot.words.text() == "Nothing here is yours to decide"
        assert not made.page.foot.save.isEnabled()
        made.press(Qt.Key.Key_1, ALT)
        assert row.pick == ""


def test_it_opens_at_a_case_and_leads_back_to_it(shown: Shown, qtbot: QtBot) -> None:
    shown.page.open(case_id=shown.scene.ids["noor:case"])
    shown.settle()
    assert shown.page.pane.name.text() == "Noor Salvani"
    assert shown.page.here() == {"key": shown.scene.ids["noor:case"]}
    qtbot.mouseClick(shown.page.pane.open_case, Qt.MouseButton.LeftButton)
    assert shown.went == [("case", {"case_id": shown.scene.ids["noor:case"]})]


def test_every_card_says_what_it_is_to_a_screen_reader(shown: Shown) -> None:
    card = shown.row("Home address").cards[1]
    assert card.accessibleName() == "Home address, Theirs: 3a Orchard Mews, Pennyford MH6 8RA"
    assert "Different: 3a" in card.accessibleDescription()
    index = shown.page.cases.rows.index(0, 0)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == (
        "Caleb Ostwick, CME-2026-0381. 4 fields, also changed by Samir Beltrane. 3 choices left, waits 1 day."
    )


def test_the_keyboard_reaches_rows_in_reading_order(shown: Shown) -> None:
    shown.row("Home address").cards[0].setFocus()
    seen = []
    for _ in range(20):
        shown.page.focusNextChild()
        held = shown.page.focusWidget()
        table = shown.page.table
        rows = [row.choice.title for row in (table.rows if table else []) if held and row.isAncestorOf(held)]
        if rows and (not seen or seen[-1] != rows[0]):
            seen.append(rows[0])
        if held is shown.page.foot.later:
            break
    assert seen == shown.titles()


LONG = "Maximiliana-Bartholomea Featherstonehaugh-Cholmondeley"


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
@pytest.mark.parametrize("size", [(1240, 820), (863, 464), (592, 312), (432, 600)])
@pytest.mark.parametrize("scale", [100, 150])
def test_nothing_is_cut_off_at_any_size_theme_and_text_size(
    qapp: Any, shown: Shown, qtbot: QtBot, theme: str, size: tuple[int, int], scale: int
) -> None:
    apply_theme(qapp, tokens.THEMES[theme], scale)
    page = shown.page
    page.resize(*size)
    for row in page.table.rows if page.table is not None else []:
        if row.choice.title == "Home address":
            row.choose("typed")
    qtbot.waitUntil(lambda: not clipped(page), timeout=3000)
    apply_theme(qapp, tokens.LIGHT)


def test_long_names_right_to_left_text_and_unbroken_words_fit(qapp: Any, shown: Shown, qtbot: QtBot) -> None:
    scene = shown.scene
    from app.models import Child

    with scene.ws.write("Renamed") as session:
        child = session.get_one(Child, scene.ids["caleb:child"])
        child.forename, child.surname = LONG, LONG
    add_conflict(scene, "area", "case", "caleb:case", "area", "", "שלום רחוב הרצל 12", "x" * 400, scene.ids["samir"])
    shown.settle()
    qtbot.waitUntil(lambda: "Area" in shown.titles(), timeout=5000)
    for size in ((1240, 820), (592, 312)):
        shown.page.resize(*size)
        QTest.qWait(50)
        assert_nothing_clipped(shown.page)
    assert any('dir="rtl"' in card.words.text() for card in shown.row("Area").cards)


def test_markup_in_a_value_is_shown_as_text(shown: Shown, qtbot: QtBot) -> None:
    add_conflict(shown.scene, "area", "case", "caleb:case", "area", "", "<b>bold</b>", "<img src=x>", None)
    qtbot.waitUntil(lambda: "Area" in shown.titles(), timeout=5000)
    assert any("&lt;b&gt;" in card.words.text() for card in shown.row("Area").cards)


def test_five_hundred_cases_are_scrolled_not_built(qapp: Any, qtbot: QtBot, vault: Vault) -> None:
    scene = make_scene(vault.workspace(), cases=60)
    for made in _shown(qtbot, scene):
        assert made.page.cases.rows.rowCount() == 60
        assert len(made.page.cases.findChildren(QWidget)) < 20
        made.page.cases.setFocus()
        qtbot.keyClick(made.page.cases, Qt.Key.Key_End)
        made.settle()
        assert made.page.pane.name.text() == "Child59 Ashdown"


def test_what_was_typed_can_be_copied_when_somebody_else_decided(shown: Shown, qtbot: QtBot) -> None:
    from app.views.kit.text import Link

    shown.page.pane.say("conflict", "Somebody else has decided this.", "5 Orchard Mews")
    (link,) = [each for each in shown.page.pane.findChildren(Link) if each.text() == "Copy what you typed"]
    link.activated.emit()
    assert QGuiApplication.clipboard().text() == "5 Orchard Mews"


def test_in_a_narrow_window_the_list_and_the_case_take_turns(shown: Shown, qtbot: QtBot) -> None:
    page = shown.page
    page.resize(592, 600)
    assert not page.cases.isVisible()
    page.pane.back.activated.emit()
    assert page.cases.isVisible()
    assert not page.pane.isVisible()
    page.cases.setFocus()
    qtbot.keyClick(page.cases, Qt.Key.Key_Down)
    shown.settle()
    assert page.pane.name.text() == "Noor Salvani"
    assert page.pane.isVisible()
    assert page.close_panel()
    assert page.cases.isVisible()
