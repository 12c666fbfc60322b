"""The child stays on screen."""

import pytest
from PySide6.QtWidgets import QLabel

from app.views.identity_bar import Identity, IdentityBar, SafetyMark
from app.views.kit.tags import Pill
from tests.views.clipping import assert_nothing_clipped

ISLA = Identity(
    name="Isla Merrow",
    stage="Enquiries, day 11",
    safety=(SafetyMark("Child protection plan", "danger"), SafetyMark("Visit in pairs")),
    born="14 March 2017 (9, Year 5)",
    age="9, Year 5",
    last_seen="16 October at Pennyford Primary",
    upn="Q999401723006",
    officer="Dawn Ellery",
)


@pytest.fixture
def bar(qtbot):
    made = IdentityBar()
    qtbot.addWidget(made)
    made.show_identity(ISLA)
    made.resize(1200, 90)
    made.show()
    return made


def shown(bar: IdentityBar) -> list[str]:
    return [label.text() for label in bar.findChildren(QLabel) if label.isVisible()]


def test_everything_is_on_the_wide_bar(bar):
    words = shown(bar)
    for part in ("Isla Merrow", "Born", ISLA.born, "Last seen", ISLA.last_seen, "UPN", ISLA.upn, "Officer"):
        assert part in words
    assert_nothing_clipped(bar)


def test_a_narrow_bar_is_one_line_with_name_age_and_safety(qtbot, bar):
    bar.resize(860, 60)
    qtbot.wait(10)
    words = shown(bar)
    assert "Isla Merrow" in words
    assert "9, Year 5 · Q999401723006" in words
    assert "Born" not in words
    pills = [pill.accessibleName() for pill in bar.findChildren(Pill) if pill.isVisible()]
    assert pills == ["Enquiries, day 11", "Child protection plan", "Visit in pairs"]


def test_the_bar_is_read_as_one_sentence(bar):
    assert bar.accessibleName().startswith("Isla Merrow, Enquiries, day 11, Child protection plan, Visit in pairs")


def test_another_child_replaces_the_first_whole(qtbot, bar):
    bar.show_identity(Identity("Noor Salvani", born="3 September 2018"))
    qtbot.wait(10)
    words = shown(bar)
    assert "Noor Salvani" in words
    assert not any("Isla" in word or "Q999" in word for word in words)


def test_a_very_long_name_does_not_push_safety_off_the_bar(qtbot, bar):
    bar.show_identity(Identity("Maximiliana-Konstantina " * 4, safety=(SafetyMark("Visit in pairs"),)))
    bar.resize(700, 60)
    qtbot.wait(10)
    pill = next(pill for pill in bar.findChildren(Pill) if pill.isVisible())
    assert bar.rect().contains(pill.geometry())
