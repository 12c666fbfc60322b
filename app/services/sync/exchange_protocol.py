"""What an ordinary sync asks, in one message: it then takes one round trip."""

import msgspec

from app.services.sync.protocol import AuditAnswer, AuditPush, PullAnswer, PullRequest, PushAnswer, PushRequest


class ExchangeRequest(msgspec.Struct):
    """Up to three questions, answered in this order as if each had come alone; what is None is not asked."""

    push: PushRequest | None = None
    audit: AuditPush | None = None
    pull: PullRequest | None = None


class ExchangeAnswer(msgspec.Struct):
    """The answers to what was asked."""

    push: PushAnswer | None = None
    audit: AuditAnswer | None = None
    pull: PullAnswer | None = None
