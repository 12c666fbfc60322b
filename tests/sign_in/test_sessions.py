"""Staying signed in: renewals that work once, are bound to the laptop, and survive a lost answer."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import select

from app.central.sign_in_settings import SignInSettings
from app.central.sign_in_tables import person_session, refresh_token
from app.errors import UserError
from app.services.sign_in import second_step, sessions
from app.services.sign_in.door import Door, as_person, door_of
from app.services.signing import Signer, new_seed
from app.services.sync import trust_protocol
from app.services.sync.faults import NotLetIn
from app.timesource import FrozenTime

PASSWORD = "four green lamps glow"


@pytest.fixture
def ws(central: Any, enrol_laptop: Callable[..., Any]) -> Any:
    central.services.trust.set_password(central.people["dawn"], PASSWORD)
    return enrol_laptop("dawn").workspace()


def signed_in(ws: Any) -> Any:
    return sessions.sign_in_with_account(ws, "dawn", PASSWORD)


def needs_sign_in(door: Door, token: str) -> None:
    with pytest.raises(NotLetIn) as refused:
        door.renew(token)
    assert refused.value.code == "sign-in-needed"


def test_a_renewal_works_once_and_a_second_use_ends_the_session(central: Any, ws: Any, frozen_time: FrozenTime) -> None:
    door = door_of(ws)
    first = door.by_account("dawn", PASSWORD, "")
    second = door.renew(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    # A lost answer: the same laptop asks again and is answered the same.
    again = door.renew(first.refresh_token)
    assert again.refresh_token == second.refresh_token
    third = door.renew(second.refresh_token)
    # Now the successor was used: the first token is in other hands, or was copied. Everything ends.
    needs_sign_in(door, first.refresh_token)
    needs_sign_in(door, third.refresh_token)
    with central.services.engine.connect() as connection:
        assert "spent renewal" in connection.execute(select(person_session.c.why)).scalar_one()
    # And a lost answer is only excused for a short while.
    first = door.by_account("dawn", PASSWORD, "")
    door.renew(first.refresh_token)
    frozen_time.advance(minutes=3)
    needs_sign_in(door, first.refresh_token)


def test_a_stolen_renewal_is_of_no_use_on_another_laptop_and_ends_the_session(ws: Any) -> None:
    door = door_of(ws)
    session = door.by_account("dawn", PASSWORD, "")
    thief = Door(door.server, door.device_id, Signer(new_seed()))
    needs_sign_in(thief, session.refresh_token)
    needs_sign_in(door, session.refresh_token)
    needs_sign_in(door, "never issued")


def test_tokens_are_kept_as_hashes_at_the_central_store_and_in_the_vault_only(central: Any, ws: Any) -> None:
    signed_in(ws)
    with ws.read() as session:
        from app.services.sync import facts

        kept = facts.get(session, sessions.SESSION)
    token = msgspec.json.decode(kept)["refresh_token"]
    with central.services.engine.connect() as connection:
        stored = [bytes(row.token_hash) for row in connection.execute(select(refresh_token))]
    assert stored
    assert all(token.encode() not in value for value in stored)
    for path in ws.folder.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes()


def test_signing_out_ends_the_session_on_both_sides_even_without_a_network(central: Any, ws: Any) -> None:
    door = door_of(ws)
    signed_in(ws)
    token = sessions.person_token(ws)
    assert sessions.sign_out(ws).told
    assert not sessions.state(ws).signed_in
    from app.central.trust import TrustError

    with pytest.raises(TrustError):
        central.services.trust.user_of(token)
    signed_in(ws)
    central.stop()
    left = sessions.sign_out(ws)
    assert not left.told
    assert not sessions.state(ws).signed_in
    assert door.device_id


def test_a_session_ends_by_itself_and_work_goes_on(central: Any, ws: Any, frozen_time: FrozenTime) -> None:
    state = signed_in(ws)
    assert state.until is not None
    assert state.until - frozen_time.now() == timedelta(days=30)
    assert sessions.signed_in_within(ws, timedelta(days=1))
    frozen_time.advance(days=31)
    assert not sessions.state(ws).signed_in
    with pytest.raises(NotLetIn) as refused:
        sessions.person_token(ws)
    assert refused.value.code == "sign-in-needed"


def test_the_authority_may_ask_for_a_person_now_and_then(
    central: Any, ws: Any, sync_once: Callable[[Any], Any], frozen_time: FrozenTime
) -> None:
    sync_once(ws)
    central.services.trust.configuration.write(SignInSettings(every_days=7))
    with pytest.raises(NotLetIn, match="Sign in to sync. Your work is kept until you do.") as refused:
        sync_once(ws)
    assert refused.value.code == "sign-in-needed"
    signed_in(ws)
    sync_once(ws)
    frozen_time.advance(days=8)
    with pytest.raises(NotLetIn):
        sync_once(ws)
    signed_in(ws)
    sync_once(ws)


def test_the_pill_says_that_somebody_has_to_sign_in(central: Any, ws: Any) -> None:
    from app.services.sync.background import BackgroundSync
    from app.services.sync.status import SyncState
    from tests.sign_in.provider import wait_until

    central.services.trust.configuration.write(SignInSettings(every_days=7))
    sync = BackgroundSync(ws, every_seconds=lambda: 600.0, soon_seconds=0.05)
    sync.start()
    try:
        wait_until(lambda: sync.status().state is SyncState.SIGN_IN, 10)
        assert sync.status().words() == "Sign in to sync"
        assert sync.status().sentence() == ("Sign in to sync. Everything you have recorded is in the central store.")
    finally:
        sync.stop()


def test_a_revoked_laptop_loses_its_sessions(central: Any, ws: Any) -> None:
    door = door_of(ws)
    session = door.by_account("dawn", PASSWORD, "")
    central.services.trust.revoke(door.device_id)
    needs_sign_in(door, session.refresh_token)
    with pytest.raises(NotLetIn) as refused:
        door.by_account("dawn", PASSWORD, "")
    assert refused.value.code == "bad-signature"


def test_somebody_signed_in_makes_a_code_for_another_laptop_of_their_own(central: Any, ws: Any) -> None:
    signed_in(ws)
    with as_person(door_of(ws), sessions.person_token(ws)) as transport:
        code = transport.call("/my-code", trust_protocol.MyCodeRequest(), trust_protocol.MyCode).code
    assert central.services.trust.check_code(code).user_name == "Dawn Ellery"


def test_a_signed_challenge_lets_in_once(central: Any, ws: Any) -> None:
    door = door_of(ws)
    trust = central.services.trust
    challenge = trust.challenge(door.device_id)
    signature = door.signer.sign(trust_protocol.session_statement(challenge))
    assert trust.start_session(challenge, signature).token
    from app.central.services import build_services
    from app.central.trust import TrustError

    # Another worker process has the same memory of what was used: the database.
    other = build_services(central.dsn, time=ws.time)
    try:
        for each in (trust, other.trust):
            with pytest.raises(TrustError) as refused:
                each.start_session(challenge, signature)
            assert refused.value.code == "token-stale"
    finally:
        other.close()


def test_an_unknown_laptop_is_answered_like_one_with_a_wrong_key(central: Any, ws: Any) -> None:
    from app.central.trust import TrustError
    from app.ids import new_id

    trust, stranger = central.services.trust, Signer(new_seed())
    answers = set()
    for device_id in (door_of(ws).device_id, new_id()):
        challenge = trust.challenge(device_id)
        with pytest.raises(TrustError) as refused:
            trust.start_session(challenge, stranger.sign(trust_protocol.session_statement(challenge)))
        answers.add((refused.value.code, refused.value.message))
    central.services.trust.revoke(door_of(ws).device_id)
    challenge = trust.challenge(door_of(ws).device_id)
    with pytest.raises(TrustError) as refused:
        trust.start_session(challenge, stranger.sign(trust_protocol.session_statement(challenge)))
    answers.add((refused.value.code, refused.value.message))
    assert len(answers) == 1


def test_what_needs_a_person_needs_a_fresh_sign_in(central: Any, ws: Any, frozen_time: FrozenTime) -> None:
    signed_in(ws)
    frozen_time.advance(minutes=16)
    with (
        as_person(door_of(ws), sessions.person_token(ws)) as transport,
        pytest.raises(NotLetIn, match="Sign in again first") as refused,
    ):
        transport.call("/my-code", trust_protocol.MyCodeRequest(), trust_protocol.MyCode)
    assert refused.value.code == "sign-in-needed"


def test_somebody_sets_up_codes_of_their_own_from_the_laptop(central: Any, ws: Any, frozen_time: FrozenTime) -> None:
    signed_in(ws)
    made = second_step.begin(ws)
    assert len(made.modules) == len(made.modules[0]) > 20
    totp = TOTP(base64.b32decode(made.secret.replace(" ", "")), 6, SHA1(), 30)
    now = int(frozen_time.now().timestamp())
    wrong = "000000" if totp.generate(now) != b"000000" else "111111"
    with pytest.raises(UserError, match="does not fit"):
        second_step.confirm(ws, wrong)
    codes = second_step.confirm(ws, totp.generate(now).decode())
    assert len(codes) == 10
    with pytest.raises(UserError, match="There is a second step already"):
        second_step.begin(ws)
    with pytest.raises(UserError, match="not recognised"):
        signed_in(ws)
    assert sessions.sign_in_with_account(ws, "dawn", PASSWORD, totp.generate(now + 30).decode()).signed_in
    assert sessions.sign_in_with_account(ws, "dawn", PASSWORD, codes[3]).signed_in


def test_a_challenge_of_a_revoked_laptop_hands_in_once(central: Any, ws: Any) -> None:
    from app.central.trust import TrustError
    from app.services.sync.rescue_protocol import rescue_session_statement

    door, trust = door_of(ws), central.services.trust
    trust.revoke(door.device_id)
    challenge = trust.challenge(door.device_id)
    signature = door.signer.sign(rescue_session_statement(challenge))
    assert trust.start_rescue(challenge, signature).token
    with pytest.raises(TrustError) as refused:
        trust.start_rescue(challenge, signature)
    assert refused.value.code == "token-stale"
