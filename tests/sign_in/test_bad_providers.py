"""Providers and their networks at their worst: huge, slow, deep, redirecting, inconsistent."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from app.services.oidc import web as web_module
from app.services.oidc.faults import IdTokenRefused, ProviderAway
from app.services.oidc.id_token import Expected, check_id_token, token_hash
from app.services.oidc.provider import ALGORITHMS, MOST_KEYS, Provider, describe, read_keys
from app.services.oidc.web import LARGEST_BYTES, Web, acceptable
from app.timesource import FrozenTime
from tests.sign_in.provider import CLIENT_ID, key_of
from tests.sign_in.provider import Provider as RealProvider


@contextmanager
def answering(pieces: Callable[[], Iterator[bytes]]) -> Iterator[str]:
    """Serve the same bytes to everybody, piece by piece, from a plain socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(4096)
                for piece in pieces():
                    if stop.is_set():
                        return
                    connection.sendall(piece)
            except OSError:
                return

    def accept() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        listener.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


def huge() -> Iterator[bytes]:
    yield HEAD + b'\r\n{"issuer": "'
    for _ in range(LARGEST_BYTES // 4096 + 2):
        yield b"x" * 4096
    yield b'"}'


def deep() -> Iterator[bytes]:
    yield HEAD + b'\r\n{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"


def dripping() -> Iterator[bytes]:
    pause = threading.Event()
    yield HEAD + b"\r\n"
    for _ in range(200):
        pause.wait(0.05)
        yield b" "


def dripping_head() -> Iterator[bytes]:
    pause = threading.Event()
    yield b"HTTP/1.1 200 OK\r\n"
    for _ in range(200):
        pause.wait(0.05)
        yield b"X: y\r\n"


def packed() -> Iterator[bytes]:
    import gzip

    yield HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b'{"a": "' + b"x" * 5_000_000 + b'"}')


def moved() -> Iterator[bytes]:
    yield b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"


def no_object() -> Iterator[bytes]:
    yield HEAD + b"\r\n[1, 2]"


def no_json() -> Iterator[bytes]:
    yield HEAD + b"\r\n<html>Sign in to the Wi-Fi</html>"


def no_http() -> Iterator[bytes]:
    yield b"\x15\x03\x01\x00\x02\x02"


@pytest.mark.parametrize(
    "pieces",
    [huge, deep, dripping, dripping_head, packed, moved, no_object, no_json, no_http],
    ids=lambda each: each.__name__,
)
def test_what_is_no_provider_is_given_up_in_words(
    pieces: Callable[[], Iterator[bytes]], frozen_time: FrozenTime
) -> None:
    with answering(pieces) as address:
        web = Web(frozen_time, piece_seconds=2.0, whole_seconds=0.5)
        with pytest.raises(ProviderAway, match="Your work is kept"):
            web.get(address)


def test_secrets_go_to_encrypted_addresses_only(frozen_time: FrozenTime) -> None:
    assert acceptable("https://sign-in.marlshire.example/realm")
    assert acceptable("http://127.0.0.1:8080/x")
    for address in (
        "http://sign-in.marlshire.example",
        "ftp://x",
        "https://",
        "https://user:secret@x.example",
        "https://x.example/#here",
        "javascript:alert(1)",
        "http://[x",
        "https://x.example/" + "x" * 3000,
    ):
        assert not acceptable(address)
        with pytest.raises(ProviderAway):
            Web(frozen_time).get(address)


def test_a_description_that_does_not_fit_is_not_used(provider: RealProvider, frozen_time: FrozenTime) -> None:
    changes: list[dict[str, Any]] = [
        {"issuer": "https://elsewhere.example"},
        {"issuer": provider.issuer + "/"},
        {"token_endpoint": "http://sign-in.example/token"},
        {"token_endpoint": None},
        {"jwks_uri": 7},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"response_types_supported": ["id_token"]},
        {"code_challenge_methods_supported": ["plain"]},
    ]
    for change in changes:
        provider.description = lambda value, change=change: {**value, **change}
        with pytest.raises(ProviderAway):
            describe(Web(frozen_time), provider.issuer)
    provider.description = lambda value: {**value, "end_session_endpoint": "http://elsewhere.example/end"}
    assert describe(Web(frozen_time), provider.issuer).end_session == ""


def test_keys_that_may_not_sign_are_passed_over() -> None:
    good = key_of("RSA", "one").as_dict(private=False)
    odd: list[Any] = [
        "no key",
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {**good, "kid": "for encryption", "use": "enc"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "tiny"},
        {"kty": "EC", "crv": "P-256", "x": "!!", "y": "!!", "kid": "broken"},
        {"kty": "new kind", "kid": "new"},
        {**good, "key_ops": 7, "alg": ["x"]},
    ]
    assert [key.as_dict(private=False)["kid"] for key in read_keys({"keys": odd})] == ["one"]
    for document in ({}, {"keys": "x"}, {"keys": [good] * (MOST_KEYS + 1)}):
        with pytest.raises(ProviderAway):
            read_keys(document)


def test_no_algorithm_without_a_private_key_is_ever_taken() -> None:
    assert not any(each.startswith("HS") or each == "none" for each in ALGORITHMS)


def test_keys_serve_on_while_the_provider_is_away_but_not_for_ever(
    provider: RealProvider, frozen_time: FrozenTime
) -> None:
    found = Provider(provider.issuer, frozen_time)
    assert found.key("one", "RS256")
    provider.away = True
    frozen_time.advance(hours=2)
    assert found.key("one", "RS256")
    frozen_time.advance(hours=11)
    with pytest.raises(ProviderAway):
        found.key("one", "RS256")
    provider.away = False
    frozen_time.advance(minutes=1)
    assert found.key("one", "RS256")


def test_a_withdrawn_key_is_believed_for_an_hour_at_most(provider: RealProvider, frozen_time: FrozenTime) -> None:
    found = Provider(provider.issuer, frozen_time)
    assert found.key("one", "RS256")
    provider.rotate("two")
    frozen_time.advance(minutes=61)
    with pytest.raises(IdTokenRefused) as refused:
        found.key("one", "RS256")
    assert refused.value.code == "key"
    with pytest.raises(IdTokenRefused) as refused:
        found.key("two", "ES256")  # a key of another kind than the algorithm needs
    assert refused.value.code == "key"


def test_several_audiences_need_the_party_they_were_issued_to(provider: RealProvider, frozen_time: FrozenTime) -> None:
    import json

    from joserfc import jws

    now = frozen_time.now()
    base = {
        "iss": provider.issuer,
        "sub": "s",
        "nonce": "n",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=5)).timestamp()),
    }

    def check(**claims: Any) -> dict[str, Any]:
        token = jws.serialize_compact(
            {"alg": "RS256", "kid": "one"}, json.dumps({**base, **claims}).encode(), provider.key, algorithms=["RS256"]
        )
        expected = Expected(CLIENT_ID, "n", frozenset({"rollcall-central"}))
        return check_id_token(token, Provider(provider.issuer, frozen_time), expected, now)

    assert check(aud=[CLIENT_ID])["sub"] == "s"
    assert check(aud=[CLIENT_ID, "rollcall-central"], azp=CLIENT_ID)["azp"] == CLIENT_ID
    for claims, code in (
        ({"aud": [CLIENT_ID, "rollcall-central"]}, "azp"),
        ({"aud": [CLIENT_ID, "elsewhere"], "azp": CLIENT_ID}, "audience"),
        ({"aud": ["rollcall-central"], "azp": CLIENT_ID}, "audience"),
        ({"aud": {"x": 1}}, "audience"),
        ({"aud": CLIENT_ID, "iat": True}, "shape"),
        ({"aud": CLIENT_ID, "exp": 1e300}, "shape"),
    ):
        with pytest.raises(IdTokenRefused) as refused:
            check(**claims)
        assert refused.value.code == code


def test_the_hash_of_an_access_token_is_as_the_standard_has_it() -> None:
    # OpenID Connect Core 1.0, appendix A.3.
    token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    assert token_hash(token, "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
    assert web_module.WHOLE_SECONDS <= 30
