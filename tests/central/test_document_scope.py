"""Bytes of documents go to who may hold a record that had them, and a hash alone opens and tells nothing."""

import secrets
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import delete

from app.central.checks import DeviceIdentity
from app.central.document_tables import document_claim, document_proof
from app.central.services import CentralServices
from app.central.tables import document_chunk, document_content
from app.ids import new_id
from app.models import Case, Child, Document
from app.services.changes import Change
from app.services.documents.store import CHUNK_BYTES
from app.services.sync import protocol
from app.services.sync.document_protocol import Offered
from tests.central.test_store import NOW, Laptop


def inserted(model: Any, **values: Any) -> Change:
    values = {"id": new_id(), "created_at": NOW, **values}
    return Change(model.__tablename__, values["id"], "insert", {name: [None, value] for name, value in values.items()})


class Holder(Laptop):
    """A laptop that has documents."""

    @property
    def who(self) -> DeviceIdentity:
        return self.identity

    def record(self, data: bytes, **values: Any) -> Change:
        """Record a document, in the tray unless a case is named; its bytes are not sent."""
        told = {"size": len(data), "media_type": "application/pdf", "page_count": 1, "arrived_at": NOW}
        named = inserted(Document, sha256=digest(data), reading={}, rotation={}, **told, **values)
        assert self.push(self.change_set(named))[0].state == protocol.ACCEPTED
        return named

    def offer(self, data: bytes, chunks: list[bytes] | None = None) -> Offered:
        hashes = [digest(each) for each in (chunks or pieces(data))]
        manifest = protocol.Manifest(digest(data), len(data), "application/pdf", hashes)
        return self.services.offer_documents(self.who, protocol.OfferDocuments([manifest]))

    def put(self, *chunks: bytes, finished: bytes | None = None) -> list[str]:
        named = [] if finished is None else [digest(finished)]
        message = protocol.PutChunks([(digest(each), each) for each in chunks], named)
        return self.services.put_chunks(self.who, message).whole

    def send(self, data: bytes) -> None:
        """Send bytes as a laptop does."""
        wanted = self.offer(data).hashes
        assert self.put(*(each for each in pieces(data) if digest(each) in wanted), finished=data) == [digest(data)]

    def finds(self, data: bytes) -> bool:
        return bool(self.services.find_manifests(self.who, protocol.FindManifests([digest(data)])).manifests)

    def gets(self, data: bytes) -> bool:
        answer = self.services.get_chunks(self.who, protocol.MissingChunks([digest(each) for each in pieces(data)]))
        given = dict(answer.chunks)
        return b"".join(given.get(digest(each), b"") for each in pieces(data)) == data


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def pieces(data: bytes) -> list[bytes]:
    return [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]


@pytest.fixture
def services(central: Any) -> CentralServices:
    services: CentralServices = central.services
    return services


@pytest.fixture
def west(central: Any) -> Holder:
    return Holder(central.services, central.people["dawn"])


@pytest.fixture
def east(central: Any) -> tuple[Holder, Holder]:
    """Two laptops of another team."""
    people = central.services.people
    for name in ("omar", "lena"):
        people.add_user(name, f"A {name}", "caseworker", "East team")
    first, second = (Holder(central.services, people.user_id(name)) for name in ("omar", "lena"))
    return first, second


@pytest.fixture
def secret(central: Any, west: Holder) -> bytes:
    """The bytes of a document on a case of the first team, which are here."""
    data = secrets.token_bytes(CHUNK_BYTES + 1000)
    child = inserted(Child, forename="Isla", surname="Merrow")
    team = central.services.people.ensure_team("West team")
    case = inserted(Case, reference="CME-2026-00001", child_id=child.row, opened_on="2026-11-02", team_id=team)
    assert west.push(west.change_set(child, case))[0].state == protocol.ACCEPTED
    west.record(data, case_id=case.row)
    west.send(data)
    assert west.finds(data)
    assert west.gets(data)
    return data


def test_naming_the_hash_of_another_teams_document_opens_it_to_nobody(
    west: Holder, east: tuple[Holder, Holder], secret: bytes
) -> None:
    attacker, colleague = east
    attacker.record(secret)
    for laptop in east:
        assert not laptop.finds(secret)
        assert not laptop.gets(secret)
    assert west.gets(secret)
    # Who has the bytes has shown it, and what it recorded is as good as any other record.
    attacker.send(secret)
    for laptop in (attacker, colleague):
        assert laptop.finds(secret)
        assert laptop.gets(secret)


def test_an_offer_does_not_tell_whether_others_have_the_bytes(east: tuple[Holder, Holder], secret: bytes) -> None:
    laptop, unknown = east[0], secrets.token_bytes(len(secret))
    for data in (secret, unknown):
        said = laptop.offer(data)
        assert (said.hashes, said.whole) == ([digest(each) for each in pieces(data)], [])
        assert laptop.put(pieces(data)[0], finished=data) == []
        # What this laptop sent itself is not asked for again, whoever else has the rest.
        assert laptop.offer(data).hashes == [digest(pieces(data)[1])]
        assert laptop.put(pieces(data)[1], finished=data) == [digest(data)]
        assert laptop.offer(data).whole == [digest(data)]


def test_a_list_of_chunks_that_names_anothers_chunk_opens_nothing(east: tuple[Holder, Holder], secret: bytes) -> None:
    laptop, foreign = east[0], pieces(secret)[0]
    made_up = secrets.token_bytes(CHUNK_BYTES)
    laptop.record(made_up)
    laptop.offer(made_up, [foreign])
    assert laptop.put(finished=made_up) == []
    answer = laptop.services.get_chunks(laptop.who, protocol.MissingChunks([digest(foreign)]))
    assert answer.chunks == []


def test_the_hash_of_a_document_that_was_deleted_opens_nothing(
    west: Holder, east: tuple[Holder, Holder], services: CentralServices
) -> None:
    data = secrets.token_bytes(500)
    west.record(data)
    west.send(data)
    with services.engine.begin() as connection:
        connection.execute(delete(Document))
    east[0].record(data)
    assert not east[0].gets(data)
    assert not east[0].finds(data)


def test_bytes_that_another_than_the_author_sent_reach_who_may_have_them(
    central: Any, west: Holder, services: CentralServices
) -> None:
    """The store was put back, and the laptop that made the record is no more: a colleague sends what it fetched."""
    data = secrets.token_bytes(500)
    west.record(data)
    west.send(data)
    colleague, third = (Holder(services, central.people["ruth"]) for _ in range(2))
    with services.engine.begin() as connection:
        for table in (document_content, document_chunk, document_proof):
            connection.execute(delete(table))
    assert not third.gets(data)
    colleague.send(data)
    assert third.finds(data)
    assert third.gets(data)


def test_what_a_process_of_the_version_before_took_is_looked_up_in_the_log(
    west: Holder, east: tuple[Holder, Holder], secret: bytes, services: CentralServices
) -> None:
    east[0].record(secret)
    with services.engine.begin() as connection:
        connection.execute(delete(document_claim))
    assert west.gets(secret)
    assert not east[0].gets(secret)
