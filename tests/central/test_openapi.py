"""The OpenAPI description is true: schemathesis makes right and wrong requests of it and checks the answers."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig

from app.central import main as central_main
from app.central.description import DEVICE, NOBODY, PERSON, RESCUER, ROUTES, document
from app.central.embedded import serve_in_thread
from app.services.sync import protocol
from app.services.sync.protocol import MEDIA_TYPE, VERSION_HEADER
from app.timesource import FrozenTime
from tests.central.test_authorisation_matrix import NOW, SMALLEST
from tests.central.test_store import Laptop, task

EXAMPLES = 8
"""Requests of each kind for each route."""
READS_FURTHER = frozenset(
    {"/v1/push", "/v1/hand-back", "/v1/rescue", "/v1/rescue/audit", "/v1/audit", "/v1/documents/offer",
     "/v1/documents/put", "/v1/snapshot/rows", "/v1/lease", "/v1/units/history", "/v1/units/rows", "/v1/proof",
     "/v1/sign-in", "/v1/sign-in/account", "/v1/deletions/meant"}
)  # fmt: skip
"""Routes that refuse what fits the schema: bytes that do not fit their hash, a name with a hidden character."""
TUPLES = frozenset({"/v1/epochs", "/v1/documents/get", "/v1/snapshot/start"})
"""Whose answers schemathesis reads wrongly: it turns ``prefixItems`` into the form of an older JSON Schema."""
SLOW = frozenset({"/v1/sign-in", "/v1/sign-in/account"})
"""Each try is a password hashed."""
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


class Api:
    """A served store, its description as schemathesis reads it, and a token of each kind."""

    def __init__(self, dsn: str) -> None:
        self.running = serve_in_thread(dsn, time=FrozenTime(NOW))
        services = self.running.services
        services.people.ensure_authority("Marlshire County Council")
        user = services.people.add_user("ruth", "Ruth Okonjo", "supervisor", "West team")
        laptop = Laptop(services, user)
        laptop.push(laptop.change_set(task()))
        issue, life = services.trust.tokens.issue, timedelta(minutes=15)
        self.tokens = {
            DEVICE: issue({"device": laptop.device_id, "use": "device"}, life),
            RESCUER: issue({"device": laptop.device_id, "use": "rescue"}, life),
            PERSON: issue({"user": user, "use": "user"}, life),
        }
        config = SchemathesisConfig.from_dict(
            {
                "checks": {
                    "negative_data_rejection": {"expected-statuses": [400, 401, 403, 415, 426]},
                    "positive_data_acceptance": {"expected-statuses": [200, 401, 403]},
                    "missing_required_header": {"expected-statuses": [426]},
                }
            }
        )
        self.schema = schemathesis.openapi.from_dict(_json_form(document()), config=config)
        self.headers = {"accept": "application/json"}


def _json_form(described: Any) -> Any:
    """The description without the packed form, which schemathesis cannot write."""
    if isinstance(described, dict):
        return {name: _json_form(part) for name, part in described.items() if name != MEDIA_TYPE}
    return [_json_form(part) for part in described] if isinstance(described, list) else described


def _whole(value: Any) -> Any:
    """Return a body with whole numbers written as such: ``1.0`` is an integer to JSON Schema and not to this store."""
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.fixture(scope="module")
def api(postgres: Any, _template: str) -> Iterator[Api]:
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE described TEMPLATE {_template}")
    made = Api(postgres.get_uri(database="described"))
    yield made
    made.running.stop()
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute("DROP DATABASE described WITH (FORCE)")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", sorted(path for path in ROUTES if path != "/v1/live"))
def test_what_is_described_is_what_happens(api: Api, path: str, mode: GenerationMode) -> None:
    route = ROUTES[path]
    if route.asks is None and mode is GenerationMode.NEGATIVE:
        return  # it takes nothing that could be wrong
    load_all_checks()
    operation = api.schema[path]["GET" if route.asks is None else "POST"]
    without = ["positive_data_acceptance"] * (path in READS_FURTHER) + ["response_schema_conformance"] * (
        path in TUPLES
    )
    excluded = [schemathesis.checks.CHECKS.get_one(name) for name in without]
    headers = {**api.headers, **({} if route.who == NOBODY else {"Authorization": f"Bearer {api.tokens[route.who]}"})}

    @settings(QUICK, max_examples=3 if path in SLOW else EXAMPLES)
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: schemathesis.Case) -> None:
        case.body = _whole(case.body)
        answer = case.call_and_validate(base_url=api.running.url, headers=headers, excluded_checks=excluded)
        if answer.status_code == 200:
            msgspec.json.decode(answer.content, type=route.answers)

    run()


def test_packed_and_json_say_the_same(api: Api) -> None:
    token = {"authorization": f"Bearer {api.tokens[DEVICE]}", VERSION_HEADER: "2"}
    for path in ("/v1/pull", "/v1/own-sets", "/v1/snapshot/rows", "/v1/epochs"):
        kind, message = ROUTES[path].answers, SMALLEST[path]
        url = api.running.url + path
        packed = httpx.post(
            url, content=protocol.pack(message), headers={**token, "content-type": MEDIA_TYPE}, trust_env=False
        )
        plain = httpx.post(
            url,
            content=msgspec.json.encode(message),
            headers={**token, "content-type": "application/json"},
            trust_env=False,
        )
        assert (packed.headers["content-type"], plain.headers["content-type"]) == (MEDIA_TYPE, "application/json")
        assert msgspec.json.decode(plain.content, type=kind) == protocol.unpack(kind, packed.content)


def test_what_does_not_fit_is_refused_in_words_in_the_form_asked_for(api: Api) -> None:
    token = {"authorization": f"Bearer {api.tokens[DEVICE]}", VERSION_HEADER: "2"}
    url = f"{api.running.url}/v1/pull"

    def said(status: int, code: str, answer: httpx.Response) -> None:
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    as_json = {**token, "content-type": "application/json"}
    said(400, "not-understood", httpx.post(url, content=b'{"cursor": -1}', headers=as_json, trust_env=False))
    said(400, "not-understood", httpx.post(url, content=b"[" * 100_000, headers=as_json, trust_env=False))
    said(426, "version", httpx.post(url, content=b"{}", headers={**as_json, VERSION_HEADER: "9"}, trust_env=False))
    wrong = {**token, "content-type": "text/plain", "accept": "application/json"}
    said(415, "media-type", httpx.post(url, content=b"{}", headers=wrong, trust_env=False))
    said(405, "no-such-method", httpx.get(url, headers=as_json, trust_env=False))
    said(404, "no-such-route", httpx.get(f"{url}/more", headers=as_json, trust_env=False))


def test_the_description_is_printed_and_names_every_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert central_main.run(["openapi"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said["paths"]) == set(ROUTES)
    names = {kind.__name__ for route in ROUTES.values() for kind in (route.asks, route.answers) if kind is not None}
    assert names - {"LiveEvent"} <= set(said["components"]["schemas"])
    for path in said["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                assert answer["content"]
