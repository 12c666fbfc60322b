"""HTTP in front of signing in. What needs no token is small, and is read no further than that."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.central.addresses import address_of
from app.central.answering import answered, answered_to
from app.central.services import CentralServices
from app.central.tokens import TrustError
from app.errors import UserError
from app.services.sync import sign_in_protocol as people
from app.services.sync import trust_protocol

Done = TypeVar("Done")
OWN_CODE_LIFE = timedelta(hours=1)
"""A code that somebody made for a laptop of their own is used at once."""


def sign_in_routes(services: CentralServices) -> APIRouter:
    """Return the routes of signing in."""
    router = APIRouter(prefix="/v1")
    trust = services.trust

    def for_all(path: str, kind: type[Any], work: Callable[[Any, str], object]) -> None:
        async def endpoint(request: Request) -> Response:
            address = address_of(request)
            return await answered(request, kind, lambda message: work(message, address))

        _add(router, path, endpoint)

    def for_fresh_person(path: str, kind: type[Any], work: Callable[[str, Any], object]) -> None:
        async def endpoint(request: Request) -> Response:
            return await answered_to(request, kind, trust.sessions.fresh_user_of, work)

        _add(router, path, endpoint)

    for_all(
        "/sign-in",
        trust_protocol.SignInRequest,
        lambda message, address: trust.sign_in(message.username, message.password, address),
    )
    for_all("/sign-in/way", people.WayRequest, lambda _message, _address: trust.people.way())
    for_all("/sign-in/start", people.SignInStart, lambda message, _address: trust.people.start(message))
    for_all("/sign-in/provider", people.ProviderSignIn, lambda message, _address: trust.people.by_provider(message))
    for_all("/sign-in/account", people.LocalSignIn, trust.people.by_account)
    for_all(
        "/sign-in/renew",
        people.RefreshRequest,
        lambda message, _address: trust.sessions.renew(message.refresh_token, message.proof),
    )
    for_all(
        "/sign-in/end",
        people.SignOutRequest,
        lambda message, _address: trust.sessions.end(message.refresh_token, message.proof),
    )
    for_fresh_person(
        "/my-code",
        trust_protocol.MyCodeRequest,
        lambda user_id, _m: trust_protocol.MyCode(trust.make_code(user_id, OWN_CODE_LIFE)),
    )
    for_fresh_person(
        "/second-step", people.SecondStepRequest, lambda user_id, _m: _told(lambda: trust.second_steps.begin(user_id))
    )
    for_fresh_person(
        "/second-step/confirm",
        people.SecondStepProof,
        lambda user_id, message: people.RecoveryCodes(_told(lambda: trust.second_steps.confirm(user_id, message.code))),
    )
    return router


def _told(work: Callable[[], Done]) -> Done:
    """Do something that a person may have got wrong, and say so to them."""
    try:
        return work()
    except UserError as error:
        raise TrustError("second-step", error.message) from error


def _add(router: APIRouter, path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
    router.add_api_route(path, endpoint, methods=["POST"], name=path.strip("/"), response_class=Response)
