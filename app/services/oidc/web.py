"""Fetching small JSON documents from an identity provider, bounded in size, depth and time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from app.services.oidc.faults import ProviderAway, away, nonsense
from app.services.sync.faults import CentralUnreachable, Trouble
from app.services.sync.transport import Deadline, fault_of, open_client
from app.timesource import TimeSource

LARGEST_BYTES = 256 * 1024
PIECE_SECONDS = 5.0
WHOLE_SECONDS = 15.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer.

    Attributes:
        value: the JSON object.
        status: the HTTP status, 200 or 400 to 499.
        ahead: how much the provider's clock is ahead of this one's; None when it did not say.
    """

    value: dict[str, Any]
    status: int
    ahead: timedelta | None


def acceptable(address: str) -> bool:
    """Return whether an address is one that secrets may go to: TLS, or this machine itself."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.fragment or len(address) > 2000:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


class Web:
    """Fetches documents. One for each thread that fetches."""

    def __init__(
        self,
        time: TimeSource,
        *,
        monotonic: Callable[[], float] | None = None,
        piece_seconds: float = PIECE_SECONDS,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            time: this machine's clock, to compare the provider's with.
            monotonic: seconds from some start.
            piece_seconds: for connecting, and between two pieces of an answer.
            whole_seconds: for an answer as a whole.
        """
        from time import monotonic as system_monotonic

        self._time = time
        self._monotonic = monotonic or system_monotonic
        self._piece, self._whole = piece_seconds, whole_seconds

    def get(self, address: str) -> Fetched:
        """Fetch a document.

        Raises:
            ProviderAway: no answer, a slow, large or redirected one, or no JSON object.
        """
        return self._fetch("GET", address, None)

    def post(self, address: str, form: Mapping[str, str]) -> Fetched:
        """Send a form; an answer of 400 to 499 is an answer too.

        Raises:
            ProviderAway: as for :meth:`get`.
        """
        return self._fetch("POST", address, form)

    def _fetch(self, method: str, address: str, form: Mapping[str, str] | None) -> Fetched:
        if not acceptable(address):
            raise nonsense()
        # Nothing compressed is asked for: what unpacks to more than arrived could not be measured.
        headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/x-www-form-urlencoded",
        }
        deadline = Deadline(self._monotonic, self._whole)
        deadline.start()
        try:
            with (
                open_client(address, self._piece, deadline) as client,
                client.stream(method, address, data=form, headers=headers) as response,
            ):
                return self._read(response, deadline)
        except CentralUnreachable as fault:  # of the deadline, or of the proxy
            raise away() from fault
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            known = fault_of(error).trouble in (Trouble.NO_ANSWER, Trouble.SLOW)
            raise (away() if known else nonsense()) from error

    def _read(self, response: httpx.Response, deadline: Deadline) -> Fetched:
        status = response.status_code
        if status >= 500:
            raise away()
        if (status != 200 and not 400 <= status < 500) or "content-encoding" in response.headers:
            raise nonsense()
        pieces, size = [], 0
        for piece in response.iter_raw(16 * 1024):
            size += len(piece)
            if size > LARGEST_BYTES:
                raise nonsense()
            deadline.check()
            pieces.append(piece)
        return Fetched(_json_object(b"".join(pieces)), status, self._ahead(response.headers.get("date", "")))

    def _ahead(self, date: str) -> timedelta | None:
        if (there := date_of(date)) is None:
            return None
        return there - self._time.now()


def date_of(header: str) -> datetime | None:
    """Return the moment that a Date header names, or None."""
    try:
        there = parsedate_to_datetime(header[:60])
    except (ValueError, IndexError, OverflowError):
        return None
    return there if there.tzinfo else None


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise nonsense() from error
    return value


__all__ = ["Fetched", "ProviderAway", "Web", "acceptable", "date_of"]
