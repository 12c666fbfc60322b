"""The registry of pages: each can be made, and the rail shows a role what it may use."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog, QFileDialog, QInputDialog, QLineEdit, QMessageBox, QPushButton, QWidget

from app.models.terms import Role
from app.services.access import ROLE_PERMISSIONS, Permission
from app.views.pages import PAGES, SECTIONS, rail_pages
from app.views.prompts import Prompts
from app.views.shortcuts import SHORTCUTS

REAL = [spec for spec in PAGES if spec.path]


def page_class(spec):
    module, _, name = spec.path.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("spec", REAL, ids=lambda spec: spec.route)
def test_a_page_exists_and_keeps_the_contract(spec):
    made = page_class(spec)
    assert issubclass(made, QWidget)
    assert callable(made.open)
    assert hasattr(made, "title") or "title" in inspect.getsource(made)
    assert len(inspect.signature(made.__init__).parameters) == 2


def test_permissions_and_sections_are_real():
    for spec in PAGES:
        assert spec.permission is None or spec.permission in Permission.__members__
        assert spec.section in (*SECTIONS, "")
        assert not spec.rail_route or spec.rail_route in {other.route for other in PAGES if other.section}
    assert len({spec.route for spec in PAGES}) == len(PAGES)


def allowed(role: Role) -> frozenset[str]:
    return frozenset(permission.name for permission in ROLE_PERMISSIONS[role])


def test_a_role_sees_what_it_may_use():
    caseworker = [spec.route for spec in rail_pages(allowed(Role.CASEWORKER))]
    supervisor = [spec.route for spec in rail_pages(allowed(Role.SUPERVISOR))]
    auditor = [spec.route for spec in rail_pages(allowed(Role.AUDITOR))]
    assert "team" not in caseworker
    assert supervisor == [
        "today",
        "cases",
        "correspondence",
        "letters",
        "team",
        "access",
        "handed_in",
        "audit",
        "sync",
        "settings",
        "help",
    ]
    assert "cases" not in auditor
    assert "audit" in auditor
    assert "audit" not in caseworker


def test_no_two_shortcuts_share_their_keys():
    # Ctrl+Z undoes what was done last: typing in a field, a link in the tray.
    keys = [shortcut.keys for shortcut in SHORTCUTS if shortcut.name != "undo"]
    assert len(set(keys)) == len(keys)


class TestPrompts:
    @pytest.fixture
    def owner(self, qtbot):
        page = QWidget()
        qtbot.addWidget(page)
        page.show()
        return page

    def test_a_confirmation_runs_only_on_its_own_button(self, qtbot, owner):
        done = []
        prompts = Prompts()
        prompts.confirm(owner, "Remove?", "It is kept in history.", "Remove document", lambda: done.append(1))
        box = owner.findChild(QMessageBox)
        box.reject()
        assert done == []
        qtbot.waitUntil(lambda: owner.findChild(QMessageBox) is None)
        prompts.confirm(owner, "Remove?", "It is kept.", "Remove document", lambda: done.append(1), danger=True)
        box = owner.findChild(QMessageBox)
        assert box.defaultButton() is box.button(QMessageBox.StandardButton.Cancel)
        next(button for button in box.findChildren(QPushButton) if button.text() == "Remove document").click()
        assert done == [1]

    def test_a_line_is_asked_for_and_an_empty_one_counts_as_none(self, qtbot, owner):
        said = []
        Prompts().ask_text(owner, "Set aside", "Why?", said.append)
        dialog = owner.findChild(QInputDialog)
        dialog.findChild(QLineEdit).setText("  ")
        dialog.accept()
        assert said == []
        qtbot.waitUntil(lambda: owner.findChild(QInputDialog) is None)
        Prompts().ask_text(owner, "Set aside", "Why?", said.append)
        dialog = owner.findChild(QInputDialog)
        dialog.findChild(QLineEdit).setText(" Not ours ")
        dialog.accept()
        assert said == ["Not ours"]

    def test_files_come_as_paths(self, qtbot, owner, tmp_path):
        chosen = []
        Prompts().choose_files(owner, "Add scans", "Scans (*.pdf)", chosen.append)
        dialog = owner.findChild(QFileDialog)
        dialog.filesSelected.emit([str(tmp_path / "one.pdf")])
        assert chosen == [[Path(tmp_path / "one.pdf")]]
        dialog.reject()
        Prompts().save_file(owner, "Save", "report.csv", "Lists (*.csv)", chosen.append)
        saving = [dialog for dialog in owner.findChildren(QFileDialog) if dialog.isVisible()][-1]
        assert isinstance(saving, QDialog)
        saving.fileSelected.emit(str(tmp_path / "report.csv"))
        assert chosen[-1] == tmp_path / "report.csv"
        saving.reject()
