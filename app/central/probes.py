"""What service managers and load balancers ask: is the process alive, and can it serve."""

from typing import Any

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from app.central import database
from app.central.answering import AGAIN_SECONDS, JSON
from app.services.sync import protocol
from app.services.vault import migrate


class Health(msgspec.Struct):
    """How the central store is.

    Attributes:
        status: ``ok``, ``database away`` or ``schema too old``.
        revision: the newest; None while the database is away.
        synced_schema, own_schema: the revisions the database is at, the synced tables' and the central store's own.
    """

    status: str
    protocol: int
    revision: int | None = None
    synced_schema: str | None = None
    own_schema: str | None = None


class Alive(msgspec.Struct):
    """The process answers."""

    status: str = "ok"


def health_of(engine: Engine) -> Health:
    """Return how the store is. A schema newer than this program is fine: migrations come before programs."""
    try:
        with engine.connect() as connection:
            head = int(connection.execute(text("SELECT value FROM revision_counter")).scalar_one())
        synced, own = database.schema(engine)
    except SQLAlchemyError:
        return Health("database away", protocol.VERSION)
    old = (synced or "") < migrate.NEWEST or (own or "") < database.NEWEST
    return Health("schema too old" if old else "ok", protocol.VERSION, head, synced, own)


def probe_routes(engine: Engine) -> APIRouter:
    """Return the routes of health; they say nothing that is not for everybody."""
    router = APIRouter(prefix="/v1")

    def ready() -> Response:
        found = health_of(engine)
        good = found.status == "ok"
        headers = {} if good else {"retry-after": str(AGAIN_SECONDS)}
        return Response(msgspec.json.encode(found), 200 if good else 503, headers, media_type=JSON)

    def live() -> Response:
        return Response(msgspec.json.encode(Alive()), media_type=JSON)

    options: dict[str, Any] = {"methods": ["GET"], "response_class": Response}
    router.add_api_route("/health", ready, name="health", **options)
    router.add_api_route("/health/ready", ready, name="health/ready", **options)
    router.add_api_route("/health/live", live, name="health/live", **options)
    return router
