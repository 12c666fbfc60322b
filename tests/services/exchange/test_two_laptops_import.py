"""Two laptops, one central store: the same file imported on both meets in the same rows; a referral travels whole."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.models import Child, Conflict, Referral, School
from app.services import referral_opening, referrals
from app.services.exchange import ctf, gias
from app.services.referral_form import SAFETY_QUESTIONS, SafetyAnswer
from app.services.workspace import Workspace

SAMPLES = Path(__file__).parent / "samples"
HEADER = b"URN,LA (code),EstablishmentName,Town\r\n"


def count(ws: Workspace, model: type) -> int:
    with ws.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_the_same_schools_imported_on_two_laptops_meet_without_a_conflict(
    enrol_laptop: Callable[..., Any], sync_once: Callable[[Workspace], Any]
) -> None:
    dawn, ruth = enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()
    rows = b"100001,201,Invented Hill,Aldermere\r\n100002,201,Invented Dale,Aldermere\r\n"
    for ws in (dawn, ruth):
        gias.import_schools(ws, HEADER + rows)
    for ws in (dawn, ruth, dawn):
        sync_once(ws)
    gias.import_schools(ruth, HEADER + rows.replace(b"Invented Dale", b"Invented Dale Academy"))
    for ws in (ruth, dawn):
        sync_once(ws)
    for ws in (dawn, ruth):
        assert (count(ws, School), count(ws, Conflict)) == (2, 0)
        with ws.read() as session:
            names = set(session.scalars(select(School.name)))
        assert names == {"Invented Hill", "Invented Dale Academy"}


def test_a_draft_begun_on_one_laptop_is_opened_on_the_other(
    enrol_laptop: Callable[..., Any], sync_once: Callable[[Workspace], Any]
) -> None:
    dawn, ruth = enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()
    lost = (SAMPLES / "8500000_CTF_XXXXXXX_001.xml").read_bytes()
    ctf.apply(dawn, ctf.plan(dawn, ctf.read(lost), file_name="lost.xml"))
    for ws in (dawn, ruth):
        sync_once(ws)
    assert ruth.documents.get(ctf.read(lost).sha256) == lost
    line = referrals.waiting(ruth)[0]
    assert line.child_name == "Zoë O'Samplez-Nguyễn"
    view = referrals.load(ruth, line.id)
    view.answers.safety = {kind.value: SafetyAnswer("not_known") for kind in SAFETY_QUESTIONS}
    referrals.save(ruth, line.id, view.answers)
    opened = referral_opening.open_case(ruth, line.id)
    for ws in (ruth, dawn):
        sync_once(ws)
    with dawn.read() as session:
        record = session.scalars(select(Referral)).one()
        assert record.case_id == opened.case_id
        assert session.scalars(select(Child)).one().born_on == date(2012, 2, 29)
    assert count(dawn, Conflict) == 0
    assert referrals.waiting(dawn) == []
