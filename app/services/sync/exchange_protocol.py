"""What an ordinary sync asks, in one message: most syncs then take one round trip."""

import msgspec

from app.services.sync.protocol import AuditAnswer, AuditPush, PullAnswer, PullRequest, PushAnswer, PushRequest
from app.services.sync.scope_protocol import ProofAnswer, ProofRequest


class ExchangeRequest(msgspec.Struct):
    """Up to four questions, answered in this order as if each had come alone; what is None is not asked."""

    proof: ProofRequest | None = None
    push: PushRequest | None = None
    audit: AuditPush | None = None
    pull: PullRequest | None = None


class ExchangeAnswer(msgspec.Struct):
    """The answers to what was asked."""

    proof: ProofAnswer | None = None
    push: PushAnswer | None = None
    audit: AuditAnswer | None = None
    pull: PullAnswer | None = None
