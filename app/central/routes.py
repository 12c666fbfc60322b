"""HTTP in front of the store: bounded bodies in, packed messages out, trust checked before anything else."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from sqlalchemy.exc import OperationalError

from app.central.checks import DeviceIdentity
from app.central.services import CentralServices
from app.central.trust import TrustError
from app.logs import get_logger
from app.services.sync import protocol
from app.services.sync.protocol import MEDIA_TYPE, Problem, ProtocolError, pack, unpack

Message = TypeVar("Message")
_STATUS = {
    "token-stale": 401,
    "sign-in-failed": 401,
    "bad-signature": 401,
    "device-unknown": 403,
    "device-revoked": 403,
}


def problem(status: int, code: str, message: str) -> Response:
    """Return why a request was not done, packed."""
    return Response(pack(Problem(code, message)), status, media_type=MEDIA_TYPE)


async def body_of(request: Request) -> bytes:
    """Return a request's body; stops reading beyond what a message may measure.

    Raises:
        ProtocolError: too large.
    """
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > protocol.MAX_PACKED_BYTES:
            raise ProtocolError("too large")
        pieces.append(piece)
    return b"".join(pieces)


async def answered(request: Request, kind: type[Message], work: Callable[[Message], object]) -> Response:
    """Read a message, do the work on a thread of its own and return the packed answer."""
    try:
        version = int(request.headers.get(protocol.VERSION_HEADER, "0"))
    except ValueError:
        version = 0
    if not protocol.OLDEST_UNDERSTOOD <= version <= protocol.VERSION + 1:
        return problem(
            426,
            "version",
            "This laptop and the central store are too many versions apart. Update Rollcall. Your work is kept.",
        )
    try:
        data = await body_of(request)
        message = await run_in_threadpool(unpack, kind, data)
        answer = await run_in_threadpool(work, message)
        packed = await run_in_threadpool(pack, answer)
    except ProtocolError:
        get_logger().warning("not understood", page=request.url.path)
        return problem(400, "not-understood", "The central store could not read the message. Your work is kept.")
    except TrustError as refused:
        get_logger().warning("not let in", page=request.url.path, kind=refused.code)
        return problem(_STATUS.get(refused.code, 403), refused.code, refused.message)
    except OperationalError:
        get_logger().error("database away", page=request.url.path)
        return problem(503, "database", "The central store is busy or its database is away. Your work is kept.")
    return Response(packed, media_type=MEDIA_TYPE)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def open_routes(services: CentralServices) -> APIRouter:
    """Return the routes that need no token: health, enrolment and starting a session."""
    router = APIRouter(prefix="/v1")
    trust = services.trust

    @router.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "ok", "protocol": protocol.VERSION, "revision": services.reader.head()}

    @router.post("/enrolment/check")
    async def check_code(request: Request) -> Response:
        return await answered(request, protocol.CodeRequest, lambda message: trust.check_code(message.code))

    @router.post("/enrolment")
    async def enrol(request: Request) -> Response:
        return await answered(request, protocol.EnrolRequest, trust.enrol)

    @router.post("/challenge")
    async def challenge(request: Request) -> Response:
        return await answered(
            request,
            protocol.ChallengeRequest,
            lambda message: protocol.Challenge(trust.challenge(message.device_id)),
        )

    @router.post("/session")
    async def session(request: Request) -> Response:
        return await answered(
            request,
            protocol.SessionRequest,
            lambda message: trust.start_session(message.challenge, message.signature, message.vault),
        )

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        return await answered(
            request, protocol.SignInRequest, lambda message: trust.sign_in(message.username, message.password)
        )

    @router.post("/my-code")
    async def my_code(request: Request) -> Response:
        def work(_message: protocol.MyCodeRequest) -> protocol.MyCode:
            return protocol.MyCode(trust.make_code(trust.user_of(_bearer(request))))

        return await answered(request, protocol.MyCodeRequest, work)

    return router


def device_routes(services: CentralServices) -> APIRouter:
    """Return the routes of an enrolled laptop."""
    router = APIRouter(prefix="/v1")

    def for_device(
        path: str, kind: type[Any], work: Callable[[DeviceIdentity, Any], object]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            def known(message: object) -> object:
                return work(services.trust.device_of(_bearer(request)), message)

            return await answered(request, kind, known)

        router.add_api_route(path, endpoint, methods=["POST"], name=path.strip("/"), response_class=Response)
        return endpoint

    for_device("/push", protocol.PushRequest, lambda device, message: services.store.push(device, message.sets))
    for_device(
        "/pull",
        protocol.PullRequest,
        lambda device, message: services.reader.pull(device.device_id, message.cursor, message.limit),
    )
    for_device(
        "/own-sets",
        protocol.OwnSetsRequest,
        lambda device, message: services.reader.own_sets(device.device_id, message.after, message.limit),
    )
    for_device("/snapshot/start", protocol.SnapshotStartRequest, lambda _device, _m: services.reader.snapshot_start())
    for_device(
        "/snapshot/rows",
        protocol.SnapshotRequest,
        lambda _device, message: services.reader.snapshot(message.table, message.after, message.limit),
    )
    for_device("/audit", protocol.AuditPush, services.audit.countersign)
    for_device(
        "/audit/entries",
        protocol.AuditRequest,
        lambda device, message: services.audit.entries(device.device_id, message.after),
    )
    for_device("/lease", protocol.LeaseRequest, lambda device, m: services.lend(device, m.year))
    for_device(
        "/documents/offer",
        protocol.OfferDocuments,
        lambda _device, message: protocol.MissingChunks(services.bytes.offer(message.manifests)),
    )
    for_device("/documents/put", protocol.PutChunks, lambda _device, message: services.put_chunks(message))
    for_device(
        "/documents/find",
        protocol.FindManifests,
        lambda _device, message: protocol.Manifests(services.bytes.manifests(message.sha256s)),
    )
    for_device(
        "/documents/get",
        protocol.MissingChunks,
        lambda _device, message: protocol.Chunks(services.bytes.get(message.hashes[: protocol.CHUNKS_A_REQUEST])),
    )
    return router
