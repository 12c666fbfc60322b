"""Work that only the authority's key opens is sealed anew to a team by whoever holds it, and is on record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.central import main as central_main
from app.central.handing_on import HandingOn, Request
from app.central.rescue_tables import rescue_event, rescued_work
from app.errors import RollcallError
from app.models import CaseEvent, TeamKeyWrap
from app.models.terms import ChangeState
from app.services.rescued.listing import handed_in
from app.services.rescued.opening import open_work
from app.services.rescued.settling import take_over
from app.services.sync import facts
from app.services.sync.packages import UnopenedError
from app.services.vault import authority_wrap
from app.services.vault.authority_wrap import AuthorityKey, write_key_file
from app.services.vault.keys import KdfParameters
from tests.sync.test_rescue import SECRET, Sync, add_note, open_case, set_role, state_of

PASSPHRASE = "nine brass lanterns burn"


@pytest.fixture
def key(central: Any) -> AuthorityKey:
    made = AuthorityKey.new()
    central.services.authority.add(made.public_key, central.people["ada"])
    return made


@pytest.fixture
def dawn(enrol_laptop: Callable[..., Any], key: AuthorityKey, sync_once: Sync) -> Any:
    """A laptop of a team without a key."""
    ws = enrol_laptop("dawn").workspace()
    with ws.local_session() as session:
        facts.put(session, facts.AUTHORITY_KEY, f"1:{key.public_key.hex()}")
    sync_once(ws)
    return ws


def hand_in(ws: Any, central: Any, sync: Sync) -> str:
    """Let a note be handed in sealed, and return its id."""
    _, case_id = open_case(ws)
    sync(ws)
    note = add_note(ws, case_id)
    set_role(central, "dawn", "caseworker", "inclusion")
    sync(ws)
    assert state_of(ws, note) is ChangeState.RESCUED
    return note


def handing(central: Any) -> HandingOn:
    parts = central.services
    return HandingOn(parts.engine, parts.rescues, parts.store, parts.authority)


def test_work_sealed_to_the_authority_reaches_a_supervisor_and_is_taken_over(
    central: Any,
    dawn: Any,
    key: AuthorityKey,
    enrol_laptop: Callable[..., Any],
    sync_once: Sync,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    work = hand_in(dawn, central, sync_once)
    request = Request(work, "West team", "The team had no key yet", "ada")
    with pytest.raises(RollcallError, match="has no key yet"):
        handing(central).hand_on(request, key)
    ruth = enrol_laptop("ruth").workspace()
    sync_once(ruth)
    with pytest.raises(RollcallError, match="another central store"):
        handing(central).hand_on(request, AuthorityKey.new())
    monkeypatch.setattr(authority_wrap, "STRETCHING", KdfParameters(1024, 1, 1))
    file, secret = tmp_path / "authority.key", tmp_path / "passphrase"
    write_key_file(file, key, PASSPHRASE, "2026-11-17T09:00:00+00:00")
    secret.write_text(PASSPHRASE + "\n")
    command = ["hand-on", work, "--team", "West team", "--key", str(file), "--passphrase-file", str(secret)]
    told = [*command, "--reason", "The team had no key yet", "--dsn", central.dsn]
    assert central_main.run([*told, "--by", "dawn"]) == 1
    assert central_main.run([*told, "--by", "ada"]) == 0
    assert "Handed on to West team." in capsys.readouterr().out
    assert central_main.run([*told, "--by", "ada"]) == 0, "again is harmless: the team's key is sealed to the authority"
    sync_once(ruth)
    (row,) = handed_in(ruth)
    assert row.can_open
    take_over(ruth, open_work(ruth, row.id))
    sync_once(ruth)
    with ruth.read() as session:
        assert session.scalars(select(CaseEvent.body)).all() == [SECRET]
    with central.services.engine.connect() as connection:
        said = connection.scalars(select(rescue_event.c.what).order_by(rescue_event.c.id)).all()
    assert said == ["handed in", *["handed on: The team had no key yet"] * 2, "opened"]
    with pytest.raises(RollcallError, match="settled meanwhile"):
        handing(central).hand_on(request, key)


def test_work_sealed_to_a_team_whose_laptops_are_lost_is_opened_by_the_authoritys_wrap_of_its_key(
    central: Any, key: AuthorityKey, enrol_laptop: Callable[..., Any], sync_once: Sync
) -> None:
    people = central.services.people
    central.people["eve"] = people.add_user("eve", "Eve Marsh", "supervisor", "East team")
    ruth, eve, dawn = (enrol_laptop(name).workspace() for name in ("ruth", "eve", "dawn"))
    for ws in (ruth, eve):
        with ws.local_session() as session:
            facts.put(session, facts.AUTHORITY_KEY, f"1:{key.public_key.hex()}")
        sync_once(ws)
    sync_once(dawn)
    work = hand_in(dawn, central, sync_once)
    with central.services.engine.begin() as connection:
        team_key = connection.scalars(select(rescued_work.c.sealed_to)).one()
        assert not team_key.startswith("authority:")
    with pytest.raises(RollcallError, match="Give a reason"):
        handing(central).hand_on(Request(work, "East team", " ", "ada"), key)
    handing(central).hand_on(Request(work, "East team", "The West team is no more", "ada"), key)
    sync_once(eve)
    (row,) = handed_in(eve)
    assert open_work(eve, row.id).author == "Dawn Ellery"
    other = AuthorityKey.new()
    central.services.authority.add(other.public_key, central.people["ada"], replace=True)
    with pytest.raises(UnopenedError, match="does not open"):
        handing(central).hand_on(Request(work, "West team", "Back again", "ada"), other)
    with central.services.engine.connect() as connection:
        assert connection.execute(select(TeamKeyWrap.id).where(TeamKeyWrap.device_id.is_(None))).all()
