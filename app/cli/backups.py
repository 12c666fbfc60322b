"""``rollcall vault backup|backups|drill|restore``: copies of the vault, whether they open, and putting one back."""

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.context import OPTIONS, Json, answer, open_the_vault, passphrase
from app.timesource import SystemTime, format_date, format_time, to_london

if TYPE_CHECKING:
    from datetime import datetime

    from app.services.backup.listing import Backup
    from app.services.vault import Unlocked, Vault


def register(group: typer.Typer) -> None:
    """Add the commands to the ``vault`` group."""
    group.command()(backup)
    group.command()(backups)
    group.command()(drill)
    group.command()(restore)


def backup(
    second: Annotated[Path | None, typer.Option(help="A second folder or share, this once.")] = None,
    as_json: Json = False,
) -> None:
    """Make a backup now. Rollcall may be open and in use meanwhile."""
    from app.services import safekeeping
    from app.services.audit import Action
    from app.services.backup.make import back_up
    from app.services.backup.manifest import Reason
    from app.settings import Settings

    with open_the_vault() as vault, _Told("Backing up") as told:
        info = back_up(
            vault.folder,
            vault.keys,
            vault.engine,
            time=SystemTime(),
            reason=Reason.REQUESTED,
            second_folder=second or safekeeping.second_folder(Settings()),
            kept=safekeeping.kept(),
            progress=told,
        )
        _audit(vault, Action.BACKED_UP, {"backup": info.name, "reason": info.reason.value, "size": info.size})
    words = f"Backup {info.name} made in {info.folder}. {info.second}".strip()
    answer(_plain(info), as_json=as_json, text=words)


def backups(as_json: Json = False) -> None:
    """List the backups, newest first."""
    from app.services.backup.drill import last_proven
    from app.services.backup.listing import list_backups
    from app.services.backup.words import shown_size

    with open_the_vault() as vault:
        found = list_backups(vault.folder, vault.keys)
        proven = last_proven(vault.engine)
    lines = [f"{info.name}  {shown_size(info.size):>8}  {info.reason.value}" for info in found] or ["No backups yet."]
    lines.append(f"Last proven restore: {_when(proven.at)}" if proven else "No restore has been proven yet.")
    shown = {"backups": [_plain(info) for info in found], "last_proven": proven}
    answer(shown, as_json=as_json, text="\n".join(lines))


def drill(as_json: Json = False) -> None:
    """Open the newest backup to its last page and compare it. Exit status 1 when it is not in order."""
    from app.services import safekeeping
    from app.services.audit import Action
    from app.services.backup.drill import drill as try_newest

    with open_the_vault() as vault, _Told("Reading the newest backup") as told:
        report = try_newest(
            vault.folder,
            vault.keys,
            vault.engine,
            safekeeping.opening_for(lambda: vault.keys),
            time=SystemTime(),
            progress=told,
        )
        _audit(vault, Action.DRILLED, {"backup": report.name, "in_order": report.ok})
    if report.ok:
        words = f"Last proven restore: {_when(report.at)}. {report.words} ({report.name}, {report.seconds} seconds)"
    else:
        words = f"{report.words} Make another backup with rollcall vault backup."
    answer(report, as_json=as_json, text=words)
    if not report.ok:
        raise typer.Exit(1)


def restore(
    name: Annotated[str | None, typer.Argument(help="A backup's name; the newest when left out.")] = None,
    from_folder: Annotated[Path | None, typer.Option("--from", help="A backup's folder anywhere else.")] = None,
    recovery_key_file: Annotated[Path | None, typer.Option(help="A file whose first line is the recovery key.")] = None,
    recovery_key: Annotated[bool, typer.Option("--recovery-key", help="Ask for the recovery key.")] = False,
    file: Annotated[Path | None, typer.Option(help="The recovery file that IT made, instead of a passphrase.")] = None,
    code_file: Annotated[Path | None, typer.Option(help="A file whose first line is the code for it.")] = None,
    new_passphrase_file: Annotated[
        Path | None, typer.Option(help="A file whose first line is the new passphrase, after a recovery.")
    ] = None,
    no_keyring: Annotated[
        bool, typer.Option("--no-keyring", help="After a recovery, use the passphrase only.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put a backup back, with everything newer that is still on this laptop. What was there is set aside."""
    from app.services import protection, restoring
    from app.services.vault import re_enrol
    from app.services.vault.recovery_key import RecoveryKey

    source = _chosen(name, from_folder)
    unlocking = _way_in(recovery_key_file, file, code_file, ask=recovery_key)
    unlocked = restoring.get_keys(OPTIONS.vault, source, unlocking)
    with _Told("Restoring") as told:
        done = restoring.restore(unlocked, source, progress=told)
    words = [f"Backup {done.backup} is back, as of {_when(done.made_at)}."]
    if done.replayed:
        words.append(f"{done.replayed} changes made after it were written again.")
    if done.documents:
        words.append(f"{done.documents} newer documents were taken over.")
    if done.set_aside:
        words.append(f"What was there is kept in set-aside/{done.set_aside}.")
    if done.awaiting:
        words.append("The next sync brings what the central store has.")
    shown: dict[str, Any] = {"restored": done}
    if unlocked.way != "passphrase":
        key = RecoveryKey.new()
        again = _unlocked_again(unlocked)
        vault = re_enrol(again, _new(new_passphrase_file), recovery=key, use_system_keyring=not no_keyring).open()
        try:
            if vault.device_id is not None:
                protection.note_recovery(vault, unlocked.way)
        finally:
            vault.close()
        shown["recovery_key"] = key.text
        words.append(f"New recovery key: {key.text}\nWrite it down and keep it away from this laptop.")
    answer(shown, as_json=as_json, text=" ".join(words))


def _chosen(name: str | None, from_folder: Path | None) -> Path:
    from app.errors import UserError
    from app.services.backup.listing import backups_folder, list_backups

    if from_folder is not None:
        return from_folder
    known = list_backups(OPTIONS.vault)
    if name is None and known:
        return known[0].folder
    for info in known:
        if info.name == name:
            return info.folder
    if not known:
        raise UserError(f"There is no backup in {backups_folder(OPTIONS.vault)}. Name a folder with --from.")
    raise UserError(f"There is no backup called {name}. List them with rollcall vault backups.")


def _way_in(
    recovery_key_file: Path | None, file: Path | None, code_file: Path | None, *, ask: bool
) -> "Callable[[Path], Unlocked]":
    """Return how the keys are got; what has to be typed is asked for once."""
    from app.services.vault import unlock, unlock_with_recovery, unlock_with_reissue

    time = SystemTime()
    if file is not None:
        code = _secret(code_file, "Code: ")
        return lambda folder: unlock_with_reissue(folder, file, code, time=time)
    if recovery_key_file is not None or ask:
        key = _secret(recovery_key_file, "Recovery key: ")
        return lambda folder: unlock_with_recovery(folder, key, time=time)
    typed = passphrase()
    return lambda folder: unlock(folder, typed, time=time)


def _unlocked_again(unlocked: "Unlocked") -> "Unlocked":
    from dataclasses import replace

    from app.services.vault.vault_file import candidates

    return replace(unlocked, file=candidates(unlocked.folder)[0])


def _secret(path: Path | None, prompt: str) -> str:
    if path is not None:
        return path.read_text().rstrip("\r\n")
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _new(path: Path | None) -> str:
    if path is not None:
        return path.read_text().rstrip("\r\n")
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("New passphrase: ")
    if getpass.getpass("New passphrase again: ") != first:
        raise typer.BadParameter("The two passphrases differ.")
    return first


def _audit(vault: "Vault", action: Any, detail: dict[str, Any]) -> None:
    if vault.device_id is not None:
        vault.system_workspace().audit(action, detail=detail)


def _plain(info: "Backup") -> dict[str, Any]:
    return {
        "name": info.name,
        "folder": info.folder,
        "made_at": info.made_at,
        "reason": info.reason,
        "size": info.size,
        "schema": info.manifest.schema,
        "counts": info.manifest.counts,
        "second": info.second,
    }


def _when(instant: "datetime") -> str:
    return f"{format_date(to_london(instant).date())}, {format_time(instant)}"


class _Told:
    """Progress on a terminal, and nothing where nobody looks."""

    def __init__(self, words: str) -> None:
        self._words, self._shown = words, sys.stderr.isatty()

    def __enter__(self) -> "_Told":
        return self

    def __call__(self, done: int, total: int) -> None:
        if self._shown and total:
            sys.stderr.write(f"\r\x1b[K{self._words} {done * 100 // total} %")

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
