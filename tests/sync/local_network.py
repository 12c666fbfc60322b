"""Real pieces of a network on this machine: an authority of certificates, a TLS end, a proxy, a page, a drip."""

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.timesource import SystemTime

HOST = "central.marlshire.example"
"""A name that only the proxy of a test knows the way to."""


class Authority:
    """A certificate authority for tests; its own certificate is in ``file``."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Test {name}")])
        now = SystemTime().now()
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=400))
            .not_valid_after(now + timedelta(days=400))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str, *, days: tuple[int, int] = (-1, 30), self_signed: bool = False) -> Path:
        """Return a file with a certificate for a host or address, and its key.

        Args:
            host: what it is for.
            days: from when until when it is valid, counted from now.
            self_signed: signed with its own key instead of the authority's.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        now = SystemTime().now()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if self_signed else self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(key if self_signed else self.key, hashes.SHA256())
        )
        file = self.folder / f"{x509.random_serial_number():x}.pem"
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(made.public_bytes(pem) + secret)
        return file


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Yield the port of a server that hands each connection to ``serve``, on a thread of its own."""
    server = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            serve(connection)

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        over.set()
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def pipe(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until both sides are done."""

    def carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=carry, args=(other, one), daemon=True)
    back.start()
    carry(one, other)
    back.join(10)


@contextmanager
def tls_end(certificate: Path, target_port: int) -> Iterator[int]:
    """Yield the port of a TLS end in front of a plain server on this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection: socket.socket) -> None:
        with (
            context.wrap_socket(connection, server_side=True) as secured,
            socket.create_connection(("127.0.0.1", target_port)) as behind,
        ):
            pipe(secured, behind)

    with listening(serve) as port:
        yield port


class Proxy:
    """What a proxy saw.

    Attributes:
        asked: the targets of CONNECT.
        password: ``name:password`` that it asks for; empty asks for none.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.password = ""
        self.port = 0


@contextmanager
def proxy(target_port: int) -> Iterator[Proxy]:
    """Yield a proxy that leads every CONNECT to a port of this machine."""
    made = Proxy()

    def serve(connection: socket.socket) -> None:
        head = _head(connection)
        lines = head.split("\r\n")
        made.asked.append(lines[0])
        wanted = "proxy-authorization: basic " + base64.b64encode(made.password.encode()).decode().lower()
        if made.password and wanted not in [line.lower() for line in lines]:
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
            return
        if not lines[0].startswith("CONNECT "):
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", target_port)) as behind:
            pipe(connection, behind)

    with listening(serve) as port:
        made.port = port
        yield made


def _head(connection: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < 65536:
        piece = connection.recv(4096)
        if not piece:
            break
        data += piece
        if data[0] == 0x16:  # TLS, which is not spoken here
            break
    return data.split(b"\r\n\r\n")[0].decode("latin-1")


@contextmanager
def saying(answer: bytes, *, pause: float = 0.0, piece: int = 65536) -> Iterator[int]:
    """Yield the port of a server that gives every request the same raw answer, slowly where a pause is given."""

    def serve(connection: socket.socket) -> None:
        _head(connection)
        for start in range(0, len(answer), piece):
            connection.sendall(answer[start : start + piece])
            time.sleep(pause)

    with listening(serve) as port:
        yield port
