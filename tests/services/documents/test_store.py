"""The byte store on a real SQLCipher file: round trips, damage, transfer by chunk."""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.services.documents.store import (
    CHUNK_BYTES,
    ContentDamaged,
    ContentMissing,
    DocumentStore,
)
from app.services.vault.database import open_engine

SENTINEL = b"SENTINEL-Xanthe-Quibble-7431"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DocumentStore]:
    store = DocumentStore(open_engine(tmp_path / "documents.db", secrets.token_bytes(32), create=True))
    store.create_schema()
    yield store
    store.close()


def _bytes(size: int) -> bytes:
    block = hashlib.sha256(str(size).encode()).digest()
    return (block * (size // 32 + 1))[:size]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(0, 3 * CHUNK_BYTES + 5))
@example(size=0)
@example(size=CHUNK_BYTES - 1)
@example(size=CHUNK_BYTES)
@example(size=CHUNK_BYTES + 1)
@example(size=2 * CHUNK_BYTES)
def test_any_size_comes_back_as_it_went_in(store: DocumentStore, size: int) -> None:
    data = _bytes(size)
    sha256 = store.put(data, "application/pdf")
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert store.get(sha256) == data
    assert store.size(sha256) == size
    assert len(store.chunk_hashes(sha256)) == -(-size // CHUNK_BYTES)
    assert store.complete(sha256)


def test_storing_the_same_bytes_again_changes_nothing(store: DocumentStore) -> None:
    data = secrets.token_bytes(CHUNK_BYTES + 9)
    assert store.put(data, "image/png") == store.put(data, "image/png")
    content = store.describe(hashlib.sha256(data).hexdigest())
    assert content is not None
    assert (content.chunk_count, content.complete, content.media_type) == (2, True, "image/png")


def test_a_repeated_chunk_is_stored_once_and_read_twice(store: DocumentStore) -> None:
    data = bytes(2 * CHUNK_BYTES)
    sha256 = store.put(data, "image/tiff")
    assert len(set(store.chunk_hashes(sha256))) == 1
    assert store.get(sha256) == data


def test_a_changed_byte_in_a_stored_chunk_is_noticed_and_can_be_fetched_again(store: DocumentStore) -> None:
    data = secrets.token_bytes(CHUNK_BYTES + 100)
    sha256 = store.put(data, "image/png")
    first, second = store.chunk_hashes(sha256)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE chunk SET data = ? WHERE hash = ?", (b"x" + data[CHUNK_BYTES + 1 :], second))
    with pytest.raises(ContentDamaged, match="damaged"):
        store.get(sha256)
    with pytest.raises(ContentDamaged):
        store.get_chunk(second)
    assert store.get_chunk(first) == data[:CHUNK_BYTES]
    assert store.forget_damaged(sha256) == 1
    assert store.missing_chunks([first, second]) == [second]
    store.put_chunk(second, data[CHUNK_BYTES:])
    assert store.get(sha256) == data


def test_chunks_may_arrive_before_or_after_their_manifest_and_in_any_order(
    store: DocumentStore, tmp_path: Path
) -> None:
    data = secrets.token_bytes(3 * CHUNK_BYTES + 1)
    sha256 = store.put(data, "application/pdf")
    hashes = store.chunk_hashes(sha256)
    other = DocumentStore(open_engine(tmp_path / "other.db", secrets.token_bytes(32), create=True))
    other.create_schema()
    other.put_chunk(hashes[3], store.get_chunk(hashes[3]))
    assert not other.has(sha256)
    other.add_manifest(sha256, len(data), "application/pdf", hashes)
    assert other.has(sha256)
    assert not other.complete(sha256)
    assert other.missing_chunks(hashes) == hashes[:3]
    with pytest.raises(ContentMissing):
        other.get(sha256)
    for hash_ in reversed(other.missing_chunks(hashes)):
        other.put_chunk(hash_, store.get_chunk(hash_))
    assert other.complete(sha256)
    assert other.get(sha256) == data
    other.close()


def test_a_chunk_that_is_not_what_its_hash_says_is_refused(store: DocumentStore) -> None:
    with pytest.raises(ContentDamaged):
        store.put_chunk("0" * 64, b"something else")
    large = bytes(CHUNK_BYTES + 1)
    with pytest.raises(ContentDamaged):
        store.put_chunk(hashlib.sha256(large).hexdigest(), large)
    assert store.missing_chunks(["0" * 64]) == ["0" * 64]


@pytest.mark.parametrize(
    ("size", "hashes"),
    [(-1, []), (10, []), (10, ["zz"]), (CHUNK_BYTES, ["0" * 64, "1" * 64]), (1 << 60, ["0" * 64])],
)
def test_a_manifest_that_contradicts_itself_is_refused(store: DocumentStore, size: int, hashes: list[str]) -> None:
    with pytest.raises(ContentDamaged):
        store.add_manifest("a" * 64, size, "application/pdf", hashes)
    assert not store.has("a" * 64)


def test_a_second_manifest_that_differs_from_the_first_is_refused(store: DocumentStore) -> None:
    sha256 = store.put(b"one page", "image/png")
    with pytest.raises(ContentDamaged):
        store.add_manifest(sha256, 8, "image/png", ["b" * 64])
    assert store.get(sha256) == b"one page"


def test_unknown_content_is_missing_not_empty(store: DocumentStore) -> None:
    with pytest.raises(ContentMissing):
        store.get("c" * 64)
    with pytest.raises(ContentMissing):
        store.get_chunk("c" * 64)
    with pytest.raises(ContentMissing):
        store.chunk_hashes("c" * 64)
    assert store.describe("c" * 64) is None


def test_no_stored_byte_can_be_read_in_any_file_of_the_store(store: DocumentStore, tmp_path: Path) -> None:
    store.put(SENTINEL * 5000, "application/pdf")
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert any(path.stat().st_size > 100_000 for path in files)
    assert all(SENTINEL not in path.read_bytes() for path in files)


def test_a_whole_list_is_asked_at_once_for_what_is_here(store: DocumentStore) -> None:
    here = store.put(secrets.token_bytes(CHUNK_BYTES + 1), "application/pdf")
    nothing = store.put(b"", "image/png")
    half = store.put(secrets.token_bytes(2 * CHUNK_BYTES), "application/pdf")
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM chunk WHERE hash = ?", (store.chunk_hashes(half)[1],))
    assert store.complete_among([here, nothing, half, "f" * 64]) == {here, nothing}


def test_what_is_let_go_leaves_nothing_that_others_need_and_gives_its_room_back(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    store = DocumentStore(open_engine(path, secrets.token_bytes(32), create=True))
    store.create_schema()
    shared = secrets.token_bytes(CHUNK_BYTES)
    one, other = shared + secrets.token_bytes(600_000), shared + b"an end of its own"
    first, second = store.put(one, "application/pdf"), store.put(other, "application/pdf")
    before = path.stat().st_size
    assert store.remove([first, first, "0" * 64]) == 600_000
    assert store.describe(first) is None
    assert store.get(second) == other
    assert store.contents() == {second}
    assert path.stat().st_size <= before - 590_000
    assert store.put(one, "application/pdf") == first
    assert store.get(first) == one
    store.close()


def test_bytes_that_do_not_fit_are_found_a_chunk_at_a_time(store: DocumentStore) -> None:
    data = secrets.token_bytes(CHUNK_BYTES + 10)
    sha256 = store.put(data, "application/pdf")
    assert store.fits(sha256)
    assert not store.fits("1" * 64)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE chunk SET data = ? WHERE length(data) = 10", (b"0123456789",))
    assert not store.fits(sha256)
