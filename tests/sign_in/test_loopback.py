"""Waiting for the browser: only the right redirect counts, and nothing else on the machine can disturb it."""

import socket
import time as real_time
from typing import Any

import pytest

from app.services.sign_in.faults import SignInEnded
from app.services.sign_in.loopback import LARGEST_REQUEST, Loopback, Redirect
from tests.sign_in.provider import later

STATE = "s" * 43


def port_of(loopback: Loopback) -> int:
    return int(loopback.address.split(":")[2].split("/")[0])


def say(port: int, text: str, *, host: str | None = None) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(text.replace("HOST", host or f"127.0.0.1:{port}").encode())
        pieces = []
        while piece := connection.recv(4096):
            pieces.append(piece)
    return b"".join(pieces).decode()


def get(port: int, target: str, **options: Any) -> str:
    return say(port, f"GET {target} HTTP/1.1\r\nHost: HOST\r\n\r\n", **options)


def waiting(loopback: Loopback) -> tuple[list[Any], Any]:
    found: list[Any] = []

    def wait() -> None:
        try:
            found.append(loopback.wait(10))
        except SignInEnded as ended:
            found.append(ended.code)

    return found, later(wait)


def test_only_the_right_redirect_ends_the_wait() -> None:
    loopback = Loopback(STATE)
    port = port_of(loopback)
    found, thread = waiting(loopback)
    right = f"/callback?code=abc&state={STATE}"
    assert "400 " in get(port, "/callback?code=abc&state=wrong")
    assert "400 " in get(port, "/callback?code=abc")
    assert "400 " in get(port, f"/callback?code=abc&state={STATE}&state={STATE}")
    assert "404 " in get(port, f"/elsewhere?code=abc&state={STATE}")
    assert "404 " in get(port, "/favicon.ico")
    assert "404 " in get(port, right, host="rollcall.attacker.example")
    assert "404 " in say(port, f"POST {right} HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n")
    assert "404 " in say(port, "\x16\x03\x01 nonsense\r\n\r\n")
    assert found == []
    page = get(port, right + "&iss=https%3A%2F%2Fsign-in.example")
    assert page.startswith("HTTP/1.1 200 ")
    assert "You can close this window" in page
    assert "default-src 'none'" in page
    assert "abc" not in page
    thread.join(5)
    assert found == [Redirect("abc", "https://sign-in.example")]
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_connections_that_say_nothing_or_too_much_do_not_hold_it_up() -> None:
    loopback = Loopback(STATE)
    port = port_of(loopback)
    found, thread = waiting(loopback)
    silent = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(40)]
    assert "431 " in say(port, "GET /callback HTTP/1.1\r\nX: " + "x" * (LARGEST_REQUEST + 10))
    began = real_time.monotonic()
    assert "200 " in get(port, f"/callback?code=abc&state={STATE}")
    assert real_time.monotonic() - began < 5
    thread.join(5)
    assert found == [Redirect("abc", None)]
    for each in silent:
        each.close()


def test_it_ends_when_cancelled_or_out_of_time_or_turned_down() -> None:
    loopback = Loopback(STATE)
    found, thread = waiting(loopback)
    loopback.cancel()
    thread.join(5)
    assert found == ["cancelled"]
    with pytest.raises(SignInEnded) as ended:
        Loopback(STATE).wait(0.05)
    assert ended.value.code == "time"
    loopback = Loopback(STATE)
    found, thread = waiting(loopback)
    get(port_of(loopback), f"/callback?error=access_denied&state={STATE}")
    thread.join(5)
    assert found == ["refused"]


def test_it_listens_on_this_machine_only() -> None:
    loopback = Loopback(STATE)
    assert loopback._listener.getsockname()[0] == "127.0.0.1"
    loopback.close()
