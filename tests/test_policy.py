"""IT's policy: what it may say, what holds when it says something wrong, and that nothing makes it looser."""

import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import paths, policy_windows
from app import policy as module
from app.policy import RULES, Policy, combine, policy, read_file
from app.settings import SETTINGS, Settings

Make = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Make:
    def make(words: str, name: str = "policy.toml") -> Path:
        path = tmp_path / name
        path.write_text(words, encoding="utf-8")
        return path

    return make


@pytest.fixture
def asked(write: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Policy]]:
    """Set a policy by the variable, which can only make things stricter."""

    def ask(words: str) -> Policy:
        monkeypatch.setenv("ROLLCALL_POLICY", str(write(words)))
        policy.cache_clear()
        return policy()

    yield ask
    policy.cache_clear()


def machine(path: Path) -> Policy:
    return combine(read_file(path), None)


def test_every_rule_has_a_field_of_the_same_name_and_default() -> None:
    assert set(RULES) | {"managed", "problems", "source"} == set(Policy._fields)
    assert {key: rule.default for key, rule in RULES.items()} == {key: Policy._field_defaults[key] for key in RULES}
    for rule in RULES.values():
        assert rule.text[0].isupper()
        if isinstance(rule.default, int):
            assert rule.least <= rule.default <= rule.most
            assert rule.least <= rule.when_wrong <= rule.most


def test_without_a_policy_everything_is_as_usual_and_nothing_is_managed() -> None:
    assert combine(None, None) == Policy()


def test_each_policy_is_read(write: Make) -> None:
    found = machine(
        write(
            """
            lock_minutes_most = 3
            offline_days = 7
            vault_folder = "/srv/rollcall/{user}"
            backup_folder = "/mnt/share"
            servers = ["https://cme.marlshire.example/", "https://second.marlshire.example:8443"]
            screen_capture = "excluded"
            clipboard_seconds = 60
            passphrase_least = 14
            break_glass_hours = 8
            backups_daily = 14
            backups_weekly = 0
            kept_days = 400
            """
        )
    )
    assert found.problems == ()
    assert found.managed == set(RULES)
    assert found[:4] == (3, 7, f"/srv/rollcall/{module._account()}", "/mnt/share")
    assert found.server == "https://cme.marlshire.example"
    assert found.permits_server("https://SECOND.marlshire.example:8443/")
    assert not found.permits_server("https://elsewhere.example")
    assert found[5:12] == ("excluded", 60, 14, 8, 14, 0, 400)


WRONG = [
    ("lock_minutes_most = 0", "lock_minutes_most", 5), ("lock_minutes_most = 16", "lock_minutes_most", 5),
    ('lock_minutes_most = "3"', "lock_minutes_most", 5), ("lock_minutes_most = true", "lock_minutes_most", 5),
    ("lock_minutes_most = 3.0", "lock_minutes_most", 5), ("offline_days = -1", "offline_days", 14),
    ('screen_capture = "maybe"', "screen_capture", "excluded"), ("screen_capture = []", "screen_capture", "excluded"),
    ("passphrase_least = 4", "passphrase_least", 16), ("clipboard_seconds = 1000000", "clipboard_seconds", 10),
    ('vault_folder = "/srv/everybody"', "vault_folder", ""), ('vault_folder = "{user}/here"', "vault_folder", ""),
    ('vault_folder = "~/a\\u0000b"', "vault_folder", ""), ("backup_folder = 3", "backup_folder", ""),
    ("servers = []", "servers", ()), ('servers = ["http://cme.example"]', "servers", ()),
    ('servers = ["https://a b"]', "servers", ()), ('servers = ["https://me@cme.example"]', "servers", ()),
    ('servers = ["https://"]', "servers", ()), ("servers = [1]", "servers", ()),
]  # fmt: skip


@pytest.mark.parametrize(("words", "key", "holds"), WRONG, ids=[row[0][:40] for row in WRONG])
def test_a_wrong_value_counts_as_the_cautious_one_and_is_said(write: Make, words: str, key: str, holds: Any) -> None:
    found = machine(write(f"{words}\nbackups_daily = 9"))
    assert getattr(found, key) == holds
    assert found.backups_daily == 9
    assert len(found.problems) == 1
    assert key in found.problems[0]
    assert key in found.managed
    if key == "servers":
        assert not found.permits_server("https://cme.example")


def test_an_unknown_policy_is_said_and_the_rest_holds(write: Make) -> None:
    found = machine(write("lock_minutes = 3\nlock_minutes_most = 2"))
    assert found.lock_minutes_most == 2
    assert "“lock_minutes” is not a policy of this version." in found.problems[0]


@pytest.mark.parametrize("content", [b"lock_minutes_most = ", b"\xff\xfe", b"a = 1\n" * 20_000, b"a = " + b"[" * 5000])
def test_a_file_that_cannot_be_read_makes_every_policy_cautious(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(content)
    found = machine(path)
    assert len(found.problems) == 1
    assert found.lock_minutes_most == 5
    assert found.screen_capture == "excluded"
    assert not found.permits_server("https://cme.example")


def test_a_file_that_was_named_and_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert "could not be read" in machine(tmp_path / "none.toml").problems[0]


@pytest.mark.skipif(os.name != "posix", reason="owners of files are a matter of POSIX")
def test_a_machine_policy_that_others_can_write_is_not_believed(write: Make) -> None:
    path = write("lock_minutes_most = 15")
    if os.getuid() == 0:
        assert read_file(path, owned_by_root=True).values == {"lock_minutes_most": 15}
        path.chmod(0o666)
    found = combine(read_file(path, owned_by_root=True), None)
    assert "not believed" in found.problems[0]
    assert found.lock_minutes_most == 5


@pytest.mark.parametrize(
    ("ours", "theirs", "key", "holds"),
    [
        ("lock_minutes_most = 3", "lock_minutes_most = 15", "lock_minutes_most", 3),
        ("lock_minutes_most = 3", "lock_minutes_most = 1", "lock_minutes_most", 1),
        ("", "lock_minutes_most = 15", "lock_minutes_most", 15),
        ("clipboard_seconds = 90", "", "clipboard_seconds", 90),
        ("", "clipboard_seconds = 90", "clipboard_seconds", 30),
        ("passphrase_least = 14", "passphrase_least = 12", "passphrase_least", 14),
        ('screen_capture = "excluded"', 'screen_capture = "allowed"', "screen_capture", "excluded"),
        ('vault_folder = "~/kept"', 'vault_folder = "~/elsewhere"', "vault_folder", str(Path("~/kept").expanduser())),
        ('servers = ["https://a.example"]', 'servers = ["https://evil.example"]', "servers", ()),
        (
            'servers = ["https://a.example", "https://b.example"]', 'servers = ["https://B.example/"]', "servers",
            ("https://b.example",),
        ),
        ("", 'servers = ["https://b.example"]', "servers", ("https://b.example",)),
        ("screen_capture = 3", 'screen_capture = "allowed"', "screen_capture", "excluded"),
    ],
)  # fmt: skip
def test_a_second_file_makes_it_stricter_and_never_looser(
    write: Make, ours: str, theirs: str, key: str, holds: Any
) -> None:
    first, second = write(ours, "machine.toml"), write(theirs, "extra.toml")  # type: ignore[call-arg]
    assert getattr(combine(read_file(first), read_file(second)), key) == holds


def test_the_lock_time_of_the_settings_is_never_longer_than_the_policy(
    asked: Callable[[str], Policy], tmp_path: Path
) -> None:
    settings = Settings(tmp_path / "settings.json")
    settings.set("lock_minutes", 15)
    asked("lock_minutes_most = 3")
    assert settings.get("lock_minutes") == 3
    with pytest.raises(ValueError):
        settings.set("lock_minutes", 4)
    settings.set("lock_minutes", 2)
    assert settings.get("lock_minutes") == 2
    assert SETTINGS["lock_minutes"].most == RULES["lock_minutes_most"].most


def test_the_vaults_place_is_its_to_decide(asked: Callable[[str], Policy], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_VAULT", "/somewhere/else")
    asked('vault_folder = "~/rollcall/vault"')
    assert paths.default_vault_folder() == Path("~/rollcall/vault").expanduser()
    asked("")
    assert paths.default_vault_folder() == Path("/somewhere/else")


class Registry(types.SimpleNamespace):
    """As much of winreg as is used, over a list of (name, value, kind)."""

    HKEY_LOCAL_MACHINE, KEY_READ, KEY_WOW64_64KEY, REG_SZ, REG_DWORD, REG_MULTI_SZ = "HKLM", 1, 256, 1, 4, 7

    class Key:
        def __enter__(self) -> "Registry.Key":
            return self

        def __exit__(self, *_: object) -> None:
            self.closed = True

    def __init__(self, rows: list[tuple[str, Any, int]] | OSError) -> None:
        super().__init__()
        self.rows, self.opened = rows, []

    def OpenKey(self, *given: Any) -> Any:  # noqa: N802
        self.opened.append(given)
        if isinstance(self.rows, OSError):
            raise self.rows
        return self.Key()

    def EnumValue(self, _key: Any, place: int) -> tuple[str, Any, int]:  # noqa: N802
        try:
            return self.rows[place]
        except IndexError:
            raise OSError("no more") from None


def test_the_registry_is_read_as_group_policy_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        ("", "default", 1), ("lock_minutes_most", 4, 4), ("servers", ["https://cme.example"], 7),
        ("vault_folder", "~/Rollcall", 1), ("screen_capture", b"\x01", 3),
    ]  # fmt: skip
    registry = Registry(rows)
    monkeypatch.setitem(sys.modules, "winreg", registry)
    found = policy_windows.read()
    assert registry.opened == [("HKLM", r"Software\Policies\Rollcall", 0, 257)]
    assert found is not None
    held = combine(module._Source(*found), None)
    assert (held.lock_minutes_most, held.server) == (4, "https://cme.example")
    assert held.screen_capture == "excluded"
    assert any("screen_capture" in words for words in held.problems)


def test_no_registry_key_is_no_policy_and_one_that_cannot_be_read_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "winreg", Registry(FileNotFoundError()))
    assert policy_windows.read() is None
    monkeypatch.setitem(sys.modules, "winreg", Registry(PermissionError()))
    found = policy_windows.read()
    assert found is not None
    assert found.unreadable
    assert combine(module._Source(*found), None).lock_minutes_most == 5


def test_the_example_names_every_rule_with_its_usual_value_and_bounds(tmp_path: Path) -> None:
    example = Path(__file__).resolve().parents[1] / "installer" / "policy.toml"
    words = example.read_text(encoding="utf-8")
    decided = "\n".join(line.removeprefix("# ") for line in words.splitlines() if " = " in line)
    path = tmp_path / "policy.toml"
    path.write_text(decided, encoding="utf-8")
    found = machine(path)
    assert found.problems == ()
    assert found.managed == set(RULES)
    for key, rule in RULES.items():
        if isinstance(rule.default, int):
            assert getattr(found, key) == rule.default
            about = words[: words.index(f"# {key} = ")].rpartition("\n\n")[2]
            assert f"{rule.least} to {rule.most}" in about


def test_an_emergency_lasts_no_longer_than_it_permits(asked: Callable[[str], Policy]) -> None:
    from app.services.access_rules import access_rules

    access_rules.cache_clear()
    usual = access_rules().emergency_hours_most
    asked("break_glass_hours = 2")
    access_rules.cache_clear()
    assert (access_rules().emergency_hours, access_rules().emergency_hours_most) == (2, 2)
    policy.cache_clear()
    access_rules.cache_clear()
    assert usual > 2
