"""Signing in with the browser at a real provider, with everything that can be wrong about an ID token."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey
from sqlalchemy import select

from app.central.sign_in_tables import person_identity, person_session
from app.services.oidc.faults import IdTokenRefused, ProviderAway
from app.services.sign_in import sessions
from app.services.sign_in.door import door_of
from app.services.sign_in.faults import SignInEnded
from app.services.sync.faults import NotLetIn
from app.timesource import FrozenTime
from tests.sign_in.provider import CLIENT_ID, Browser, Provider, encoded, key_of, later

SignIn = Callable[..., Any]


@pytest.fixture
def ws(configured: Any, enrol_laptop: Callable[..., Any]) -> Any:
    return enrol_laptop("dawn").workspace()


def test_somebody_signs_in_with_the_browser_and_out_again(
    configured: Any, provider: Provider, ws: Any, sign_in_on: SignIn, browser: Browser
) -> None:
    found = sessions.way(ws)
    assert (found.way, found.provider_name, found.clock) == ("provider", "Marlshire sign-in", "")
    state = sign_in_on(ws)
    assert (state.signed_in, state.name, state.way) == (True, "Dawn Ellery", "provider")
    assert state.words == "Dawn Ellery is signed in with Marlshire sign-in."
    assert provider.seen["authorize"][0]["code_challenge_method"] == "S256"
    token = sessions.person_token(ws)
    assert configured.services.trust.user_of(token) == configured.people["dawn"]

    left = sessions.sign_out(ws)
    assert left.told
    assert left.address.startswith(f"{provider.issuer}/end?client_id=")
    assert "Signed out" in browser.open(left.address)
    assert not sessions.state(ws).signed_in
    from app.central.trust import TrustError

    with pytest.raises(TrustError):
        configured.services.trust.user_of(token)


def test_the_browser_says_that_its_window_can_be_closed_and_other_kinds_of_keys_do(
    provider: Provider, ws: Any, browser: Browser
) -> None:
    provider.kind = "EC"
    asked = sessions.begin_in_browser(ws)
    shown: list[str] = []
    thread = later(lambda: shown.append(browser.open(asked.address)))
    sessions.finish_in_browser(ws, asked, 10)
    thread.join(10)
    assert "You can close this window" in shown[0]


def changed(**values: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def bend(claims: dict[str, Any]) -> dict[str, Any]:
        found = {**claims, **{name: v(claims) if callable(v) else v for name, v in values.items()}}
        return {name: value for name, value in found.items() if value is not None}

    return bend


WRONG = {
    "issuer": changed(iss="https://sign-in.elsewhere.example"),
    "issuer with a slash": changed(iss=lambda claims: claims["iss"] + "/"),
    "nonce": changed(nonce="x" * 43),
    "no nonce": changed(nonce=None),
    "audience": changed(aud="another-application"),
    "more audiences": changed(aud=[CLIENT_ID, "another-application"], azp=CLIENT_ID),
    "azp": changed(azp="another-application"),
    "expired": changed(exp=lambda claims: claims["iat"] - 600, iat=lambda claims: claims["iat"] - 900),
    "issued long ago": changed(iat=lambda claims: claims["iat"] - 3600),
    "not yet": changed(iat=lambda claims: claims["iat"] + 600),
    "not before": changed(nbf=lambda claims: claims["iat"] + 600),
    "no expiry": changed(exp=None),
    "expiry in words": changed(exp="tomorrow"),
    "no subject": changed(sub=""),
    "other access token": changed(at_hash="x" * 22),
}
CODES = {
    "issuer": "issuer",
    "issuer with a slash": "issuer",
    "nonce": "nonce",
    "no nonce": "nonce",
    "audience": "audience",
    "more audiences": "audience",
    "azp": "azp",
    "expired": "expired",
    "issued long ago": "expired",
    "not yet": "early",
    "not before": "early",
    "no expiry": "shape",
    "expiry in words": "shape",
    "no subject": "subject",
    "other access token": "at-hash",
}


def test_an_id_token_that_is_wrong_in_one_thing_is_refused_on_the_laptop(
    configured: Any, provider: Provider, ws: Any, sign_in_on: SignIn
) -> None:
    for name, bend in WRONG.items():
        provider.claims = bend
        with pytest.raises(IdTokenRefused) as refused:
            sign_in_on(ws)
        assert refused.value.code == CODES[name], name
    assert not sessions.state(ws).signed_in
    assert rows(configured, person_session) == []


def test_the_central_store_checks_an_id_token_again_by_itself(
    configured: Any, provider: Provider, ws: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop that checks nothing gains nothing."""
    import app.services.sign_in.browser as on_the_laptop

    monkeypatch.setattr(on_the_laptop, "check_id_token", lambda *_a, **_k: {})
    for name, bend in WRONG.items():
        if name == "other access token":
            continue  # only the laptop has the access token
        provider.claims = bend
        asked = sessions.begin_in_browser(ws)
        thread = later(lambda asked=asked: browser.open(asked.address))
        with pytest.raises(NotLetIn) as refused:
            sessions.finish_in_browser(ws, asked, 10)
        thread.join(10)
        assert f"({CODES[name]})" in refused.value.message, name
    assert rows(configured, person_session) == []


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, body, _ = token.split(".")
    return (
        json.loads(base64.urlsafe_b64decode(head + "==")),
        json.loads(base64.urlsafe_b64decode(body + "==")),
    )


def unsigned(token: str) -> str:
    _, claims = parts(token)
    return f"{encoded(json.dumps({'alg': 'none'}).encode())}.{encoded(json.dumps(claims).encode())}."


def signed_with_the_public_key(token: str) -> str:
    """The public key taken for a secret; made by hand, as no library would."""
    head, claims = parts(token)
    header = encoded(json.dumps({"alg": "HS256", "kid": head["kid"]}).encode())
    text = f"{header}.{encoded(json.dumps(claims).encode())}"
    mark = hmac.new(key_of("RSA", "one").as_pem(private=False), text.encode(), hashlib.sha256).digest()
    return f"{text}.{encoded(mark)}"


def signed_by_another(token: str) -> str:
    head, claims = parts(token)
    return jws.serialize_compact(
        {"alg": "RS256", "kid": head["kid"]}, json.dumps(claims).encode(), key_of("RSA", "forger"), algorithms=["RS256"]
    )


def with_a_key_of_its_own(token: str) -> str:
    _, claims = parts(token)
    forger: RSAKey = key_of("RSA", "forger")
    header = {"alg": "RS256", "kid": "forger", "jwk": forger.as_dict(private=False)}
    return jws.serialize_compact(header, json.dumps(claims).encode(), forger, algorithms=["RS256"])


FORGED: list[tuple[Callable[[str], str], str]] = [
    (unsigned, "algorithm"),
    (signed_with_the_public_key, "algorithm"),
    (signed_by_another, "signature"),
    (with_a_key_of_its_own, "key"),
    (lambda token: token[:-20] + "A" * 20, "signature"),
    (lambda token: token + ".x.y", "shape"),
    (lambda token: "x" * 20_000, "shape"),
    (lambda token: "a.b.c", "shape"),
]


def test_a_forged_signature_is_refused_on_both_sides(
    provider: Provider, ws: Any, sign_in_on: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    import app.services.sign_in.browser as on_the_laptop

    for bend, code in FORGED:
        provider.token = bend
        with pytest.raises(IdTokenRefused) as refused:
            sign_in_on(ws)
        assert refused.value.code == code
    monkeypatch.setattr(on_the_laptop, "check_id_token", lambda *_a, **_k: {})
    for bend, code in FORGED:
        provider.token = bend
        with pytest.raises(NotLetIn, match=rf"\({code}\)"):
            sign_in_on(ws)


def rows(central: Any, table: Any) -> list[Any]:
    with central.services.engine.connect() as connection:
        return list(connection.execute(select(table)))


def caught(provider: Provider) -> list[str]:
    """Keep the ID tokens that go by."""
    kept: list[str] = []

    def keep(token: str) -> str:
        kept.append(token)
        return token

    provider.token = keep
    return kept


def test_an_id_token_is_of_no_use_a_second_time_or_on_another_laptop(
    configured: Any, provider: Provider, ws: Any, sign_in_on: SignIn, enrol_laptop: Callable[..., Any]
) -> None:
    kept = caught(provider)
    challenges: list[str] = []
    door = door_of(ws)
    asked = sessions.begin_in_browser(ws)
    challenges.append(asked._challenge)
    browser = Browser()
    thread = later(lambda: browser.open(asked.address))
    sessions.finish_in_browser(ws, asked, 10)
    thread.join(10)
    browser.close()
    # The same laptop, the same challenge: it was spent.
    with pytest.raises(NotLetIn) as refused:
        door.by_provider(challenges[0], kept[0])
    assert refused.value.code == "token-stale"
    # The same laptop, a new challenge: the nonce does not fit.
    with pytest.raises(NotLetIn, match=r"\(nonce\)"):
        door.by_provider(door.challenge(), kept[0])
    # Another laptop of the same person: neither its own challenge nor the stolen one.
    other = door_of(enrol_laptop("dawn", "second").workspace())
    with pytest.raises(NotLetIn, match=r"\(nonce\)"):
        other.by_provider(other.challenge(), kept[0])
    with pytest.raises(NotLetIn) as refused:
        other.by_provider(challenges[0], kept[0])
    assert refused.value.code == "bad-signature"


def test_a_stolen_code_is_worth_nothing_without_the_verifier(
    configured: Any, provider: Provider, ws: Any, browser: Browser
) -> None:
    from app.services.oidc.code_flow import exchange, new_secrets
    from app.services.oidc.web import Web

    asked = sessions.begin_in_browser(ws)
    back = browser.code_only(asked.address)
    code = back.split("code=")[1].split("&")[0]
    redirect = asked._loopback.address
    with pytest.raises(IdTokenRefused, match=r"\(code\)"):
        exchange(Web(ws.time), asked._description, CLIENT_ID, redirect, code, new_secrets())
    asked.close()
    # Bound to its redirect, too: another port is another application.
    asked = sessions.begin_in_browser(ws)
    code = browser.code_only(asked.address).split("code=")[1].split("&")[0]
    with pytest.raises(IdTokenRefused, match=r"\(code\)"):
        exchange(Web(ws.time), asked._description, CLIENT_ID, "http://127.0.0.1:1/callback", code, asked._own)
    asked.close()


def test_a_code_works_once(configured: Any, provider: Provider, ws: Any, browser: Browser) -> None:
    from app.services.oidc.code_flow import exchange
    from app.services.oidc.web import Web

    asked = sessions.begin_in_browser(ws)
    code = browser.code_only(asked.address).split("code=")[1].split("&")[0]
    granted = exchange(Web(ws.time), asked._description, CLIENT_ID, asked._loopback.address, code, asked._own)
    assert granted.id_token.count(".") == 2
    with pytest.raises(IdTokenRefused, match=r"\(code\)"):
        exchange(Web(ws.time), asked._description, CLIENT_ID, asked._loopback.address, code, asked._own)
    asked.close()


def test_a_provider_that_would_take_less_than_s256_is_not_used(provider: Provider, ws: Any) -> None:
    provider.description = lambda value: {**value, "code_challenge_methods_supported": ["plain"]}
    with pytest.raises(ProviderAway):
        sessions.begin_in_browser(ws)


def test_who_is_turned_down_at_the_provider_is_told(ws: Any, browser: Browser) -> None:
    asked = sessions.begin_in_browser(ws)
    thread = later(lambda: browser.refuse(asked.address))
    with pytest.raises(SignInEnded) as ended:
        sessions.finish_in_browser(ws, asked, 10)
    thread.join(10)
    assert ended.value.code == "refused"


def test_strangers_and_colleagues_are_not_let_in_on_somebody_elses_laptop(
    configured: Any, ws: Any, sign_in_on: SignIn
) -> None:
    for username, code in (("stranger", "no-access"), ("ruth", "not-yours")):
        with pytest.raises(NotLetIn) as refused:
            sign_in_on(ws, username)
        assert refused.value.code == code
    assert rows(configured, person_identity) == []


def test_a_name_that_changes_hands_brings_no_access_along(
    configured: Any, provider: Provider, ws: Any, sign_in_on: SignIn, browser: Browser
) -> None:
    sign_in_on(ws)
    provider.add("dawn")  # another subject under the same name
    with pytest.raises(NotLetIn) as refused:
        sign_in_on(ws)
    assert refused.value.code == "no-access"


def test_an_email_address_counts_only_when_the_provider_verified_it(
    configured: Any, provider: Provider, ws: Any, sign_in_on: SignIn
) -> None:
    import msgspec

    trust = configured.services.trust
    trust.configuration.write(msgspec.structs.replace(trust.configuration.read(), claim="email"))
    with pytest.raises(NotLetIn):
        sign_in_on(ws)  # Rollcall has no address of Dawn's
    provider.people["dawn"].email_verified = False
    with pytest.raises(NotLetIn):
        sign_in_on(ws)


def test_somebody_who_left_is_not_let_in(configured: Any, ws: Any, sign_in_on: SignIn) -> None:
    from sqlalchemy import update

    from app.models import User

    sign_in_on(ws)
    with configured.services.engine.begin() as connection:
        connection.execute(update(User).where(User.id == configured.people["dawn"]).values(active=False))
    with pytest.raises(NotLetIn) as refused:
        sign_in_on(ws)
    assert refused.value.code == "no-access"
    with pytest.raises(NotLetIn) as refused:
        sessions.person_token(ws)
    assert refused.value.code == "sign-in-needed"


def test_a_new_key_of_the_provider_is_fetched_when_a_token_names_it(
    provider: Provider, ws: Any, sign_in_on: SignIn, frozen_time: FrozenTime
) -> None:
    sign_in_on(ws)
    frozen_time.advance(minutes=2)
    provider.rotate("two")
    assert sign_in_on(ws).signed_in
    # A token of the withdrawn key: not accepted, by laptop or central store.
    provider.kid = "one"
    with pytest.raises(IdTokenRefused) as refused:
        sign_in_on(ws)
    assert refused.value.code == "key"


def test_made_up_key_ids_do_not_flood_the_provider(
    configured: Any, provider: Provider, ws: Any, sign_in_on: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    import app.services.sign_in.browser as on_the_laptop

    sign_in_on(ws)
    monkeypatch.setattr(on_the_laptop, "check_id_token", lambda *_a, **_k: {})
    provider.token = with_a_key_of_its_own
    before = len(provider.seen["jwks"])
    for _ in range(3):
        with pytest.raises(NotLetIn):
            sign_in_on(ws)
    laptops = 3  # each sign-in of a laptop fetches them once for itself
    assert len(provider.seen["jwks"]) - before <= laptops + 1


def test_clocks_minutes_apart_are_allowed_for_and_hours_are_said(
    configured: Any, provider: Provider, ws: Any, sign_in_on: SignIn
) -> None:
    provider.clock_ahead_seconds = 150
    assert sign_in_on(ws).signed_in
    provider.clock_ahead_seconds = -150
    assert sign_in_on(ws).signed_in
    provider.clock_ahead_seconds = 3600
    configured.services.trust.people._provider = None  # the description was kept from before the clock moved
    with pytest.raises(NotLetIn, match="60 minutes apart") as refused:
        sign_in_on(ws)
    assert refused.value.code == "clock"


def test_a_laptop_whose_clock_is_hours_off_is_told_and_signs_in_all_the_same(
    configured: Any, ws: Any, sign_in_on: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    right = ws.time

    class Ahead:
        def now(self) -> Any:
            return right.now() + timedelta(hours=3)

        def today(self) -> Any:
            return right.today()

    monkeypatch.setattr(type(ws), "time", Ahead(), raising=False)
    monkeypatch.setitem(vars(ws), "time", Ahead())
    assert sessions.way(ws).clock.startswith("The clock of this laptop is 3 hours fast.")
    assert sign_in_on(ws).signed_in


def test_a_provider_that_is_away_is_said_in_words(
    configured: Any, provider: Provider, ws: Any, sign_in_on: SignIn
) -> None:
    provider.away = True
    with pytest.raises(ProviderAway, match="does not answer"):
        sessions.begin_in_browser(ws)


def test_a_new_laptop_is_enrolled_by_signing_in_instead_of_a_code(
    configured: Any, provider: Provider, browser: Browser, frozen_time: FrozenTime
) -> None:
    from app.services.sign_in import own_code

    asked = own_code.begin_in_browser(configured.url, frozen_time)
    thread = later(lambda: browser.open(asked.address))
    session = asked.finish(10)
    thread.join(10)
    assert session.refresh_token == ""  # nothing that outlives the minutes it takes to enrol
    code = own_code.code_of(configured.url, session)
    assert configured.services.trust.check_code(code).user_name == "Dawn Ellery"
