"""The recovery file and the authority's key file: each opens with its own secret, whole and unchanged, and not else."""

import os
from pathlib import Path

import msgspec
import pytest

from app.errors import UserError
from app.services.vault import authority_wrap, vault_file
from app.services.vault.authority_wrap import AuthorityKey, fingerprint, is_public_key, read_key_file, write_key_file
from app.services.vault.keys import DataKeys, KdfParameters, WrongSecretError
from app.services.vault.recovery_key import RecoveryKey
from app.services.vault.reissue import make_reissue, read_reissue, write_reissue
from app.services.vault.vault_file import Header, Kdf, VaultFile, Wrap
from app.services.vault.ways_in import authority_wrap as wrap_for

QUICK = KdfParameters(memory_kib=64, passes=1, lanes=1)
MADE = "2026-11-17T09:00:00+00:00"
KEY_PASSPHRASE = "a safe in the council's cellar"


@pytest.fixture
def keys() -> DataKeys:
    return DataKeys.fresh()


@pytest.fixture
def vault(keys: DataKeys) -> VaultFile:
    header = Header(vault_file.FORMAT, "an-id", "Laptop 7", MADE, 3, False, Kdf("argon2id", bytes(16), 64, 1, 1), MADE)
    return VaultFile(header, [Wrap("passphrase", b"x", MADE)]).sealed(keys)


@pytest.fixture
def issued(tmp_path: Path, vault: VaultFile, keys: DataKeys) -> tuple[Path, str]:
    content, code = make_reissue(vault, keys, MADE)
    path = tmp_path / "recovery.rollcall"
    write_reissue(path, content)
    return path, code


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, AuthorityKey]:
    monkeypatch.setattr(authority_wrap, "STRETCHING", QUICK)
    key = AuthorityKey.new()
    write_key_file(tmp_path / "authority.key", key, KEY_PASSPHRASE, MADE)
    return tmp_path / "authority.key", key


def with_header(file: VaultFile, **changes: object) -> VaultFile:
    return msgspec.structs.replace(file, header=msgspec.structs.replace(file.header, **changes))


def test_file_and_code_bring_the_keys_back(issued: tuple[Path, str], vault: VaultFile, keys: DataKeys) -> None:
    path, code = issued
    reissue = read_reissue(path)
    assert (reissue.vault_id, reissue.made_at) == ("an-id", MADE)
    for typed in (code, code.lower(), code.replace("-", " "), code.replace("-", "").replace("0", "o")):
        assert reissue.open(typed, vault.bound("reissue"), "an-id") == keys
    assert path.stat().st_mode & 0o777 == 0o600
    for secret in (keys.cases, keys.documents, keys.lifeboat, code.encode(), code.replace("-", "").encode()):
        assert secret not in path.read_bytes()


def test_two_files_for_one_vault_have_nothing_in_common(vault: VaultFile, keys: DataKeys) -> None:
    (first, one), (second, two) = make_reissue(vault, keys, MADE), make_reissue(vault, keys, MADE)
    assert one != two
    a, b = msgspec.json.decode(first), msgspec.json.decode(second)
    assert a["salt"] != b["salt"]
    assert a["sealed"] != b["sealed"]


def test_another_code_another_vault_and_a_vault_changed_since_are_refused(
    issued: tuple[Path, str], vault: VaultFile
) -> None:
    path, code = issued
    reissue = read_reissue(path)
    with pytest.raises(WrongSecretError):
        reissue.open(RecoveryKey.new().text, vault.bound("reissue"), "an-id")
    with pytest.raises(UserError, match="for another laptop") as other:
        reissue.open(code, vault.bound("reissue"), "another-id")
    assert other.value.field == "file"
    with pytest.raises(WrongSecretError):
        reissue.open(code, with_header(vault, vault="another-id").bound("reissue"), "an-id")
    with pytest.raises(WrongSecretError):
        reissue.open(code, with_header(vault, generation=4).bound("reissue"), "an-id")
    for purpose in ("passphrase", "recovery", "authority"):
        with pytest.raises(WrongSecretError):
            reissue.open(code, vault.bound(purpose), "an-id")
    slip = ("7" if code[0] != "7" else "8") + code[1:]
    for mistyped in (slip, code[:-1], code + "7", "", "?" * 28, "x" * 100_000):
        with pytest.raises(UserError, match="seven groups of four") as refused:
            reissue.open(mistyped, vault.bound("reissue"), "an-id")
        assert refused.value.field == "code"


def test_a_file_with_any_byte_changed_opens_nothing(issued: tuple[Path, str], vault: VaultFile) -> None:
    path, code = issued
    whole = path.read_bytes()
    for place in range(len(whole)):
        for change in (0x01, 0x20):
            edited = bytearray(whole)
            edited[place] ^= change
            path.write_bytes(edited)
            with pytest.raises((UserError, WrongSecretError)):
                read_reissue(path).open(code, vault.bound("reissue"), "an-id")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"kind": "rollcall recovery file"}', os.urandom(4096)],
)
def test_what_is_no_recovery_file_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(UserError, match="This is not a recovery file") as refused:
        read_reissue(path)
    assert refused.value.field == "file"
    with pytest.raises(UserError, match="This is not the authority's key file"):
        read_key_file(path, KEY_PASSPHRASE)


def test_a_recovery_file_cut_short_missing_or_padded_is_refused(issued: tuple[Path, str], tmp_path: Path) -> None:
    path, _ = issued
    whole = path.read_bytes()
    for content in (whole[:-1], whole[: len(whole) // 2], whole + b" " * 10_000 + b"{}", whole + whole):
        path.write_bytes(content)
        with pytest.raises(UserError, match="This is not a recovery file"):
            read_reissue(path)
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(UserError, match="This is not a recovery file"):
            read_reissue(missing)
    path.write_bytes(b"somebody's")
    with pytest.raises(UserError, match="a file of this name already"):
        write_reissue(path, whole)
    assert path.read_bytes() == b"somebody's"


def test_the_key_file_opens_with_its_passphrase_only(key_file: tuple[Path, AuthorityKey]) -> None:
    path, key = key_file
    assert read_key_file(path, KEY_PASSPHRASE).public_key == key.public_key
    assert path.stat().st_mode & 0o777 == 0o600
    assert key.private.private_bytes_raw() not in path.read_bytes()
    for wrong in ("", KEY_PASSPHRASE + " ", KEY_PASSPHRASE.upper()):
        with pytest.raises(UserError, match="This passphrase does not open the key file"):
            read_key_file(path, wrong)
    with pytest.raises(UserError, match="a file of this name already"):
        write_key_file(path, AuthorityKey.new(), KEY_PASSPHRASE, MADE)
    with pytest.raises(UserError, match="at least 16 characters"):
        write_key_file(path.with_name("other"), AuthorityKey.new(), "fifteen letters", MADE)
    assert not path.with_name("other").exists()


def test_a_key_file_with_any_byte_changed_opens_nothing(key_file: tuple[Path, AuthorityKey]) -> None:
    path, _ = key_file
    whole = path.read_bytes()
    for place in range(len(whole)):
        edited = bytearray(whole)
        edited[place] ^= 0x01
        path.write_bytes(edited)
        with pytest.raises(UserError):
            read_key_file(path, KEY_PASSPHRASE)


def test_the_key_opens_only_what_was_sealed_to_it_and_is_as_it_was_written(
    key_file: tuple[Path, AuthorityKey], vault: VaultFile, keys: DataKeys
) -> None:
    from datetime import UTC, datetime

    _, key = key_file
    with pytest.raises(WrongSecretError):
        key.open(vault)
    wrapped = vault.with_wrap(wrap_for(vault, keys, key.public_key, datetime(2026, 11, 17, tzinfo=UTC)))
    with pytest.raises(WrongSecretError):
        key.open(wrapped)
    sealed = wrapped.sealed(keys)
    assert key.open(sealed) == keys
    with pytest.raises(WrongSecretError):
        AuthorityKey.new().open(sealed)
    with pytest.raises(WrongSecretError):
        key.open(with_header(sealed, label="Another laptop"))


def test_what_cannot_be_sealed_to_is_told_from_a_public_key() -> None:
    assert is_public_key(AuthorityKey.new().public_key)
    for bad in (b"", bytes(31), bytes(33), bytes(32), (1).to_bytes(32, "little")):
        assert not is_public_key(bad)


def test_fingerprints_are_short_enough_to_compare_and_differ() -> None:
    one, two = AuthorityKey.new().public_key, AuthorityKey.new().public_key
    assert fingerprint(one) == fingerprint(one) != fingerprint(two)
    assert len(fingerprint(one).split()) == 8


def test_the_keys_real_stretching_is_far_above_a_laptops() -> None:
    assert authority_wrap.STRETCHING.memory_kib >= 4 * KdfParameters().memory_kib
    assert authority_wrap.STRETCHING.passes >= 3
