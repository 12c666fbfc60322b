"""What a backup holds, what an edited or damaged one is, and what a disk in the way leaves behind."""

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import EnvironmentFault, UserError
from app.services.backup import files, make, second
from app.services.backup.listing import list_backups, newest_good_backup, verify_backup
from app.services.backup.make import back_up
from app.services.backup.manifest import NAME, Reason, read_manifest
from app.services.backup.restore import refresh_vault_files
from app.services.backup.words import BackupDamaged, NoRoom, Stopped
from app.services.vault import Vault
from app.services.vault.database import open_copy
from app.services.vault.keys import DataKeys
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE, QUICK
from tests.services.backup.conftest import BackUp, contents
from tests.services.casework import add_child

WHOLE = {"cases.db", "documents.db", "lifeboat.log", "vault.json", "vault-copy.json", NAME}


def test_a_backup_holds_every_file_and_says_so_without_a_word_about_anybody(
    kept: Vault, back_up_now: BackUp, workspace: Workspace
) -> None:
    info = back_up_now()
    assert info.name == "2026-11-17T09-00-00Z"
    assert contents(info.folder) == WHOLE
    assert info.manifest.counts["cases"] == 1
    assert info.manifest.counts["contents"] == 1
    assert info.manifest.vault == kept.vault_id
    text = (info.folder / NAME).read_text()
    for secret in ("Isla", "Merrow", "Dawn", "Ellery", "Pennyford", kept.label):
        assert secret not in text
    with closing(open_copy(info.folder / "cases.db", kept.keys.cases)) as copy:
        assert copy.execute("SELECT surname FROM child").fetchall() == [("Merrow",)]
    assert contents(info.folder) == WHOLE  # looking left nothing beside it
    assert contents(kept.folder / "backups") == {info.name}
    assert (info.folder.stat().st_mode & 0o077, (info.folder / "cases.db").stat().st_mode & 0o077) == (0, 0)


def test_documents_that_did_not_change_take_no_room_again(
    kept: Vault, back_up_now: BackUp, workspace: Workspace, frozen_time: FrozenTime
) -> None:
    first = back_up_now()
    frozen_time.advance(days=1)
    second_one = back_up_now()
    assert (second_one.folder / "documents.db").samefile(first.folder / "documents.db")
    workspace.documents.put(b"another page " * 9000, "application/pdf")
    frozen_time.advance(days=1)
    third = back_up_now()
    assert not (third.folder / "documents.db").samefile(first.folder / "documents.db")
    for info in (first, second_one, third):
        verify_backup(info.folder, kept.keys)


def test_a_rotten_earlier_file_is_never_taken_for_the_present_one(
    kept: Vault, back_up_now: BackUp, frozen_time: FrozenTime
) -> None:
    first = back_up_now()
    _flip(first.folder / "documents.db", 5000)
    frozen_time.advance(days=1)
    info = back_up_now()
    verify_backup(info.folder, kept.keys)
    assert newest_good_backup(kept.folder, kept.keys).name == info.name  # type: ignore[union-attr]  # there is one


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("made_at", "2027-01-01T00:00:00+00:00"),
        ("reason", "daily"),
        ("sequence", 0),
        ("schema", "0000"),
        ("audit_head", "00"),
        ("vault", "another"),
        ("counts", {}),
        ("mac", "0" * 64),
    ],
)
def test_an_edited_manifest_is_refused(kept: Vault, back_up_now: BackUp, field: str, value: object) -> None:
    info = back_up_now()
    whole = json.loads((info.folder / NAME).read_text())
    (info.folder / NAME).write_text(json.dumps({**whole, field: value}))
    with pytest.raises(BackupDamaged, match="was changed"):
        verify_backup(info.folder, kept.keys)
    assert list_backups(kept.folder, kept.keys) == []
    assert newest_good_backup(kept.folder, kept.keys) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"format": 1}' + b" " * 100_000,
        os.urandom(3000),
        b'{"format":1,"vault":"v","made_at":"yesterday","reason":"daily","app":"","files":[],"schema":"","sequence":0,'
        b'"audit_entries":0,"audit_head":"","counts":{}}',
    ],
)
def test_a_manifest_that_is_not_one_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(BackupDamaged, match="cannot be read"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("name", ["../cases.db", "cases.db", "/etc/passwd", "other.db"])
def test_a_manifest_cannot_name_other_files(kept: Vault, back_up_now: BackUp, name: str) -> None:
    info = back_up_now()
    whole = json.loads((info.folder / NAME).read_text())
    whole["files"].append({**whole["files"][0], "name": name})
    (info.folder / NAME).write_text(json.dumps(whole))
    with pytest.raises(BackupDamaged, match="names other files"):
        read_manifest(info.folder)


@pytest.mark.parametrize("name", ["cases.db", "documents.db", "lifeboat.log"])
def test_a_flipped_byte_anywhere_is_found(kept: Vault, back_up_now: BackUp, name: str) -> None:
    info = back_up_now()
    size = (info.folder / name).stat().st_size
    for place in (0, 16, size // 2, size - 1):
        _flip(info.folder / name, place)
        with pytest.raises(BackupDamaged, match=f"{name}.* damaged"):
            verify_backup(info.folder, kept.keys)
        _flip(info.folder / name, place)
    verify_backup(info.folder, kept.keys)
    with (info.folder / name).open("r+b") as stream:
        stream.truncate(size - 1)
    with pytest.raises(BackupDamaged, match="damaged"):
        verify_backup(info.folder, kept.keys)
    (info.folder / name).unlink()
    with pytest.raises(BackupDamaged, match="missing"):
        verify_backup(info.folder, kept.keys)


def test_another_vaults_keys_do_not_read_it(kept: Vault, back_up_now: BackUp) -> None:
    with pytest.raises(BackupDamaged, match="of another vault"):
        verify_backup(back_up_now().folder, DataKeys.fresh())


def test_what_an_interrupted_backup_left_goes_with_the_next(kept: Vault, back_up_now: BackUp) -> None:
    place = kept.folder / "backups"
    for name in ("2026-11-16T09-00-00Z.partial", ".removing-2026-11-01T09-00-00Z"):
        (place / name).mkdir()
        (place / name / "cases.db").write_bytes(b"half")
    (place / "notes of IT").mkdir()
    assert list_backups(kept.folder, kept.keys) == []
    info = back_up_now()
    assert contents(place) == {info.name, "notes of IT"}


def test_a_cancelled_backup_leaves_nothing_and_removes_nothing(
    kept: Vault, back_up_now: BackUp, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = back_up_now()
    monkeypatch.setattr(files, "BLOCK", 4096)
    asked = iter(range(1000))
    frozen_time.advance(days=40)
    with pytest.raises(Stopped):
        back_up_now(cancelled=lambda: next(asked) > 5)
    assert contents(kept.folder / "backups") == {first.name}


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "is full"), (errno.EROFS, "cannot be written to"), (errno.EIO, "reported an error")],
)
@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_disk_that_fails_in_the_middle_is_said_in_words_and_nothing_is_left(
    kept: Vault,
    back_up_now: BackUp,
    frozen_time: FrozenTime,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    words: str,
    after: int,
) -> None:
    first = back_up_now()
    frozen_time.advance(days=40)
    real, synced = os.fsync, iter(range(1000))

    def fail(descriptor: int) -> None:
        if next(synced) >= after:
            raise OSError(number, os.strerror(number))
        real(descriptor)

    with monkeypatch.context() as failing:
        failing.setattr(files.os, "fsync", fail)
        with pytest.raises(EnvironmentFault, match=words) as caught:
            back_up_now()
    assert "earlier backups are kept" in caught.value.message
    assert contents(kept.folder / "backups") == {first.name}
    verify_backup(back_up_now().folder, kept.keys)


def test_two_at_once_are_refused_and_the_first_goes_on(kept: Vault, back_up_now: BackUp) -> None:
    turn = files.Turn(kept.folder / "backups")
    assert turn.take()
    with pytest.raises(EnvironmentFault, match="being made or tried already"):
        back_up_now()
    turn.give_back()
    back_up_now()


def test_a_daily_backup_leaves_people_room_to_work(
    kept: Vault, back_up_now: BackUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum((kept.folder / name).stat().st_size for name in ("cases.db", "documents.db", "lifeboat.log"))
    nearly = shutil._ntuple_diskusage(100_000_000, 90_000_000, size + 1_000_000)  # type: ignore[attr-defined]  # what it returns
    monkeypatch.setattr(make.shutil, "disk_usage", lambda _path: nearly)
    with pytest.raises(NoRoom, match=r"A backup needs \d+ MB and backups has \d+ MB left"):
        back_up_now(Reason.DAILY)
    back_up_now(Reason.REQUESTED)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mount real small disks."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    mounted: list[Path] = []

    def mount(size: int, options: str = "") -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}{options}", "tmpfs", str(place)],
            check=False,
            capture_output=True,
        )
        if done.returncode != 0:
            pytest.skip("this machine does not let root mount a small disk")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_really_full_disk_keeps_the_vault_and_the_earlier_backup(
    small_disk: Callable[[int], Path], kept: Vault, frozen_time: FrozenTime, workspace: Workspace
) -> None:
    vault_size = sum(path.stat().st_size for path in kept.folder.iterdir() if path.is_file())
    place = small_disk(vault_size * 2)
    (kept.folder / "backups").rmdir()
    (kept.folder / "backups").symlink_to(place)
    first = back_up(kept.folder, kept.keys, kept.engine, time=frozen_time, reason=Reason.REQUESTED)
    filler = place / "filler"
    with filler.open("wb") as stream, pytest.raises(OSError, match="space"):
        while True:
            stream.write(bytes(65536))
            stream.flush()
    frozen_time.advance(days=1)
    with pytest.raises(NoRoom):
        back_up(kept.folder, kept.keys, kept.engine, time=frozen_time, reason=Reason.REQUESTED)
    # Room according to the disk, and none when it comes to writing.
    shown = shutil.disk_usage
    try:
        make.shutil.disk_usage = lambda path: shown("/")  # type: ignore[assignment]  # a disk that promises too much
        with pytest.raises(NoRoom, match="is full"):
            back_up(kept.folder, kept.keys, kept.engine, time=frozen_time, reason=Reason.REQUESTED)
    finally:
        make.shutil.disk_usage = shown
    assert contents(place) == {first.name, "filler"}
    filler.unlink()
    verify_backup(first.folder, kept.keys)
    add_child(workspace, "Tobias")
    back_up(kept.folder, kept.keys, kept.engine, time=frozen_time, reason=Reason.REQUESTED)


# The second folder


def test_a_second_copy_is_made_read_back_and_rotated_there(
    tmp_path: Path, kept: Vault, back_up_now: BackUp, frozen_time: FrozenTime
) -> None:
    share = tmp_path / "share"
    share.mkdir()
    for _ in range(10):
        info = back_up_now(second_folder=share)
        frozen_time.advance(days=1)
    assert info.second == "Copied to the second folder."
    there = second.second_place(share, kept.vault_id)
    assert contents(there) == contents(kept.folder / "backups")
    assert 7 <= len(contents(there)) < 10
    verify_backup(there / info.name, kept.keys)


def test_a_share_out_of_reach_is_tried_again_later(
    tmp_path: Path, kept: Vault, back_up_now: BackUp, frozen_time: FrozenTime
) -> None:
    share = tmp_path / "share"
    info = back_up_now(second_folder=share)
    assert info.second.startswith("Not copied to the second folder yet. The second folder was not reached.")
    assert not share.exists()  # an unmounted share's place is no second disk
    share.mkdir()
    caught_up = second.catch_up(kept.folder, kept.keys, kept.engine, share, now=frozen_time.now())
    assert caught_up is not None
    assert caught_up.second == "Copied to the second folder."
    verify_backup(second.second_place(share, kept.vault_id) / info.name, kept.keys)
    assert second.catch_up(kept.folder, kept.keys, kept.engine, share, now=frozen_time.now()) is None


def test_a_share_that_does_not_keep_what_it_was_given_gets_no_backup(
    tmp_path: Path, kept: Vault, back_up_now: BackUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = tmp_path / "share"
    share.mkdir()
    real = second.files.copy

    def lie(descriptor: int, target: Path, **options: object) -> files.Copied:
        copied = real(descriptor, target, **options)  # type: ignore[arg-type]  # passed on
        if share in target.parents:
            _flip(target, 100)
        return copied

    monkeypatch.setattr(second.files, "copy", lie)
    info = back_up_now(second_folder=share)
    assert "damaged" in info.second
    assert contents(second.second_place(share, kept.vault_id)) == set()
    verify_backup(info.folder, kept.keys)


def test_a_full_share_does_not_fail_the_backup(
    small_disk: Callable[[int], Path], kept: Vault, back_up_now: BackUp
) -> None:
    share = small_disk(200_000)
    info = back_up_now(second_folder=share)
    assert "The second folder is full" in info.second
    assert contents(second.second_place(share, kept.vault_id)) == set()
    verify_backup(info.folder, kept.keys)


def test_a_share_that_may_not_be_written_is_said_in_words(
    small_disk: Callable[..., Path], kept: Vault, back_up_now: BackUp
) -> None:
    info = back_up_now(second_folder=small_disk(10_000_000, ",ro"))
    assert "The second folder cannot be written to" in info.second


# The ways in


def test_a_new_passphrase_opens_old_backups_and_the_old_one_no_longer_does(
    tmp_path: Path, kept: Vault, back_up_now: BackUp, frozen_time: FrozenTime
) -> None:
    from app.services.vault import unlock

    share = tmp_path / "share"
    share.mkdir()
    info = back_up_now(second_folder=share)
    kept.change_passphrase(PASSPHRASE, "nine green lamps hum", kdf=QUICK)
    assert refresh_vault_files(kept.folder, kept.keys, share) == 2
    for place in (info.folder, second.second_place(share, kept.vault_id) / info.name):
        copied = shutil.copytree(place, tmp_path / f"clean{place.parent.name}")
        assert unlock(copied, "nine green lamps hum", time=frozen_time).keys == kept.keys
        with pytest.raises(UserError, match="not recognised"):
            unlock(copied, PASSPHRASE, time=frozen_time)
        verify_backup(place, kept.keys)


def _flip(path: Path, place: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([byte ^ 1]))
