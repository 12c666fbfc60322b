"""Every endpoint, by every kind of token, by every role, on own, other teams' and other authorities' records.

The routes are read off the application, so a new one without an entry here fails.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from app.central.app import create_app
from app.central.description import DEVICE, NOBODY, PERSON, RESCUER, ROUTES
from app.central.embedded import RunningCentral, serve_in_thread
from app.ids import new_id
from app.models import Case, CaseEvent, Child, Document
from app.models.terms import EventKind, Role
from app.services.access import ROLE_REACH, TABLE_PERMISSIONS, Reach, allowed
from app.services.changes import Change
from app.services.signing import Signer, new_seed
from app.services.sync import (
    protocol,
    rescue_protocol,
    scope_protocol,
    sign_in_protocol,
    store_protocol,
    trust_protocol,
)
from app.services.sync.protocol import MEDIA_TYPE, VERSION_HEADER, pack, unpack
from app.timesource import FrozenTime
from tests.central.test_store import Laptop, insert

NOW = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)
ZEROS = b"\0" * 32
OWN, OTHER_TEAM, OTHER_AUTHORITY = "own", "other team", "other authority"

SMALLEST: dict[str, msgspec.Struct] = {
    "/v1/enrolment/check": trust_protocol.CodeRequest("AAAA-BBBB-CCCC"),
    "/v1/enrolment": trust_protocol.EnrolRequest("AAAA-BBBB-CCCC", new_id(), "Test", "", b"", 2026),
    "/v1/challenge": trust_protocol.ChallengeRequest(new_id()),
    "/v1/session": trust_protocol.SessionRequest("nonsense", b""),
    "/v1/rescue/session": rescue_protocol.RescueSession("nonsense", b""),
    "/v1/sign-in": trust_protocol.SignInRequest("nobody", "nothing"),
    "/v1/sign-in/way": sign_in_protocol.WayRequest(),
    "/v1/sign-in/start": sign_in_protocol.SignInStart("", ""),
    "/v1/sign-in/provider": sign_in_protocol.ProviderSignIn("nonsense", "", b""),
    "/v1/sign-in/account": sign_in_protocol.LocalSignIn("nonsense", "nobody", "nothing", "", b""),
    "/v1/sign-in/renew": sign_in_protocol.RefreshRequest("nonsense", b""),
    "/v1/sign-in/end": sign_in_protocol.SignOutRequest("nonsense", b""),
    "/v1/my-code": trust_protocol.MyCodeRequest(),
    "/v1/second-step": sign_in_protocol.SecondStepRequest(),
    "/v1/second-step/confirm": sign_in_protocol.SecondStepProof("000000"),
    "/v1/rescue": rescue_protocol.HandInRequest([]),
    "/v1/rescue/audit": protocol.AuditPush(0, ZEROS, [], ZEROS, 0),
    "/v1/rescue/audit/entries": protocol.AuditRequest(0),
    "/v1/push": protocol.PushRequest([]),
    "/v1/pull": protocol.PullRequest(0),
    "/v1/epochs": store_protocol.EpochsRequest(),
    "/v1/hand-back": store_protocol.HandBackRequest([]),
    "/v1/own-sets": protocol.OwnSetsRequest(0),
    "/v1/snapshot/start": protocol.SnapshotStartRequest(),
    "/v1/snapshot/rows": protocol.SnapshotRequest("child"),
    "/v1/units/rows": scope_protocol.UnitsRequest([]),
    "/v1/units/history": scope_protocol.HistoryRequest([], 0, 0, 10),
    "/v1/proof": scope_protocol.ProofRequest(0, []),
    "/v1/handed-in": rescue_protocol.FetchPiece(new_id()),
    "/v1/deletions": rescue_protocol.DeletionsQuestion(0),
    "/v1/deletions/meant": rescue_protocol.DeletionsWord(1),
    "/v1/audit": protocol.AuditPush(0, ZEROS, [], ZEROS, 0),
    "/v1/audit/entries": protocol.AuditRequest(0),
    "/v1/lease": protocol.LeaseRequest(2026),
    "/v1/documents/offer": protocol.OfferDocuments([]),
    "/v1/documents/put": protocol.PutChunks([]),
    "/v1/documents/find": protocol.FindManifests([]),
    "/v1/documents/get": protocol.MissingChunks([]),
}
"""A message for each route that takes one, which the right asker is not turned away for."""


@dataclass(frozen=True)
class Record:
    """A child with a case, a note and a document, told apart from all others by a word in each."""

    whose: str
    word: str
    child: str
    case: str
    document: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Said:
    """An answer; of a stream, its first event."""

    status_code: int
    kind: str
    content: bytes


class Authority:
    """One central store, with a laptop for each role of its West team."""

    def __init__(self, dsn: str, clock: FrozenTime) -> None:
        self.running: RunningCentral = serve_in_thread(dsn, time=clock)
        self.services, self.clock = self.running.services, clock
        self.client = httpx.Client(base_url=self.running.url, trust_env=False, verify=False, timeout=30)
        people = self.services.people
        people.ensure_authority("Marlshire County Council")
        self.users = {role: people.add_user(f"{role}", f"A {role}", role, "West team") for role in Role}
        people.ensure_team("East team")

    def add_record(self, whose: str, team: str) -> Record:
        word = f"Zz{uuid.uuid4().hex[:10]}"
        record = Record(whose, word, new_id(), new_id(), new_id(), f"bytes of {word}".encode())
        team_id = self.services.people.ensure_team(team)
        document = {"sha256": record.sha256, "size": len(record.data), "media_type": "text/plain", "page_count": 1}
        self.services.people.add_records(
            [
                (Child, {"id": record.child, "forename": word, "surname": "Merrow"}),
                (
                    Case,
                    {
                        "id": record.case,
                        "reference": f"CME-2026-{uuid.uuid4().int % 90000 + 10000}",
                        "child_id": record.child,
                        "opened_on": date(2026, 11, 2),
                        "team_id": team_id,
                        "reason": f"{word} reason",
                    },
                ),
                (
                    CaseEvent,
                    {"case_id": record.case, "kind": EventKind.NOTE, "happened_at": NOW, "body": f"{word} note"},
                ),
                (
                    Document,
                    {
                        "id": record.document,
                        "case_id": record.case,
                        "title": f"{word} scan",
                        "arrived_at": NOW,
                        "reading": {},
                        "rotation": {},
                        **document,
                    },
                ),
            ],
            f"Opened {word}",
        )
        chunk = hashlib.sha256(record.data).hexdigest()
        manifest = protocol.Manifest(record.sha256, len(record.data), "text/plain", [chunk])
        sender = new_id()
        self.services.bytes.offer(sender, [manifest])
        assert self.services.bytes.take(sender, [(chunk, record.data)], [record.sha256]) == [record.sha256]
        return record

    def ask(self, path: str, message: Any, token: str = "") -> "Said":
        headers = {"content-type": MEDIA_TYPE, VERSION_HEADER: str(protocol.VERSION)}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if message is None:
            with self.client.stream("GET", path, headers=headers) as answer:
                kind = answer.headers["content-type"]
                body = next(answer.iter_raw()) if kind.startswith("text/event-stream") else answer.read()
                return Said(answer.status_code, kind, body)
        answer = self.client.post(path, content=pack(message), headers=headers)
        return Said(answer.status_code, answer.headers["content-type"], answer.content)

    def close(self) -> None:
        self.client.close()
        self.running.stop()

    def token_of(self, device_id: str, use: str = "device", life: timedelta = timedelta(minutes=15)) -> str:
        return self.services.trust.tokens.issue({"device": device_id, "use": use}, life)


class Pair:
    """Two authorities, and the three kinds of record."""

    def __init__(self, one: Authority, two: Authority) -> None:
        self.one, self.two = one, two
        self.records = [
            one.add_record(OWN, "West team"),
            one.add_record(OTHER_TEAM, "East team"),
            two.add_record(OTHER_AUTHORITY, "West team"),
        ]
        self.laptops = {role: Laptop(one.services, one.users[role]) for role in Role}
        self.snapshots: dict[Role, bytes] = {}
        self.foreign = Laptop(two.services, two.users[Role.CASEWORKER])

    def token(self, role: Role) -> str:
        return self.one.token_of(self.laptops[role].device_id)


@pytest.fixture(scope="module")
def pair(postgres: Any, _template: str) -> Iterator[Pair]:
    names = ["matrix_one", "matrix_two"]
    clock = FrozenTime(NOW)
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        for name in names:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {_template}")
    one, two = (Authority(postgres.get_uri(database=name), clock) for name in names)
    yield Pair(one, two)
    one.close()
    two.close()
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        for name in names:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def paths(authority: Authority) -> set[str]:
    """Return every path that the application serves."""
    return {str(route.path) for route in _flat(create_app(authority.services).routes)}


def _flat(routes: Any) -> Iterator[Any]:
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "app", None)
        if hasattr(inner, "routes") and not hasattr(route, "endpoint"):
            yield from _flat(inner.routes)
        elif hasattr(route, "path"):
            yield route


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_every_route_is_in_the_tables(pair: Pair) -> None:
    served = paths(pair.one)
    assert len(served) > 30
    assert served == set(ROUTES)
    assert set(SMALLEST) == {path for path, route in ROUTES.items() if route.asks is not None}
    assert {path for path, route in ROUTES.items() if route.who in (DEVICE, RESCUER)} == set(PROBES)
    for path, message in SMALLEST.items():
        assert type(message) is ROUTES[path].asks


def wrong_tokens(pair: Pair, who: str) -> dict[str, str]:
    """Return tokens that do not let their bearer in where ``who`` is asked for."""
    one, laptop = pair.one, pair.laptops[Role.CASEWORKER]
    uses = {DEVICE: "device", PERSON: "user", RESCUER: "rescue"}
    tokens = one.services.trust.tokens
    user = {"user": one.users[Role.CASEWORKER]}
    wrong = {
        "none": "",
        "nonsense": "nonsense",
        "unsigned": "eyJhbGciOiJub25lIn0.eyJ1c2UiOiJkZXZpY2UifQ.",
        "expired": tokens.issue({"device": laptop.device_id, **user, "use": uses[who]}, timedelta(seconds=-1)),
        "another authority's": pair.two.token_of(pair.foreign.device_id, uses[who]),
        "another authority's for this laptop": pair.two.token_of(laptop.device_id, uses[who]),
        "a challenge": one.services.trust.challenge(laptop.device_id),
        "a sign-in's challenge": one.services.trust.people.start(
            sign_in_protocol.SignInStart(laptop.device_id, laptop.signer.public_key)
        ).challenge,
        "a laptop nobody knows": one.token_of(new_id(), uses[who]),
    }
    if who == PERSON:
        wrong["a laptop's"] = one.token_of(laptop.device_id)
    if who != RESCUER:
        wrong["for handing in only"] = one.token_of(laptop.device_id, "rescue")
    if who != PERSON:
        wrong["a person's"] = tokens.issue({**user, "use": "user"}, timedelta(minutes=15))
    if who == PERSON:
        del wrong["a laptop nobody knows"]
    return wrong


@pytest.mark.parametrize("path", sorted(path for path, route in ROUTES.items() if route.who != NOBODY))
def test_no_wrong_token_is_let_in(pair: Pair, path: str) -> None:
    for kind, token in wrong_tokens(pair, ROUTES[path].who).items():
        answer = pair.one.ask(path, SMALLEST.get(path), token)
        assert answer.status_code in (401, 403), (path, kind, answer.status_code)
        problem = unpack(protocol.Problem, answer.content)
        assert problem.code in ("token-stale", "device-unknown", "not-turned-away"), (path, kind, problem)


@pytest.mark.parametrize("path", sorted(path for path, route in ROUTES.items() if route.who == DEVICE))
def test_the_right_token_is_let_in_until_the_laptop_or_its_person_is_not(pair: Pair, path: str) -> None:
    one = pair.one
    if path not in ("/v1/handed-in", "/v1/deletions/meant"):  # for supervisors only: their own rows below
        assert one.ask(path, SMALLEST.get(path), pair.token(Role.CASEWORKER)).status_code == 200
    gone = Laptop(one.services, one.users[Role.CASEWORKER])
    token = one.token_of(gone.device_id)
    one.services.trust.revoke(gone.device_id)
    answer = one.ask(path, SMALLEST.get(path), token)
    assert (answer.status_code, unpack(protocol.Problem, answer.content).code) == (403, "device-revoked")


@pytest.mark.parametrize("path", sorted(path for path, route in ROUTES.items() if route.who == NOBODY))
def test_what_asks_for_no_token_gains_nothing_from_one(pair: Pair, path: str) -> None:
    def said(token: str) -> tuple[int, str]:
        answer = pair.one.ask(path, SMALLEST.get(path), token)
        assert answer.status_code < 500
        ours = answer.kind == MEDIA_TYPE and answer.status_code != 200
        return answer.status_code, unpack(protocol.Problem, answer.content).code if ours else ""

    assert said("") == said(pair.token(Role.SUPERVISOR)) == said("nonsense")


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_a_body_is_not_read_before_it_is_known_who_asks(pair: Pair, path: str) -> None:
    if ROUTES[path].who == NOBODY or ROUTES[path].asks is None:
        return
    headers = {"content-type": MEDIA_TYPE, VERSION_HEADER: "2"}
    answer = pair.one.client.post(path, content=b"\xff" * 100, headers=headers)
    assert answer.status_code == 401


# -- records ---------------------------------------------------------------------------------------------------------


def sees(role: Role, record: Record) -> bool:
    """Return what the table of roles says: whose records a role's laptop may be given."""
    reach = ROLE_REACH[role]
    if record.whose == OTHER_AUTHORITY or reach is Reach.NONE:
        return False
    return record.whose == OWN or reach is Reach.AUTHORITY


def _everything(pair: Pair, path: str, message: Any, role: Role) -> bytes:
    answer = pair.one.ask(path, message, pair.token(role))
    assert answer.status_code == 200, (path, role, unpack(protocol.Problem, answer.content))
    return msgspec.json.encode(unpack(ROUTES[path].answers, answer.content)) + _raw(
        unpack(ROUTES[path].answers, answer.content)
    )


def _raw(answer: Any) -> bytes:
    return msgspec.msgpack.encode(answer)


Ask = Callable[[Pair, Role, Record], Any]


def _told(path: str, message: Callable[[Record], Any]) -> Ask:
    """A route that tells of a record: exactly those may be told who may see it."""

    def probe(pair: Pair, role: Role, record: Record) -> None:
        said = _everything(pair, path, message(record), role)
        assert (record.word.encode() in said) is sees(role, record), (path, role, record.whose)

    return probe


def _silent(path: str, message: Callable[[Record], Any]) -> Ask:
    """A route that tells nobody of a record, whatever is asked."""

    def probe(pair: Pair, role: Role, record: Record) -> None:
        answer = pair.one.ask(path, message(record), pair.token(role))
        assert answer.status_code < 500
        assert record.word.encode() not in answer.content
        if answer.status_code == 200 and ROUTES[path].asks is not None:
            assert record.word.encode() not in _raw(unpack(ROUTES[path].answers, answer.content))

    return probe


def _snapshot(pair: Pair, role: Role, record: Record) -> None:
    if role not in pair.snapshots:
        pair.one.ask("/v1/snapshot/start", protocol.SnapshotStartRequest(), pair.token(role))
        pair.snapshots[role] = b""
        request: Any = protocol.SnapshotRequest("authority")
        while request is not None:
            answer = pair.one.ask("/v1/snapshot/rows", request, pair.token(role))
            whole = unpack(protocol.SnapshotAnswer, answer.content)
            pair.snapshots[role] += _raw(whole)
            request = protocol.SnapshotRequest(whole.next_table, whole.next_after) if whole.next_table else None
    assert (record.word.encode() in pair.snapshots[role]) is sees(role, record)


def _units(pair: Pair, role: Role, record: Record) -> None:
    pair.one.ask("/v1/pull", protocol.PullRequest(0), pair.token(role))
    answer = pair.one.ask("/v1/units/rows", scope_protocol.UnitsRequest([record.child]), pair.token(role))
    found = unpack(scope_protocol.UnitsAnswer, answer.content)
    assert (record.word.encode() in _raw(found)) is sees(role, record)
    assert (found.closed == [record.child]) is not sees(role, record)


def _proof(pair: Pair, role: Role, record: Record) -> None:
    """Whether a guessed hash fits is an answer too: it is given only of what is held."""
    head = pair.one.services.reader.head()
    asked = scope_protocol.ProofRequest(head, [(record.child, ZEROS)])
    found = unpack(scope_protocol.ProofAnswer, pair.one.ask("/v1/proof", asked, pair.token(role)).content)
    assert (record.child in found.leave) is not sees(role, record), (role, record.whose, found)
    assert (record.child in found.differ) is sees(role, record)


def _push(pair: Pair, role: Role, record: Record) -> None:
    """A note on the record's case: merged for those whose role may write it and who may see it, else not."""
    laptop = pair.laptops[role]
    note = insert("case_event", case_id=record.case, kind="note", happened_at=NOW.isoformat(), body="Test")
    signed = laptop.signed(laptop.change_set(note, base=pair.one.services.reader.head()))
    answer = pair.one.ask("/v1/push", protocol.PushRequest([signed]), pair.token(role))
    (result,) = unpack(protocol.PushAnswer, answer.content).results
    if result.state == protocol.RESCUE:
        laptop.sequence -= 1  # it keeps no place in the laptop's order
    may = sees(role, record) and any(allowed(role, each) for each in TABLE_PERMISSIONS["case_event"])
    assert (result.state == protocol.ACCEPTED) is may, (role, record.whose, result)
    _beside(pair, role, record)
    other = pair.laptops[Role.SUPERVISOR if role is not Role.SUPERVISOR else Role.CASEWORKER]
    theirs = other.signed(other.change_set(note, sequence=other.sequence + 1))
    other.sequence -= 1
    refused = pair.one.ask("/v1/push", protocol.PushRequest([theirs]), pair.token(role))
    assert refused.status_code == 400


def _beside(pair: Pair, role: Role, record: Record) -> None:
    """What is asked beside a push is answered as if it came alone, and a hash is given of what is held only."""
    then = protocol.PullRequest(0, prove=[record.child])
    answer = pair.one.ask("/v1/push", protocol.PushRequest([], then=then), pair.token(role))
    found = unpack(protocol.PushAnswer, answer.content).then
    assert found is not None
    assert (record.word.encode() in _raw(found)) is sees(role, record), (role, record.whose)
    assert bool(dict(found.hashes)[record.child]) is sees(role, record), (role, record.whose)


def _hand_back(pair: Pair, role: Role, record: Record) -> None:
    """What the other authority's laptop signed, or nobody this store knows, is not taken from anybody."""
    change = Change("case", record.case, "update", {"area": [None, "Aldermere"]})
    stranger = Signer(new_seed())
    body = pair.foreign.signed(pair.foreign.change_set(change, sequence=1)).body
    forged = [protocol.SignedSet(body, stranger.sign(body)), protocol.SignedSet(body, pair.foreign.signer.sign(body))]
    answer = pair.one.ask("/v1/hand-back", store_protocol.HandBackRequest(forged), pair.token(role))
    results = unpack(protocol.PushAnswer, answer.content).results
    assert {result.state for result in results} == {protocol.HELD}
    assert record.word.encode() not in answer.content


def _handed_in(pair: Pair, role: Role, _record: Record) -> None:
    """What was not handed in, and what somebody may not open, are answered alike (its own tests hand work in)."""
    answer = pair.one.ask("/v1/handed-in", rescue_protocol.FetchPiece(new_id()), pair.token(role))
    assert (answer.status_code, unpack(protocol.Problem, answer.content).code) == (403, "not-yours")


def _deletions_meant(pair: Pair, role: Role, _record: Record) -> None:
    """Only a supervisor's word counts, given on a laptop of theirs, about what has been."""
    one, path = pair.one, "/v1/deletions/meant"

    def said(revision: int, user: str) -> int:
        return one.ask(path, rescue_protocol.DeletionsWord(revision, user), pair.token(role)).status_code

    head = one.services.reader.head()
    assert said(head, one.users[role]) == (200 if role is Role.SUPERVISOR else 403)
    assert said(head + 1000, one.users[role]) == 403
    other = Role.SUPERVISOR if role is not Role.SUPERVISOR else Role.CASEWORKER
    assert said(head, one.users[other]) == 403
    assert said(head, pair.two.users[Role.SUPERVISOR]) == 403


PROBES: dict[str, Ask] = {
    "/v1/deletions": _silent("/v1/deletions", lambda _record: rescue_protocol.DeletionsQuestion(0)),
    "/v1/deletions/meant": _deletions_meant,
    "/v1/pull": _told("/v1/pull", lambda _record: protocol.PullRequest(0)),
    "/v1/snapshot/start": _silent("/v1/snapshot/start", lambda _record: protocol.SnapshotStartRequest()),
    "/v1/snapshot/rows": _snapshot,
    "/v1/units/rows": _units,
    "/v1/units/history": _told(
        "/v1/units/history", lambda record: scope_protocol.HistoryRequest([record.child], 0, 10**6, 1000)
    ),
    "/v1/proof": _proof,
    "/v1/push": _push,
    "/v1/hand-back": _hand_back,
    "/v1/own-sets": _silent("/v1/own-sets", lambda _record: protocol.OwnSetsRequest(0)),
    "/v1/epochs": _silent("/v1/epochs", lambda _record: store_protocol.EpochsRequest()),
    "/v1/audit": _silent("/v1/audit", lambda _record: SMALLEST["/v1/audit"]),
    "/v1/audit/entries": _silent("/v1/audit/entries", lambda _record: protocol.AuditRequest(0)),
    "/v1/lease": _silent("/v1/lease", lambda _record: protocol.LeaseRequest(2026)),
    "/v1/documents/offer": _silent(
        "/v1/documents/offer",
        lambda record: protocol.OfferDocuments(
            [protocol.Manifest(record.sha256, len(record.data), "text/plain", [record.sha256])]
        ),
    ),
    "/v1/documents/put": _silent("/v1/documents/put", lambda record: protocol.PutChunks([], [record.sha256])),
    "/v1/documents/find": lambda pair, role, record: _documents(pair, role, record),
    "/v1/documents/get": _told("/v1/documents/get", lambda record: protocol.MissingChunks([record.sha256])),
    "/v1/live": _silent("/v1/live", lambda _record: None),
    "/v1/handed-in": _handed_in,
    "/v1/rescue": _silent("/v1/rescue", lambda _record: SMALLEST["/v1/rescue"]),
    "/v1/rescue/audit": _silent("/v1/rescue/audit", lambda _record: SMALLEST["/v1/rescue/audit"]),
    "/v1/rescue/audit/entries": _silent(
        "/v1/rescue/audit/entries", lambda _record: SMALLEST["/v1/rescue/audit/entries"]
    ),
}
"""What each route of a laptop does with records, by role and by whose they are."""


def _documents(pair: Pair, role: Role, record: Record) -> None:
    answer = pair.one.ask("/v1/documents/find", protocol.FindManifests([record.sha256]), pair.token(role))
    found = unpack(protocol.Manifests, answer.content).manifests
    assert bool(found) is sees(role, record), (role, record.whose)


@pytest.mark.parametrize("path", sorted(PROBES))
def test_each_role_is_given_its_own_records_and_no_others(pair: Pair, path: str) -> None:
    for role in Role:
        pair.one.ask("/v1/pull", protocol.PullRequest(0), pair.token(role))
        for record in pair.records:
            PROBES[path](pair, role, record)


def test_own_change_sets_are_ones_own_only(pair: Pair) -> None:
    """A laptop's token gives that laptop's sets: there is no way to ask for another's."""
    dawn = pair.laptops[Role.CASEWORKER]
    dawn.push(dawn.change_set(insert("task", text="Only the caseworker laptop made this")))
    for role in Role:
        said = _everything(pair, "/v1/own-sets", protocol.OwnSetsRequest(0), role)
        assert (b"Only the caseworker laptop" in said) is (role is Role.CASEWORKER)
