"""A standards-true OpenID provider on Authlib's server: discovery, JWKS, code flow with PKCE, end session, RFC 9207.

Everything that a test bends is an attribute: the claims of the next ID token, the token itself, the keys, the answers
of discovery and JWKS. ``Browser`` is what a person and a browser do: open the address, fill in the form, follow.
"""

import base64
import html
import json
import re
import secrets
import threading
import time as real_time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from wsgiref.handlers import format_date_time

import httpx
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationCodeGrant, ClientMixin
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import AuthorizationCodeMixin, OpenIDCode, UserInfo
from authlib.oidc.rpinitiated import EndSessionEndpoint
from flask import Flask, Response, redirect, request, session
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

from app.timesource import FrozenTime

CLIENT_ID = "rollcall-laptops"
PASSWORD = "winter boats return"
_KEYS: dict[str, Any] = {}


def key_of(kind: str, name: str) -> Any:
    """Return a signing key; made once in a run, as RSA keys take a while."""
    if (kind, name) not in _KEYS:
        parameters = {"kid": name, "use": "sig"}
        made = RSAKey.generate_key(2048, parameters) if kind == "RSA" else ECKey.generate_key("P-256", parameters)
        _KEYS[kind, name] = made
    return _KEYS[kind, name]


class Client(ClientMixin):
    """The public client of all laptops."""

    token_endpoint_auth_method = "none"

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return "http://127.0.0.1/callback"

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(each for each in scope.split() if each in ("openid", "profile", "email"))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        parts = urlsplit(redirect_uri)  # RFC 8252: any port of the loopback address
        return (parts.scheme, parts.hostname, parts.path) == ("http", "127.0.0.1", "/callback")

    def check_client_secret(self, client_secret: str) -> bool:
        return False

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Person:
    """Somebody at the provider."""

    sub: str
    username: str
    email: str
    email_verified: bool = True


@dataclass
class Code(AuthorizationCodeMixin):
    """An authorisation code."""

    code: str
    person: Person
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    auth_time: int

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time


@dataclass
class Provider:
    """A running provider.

    Attributes:
        issuer: where it is and what it calls itself.
        kind: RSA or EC.
        kid: of the key that signs now; ``published`` are those that JWKS shows.
        claims: bends the claims of an ID token before it is signed.
        token: bends or replaces the signed ID token.
        description: bends what discovery says.
        jwks: answers for JWKS instead.
        away: answers nothing but errors.
        heeds_max_age: asks again who has been signed in for longer than was asked for, as it must.
        seen: what reached each page, by name.
    """

    time: FrozenTime
    kind: str = "RSA"
    kid: str = "one"
    published: list[str] = field(default_factory=lambda: ["one"])
    people: dict[str, Person] = field(default_factory=dict)
    claims: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    token: Callable[[str], str] = lambda token: token
    description: Callable[[dict[str, Any]], dict[str, Any]] = lambda value: value
    jwks: Callable[[], Response] | None = None
    away: bool = False
    seen: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    issuer: str = ""
    clock_ahead_seconds: int = 0
    heeds_max_age: bool = True

    @property
    def now(self) -> int:
        """Its clock."""
        return int(self.time.now().timestamp()) + self.clock_ahead_seconds

    @property
    def algorithm(self) -> str:
        """What it signs with."""
        return "RS256" if self.kind == "RSA" else "ES256"

    @property
    def key(self) -> Any:
        """The key that signs now."""
        return key_of(self.kind, self.kid)

    def rotate(self, kid: str, *, keep_old: bool = False) -> None:
        """Sign with another key from now on."""
        self.published = [*(self.published if keep_old else []), kid]
        self.kid = kid

    def add(self, username: str, **values: Any) -> Person:
        """Add somebody."""
        person = Person(secrets.token_hex(8), username, f"{username}@marlshire.example", **values)
        self.people[username] = person
        return person


def serve(time: FrozenTime) -> Iterator[Provider]:
    """Run a provider on a free port until the iterator is closed."""
    provider = Provider(time)
    app = _app(provider)

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            pass

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_date_time(provider.now)

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def _app(provider: Provider) -> Flask:  # noqa: C901  (one page beside another)
    app = Flask("provider")
    app.secret_key = secrets.token_bytes(16)
    server = AuthorizationServer(app, query_client=lambda client_id: Client() if client_id == CLIENT_ID else None)
    server._save_token = lambda token, request: None

    class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib ships no types
        TOKEN_ENDPOINT_AUTH_METHODS = ["none"]

        def save_authorization_code(self, code: str, oauth: Any) -> Code:
            data = oauth.payload.data
            saved = Code(
                code,
                oauth.user,
                oauth.payload.redirect_uri,
                oauth.payload.scope,
                data.get("nonce"),
                data.get("code_challenge"),
                data.get("code_challenge_method"),
                session.get("at", provider.now),
            )
            provider.codes[code] = saved
            return saved

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, code: Code) -> None:
            provider.codes.pop(code.code, None)

        def authenticate_user(self, code: Code) -> Person:
            return code.person

    class OpenID(OpenIDCode):  # type: ignore[misc]  # Authlib ships no types
        def exists_nonce(self, nonce: str, oauth: Any) -> bool:
            return any(code.nonce == nonce for code in provider.codes.values())

        def resolve_client_private_key(self, client: Client) -> Any:
            return provider.key

        def get_client_algorithm(self, client: Client) -> str:
            return provider.algorithm

        def get_encode_header(self, client: Client) -> dict[str, str]:
            return {"alg": provider.algorithm, "kid": provider.kid}

        def get_client_claims(self, client: Client) -> dict[str, Any]:
            return {"iss": provider.issuer, "aud": CLIENT_ID, "iat": provider.now, "exp": provider.now + 300}

        def generate_user_info(self, user: Person, scope: str) -> UserInfo:
            return UserInfo(
                sub=user.sub, preferred_username=user.username, email=user.email, email_verified=user.email_verified
            )

        def encode_id_token(self, token: dict[str, Any], oauth: Any) -> str:
            made: str = super().encode_id_token(token, oauth)
            signed = jws.deserialize_compact(made, provider.key, algorithms=[provider.algorithm])
            claims = json.loads(signed.payload or b"")
            bent = provider.claims(dict(claims))
            if bent != claims:
                header = {"alg": provider.algorithm, "kid": provider.kid}
                made = jws.serialize_compact(
                    header, json.dumps(bent).encode(), provider.key, algorithms=[provider.algorithm]
                )
            return provider.token(made)

    class Names(IssuerParameter):  # type: ignore[misc]  # Authlib ships no types
        def get_issuer(self) -> str:
            return provider.issuer

    class EndSession(EndSessionEndpoint):  # type: ignore[misc]  # Authlib ships no types
        def get_server_jwks(self) -> Any:
            return KeySet([provider.key])

        def end_session(self, asked: Any) -> None:
            session.clear()

    server.register_grant(CodeGrant, [OpenID(require_nonce=True), CodeChallenge(required=True)])
    server.register_extension(Names())
    server.register_endpoint(EndSession)

    def note(page: str) -> None:
        provider.seen.setdefault(page, []).append({**request.args, **request.form})

    @app.before_request
    def down() -> Response | None:
        return Response("down", 503) if provider.away else None

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Any:
        note("discovery")
        here = provider.issuer
        return provider.description(
            {
                "issuer": here,
                "authorization_endpoint": f"{here}/authorize",
                "token_endpoint": f"{here}/token",
                "jwks_uri": f"{here}/jwks",
                "end_session_endpoint": f"{here}/end",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [provider.algorithm],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    @app.get("/jwks")
    def jwks() -> Any:
        note("jwks")
        if provider.jwks is not None:
            return provider.jwks()
        return KeySet([key_of(provider.kind, kid) for kid in provider.published]).as_dict(private=False)

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        note("authorize")
        known = provider.people.get(session.get("who", ""))
        if request.method == "GET" and request.args.get("prompt") == "login":
            known = None
        longest = request.args.get("max_age") if provider.heeds_max_age else None
        if request.method == "GET" and longest and provider.now - session.get("at", 0) > int(longest):
            known = None
        try:
            grant = server.get_consent_grant(end_user=known)
        except OAuth2Error as error:
            return server.handle_error_response(None, error)
        if request.method == "POST":
            if "refuse" in request.form:
                return server.create_authorization_response(grant=grant, grant_user=None)
            known = provider.people.get(request.form["username"])
            if known is None or request.form["password"] != PASSWORD:
                return Response("Wrong name or password", 401)
            session["who"], session["at"] = known.username, provider.now
        if known is None:
            return _FORM
        return server.create_authorization_response(grant=grant, grant_user=known)

    @app.post("/token")
    def token() -> Any:
        note("token")
        return server.create_token_response()

    @app.route("/end", methods=["GET", "POST"])
    def end() -> Any:
        note("end")
        return server.create_endpoint_response("end_session") or redirect("/ended")

    @app.get("/ended")
    def ended() -> str:
        return "Signed out"

    return app


_FORM = (
    "<!doctype html><form method=post><input name=username><input name=password type=password>"
    "<button>Sign in</button></form>"
)


class Browser:
    """A browser with a person in front of it: keeps cookies, shows what it last showed."""

    def __init__(self) -> None:
        self._client = httpx.Client(trust_env=False, follow_redirects=False, timeout=10)
        self.last_address = ""

    def open(self, address: str, username: str = "dawn", password: str = PASSWORD) -> str:
        """Open an address and sign in where a form asks for it; return the text of the last page."""
        response = self._follow(self._client.get(address))
        if "<form" in response.text:
            form = {"username": username, "password": password}
            response = self._follow(self._client.post(self.last_address, data=form))
        return html.unescape(re.sub(r"<[^>]+>", " ", response.text))

    def refuse(self, address: str) -> str:
        """Open an address and turn it down."""
        self._client.get(address)
        return self._follow(self._client.post(address, data={"refuse": "1"})).text

    def code_only(self, address: str, username: str = "dawn") -> str:
        """Sign in, but stop before the browser goes back; return the address it was sent to."""
        response = self._client.get(address)
        if "<form" in response.text:
            response = self._client.post(address, data={"username": username, "password": PASSWORD})
        return response.headers["location"]

    def close(self) -> None:
        """Close it."""
        self._client.close()

    def _follow(self, response: httpx.Response) -> httpx.Response:
        for _ in range(5):
            self.last_address = str(response.url)
            if not response.is_redirect:
                return response
            response = self._client.get(response.url.join(response.headers["location"]))
        return response


def later(work: Callable[[], Any]) -> threading.Thread:
    """Do something beside the test, as a browser does."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def encoded(value: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def wait_until(happened: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for something that another thread does."""
    ends_at = real_time.monotonic() + seconds
    while not happened():
        assert real_time.monotonic() < ends_at, "it did not happen"
        real_time.sleep(0.01)
