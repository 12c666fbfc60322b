"""``rollcall vault passphrase|recovery-key|recover|rotate``: changing the ways into a vault without its window."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.context import OPTIONS, Json, answer, open_the_vault, passphrase
from app.timesource import SystemTime

NewPassphrase = Annotated[
    Path | None, typer.Option("--new-passphrase-file", help="A file whose first line is the new passphrase.")
]


def register(group: typer.Typer) -> None:
    """Add the commands to the ``vault`` group."""
    group.command("passphrase")(change_passphrase)
    group.command("recovery-key")(new_recovery_key)
    group.command()(recover)
    group.command()(rotate)


def change_passphrase(new_passphrase_file: NewPassphrase = None, as_json: Json = False) -> None:
    """Change the passphrase. The recovery key and the authority's key go on working."""
    from app.services import protection

    old = passphrase()
    with open_the_vault(old) as vault:
        protection.change_passphrase(vault, old, _new(new_passphrase_file))
    answer({"changed": True}, as_json=as_json, text="The passphrase is changed.")


def new_recovery_key(as_json: Json = False) -> None:
    """Make a new recovery key and show it once. The old one stops working."""
    from app.services import protection
    from app.services.vault.recovery_key import RecoveryKey

    typed, key = passphrase(), RecoveryKey.new()
    with open_the_vault(typed) as vault:
        protection.replace_recovery_key(vault, key, typed)
    answer({"recovery_key": key.text}, as_json=as_json, text=recovery_words(key.text))


def recover(
    recovery_key_file: Annotated[Path | None, typer.Option(help="A file whose first line is the recovery key.")] = None,
    file: Annotated[Path | None, typer.Option(help="The recovery file that IT made, instead of a key.")] = None,
    code_file: Annotated[Path | None, typer.Option(help="A file whose first line is the code for it.")] = None,
    new_passphrase_file: NewPassphrase = None,
    no_keyring: Annotated[bool, typer.Option("--no-keyring", help="Use the passphrase only.")] = False,
    as_json: Json = False,
) -> None:
    """Open a vault whose passphrase or keyring is lost, and give it a new passphrase and a new recovery key."""
    from app.services import protection
    from app.services.vault import unlock_with_recovery, unlock_with_reissue
    from app.services.vault.recovery_key import RecoveryKey

    time = SystemTime()
    if file is not None:
        unlocked = unlock_with_reissue(OPTIONS.vault, file, _secret(code_file, "Code: "), time=time)
    else:
        unlocked = unlock_with_recovery(OPTIONS.vault, _secret(recovery_key_file, "Recovery key: "), time=time)
    key = RecoveryKey.new()
    vault = protection.recovered(
        unlocked, _new(new_passphrase_file), recovery=key, use_system_keyring=not no_keyring
    ).open()
    try:
        protection.note_recovery(vault, unlocked.way)
    finally:
        vault.close()
    answer({"recovery_key": key.text, "way": unlocked.way}, as_json=as_json, text=recovery_words(key.text))


def rotate(as_json: Json = False) -> None:
    """Write every file again under new data keys. An interrupted rotation goes on where it stopped."""
    from app.services import protection

    def told(done: int, total: int, words: str) -> None:
        if sys.stderr.isatty():
            share = f" {done * 100 // total} %" if total else ""
            sys.stderr.write(f"\r\x1b[K{words}{share}")

    report = protection.rotate(OPTIONS.vault, passphrase(), time=SystemTime(), progress=told)
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    answer(report, as_json=as_json, text="Every file is written again under new keys. The ways in are as before.")


def recovery_words(key: str) -> str:
    """Return what is said beside a new recovery key."""
    return (
        f"Recovery key: {key}\n"
        "It is shown this once. Write it down, keep it away from this laptop, and show it to nobody. "
        "It opens the vault when the passphrase or the keyring is lost."
    )


def _new(path: Path | None) -> str:
    if path is not None:
        return path.read_text().rstrip("\r\n")
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("New passphrase: ")
    if getpass.getpass("New passphrase again: ") != first:
        raise typer.BadParameter("The two passphrases differ.")
    return first


def _secret(path: Path | None, prompt: str) -> str:
    if path is not None:
        return path.read_text().rstrip("\r\n")
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
