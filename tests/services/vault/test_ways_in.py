"""Every way into a vault opens with its own secret and with no other."""

import base64
import os
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.errors import EnvironmentFault, UserError
from app.services.vault import (
    Vault,
    create_vault,
    open_vault,
    re_enrol,
    rotation,
    unlock,
    unlock_with_recovery,
    vault_file,
)
from app.services.vault.device_secret import KeyringLost
from app.services.vault.keys import MINIMUM_MEMORY_KIB, DataKeys, KdfParameters, WrongSecretError
from app.services.vault.recovery_key import ALPHABET, RecoveryKey
from app.services.vault.sealing import open_sealed
from app.services.vault.ways_in import open_with_passphrase, open_with_recovery
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE, QUICK
from tests.services.vault.boxes import BoxKeyring

OTHER = "nine green ladders hum"


@pytest.fixture
def box() -> BoxKeyring:
    return BoxKeyring()


@pytest.fixture
def recovery() -> RecoveryKey:
    return RecoveryKey.new()


@pytest.fixture
def authority() -> X25519PrivateKey:
    return X25519PrivateKey.generate()


@pytest.fixture
def vault(
    tmp_path: Path, frozen_time: FrozenTime, box: BoxKeyring, recovery: RecoveryKey, authority: X25519PrivateKey
) -> Vault:
    made = create_vault(
        tmp_path / "v", PASSPHRASE, time=frozen_time, keyring=box, kdf=QUICK, recovery=recovery, label="Laptop 7"
    )
    made.set_authority_key(authority.public_key().public_bytes_raw())
    made.close()
    return made


def test_each_wrap_opens_with_its_own_secret_and_with_no_other(
    vault: Vault, box: BoxKeyring, recovery: RecoveryKey, authority: X25519PrivateKey
) -> None:
    (file,) = vault_file.candidates(vault.folder)
    secret = base64.b64decode(next(iter(box.kept.values())))
    sealed = {wrap.kind: wrap.sealed for wrap in file.wraps}
    keys = open_with_passphrase(file, PASSPHRASE, secret)
    assert open_with_recovery(file, recovery) == keys
    assert DataKeys.unpack(open_sealed(authority, sealed["authority"], file.bound("authority"))) == keys
    privates = {
        "recovery": recovery.private_key,
        "authority": authority,
        "another": RecoveryKey.new().private_key,
    }
    for whose, private in privates.items():
        for kind, content in sealed.items():
            for purpose in ("passphrase", "recovery", "authority", "reissue"):
                if (whose, kind, purpose) in (
                    ("recovery", "recovery", "recovery"),
                    ("authority", "authority", "authority"),
                ):
                    continue
                with pytest.raises(WrongSecretError):
                    open_sealed(private, content, file.bound(purpose))
    for passphrase, wrong in ((PASSPHRASE, None), (PASSPHRASE, bytes(32)), (OTHER, secret), (PASSPHRASE + " ", secret)):
        with pytest.raises(WrongSecretError):
            open_with_passphrase(file, passphrase, wrong)
    for kind in ("recovery", "authority"):
        swapped = msgspec.structs.replace(file, wraps=[vault_file.Wrap("passphrase", sealed[kind], "")])
        with pytest.raises(WrongSecretError):
            open_with_passphrase(swapped, PASSPHRASE, secret)


def test_a_wrap_of_one_vault_opens_no_other(
    tmp_path: Path, vault: Vault, box: BoxKeyring, recovery: RecoveryKey, frozen_time: FrozenTime
) -> None:
    create_vault(tmp_path / "w", PASSPHRASE, time=frozen_time, keyring=box, kdf=QUICK, recovery=recovery).close()
    (one,) = vault_file.candidates(vault.folder)
    (two,) = vault_file.candidates(tmp_path / "w")
    assert open_with_recovery(one, recovery) != open_with_recovery(two, recovery)
    with pytest.raises(WrongSecretError):
        open_with_recovery(msgspec.structs.replace(one, wraps=two.wraps), recovery)


def test_any_byte_of_the_file_edited_is_refused_and_the_copy_is_used(
    vault: Vault, recovery: RecoveryKey, frozen_time: FrozenTime
) -> None:
    path, copy = vault.folder / vault_file.NAME, vault.folder / vault_file.COPY
    whole = path.read_bytes()
    assert copy.read_bytes() == whole
    for place in range(len(whole)):
        edited = bytearray(whole)
        edited[place] ^= 1 + place % 7
        path.write_bytes(edited)
        unlocked = unlock_with_recovery(vault.folder, recovery.text, time=frozen_time)
        assert unlocked.mended, place
        assert path.read_bytes() == whole, place


def test_any_byte_edited_in_both_copies_is_refused_with_words(
    vault: Vault, recovery: RecoveryKey, frozen_time: FrozenTime
) -> None:
    whole = (vault.folder / vault_file.NAME).read_bytes()
    for place in range(len(whole)):
        edited = bytearray(whole)
        edited[place] ^= 1 + place % 7
        for name in (vault_file.NAME, vault_file.COPY):
            (vault.folder / name).write_bytes(edited)
        with pytest.raises(UserError) as caught:
            unlock_with_recovery(vault.folder, recovery.text, time=frozen_time)
        assert "kept" in caught.value.message or "Nothing was changed" in caught.value.message, place
        for name in ("attempts.json", "attempts-copy.json"):
            (vault.folder / name).unlink(missing_ok=True)
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        for name in (vault_file.NAME, vault_file.COPY):
            (vault.folder / name).write_bytes(whole[:cut])
        with pytest.raises(UserError, match="damaged"):
            unlock_with_recovery(vault.folder, recovery.text, time=frozen_time)


def test_the_recovery_key_opens_without_the_keyring_and_gives_new_ways_in(
    vault: Vault, recovery: RecoveryKey, frozen_time: FrozenTime
) -> None:
    empty = BoxKeyring()
    with pytest.raises(KeyringLost, match="recovery key"):
        open_vault(vault.folder, PASSPHRASE, time=frozen_time, keyring=empty)
    unlocked = unlock_with_recovery(vault.folder, recovery.text, time=frozen_time)
    fresh = RecoveryKey.new()
    again = re_enrol(unlocked, OTHER, keyring=empty, kdf=QUICK, recovery=fresh)
    assert again.file.header.generation == unlocked.file.header.generation + 1
    assert len(empty.kept) == 1
    open_vault(vault.folder, OTHER, time=frozen_time, keyring=empty).close()
    with pytest.raises(UserError, match="not recognised"):
        open_vault(vault.folder, PASSPHRASE, time=frozen_time, keyring=empty)
    with pytest.raises(UserError, match="older one"):
        unlock_with_recovery(vault.folder, recovery.text, time=frozen_time)
    assert unlock_with_recovery(vault.folder, fresh.text, time=frozen_time).keys == unlocked.keys


def test_a_lost_keyring_can_become_passphrase_only(
    vault: Vault, recovery: RecoveryKey, frozen_time: FrozenTime
) -> None:
    unlocked = unlock_with_recovery(vault.folder, recovery.text, time=frozen_time)
    assert not re_enrol(unlocked, OTHER, kdf=QUICK).file.header.keyring
    opened = open_vault(vault.folder, OTHER, time=frozen_time)
    assert opened.has_authority_key
    opened.close()
    assert unlock_with_recovery(vault.folder, recovery.text, time=frozen_time).keys == unlocked.keys


def test_changing_the_passphrase_keeps_the_keyring_and_the_other_ways_in(
    vault: Vault, box: BoxKeyring, recovery: RecoveryKey, frozen_time: FrozenTime
) -> None:
    opened = open_vault(vault.folder, PASSPHRASE, time=frozen_time, keyring=box)
    before = opened.keys
    with pytest.raises(UserError, match="4 tries left"):
        opened.change_passphrase("not the passphrase", OTHER, kdf=QUICK)
    with pytest.raises(UserError) as caught:
        opened.change_passphrase(PASSPHRASE, "short", kdf=QUICK)
    assert caught.value.field == "new"
    opened.change_passphrase(PASSPHRASE, OTHER, kdf=QUICK)
    opened.close()
    with pytest.raises(UserError, match="not recognised"):
        open_vault(vault.folder, PASSPHRASE, time=frozen_time, keyring=box)
    assert unlock(vault.folder, OTHER, time=frozen_time, keyring=box).keys == before
    assert unlock_with_recovery(vault.folder, recovery.text, time=frozen_time).keys == before


def test_a_new_recovery_key_replaces_the_old_and_needs_the_passphrase(
    vault: Vault, box: BoxKeyring, recovery: RecoveryKey, frozen_time: FrozenTime
) -> None:
    opened = open_vault(vault.folder, PASSPHRASE, time=frozen_time, keyring=box)
    fresh = RecoveryKey.new()
    with pytest.raises(UserError, match="not recognised"):
        opened.set_recovery_key(fresh, OTHER)
    opened.set_recovery_key(fresh, PASSPHRASE)
    opened.close()
    with pytest.raises(UserError, match="older one"):
        unlock_with_recovery(vault.folder, recovery.text, time=frozen_time)
    unlock_with_recovery(vault.folder, fresh.text, time=frozen_time)
    open_vault(vault.folder, PASSPHRASE, time=frozen_time, keyring=box).close()


def test_a_vault_without_a_recovery_key_says_so(tmp_path: Path, frozen_time: FrozenTime) -> None:
    create_vault(tmp_path / "v", PASSPHRASE, time=frozen_time, kdf=QUICK).close()
    with pytest.raises(UserError, match="without a recovery key"):
        unlock_with_recovery(tmp_path / "v", RecoveryKey.new().text, time=frozen_time)


def test_the_file_says_nothing_about_anybody_and_holds_no_key(vault: Vault, recovery: RecoveryKey) -> None:
    content = (vault.folder / vault_file.NAME).read_text()
    assert "Laptop 7" in content
    assert recovery.characters not in content
    assert PASSPHRASE not in content
    assert (vault.folder / vault_file.NAME).stat().st_mode & 0o077 == 0


@given(st.text(ALPHABET, min_size=26, max_size=26))
def test_a_recovery_key_reads_back_as_it_was_typed(characters: str) -> None:
    key = RecoveryKey(characters)
    for typed in (key.text, key.text.lower(), key.text.replace("-", " "), key.text.replace("0", "o").replace("1", "l")):
        assert RecoveryKey.parse(typed) == key


@given(st.text(ALPHABET, min_size=26, max_size=26), st.integers(0, 25), st.sampled_from(ALPHABET))
def test_a_slip_is_nearly_always_told_by_the_checksum(characters: str, place: int, slip: str) -> None:
    key = RecoveryKey(characters)
    whole = characters + key.checksum
    typed = whole[:place] + slip + whole[place + 1 :]
    if slip == characters[place]:
        assert RecoveryKey.parse(typed) == key
    elif RecoveryKey(typed[:26]).checksum != key.checksum:  # 1 in 1,024 slips fits by chance
        with pytest.raises(UserError, match="not as on the sheet"):
            RecoveryKey.parse(typed)


@pytest.mark.parametrize(
    ("typed", "words"),
    [("", "28 characters and this has 0"), ("ABCD-EFGH", "has 8"), ("U" * 28, "no 'U'"), ("é" * 28, "no 'É'")],
)
def test_a_mistyped_recovery_key_says_what_is_wrong(typed: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        RecoveryKey.parse(typed)
    assert caught.value.field == "recovery"


def test_keys_are_never_shown_by_accident(recovery: RecoveryKey) -> None:
    keys = DataKeys.fresh()
    assert keys.cases.hex() not in repr(keys)
    assert repr(keys.cases) not in repr(keys)
    assert recovery.characters not in repr(recovery)


def test_tuned_parameters_hold_to_the_least_that_is_recommended() -> None:
    tuned = KdfParameters.tuned(0.001, memory_kib=1024)
    assert tuned.memory_kib >= MINIMUM_MEMORY_KIB
    assert tuned.passes >= 2


def test_two_openings_of_one_vault_do_not_bring_back_each_others_past(
    vault: Vault, box: BoxKeyring, frozen_time: FrozenTime
) -> None:
    window = open_vault(vault.folder, PASSPHRASE, time=frozen_time, keyring=box)
    command = open_vault(vault.folder, PASSPHRASE, time=frozen_time, keyring=box)
    command.change_passphrase(PASSPHRASE, OTHER, kdf=QUICK)
    another = X25519PrivateKey.generate().public_key().public_bytes_raw()
    window.set_authority_key(another)
    command.set_recovery_key(RecoveryKey.new(), OTHER)
    window.close()
    command.close()
    again = open_vault(vault.folder, OTHER, time=frozen_time, keyring=box)
    assert again.authority_key == another
    again.close()
    with pytest.raises(UserError, match="not recognised"):
        open_vault(vault.folder, PASSPHRASE, time=frozen_time, keyring=box)


def test_a_vault_whose_keys_another_program_rotated_is_not_written_over(
    vault: Vault, box: BoxKeyring, frozen_time: FrozenTime
) -> None:
    window = open_vault(vault.folder, PASSPHRASE, time=frozen_time, keyring=box)
    rotated = window.file.sealed(DataKeys.fresh())
    vault_file.write(vault.folder, rotated)
    with pytest.raises(EnvironmentFault, match="Lock Rollcall and unlock it"):
        window.set_authority_key(X25519PrivateKey.generate().public_key().public_bytes_raw())
    window.close()
    assert vault_file.candidates(vault.folder) == [rotated]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes; the folder's own rights hold there")
def test_nothing_in_the_folder_is_for_anybody_else_to_read(vault: Vault, box: BoxKeyring) -> None:
    opened = open_vault(vault.folder, PASSPHRASE, time=vault.time, keyring=box)
    opened.add_device("Laptop 7")
    opened.close()
    rotation.rotate(vault.folder, PASSPHRASE, time=vault.time, keyring=box)
    open_ones = [path.name for path in (vault.folder, *vault.folder.rglob("*")) if path.stat().st_mode & 0o077]
    assert open_ones == []
