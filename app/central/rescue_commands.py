"""``rollcall-central revoke`` and ``rescues``: laptops that may sync no more, and the work they handed in."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.central.command import By, Data, Dsn, Json, PassphraseFile, answer, passphrase_of, services_on

Device = Annotated[str, typer.Argument(help="The laptop's id, as the devices command shows it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(revoke)
    app.command()(rescues)
    app.command("hand-on")(hand_on)


def revoke(
    device: Device,
    lost: Annotated[bool, typer.Option("--lost", help="It is lost or stolen, not only handed back.")] = False,
    dsn: Dsn = "",
    data: Data = None,
) -> None:
    """Let a laptop in no more. At its next contact it hands in what it has not sent, then destroys its keys."""
    with services_on(dsn, data) as services:
        services.trust.revoke(device, lost=lost)
    said = "Reported lost." if lost else "Revoked."
    sys.stdout.write(
        f"{said} At its next contact the laptop hands in what it has not sent, sealed to its team, and destroys its "
        "keys. Until then its records stay encrypted on it. See what was handed in with the rescues command.\n"
    )


def rescues(
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what nobody has settled.")] = False,
    dsn: Dsn = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List work that was handed in sealed: who, when, which laptop, which team. Nobody here can read it."""
    with services_on(dsn, data) as services:
        found = [each for each in services.rescues.listed() if not waiting or each["state"] == "waiting"]
    lines = [
        f"{each['id']}  {each['received_at']:%Y-%m-%d %H:%M}  {each['author'] or 'unknown'}  "
        f"{each['laptop'] or 'unknown laptop'}  {each['team'] or 'no team: authority key'}  "
        f"{each['changes']} changes, {each['documents']} documents  {each['why']}  {each['state']}"
        f"{'' if each['complete'] else ', not whole yet'}, opened {each['opened']} times"
        for each in found
    ]
    answer({"rescues": found}, as_json, "\n".join(lines) or "Nothing was handed in.")


def hand_on(
    work: Annotated[str, typer.Argument(help="The work's id, as the rescues command shows it.")],
    team: Annotated[str, typer.Option(help="The team whose supervisors shall deal with it.")],
    key: Annotated[Path, typer.Option(help="The authority's key file.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    by: By,
    passphrase_file: PassphraseFile = None,
    dsn: Dsn = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Seal work that no supervisor's laptop can open to a team, with the authority's key. It is put on record."""
    from app.central.handing_on import HandingOn, Request
    from app.services.vault.authority_wrap import read_key_file

    with services_on(dsn, data) as services:
        opened = read_key_file(key, passphrase_of(passphrase_file))
        handing = HandingOn(services.engine, services.rescues, services.store, services.authority)
        revision = handing.hand_on(Request(work, team, reason, by), opened)
    answer({"id": work, "revision": revision}, as_json, f"Handed on to {team}. Its supervisors see it when they sync.")
