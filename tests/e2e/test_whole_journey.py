"""The whole job in one sitting, through the command itself, and what it leaves in every store and on the disk.

``python -m app.demo run`` without a display: a referral becomes a case, a scan is linked, a letter is issued with the
network cut, and when it is back the work reaches the central store and the supervisor's laptop, where the case is
allocated: all through the real windows, on two encrypted vaults and a real central store over HTTP on real PostgreSQL.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from sqlalchemy import func, select

from app.central.embedded import database_dsn, start_postgres
from app.demo import state
from app.demo.laptops import PASSPHRASE
from app.models import AuditEntry, Case, ChangeSetRow, Conflict, Document, Letter, School, User
from app.models.terms import ChangeState, ConflictState, DocumentState
from app.services import audit
from app.services.vault import open_vault
from app.services.workspace import Workspace
from app.timesource import SystemTime

ROOT = Path(__file__).resolve().parents[2]


SENTINELS = (
    "Thistlewood", "Maeve", "Merrow", "Halewicz", "Pendleford", "Fuller’s Yard", "Fuller's Yard", "Tanner",
    "07700 900432", "Z999201722077", "has not attended since",
)  # fmt: skip
"""Names, an address, a number, a UPN and words of a note, all of which the journey types or shows."""


@dataclass(slots=True)
class Walked:
    """A walk of the journey by the command itself."""

    said: str
    machine: Path
    out: Path
    state: Path
    summary: dict[str, Any]


@pytest.fixture(scope="module")
def walked() -> Iterator[Walked]:
    """A home, temporary and data folder of their own, so that every file Rollcall writes can be found."""
    # Not under pytest's own folder: PostgreSQL, started by root, works as another user that may not enter it.
    machine = Path(tempfile.mkdtemp(prefix="rollcall-journey-"))
    machine.chmod(0o755)
    for name in ("home", "tmp", "data", "config", "cache", "state", "run"):
        (machine / name).mkdir()
    (machine / "tmp").chmod(0o1777)
    (machine / "run").chmod(0o700)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"} and not name.startswith("ROLLCALL_")
    }
    environment |= {"HOME": str(machine / "home"), "TMPDIR": str(machine / "tmp")}
    environment |= {
        f"XDG_{name}": str(machine / folder)
        for name, folder in (
            ("DATA_HOME", "data"), ("CONFIG_HOME", "config"), ("CACHE_HOME", "cache"), ("STATE_HOME", "state"),
            ("RUNTIME_DIR", "run"),
        )
    }  # fmt: skip
    out, kept = machine / "out", machine / "demonstration"
    done = subprocess.run(
        [sys.executable, "-m", "app.demo", "run", "--out", str(out)],
        cwd=ROOT,
        env={**environment, "ROLLCALL_DEMO": str(kept)},
        capture_output=True,
        text=True,
        timeout=480,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    yield Walked(done.stdout, machine, out, kept, json.loads((out / "summary.json").read_text(encoding="utf-8")))
    shutil.rmtree(machine, ignore_errors=True)


@pytest.fixture(params=["dawn", "ruth"])
def laptop(walked: Walked, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    vault = open_vault(walked.state / "walk" / request.param, PASSPHRASE, time=SystemTime())
    yield vault.workspace()
    vault.close()


def test_its_last_line_names_the_folder_with_everything_in_it(walked: Walked) -> None:
    assert walked.said.strip().splitlines()[-1] == str(walked.out)
    pictures = sorted(path.name for path in walked.out.glob("*.png"))
    assert pictures == walked.summary["screenshots"]
    assert len(pictures) >= 30
    assert all(path.stat().st_size > 5_000 for path in walked.out.glob("*.png"))
    letter = (walked.out / walked.summary["letter"]["file"]).read_bytes()
    assert letter.startswith(b"%PDF-")
    assert hashlib.sha256(letter).hexdigest() == walked.summary["letter"]["sha256"]


def test_nothing_waits_and_both_laptops_are_at_the_central_stores_revision(walked: Walked) -> None:
    summary = walked.summary
    assert summary["pending"] == 0
    assert summary["stray_windows"] == []
    assert len(set(summary["revisions"].values())) == 1
    assert summary["first_laptop"]["timeline"] == summary["second_laptop"]["timeline"]
    assert summary["second_laptop"]["letter_is_the_same"]
    assert summary["case"]["matched_with"] == "Maeve Thistlewood-Park"


def test_each_laptop_holds_the_case_the_document_and_the_letter(walked: Walked, laptop: Workspace) -> None:
    summary = walked.summary
    with laptop.read() as session:
        case = session.get_one(Case, summary["case"]["id"])
        assert case.reference == summary["case"]["reference"]
        assert session.get_one(User, case.officer_id).name == summary["case"]["allocated_to"] == "Dawn Ellery"
        document = session.scalars(
            select(Document).where(Document.case_id == case.id, Document.state == DocumentState.LINKED)
        ).one()
        letter = session.scalars(select(Letter).where(Letter.case_id == case.id)).one()
        waiting = [ChangeState.PENDING, ChangeState.REFUSED]
        assert session.scalar(select(func.count()).where(ChangeSetRow.state.in_(waiting))) == 0
    assert document.sha256 == summary["document"]["sha256"]
    assert hashlib.sha256(laptop.documents.get(document.sha256)).hexdigest() == document.sha256
    assert laptop.documents.get(letter.sha256) == (walked.out / summary["letter"]["file"]).read_bytes()


def test_history_shows_who_did_what_on_which_day_and_the_audit_chain_holds(walked: Walked, laptop: Workspace) -> None:
    with laptop.read() as session:
        actors = set(session.scalars(select(ChangeSetRow.actor_name).distinct()))
        span = session.execute(select(func.min(ChangeSetRow.made_at), func.max(ChangeSetRow.made_at))).one()
        assert session.scalar(select(func.count()).select_from(AuditEntry)) > 0
        assert audit.verify(session).finding is None
    assert {"Dawn Ellery", "Ruth Okonjo", "Samir Beltrane", "Tom Hadlow", "Priya Lindqvist"} <= actors
    assert (span[1] - span[0]).days > 300


def test_real_schools_stand_beside_the_invented_and_what_was_decided_reached_both(
    walked: Walked, laptop: Workspace
) -> None:
    with laptop.read() as session:
        counts = dict(session.execute(select(School.invented, func.count()).group_by(School.invented)).all())
        conflicts = session.scalars(select(Conflict)).all()
        dawn = session.scalars(select(User.id).where(User.name == "Dawn Ellery")).one()
    assert counts == {False: 173, True: 10}
    decided = [(each.table_name, each.field) for each in conflicts if each.decided_by == dawn]
    assert sorted(decided) == [("address", "lines"), ("address", "source"), ("case", "reason")]
    waiting = [(each.table_name, each.field) for each in conflicts if each.state is ConflictState.OPEN]
    assert waiting == [("contact_point", "value")]


def test_the_central_store_holds_the_case_with_its_officer(walked: Walked) -> None:
    # The walk has a database of its own: what the next start opens is as it was.
    plain = urlsplit(database_dsn(start_postgres(walked.state / "central")))
    seen = {}
    for name in ("walk", "rollcall"):
        with psycopg.connect(urlunsplit(plain._replace(path=f"/{name}"))) as connection:
            query = 'SELECT u.name FROM "case" c JOIN "user" u ON u.id = c.officer_id WHERE c.reference = %s'
            row = connection.execute(query, (walked.summary["case"]["reference"],)).fetchone()
            seen[name] = row[0] if row else None
    assert seen == {"walk": "Dawn Ellery", "rollcall": None}


def test_nothing_readable_is_left_on_the_disk(walked: Walked) -> None:
    assert list(walked.machine.rglob("*.log")), "the search should see the log too"
    _assert_nothing_readable(walked.machine, kept_on_purpose=walked.out)


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


def test_a_second_start_opens_what_was_set_up(walked: Walked) -> None:
    said: list[str] = []
    demonstration = state.prepare(walked.state, said.append)
    try:
        assert demonstration.was_there
        assert said == ["Starting the central store"]
    finally:
        demonstration.central.stop()
