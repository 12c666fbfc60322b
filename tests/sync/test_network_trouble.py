"""Networks that stand between: sign-in pages, proxies, certificates and drips are told apart and said in words."""

import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import UserError
from app.services.sync import facts, protocol, proxies, trust_protocol
from app.services.sync.faults import CentralUnreachable, Trouble
from app.services.sync.transport import HttpTransport, checked_address
from app.services.workspace import Workspace
from tests.sync.local_network import HOST, Authority, Proxy, proxy, saying, tls_end

PAGE = b"<html><body>Welcome to Free Wi-Fi</body></html>"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that this machine trusts, and no other."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return made


def port_of(central: Any) -> int:
    return int(central.url.rsplit(":", 1)[1])


def ask(server: str, **more: Any) -> trust_protocol.Challenge:
    transport = HttpTransport(server, **more)
    try:
        device = "00000000-0000-0000-0000-000000000001"
        return transport.call(
            "/challenge", trust_protocol.ChallengeRequest(device), trust_protocol.Challenge, open_to_all=True
        )
    finally:
        transport.close()


def trouble(server: str, **more: Any) -> CentralUnreachable:
    with pytest.raises(CentralUnreachable) as fault:
        ask(server, **more)
    assert fault.value.message.endswith("Your work is kept.")
    return fault.value


def raw(status: str, kind: str, body: bytes, *more: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *([f"Content-Type: {kind}"] if kind else []), *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (raw("302 Found", "text/html", b"", "Location: http://login.wifi.example/"), Trouble.PORTAL),
        (raw("307 Temporary Redirect", "", b"", "Location: http://login.wifi.example/"), Trouble.PORTAL),
        (raw("200 OK", "text/html; charset=utf-8", PAGE), Trouble.PORTAL),
        (raw("511 Network Authentication Required", "text/html", PAGE), Trouble.PORTAL),
        (raw("200 OK", "application/json", b"{}"), Trouble.NOT_OURS),
        (raw("403 Forbidden", "text/html", PAGE), Trouble.NOT_OURS),
        (raw("404 Not Found", "text/html", PAGE), Trouble.NOT_OURS),
        (raw("503 Service Unavailable", "text/html", PAGE), Trouble.NO_ANSWER),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Trouble.NOT_OURS),
        (b"", Trouble.NO_ANSWER),
    ],
)
def test_what_answers_in_place_of_the_central_store_is_told_apart(answer: bytes, expected: Trouble) -> None:
    with saying(answer) as port:
        assert trouble(f"http://127.0.0.1:{port}").trouble is expected


def test_a_sign_in_page_is_said_in_words_counts_as_offline_and_is_never_taken_for_records(
    enrol_laptop: Callable[..., Any], sync_once: Callable[[Workspace], Any]
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    with dawn.read() as session:
        before = facts.cursor(session)
    with saying(raw("200 OK", "text/html", PAGE)) as port:
        with dawn.local_session() as session:
            facts.put(session, facts.SERVER, f"http://127.0.0.1:{port}")
        with pytest.raises(CentralUnreachable) as fault:
            sync_once(dawn)
    assert fault.value.offline
    assert fault.value.message == (
        "This network asks you to sign in on its own page first. Open a web browser, sign in there, then sync again. "
        "Your work is kept."
    )
    with dawn.read() as session:
        assert facts.cursor(session) == before


def test_a_certificate_of_an_authority_that_the_system_trusts_is_taken(central: Any, authority: Authority) -> None:
    with tls_end(authority.issue("127.0.0.1"), port_of(central)) as port:
        assert ask(f"https://127.0.0.1:{port}").challenge


@pytest.mark.parametrize(
    ("host", "more", "expected"),
    [
        ("127.0.0.1", {"days": (-60, -1)}, Trouble.CERTIFICATE_DATE),
        ("127.0.0.1", {"days": (1, 60)}, Trouble.CERTIFICATE_DATE),
        ("login.wifi.example", {}, Trouble.CERTIFICATE_NAME),
        ("10.0.0.9", {}, Trouble.CERTIFICATE_NAME),
        ("127.0.0.1", {"self_signed": True}, Trouble.CERTIFICATE_ISSUER),
    ],
)
def test_a_certificate_that_is_not_right_is_refused_and_nothing_is_sent(
    authority: Authority, host: str, more: dict[str, Any], expected: Trouble
) -> None:
    with saying(raw("200 OK", "text/html", PAGE)) as behind, tls_end(authority.issue(host, **more), behind) as port:
        fault = trouble(f"https://127.0.0.1:{port}")
    assert fault.trouble is expected
    assert "Nothing was sent." in fault.message


def test_an_authority_that_the_system_does_not_know_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    with tls_end(stranger.issue("127.0.0.1"), 9) as port:
        assert trouble(f"https://127.0.0.1:{port}").trouble is Trouble.CERTIFICATE_ISSUER


def test_a_server_without_tls_is_no_central_store(authority: Authority) -> None:
    with saying(raw("200 OK", "text/html", PAGE)) as port:
        assert trouble(f"https://127.0.0.1:{port}").trouble in (Trouble.NOT_OURS, Trouble.NO_ANSWER)


@pytest.mark.parametrize("address", ["http://central.example", "http://192.168.1.4:8000", "http://[fe80::1]:80"])
def test_records_never_travel_unencrypted_over_a_network(address: str) -> None:
    with pytest.raises(UserError, match="https"):
        checked_address(address)


@pytest.fixture
def way(central: Any, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that leads to a central store behind TLS, as the environment names it."""
    with tls_end(authority.issue(HOST), port_of(central)) as secured, proxy(secured) as made:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{made.port}")
        yield made


def test_the_proxy_of_the_environment_is_used_and_what_it_leaves_out_is_not(
    way: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(f"https://{HOST}:8443").challenge
    assert way.asked == [f"CONNECT {HOST}:8443 HTTP/1.1"]
    monkeypatch.setenv("NO_PROXY", "localhost,.marlshire.example")
    assert proxies.proxy_for(f"https://{HOST}:8443") is None
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8")
    assert proxies.proxy_for("https://10.1.2.3") is None
    assert proxies.proxy_for("https://11.1.2.3") is not None


def test_a_proxy_that_asks_for_a_password_is_said_in_words_and_one_in_the_environment_is_given(
    way: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    way.password = "dawn:kettle"
    caplog.set_level(logging.DEBUG)
    fault = trouble(f"https://{HOST}:8443")
    assert fault.trouble is Trouble.PROXY_PASSWORD
    assert "asks for a name and password" in fault.message
    monkeypatch.setenv("HTTPS_PROXY", f"http://dawn:wrong@127.0.0.1:{way.port}")
    fault = trouble(f"https://{HOST}:8443")
    assert "wrong" not in fault.message
    monkeypatch.setenv("HTTPS_PROXY", f"http://dawn:kettle@127.0.0.1:{way.port}")
    assert ask(f"https://{HOST}:8443").challenge
    assert "kettle" not in caplog.text


def test_a_proxy_that_is_down_or_of_another_kind_is_said(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert trouble(f"https://{HOST}").trouble is Trouble.NO_ANSWER
    monkeypatch.setenv("HTTPS_PROXY", "socks5h://127.0.0.1:9")
    assert "SOCKS proxy" in trouble(f"https://{HOST}").message
    monkeypatch.setenv("HTTPS_PROXY", "ftp://127.0.0.1:9")
    assert trouble(f"https://{HOST}").trouble is Trouble.PROXY_UNUSABLE


def test_a_name_that_is_not_the_proxy_s_to_give_is_refused_through_it_too(
    central: Any, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_end(authority.issue("filter.example"), port_of(central)) as secured, proxy(secured) as made:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{made.port}")
        assert trouble(f"https://{HOST}").trouble is Trouble.CERTIFICATE_NAME


def test_no_proxy_stands_between_this_machine_and_itself(central: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(central.url).challenge


@pytest.mark.skipif(shutil.which("gsettings") is None, reason="needs the settings of a desktop")
def test_the_proxy_of_the_desktop_is_used_where_the_environment_names_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GSETTINGS_BACKEND", "keyfile")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def choose(schema: str, key: str, value: str) -> None:
        subprocess.run(["gsettings", "set", schema, key, value], check=True, timeout=20)

    assert proxies.proxy_for(f"https://{HOST}") is None
    choose("org.gnome.system.proxy", "mode", "manual")
    choose("org.gnome.system.proxy.https", "host", "proxy.marlshire.example")
    choose("org.gnome.system.proxy.https", "port", "3128")
    assert proxies.proxy_for(f"https://{HOST}") == "http://proxy.marlshire.example:3128"
    choose("org.gnome.system.proxy", "ignore-hosts", "['localhost', '10.0.0.0/8', '*.marlshire.example']")
    assert proxies.proxy_for(f"https://{HOST}") is None
    assert proxies.proxy_for("https://10.4.4.4") is None
    assert proxies.proxy_for("https://elsewhere.example") == "http://proxy.marlshire.example:3128"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX-Drip: " + b"y" * 4000,
        raw("200 OK", protocol.MEDIA_TYPE, b"z" * 4000),
    ],
    ids=["head", "body"],
)
def test_an_answer_that_drips_ends_when_the_time_for_the_whole_is_over(answer: bytes) -> None:
    with saying(answer, pause=0.05, piece=20) as port:
        started = time.monotonic()
        fault = trouble(f"http://127.0.0.1:{port}", timeout_seconds=5.0, whole_seconds=0.5)
        assert time.monotonic() - started < 4
    assert (fault.trouble, fault.slow) == (Trouble.SLOW, True)


def test_nothing_secret_stands_in_an_address_or_a_log(
    enrol_laptop: Callable[..., Any],
    sync_once: Callable[[Workspace], Any],
    central: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from tests.sync.bad_network import network

    caplog.set_level(logging.DEBUG)
    with network(central.url) as net:
        tokens: list[str] = []
        real = net.forward

        def noting(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
            tokens.append(headers.get("authorization", headers.get("Authorization", "")).removeprefix("Bearer "))
            return real(path, body, headers)

        net.forward = noting  # type: ignore[method-assign]  # listens in
        dawn = enrol_laptop("dawn", url=net.url).workspace()
        sync_once(dawn)
    said = caplog.text + "".join(capfd.readouterr())
    secrets = {token for token in tokens if token}
    assert secrets
    assert not any(token in said for token in secrets)
    assert all("?" not in path and not any(token in path for token in secrets) for path in net.requests)
