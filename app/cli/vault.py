"""``rollcall vault``: make, open and check the encrypted store."""

from typing import Annotated

import typer

from app.cli import backups, keys, protection, rescue
from app.cli.context import OPTIONS, Json, answer, open_the_vault, passphrase
from app.timesource import SystemTime

app = typer.Typer()
keys.register(app)
backups.register(app)
rescue.register(app)
protection.register(app)


@app.command()
def create(
    label: Annotated[str, typer.Option(help="The laptop's name, shown on the unlock page.")] = "",
    no_keyring: Annotated[bool, typer.Option("--no-keyring", help="Use the passphrase only.")] = False,
    as_json: Json = False,
) -> None:
    """Make a new vault. Enrol it afterwards with ``rollcall sync enrol``."""
    from app.services.vault import create_vault
    from app.services.vault.recovery_key import RecoveryKey

    recovery = RecoveryKey.new()
    vault = create_vault(
        OPTIONS.vault,
        passphrase(confirm=True),
        time=SystemTime(),
        label=label,
        use_system_keyring=not no_keyring,
        recovery=recovery,
    )
    keyring = vault.uses_keyring
    vault.close()
    words = f"Vault made in {OPTIONS.vault}.\n{keys.recovery_words(recovery.text)}"
    if not keyring:
        words += "\nThis machine has no keyring, so the passphrase alone protects it: choose a long one."
    made = {"folder": OPTIONS.vault, "keyring": keyring, "recovery_key": recovery.text}
    answer(made, as_json=as_json, text=words)


@app.command()
def check(as_json: Json = False) -> None:
    """Open the vault, check both databases and say what they hold."""
    from app.services.vault.check import check_vault

    with open_the_vault() as vault:
        report = check_vault(vault)
    answer(report, as_json=as_json)
    if not report.sound:
        raise typer.Exit(1)
