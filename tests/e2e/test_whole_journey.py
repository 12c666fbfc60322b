"""The whole job in one sitting, and what it leaves on the disk.

A referral becomes a case, a scan is linked, a letter is issued with the network cut, and when it is back the work
reaches the central store and the supervisor's laptop, where the case is allocated: all through the real windows, on
two encrypted vaults and a real central store over HTTP on real PostgreSQL.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import qInstallMessageHandler
from pytestqt.qtbot import QtBot

from app import logs
from app.demo import state
from app.demo.journey import walk

SENTINELS = (
    "Thistlewood", "Maeve", "Merrow", "Halewicz", "Pendleford", "Fuller’s Yard", "Fuller's Yard", "Tanner",
    "07700 900432", "Z999201722077", "has not attended since",
)  # fmt: skip
"""Names, an address, a number, a UPN and words of a note, all of which the journey types or shows."""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home, temporary and data folder of their own, so that every file Rollcall writes can be found."""
    # Not under pytest's own folder: PostgreSQL, started by root, works as another user that may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="rollcall-machine-"))
    folder.chmod(0o755)
    for name in ("home", "tmp", "data", "config", "cache", "state", "run"):
        (folder / name).mkdir()
    (folder / "tmp").chmod(0o1777)
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    for variable, name in (
        ("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run"),
    ):  # fmt: skip
        monkeypatch.setenv(variable, str(folder / name))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_the_whole_journey_through_the_window_leaves_nothing_readable_on_the_disk(qtbot: QtBot, machine: Path) -> None:
    logs.set_up(machine / "logs")
    out = machine / "out"
    said: list[str] = []
    demonstration = state.prepare(machine / "demonstration", said.append, fresh=True)
    handler = qInstallMessageHandler(None)
    try:
        summary = walk(demonstration, out, said.append)
    finally:
        qInstallMessageHandler(handler)
        demonstration.central.stop()
    assert summary["pending"] == 0
    assert summary["second_laptop"]["letter_is_the_same"]
    assert summary["first_laptop"]["timeline"] == summary["second_laptop"]["timeline"]
    assert summary["case"]["allocated_to"] == "Dawn Ellery"
    _assert_nothing_readable(machine, kept_on_purpose=out)


def _assert_nothing_readable(machine: Path, *, kept_on_purpose: Path) -> None:
    """Search every file for the sentinels, as UTF-8 and as UTF-16.

    Left out: what the journey was asked to keep, the paper that came in from outside, and PostgreSQL's own files,
    which belong to the council's server and not to a laptop.
    """
    needles = [word.encode(code) for word in SENTINELS for code in ("utf-8", "utf-16-le")]
    searched, vaults = 0, 0
    for path in sorted(machine.rglob("*")):
        if not path.is_file() or kept_on_purpose in path.parents or path.name == "Letter from Pennyford Primary.pdf":
            continue
        if any(parent.name.startswith("central") for parent in path.parents):
            continue
        content = path.read_bytes()
        searched += 1
        vaults += path.name == "cases.db"
        for needle in needles:
            assert needle not in content, f"{path.relative_to(machine)} can be read"
        assert not any(word in str(path.relative_to(machine)) for word in SENTINELS), "a file is named after a child"
    assert vaults >= 4
    assert searched > vaults


def test_the_search_would_find_a_name(tmp_path: Path) -> None:
    for _ in range(4):
        (tmp_path / str(_)).mkdir()
        (tmp_path / str(_) / "cases.db").write_bytes(b"\x00")
    (tmp_path / "note.txt").write_bytes("about Maeve".encode("utf-16-le"))
    with pytest.raises(AssertionError, match=r"note\.txt can be read"):
        _assert_nothing_readable(tmp_path, kept_on_purpose=tmp_path / "out")
