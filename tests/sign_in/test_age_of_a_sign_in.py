"""How long ago somebody may have proved who they are at the provider: asked for, and checked on both sides."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.services.oidc.faults import IdTokenRefused
from app.services.sign_in import browser as on_the_laptop
from app.services.sync.faults import NotLetIn
from app.timesource import FrozenTime
from tests.sign_in.provider import Provider

SignIn = Callable[..., Any]


@pytest.fixture
def ws(configured: Any, enrol_laptop: Callable[..., Any], sign_in_on: SignIn, frozen_time: FrozenTime) -> Any:
    """A laptop whose browser has been signed in at the provider for two hours, where one hour is let pass."""
    made = enrol_laptop("dawn").workspace()
    sign_in_on(made)
    settings = configured.services.trust.configuration
    settings.write(msgspec.structs.replace(settings.read(), most_age_minutes=60))
    frozen_time.advance(hours=2)
    return made


def without_auth_time(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name != "auth_time"}


def test_a_provider_that_heeds_the_question_asks_for_the_password_again(
    provider: Provider, ws: Any, sign_in_on: SignIn
) -> None:
    assert sign_in_on(ws, fresh=False).signed_in
    assert [asked.get("max_age") for asked in provider.seen["authorize"]][-2:] == ["3600", "3600"]
    assert "password" in provider.seen["authorize"][-1]


def test_an_old_session_at_the_provider_is_refused_on_the_laptop_and_in_the_central_store(
    provider: Provider, ws: Any, sign_in_on: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.heeds_max_age = False
    with pytest.raises(IdTokenRefused, match="too long ago") as refused:
        sign_in_on(ws, fresh=False)
    assert refused.value.code == "too-old"
    monkeypatch.setattr(on_the_laptop, "check_id_token", lambda *_a, **_k: {})  # a laptop that checks nothing
    with pytest.raises(NotLetIn, match="too long ago"):
        sign_in_on(ws, fresh=False)
    provider.claims = without_auth_time
    with pytest.raises(NotLetIn, match=r"\(auth-time\)"):
        sign_in_on(ws, fresh=False)


def test_where_nothing_is_said_about_it_any_session_will_do_but_a_fresh_sign_in_is_fresh(
    configured: Any, provider: Provider, ws: Any, sign_in_on: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = configured.services.trust.configuration
    settings.write(msgspec.structs.replace(settings.read(), most_age_minutes=0))
    provider.heeds_max_age = False
    assert sign_in_on(ws, fresh=False).signed_in
    provider.claims = lambda claims: {**claims, "auth_time": claims["iat"] - 7200}  # it ignored prompt=login too
    with pytest.raises(IdTokenRefused, match="too long ago"):
        sign_in_on(ws)
    provider.claims = without_auth_time
    assert sign_in_on(ws).signed_in
