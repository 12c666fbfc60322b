"""The lifeboat's file: nothing in it can be edited, moved or taken out unnoticed; damage costs one record at most."""

import os
from pathlib import Path

import pytest

from app.errors import UserError
from app.services.vault import lifeboat as lifeboat_module
from app.services.vault.lifeboat import Lifeboat, LifeboatLostError, reseal
from app.services.vault.lifeboat_format import HEADER_BYTES, CarriedEntry, CarriedSet, Record, head_at
from app.services.vault.lifeboat_reading import LifeboatContents, read_lifeboat

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


def carrying(number: int, *, group: int | None = None, more: bool = False) -> Record:
    own = CarriedSet(f"set-{number}", "device", number, b"body of %d " % number * 5, bytes(64), "Dawn Ellery")
    entry = CarriedEntry(number, b"entry %d" % number, bytes(32))
    return Record(number if group is None else group, more, [own], [entry])


def write(path: Path, records: list[Record], key: bytes = KEY) -> Lifeboat:
    boat = Lifeboat(path, key)
    boat.make([])
    for record in records:
        boat.hold()
        boat.append(record)
        assert boat.flush().wait() is None
        boat.release()
    return boat


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A lifeboat of five records."""
    path = tmp_path / "lifeboat.log"
    write(path, [carrying(number) for number in range(1, 6)]).close()
    return path


def places(path: Path) -> list[int]:
    """Return where each record begins, and where the last one ends."""
    data, found, at = path.read_bytes(), [], HEADER_BYTES
    while (head := head_at(data, at)) is not None:
        found.append(at)
        at += head.whole
    return [*found, at]


def numbers(contents: LifeboatContents) -> list[int]:
    return [own.sequence for own in contents.change_sets]


def test_what_was_appended_is_read_back_in_order(file: Path) -> None:
    contents = read_lifeboat(file, KEY)
    assert numbers(contents) == [1, 2, 3, 4, 5]
    assert contents.change_sets[2].body == b"body of 3 " * 5
    assert [entry.sequence for entry in contents.audit_entries] == [1, 2, 3, 4, 5]
    assert (contents.commits, contents.damaged, contents.torn, contents.unfinished) == (5, [], False, 0)


def test_nothing_of_what_it_holds_can_be_read_in_the_file(file: Path) -> None:
    data = file.read_bytes()
    assert b"body of" not in data
    assert b"Ellery" not in data


def test_another_key_reads_nothing(file: Path) -> None:
    contents = read_lifeboat(file, OTHER)
    assert contents.change_sets == []
    assert contents.torn


def test_a_flipped_byte_anywhere_costs_one_record_at_most_and_is_noticed(file: Path) -> None:
    whole, end = file.read_bytes(), places(file)[-1]
    for place in range(end):
        data = bytearray(whole)
        data[place] ^= 0x41
        file.write_bytes(data)
        contents = read_lifeboat(file, KEY)
        found = numbers(contents)
        if place < HEADER_BYTES:
            assert found == [1, 2, 3, 4, 5], place
            continue
        lost = [number for number in range(1, 6) if number not in found]
        # The closing mark of a record is only there to find the end by: without it the record still reads.
        assert len(lost) <= 1, place
        if lost == [5]:
            assert contents.torn, place
        else:
            assert contents.damaged == lost, place


def test_a_file_cut_anywhere_keeps_every_whole_record(file: Path) -> None:
    whole, at = file.read_bytes(), places(file)
    for cut in range(HEADER_BYTES, at[-1]):
        file.write_bytes(whole[:cut])
        contents = read_lifeboat(file, KEY)
        kept = sum(1 for end in at[1:] if end <= cut)
        assert numbers(contents) == list(range(1, kept + 1)), cut
        assert contents.torn == (cut not in at), cut
        assert contents.damaged == [], cut


def test_a_record_taken_out_of_the_middle_is_noticed(file: Path) -> None:
    whole, at = file.read_bytes(), places(file)
    file.write_bytes(whole[: at[1]] + whole[at[3] :])
    contents = read_lifeboat(file, KEY)
    assert numbers(contents) == [1, 4, 5]
    assert contents.damaged == [2, 3]


def test_a_record_moved_or_repeated_is_not_believed(file: Path) -> None:
    whole, at = file.read_bytes(), places(file)
    second, third = whole[at[1] : at[2]], whole[at[2] : at[3]]
    file.write_bytes(whole[: at[1]] + third + second + second + whole[at[3] :])
    contents = read_lifeboat(file, KEY)
    assert numbers(contents) == [1, 3, 4, 5]
    assert contents.damaged == [2]


def test_a_record_of_another_file_under_the_same_key_is_not_believed(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    write(other, [carrying(number) for number in range(1, 6)]).close()
    theirs, at = other.read_bytes(), places(file)
    whole = file.read_bytes()
    file.write_bytes(whole[: at[1]] + theirs[at[1] : at[2]] + whole[at[2] :])
    contents = read_lifeboat(file, KEY)
    assert numbers(contents) == [1, 3, 4, 5]
    assert contents.damaged == [2]


def test_what_is_not_a_lifeboat_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing"):
        read_lifeboat(tmp_path / "lifeboat.log", KEY)
    (tmp_path / "lifeboat.log").write_bytes(os.urandom(5000))
    with pytest.raises(UserError, match=r"damaged at its beginning"):
        read_lifeboat(tmp_path / "lifeboat.log", KEY)


def test_a_commit_without_its_last_record_is_left_out_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "lifeboat.log"
    records = [
        carrying(1, group=1, more=True),
        carrying(2, group=1),
        carrying(3, group=2, more=True),  # its writer died, and another process went on
        carrying(4, group=3, more=True),
        carrying(5, group=3),
        carrying(6, group=4, more=True),
    ]
    write(path, records).close()
    contents = read_lifeboat(path, KEY)
    assert numbers(contents) == [1, 2, 4, 5]
    assert (contents.commits, contents.unfinished) == (2, 2)


def test_of_two_sets_in_one_place_the_later_counts(tmp_path: Path) -> None:
    path = tmp_path / "lifeboat.log"
    lost, true = carrying(1), carrying(1)
    true.change_sets[0].id = "the one that was committed"
    write(path, [lost, true]).close()
    assert [own.id for own in read_lifeboat(path, KEY).change_sets] == ["the one that was committed"]


def test_an_aborted_commit_is_cut_off_and_its_number_used_again_under_another_nonce(tmp_path: Path) -> None:
    path = tmp_path / "lifeboat.log"
    boat = write(path, [carrying(1)])
    boat.hold()
    start = boat.place
    boat.append(carrying(2))
    first = path.read_bytes()[start.end :].rstrip(b"\0")
    boat.cut(start)
    boat.append(carrying(2))
    second = path.read_bytes()[start.end :].rstrip(b"\0")
    boat.release()
    boat.close()
    assert len(first) == len(second)
    assert first[20:32] != second[20:32]
    assert numbers(read_lifeboat(path, KEY)) == [1, 2]


def test_its_end_is_found_again_whether_or_not_zeros_were_written_ahead(tmp_path: Path) -> None:
    path = tmp_path / "lifeboat.log"
    write(path, [carrying(number) for number in range(1, 4)]).close()
    padded = path.read_bytes()
    for data in (padded, padded.rstrip(b"\0"), padded + bytes(2_000_000)):
        path.write_bytes(data)
        boat = Lifeboat(path, KEY)
        last = boat.open()
        assert last is not None
        assert last.change_sets[0].sequence == 3
        assert boat.place.number == 4
        boat.hold()
        boat.append(carrying(4))
        boat.release()
        boat.close()
        assert numbers(read_lifeboat(path, KEY)) == [1, 2, 3, 4]


def test_a_write_that_fails_half_way_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lifeboat.log"
    boat = write(path, [carrying(1)])
    real = lifeboat_module._write

    def half(fd: int, data: bytes) -> int:
        real(fd, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    boat.hold()
    monkeypatch.setattr(lifeboat_module, "_write", half)
    with pytest.raises(OSError, match=r"space"):
        boat.append(carrying(2))
    monkeypatch.undo()
    boat.append(carrying(2))
    boat.release()
    boat.close()
    contents = read_lifeboat(path, KEY)
    assert numbers(contents) == [1, 2]
    assert not contents.torn


def test_under_new_keys_the_same_is_read_and_under_the_old_nothing(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "lifeboat.log.next"
    before = read_lifeboat(file, KEY)
    reseal(file, target, KEY, OTHER)
    after = read_lifeboat(target, OTHER)
    assert after.change_sets == before.change_sets
    assert after.audit_entries == before.audit_entries
    assert read_lifeboat(target, KEY).change_sets == []
    assert read_lifeboat(file, KEY).change_sets == before.change_sets


def test_two_that_write_the_same_file_in_turn_lose_nothing_and_notice_when_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "lifeboat.log"
    one = write(path, [carrying(1)])
    two = Lifeboat(path, KEY)
    two.open()
    for number in range(2, 10):
        boat = (one, two)[number % 2]
        boat.hold()
        boat.append(carrying(number))
        boat.release()
    assert numbers(read_lifeboat(path, KEY)) == list(range(1, 10))
    one.make([carrying(9)])
    two.hold()
    two.append(carrying(10))
    two.release()
    one.hold()
    one.append(carrying(11))
    one.release()
    assert numbers(read_lifeboat(path, KEY)) == [9, 10, 11]
    one.close()
    two.close()


@pytest.mark.parametrize("ahead", [0, 1 << 20], ids=["at the end", "far from the end"])
def test_a_garbled_last_record_is_no_error_of_opening_but_a_reason_to_make_the_file_anew(
    file: Path, ahead: int
) -> None:
    last = places(file)[-2]
    with file.open("r+b") as stream:
        stream.seek(last + 40)  # behind the record's clear head
        stream.write(b"garbled!")
        stream.seek(0, 2)
        stream.write(bytes(ahead))
    with pytest.raises(LifeboatLostError):
        Lifeboat(file, KEY).open()
    contents = read_lifeboat(file, KEY)
    assert contents.damaged or contents.torn
