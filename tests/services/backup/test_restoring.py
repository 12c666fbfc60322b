"""A backup is put back whole or not at all, what was there is set aside, and newer work comes back on top."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from app.cli import main as cli
from app.errors import EnvironmentFault, UserError
from app.models import CaseEvent, Child
from app.services import audit, cases, restoring
from app.services.backup import files, restore
from app.services.backup.listing import Backup
from app.services.backup.manifest import NAME
from app.services.backup.restore import copy_back, finish_restoring
from app.services.backup.words import BackupDamaged
from app.services.vault import Vault, open_vault, unlock, unlock_with_recovery
from app.services.vault.authority_wrap import AuthorityKey
from app.services.vault.recovery_key import RecoveryKey
from app.services.vault.reissue import make_reissue, write_reissue
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE
from tests.services.backup.conftest import BackUp
from tests.services.casework import add_child

LATER = b"bytes of a document that came after the backup " * 20_000


@pytest.fixture
def unlocking(frozen_time: FrozenTime) -> restoring.Unlocking:
    return lambda folder: unlock(folder, PASSPHRASE, time=frozen_time)


@pytest.fixture
def left(kept: Vault, workspace: Workspace, back_up_now: BackUp) -> Backup:
    """A closed vault with a backup, and work done after it."""
    info = back_up_now()
    add_child(workspace, "Tobias", "Fenwright")
    with workspace.read() as session:
        case_id = session.execute(select(CaseEvent.case_id)).scalars().first()
    assert case_id is not None
    cases.add_note(workspace, case_id, text="Rang after the backup")
    kept.close()
    return info


def forenames(folder: Path, time: FrozenTime) -> set[str]:
    vault = open_vault(folder, PASSPHRASE, time=time)
    try:
        with vault.engine.connect() as connection:
            return set(connection.execute(select(Child.forename)).scalars())
    finally:
        vault.close()


def test_restoring_brings_the_backup_and_everything_newer_from_the_lifeboat(
    left: Backup, frozen_time: FrozenTime, unlocking: restoring.Unlocking
) -> None:
    folder = left.folder.parent.parent
    (folder / "cases.db").write_bytes(os.urandom(200_000))  # it no longer opens
    frozen_time.advance(hours=3)
    unlocked = restoring.get_keys(folder, left.folder, unlocking)
    done = restoring.restore(unlocked, left.folder)
    assert done.backup == left.name
    assert done.replayed == 2
    assert forenames(folder, frozen_time) == {"Isla", "Tobias"}
    aside = folder / "set-aside" / done.set_aside
    assert (aside / "cases.db").stat().st_size == 200_000
    assert (aside / "documents.db").exists()
    assert not (folder / ".restoring").exists()
    vault = open_vault(folder, PASSPHRASE, time=frozen_time)
    with vault.workspace().read() as session:
        assert session.scalars(select(CaseEvent).where(CaseEvent.title.contains("after the backup"))).one()
        assert audit.verify(session).finding is None
    vault.close()


def test_newer_documents_are_taken_over_from_what_was_set_aside(
    kept: Vault, workspace: Workspace, back_up_now: BackUp, frozen_time: FrozenTime, unlocking: restoring.Unlocking
) -> None:
    from app.services.documents import intake

    info = back_up_now()
    paper = kept.folder.parent / "letter.png"
    _picture(paper)
    (added,) = intake.add_files(workspace, [paper]).added
    kept.close()
    frozen_time.advance(hours=1)
    before = {path.name: path.read_bytes() for path in kept.folder.glob("documents.db*")}
    done = restoring.restore(restoring.get_keys(kept.folder, info.folder, unlocking), info.folder)
    assert done.documents == 1
    after = {path.name: path.read_bytes() for path in (kept.folder / "set-aside" / done.set_aside).glob("documents*")}
    assert after == before
    vault = open_vault(kept.folder, PASSPHRASE, time=frozen_time)
    ws = vault.workspace()
    from app.services.documents import tray

    assert ws.documents.get(tray.document(ws, added.document_id).sha256) == paper.read_bytes()
    vault.close()


def _picture(path: Path) -> None:
    from PIL import Image

    Image.effect_noise((400, 300), 60).convert("RGB").save(path)


@pytest.mark.parametrize("name", ["cases.db", "documents.db", NAME])
def test_a_damaged_backup_changes_nothing(
    left: Backup, frozen_time: FrozenTime, unlocking: restoring.Unlocking, name: str
) -> None:
    folder = left.folder.parent.parent
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    content = bytearray((left.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (left.folder / name).write_bytes(content)
    with pytest.raises(UserError):
        restoring.restore(restoring.get_keys(folder, left.folder, unlocking), left.folder)
    with pytest.raises(BackupDamaged):
        copy_back(left.folder, folder) if name != NAME else restore.read_manifest(left.folder)
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert {name: content for name, content in after.items() if name != "attempts.json"} == before
    assert forenames(folder, frozen_time) == {"Isla", "Tobias"}


def test_a_vault_that_is_open_is_not_restored_over(kept: Vault, back_up_now: BackUp) -> None:
    import subprocess
    import sys

    info = back_up_now()
    program = (
        "import sys, pathlib; from app.services.backup.restore import copy_back\n"
        "copy_back(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(info.folder), str(kept.folder)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Rollcall is open on this vault" in refused.stderr
    assert not (kept.folder / "set-aside").exists()
    kept.close()
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


@pytest.mark.parametrize("ends_at", range(14))
def test_a_swap_that_is_cut_off_anywhere_is_done_at_the_next_opening(
    left: Backup, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch, ends_at: int
) -> None:
    folder = left.folder.parent.parent
    steps = iter(range(100))
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if next(steps) >= ends_at:
            raise KeyboardInterrupt  # the power is cut
        return real(path, target)

    with monkeypatch.context() as cut:
        cut.setattr(Path, "rename", rename)
        try:
            copy_back(left.folder, folder, time=frozen_time)
        except KeyboardInterrupt:
            cut_off = True
        else:
            cut_off = False
    assert cut_off or ends_at > 4
    assert forenames(folder, frozen_time) == {"Isla", "Tobias"}
    assert finish_restoring(folder) is None
    assert not (folder / ".restoring").exists()
    put_back = ends_at > 0
    assert (folder / "set-aside").exists() == put_back


def test_no_room_changes_nothing(left: Backup, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = left.folder.parent.parent
    with monkeypatch.context() as full:
        full.setattr(restore.shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]  # the shape it returns
        with pytest.raises(EnvironmentFault, match="Make room"):
            copy_back(left.folder, folder)
    real, written = os.fsync, iter(range(100))

    def fail(descriptor: int) -> None:
        if next(written) > 0:
            raise OSError(28, "no space")
        real(descriptor)

    with monkeypatch.context() as failing:
        failing.setattr(files.os, "fsync", fail)
        with pytest.raises(EnvironmentFault, match="so nothing was restored"):
            copy_back(left.folder, folder)
    assert not (folder / ".restoring.partial").exists()
    assert forenames(folder, frozen_time) == {"Isla", "Tobias"}


# A clean machine


@pytest.fixture
def carried(left: Backup, tmp_path: Path) -> Path:
    """The backup on a stick; the laptop is gone."""
    stick = shutil.copytree(left.folder, tmp_path / "stick" / "the backup")
    shutil.rmtree(left.folder.parent.parent)
    return stick


def command(vault: Path, *words: str | Path, passphrase: Path | None = None) -> int:
    given = ["--passphrase-file", str(passphrase)] if passphrase else []
    return cli.run(["--vault", str(vault), *given, "vault", *[str(word) for word in words]])


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(f"{text}\n")
        return path

    return write


def test_on_a_clean_machine_the_passphrase_opens_it(
    carried: Path,
    tmp_path: Path,
    secret: Callable[[str, str], Path],
    frozen_time: FrozenTime,
    capsys: pytest.CaptureFixture[str],
) -> None:
    new = tmp_path / "new laptop" / "vault"
    wrong = secret("wrong", "not this one at all")
    assert command(new, "restore", "--from", carried, passphrase=wrong) == 1
    assert "not recognised" in capsys.readouterr().err
    assert not new.exists()
    right = secret("right", PASSPHRASE)
    assert command(new, "restore", "--from", carried, "--json", passphrase=right) == 0
    said = json.loads(capsys.readouterr().out)["restored"]
    assert (said["backup"], said["set_aside"]) == ("the backup", "")
    assert forenames(new, frozen_time) == {"Isla"}
    assert {path.name for path in carried.iterdir()} == {
        "cases.db", "documents.db", "lifeboat.log", "vault.json", "vault-copy.json", NAME,
    }  # fmt: skip


def test_on_a_clean_machine_the_recovery_key_opens_it_and_a_new_passphrase_is_set(
    kept: Vault,
    back_up_now: BackUp,
    tmp_path: Path,
    secret: Callable[[str, str], Path],
    frozen_time: FrozenTime,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = RecoveryKey.new()
    kept.set_recovery_key(key, PASSPHRASE)
    stick = shutil.copytree(back_up_now().folder, tmp_path / "stick")
    new = tmp_path / "new laptop" / "vault"
    options = ["--new-passphrase-file", secret("new", "nine green lamps hum"), "--no-keyring", "--json"]
    another = secret("another", RecoveryKey.new().text)
    assert command(new, "restore", "--from", stick, "--recovery-key-file", another, *options) == 1
    assert "recovery key is of another laptop" in capsys.readouterr().err
    assert command(new, "restore", "--from", stick, "--recovery-key-file", secret("key", key.text), *options) == 0
    said = json.loads(capsys.readouterr().out)
    vault = open_vault(new, "nine green lamps hum", time=frozen_time)
    assert vault.keys == kept.keys
    with vault.workspace().read() as session:
        assert session.scalars(select(Child.forename)).all() == ["Isla"]
    vault.close()
    assert unlock_with_recovery(new, said["recovery_key"], time=frozen_time).keys == kept.keys
    with pytest.raises(UserError, match="another laptop"):
        unlock_with_recovery(new, key.text, time=frozen_time)


def test_on_a_clean_machine_the_authority_opens_it(
    kept: Vault,
    back_up_now: BackUp,
    tmp_path: Path,
    secret: Callable[[str, str], Path],
    frozen_time: FrozenTime,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from app.services.vault import vault_file

    authority = AuthorityKey.new()
    kept.set_authority_key(authority.public_key)
    stick = shutil.copytree(back_up_now().folder, tmp_path / "stick")
    # What IT does with the vault.json that stands in the backup and the authority's private key.
    file = vault_file.decode((stick / "vault.json").read_bytes())
    content, code = make_reissue(file, authority.open(file), "2026-11-24T08:00:00+00:00")
    write_reissue(tmp_path / "recovery.rollcall", content)
    new = tmp_path / "new laptop" / "vault"
    by = ["--file", tmp_path / "recovery.rollcall", "--code-file", secret("code", code)]
    options = ["--new-passphrase-file", secret("new", "nine green lamps hum"), "--no-keyring"]
    assert command(new, "restore", "--from", stick, *by, *options) == 0
    assert "New recovery key" in capsys.readouterr().out
    vault = open_vault(new, "nine green lamps hum", time=frozen_time)
    assert vault.keys == kept.keys
    vault.close()


def test_the_commands_back_up_list_drill_and_restore(
    kept: Vault, secret: Callable[[str, str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.close()
    right = secret("right", PASSPHRASE)
    assert command(kept.folder, "drill", passphrase=right) == 1
    assert "no backup to try" in capsys.readouterr().err
    share = tmp_path / "share"
    share.mkdir()
    assert command(kept.folder, "backup", "--second", share, passphrase=right) == 0
    assert "Copied to the second folder." in capsys.readouterr().out
    assert command(kept.folder, "drill", passphrase=right) == 0
    assert "Last proven restore: " in capsys.readouterr().out
    assert command(kept.folder, "backups", "--json", passphrase=right) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["last_proven"]["name"] == said["backups"][0]["name"]
    assert command(kept.folder, "restore", "2001-01-01T00-00-00Z", passphrase=right) == 1
    assert "no backup called" in capsys.readouterr().err
    assert command(kept.folder, "restore", passphrase=right) == 0
    assert "is back, as of" in capsys.readouterr().out
    path = next(path for path in (kept.folder / "backups").iterdir() if path.is_dir()) / "cases.db"
    path.write_bytes(path.read_bytes()[:-1])
    assert command(kept.folder, "drill", passphrase=right) == 1
    assert "Make another backup" in capsys.readouterr().out
    vault = open_vault(kept.folder, PASSPHRASE, time=kept.time)
    with vault.workspace().read() as session:
        assert audit.verify(session).finding is None
    vault.close()
