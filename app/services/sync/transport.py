"""The protocol over HTTP: the one place that reaches the network."""

import ssl
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from app.errors import UserError
from app.services.signing import Signer
from app.services.sync import protocol
from app.services.sync.faults import CentralUnreachable, NotLetIn, nonsense, too_slow, unreachable
from app.services.sync.protocol import MEDIA_TYPE, Problem, ProtocolError, pack, unpack

TIMEOUT_SECONDS = 10.0
"""For connecting, and between two pieces of an answer."""
WHOLE_ANSWER_SECONDS = 120.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
Answer = TypeVar("Answer")


def checked_address(server: str) -> str:
    """Return the address of a central store in the form it is kept.

    Raises:
        UserError: it is not an address, or it would send records unencrypted over a network.
    """
    text = server.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise UserError("Enter the address of the central store. It starts with https://", "server")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise UserError(
            "The address must start with https:// so that records travel encrypted. Ask your administrator.", "server"
        )
    return text


class HttpTransport:
    """Calls a central store; starts a session by itself when one is needed.

    Not for several threads at once.

    Attributes:
        authority: what the last session's start brought: the authority's public key, not checked yet.
    """

    def __init__(
        self,
        server: str,
        *,
        device_id: str = "",
        signer: Signer | None = None,
        vault_id: str = "",
        monotonic: Callable[[], float] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            server: the central store's address.
            device_id: this laptop, once enrolled.
            signer: its key.
            vault_id: told to the central store when a session starts.
            monotonic: seconds from some start, for the limit on a whole answer.
            timeout_seconds: for connecting, and between two pieces of an answer.
        """
        from time import monotonic as system_monotonic

        self._server = checked_address(server)
        self._device_id = device_id
        self._signer = signer
        self._monotonic = monotonic or system_monotonic
        self._token: str | None = None
        self._vault_id = vault_id
        self.authority: protocol.AuthorityNotice | None = None
        parts = urlsplit(self._server)
        loopback = parts.hostname in _LOOPBACK
        self._client = httpx.Client(
            base_url=self._server,
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=not loopback,  # proxies never stand between this machine and itself
            # Without TLS (loopback only) there is nothing to verify, and no store of certificates to load.
            verify=_system_trust() if parts.scheme == "https" else False,
            headers={"content-type": MEDIA_TYPE, protocol.VERSION_HEADER: str(protocol.VERSION)},
        )

    def call(self, path: str, message: object, kind: type[Answer], *, open_to_all: bool = False) -> Answer:
        """Send a message and return the answer.

        Args:
            path: after ``/v1``, such as ``/push``.
            message: what is sent.
            kind: what the answer must be.
            open_to_all: no session is needed.

        Raises:
            CentralUnreachable: no answer, a slow one, or nonsense.
            NotLetIn: refused.
        """
        if open_to_all:
            return self._answer(self._send(path, message, None), kind)
        if self._token is None:
            self._start_session()
        status, body = self._send(path, message, self._token)
        if status == 401:
            self._start_session()
            status, body = self._send(path, message, self._token)
        return self._answer((status, body), kind)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _start_session(self) -> None:
        if self._signer is None:
            raise NotLetIn("This laptop is not enrolled with a central store. Your work is kept.", "not-enrolled")
        asked = protocol.ChallengeRequest(self._device_id)
        challenge = self.call("/challenge", asked, protocol.Challenge, open_to_all=True).challenge
        signature = self._signer.sign(protocol.session_statement(challenge))
        request = protocol.SessionRequest(challenge, signature, self._vault_id)
        answer = self.call("/session", request, protocol.Token, open_to_all=True)
        self._token, self.authority = answer.token, answer.authority

    def _send(self, path: str, message: object, token: str | None) -> tuple[int, bytes]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        ends_at = self._monotonic() + WHOLE_ANSWER_SECONDS
        try:
            with self._client.stream("POST", f"/v1{path}", content=pack(message), headers=headers) as response:
                if response.headers.get("content-type") != MEDIA_TYPE:
                    raise self._not_ours(response.status_code)
                pieces, size = [], 0
                for piece in response.iter_raw():
                    size += len(piece)
                    if size > protocol.MAX_PACKED_BYTES:
                        raise nonsense()
                    if self._monotonic() > ends_at:
                        raise too_slow()
                    pieces.append(piece)
                return response.status_code, b"".join(pieces)
        except httpx.TimeoutException as error:
            raise too_slow() from error
        except httpx.RemoteProtocolError as error:
            # Cut off in the middle, or never HTTP at all.
            cut = any(word in str(error) for word in ("disconnected", "closed"))
            raise (unreachable() if cut else nonsense()) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise unreachable() from error

    def _not_ours(self, status: int) -> CentralUnreachable:
        # A gateway in front of a store that is down answers 502 to 504 with a page of its own.
        return unreachable() if status in (502, 503, 504) else nonsense()

    def _answer(self, response: tuple[int, bytes], kind: type[Answer]) -> Answer:
        status, body = response
        try:
            if status == 200:
                return unpack(kind, body)
            problem = unpack(Problem, body)
        except ProtocolError as error:
            raise nonsense() from error
        if status in (401, 403, 426):
            raise NotLetIn(problem.message[:300], problem.code[:50])
        raise CentralUnreachable(problem.message[:300])


def _system_trust() -> ssl.SSLContext:
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
