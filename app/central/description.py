"""The OpenAPI description of every route, made from the messages themselves.

:data:`ROUTES` says of each route what it takes, what it answers and who may ask; a test holds it against the routes
that there are. Bodies are described in both forms they travel in: MessagePack in zstandard, as laptops send them, and
JSON, for tools; the schema is the same.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.central.answering import JSON
from app.central.live import LiveEvent
from app.central.probes import Alive, Health
from app.services.sync import (
    document_protocol,
    protocol,
    rescue_protocol,
    scope_protocol,
    sign_in_protocol,
    store_protocol,
    trust_protocol,
)
from app.services.sync.protocol import MEDIA_TYPE, VERSION_HEADER, Problem

NOBODY: Final = "nobody"
"""No token is asked for."""
PERSON: Final = "person"
DEVICE: Final = "device"
RESCUER: Final = "rescuer"
EVENTS: Final = "text/event-stream"
_TOKENS: Final = {
    PERSON: "A person's token, from signing in.",
    DEVICE: "A laptop's token, from starting a session.",
    RESCUER: "The token of a laptop that was revoked, to hand in its work and for nothing else.",
}
_BASE64: Final = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"
_PACKED: Final = "MessagePack of the schema, as one zstandard frame that states its size."


@dataclass(frozen=True, slots=True)
class Route:
    """What is known of one route.

    Attributes:
        asks: the message it takes; None for a GET.
        answers: the message it answers with.
        who: whose token it asks for.
        words: what it is for.
        refusals: statuses beyond those that every route of its kind may answer with.
    """

    asks: type[msgspec.Struct] | None
    answers: type[msgspec.Struct]
    who: str
    words: str
    refusals: tuple[int, ...] = ()

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every status it may refuse with."""
        own = () if self.asks is None and self.who == NOBODY else (426, *((401, 403) if self.who != NOBODY else ()))
        body = (400, 408, 413, 415, 429) if self.asks is not None else ()
        return tuple(sorted({*own, *body, *self.refusals, 503}))


ROUTES: Final[dict[str, Route]] = {
    "/v1/health": Route(None, Health, NOBODY, "Whether the store can serve; as health/ready."),
    "/v1/health/ready": Route(None, Health, NOBODY, "Whether the store can serve: database and schema."),
    "/v1/health/live": Route(None, Alive, NOBODY, "Whether the process answers."),
    "/v1/enrolment/check": Route(
        trust_protocol.CodeRequest, trust_protocol.CodeAnswer, NOBODY, "Whom a one-time code is for.", (403,)
    ),
    "/v1/enrolment": Route(
        trust_protocol.EnrolRequest,
        trust_protocol.EnrolAnswer,
        NOBODY,
        "Spend a one-time code on a laptop's key.",
        (403,),
    ),
    "/v1/challenge": Route(
        trust_protocol.ChallengeRequest, trust_protocol.Challenge, NOBODY, "Ask for something to sign."
    ),
    "/v1/session": Route(
        trust_protocol.SessionRequest, trust_protocol.Token, NOBODY, "Start a laptop's session.", (401, 403)
    ),
    "/v1/sign-in": Route(
        trust_protocol.SignInRequest, trust_protocol.Token, NOBODY, "Sign a person in with a local account.", (401, 403)
    ),
    "/v1/my-code": Route(
        trust_protocol.MyCodeRequest, trust_protocol.MyCode, PERSON, "A code to enrol a laptop of one's own."
    ),
    "/v1/push": Route(protocol.PushRequest, protocol.PushAnswer, DEVICE, "Send change sets, in order."),
    "/v1/pull": Route(protocol.PullRequest, protocol.PullAnswer, DEVICE, "Ask for the log after a revision."),
    "/v1/epochs": Route(
        store_protocol.EpochsRequest, store_protocol.Epochs, DEVICE, "Ask which lives the store has had."
    ),
    "/v1/hand-back": Route(
        store_protocol.HandBackRequest, protocol.PushAnswer, DEVICE, "Hand back what a restored store lost."
    ),
    "/v1/own-sets": Route(
        protocol.OwnSetsRequest, protocol.OwnSets, DEVICE, "The laptop's own change sets, as the store has them."
    ),
    "/v1/snapshot/start": Route(
        protocol.SnapshotStartRequest, protocol.SnapshotStart, DEVICE, "What a first pull will bring."
    ),
    "/v1/snapshot/rows": Route(
        protocol.SnapshotRequest, protocol.SnapshotAnswer, DEVICE, "Rows of a first pull, from a place on."
    ),
    "/v1/audit": Route(protocol.AuditPush, protocol.AuditAnswer, DEVICE, "Entries of the audit, to countersign."),
    "/v1/audit/entries": Route(
        protocol.AuditRequest, protocol.AuditEntries, DEVICE, "The laptop's own audit, from a place on."
    ),
    "/v1/lease": Route(protocol.LeaseRequest, trust_protocol.Lease, DEVICE, "Borrow case numbers."),
    "/v1/documents/offer": Route(
        protocol.OfferDocuments, document_protocol.Offered, DEVICE, "Say which bytes one has; learn which to send."
    ),
    "/v1/documents/put": Route(protocol.PutChunks, document_protocol.Taken, DEVICE, "Send bytes."),
    "/v1/documents/find": Route(
        protocol.FindManifests, protocol.Manifests, DEVICE, "Ask which chunks make up documents."
    ),
    "/v1/documents/get": Route(protocol.MissingChunks, protocol.Chunks, DEVICE, "Ask for bytes."),
    "/v1/live": Route(None, LiveEvent, DEVICE, "Be told of new revisions, as server-sent events."),
    "/v1/rescue/session": Route(
        rescue_protocol.RescueSession, rescue_protocol.RescueToken, NOBODY, "Start handing in, revoked.", (401, 403)
    ),
    "/v1/rescue": Route(
        rescue_protocol.HandInRequest, rescue_protocol.HandInAnswer, RESCUER, "Hand in work, sealed to its team."
    ),
    "/v1/rescue/audit": Route(protocol.AuditPush, protocol.AuditAnswer, RESCUER, "As audit, for a revoked laptop."),
    "/v1/rescue/audit/entries": Route(
        protocol.AuditRequest, protocol.AuditEntries, RESCUER, "As audit/entries, for a revoked laptop."
    ),
    "/v1/handed-in": Route(
        rescue_protocol.FetchPiece, rescue_protocol.FetchedPiece, DEVICE, "A supervisor opens what was handed in."
    ),
    "/v1/deletions": Route(
        rescue_protocol.DeletionsQuestion,
        rescue_protocol.DeletionsWord,
        DEVICE,
        "Ask whether a supervisor has confirmed large deletions.",
    ),
    "/v1/deletions/meant": Route(
        rescue_protocol.DeletionsWord, rescue_protocol.DeletionsWord, DEVICE, "A supervisor confirms large deletions."
    ),
    "/v1/sign-in/way": Route(sign_in_protocol.WayRequest, sign_in_protocol.Way, NOBODY, "How people sign in here."),
    "/v1/sign-in/start": Route(
        sign_in_protocol.SignInStart, sign_in_protocol.SignInChallenge, NOBODY, "Ask for something to answer."
    ),
    "/v1/sign-in/provider": Route(
        sign_in_protocol.ProviderSignIn, sign_in_protocol.PersonSession, NOBODY, "Sign in with an ID token.", (401, 403)
    ),
    "/v1/sign-in/account": Route(
        sign_in_protocol.LocalSignIn,
        sign_in_protocol.PersonSession,
        NOBODY,
        "Sign in with a local account.",
        (401, 403),
    ),
    "/v1/sign-in/renew": Route(
        sign_in_protocol.RefreshRequest, sign_in_protocol.PersonSession, NOBODY, "Get the next tokens.", (401, 403)
    ),
    "/v1/sign-in/end": Route(
        sign_in_protocol.SignOutRequest, sign_in_protocol.SignedOut, NOBODY, "Sign out.", (401, 403)
    ),
    "/v1/second-step": Route(
        sign_in_protocol.SecondStepRequest, sign_in_protocol.SecondStep, PERSON, "Ask for a second step."
    ),
    "/v1/second-step/confirm": Route(
        sign_in_protocol.SecondStepProof, sign_in_protocol.RecoveryCodes, PERSON, "Confirm a second step."
    ),
    "/v1/units/rows": Route(
        scope_protocol.UnitsRequest, scope_protocol.UnitsAnswer, DEVICE, "Every row of some units."
    ),
    "/v1/units/history": Route(
        scope_protocol.HistoryRequest, protocol.PullAnswer, DEVICE, "What the log says of some units."
    ),
    "/v1/proof": Route(
        scope_protocol.ProofRequest, scope_protocol.ProofAnswer, DEVICE, "Ask whether units are the same on both sides."
    ),
}


def document(only: frozenset[str] | None = None) -> dict[str, Any]:
    """Return the OpenAPI description.

    Args:
        only: the paths to describe; all when left out.
    """
    routes = {path: route for path, route in ROUTES.items() if only is None or path in only}
    kinds = {kind for route in routes.values() for kind in (route.asks, route.answers) if kind is not None}
    ordered = [*sorted(kinds, key=lambda kind: kind.__name__), Problem]
    schemas, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    _describe_bytes(components)
    of = dict(zip(ordered, schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rollcall central store", "version": str(protocol.VERSION), "description": __doc__},
        "paths": {path: _path(path, route, of) for path, route in routes.items()},
        "components": {
            "schemas": components,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": words} for name, words in _TOKENS.items()
            },
        },
    }


def _describe_bytes(schema: Any) -> None:
    """Say what base64 looks like: to a schema without this any text would do."""
    if isinstance(schema, list):
        for part in schema:
            _describe_bytes(part)
    elif isinstance(schema, dict):
        if schema.get("contentEncoding") == "base64":
            schema["pattern"] = _BASE64
        for part in schema.values():
            _describe_bytes(part)


def _path(path: str, route: Route, of: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    refusals = {str(status): _refusal(status, route, of) for status in route.statuses}
    operation: dict[str, Any] = {
        "operationId": path.removeprefix("/v1/").replace("/", "-"),
        "summary": route.words,
        "responses": {"200": _answer(route, of), **refusals},
    }
    if 426 in route.statuses:
        operation["parameters"] = [
            {
                "name": VERSION_HEADER,
                "in": "header",
                "required": True,
                "description": "The version of the protocol that the asking side speaks.",
                "schema": {
                    "type": "integer",
                    "minimum": protocol.OLDEST_UNDERSTOOD,
                    "maximum": protocol.VERSION + 1,
                },
            }
        ]
    if route.who != NOBODY:
        operation["security"] = [{route.who: []}]
    if route.asks is None:
        return {"get": operation}
    operation["requestBody"] = {"required": True, "content": _both(of[route.asks])}
    return {"post": operation}


def _answer(route: Route, of: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    schema = of[route.answers]
    if route.asks is not None:
        return {"description": route.words, "content": _both(schema)}
    if route.answers is LiveEvent:
        words = "Events named revision; the data of each is JSON of LiveEvent."
        return {"description": words, "content": {EVENTS: {"schema": {"type": "string"}}}}
    return {"description": route.words, "content": {JSON: {"schema": schema}}}


def _refusal(status: int, route: Route, of: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    probe = route.asks is None and route.who == NOBODY
    content = {JSON: {"schema": of[route.answers]}} if probe else _both(of[Problem])
    return {"description": _REFUSALS[status], "content": content}


def _both(schema: dict[str, Any]) -> dict[str, Any]:
    return {JSON: {"schema": schema}, MEDIA_TYPE: {"schema": {**schema, "description": _PACKED}}}


_REFUSALS: Final = {
    400: "The message could not be read.",
    408: "The message took too long.",
    413: "The message is too large.",
    401: "The token is missing, stale or forged, or a proof did not hold.",
    403: "Not let in.",
    415: "Another form than those described.",
    426: "The two sides are too many versions apart.",
    429: "Too many tries; to be asked again later.",
    503: "The database is away or busy; the same request may be sent again.",
}
