"""Letters reach the printer's queue through a pipe; nothing is written on the way."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtPrintSupport import QAbstractPrintDialog, QPrintDialog, QPrinter
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.views.letters import printing
from app.views.letters.printing import PrintJob, Sheets

ROOT = Path(__file__).resolve().parents[3]
PDF = b"%PDF-1.7 Isla Merrow " + os.urandom(3_000_000)
posix = pytest.mark.skipif(os.name != "posix", reason="a program of POSIX systems stands in for lp")


@pytest.fixture
def lp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a program in lp's place that keeps what it is told, and what it is sent."""

    def make(body: str = 'cat > "$0.got"') -> Path:
        program = tmp_path / "lp"
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "$0.told"\n{body}\n')
        program.chmod(0o755)
        monkeypatch.setattr(printing, "sender", lambda: str(program))
        return program

    return make


@posix
def test_the_pdf_goes_whole_through_a_pipe_under_a_name_that_names_no_child(
    qtbot: QtBot, lp: Callable[[], Path]
) -> None:
    program = lp()
    printer = QPrinter()
    printer.setCopyCount(2)
    job = PrintJob(printing.options(printer, "Rollcall letter"), PDF)
    with qtbot.waitSignal(job.done), qtbot.assertNotEmitted(job.refused):
        job.start(printing.sender())
    assert program.with_suffix(".got").read_bytes() == PDF
    told = program.with_suffix(".told").read_text().splitlines()
    assert told[told.index("-t") + 1] == "Rollcall letter"
    assert told[told.index("-n") + 1] == "2"
    assert "media=A4" in told
    assert "print-scaling=none" in told
    assert not PrintJob._running


@posix
@pytest.mark.parametrize("body", ["cat > /dev/null; exit 1", "exit 0; not read", "kill -9 $$"])
def test_a_printer_that_refuses_is_said_and_one_that_reads_little_is_not_waited_for(
    qtbot: QtBot, lp: Callable[[str], Path], body: str
) -> None:
    lp(body)
    refused: list[str] = []
    printing.send(QPrinter(), Sheets(PDF), "Rollcall letter", refused.append)
    qtbot.waitUntil(lambda: not PrintJob._running)
    assert refused == ([] if body.startswith("exit 0") else [printing.NOT_PRINTED])


def test_a_program_that_is_not_there_is_said(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "sender", lambda: "/nowhere/lp")
    monkeypatch.setattr(printing, "takes_pdf", lambda: True)
    refused: list[str] = []
    printing.send(QPrinter(), Sheets(PDF), "Rollcall letter", refused.append)
    qtbot.waitUntil(lambda: bool(refused))


def test_without_the_program_there_is_no_printer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing.QPrinterInfo, "availablePrinterNames", lambda: ["Office"])
    monkeypatch.setattr(printing, "takes_pdf", lambda: True)
    monkeypatch.setattr(printing, "sender", lambda: "")
    assert not printing.has_printer()
    monkeypatch.setattr(printing, "sender", lambda: "/usr/bin/lp")
    assert printing.has_printer()


def test_pages_are_painted_only_where_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []

    def draw(_pdf: bytes, dpi: float) -> list[QImage]:
        drawn.append(dpi)
        return [QImage(10, 10, QImage.Format.Format_RGB32)]

    monkeypatch.setattr(printing, "takes_pdf", lambda: True)
    assert printing.prepare(PDF, draw) == Sheets(PDF)
    assert drawn == []
    monkeypatch.setattr(printing, "takes_pdf", lambda: False)
    assert len(printing.prepare(PDF, draw).pages) == 1
    assert drawn == [printing.DPI]


def test_printing_into_a_file_is_not_offered(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[QPrintDialog] = []
    monkeypatch.setattr(QPrintDialog, "show", lambda dialog: shown.append(dialog))
    owner = QWidget()
    qtbot.addWidget(owner)
    printing.ask_and_print(owner, Sheets(PDF), "Rollcall letter", lambda _words: None)
    kinds = QAbstractPrintDialog.PrintDialogOption
    assert not any(shown[0].testOption(kind) for kind in (kinds.PrintToFile, kinds.PrintPageRange))


@posix
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_no_file_is_written_on_the_way_to_the_printer(tmp_path: Path) -> None:
    """Every file opened for writing by the program and by what it starts is looked at, deleted ones too."""
    lp = tmp_path / "lp"
    lp.write_text("#!/bin/sh\nexec cat > /dev/null\n")
    lp.chmod(0o755)
    code = (
        "import sys\n"
        "from PySide6.QtPrintSupport import QPrinter\n"
        "from app.views.letters import printing\n"
        "from app.views.start import make_application\n"
        "application = make_application()\n"
        "job = printing.PrintJob(printing.options(QPrinter(), 'Rollcall letter'), b'%PDF' + bytes(500_000))\n"
        "job.done.connect(application.quit)\n"
        "job.refused.connect(lambda: sys.exit(3))\n"
        "print('MARK', file=sys.stderr, flush=True)\n"
        "job.start(sys.argv[1])\n"
        "application.exec()\n"
    )
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-o", str(trace), "-e", "trace=openat,open,creat,memfd_create,write,execve"]
    environment = dict(os.environ, QT_QPA_PLATFORM="offscreen", PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
    ran = subprocess.run(
        [*command, sys.executable, "-c", code, str(lp)], env=environment, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    lines = trace.read_text(errors="replace")
    after = lines[lines.index("MARK") :]
    written = [line for line in after.splitlines() if "O_WRONLY" in line or "O_RDWR" in line or "memfd" in line]
    assert f'execve("{lp}"' in after
    assert [line for line in written if "/dev/null" not in line] == []
