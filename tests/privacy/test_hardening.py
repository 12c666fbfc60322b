"""Core dumps are off and other programs cannot look into Rollcall's processes: asked of real ones."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import hardening, hardening_windows

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's kernel")

# The product's own way to its window; what comes after the first paint only says so.
WINDOW = """
import sys, types
from PySide6.QtCore import QTimer
rest = types.ModuleType("app.views.opening")
rest.warm = lambda: None
sys.modules["app.views.opening"] = rest
from app.views.frame import Frame
warm_up = Frame.warm_up
def and_say(frame):
    warm_up(frame)
    print("painted", flush=True)
Frame.warm_up = and_say
from app.main import main
sys.exit(main(["window", "--vault", sys.argv[1]]))
"""


@pytest.fixture
def window(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A Rollcall that has painted its first window, in a folder where core files would be written."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "vault.json").write_text('{"header": {"label": "Test laptop"}, "wraps": []}')
    environment = dict(
        os.environ,
        QT_QPA_PLATFORM="offscreen",
        PYTHONPATH=str(ROOT),
        ROLLCALL_SETTINGS=str(tmp_path / "settings.json"),
        ROLLCALL_LOGS=str(tmp_path),
    )
    with subprocess.Popen(
        [sys.executable, "-c", WINDOW, str(tmp_path / "vault")],
        cwd=work,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=_allow_core_files,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "painted"
        yield process
        process.kill()


def _allow_core_files() -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def limit_of(process: int) -> str:
    lines = Path(f"/proc/{process}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core file size"))


# Root may look into everything. Without its capabilities it is a person like any other, also after a program starts.
ORDINARY = """
import ctypes, os
libc = ctypes.CDLL(None)
if os.getuid() == 0:
    for capability in range(64):
        libc.prctl(24, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    assert libc.capset(header, (ctypes.c_uint32 * 6)()) == 0
"""

LOOK = """
import sys
try:
    open(sys.argv[1], "rb").read(1)
except OSError as error:
    print(type(error).__name__)
else:
    print("read")
"""


def as_another_program(process: int, path: str) -> str:
    """Return what a program of the same person is told when it opens a file of the process's."""
    asked = [sys.executable, "-c", ORDINARY + LOOK, f"/proc/{process}/{path}"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


@linux
def test_a_window_that_crashes_leaves_no_core_file(window: subprocess.Popen[str], tmp_path: Path) -> None:
    assert limit_of(window.pid).split()[-3:-1] == ["0", "0"]
    window.send_signal(signal.SIGABRT)
    assert window.wait(20) == -signal.SIGABRT
    assert list((tmp_path / "work").iterdir()) == []


@linux
def test_the_same_crash_without_hardening_is_what_the_test_would_see(tmp_path: Path) -> None:
    """Shows that this machine writes core files at all, where it does; elsewhere the limits above are the proof."""
    code = "import os; os.abort()"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, preexec_fn=_allow_core_files, check=False)
    if not list(tmp_path.glob("core*")):
        pytest.skip("the kernel here sends core files elsewhere, or the limit is fixed at 0")


@linux
@pytest.mark.parametrize(("hardened", "answer"), [(True, "PermissionError"), (False, "read")])
def test_another_program_of_the_same_person_cannot_read_memory(hardened: bool, answer: str) -> None:
    code = (
        ORDINARY
        + ("from app.hardening import harden; harden()\n" if hardened else "")
        + "print('ready', flush=True); __import__('sys').stdin.read()\n"
    )
    # Capabilities are gone for good only once a program has been started without them.
    start = ORDINARY + "import sys; os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
    with subprocess.Popen(
        [sys.executable, "-c", start, code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        for path in ("maps", "environ"):
            assert as_another_program(process.pid, path) == answer
        process.communicate("")


WORKER = """
import sys
from app.services.documents.worker import ParsingWorker
if __name__ == "__main__":
    worker = ParsingWorker()
    worker.warm()
    print(worker._process.pid, flush=True)
    sys.stdin.read()
    worker.close()
"""


@linux
def test_the_process_that_opens_files_from_outside_is_closed_as_well(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(ORDINARY + WORKER)
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        assert limit_of(worker).split()[-3:-1] == ["0", "0"]
        assert as_another_program(worker, "environ") == "PermissionError"
        # The parent of this test did not harden itself, which shows that the answer is the worker's own doing.
        assert as_another_program(process.pid, "environ") == "read"
        process.communicate("")


@linux
def test_hardening_says_so_to_the_kernel() -> None:
    code = "from app import hardening as h; h.harden(); print(h.is_dumpable())"
    asked = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "False"


def test_errors_that_nobody_took_are_told_without_their_text() -> None:
    code = (
        "import threading\n"
        "from app import hardening\n"
        "hardening.tell_no_error_text()\n"
        "class Bad:\n    def __del__(self): raise KeyError('Isla Merrow')\n"
        "def fail(): raise ValueError('Isla Merrow')\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
        "Bad()\n"
        "fail()\n"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "Merrow" not in told.stderr + told.stdout
    assert told.stderr.count("rollcall: unexpected ValueError at <string>") == 2
    assert "rollcall: unexpected KeyError" in told.stderr


class Library:
    """Notes the calls made to a Windows library and answers them."""

    def __init__(self, calls: list[tuple[str, tuple[Any, ...]]], answers: dict[str, int]) -> None:
        self._calls, self._answers = calls, answers

    def __getattr__(self, name: str) -> Callable[..., int]:
        def call(*given: Any) -> int:
            self._calls.append((name, given))
            if name == "GetSecurityDescriptorDacl":
                given[1]._obj.value = 1
            return self._answers.get(name, 1)

        return call


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...]]]:
    made: list[tuple[str, tuple[Any, ...]]] = []
    answers = {"SetSecurityInfo": 0}
    monkeypatch.setattr(hardening_windows, "_library", lambda _name: Library(made, answers))
    return made


def test_on_windows_the_process_gets_an_access_list_without_reading(calls: list[tuple[str, tuple[Any, ...]]]) -> None:
    assert hardening_windows.harden()
    names = [name for name, _ in calls]
    assert names[:2] == ["SetErrorMode", "WerSetFlags"]
    assert "WerAddExcludedApplication" not in names
    given = dict(calls)
    assert given["SetErrorMode"] == (0x8003,)
    words = given["ConvertStringSecurityDescriptorToSecurityDescriptorW"][0].value
    assert words == "D:P(A;;0x00101001;;;OW)(A;;GA;;;SY)"
    process_vm_read, dup_handle, write_dac = 0x10, 0x40, 0x40000
    assert not int(words.split(";")[2], 16) & (process_vm_read | dup_handle | write_dac)
    assert given["SetSecurityInfo"][0].value == ctypes.c_void_p(-1).value
    assert given["SetSecurityInfo"][2].value == 0x80000004
    assert names[-1] == "LocalFree"


def test_on_windows_a_child_starts_between_opening_and_closing(calls: list[tuple[str, tuple[Any, ...]]]) -> None:
    with pytest.raises(RuntimeError), hardening_windows.open_to_children():
        raise RuntimeError
    words = [given[0].value for name, given in calls if name.startswith("Convert")]
    assert words == [hardening_windows.OPEN, hardening_windows.CLOSED]


def test_elsewhere_starting_a_child_needs_nothing() -> None:
    with hardening.starting_a_child():
        pass
