"""``rollcall-central``: the authority's key, and getting a laptop back with it."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from app.central.command import By, Data, Dsn, Json, PassphraseFile, answer, passphrase_of, services_on

keys = typer.Typer(no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(keys, name="authority-key", help="The key that can open every laptop's vault, kept by IT.")
    app.command()(recover)
    app.command()(recoveries)


@keys.command("new")
def new(
    out: Annotated[Path, typer.Option(help="Where the private half goes: keep it off this server, twice.")],
    by: By,
    replace: Annotated[bool, typer.Option("--replace", help="There is one already: laptops move to the new.")] = False,
    passphrase_file: PassphraseFile = None,
    dsn: Dsn = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make the authority's key. Laptops seal their vault's keys to it from their next sync on."""
    from app.central.recovery import administrator_id
    from app.services.vault.authority_wrap import AuthorityKey, write_key_file

    with services_on(dsn, data) as services:
        with services.engine.connect() as connection:
            actor_id = administrator_id(connection, by)
        services.authority.check_may_add(replace=replace)
        key = AuthorityKey.new()
        # The file first: a key that laptops seal to and that nobody has would be worse than none.
        write_key_file(out, key, passphrase_of(passphrase_file, confirm=True), services.time.now().isoformat())
        try:
            known = services.authority.add(key.public_key, actor_id, replace=replace)
        except BaseException:
            out.unlink(missing_ok=True)  # somebody else was quicker, or the database went away: nobody uses this one
            raise
    words = (
        f"The authority's key is made. Fingerprint: {known.fingerprint}\n"
        "Keep its file and its passphrase in two places apart, away from this server: a laptop's keys can only be\n"
        "brought back with both. Laptops seal to it when they next sync."
    )
    answer({"serial": known.serial, "fingerprint": known.fingerprint}, as_json, words)


@keys.command("show")
def show(dsn: Dsn = "", data: Data = None, as_json: Json = False) -> None:
    """Show the fingerprints of the authority's keys, the one in use last."""
    with services_on(dsn, data) as services:
        found = [
            {"serial": each.serial, "fingerprint": each.fingerprint, "made_at": each.made_at}
            for each in services.authority.all()
        ]
    lines = [f"{each['serial']}  {each['fingerprint']}  {each['made_at']:%d %B %Y}" for each in found]
    last = (
        "The last one is in use. Its file is kept by IT, away from this server, and opens laptops with its passphrase."
    )
    none = "There is no authority key. Without one, only its recovery key brings a laptop back. Use authority-key new."
    answer({"keys": found}, as_json, "\n".join([*lines, last]) if lines else none)


def recover(
    device: Annotated[str, typer.Argument(help="The laptop's id, as the devices command shows it.")],
    vault_file: Annotated[Path, typer.Option(help="A copy of the laptop's vault.json.")],
    key: Annotated[Path, typer.Option(help="The authority's key file.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    by: By,
    out: Annotated[Path, typer.Option(help="Where the recovery file goes.")] = Path("recovery.rollcall"),
    passphrase_file: PassphraseFile = None,
    dsn: Dsn = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a recovery file and a one-time code with which an officer gets back into a laptop. It is put on record."""
    from app.central.recovery import Request
    from app.services.vault.authority_wrap import read_key_file

    with services_on(dsn, data) as services:
        opened = read_key_file(key, passphrase_of(passphrase_file))
        issued = services.recoveries.issue(Request(device, vault_file, reason, by, _account(), out), opened)
    words = (
        f"{issued.code}\n"
        f"Recovery file for {issued.device_name}: {out}\n"
        "Send the file, and read the code out by telephone, to somebody whose voice you know. It is shown once.\n"
        "In Rollcall: Recover, then I have a file and a code from IT. Afterwards this file opens the laptop no more.\n"
        "Advise the officer to change the data keys too (rollcall vault rotate)."
    )
    value = {"id": issued.id, "code": issued.code, "file": out, "revision": issued.revision}
    answer(value, as_json, words)


def recoveries(dsn: Dsn = "", data: Data = None, as_json: Json = False) -> None:
    """List every recovery that was issued: when, which laptop, by whom and why."""
    with services_on(dsn, data) as services:
        found = services.recoveries.listed()
    lines = [
        f"{each['issued_at']:%Y-%m-%d %H:%M}  {each['device']}  by {each['by']} ({each['system_account']}): "
        f"{each['reason']}"
        for each in found
    ]
    answer({"recoveries": found}, as_json, "\n".join(lines) or "No recovery was ever issued.")


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
