"""A backup of a vault with a real keyring: it opens where the keyring has the secret, and elsewhere by recovery key."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.services.vault import open_vault
from app.timesource import SystemTime
from tests.keyring.conftest import ROOT, Desktop, desktop

__all__ = ["desktop"]


class Laptop:
    """Runs ``rollcall`` in a desktop session."""

    def __init__(self, desktop: Desktop, folder: Path, passphrase: Path) -> None:
        self.desktop, self.folder, self.passphrase = desktop, folder, passphrase

    def run(self, *words: str | Path, keyring: bool = True) -> subprocess.CompletedProcess[str]:
        environment = dict(self.desktop.environment)
        if not keyring:
            environment.pop("DBUS_SESSION_BUS_ADDRESS")
        options = ["--vault", self.folder, "--passphrase-file", self.passphrase]
        command = [sys.executable, "-m", "app.main", *options, "vault", *words]
        return subprocess.run(
            [str(part) for part in command], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )

    def said(self, *words: str | Path, keyring: bool = True) -> dict[str, Any]:
        done = self.run(*words, "--json", keyring=keyring)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text("seven blue kettles sing\n")
    return path


def test_restored_beside_its_keyring_and_on_a_machine_without(
    desktop: Desktop, tmp_path: Path, passphrase: Path
) -> None:
    desktop.log_in()
    laptop = Laptop(desktop, tmp_path / "vault", passphrase)
    made = laptop.said("create", "--label", "Laptop 12")
    assert made["keyring"] is True
    stick = shutil.copytree(laptop.said("backup")["folder"], tmp_path / "stick")
    shutil.rmtree(laptop.folder)

    # The laptop's disk was replaced, its profile with the keyring came back.
    assert laptop.said("restore", "--from", stick)["restored"]["backup"] == "stick"

    # Another machine has no such secret: the passphrase is not enough, the recovery key is.
    other = Laptop(desktop, tmp_path / "other" / "vault", passphrase)
    refused = other.run("restore", "--from", stick, keyring=False)
    assert refused.returncode == 1
    assert "keyring" in refused.stderr
    assert not other.folder.exists()
    key, new = tmp_path / "key", tmp_path / "new"
    key.write_text(made["recovery_key"])
    new.write_text("nine green lamps hum along")
    options = ["--recovery-key-file", key, "--new-passphrase-file", new, "--no-keyring"]
    other.said("restore", "--from", stick, *options, keyring=False)
    open_vault(other.folder, new.read_text(), time=SystemTime()).close()
