"""What every command needs: the vault it works on, and how it answers people and machines."""

import getpass
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.paths import default_vault_folder
from app.timesource import SystemTime

if TYPE_CHECKING:
    from app.services.vault import Vault
    from app.services.workspace import Workspace

PASSPHRASE_VARIABLE = "ROLLCALL_PASSPHRASE_FILE"


@dataclass(slots=True)
class Options:
    """What was said before the command."""

    vault: Path
    passphrase_file: Path | None


OPTIONS = Options(Path(), None)
"""Set once by the top command; the command line is one process, one vault."""

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for machines.")]


def choose(vault: Path | None, passphrase_file: Path | None) -> None:
    """Remember which vault the command works on."""
    OPTIONS.vault = vault or default_vault_folder()
    named = os.environ.get(PASSPHRASE_VARIABLE)
    OPTIONS.passphrase_file = passphrase_file or (Path(named) if named else None)


def passphrase(*, confirm: bool = False) -> str:
    """Return the passphrase from the named file, from standard input when it is piped, or by asking."""
    if OPTIONS.passphrase_file is not None:
        return OPTIONS.passphrase_file.read_text().rstrip("\r\n")
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Passphrase: ")
    if confirm and getpass.getpass("Passphrase again: ") != first:
        raise typer.BadParameter("The two passphrases differ.")
    return first


@contextmanager
def open_the_vault(given: str | None = None, *, however_long_away: bool = False) -> Iterator["Vault"]:
    """Open the chosen vault and close it afterwards.

    Args:
        given: the passphrase, where it was asked for already.
        however_long_away: open it even when it has not seen its central store for too long, in order to sync.

    Raises:
        OfflineTooLong: it was away too long; the window asks for a fresh sign-in.
    """
    from app.services.offline_gate import OfflineTooLong, of_vault
    from app.services.vault import open_vault

    vault = open_vault(OPTIONS.vault, passphrase() if given is None else given, time=SystemTime())
    try:
        if not however_long_away and (shut := of_vault(vault)) is not None:
            raise OfflineTooLong(shut)
        yield vault
    finally:
        vault.close()


@contextmanager
def open_workspace() -> Iterator["Workspace"]:
    """Open the chosen vault as the person it was enrolled for; the unlock is audited."""
    with open_the_vault() as vault:
        yield unlocked_workspace(vault)


def unlocked_workspace(vault: "Vault") -> "Workspace":
    """Return the workspace of the person an open vault was enrolled for; the unlock is audited."""
    from app.services.audit import Action

    workspace = vault.workspace()
    workspace.audit(Action.UNLOCKED, detail={"by": "command line"})
    return workspace


def answer(value: Any, *, as_json: bool, text: str | None = None) -> None:
    """Print a result: JSON for machines, else the words given (or a plain rendering)."""
    if as_json:
        print(json.dumps(_plain(value), ensure_ascii=False, indent=1))
    else:
        print(text if text is not None else _words(value))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(item) for name, item in asdict(value).items()}
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Path):
        return str(value)
    return value


def _words(value: Any) -> str:
    plain = _plain(value)
    if isinstance(plain, dict):
        return "\n".join(f"{name}: {item}" for name, item in plain.items())
    if isinstance(plain, list):
        return "\n".join(str(item) for item in plain)
    return str(plain)
