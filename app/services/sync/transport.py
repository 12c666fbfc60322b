"""The protocol over HTTP: the one place that reaches the network."""

import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpcore
import httpx

from app.errors import UserError
from app.logs import get_logger
from app.services.signing import Signer
from app.services.sync import protocol, trust_protocol
from app.services.sync.belonging import belongs
from app.services.sync.faults import CentralUnreachable, NotLetIn, Trouble, nonsense, too_slow, troubled, unreachable
from app.services.sync.protocol import MEDIA_TYPE, Problem, ProtocolError, pack, unpack
from app.services.sync.proxies import proxy_for

TIMEOUT_SECONDS = 10.0
"""For connecting, and between two pieces of an answer."""
WHOLE_ANSWER_SECONDS = 120.0
"""For one question and its answer in all: an answer that drips, in its head or its body, ends here."""
LONGEST_WAIT_SECONDS = 3600
"""However long the central store asks to be left alone, somebody may repair it within the hour."""
_DATE_CODES = frozenset({9, 10})
"""OpenSSL's numbers for a certificate that is not valid yet, and one that is no longer."""
_NAME_CODES = frozenset({62, 64})
_SIGN_IN_STATUS = 511
"""Network Authentication Required (RFC 6585): a network says openly that somebody has to sign in."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
NETWORK_ERRORS = (httpx.HTTPError, httpx.InvalidURL, OSError)
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
    if parts.scheme == "http" and host not in LOOPBACK:
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
        token: str | None = None,
        vault_id: str = "",
        monotonic: Callable[[], float] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        whole_seconds: float = WHOLE_ANSWER_SECONDS,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            server: the central store's address.
            device_id: this laptop, once enrolled.
            signer: its key.
            token: of a signed-in person, to speak for that person instead of the laptop.
            vault_id: told to the central store when a session starts.
            monotonic: seconds from some start, for the limit on a whole answer.
            timeout_seconds: for connecting, and between two pieces of an answer.
            whole_seconds: for one question and its answer in all.

        Raises:
            CentralUnreachable: the proxy that this laptop is set to use cannot be used.
        """
        from time import monotonic as system_monotonic

        self._server = checked_address(server)
        self._device_id = device_id
        self._signer = signer
        self._token = token
        self._wait_seconds: float | None = None
        self._vault_id = vault_id
        self.authority: trust_protocol.AuthorityNotice | None = None
        self._deadline = Deadline(monotonic or system_monotonic, whole_seconds)
        self._client = open_client(self._server, timeout_seconds, self._deadline)

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
        question = pack(message)
        if open_to_all:
            return self._answer(self._asked(path, question, None), kind)
        if self._token is None:
            self._start_session()
        status, body = self._asked(path, question, self._token)
        if status == 401 and self._signer is not None:
            self._start_session()
            status, body = self._asked(path, question, self._token)
        return self._answer((status, body), kind)

    @property
    def server(self) -> str:
        """The central store's address."""
        return self._server

    def new_token(self) -> str:
        """Start a session and return its token, for a stream of its own.

        Raises:
            CentralUnreachable: no answer, a slow one, or nonsense.
            NotLetIn: refused.
        """
        self._start_session()
        return self._token or ""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _start_session(self) -> None:
        if self._signer is None:
            raise NotLetIn("This laptop is not enrolled with a central store. Your work is kept.", "not-enrolled")
        try:
            answer = self._prove_key(self._signer)
        except NotLetIn as fault:
            if fault.code != "token-stale":
                raise
            # The signed challenge arrived twice, or too late: each works once. Another is asked for, once.
            answer = self._prove_key(self._signer)
        self._token, self.authority = answer.token, answer.authority

    def _prove_key(self, signer: Signer) -> trust_protocol.Token:
        asked = trust_protocol.ChallengeRequest(self._device_id)
        challenge = self.call("/challenge", asked, trust_protocol.Challenge, open_to_all=True).challenge
        signature = signer.sign(trust_protocol.session_statement(challenge))
        request = trust_protocol.SessionRequest(challenge, signature, self._vault_id)
        return self.call("/session", request, trust_protocol.Token, open_to_all=True)

    def _asked(self, path: str, question: bytes, token: str | None) -> tuple[int, bytes]:
        """Return the answer to this very question; another one's is dropped, and it is asked once more."""
        for _ in range(2):
            status, body = self._send(path, question, token)
            if status != 200 or belongs(body, token or "", question):
                return status, body
            get_logger().warning("an answer to another question was dropped")
        raise nonsense()

    def _send(self, path: str, body: bytes, token: str | None) -> tuple[int, bytes]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._deadline.start()
        try:
            with self._client.stream("POST", f"/v1{path}", content=body, headers=headers) as response:
                if response.headers.get("content-type") != MEDIA_TYPE:
                    raise not_ours(response)
                self._wait_seconds = _seconds(response.headers.get("retry-after", ""))
                pieces, size = [], 0
                for piece in response.iter_raw():
                    size += len(piece)
                    if size > protocol.MAX_PACKED_BYTES:
                        raise nonsense()
                    self._deadline.check()
                    pieces.append(piece)
                return response.status_code, b"".join(pieces)
        except NETWORK_ERRORS as error:
            raise fault_of(error) from error

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
        raise CentralUnreachable(problem.message[:300], trouble=Trouble.BUSY, wait_seconds=self._wait_seconds)


def open_client(server: str, timeout_seconds: float, deadline: "Deadline | None" = None) -> httpx.Client:
    """Return a client that trusts what the operating system trusts and goes by the proxy this laptop is set to use.

    Args:
        server: a checked address.
        timeout_seconds: for connecting, and between two pieces of an answer.
        deadline: ends every reading, of an answer's head too; without it only the pieces are timed.

    Raises:
        CentralUnreachable: the proxy that this laptop is set to use cannot be used.
    """
    parts = urlsplit(server)
    # Without TLS (loopback only) there is nothing to verify, and no store of certificates to load.
    verify = _system_trust() if parts.scheme == "https" else False
    # Proxies never stand between this machine and itself.
    proxy = None if parts.hostname in LOOPBACK else proxy_for(server)
    if proxy is not None and not proxy.startswith(("http://", "https://")):
        raise troubled(Trouble.PROXY_SOCKS if proxy.lower().startswith("socks") else Trouble.PROXY_UNUSABLE)
    try:
        transport = httpx.HTTPTransport(verify=verify, trust_env=False, proxy=httpx.Proxy(proxy) if proxy else None)
    except (ValueError, httpx.InvalidURL) as error:
        raise troubled(Trouble.PROXY_UNUSABLE) from error
    if deadline is not None:
        # httpx hands on no network of the caller's own; a connection made later, through a proxy too, asks the pool.
        pool: Any = transport._pool
        pool._network_backend = _Timed(pool._network_backend, deadline)
    return httpx.Client(
        base_url=server,
        timeout=timeout_seconds,
        follow_redirects=False,
        trust_env=False,
        transport=transport,
        headers={"content-type": MEDIA_TYPE, protocol.VERSION_HEADER: str(protocol.VERSION)},
    )


def fault_of(error: BaseException) -> CentralUnreachable:
    """Return what an error of the network is in words: a certificate, a proxy, silence or nonsense."""
    refused = _in_chain(error, ssl.SSLCertVerificationError)
    if refused is not None:
        return troubled(_certificate_trouble(refused))
    if isinstance(error, httpx.TimeoutException):
        return too_slow()
    if isinstance(error, httpx.ProxyError):
        return troubled(Trouble.PROXY_PASSWORD if str(error).startswith("407") else Trouble.PROXY)
    if isinstance(error, httpx.RemoteProtocolError):
        # Cut off in the middle, or never HTTP at all.
        cut = any(word in str(error) for word in ("disconnected", "closed"))
        return unreachable() if cut else nonsense()
    if _in_chain(error, ssl.SSLError) is not None:
        return nonsense()  # what answered speaks no TLS
    return unreachable()


def _certificate_trouble(error: ssl.SSLCertVerificationError) -> Trouble:
    code, words = error.verify_code, str(error).lower()
    if code in _NAME_CODES or "mismatch" in words or "not valid for" in words:
        return Trouble.CERTIFICATE_NAME
    if code in _DATE_CODES or "expired" in words or "not yet valid" in words:
        return Trouble.CERTIFICATE_DATE
    return Trouble.CERTIFICATE_ISSUER


_Error = TypeVar("_Error", bound=BaseException)


def _in_chain(error: BaseException, kind: type[_Error]) -> _Error | None:
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return None
        if isinstance(seen, kind):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _seconds(header: str) -> float | None:
    """Return the seconds that a Retry-After header names, an hour at most; None where it names none."""
    return float(min(int(header), LONGEST_WAIT_SECONDS)) if header.isascii() and header.isdigit() else None


def not_ours(response: httpx.Response) -> CentralUnreachable:
    """Return what an answer of another kind means; nothing of it is read."""
    if response.status_code in (502, 503, 504):
        return unreachable()  # a gateway in front of a store that is down has a page of its own
    page = response.headers.get("content-type", "").partition(";")[0].strip().lower() in ("text/html", "")
    shown = response.is_redirect or response.status_code == _SIGN_IN_STATUS or (response.is_success and page)
    return troubled(Trouble.PORTAL) if shown else nonsense()


class Deadline:
    """When the question that is under way must be answered."""

    def __init__(self, monotonic: Callable[[], float], seconds: float) -> None:
        self._monotonic, self._seconds = monotonic, seconds
        self._ends_at = float("inf")

    def start(self) -> None:
        """Begin to count."""
        self._ends_at = self._monotonic() + self._seconds

    def left(self, timeout: float | None) -> float:
        """Return for how long to wait at most, in seconds; nothing or less when the time is over."""
        left = self._ends_at - self._monotonic()
        return left if timeout is None else min(timeout, left)

    def check(self) -> None:
        """Raise when the time is over.

        Raises:
            CentralUnreachable: slow.
        """
        if self.left(None) < 0:
            raise too_slow()


class _TimedStream(httpcore.NetworkStream):
    """A connection that is not waited for beyond the deadline, whatever drips out of it."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore.WriteTimeout
        self._stream.write(buffer, left)

    def close(self) -> None:
        with suppress(OSError):
            self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Timed(httpcore.NetworkBackend):
    """Opens connections that keep to the deadline."""

    def __init__(self, backend: httpcore.NetworkBackend, deadline: Deadline) -> None:
        self._backend, self._deadline = backend, deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return _TimedStream(stream, self._deadline)


def _system_trust() -> ssl.SSLContext:
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
