"""An officer's day on one laptop, run as a program under strace. Its words come on standard input, never as arguments.

Everything is done by the product itself, mostly through its real window; only two things are put in place: ``lp``,
which throws the paper away, and the print dialog, which is answered at once.
"""

import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtPrintSupport import QPrinter
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QWidget

from app import hardening
from app.demo.hands import CTRL, SHIFT, Hands, JourneyError, Pictures
from app.ids import new_id
from app.models import Authority, ReferenceLease, Team, User
from app.models.terms import Role
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.vault import Vault, create_vault, open_vault
from app.services.vault.keys import KdfParameters
from app.services.vault.recovery_key import RecoveryKey
from app.settings import Settings
from app.timesource import SystemTime
from app.views import clipboard
from app.views.frame import Frame
from app.views.letters import printing
from app.views.recovery import sheet_work
from app.views.start import make_application
from app.views.theme import apply_theme
from app.views.tokens import LIGHT
from tests.services.letters.world import open_rhys

QUICK = KdfParameters(memory_kib=1024, passes=1, lanes=1)


class ImpatientHands(Hands):
    """Gives up sooner, and says at once what it waited for."""

    def wait(self, until: Callable[[], Any], what: str, patience_s: float = 25) -> Any:
        try:
            return super().wait(until, what, patience_s)
        except JourneyError as error:
            sys.stderr.write(f"{error.message}\n")
            os._exit(3)


def main() -> int:
    words: dict[str, str] = json.loads(sys.stdin.readline())
    home = Path(words.pop("folder"))
    scan = Path(words.pop("scan"))
    lp = home / "lp"
    lp.write_text("#!/bin/sh\nexec cat > /dev/null\n")
    lp.chmod(0o755)
    printed: list[int] = []
    _print_without_asking(str(lp), printed)
    hardening.harden()
    hardening.tell_no_error_text()
    application = make_application()
    apply_theme(application, LIGHT, 100)
    folder = home / "vault"
    case_id = _set_up(folder, words)
    frame = Frame(folder, Settings(home / "settings.json"))
    frame.resize(1440, 900)
    frame.painted.connect(frame.warm_up)
    frame.show_first()
    hands = ImpatientHands(frame, Pictures(home))
    hands.wait(lambda: frame._collector is not None, "the first paint")
    _unlock(hands, words["wrong_passphrase"])
    _unlock(hands, words["passphrase"])
    done = {
        "note": _write_note(hands, case_id, words),
        "found": _search(hands, words),
        "linked": _link_page(hands, case_id, scan),
        "letter": _write_letter(hands, case_id, words),
        "draft_back": _lock_half_way(hands, case_id, words),
    }
    _meet_errors(hands, words)
    _print_recovery_sheet(hands, words)
    opened = frame.opened
    assert opened is not None
    vault = opened.vault
    back_up(folder, vault.keys, vault.engine, time=vault.time, reason=Reason.REQUESTED)
    vault.change_passphrase(words["passphrase"], words["new_passphrase"], kdf=QUICK)
    hands.settle()
    frame.close()
    frame.shut_down()
    done["printed"] = len(printed)
    done["told"] = _command_line(folder, words)
    done["kept"] = _in_the_vault(folder, words)
    sys.stdout.write(json.dumps(done))
    return 0


def _print_without_asking(lp: str, printed: list[int]) -> None:
    def ask_and_print(_owner: QWidget, sheets: printing.Sheets, name: str, failed: Any) -> None:
        printing.send(QPrinter(), sheets, name, failed)
        printed.append(len(sheets.pdf))

    printing.sender = lambda: lp  # type: ignore[assignment]  # put in place for the day
    printing.has_printer = lambda: True  # type: ignore[assignment]
    printing.ask_and_print = ask_and_print  # type: ignore[assignment]


def _set_up(folder: Path, words: dict[str, str]) -> str:
    """Make the vault, its people and a case; return the case's id."""
    recovery = RecoveryKey.parse(words["recovery_key"])
    vault = create_vault(
        folder, words["passphrase"], time=SystemTime(), label="Test laptop", kdf=QUICK, recovery=recovery
    )
    vault.add_device("Test laptop")
    with vault.system_workspace().write("Set up") as session:
        team, user_id = Team(id=new_id(), name="West team"), new_id()
        session.add(team)
        user = User(id=user_id, username="d", name=words["officer"], role=Role.CASEWORKER, team_id=team.id)
        user.job_title, user.phone, user.email = "Officer", "01632 960144", "cme@marlshire.example"
        session.add(user)
        session.add(
            Authority(
                name="Marlshire County Council",
                service_name="Children's Services",
                la_code="999",
                office_address="County Offices\nAldermere\nMH1 1AA",
                phone="01632 960144",
                email="cme@marlshire.example",
                privacy_notice_link="marlshire.example/cme-privacy",
            )
        )
        session.add(ReferenceLease(year=SystemTime().today().year, first=1, last=99, next=1))
    vault.set_user(user_id)
    ws = vault.workspace()
    case_id = open_rhys(ws, forename=words["forename"], surname=words["surname"])
    vault.close()
    return case_id


def _unlock(hands: Hands, passphrase: str) -> None:
    field = hands.find(QLineEdit, "passphrase")
    hands.wait(field.isEnabled, "the passphrase field")
    hands.write(field, passphrase)
    hands.key(Qt.Key.Key_Return, on=field)
    page: Any = hands.frame.centralWidget()
    hands.wait(lambda: hands.frame.window_page is not None or page.field.error(), "an answer to the passphrase")
    hands.settle()


def _open_case(hands: Hands, case_id: str) -> Any:
    window = hands.frame.window_page
    assert window is not None
    window.navigate("case", case_id=case_id)
    page = hands.on_page("case_page")
    hands.wait(lambda: page._view is not None and page._view.identity.case_id == case_id, "the case")
    hands.settle()
    return page


def _write_note(hands: Hands, case_id: str, words: dict[str, str]) -> bool:
    page = _open_case(hands, case_id)
    page.identity.setToolTip(words["surname"])
    hands.key(Qt.Key.Key_N, CTRL | SHIFT, on=hands.frame)
    editor = hands.find(QPlainTextEdit, "note_text")
    hands.write(editor, words["note"])
    editor.selectAll()
    editor.copy()
    hands.wait(lambda: not page.timeline.composer._autosave.isActive(), "the draft to be kept")
    hands.key(Qt.Key.Key_Return, CTRL, on=editor)
    hands.wait(lambda: not editor.isVisible(), "the note to be saved")
    hands.settle()
    clipboard.copy(words["note"])
    return True


def _search(hands: Hands, words: dict[str, str]) -> bool:
    hands.key(Qt.Key.Key_K, CTRL, on=hands.frame)
    line = hands.find(QLineEdit, "palette_line")
    hands.write(line, words["surname"])
    palette: Any = line.parentWidget()
    rows = palette.list.model()
    hands.wait(
        lambda: any(words["surname"] in str(rows.index(row, 0).data()) for row in range(rows.rowCount())),
        "the case among the results",
    )
    palette.close()
    hands.go("cases")
    return True


def _link_page(hands: Hands, case_id: str, scan: Path) -> bool:
    hands.go("correspondence")
    page = hands.on_page("correspondence_page")
    hands.drop(scan, page)
    hands.wait(lambda: page.form.detail is not None and page.viewer.page_words(), "the page and its words")
    hands.wait(lambda: page.form.choice.candidate() is not None, "a suggestion")
    hands.settle()
    hands.choose(hands.find(QComboBox, "kind"), "School replies")
    sender = hands.find(QLineEdit, "sender")
    sender.clear()
    hands.write(sender, "Saltenby Academy")
    hands.settle()
    linked = page.form.detail.id
    hands.click(page.form.outcome.primary)
    hands.wait(lambda: page.form.detail is None or page.form.detail.id != linked, "the page to be linked")
    hands.settle()
    return True


def _write_letter(hands: Hands, case_id: str, words: dict[str, str]) -> bool:
    window = hands.frame.window_page
    assert window is not None
    window.navigate("letter", case_id=case_id, template="L01")
    page = hands.on_page("letter_page")
    sent: list[Any] = []
    page.sent.connect(sent.append)
    hands.wait(lambda: page._rendered is not None and not page._drawing, "the letter on screen")
    field = hands.find(QLineEdit, "field_last_school")
    field.clear()
    hands.write(field, words["school"])
    hands.settle()
    hands.wait(lambda: not page._keep_later.isActive() and not page._drawing, "the draft to be kept")
    hands.click(page.panes.send)
    hands.wait(lambda: sent, "the letter to be recorded")
    hands.settle()
    hands.wait(lambda: not printing.PrintJob._running, "the printer")
    return True


def _lock_half_way(hands: Hands, case_id: str, words: dict[str, str]) -> bool:
    page = _open_case(hands, case_id)
    hands.key(Qt.Key.Key_N, CTRL | SHIFT, on=hands.frame)
    editor = hands.find(QPlainTextEdit, "note_text")
    hands.write(editor, words["half_note"])
    dropped: list[int] = []
    hands.frame.dropped.connect(lambda: dropped.append(1))
    hands.key(Qt.Key.Key_L, CTRL, on=hands.frame)
    hands.wait(lambda: dropped, "the keys to be dropped")
    del page, editor
    _unlock(hands, words["passphrase"])
    again: Any = hands.on_page("case_page")
    hands.wait(lambda: again.timeline.composer.editor.toPlainText() == words["half_note"], "the draft to be back")
    return True


def _meet_errors(hands: Hands, words: dict[str, str]) -> None:
    """Meet an error of each kind whose text quotes a record."""
    error = ValueError(f"cannot handle {words['error']}")
    sys.excepthook(type(error), error, None)
    hands.frame.runner.run(hands.frame, lambda: 1 // 0, lambda _none: None)

    def fail() -> None:
        raise KeyError(words["error"])

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    hands.settle()


def _print_recovery_sheet(hands: Hands, words: dict[str, str]) -> None:
    sheets = sheet_work.sheet_to_print(RecoveryKey.parse(words["recovery_key"]), "Test laptop")
    printing.ask_and_print(hands.frame, sheets, "Rollcall recovery sheet", lambda _words: None)
    hands.wait(lambda: not printing.PrintJob._running, "the printer")


def _command_line(folder: Path, words: dict[str, str]) -> bool:
    asked = [sys.executable, "-m", "app.main", "--vault", str(folder), "case", "list", "--json"]
    told = subprocess.run(asked, input=words["new_passphrase"] + "\n", capture_output=True, text=True, check=False)
    return words["surname"] in told.stdout


def _in_the_vault(folder: Path, words: dict[str, str]) -> list[str]:
    """Return which words the vault holds: a search for what was never stored would find nothing anywhere."""
    vault: Vault = open_vault(folder, words["new_passphrase"], time=SystemTime())
    try:
        with vault.engine.connect() as connection:
            tables = [row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='table'")]
            rows = "\n".join(
                str(tuple(row)) for table in tables for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"')
            )
    finally:
        vault.close()
    return [name for name, word in words.items() if word in rows]


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
        status = 0
    except BaseException:  # noqa: BLE001  (said, and then ended without Qt's own end)
        traceback.print_exc()
        sys.stderr.flush()
        status = 3
    os._exit(status)
