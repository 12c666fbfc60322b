"""The audit page on a real vault: filters, opening a case, verifying with progress, report and export."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

from app.models.terms import Role
from app.services import case_page, search
from app.services.access import Permission, require
from app.services.audit import Action, ActionKind
from app.services.audit_trail import AuditQuery
from app.services.rows import connection_of, driver
from app.services.sync import facts
from app.services.sync.status import NoSync
from app.services.workspace import Workspace
from app.views.audit.audit_model import COLUMNS, PAGE_ROWS
from app.views.audit.audit_page import AuditPage
from app.views.case.history_tab import HistoryTab
from app.views.context import AppContext
from app.views.kit.rows import ROW_ROLE
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme, load_fonts
from app.views.tokens import DARK, LIGHT, px
from tests.services.casework import open_isla
from tests.views.clipping import assert_nothing_clipped


class Saves:
    """Stands in for the platform's dialogs: every file is saved in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []

    def save_file(self, _owner: QWidget, title: str, suggested: str, _kinds: str, then: Callable[[Path], Any]) -> None:
        self.asked.append(title)
        then(self.folder / suggested)


@pytest.fixture(autouse=True)
def themed(qapp: QApplication) -> Iterator[None]:
    load_fonts()
    apply_theme(qapp, LIGHT)
    yield
    apply_theme(qapp, LIGHT)


@pytest.fixture
def ws(supervisor_workspace: Workspace) -> Workspace:
    return supervisor_workspace


@pytest.fixture
def case_id(ws: Workspace) -> str:
    """A case that was read once, among other things that were done."""
    made = open_isla(ws)
    case_page.load_case(ws, made)
    ws.time.advance(minutes=10)
    search.find(ws, "Isla")
    ws.audit(Action.PRINTED_LETTER, "letter")
    with pytest.raises(Exception, match="cannot manage people"):
        require(ws.actor, Permission.MANAGE_PEOPLE)
    return made


@pytest.fixture
def errors() -> list[Exception]:
    return []


@pytest.fixture
def context(ws: Workspace, tmp_path: Path, errors: list[Exception], qapp: QApplication) -> Iterator[AppContext]:
    runner = TaskRunner(errors.append)
    made = AppContext(ws, runner, NoSync(), Saves(tmp_path))
    made.error_reported.connect(errors.append)
    yield made
    runner.close()


@pytest.fixture
def settled(context: AppContext, qtbot: Any) -> Callable[[], None]:
    def wait() -> None:
        qtbot.waitUntil(lambda: context.runner.pending_count() == 0, timeout=10_000)
        QApplication.processEvents()
        qtbot.waitUntil(lambda: context.runner.pending_count() == 0, timeout=10_000)

    return wait


@pytest.fixture
def page(context: AppContext, case_id: str, qtbot: Any, settled: Callable[[], None]) -> AuditPage:
    made = AuditPage(context)
    qtbot.addWidget(made)
    made.resize(px(1440), px(900))
    made.show()
    made.open()
    settled()
    return made


def actions(page: AuditPage) -> list[str]:
    rows = (page.model.row(number) for number in range(page.model.rowCount()))
    return [row.action for row in rows if row is not None]


def test_the_newest_come_first_and_reading_them_is_one_of_them(page: AuditPage, qtmodeltester: Any) -> None:
    assert actions(page)[:4] == ["Read the audit", "Refused", "Printed", "Searched"]
    assert page.head.subtitle.text() == f"{page.model.rowCount()} entries"
    qtmodeltester.check(page.model)


def test_a_row_is_a_sentence_for_a_screen_reader(page: AuditPage) -> None:
    cell = page.model.index(1, 0)
    said = page.model.data(cell, Qt.ItemDataRole.AccessibleTextRole)
    number = page.model.data(cell, ROW_ROLE).sequence
    assert said == f"Entry {number}. 17 Nov 2026 09:10. Ruth Okonjo. Refused. to manage people and laptops"


def test_filters_narrow_the_list_and_clear_brings_it_back(page: AuditPage, settled: Callable[[], None]) -> None:
    everything = page.model.rowCount()
    page.panel.kind.setCurrentIndex(page.panel.kind.findData(ActionKind.PRINTING))
    page.panel.kind.activated.emit(page.panel.kind.currentIndex())
    settled()
    assert actions(page) == ["Printed"]
    assert page.head.subtitle.text() == "1 entry matches the filters"
    page.panel.refusals.click()
    settled()
    assert page.empty.isVisible()
    assert not page.export_button.isEnabled()
    page.panel.clear.activated.emit()
    settled()
    assert page.model.rowCount() == everything
    page.panel.refusals.click()
    settled()
    assert actions(page) == ["Refused"]


def test_people_in_the_audit_can_be_chosen(page: AuditPage, settled: Callable[[], None]) -> None:
    assert [page.panel.person.itemText(at) for at in range(page.panel.person.count())] == ["Everybody", "Ruth Okonjo"]
    page.panel.person.setCurrentIndex(1)
    page.panel.person.activated.emit(1)
    settled()
    assert page.model.rowCount() > 0
    assert {page.model.row(at).who for at in range(page.model.rowCount())} == {"Ruth Okonjo"}


def test_a_reference_finds_its_case_and_a_wrong_one_says_so(
    page: AuditPage, settled: Callable[[], None], qtbot: Any
) -> None:
    page.find_here()
    qtbot.keyClicks(page.panel.case, "cme-2026-00500")
    qtbot.waitUntil(lambda: page._query.case_id is not None, timeout=5_000)
    settled()
    assert "Opened" in actions(page)
    assert "Refused" not in actions(page)
    assert page.head.subtitle.text().endswith("about CME-2026-00500")
    page.panel.case.clear()
    qtbot.keyClicks(page.panel.case, "CME-1")
    qtbot.waitUntil(lambda: bool(page.panel.case_field.error()), timeout=5_000)


def test_the_history_of_a_case_leads_to_who_has_read_it(
    page: AuditPage, context: AppContext, case_id: str, settled: Callable[[], None], qtbot: Any
) -> None:
    tab = HistoryTab(context)
    qtbot.addWidget(tab)
    tab.show_case(case_id)
    settled()
    asked: list[tuple[str, dict[str, Any]]] = []
    context.navigation_asked.connect(lambda route, arguments: asked.append((route, arguments)))
    assert tab.readers.isVisibleTo(tab)
    tab.readers.activated.emit()
    assert asked == [("audit", {"case_id": case_id})]
    page.open(**asked[0][1])
    settled()
    assert page.panel.case.text() == "CME-2026-00500"
    assert actions(page)[0] == "Read the history"


def test_whoever_may_not_read_the_audit_is_not_led_there(
    make_vault: Callable[..., Any], context: AppContext, qtbot: Any
) -> None:
    ws = make_vault("caseworker", role=Role.CASEWORKER).workspace()
    tab = HistoryTab(AppContext(ws, context.runner, NoSync()))
    qtbot.addWidget(tab)
    assert not tab.readers.isVisibleTo(tab)


def test_enter_opens_the_case_an_entry_is_about(page: AuditPage, context: AppContext, case_id: str, qtbot: Any) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    context.navigation_asked.connect(lambda route, arguments: asked.append((route, arguments)))
    page.table.go_to(actions(page).index("Opened"))
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    page.table.go_to(0)
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert asked == [("case", {"case_id": case_id})]


def test_verifying_says_that_all_is_well_and_the_report_can_be_kept(
    page: AuditPage, context: AppContext, settled: Callable[[], None], tmp_path: Path
) -> None:
    page.primary_action()
    assert not page.verify_button.isEnabled()
    assert page.verification.progress.isVisible()
    settled()
    banner = page.verification.banner
    assert banner is not None
    assert "Each follows from the one before" in banner.label.text()
    assert page.verify_button.isEnabled()
    assert actions(page)[0] == "Verified the audit"
    page.verification._ask_where()
    settled()
    assert "verification of the audit" in (tmp_path / "audit-report.txt").read_text()


def test_verifying_names_the_entry_that_was_tampered_with(
    page: AuditPage, ws: Workspace, settled: Callable[[], None]
) -> None:
    with ws.local_session() as session:
        driver(connection_of(session)).execute("DELETE FROM audit_entry WHERE sequence = 3")
    page.verification.start()
    settled()
    assert page.verification.banner is not None
    assert "The chain breaks at entry 3: an entry was removed." in page.verification.banner.label.text()


def test_a_verification_can_be_cancelled(
    page: AuditPage, settled: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pressed = Event()
    monkeypatch.setattr(Workspace, "lifeboat_links", lambda _self: [] if pressed.wait(10) else None)
    page.verification.start()
    page.verification.progress.cancelled.emit()
    pressed.set()
    settled()
    assert page.verification.banner is not None
    assert page.verification.banner.label.text() == "Stopped. The audit is not verified."


def test_what_the_central_store_does_not_countersign_is_said(
    page: AuditPage, ws: Workspace, settled: Callable[[], None]
) -> None:
    with ws.local_session() as session:
        facts.put(session, facts.AUDIT_REFUSED, "The audit of this laptop differs.")
    page.open()
    settled()
    assert page.verification.refused is not None
    assert page.verification.refused.label.text().startswith("The audit of this laptop differs.")


def test_an_export_is_saved_and_a_second_one_does_not_overwrite_it(
    page: AuditPage, settled: Callable[[], None], tmp_path: Path, errors: list[Exception]
) -> None:
    count = page.model.rowCount()
    page.export_button.click()
    settled()
    assert len((tmp_path / "audit.csv").read_text().splitlines()) == count + 1
    page.export_button.click()
    settled()
    assert "There is a file at that place already" in str(errors[0])


def test_long_lists_are_read_by_the_page(
    page: AuditPage, ws: Workspace, settled: Callable[[], None], qtbot: Any
) -> None:
    with ws.local_session():
        for number in range(3 * PAGE_ROWS):
            ws.audit(Action.PRINTED, "letter", None, {"count": number})
    page.open()
    settled()
    last = page.model.rowCount() - 1
    assert page.model.row(last) is None
    qtbot.waitUntil(lambda: page.model.row(last) is not None, timeout=5_000)
    assert page.model.row(last).sequence == 1


@pytest.mark.parametrize("size", [(1440, 900), (911, 512), (640, 360)])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_nothing_is_cut_off(
    page: AuditPage, qapp: QApplication, size: tuple[int, int], theme: Any, settled: Callable[[], None]
) -> None:
    apply_theme(qapp, theme)
    page.resize(*size)
    QApplication.processEvents()
    page.resize(*size)  # now without the filters, which a window of its own would not be smaller than
    page.verification.start()
    settled()
    assert_nothing_clipped(page)
    assert page.table.isColumnHidden(len(COLUMNS) - 1) == (size[0] < 700)
    if size[0] < 1280:
        page.filters_button.click()
        assert page.panel.isVisible()
        assert_nothing_clipped(page)
        assert page.close_panel()
        assert not page.panel.isVisible()


def test_a_plain_query_reads_no_index(ws: Workspace) -> None:
    from app.services import audit_trail

    ws.audit(Action.PRINTED)
    assert len(audit_trail.sequences(ws, AuditQuery())) > 0
    with ws.read() as session:
        assert driver(connection_of(session)).execute("SELECT count(*) FROM audit_line").fetchone() == (0,)
