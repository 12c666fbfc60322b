"""A real identity provider beside a real central store, and laptops enrolled there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.central.sign_in_settings import SignInSettings
from app.services.sign_in import sessions
from app.timesource import FrozenTime
from tests.sign_in.provider import CLIENT_ID, Browser, Provider, later, serve


@pytest.fixture
def provider(frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A running provider that knows dawn, ruth and somebody else."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    running = serve(frozen_time)
    provider = next(running)
    for name in ("dawn", "ruth", "stranger"):
        provider.add(name)
    yield provider
    running.close()  # type: ignore[attr-defined]  # a generator


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser."""
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def configured(central: Any, provider: Provider) -> Any:
    """The central store, told of the provider."""
    central.services.trust.configuration.write(
        SignInSettings(way="provider", issuer=provider.issuer, client_id=CLIENT_ID, provider_name="Marlshire sign-in")
    )
    return central


@pytest.fixture
def sign_in_on(browser: Browser) -> Callable[..., Any]:
    """Sign in on a laptop with the browser: ``sign_in_on(ws)`` returns the state, or raises what went wrong."""

    def sign_in(ws: Any, username: str = "dawn", **options: Any) -> Any:
        asked = sessions.begin_in_browser(ws, **options)
        thread = later(lambda: browser.open(asked.address, username))
        try:
            return sessions.finish_in_browser(ws, asked, 10)
        finally:
            asked.close()
            thread.join(10)

    return sign_in
