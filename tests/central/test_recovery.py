"""The authority's key: made, told to laptops, sealed to, and used to get a laptop back; each use on record."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.central import main as central_main
from app.central.recovery import REASON, Request
from app.central.tables import recovery_issue
from app.cli import main as rollcall_main
from app.errors import UserError
from app.models import AuditEntry, ChangeSetRow
from app.services import protection
from app.services.signing import Signer, new_seed
from app.services.sync import facts, protocol, trust_protocol
from app.services.sync.authority import keep_authority_key
from app.services.sync.enrolment import first_pull, open_transport
from app.services.vault import open_vault, unlock_with_reissue, vault_file
from app.services.vault.authority_wrap import AuthorityKey, fingerprint
from app.services.vault.keys import KdfParameters
from app.timesource import FrozenTime, SystemTime

QUICK = KdfParameters(memory_kib=1024, passes=1, lanes=1)
PASSPHRASE = "seven blue kettles sing"
ANOTHER = "nine green lanterns hum"
KEY_PASSPHRASE = "a safe in the council's cellar"


@pytest.fixture
def key(central: Any) -> AuthorityKey:
    """The authority's key, known to the central store."""
    made = AuthorityKey.new()
    central.services.authority.add(made.public_key, central.people["ada"])
    return made


@pytest.fixture
def ask(central: Any, tmp_path: Path) -> Callable[..., Any]:
    """Ask for a recovery; whatever is not said is as it should be."""

    def request(vault: Any, key: AuthorityKey, **other: Any) -> Any:
        usual = {
            "device_id": vault.device_id,
            "vault_file": vault.folder / "vault.json",
            "reason": "Laptop was rebuilt",
            "by": "ada",
            "system_account": "it-desk",
            "out": tmp_path / "recovery.rollcall",
        }
        return central.services.recoveries.issue(Request(**{**usual, **other}), key)

    return request


def test_a_laptop_is_sealed_to_the_key_when_it_is_enrolled(
    central: Any, key: AuthorityKey, enrol_laptop: Callable[..., Any]
) -> None:
    vault = enrol_laptop("dawn")
    assert vault.authority_key == key.public_key
    (file,) = vault_file.candidates(vault.folder)
    assert key.open(file) == vault.keys
    with vault.workspace().read() as session:
        assert "set the authority key" in set(session.scalars(select(AuditEntry.action)))


def test_a_laptop_enrolled_before_there_was_a_key_is_sealed_at_its_next_sync(
    central: Any, enrol_laptop: Callable[..., Any]
) -> None:
    vault = enrol_laptop("dawn")
    assert not vault.has_authority_key
    key = AuthorityKey.new()
    central.services.authority.add(key.public_key, central.people["ada"])
    first_pull(vault)
    assert vault.authority_key == key.public_key
    again = AuthorityKey.new()
    with pytest.raises(UserError, match="There is an authority key already"):
        central.services.authority.add(again.public_key, central.people["ada"])
    central.services.authority.add(again.public_key, central.people["ada"], replace=True)
    first_pull(vault)
    assert vault.authority_key == again.public_key
    assert [known.serial for known in central.services.authority.all()] == [1, 2]


def test_background_sync_seals_too(
    central: Any, enrol_laptop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from app.services.sync import background

    vault = enrol_laptop("dawn")
    key = AuthorityKey.new()
    central.services.authority.add(key.public_key, central.people["ada"])
    sealed = threading.Event()
    real = vault.set_authority_key

    def noted(public: bytes) -> None:
        real(public)
        sealed.set()

    monkeypatch.setattr(vault, "set_authority_key", noted)
    sync = background.start(vault, vault.workspace())
    assert sync is not None
    try:
        assert sealed.wait(20)
    finally:
        sync.stop()
    assert vault.authority_key == key.public_key


def test_a_key_that_the_central_store_did_not_sign_is_never_sealed_to(
    central: Any, key: AuthorityKey, enrol_laptop: Callable[..., Any]
) -> None:
    vault = enrol_laptop("dawn")
    ws = vault.system_workspace()
    other, thief, store = AuthorityKey.new().public_key, Signer(new_seed()), central.services.identity.signer

    def notice(serial: int, public: bytes, signer: Signer, signed: tuple[int, bytes] | None = None) -> Any:
        statement = trust_protocol.authority_statement(*(signed or (serial, public)))
        return trust_protocol.AuthorityNotice(serial, public, signer.sign(statement))

    for bad in (
        notice(2, other, thief),
        notice(2, other, store, (1, other)),
        notice(2, other, store, (2, key.public_key)),
        notice(1, other, store),
        notice(0, other, store),
        notice(-1, other, store),
        notice(2, bytes(32), store),
        notice(2, other[:31], store),
        trust_protocol.AuthorityNotice(2, other, b""),
    ):
        assert not keep_authority_key(vault, ws, bad)
        assert vault.authority_key == key.public_key
    assert not keep_authority_key(vault, ws, None)
    assert keep_authority_key(vault, ws, notice(5, other, store))
    assert not keep_authority_key(vault, ws, notice(4, key.public_key, store))
    assert vault.authority_key == other


def test_a_vault_file_put_back_from_before_is_sealed_again(
    central: Any, key: AuthorityKey, enrol_laptop: Callable[..., Any], frozen_time: FrozenTime
) -> None:
    vault = enrol_laptop("dawn")
    (file,) = vault_file.candidates(vault.folder)
    import msgspec

    old = msgspec.structs.replace(file, wraps=[wrap for wrap in file.wraps if wrap.kind != "authority"])
    vault_file.write(vault.folder, old.sealed(vault.keys))
    again = open_vault(vault.folder, PASSPHRASE, time=frozen_time)
    assert not again.has_authority_key
    first_pull(again)
    assert again.authority_key == key.public_key
    again.close()


def test_a_central_store_of_an_earlier_version_tells_no_key_and_nothing_breaks() -> None:
    import msgspec

    earlier = msgspec.msgpack.encode({"token": "t", "expires_in": 900})
    assert msgspec.msgpack.decode(earlier, type=trust_protocol.Token).authority is None
    enrolment = {"server_key": "k", "lease": {"year": 2026, "first": 1, "last": 2}, "user": {}}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(enrolment), type=trust_protocol.EnrolAnswer).authority is None
    session = msgspec.msgpack.encode({"challenge": "c", "signature": b"s"})
    assert msgspec.msgpack.decode(session, type=trust_protocol.SessionRequest).vault == ""


def test_an_officer_gets_back_in_with_the_file_and_the_code_and_neither_alone(
    central: Any,
    key: AuthorityKey,
    enrol_laptop: Callable[..., Any],
    ask: Callable[..., Any],
    tmp_path: Path,
    frozen_time: FrozenTime,
) -> None:
    vault = enrol_laptop("dawn")
    issued = ask(vault, key)
    vault.close()
    file, folder = tmp_path / "recovery.rollcall", vault.folder
    assert file.stat().st_mode & 0o077 == 0
    assert issued.code.replace("-", "") not in file.read_text()
    with pytest.raises(UserError, match="does not open this file") as refused:
        unlock_with_reissue(folder, file, "0000-0000-0000-0000-0000-0000-00" + _checksum("0" * 26), time=frozen_time)
    assert refused.value.field == "code"
    typed = issued.code.lower().replace("-", " ")
    unlocked = unlock_with_reissue(folder, file, typed, time=frozen_time)
    again = protection.recovered(unlocked, ANOTHER, kdf=QUICK).open()
    protection.note_recovery(again, unlocked.way)
    with again.workspace().read() as session:
        assert session.scalars(select(AuditEntry.action).order_by(AuditEntry.sequence.desc())).first() == "recovered"
    again.close()
    open_vault(folder, ANOTHER, time=frozen_time).close()
    with pytest.raises(UserError, match="was used already"):
        unlock_with_reissue(folder, file, issued.code, time=frozen_time)
    with pytest.raises(UserError, match="not recognised"):
        open_vault(folder, PASSPHRASE, time=frozen_time)


def test_each_use_is_on_record_at_the_store_and_reaches_the_laptops(
    central: Any, key: AuthorityKey, enrol_laptop: Callable[..., Any], ask: Callable[..., Any], frozen_time: FrozenTime
) -> None:
    vault, colleague = enrol_laptop("dawn"), enrol_laptop("ruth")
    issued = ask(vault, key)
    (listed,) = central.services.recoveries.listed()
    assert (listed["device"], listed["by"], listed["system_account"]) == ("Laptop of dawn", "Ada Fenwick", "it-desk")
    assert listed["reason"] == "Laptop was rebuilt"
    assert listed["key_fingerprint"] == fingerprint(key.public_key)
    assert listed["issued_at"] == frozen_time.now()
    assert listed["revision"] == issued.revision
    first_pull(colleague)
    with colleague.workspace().read() as session:
        seen = session.scalars(select(ChangeSetRow).where(ChangeSetRow.reason == REASON)).one()
    assert seen.actor_id == central.people["ada"]
    assert seen.revision == issued.revision
    assert colleague.workspace().actor.device_id != vault.device_id


@pytest.mark.parametrize(
    ("wrong", "words", "field"),
    [
        ({"reason": "  "}, "Give a reason", "reason"),
        ({"reason": "x" * 301}, "Give a reason", "reason"),
        ({"by": "dawn"}, "Only somebody who manages people and laptops", "by"),
        ({"by": "nobody"}, "There is nobody active called nobody", "by"),
        ({"device_id": "01920000-0000-7000-8000-000000000000"}, "There is no such laptop", "device"),
        ({"device_id": "not an id"}, "There is no such laptop", "device"),
        ({"device_id": "ruth"}, "This vault.json is of another laptop", "vault_file"),
        ({"vault_file": "missing"}, "This is not a vault.json", "vault_file"),
        ({"vault_file": "edited"}, "was changed or damaged", "vault_file"),
        ({"out": "taken"}, "There is a file of this name already", "out"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_made_or_recorded(
    central: Any,
    key: AuthorityKey,
    enrol_laptop: Callable[..., Any],
    ask: Callable[..., Any],
    tmp_path: Path,
    wrong: dict[str, Any],
    words: str,
    field: str,
) -> None:
    vault = enrol_laptop("dawn")
    if wrong.get("device_id") == "ruth":
        wrong = {"device_id": enrol_laptop("ruth").device_id}
    if "vault_file" in wrong:
        wrong = {"vault_file": tmp_path / wrong["vault_file"]}
        if wrong["vault_file"].name == "edited":
            text = (vault.folder / "vault.json").read_text()
            wrong["vault_file"].write_text(text.replace("Laptop of dawn", "Laptop of done"))
    if "out" in wrong:
        wrong = {"out": tmp_path / "taken"}
        wrong["out"].write_text("somebody's")
    with pytest.raises(UserError, match=words) as refused:
        ask(vault, key, **wrong)
    assert refused.value.field == field
    assert not (tmp_path / "recovery.rollcall").exists()
    assert "out" not in wrong or wrong["out"].read_text() == "somebody's"
    assert central.services.recoveries.listed() == []


def test_a_revoked_laptop_another_key_and_an_unsealed_vault_are_refused(
    central: Any, enrol_laptop: Callable[..., Any], ask: Callable[..., Any], tmp_path: Path
) -> None:
    early = enrol_laptop("ruth")
    first = AuthorityKey.new()
    central.services.authority.add(first.public_key, central.people["ada"])
    vault = enrol_laptop("dawn")
    with pytest.raises(UserError, match="of another central store"):
        ask(vault, AuthorityKey.new())
    with pytest.raises(UserError, match="never sealed to it"):
        ask(early, first)
    second = AuthorityKey.new()
    central.services.authority.add(second.public_key, central.people["ada"], replace=True)
    with pytest.raises(UserError, match="sealed to another authority key: " + fingerprint(first.public_key)):
        ask(vault, second)
    ask(vault, first)
    central.services.trust.revoke(vault.device_id)
    with pytest.raises(UserError, match="This laptop is revoked"):
        ask(vault, first, out=tmp_path / "another")
    with central.services.engine.connect() as connection:
        assert len(connection.execute(select(recovery_issue)).all()) == 1


def test_from_the_command_line(
    central: Any,
    postgres_dsn: str,
    enrol_laptop: Callable[..., Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from app.services.vault import authority_wrap

    monkeypatch.setattr(authority_wrap, "STRETCHING", QUICK)
    secret = tmp_path / "secret"
    secret.write_text(KEY_PASSPHRASE + "\n")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = central_main.run([*arguments, "--dsn", postgres_dsn])
        said = capsys.readouterr()
        return status, said.out, said.err

    given = ["--passphrase-file", str(secret), "--by", "ada"]
    assert "There is no authority key." in run("authority-key", "show")[1]
    status, _, words = run("authority-key", "new", "--out", str(tmp_path / "k"), *given[:2], "--by", "dawn")
    assert (status, "Only somebody who manages people" in words) == (1, True)
    status, out, _ = run("authority-key", "new", "--out", str(tmp_path / "authority.key"), *given, "--json")
    assert status == 0
    made = json.loads(out)
    assert run("authority-key", "new", "--out", str(tmp_path / "second.key"), *given)[0] == 1
    assert not (tmp_path / "second.key").exists()
    assert made["fingerprint"] in run("authority-key", "show")[1]
    vault = enrol_laptop("dawn")
    out_file = tmp_path / "for dawn.rollcall"
    recover = ["recover", vault.device_id, "--vault-file", str(vault.folder / "vault.json"), "--reason", "Rebuilt"]
    recover += ["--key", str(tmp_path / "authority.key"), "--out", str(out_file), *given]
    secret.write_text("not this one, surely\n")
    assert "This passphrase does not open the key file." in run(*recover)[2]
    secret.write_text(KEY_PASSPHRASE + "\n")
    status, out, _ = run(*recover, "--json")
    assert status == 0
    vault.close()
    (tmp_path / "code").write_text(json.loads(out)["code"] + "\n")
    (tmp_path / "new").write_text(ANOTHER + "\n")
    monkeypatch.setattr(KdfParameters, "tuned", classmethod(lambda _cls, *_a, **_k: QUICK))
    recovering = ["--vault", str(vault.folder), "vault", "recover", "--file", str(out_file), "--no-keyring", "--json"]
    recovering += ["--code-file", str(tmp_path / "code"), "--new-passphrase-file", str(tmp_path / "new")]
    assert rollcall_main.run(recovering) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["way"] == "authority"
    assert len(answer["recovery_key"].replace("-", "")) == 28
    open_vault(vault.folder, ANOTHER, time=SystemTime()).close()
    assert rollcall_main.run(recovering) == 1
    assert "was used already" in capsys.readouterr().err
    assert "Laptop of dawn  by Ada Fenwick" in run("recoveries")[1]
    assert run("recover", "x")[0] == 2


def test_a_key_that_the_store_did_not_take_leaves_no_file(
    central: Any, postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.central.authority_key import AuthorityKeys
    from app.services.vault import authority_wrap

    monkeypatch.setattr(authority_wrap, "STRETCHING", QUICK)
    monkeypatch.setattr(AuthorityKeys, "check_may_add", lambda *_a, **_k: None)  # both saw that there was none
    central.services.authority.add(AuthorityKey.new().public_key, central.people["ada"])
    (tmp_path / "secret").write_text(KEY_PASSPHRASE)
    out = tmp_path / "authority.key"
    new = ["authority-key", "new", "--out", str(out), "--by", "ada", "--passphrase-file", str(tmp_path / "secret")]
    assert central_main.run([*new, "--dsn", postgres_dsn]) == 1
    assert not out.exists()
    assert len(central.services.authority.all()) == 1


def test_the_vault_a_laptop_has_is_told_at_each_session(central: Any, enrol_laptop: Callable[..., Any]) -> None:
    from app.central.tables import device_vault

    vault = enrol_laptop("dawn")
    with central.services.engine.begin() as connection:
        assert connection.execute(device_vault.delete()).rowcount == 1
    transport = open_transport(vault.workspace())
    transport.call("/lease", protocol.LeaseRequest(2026), trust_protocol.Lease)
    transport.close()
    with central.services.engine.connect() as connection:
        row = connection.execute(select(device_vault)).one()
    assert (row.device_id, row.vault_id) == (vault.device_id, vault.vault_id)
    with vault.workspace().read() as session:
        assert facts.get(session, facts.AUTHORITY_KEY) is None


def test_a_central_store_of_the_first_schema_is_given_the_tables(central: Any) -> None:
    from sqlalchemy import inspect, text

    from app.central.database import NEWEST, bring_up_to_date

    engine = central.services.engine
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE device_vault, recovery_issue"))
        connection.execute(text("UPDATE alembic_version_central SET version_num = 'c0001'"))
    bring_up_to_date(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version_central")).scalar() == NEWEST
    assert {"device_vault", "recovery_issue"} <= set(inspect(engine).get_table_names())


def _checksum(characters: str) -> str:
    from app.services.vault.recovery_key import RecoveryKey

    return RecoveryKey(characters).checksum
