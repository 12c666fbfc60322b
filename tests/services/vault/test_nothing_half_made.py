"""A set-up that does not come to its end leaves no folder, no file and no secret in the keyring."""

from pathlib import Path

import pytest

from app.errors import UserError
from app.services.sync import enrolment
from app.services.sync.faults import CentralUnreachable, unreachable
from app.services.vault import create_vault, vault_exists
from app.services.vault.unused import never_used, remove
from tests.conftest import PASSPHRASE, QUICK


class KeptInMemory:
    """A keyring that keeps what it is given; the real one has its own tests."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def keyring() -> KeptInMemory:
    return KeptInMemory()


@pytest.fixture
def code(central) -> str:
    return central.services.trust.make_code(central.people["dawn"])


def set_up(folder: Path, central, code: str, frozen_time, keyring, **more):
    given = {"kdf": QUICK, **more}
    return enrolment.create_and_enrol(
        folder, central.url, code, "ML-0417", PASSPHRASE, time=frozen_time, keyring=keyring, **given
    )


def test_a_connection_lost_while_enrolling(tmp_path, central, code, frozen_time, keyring, monkeypatch):
    def lost(*_given):
        raise unreachable()

    monkeypatch.setattr(enrolment, "_register", lost)
    with pytest.raises(CentralUnreachable):
        set_up(tmp_path / "vault", central, code, frozen_time, keyring)
    assert list(tmp_path.iterdir()) == []
    assert keyring.kept == {}
    monkeypatch.undo()
    vault = set_up(tmp_path / "vault", central, code, frozen_time, keyring)  # the code was not spent
    vault.close()
    assert len(keyring.kept) == 1


def test_a_disk_that_fills_while_the_databases_are_made(tmp_path, central, code, frozen_time, keyring, monkeypatch):
    def full(*_given, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.services.vault.creating.open_engine", full)
    with pytest.raises(OSError, match="No space"):
        set_up(tmp_path / "vault", central, code, frozen_time, keyring)
    assert list(tmp_path.iterdir()) == []
    assert keyring.kept == {}


def test_a_weak_passphrase_touches_nothing(tmp_path, central, code, frozen_time, keyring):
    with pytest.raises(UserError) as refused:
        enrolment.create_and_enrol(
            tmp_path / "vault", central.url, code, "ML-0417", "password1234", time=frozen_time, keyring=keyring
        )
    assert refused.value.field == "passphrase"
    assert list(tmp_path.iterdir()) == []
    assert keyring.kept == {}


def test_a_vault_that_was_never_used_goes_with_its_secret(tmp_path, frozen_time, keyring):
    vault = create_vault(tmp_path / "vault", PASSPHRASE, time=frozen_time, kdf=QUICK, keyring=keyring)
    assert never_used(vault)
    remove(vault)
    assert not vault_exists(tmp_path / "vault")
    assert keyring.kept == {}


def test_a_vault_with_anything_in_it_is_not_removed(tmp_path, central, code, frozen_time, keyring):
    vault = set_up(tmp_path / "vault", central, code, frozen_time, keyring)
    assert not never_used(vault)
    with pytest.raises(ValueError, match="never used"):
        remove(vault)
    vault.close()
    assert vault_exists(tmp_path / "vault")
    assert len(keyring.kept) == 1


@pytest.mark.parametrize("kept", ["set-aside/cases.db", "backups/2026-11-17/cases.db"])
def test_an_empty_vault_with_something_set_aside_or_backed_up_is_not_removed(tmp_path, frozen_time, kept):
    vault = create_vault(tmp_path / "vault", PASSPHRASE, time=frozen_time, kdf=QUICK)
    assert never_used(vault)
    (vault.folder / kept).parent.mkdir(parents=True)
    (vault.folder / kept).write_bytes(b"whatever was in it")
    assert not never_used(vault)
    with pytest.raises(ValueError, match="never used"):
        remove(vault)
    vault.close()
    assert (vault.folder / kept).read_bytes() == b"whatever was in it"
