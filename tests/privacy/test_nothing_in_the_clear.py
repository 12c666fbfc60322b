"""A working day, and then every byte that Rollcall wrote is searched for what it was told.

The day (``tests.privacy.day``) runs in a process of its own under strace: real windows, a real vault, a letter printed
through a pipe, a photographed page, an error, backups, a restore and the command line.
"""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from app.services.vault.recovery_key import RecoveryKey
from tests.privacy import traces

ROOT = Path(__file__).resolve().parents[2]


def can_trace() -> bool:
    """Return whether strace is there and may trace: some sandboxes forbid it."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return False
    tried = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=openat", "true"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can_trace(), reason="needs Linux and an strace that may trace")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder for strace's notes, apart from the machine's."""
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A home, temporary and data folder of their own."""
    folder = tmp_path / "machine"
    for name in ("home", "tmp", "data", "config", "cache", "state", "run"):
        (folder / name).mkdir(parents=True)
    (folder / "run").chmod(0o700)
    return folder


def environment_of(machine: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "DBUS_", "XDG_"))}
    return kept | {
        "HOME": str(machine / "home"),
        "TMPDIR": str(machine / "tmp"),
        "XDG_DATA_HOME": str(machine / "data"),
        "XDG_CONFIG_HOME": str(machine / "config"),
        "XDG_CACHE_HOME": str(machine / "cache"),
        "XDG_STATE_HOME": str(machine / "state"),
        "XDG_RUNTIME_DIR": str(machine / "run"),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),
    }


NOTE = "The tangerine staircase. Rang 07700 900817 and spoke to nobody"
FAMILY = ["Pendleford", "Weir Cottages", "MH7 3DD", "T999401217052", "07700 900817", "tangerine staircase"]
"""Of the note, and of the family of ``tests.services.letters.world``."""


def letter_about(forename: str, surname: str) -> bytes:
    """Return a page from outside whose words name the child."""
    held = io.BytesIO()
    page = Canvas(held)
    page.drawString(70, 700, f"About {forename} {surname}, UPN T999401217052.")
    page.drawString(70, 680, "The periwinkle gramophone was collected in October.")
    page.save()
    return held.getvalue()


PLANTS = """
import base64, gzip, os, sys, tempfile, zlib
word = sys.stdin.read()
with tempfile.NamedTemporaryFile(prefix="plant-deleted-") as stream:
    stream.write(f"about {word} and more".encode()); stream.flush()
with tempfile.NamedTemporaryFile(prefix="plant-unlinked-", delete=False) as stream:
    os.unlink(stream.name)
    stream.write(word.encode())
for name, data in {
    "utf16": word.encode("utf-16-le"), "utf16be": word.encode("utf-16-be"), "utf32": word.encode("utf-32-le"),
    "base64": base64.b64encode(f"xy{word}z and more".encode()), "hex": word.encode().hex().encode(),
    "zlib": b"%PDF" + zlib.compress(word.encode() * 3), "gzip": gzip.compress(word.encode()),
    "capitals": word.upper().encode(),
}.items():
    path = os.path.join(tempfile.gettempdir(), f"plant-{name}")
    open(path, "wb").write(data)
    os.unlink(path)
path = os.path.join(tempfile.gettempdir(), "plant-moved")
open(path, "w").write("nothing")
os.rename(path, os.path.join(tempfile.gettempdir(), f"{word}.txt"))
descriptor = os.open(os.path.join(tempfile.gettempdir(), "plant-pieces"), os.O_RDWR | os.O_CREAT)
half = len(word) // 2
os.write(descriptor, word[:half].encode()); os.write(descriptor, word[half:].encode())
os.pwrite(descriptor, bytes(200), 0)
os.writev(descriptor, [b"vector ", word.encode()])
memory = os.memfd_create("plant-memory"); os.write(memory, word.encode())
print(word, file=sys.stderr)
if os.fork() == 0:
    open(os.path.join(tempfile.gettempdir(), "plant-child"), "w").write(word)
    os._exit(0)
os.wait()
"""


def test_every_planted_leak_is_found(machine: Path, notes: Path) -> None:
    word = "Zebedee Quillfeather"
    trace = traces.run([sys.executable, "-c", PLANTS], notes, environment=environment_of(machine), given=word)
    assert trace.cut_short == 0
    found = traces.leaks(trace, machine, [word])
    for plant, form in {
        "deleted": "UTF-8", "utf16": "UTF-16 LE", "utf16be": "UTF-16 BE", "utf32": "UTF-32", "base64": "base64",
        "hex": "hexadecimal", "zlib": "packed, UTF-8", "gzip": "packed, UTF-8", "capitals": "UTF-8", "pieces": "UTF-8",
        "memory": "UTF-8", "child": "UTF-8", "unlinked": "UTF-8",
    }.items():  # fmt: skip
        assert [hit for hit in found if f"plant-{plant}" in hit and f" {form}: " in hit], f"{plant} was not found"
    assert [hit for hit in found if hit.startswith("a name: ")]
    assert [hit for hit in found if hit.startswith("standard error: ")]
    assert [hit for hit in found if "plant-child, left" in hit]


def test_a_search_for_other_words_finds_nothing(machine: Path, notes: Path) -> None:
    given = "Zebedee Quillfeather"
    trace = traces.run([sys.executable, "-c", PLANTS], notes, environment=environment_of(machine), given=given)
    assert traces.leaks(trace, machine, ["Algernon Thrupp"]) == []


def test_a_day_leaves_nothing_that_can_be_read(machine: Path, notes: Path, tmp_path: Path) -> None:
    words = {
        "officer": "Dawn Ellerythorpe", "forename": "Zebedee", "surname": "Quillfeather", "note": NOTE,
        "half_note": "marmalade lighthouse, nobody home", "school": "Saltmarsh Juniors",
        "error": "cobalt wheelbarrow of Zebedee", "passphrase": "seven blue kettles sing",
        "wrong_passphrase": "nineteen grey umbrellas", "new_passphrase": "four mossy anvils hum low",
        "recovery_key": RecoveryKey.new().text,
    }  # fmt: skip
    scan = tmp_path / "incoming" / "scan0001.pdf"
    scan.parent.mkdir()
    scan.write_bytes(letter_about(words["forename"], words["surname"]))
    given = json.dumps({**words, "folder": str(machine / "data"), "scan": str(scan)})
    command = [sys.executable, "-m", "tests.privacy.day"]
    trace = traces.run(command, notes, environment=environment_of(machine), given=given)
    done = json.loads(trace.said)
    assert done.pop("kept") == ["officer", "forename", "surname", "note", "half_note", "school"]
    assert done == {
        "note": True,
        "found": True,
        "linked": True,
        "letter": True,
        "draft_back": True,
        "printed": 2,
        "told": True,
    }
    assert trace.cut_short == 0
    written = {Path(path).name for path in trace.data}
    assert {
        "cases.db",
        "cases.db-wal",
        "documents.db-wal",
        "lifeboat.log",
        "rollcall.log",
        "attempts.json.new",
    } <= written
    secret = [*words.values(), *words["recovery_key"].split("-"), *FAMILY, "periwinkle gramophone"]
    secret = [word for word in secret if len(word) > 4]
    assert traces.leaks(trace, machine, secret) == []
