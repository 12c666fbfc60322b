"""``python -m app.demo run`` without a display: the whole job through the real windows, checked in every store."""

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
from app.errors import EnvironmentFault
from app.models import AuditEntry, Case, ChangeSetRow, Conflict, Document, Letter, School, User
from app.models.terms import ChangeState, ConflictState, DocumentState
from app.services import audit
from app.services.vault import open_vault
from app.services.workspace import Workspace
from app.timesource import SystemTime

ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Walked:
    """A walk of the journey by the command itself."""

    said: str
    out: Path
    state: Path
    summary: dict[str, Any]


@pytest.fixture(scope="module")
def walked() -> Iterator[Walked]:
    # Not under pytest's own folder: PostgreSQL, started by root, works as another user that may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="rollcall-journey-"))
    out, kept = folder / "out", folder / "state"
    environment = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    environment.pop("QT_QPA_PLATFORM", None)
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
    yield Walked(done.stdout, out, kept, json.loads((out / "summary.json").read_text(encoding="utf-8")))
    shutil.rmtree(folder, ignore_errors=True)


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


def test_no_name_of_a_child_stands_in_any_file_beside_the_databases(walked: Walked) -> None:
    logs = walked.state.with_name(f"{walked.state.name}-logs")
    for folder in (walked.state / "dawn", walked.state / "ruth", walked.state / "walk", logs):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix != ".pdf":
                data = path.read_bytes()
                assert b"Thistlewood" not in data, path.name
                assert b"Merrow" not in data, path.name


def test_a_second_start_opens_what_was_set_up(walked: Walked) -> None:
    said: list[str] = []
    demonstration = state.prepare(walked.state, said.append)
    try:
        assert demonstration.was_there
        assert said == ["Starting the central store"]
    finally:
        demonstration.central.stop()


def test_a_set_up_that_was_interrupted_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walked: Walked
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "demonstration").write_text("half")
    (folder / "dawn").mkdir()
    begun = []

    class Interrupted(Exception):
        pass

    def start(_folder: Path, **_given: Any) -> Any:
        begun.append(sorted(path.name for path in folder.iterdir()))
        raise Interrupted

    monkeypatch.setattr(state.embedded, "start", start)
    with pytest.raises(Interrupted):
        state.prepare(folder, lambda _words: None)
    assert begun == [["demonstration"]]
    assert not (folder / "ready.json").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(EnvironmentFault, match="holds something else"):
        state.prepare(tmp_path, lambda _words: None, fresh=True)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_one_process_holds_a_demonstration(tmp_path: Path) -> None:
    with state.held(tmp_path / "state") as first, state.held(tmp_path / "state") as second:
        assert (first, second) == (True, False)
    with state.held(tmp_path / "state") as again:
        assert again
