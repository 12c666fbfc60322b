"""The device secret in a real Secret Service (GNOME Keyring on a private D-Bus)."""

import base64

import pytest

from tests.keyring.conftest import PROMPTER, SECRET_SERVICE, Desktop

PASSPHRASE_ALONE = "The passphrase alone protects the records."


@pytest.fixture
def folder(desktop: Desktop) -> str:
    """Where a vault goes."""
    return str(desktop.home / "vault")


def test_a_vault_opens_with_the_keyring_also_after_the_next_log_in(desktop: Desktop, folder: str) -> None:
    session = desktop.log_in()
    assert desktop.run("state")["kind"] == "usable"
    assert desktop.run("create", folder)["keyring"] is True
    assert desktop.run("open_it", folder) == {"opened": True}
    desktop.log_out(session)
    desktop.log_in()
    assert desktop.run("open_it", folder) == {"opened": True}


def test_the_keyring_holds_32_bytes_under_a_random_name_and_nothing_else(desktop: Desktop, folder: str) -> None:
    desktop.log_in()
    vault = desktop.run("create", folder)["vault"]
    [item] = desktop.run("items")["items"]
    assert item["collection"] == "login"
    assert len(base64.b64decode(item["secret"], validate=True)) == 32
    attributes = {name: value for name, value in item["attributes"].items() if not name.startswith("xdg:")}
    assert attributes == {"service": "Rollcall vault", "username": vault, "application": "Python keyring library"}
    assert item["label"] == f"Password for '{vault}' on 'Rollcall vault'"
    assert item["secret"].encode() not in desktop.keyring_file().read_bytes()


def test_a_secret_that_is_gone_leads_to_the_recovery_key_and_a_new_secret(desktop: Desktop, folder: str) -> None:
    desktop.log_in()
    made = desktop.run("create", folder)
    before = desktop.run("items")["items"][0]["secret"]
    assert desktop.run("forget", made["vault"]) == {"first": True, "again": False}
    refused = desktop.run("open_it", folder)
    assert refused["error"] == "KeyringLost"
    assert "no longer holds the vault's secret. Use the recovery key, or ask your administrator" in refused["words"]
    assert desktop.run("recover", folder, made["recovery"]) == {"keyring": True}
    [item] = desktop.run("items")["items"]
    assert item["secret"] != before
    assert desktop.run("open_it", folder, "nine green lanterns hum") == {"opened": True}
    assert desktop.run("open_it", folder)["error"] == "UserError"


def test_a_keyring_that_was_changed_leads_to_the_recovery_key(desktop: Desktop, folder: str) -> None:
    desktop.log_in()
    made = desktop.run("create", folder)
    desktop.run("overwrite_with_another", made["vault"])
    assert "not recognised" in desktop.run("open_it", folder)["words"]
    for rubbish in ("", "not base64 at all!", "c2hvcnQ=", "é"):
        desktop.run("overwrite", made["vault"], rubbish)
        assert desktop.run("open_it", folder)["error"] == "KeyringLost", rubbish
    assert desktop.run("recover", folder, made["recovery"]) == {"keyring": True}
    assert desktop.run("open_it", folder, "nine green lanterns hum") == {"opened": True}


def test_a_profile_that_it_rebuilt_leads_to_the_recovery_key(desktop: Desktop, folder: str) -> None:
    session = desktop.log_in()
    made = desktop.run("create", folder)
    desktop.log_out(session)
    desktop.keyring_file().unlink()
    desktop.log_in("another log-in password")
    assert desktop.run("open_it", folder)["error"] == "KeyringLost"
    assert desktop.run("recover", folder, made["recovery"]) == {"keyring": True}
    assert desktop.run("open_it", folder, "nine green lanterns hum") == {"opened": True}


def test_a_locked_keyring_is_said_in_words_and_in_time(desktop: Desktop, folder: str) -> None:
    desktop.log_in()
    desktop.run("create", folder)
    desktop.run("lock")
    found = desktop.run("state")
    assert (found["kind"], found["used"]) == ("locked", True)
    assert "is locked. Unlock it and try again." in found["words"]
    refused = desktop.run("open_it", folder)
    assert refused["error"] == "KeyringShut"
    assert "Unlock it and try again" in refused["words"]
    assert refused["seconds"] < 40


def test_a_prompt_that_nobody_answers_does_not_hang_the_unlock(desktop: Desktop, folder: str) -> None:
    desktop.start_mute(PROMPTER)
    desktop.log_in()
    desktop.run("create", folder)
    desktop.run("lock")
    refused = desktop.run("open_impatiently", folder)
    assert refused["error"] == "KeyringShut"
    assert "did not answer. Unlock it and try again" in refused["words"]
    assert 1.5 < refused["seconds"] < 25  # not the 30 of real life, nor for ever


def test_without_a_keyring_the_passphrase_alone_protects_with_stronger_parameters(
    desktop: Desktop, folder: str
) -> None:
    found = desktop.run("state")
    assert (found["kind"], found["used"]) == ("none", False)
    assert found["words"] == f"This machine has no keyring. {PASSPHRASE_ALONE}"
    alone = desktop.run("create_tuned", folder)
    desktop.log_in()
    both = desktop.run("create_tuned", folder + "-with-keyring")
    assert (alone["keyring"], both["keyring"]) == (False, True)
    assert alone["passes"] > both["passes"]


def test_a_keyring_that_is_gone_altogether_is_told_from_one_that_lost_its_secret(desktop: Desktop, folder: str) -> None:
    session = desktop.log_in()
    desktop.run("create", folder)
    desktop.log_out(session)
    refused = desktop.run("open_it", folder)
    assert refused["error"] == "KeyringLost"
    assert refused["words"].startswith("This machine has no keyring.")
    desktop.log_in()
    assert desktop.run("open_it", folder) == {"opened": True}


def test_a_keyring_without_a_password_is_refused_for_it_is_written_in_the_clear(desktop: Desktop, folder: str) -> None:
    file = desktop.keyring_file()
    file.parent.mkdir(parents=True)
    file.write_text("[keyring]\ndisplay-name=Login\nctime=0\nmtime=0\nlock-on-idle=false\nlock-after=false\n")
    (file.parent / "default").write_text("login")
    desktop.log_in(unlock=False)
    found = desktop.run("state")
    assert (found["kind"], found["used"]) == ("plain text", False)
    assert "keeps what it holds unencrypted" in found["words"]
    assert desktop.run("create", folder)["keyring"] is False
    assert desktop.run("items")["items"] == []


def test_the_collection_that_is_lost_at_log_out_is_refused(desktop: Desktop) -> None:
    desktop.log_in()
    chosen = "/org/freedesktop/secrets/collection/session"
    found = desktop.run_alone("state", KEYRING_PROPERTY_PREFERRED_COLLECTION=chosen)
    assert (found["kind"], found["used"]) == ("forgets", False)


def test_a_keyring_that_was_never_set_up_is_not_used_and_nobody_is_asked(desktop: Desktop, folder: str) -> None:
    desktop.log_in("")
    found = desktop.run("state")
    assert (found["kind"], found["used"]) == ("not set up", False)
    assert desktop.run("create", folder)["keyring"] is False


def test_a_service_that_answers_nothing_does_not_hang_the_unlock(desktop: Desktop) -> None:
    desktop.start_mute(SECRET_SERVICE)
    found = desktop.run("state", "2")
    assert (found["kind"], found["used"]) == ("failed", False)
    assert found["seconds"] < 25
    assert "did not answer" in found["words"]


def test_a_back_end_that_the_person_chose_and_that_is_not_known_is_refused(desktop: Desktop) -> None:
    desktop.log_in()
    own = desktop.home / "own"
    own.mkdir()
    (own / "own_keyring.py").write_text(
        "from keyring.backend import KeyringBackend\n"
        "class FileKeyring(KeyringBackend):\n"
        "    priority = 9\n"
        "    def get_password(self, service, username): return None\n"
        "    def set_password(self, service, username, password): pass\n"
    )
    for chosen, kind in (
        ("own_keyring.FileKeyring", "unknown"),
        ("keyring.backends.null.Keyring", "none"),
        ("no_such_package.Keyring", "failed"),
        ("keyring.backends.SecretService.Keyring", "usable"),
    ):
        found = desktop.run_alone("state", PYTHON_KEYRING_BACKEND=chosen, PYTHONPATH=str(own))
        assert (found["kind"], found["used"]) == (kind, kind == "usable"), chosen
