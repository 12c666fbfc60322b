"""Who is let in: codes, laptops, tokens and local accounts, over HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import UserError
from app.ids import new_id
from app.models import ReferenceLease
from app.services.signing import Signer, new_seed
from app.services.sync import protocol, trust_protocol
from app.services.sync.enrolment import check_code, create_and_enrol, enrol, open_transport
from app.services.sync.faults import NotLetIn
from app.services.sync.protocol import pack, unpack
from app.services.sync.transport import HttpTransport, checked_address
from app.services.vault.keys import KdfParameters
from app.timesource import FrozenTime

QUICK = KdfParameters(memory_kib=1024, passes=1, lanes=1)
PASSPHRASE = "seven blue kettles sing"


def attempt(folder: Path, url: str, code: str, time: FrozenTime) -> Any:
    return create_and_enrol(folder, url, code, "Test", PASSPHRASE, time=time, kdf=QUICK)


def call(url: str, path: str, message: object, kind: Any) -> Any:
    transport = HttpTransport(url)
    try:
        return transport.call(path, message, kind, open_to_all=True)
    finally:
        transport.close()


def test_a_code_says_whom_it_is_for_and_works_once(central: Any, tmp_path: Path, frozen_time: FrozenTime) -> None:
    code = central.services.trust.make_code(central.people["dawn"])
    answer = check_code(central.url, code.lower().replace("-", " "))
    assert (answer.user_name, answer.authority_name) == ("Dawn Ellery", "Marlshire County Council")
    vault = attempt(tmp_path / "one", central.url, code, frozen_time)
    assert vault.workspace().actor.name == "Dawn Ellery"
    vault.close()
    with pytest.raises(UserError, match="This code has been used") as refused:
        attempt(tmp_path / "two", central.url, code, frozen_time)
    assert refused.value.field == "code"
    assert not (tmp_path / "two").exists()


def test_a_wrong_or_expired_code_leaves_nothing_behind(central: Any, tmp_path: Path, frozen_time: FrozenTime) -> None:
    with pytest.raises(UserError, match="This code is not known"):
        attempt(tmp_path / "one", central.url, "AAAA-BBBB-CCCC", frozen_time)
    code = central.services.trust.make_code(central.people["dawn"])
    frozen_time.advance(hours=49)
    with pytest.raises(UserError, match="This code has expired"):
        attempt(tmp_path / "one", central.url, code, frozen_time)
    assert not (tmp_path / "one").exists()


def test_a_code_is_kept_only_as_a_hash(central: Any) -> None:
    from sqlalchemy import select

    from app.central.tables import enrolment_code

    code = central.services.trust.make_code(central.people["dawn"])
    with central.services.engine.connect() as connection:
        stored = [str(value) for row in connection.execute(select(enrolment_code)) for value in row]
    assert not any(code in value or code.replace("-", "") in value for value in stored)


def test_a_short_passphrase_spends_no_code(central: Any, tmp_path: Path, frozen_time: FrozenTime) -> None:
    code = central.services.trust.make_code(central.people["dawn"])
    with pytest.raises(UserError, match="at least 12"):
        create_and_enrol(tmp_path / "one", central.url, code, "Test", "short", time=frozen_time, kdf=QUICK)
    assert check_code(central.url, code).user_name == "Dawn Ellery"


def test_a_key_that_is_not_proved_is_refused(central: Any) -> None:
    code = central.services.trust.make_code(central.people["dawn"])
    signer = Signer(new_seed())
    device_id = new_id()
    stolen = Signer(new_seed()).sign(trust_protocol.enrolment_statement(code, device_id, signer.public_key))
    request = trust_protocol.EnrolRequest(code, device_id, "Test", signer.public_key, stolen, 2026)
    with pytest.raises(NotLetIn, match="could not prove its key"):
        call(central.url, "/enrolment", request, trust_protocol.EnrolAnswer)
    assert check_code(central.url, code).user_name == "Dawn Ellery"


def test_an_existing_vault_joins_and_sends_what_it_holds(
    central: Any, make_vault: Callable[..., Any], enrol_laptop: Callable[..., Any], sync_once: Callable[[Any], Any]
) -> None:
    vault = make_vault()
    code = central.services.trust.make_code(central.people["dawn"])
    enrol(vault, central.url, code)
    ws = vault.workspace()
    assert ws.actor.user_id == central.people["dawn"]
    with pytest.raises(UserError, match="enrolled already"):
        enrol(vault, central.url, central.services.trust.make_code(central.people["dawn"]))


def test_a_revoked_laptop_is_told_and_keeps_its_work(
    central: Any, enrol_laptop: Callable[..., Any], sync_once: Callable[[Any], Any]
) -> None:
    ws = enrol_laptop("dawn").workspace()
    central.services.trust.revoke(ws.actor.device_id)
    with pytest.raises(NotLetIn, match="Your work is kept") as refused:
        sync_once(ws)
    assert refused.value.code == "device-revoked"
    with pytest.raises(UserError):
        central.services.trust.revoke(ws.actor.device_id)


def test_a_token_that_ran_out_is_renewed_in_passing(
    central: Any, enrol_laptop: Callable[..., Any], frozen_time: FrozenTime
) -> None:
    ws = enrol_laptop("dawn").workspace()
    transport = open_transport(ws)
    transport.call("/pull", protocol.PullRequest(0), protocol.PullAnswer)
    frozen_time.advance(minutes=16)
    assert transport.call("/pull", protocol.PullRequest(0), protocol.PullAnswer).head > 0
    transport.close()


def test_every_door_of_a_laptop_needs_its_token(central: Any) -> None:
    empty = {
        "push": protocol.PushRequest([]),
        "pull": protocol.PullRequest(0),
        "snapshot/start": protocol.SnapshotStartRequest(),
        "snapshot/rows": protocol.SnapshotRequest("task"),
        "lease": protocol.LeaseRequest(2026),
        "documents/offer": protocol.OfferDocuments([]),
        "documents/put": protocol.PutChunks([]),
        "documents/find": protocol.FindManifests([]),
        "documents/get": protocol.MissingChunks([]),
    }
    user_token = central.services.trust._life_token({"user": central.people["dawn"], "use": "user"}).token
    for path, message in empty.items():
        for token in ("none", "a.b.c", user_token):
            response = httpx.post(
                f"{central.url}/v1/{path}",
                content=pack(message),
                headers={"authorization": f"Bearer {token}", protocol.VERSION_HEADER: "1"},
                trust_env=False,
            )
            assert response.status_code == 401
            assert unpack(protocol.Problem, response.content).code == "token-stale"


def test_a_far_version_is_told_what_to_do(central: Any) -> None:
    for version in ("0", "9", "x"):
        response = httpx.post(
            f"{central.url}/v1/challenge",
            content=pack(trust_protocol.ChallengeRequest(new_id())),
            headers={protocol.VERSION_HEADER: version},
            trust_env=False,
        )
        assert response.status_code == 426
        assert "Update Rollcall. Your work is kept." in unpack(protocol.Problem, response.content).message


def test_nonsense_and_oversized_requests_are_turned_away(central: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_PACKED_BYTES", 10_000)
    for body in (b"", b"{}", b"\x28\xb5\x2f\xfd" + b"x" * 50, b"x" * 20_000):
        response = httpx.post(
            f"{central.url}/v1/challenge",
            content=body,
            headers={protocol.VERSION_HEADER: "1"},
            trust_env=False,
        )
        assert response.status_code == 400
        assert unpack(protocol.Problem, response.content).code == "not-understood"


def test_a_local_account_signs_in_and_makes_a_code_for_itself(central: Any) -> None:
    trust = central.services.trust
    trust.set_password(central.people["dawn"], "four green lamps glow")
    token = call(
        central.url, "/sign-in", trust_protocol.SignInRequest("dawn", "four green lamps glow"), trust_protocol.Token
    )
    assert trust.user_of(token.token) == central.people["dawn"]
    response = httpx.post(
        f"{central.url}/v1/my-code",
        content=pack(trust_protocol.MyCodeRequest()),
        headers={"authorization": f"Bearer {token.token}", protocol.VERSION_HEADER: "1"},
        trust_env=False,
    )
    code = unpack(trust_protocol.MyCode, response.content).code
    assert trust.check_code(code).user_name == "Dawn Ellery"


def test_wrong_passwords_say_nothing_about_who_exists_and_lock_for_a_while(
    central: Any, frozen_time: FrozenTime
) -> None:
    from app.central.trust import TrustError

    trust = central.services.trust
    trust.set_password(central.people["dawn"], "four green lamps glow")
    messages = set()
    for username in ("dawn", "nobody"):
        with pytest.raises(TrustError) as refused:
            trust.sign_in(username, "wrong wrong wrong")
        messages.add(refused.value.message)
    assert len(messages) == 1
    for _ in range(7):
        with pytest.raises(TrustError):
            trust.sign_in("dawn", "wrong wrong wrong")
    with pytest.raises(TrustError):
        trust.sign_in("dawn", "four green lamps glow")
    frozen_time.advance(minutes=16)
    assert trust.sign_in("dawn", "four green lamps glow").expires_in == 900
    with pytest.raises(UserError, match="at least 12"):
        trust.set_password(central.people["dawn"], "short")


def test_blocks_of_numbers_never_overlap_and_skip_what_is_used(
    central: Any, enrol_laptop: Callable[..., Any], sync_once: Callable[[Any], Any]
) -> None:
    from datetime import date

    from app.models import Case, Child

    one, two = enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()

    def blocks(ws: Any) -> list[tuple[int, int]]:
        with ws.read() as session:
            return sorted((lease.first, lease.last) for lease in session.query(ReferenceLease))

    assert blocks(one) == [(1, 50)]
    assert blocks(two) == [(51, 100)]
    with one.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Merrow")
        session.add(child)
        session.flush()
        session.add(Case(reference="CME-2026-00150", child_id=child.id, opened_on=date(2026, 11, 2)))
        session.get(ReferenceLease, (2026, 1)).next = 32
    sync_once(one)
    assert blocks(one) == [(1, 50), (151, 200)]
    sync_once(two)
    assert blocks(two) == [(51, 100)]


@pytest.mark.parametrize(
    "address", ["http://cme.marlshire.example", "ftp://x", "cme.marlshire.example", "", "http://[x"]
)
def test_an_address_that_would_send_records_in_the_open_is_refused(address: str) -> None:
    with pytest.raises(UserError) as refused:
        checked_address(address)
    assert refused.value.field == "server"


def test_addresses_with_tls_or_on_this_machine_are_taken() -> None:
    assert checked_address(" https://cme.marlshire.example/ ") == "https://cme.marlshire.example"
    assert checked_address("http://127.0.0.1:8470") == "http://127.0.0.1:8470"


def test_a_challenge_cannot_be_answered_with_another_key_or_late(
    central: Any, enrol_laptop: Callable[..., Any], frozen_time: FrozenTime
) -> None:
    from app.central.trust import TrustError

    device_id = enrol_laptop("dawn").workspace().actor.device_id
    trust = central.services.trust
    challenge = trust.challenge(device_id)
    with pytest.raises(TrustError, match="bad-signature"):
        trust.start_session(challenge, Signer(new_seed()).sign(trust_protocol.session_statement(challenge)))
    frozen_time.advance(minutes=3)
    with pytest.raises(TrustError, match="token-stale"):
        trust.start_session(challenge, b"x" * 64)
    with pytest.raises(TrustError, match="device-unknown"):
        trust.start_session(trust.challenge("no uuid"), b"x" * 64)
