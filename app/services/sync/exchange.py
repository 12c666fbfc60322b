"""Several questions in one round trip: asked ahead together, and handed out when the sync comes to each.

The steps of a sync stay as they are and call one after another. A question that turns out differently by then (there
is more to send, the cursor moved on) is simply asked by itself.
"""

from typing import cast

import msgspec

from app.services.sync.exchange_protocol import ExchangeAnswer, ExchangeRequest
from app.services.sync.faults import CentralUnreachable
from app.services.sync.telling import Answer, Transport

_PATHS = {"push": "/push", "audit": "/audit", "pull": "/pull"}


class Exchange:
    """A transport that knows some answers already."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[str, tuple[object, object]] = {}

    def ask_ahead(self, request: ExchangeRequest) -> None:
        """Ask some questions together.

        Raises:
            CentralUnreachable: as a call does; where it was only too slow, each is asked by itself later.
            NotLetIn: as a call does.
        """
        asked = {name: message for name in _PATHS if (message := getattr(request, name)) is not None}
        if len(asked) < 2:
            return  # a round trip is a round trip
        try:
            answer = self._transport.call("/exchange", request, ExchangeAnswer)
        except CentralUnreachable as fault:
            if not fault.slow:
                raise
            return
        self._known = {
            _PATHS[name]: (message, found)
            for name, message in asked.items()
            if (found := getattr(answer, name)) is not None
        }

    def call(self, path: str, message: object, kind: type[Answer]) -> Answer:
        """Return the answer that is known to this very question, once, or ask."""
        known = self._known.pop(path, None)
        if known is not None and isinstance(message, msgspec.Struct) and known[0] == message:
            return cast("Answer", known[1])
        return self._transport.call(path, message, kind)
