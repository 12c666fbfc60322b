"""HTTP in front of the store: bounded bodies in, packed messages out, trust checked before anything else."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.central.answering import answered, answered_to, version_of
from app.central.checks import DeviceIdentity
from app.central.kept_sets import lives
from app.central.services import CentralServices
from app.services.sync import protocol, trust_protocol
from app.services.sync.rescue_protocol import DeletionsQuestion, DeletionsWord, FetchPiece, HandInRequest, RescueSession
from app.services.sync.scope_protocol import HistoryRequest, ProofRequest, UnitsRequest
from app.services.sync.store_protocol import EpochsRequest, HandBackRequest


def open_routes(services: CentralServices) -> APIRouter:
    """Return the routes that need no token: enrolment and starting a session."""
    router = APIRouter(prefix="/v1")
    trust = services.trust

    @router.post("/enrolment/check")
    async def check_code(request: Request) -> Response:
        return await answered(request, trust_protocol.CodeRequest, lambda message: trust.check_code(message.code))

    @router.post("/enrolment")
    async def enrol(request: Request) -> Response:
        return await answered(request, trust_protocol.EnrolRequest, trust.enrol)

    @router.post("/challenge")
    async def challenge(request: Request) -> Response:
        return await answered(
            request,
            trust_protocol.ChallengeRequest,
            lambda message: trust_protocol.Challenge(trust.challenge(message.device_id)),
        )

    @router.post("/session")
    async def session(request: Request) -> Response:
        return await answered(
            request,
            trust_protocol.SessionRequest,
            lambda message: trust.start_session(message.challenge, message.signature, message.vault),
        )

    @router.post("/rescue/session")
    async def rescue_session(request: Request) -> Response:
        return await answered(
            request, RescueSession, lambda message: trust.start_rescue(message.challenge, message.signature)
        )

    @router.post("/rescue")
    async def rescue(request: Request) -> Response:
        return await answered_to(request, HandInRequest, trust.rescuer_of, services.rescues.hand_in)

    @router.post("/rescue/audit")
    async def rescue_audit(request: Request) -> Response:
        return await answered_to(request, protocol.AuditPush, trust.rescuer_of, services.audit.countersign)

    @router.post("/rescue/audit/entries")
    async def rescue_audit_entries(request: Request) -> Response:
        return await answered_to(
            request,
            protocol.AuditRequest,
            trust.rescuer_of,
            lambda device, message: services.audit.entries(device.device_id, message.after),
        )

    return router


def device_routes(services: CentralServices) -> APIRouter:
    """Return the routes of an enrolled laptop."""
    router = APIRouter(prefix="/v1")

    def for_device(
        path: str, kind: type[Any], work: Callable[[DeviceIdentity, Any], object]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            def known(token: str) -> DeviceIdentity:
                return replace(services.trust.device_of(token), protocol=version_of(request))

            return await answered_to(request, kind, known, work)

        router.add_api_route(path, endpoint, methods=["POST"], name=path.strip("/"), response_class=Response)
        return endpoint

    for_device("/push", protocol.PushRequest, services.push)
    for_device("/pull", protocol.PullRequest, services.pull)
    for_device("/epochs", EpochsRequest, lambda _device, m: lives(services.epochs, services.identity, m))
    for_device("/hand-back", HandBackRequest, lambda _device, message: services.handed_back.take(message.sets))
    for_device(
        "/own-sets",
        protocol.OwnSetsRequest,
        lambda device, message: services.reader.own_sets(device.device_id, message.after, message.limit),
    )
    for_device(
        "/snapshot/start",
        protocol.SnapshotStartRequest,
        lambda device, _m: services.reader.snapshot_start(device.device_id),
    )
    for_device(
        "/snapshot/rows",
        protocol.SnapshotRequest,
        lambda device, message: services.reader.snapshot(device.device_id, message.table, message.after, message.limit),
    )
    for_device(
        "/units/rows",
        UnitsRequest,
        lambda device, message: services.reader.units(device.device_id, message.units),
    )
    for_device(
        "/units/history",
        HistoryRequest,
        lambda device, message: services.reader.history(device.device_id, message),
    )
    for_device("/proof", ProofRequest, lambda device, message: services.proofs.compare(device.device_id, message))
    for_device("/handed-in", FetchPiece, services.rescues.fetch)
    for_device("/deletions", DeletionsQuestion, services.deletions.meant)
    for_device("/deletions/meant", DeletionsWord, services.deletions.give)
    for_device("/audit", protocol.AuditPush, services.audit.countersign)
    for_device(
        "/audit/entries",
        protocol.AuditRequest,
        lambda device, message: services.audit.entries(device.device_id, message.after),
    )
    for_device("/lease", protocol.LeaseRequest, lambda device, m: services.lend(device, m.year))
    for_device("/documents/offer", protocol.OfferDocuments, services.offer_documents)
    for_device("/documents/put", protocol.PutChunks, services.put_chunks)
    for_device("/documents/find", protocol.FindManifests, services.find_manifests)
    for_device("/documents/get", protocol.MissingChunks, services.get_chunks)
    return router
