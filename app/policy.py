r"""What the council's IT decides for every account of a laptop: each policy once, with type, bounds and what it means.

A policy stands in ``/etc/rollcall/policy.toml`` (``/Library/Application Support/Rollcall/policy.toml`` on a Mac), or
in ``HKLM\Software\Policies\Rollcall`` on Windows. Only an administrator can write there; a file that others can
write is not believed. ``ROLLCALL_POLICY`` may name one file more, which can make things stricter and never looser, so
that nobody weakens a policy by setting a variable.

A value that is wrong is never passed over: what holds then is the cautious value named here, and the log and the
settings page say so. Nothing heavy is imported before a policy is there to be read.
"""

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

LARGEST_FILE = 65_536
SERVERS_MOST, SERVER_LONGEST, FOLDER_LONGEST = 16, 300, 1000

Stricter = Literal["smaller", "larger", "later choice", "fewer", "only once"]


class Rule(NamedTuple):
    """One policy.

    Attributes:
        key: its name in the file and in the registry; never renamed.
        default: what holds where there is no policy; also fixes the type.
        when_wrong: what holds when the policy gives a value that is not permitted.
        text: what it means.
        stricter: which of two values wins. ``only once``: the machine's, and a second file only where it has none.
        least, most: bounds of a number, both permitted.
        choices: permitted words, from loose to strict.
    """

    key: str
    default: Any
    when_wrong: Any
    text: str
    stricter: Stricter
    least: int = 0
    most: int = 0
    choices: tuple[str, ...] = ()


RULES = {
    rule.key: rule
    for rule in (
        Rule("lock_minutes_most", 15, 5, "Lock after at most this many minutes without use", "smaller", 1, 15),
        Rule("offline_days", 30, 14, "Days that a laptop may be away from the central store", "smaller", 1, 365),
        Rule("vault_folder", "", "", "Where vaults are kept", "only once"),
        Rule("backup_folder", "", "", "The second folder or share for backups", "only once"),
        Rule("servers", None, (), "Addresses of central stores that may be used; the first is filled in", "fewer"),
        Rule(
            "screen_capture", "allowed", "excluded", "Whether other programs may record the window", "later choice",
            choices=("allowed", "excluded"),
        ),
        Rule("clipboard_seconds", 30, 10, "Seconds until what Rollcall copied is cleared", "smaller", 5, 120),
        Rule("passphrase_least", 12, 16, "Characters that a passphrase must have", "larger", 12, 64),
        Rule("break_glass_hours", 4, 1, "Hours that emergency access to a case lasts", "smaller", 1, 72),
        Rule("backups_daily", 7, 7, "Daily backups kept", "larger", 1, 60),
        Rule("backups_weekly", 4, 4, "Weekly backups kept", "larger", 0, 52),
        Rule("kept_days", 90, 90, "Days that a laptop keeps sent work sealed for the central store", "larger", 7, 3650),
    )
}  # fmt: skip


class Policy(NamedTuple):
    """What holds on this laptop. A field is named as its rule.

    Attributes:
        servers: permitted addresses, without a slash at the end; None permits any, an empty tuple none.
        managed: rules that IT has set, rightly or wrongly.
        problems: what is wrong with the policy, in words for IT.
        source: where the policy stands, in words; empty where there is none.
    """

    lock_minutes_most: int = 15
    offline_days: int = 30
    vault_folder: str = ""
    backup_folder: str = ""
    servers: tuple[str, ...] | None = None
    screen_capture: str = "allowed"
    clipboard_seconds: int = 30
    passphrase_least: int = 12
    break_glass_hours: int = 4
    backups_daily: int = 7
    backups_weekly: int = 4
    kept_days: int = 90
    managed: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    source: str = ""

    @property
    def server(self) -> str:
        """The central store that the first run fills in, or an empty text."""
        return self.servers[0] if self.servers else ""

    def permits_server(self, address: str) -> bool:
        """Return whether this laptop may use a central store; capitals and a slash at the end make no difference."""
        return self.servers is None or _plain(address) in [_plain(each) for each in self.servers]


class _Source(NamedTuple):
    """A policy as it was found: raw values, what could not be read, and where."""

    values: dict[str, Any]
    problems: tuple[str, ...]
    name: str
    unreadable: bool = False


@cache
def policy() -> Policy:
    """Return this machine's policy, read once. ``policy.cache_clear()`` reads it again."""
    extra = os.environ.get("ROLLCALL_POLICY")
    return combine(_machine(), read_file(Path(extra)) if extra else None)


def combine(machine: _Source | None, extra: _Source | None) -> Policy:
    """Return what holds when the machine says one thing, and a second file asks for more."""
    held: dict[str, Any] = {}
    problems: list[str] = []
    for source in (machine, extra):
        if source is None:
            continue
        values, wrong = _checked(source)
        problems += [f"{source.name}: {words}" for words in (*source.problems, *wrong)]
        for key, value in values.items():
            # The machine's value stands as it is; the second file's only where it is stricter.
            before = held.get(key, RULES[key].default)
            held[key] = value if source is machine else _stricter(RULES[key], before, value)
    names = [source.name for source in (machine, extra) if source is not None]
    return Policy(**held, managed=frozenset(held), problems=tuple(problems), source=" and ".join(names))


def read_file(path: Path, *, owned_by_root: bool = False) -> _Source:
    """Return a policy file as it is.

    Args:
        path: the file; one that is not there is a problem, because somebody named it.
        owned_by_root: whether to believe it only when nobody but an administrator can have written it.
    """
    import tomllib  # late: most laptops are looked at once, and have none

    try:
        with path.open("rb") as stream:
            if owned_by_root and not _only_root_writes(stream.fileno()):
                return _Source(
                    {}, ("others than an administrator can write it, so it is not believed.",), str(path), True
                )
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            return _Source({}, ("it is larger than 64 KiB.",), str(path), True)
        return _Source(tomllib.loads(content.decode("utf-8")), (), str(path))
    except OSError as error:
        return _Source({}, (f"it could not be read ({type(error).__name__}).",), str(path), True)
    except (ValueError, RecursionError):  # no UTF-8, no TOML
        return _Source({}, ("it is not TOML.",), str(path), True)


def _machine() -> _Source | None:
    """Return the machine's policy, or None where IT has set none."""
    if sys.platform == "win32":
        from app import policy_windows

        found = policy_windows.read()
        return None if found is None else _Source(found.values, found.problems, found.name, found.unreadable)
    place = "/Library/Application Support/Rollcall" if sys.platform == "darwin" else "/etc/rollcall"
    path = Path(place) / "policy.toml"
    # Asked of the folder's listing rather than by opening: a file that is there and cannot be read is a problem.
    return read_file(path, owned_by_root=True) if os.path.lexists(path) else None


def _only_root_writes(descriptor: int) -> bool:
    facts = os.fstat(descriptor)
    return facts.st_uid == 0 and not facts.st_mode & 0o022


def _checked(source: _Source) -> tuple[dict[str, Any], list[str]]:
    """Return each rule's value and what is wrong."""
    if source.unreadable:  # what it would have said is not known, so every rule is as if it were wrong
        return {key: rule.when_wrong for key, rule in RULES.items() if rule.when_wrong != rule.default}, []
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for key, given in source.values.items():
        rule = RULES.get(key)
        if rule is None:
            wrong.append(f"“{key[:60]}” is not a policy of this version.")
            continue
        value, problem = _value(rule, given)
        values[key] = rule.when_wrong if problem else value
        if problem:
            wrong.append(f"{key} {problem} {_instead(rule)}")
    return values, wrong


def _value(rule: Rule, given: Any) -> tuple[Any, str]:
    """Return a value in its form, and what is wrong with it (empty when nothing is)."""
    if rule.key == "servers":
        return _servers(given)
    if isinstance(rule.default, int):
        if type(given) is not int or not rule.least <= given <= rule.most:
            return None, f"must be a whole number from {rule.least} to {rule.most}."
        return given, ""
    if rule.choices:
        return (given, "") if given in rule.choices else (None, f"must be one of: {', '.join(rule.choices)}.")
    return _folder(given, each_account=rule.key == "vault_folder")


def _folder(given: Any, *, each_account: bool) -> tuple[str | None, str]:
    if not isinstance(given, str) or not given.strip() or len(given) > FOLDER_LONGEST or "\x00" in given:
        return None, "must be a folder."
    if each_account and "{user}" not in given and not given.startswith("~"):
        return None, "must begin with ~ or hold {user}, so that no two accounts share a vault."
    path = Path(given.replace("{user}", _account())).expanduser()
    if not path.is_absolute():
        return None, "must be a whole path; it may begin with ~ and hold {user}."
    return str(path), ""


def _servers(given: Any) -> tuple[tuple[str, ...] | None, str]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not 1 <= len(listed) <= SERVERS_MOST:
        return None, f"must be a list of 1 to {SERVERS_MOST} addresses."
    for each in listed:
        if not isinstance(each, str) or len(each) > SERVER_LONGEST or not _is_address(each):
            return None, "must hold addresses that begin with https://, or http://localhost on the same machine."
    return tuple(each.strip().rstrip("/") for each in listed), ""


def _is_address(words: str) -> bool:
    plain = _plain(words)
    if any(letter.isspace() or letter in "@\\?#" for letter in plain):
        return False
    host = plain.partition("://")[2].partition("/")[0]
    if plain.startswith("https://"):
        return bool(host)
    return plain.startswith("http://") and host.rpartition(":")[0] in ("localhost", "127.0.0.1")


def _plain(address: str) -> str:
    return address.strip().rstrip("/").lower()


def _stricter(rule: Rule, one: Any, other: Any) -> Any:
    match rule.stricter:
        case "smaller":
            return min(one, other)
        case "larger":
            return max(one, other)
        case "later choice":
            return max(one, other, key=rule.choices.index)
        case "fewer":
            if one is None or other is None:
                return other if one is None else one
            permitted = [_plain(each) for each in other]
            return tuple(each for each in one if _plain(each) in permitted)
        case "only once":
            return one or other


def _instead(rule: Rule) -> str:
    if rule.key == "servers":
        return "Until then this laptop cannot be enrolled."
    return (
        f"Until then it counts as {rule.when_wrong}." if rule.when_wrong != "" else "Until then the usual one is used."
    )


def _account() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "user"
