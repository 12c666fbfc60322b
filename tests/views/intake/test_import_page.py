"""The import page by keyboard and by drop: previewed first, then brought in; bad files change nothing."""

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from sqlalchemy import func, select

from app.models import Child, Referral, School
from app.services.exchange import ctf, gias
from app.services.workspace import Workspace
from app.views import tokens
from app.views.theme import apply_theme
from tests.services.exchange.test_deletion_returns import GOOD, HEADER, with_value
from tests.views.clipping import clipped
from tests.views.intake.conftest import SAMPLES, Window

SPACE = Qt.Key.Key_Space


def count(ws: Workspace, model: type) -> int:
    with ws.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def listing(folder: Path, *rows: str) -> Path:
    path = folder / "returns.csv"
    path.write_bytes("\r\n".join((HEADER, *rows, "")).encode())
    return path


def notice(shown: Window) -> str:
    return shown.find("import_notice").findChild(QLabel).text()


def look(shown: Window, path: Path) -> None:
    shown.prompts.files = [path]
    shown.go("import")
    button = shown.find("choose_file")
    assert button.hasFocus()
    QTest.keyClick(button, SPACE)
    shown.settle()


def test_a_list_is_previewed_then_imported_and_its_referrals_are_at_hand(shown: Window, tmp_path: Path) -> None:
    look(shown, listing(tmp_path, GOOD, with_value("Date of Birth", "31/02/2015")))
    page = shown.page
    assert count(shown.ws, Referral) == 0
    assert page.go.text() == "Import 1 row"
    model = page.panel.model
    sentence = model.data(model.index(0, 0), Qt.ItemDataRole.AccessibleTextRole)
    assert sentence.startswith("Line 3, Date of Birth. Refused: This is not a date.")
    assert page.go.hasFocus()
    QTest.keyClick(page.go, SPACE)
    shown.settle()
    assert count(shown.ws, Referral) == 1
    assert "Deletion returns: 2 rows read; 1 added" in notice(shown)
    QTest.keyClick(shown.window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    shown.settle()
    assert shown.find("waiting_list").model().rowCount() == 1


def test_refused_rows_are_saved_and_the_saving_is_audited(shown: Window, tmp_path: Path) -> None:
    look(shown, listing(tmp_path, with_value("Date of Birth", "31/02/2015")))
    assert shown.page.go.text() == "Nothing to import"
    assert not shown.page.go.isEnabled()
    shown.prompts.save_to = tmp_path / "refused.csv"
    QTest.keyClick(shown.page.save_bad, SPACE)
    shown.settle()
    assert b"31/02/2015" in shown.prompts.save_to.read_bytes()
    with shown.ws.read() as session:
        from app.models import AuditEntry

        assert "exported" in set(session.scalars(select(AuditEntry.action)))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", b"a,b\r\n1,2\r\n", "does not know this list"),
        ("x.xml", b"<!DOCTYPE a><CTfile/>", "declares a document type"),
        ("x.xml", b"<CTfile><Header>", "damaged or cut short"),
        ("x.xlsx", b"PK\x03\x04 nothing", "damaged or is not a workbook"),
        ("x.csv", b"", "The file is empty"),
        ("x.csv", b"\xef\xbb\xbfName,Ground\r\n\xff\xfe\r\n", "says it is UTF-8 but is not"),
    ],
)
def test_a_bad_file_says_why_and_changes_nothing(
    shown: Window, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    look(shown, path)
    assert words in notice(shown)
    assert notice(shown).endswith("Nothing was imported.")
    assert shown.find("choose_file").isVisible()
    assert count(shown.ws, Referral) == count(shown.ws, Child) == 0


def test_a_dropped_file_is_looked_at(shown: Window, tmp_path: Path) -> None:
    shown.go("import")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(listing(tmp_path, GOOD)))])
    event = QDropEvent(
        QPoint(50, 50),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    shown.page.dropEvent(event)
    shown.settle()
    assert shown.page.go.text() == "Import 1 row"
    assert count(shown.ws, Referral) == 0


def test_a_transfer_file_waits_for_a_person_where_a_child_may_be_known(shown: Window) -> None:
    ctf.apply(shown.ws, ctf.plan(shown.ws, ctf.read((SAMPLES / "8500000_CTF_XXXXXXX_001.xml").read_bytes())))
    path = SAMPLES / "8500000_CTF_850LLLL_001.xml"
    with shown.ws.write("Known") as session:
        from datetime import date

        session.add(Child(forename="Ayla", surname="Testerton", born_on=date(2015, 11, 3)))
    look(shown, path)
    page = shown.page
    assert page.go.text() == "Choose for 1 more"
    assert not page.go.isEnabled()
    QTest.keyClick(page.suggest, SPACE)
    assert page.go.text() == "Import 2 pupils"
    assert page.go.hasFocus()
    QTest.keyClick(page.go, SPACE)
    shown.settle()
    assert "1 added, 1 changed" in notice(shown)
    with shown.ws.read() as session:
        ayla = session.scalars(select(Child).where(Child.forename == "Ayla")).one()
        assert ayla.upn == "D850000016014"


def test_a_pupil_can_be_left_out(shown: Window) -> None:
    look(shown, SAMPLES / "8500000_CTF_850LLLL_001.xml")
    QTest.keyClick(shown.find("pupil_1_skip"), SPACE)
    assert shown.page.go.text() == "Import 1 pupil"
    QTest.keyClick(shown.page.go, SPACE)
    shown.settle()
    with shown.ws.read() as session:
        assert set(session.scalars(select(Child.forename))) == {"Joss"}


def test_an_import_can_be_stopped_and_says_what_was_kept(
    shown: Window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.exchange.reference.ROWS_A_COMMIT", 40)
    look(shown, SAMPLES / "gias_hampshire_2017_relayout.csv")
    page = shown.page
    assert page.go.text() == "Import 173 rows"
    real = page.work._report

    def stop_after_one(done: int, total: int) -> None:
        real(done, total)
        page.work.cancel()

    monkeypatch.setattr(page.work, "_report", stop_after_one)
    QTest.keyClick(page.go, SPACE)
    shown.settle()
    assert count(shown.ws, School) == 40
    assert "Stopped by you. The 40 rows already saved are kept." in notice(shown)
    assert gias.import_schools(shown.ws, (SAMPLES / "gias_hampshire_2017_relayout.csv").read_bytes()).added == 133


@pytest.mark.parametrize(("width", "height", "scale"), [(1440, 900, 100), (911, 512, 100), (1440, 900, 150)])
def test_nothing_is_clipped_at_any_scale(
    shown: Window, qapp: object, tmp_path: Path, width: int, height: int, scale: int
) -> None:
    apply_theme(qapp, tokens.DARK, scale)  # type: ignore[arg-type]  # pytest-qt's own application
    shown.window.resize(width, height)
    shown.go("import")
    found = clipped(shown.window)
    for path in (listing(tmp_path, GOOD, with_value("UPN", "x")), SAMPLES / "8500000_CTF_850LLLL_001.xml"):
        shown.page.look_at(path)
        shown.settle()
        found += clipped(shown.window)
    assert found == []
