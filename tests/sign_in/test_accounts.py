"""Local accounts: six-digit codes that work once, recovery codes, waits that grow, and nothing said of who exists."""

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from app.central import accounts
from app.central.accounts import Accounts
from app.central.tokens import TrustError
from app.central.tries import NAME
from app.errors import UserError
from app.services.sign_in.door import Door
from app.services.signing import Signer, new_seed
from app.services.sync.faults import CentralUnreachable, NotLetIn
from app.timesource import FrozenTime
from tests.sign_in.provider import CLIENT_ID, Provider

PASSWORD = "four green lamps glow"


@pytest.fixture
def trust(central: Any) -> Any:
    central.services.trust.set_password(central.people["dawn"], PASSWORD)
    return central.services.trust


@pytest.fixture
def code_now(frozen_time: FrozenTime) -> Callable[..., str]:
    """What somebody's telephone shows: computed from the secret alone."""

    def code(secret: str, steps: int = 0) -> str:
        totp = TOTP(base64.b32decode(secret), 6, SHA1(), 30)
        return totp.generate(int(frozen_time.now().timestamp()) + 30 * steps).decode()

    return code


def turn_on(trust: Any, user_id: str, code_now: Callable[..., str]) -> tuple[str, list[str]]:
    made = trust.second_steps.begin(user_id)
    assert made.uri.startswith("otpauth://totp/")
    return made.secret, trust.second_steps.confirm(user_id, code_now(made.secret, -1))


def refused(trust: Any, username: str, password: str, code: str, **more: Any) -> TrustError:
    with pytest.raises(TrustError) as found:
        trust.accounts.check(username, password, code, **more)
    return found.value


def test_codes_of_a_second_step_work_once_within_a_step_of_now(
    central: Any, trust: Any, code_now: Callable[..., str], frozen_time: FrozenTime
) -> None:
    dawn = central.people["dawn"]
    made = trust.second_steps.begin(dawn)
    assert trust.accounts.check("dawn", PASSWORD, "") == dawn  # it counts once it was proved
    with pytest.raises(UserError, match="does not fit"):
        trust.second_steps.confirm(dawn, "000000" if code_now(made.secret) != "000000" else "111111")
    secret, _codes = turn_on(trust, dawn, code_now)
    assert refused(trust, "dawn", PASSWORD, "").code == "sign-in-failed"
    assert trust.accounts.check("dawn", PASSWORD, code_now(secret)) == dawn
    assert refused(trust, "dawn", PASSWORD, code_now(secret)).code == "sign-in-failed"  # used
    assert refused(trust, "dawn", PASSWORD, code_now(secret, -1)).code == "sign-in-failed"  # older than the used one
    assert trust.accounts.check("dawn", PASSWORD, f" {code_now(secret, 1)[:3]} {code_now(secret, 1)[3:]} ") == dawn
    frozen_time.advance(minutes=10)
    assert refused(trust, "dawn", PASSWORD, code_now(secret, 2)).code == "sign-in-failed"
    assert refused(trust, "dawn", PASSWORD, code_now(secret, -2)).code == "sign-in-failed"
    assert trust.accounts.check("dawn", PASSWORD, code_now(secret, -1)) == dawn
    # The way of version 1 asks for no code and lets nobody in who has one.
    with pytest.raises(TrustError):
        trust.sign_in("dawn", PASSWORD)


def test_recovery_codes_work_once_each_and_are_kept_as_hashes(
    central: Any, trust: Any, code_now: Callable[..., str]
) -> None:
    from sqlalchemy import select

    from app.central.sign_in_tables import account_factor, recovery_code

    dawn = central.people["dawn"]
    secret, codes = turn_on(trust, dawn, code_now)
    assert len(set(codes)) == 10
    assert trust.accounts.check("dawn", PASSWORD, codes[0].lower()) == dawn
    assert refused(trust, "dawn", PASSWORD, codes[0]).code == "sign-in-failed"
    assert trust.accounts.check("dawn", PASSWORD, codes[1]) == dawn
    assert refused(trust, "dawn", "wrong wrong wrong", codes[2]).code == "sign-in-failed"
    assert trust.accounts.check("dawn", PASSWORD, codes[2]) == dawn  # not spent by a wrong password
    with central.services.engine.connect() as connection:
        stored = [bytes(row.code_hash) for row in connection.execute(select(recovery_code))]
        sealed = bytes(connection.execute(select(account_factor.c.secret)).scalar_one())
    plain = [each.replace("-", "").encode() for each in codes]
    assert not any(each in value for each in plain for value in stored)
    assert base64.b32decode(secret) not in sealed
    assert trust.second_steps.remove(dawn)
    assert trust.accounts.check("dawn", PASSWORD, "") == dawn


def test_names_that_nobody_has_lock_alike_after_the_same_work(
    central: Any, trust: Any, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    class Quick:
        """Stands for Argon2id, and counts how often it is asked."""

        def verify(self, stored: str, password: str) -> bool:
            checked.append(stored)
            return password == PASSWORD and not stored.startswith("decoy")

        def hash(self, password: str) -> str:
            return "decoy"

        def check_needs_rehash(self, stored: str) -> bool:
            return False

    monkeypatch.setattr(trust.accounts, "_hasher", Quick())
    told: dict[str, list[tuple[str, str, int | None]]] = {}
    for username in ("dawn", "nobody"):
        for _ in range(NAME.most + 2):
            answer = refused(trust, username, "wrong wrong wrong", "")
            told.setdefault(username, []).append((answer.code, answer.message, answer.retry_after))
    assert told["dawn"] == told["nobody"]
    assert told["dawn"][-1][0] == "too-many"
    assert "Wait 16 minutes" in told["dawn"][-1][1] or "Wait 15 minutes" in told["dawn"][-1][1]
    assert len(checked) == 2 * NAME.most
    # The right password does not open a lock, and the next wait is twice as long.
    assert refused(trust, "dawn", PASSWORD, "").code == "too-many"
    frozen_time.advance(minutes=16)
    refused(trust, "dawn", "wrong wrong wrong", "")
    frozen_time.advance(minutes=16)
    assert refused(trust, "dawn", PASSWORD, "").code == "too-many"
    frozen_time.advance(minutes=15)
    assert trust.accounts.check("dawn", PASSWORD, "") == central.people["dawn"]
    # Being right forgives; an administrator may, too.
    for _ in range(NAME.most):
        refused(trust, "dawn", "wrong wrong wrong", "")
    assert refused(trust, "dawn", PASSWORD, "").code == "too-many"
    trust.accounts.unlock(central.people["dawn"])
    assert trust.accounts.check("dawn", PASSWORD, "") == central.people["dawn"]


def test_strangers_who_try_a_name_do_not_lock_its_owner_out_of_their_own_laptop(central: Any, trust: Any) -> None:
    from app.ids import new_id

    for _ in range(NAME.most):
        refused(trust, "dawn", "wrong wrong wrong", "")
    assert refused(trust, "dawn", PASSWORD, "").code == "too-many"
    assert trust.accounts.check("dawn", PASSWORD, "", device_id=new_id()) == central.people["dawn"]


def test_an_address_that_tries_many_names_has_to_wait(trust: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import app.central.tries as tries

    monkeypatch.setattr(tries, "ADDRESS", tries.Limit(3, tries.ADDRESS.first_wait, tries.ADDRESS.longest_wait))
    for number in range(3):
        refused(trust, f"name{number}", "wrong wrong wrong", "", address="192.0.2.7")
    assert refused(trust, "dawn", PASSWORD, "", address="192.0.2.7").code == "too-many"
    assert trust.accounts.check("dawn", PASSWORD, "", address="192.0.2.8")


def test_tries_at_once_are_counted_one_after_another(trust: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def attempt(_number: int) -> str:
        return refused(trust, "dawn", "wrong wrong wrong", "").code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(attempt, range(NAME.most + 8)))
    assert codes.count("sign-in-failed") == NAME.most
    assert codes.count("too-many") == 8


def test_an_authority_may_ask_for_codes_of_everybody(trust: Any) -> None:
    assert refused(trust, "dawn", PASSWORD, "", needs_code=True).code == "sign-in-failed"


def test_passwords_that_are_easy_to_guess_are_not_taken(central: Any, trust: Any) -> None:
    for password in ("short", "password1234", "dawn ellery marlshire", "x" * (accounts.MAX_PASSWORD_LENGTH + 1)):
        with pytest.raises(UserError):
            trust.set_password(central.people["dawn"], password)
    assert isinstance(trust.accounts, Accounts)


def test_the_waits_reach_the_laptop_in_words(central: Any, trust: Any) -> None:
    door = Door(central.url, "", Signer(new_seed()))
    for _ in range(NAME.most):
        with pytest.raises(NotLetIn, match="Name, password or code not recognised"):
            door.by_account("nobody", PASSWORD, "")
    with pytest.raises(CentralUnreachable, match="Too many tries. Wait 1") as waiting:
        door.by_account("nobody", PASSWORD, "")
    assert waiting.value.wait_seconds is not None
    assert waiting.value.wait_seconds > 800


def test_a_laptop_without_a_vault_gets_a_code_for_a_signed_in_person(central: Any, trust: Any) -> None:
    from app.services.sign_in.own_code import code_with_account

    code = code_with_account(central.url, "dawn", PASSWORD)
    assert trust.check_code(code).user_name == "Dawn Ellery"


def test_the_qr_code_of_the_command_line_can_be_read() -> None:
    import zxingcpp
    from PIL import Image

    from app.central.sign_in_commands import qr_text

    uri = "otpauth://totp/Rollcall:dawn?secret=JBSWY3DPEHPK3PXP&issuer=Rollcall"
    lines = qr_text(uri).splitlines()
    image = Image.new("L", (len(lines[0]), 2 * len(lines)), 0)
    for row, line in enumerate(lines):
        for column, sign in enumerate(line):
            image.putpixel((column, 2 * row), 255 if sign in "█▀" else 0)
            image.putpixel((column, 2 * row + 1), 255 if sign in "█▄" else 0)
    large = image.resize((image.width * 4, image.height * 4), Image.Resampling.NEAREST)
    assert [each.text for each in zxingcpp.read_barcodes(large)] == [uri]


def test_the_command_line_configures_the_provider_and_local_accounts(
    central: Any, provider: Provider, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.central.main import run

    def command(*words: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        status = run([*words, "--dsn", central.dsn])
        shown = capsys.readouterr()
        return status, shown.out + shown.err

    status, words = command("sign-in", "configure", "--issuer", "http://sign-in.example", "--client-id", "x")
    assert (status, "starts with https://" in words) == (1, True)
    provider.away = True
    status, words = command("sign-in", "configure", "--issuer", provider.issuer, "--client-id", CLIENT_ID)
    assert (status, "does not answer" in words) == (1, True)
    provider.away = False
    assert command("sign-in", "configure", "--issuer", provider.issuer, "--client-id", CLIENT_ID)[0] == 0
    assert central.services.trust.people.way().issuer == provider.issuer
    assert command("sign-in", "configure", "--local", "--every-days", "7")[0] == 0
    assert f"issuer: {provider.issuer}" not in command("sign-in", "show")[1]
    assert command("account", "add", "dawn", typed="four green lamps glow\n")[0] == 0
    assert "dawn" in command("account", "list")[1]
    assert command("account", "unlock", "dawn")[0] == 0
    assert command("account", "unlock", "ruth")[0] == 1
    assert command("account", "reset", "dawn", typed="short\n")[0] == 1
    status, words = command("account", "totp", "dawn", typed="000000\n")
    assert status == 1
    assert "█" in words
    assert command("account", "totp", "dawn", "--off")[0] == 0
    assert command("sign-in", "end", "dawn") == (0, "Ended 0 sessions.\n")
    assert command("account", "remove", "dawn")[0] == 0
