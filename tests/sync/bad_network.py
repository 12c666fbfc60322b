"""A network between laptop and central store that misbehaves on order."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import zstandard

from app.services.sync.protocol import MEDIA_TYPE

PASS, CUT, CUT_HALF, HANG, HTML, WRONG, TRUNCATED, BOMB, GATEWAY, REDIRECT = (
    "pass",
    "cut after the server has answered",
    "cut in the middle of the answer",
    "hang",
    "a page of a public Wi-Fi",
    "another message",
    "truncated zstandard",
    "a message that unpacks to gigabytes",
    "bad gateway",
    "a redirect",
)


class Network:
    """Forwards to a central store; ``mode`` and ``paths`` say what goes wrong, ``left`` how many times."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.mode = PASS
        self.paths = ""
        self.left = 10**9
        self.requests: list[str] = []
        self.url = ""

    def break_with(self, mode: str, path: str = "", *, times: int = 10**9) -> None:
        """Do this to the next requests whose path holds ``path``."""
        self.mode, self.paths, self.left = mode, path, times

    def mend(self) -> None:
        """Let everything through."""
        self.mode = PASS

    def forward(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(str(self.target.hostname), self.target.port, timeout=30)
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        answer = response.status, response.headers.get("content-type", ""), response.read()
        connection.close()
        return answer


def _answer(handler: BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("content-type", kind)
    if status == 302:
        handler.send_header("location", "http://127.0.0.1:1/login")
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    net: Network

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        net, mode = self.net, PASS
        net.requests.append(self.path)
        if net.mode != PASS and net.paths in self.path and net.left > 0:
            net.left -= 1
            mode = net.mode
        if mode in _MADE_UP:
            _answer(self, *_MADE_UP[mode]())
        elif mode == HANG:
            time.sleep(3)
            self.close_connection = True
        else:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            self._pass_on(mode, *net.forward(self.path, body, headers))

    def _pass_on(self, mode: str, status: int, kind: str, answer: bytes) -> None:
        if mode == PASS:
            _answer(self, status, kind, answer)
        elif mode == TRUNCATED:
            _answer(self, status, kind, answer[: len(answer) // 2])
        else:
            self.close_connection = True
            if mode == CUT_HALF:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer[: len(answer) // 2])


def _packed(plain: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(plain)


_MADE_UP: dict[str, Callable[[], tuple[int, str, bytes]]] = {
    HTML: lambda: (200, "text/html", b"<html><body>Welcome to Free Wi-Fi. Sign in.</body></html>"),
    WRONG: lambda: (200, MEDIA_TYPE, _packed(b"\x83\xa1a\x01\xa1b\x02\xa1c\x03")),
    BOMB: lambda: (200, MEDIA_TYPE, _packed(bytes(200 * 1024 * 1024))),
    GATEWAY: lambda: (502, "text/html", b"<h1>502</h1>"),
    REDIRECT: lambda: (302, "text/html", b""),
}


@contextmanager
def network(target: str) -> Iterator[Network]:
    """Serve a network in front of a central store."""
    net = Network(target)
    handler = type("Handler", (_Handler,), {"net": net})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    net.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield net
    finally:
        server.shutdown()
        server.server_close()
