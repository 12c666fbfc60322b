"""``rollcall vault rescue``: read every page, rebuild what is damaged, and say what came from where."""

import sys
from typing import Annotated

import typer

from app.cli.context import OPTIONS, Json, answer, passphrase
from app.timesource import SystemTime


def register(group: typer.Typer) -> None:
    """Add the command to the ``vault`` group."""
    group.command()(rescue)


def rescue(
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the central store for the rest now.")] = False,
    as_json: Json = False,
) -> None:
    """Read both databases to their last page. What is damaged is set aside, never deleted, and rebuilt."""
    from app.services import safekeeping
    from app.services.rescue.central import fetch_rest
    from app.services.rescue.rebuild import rebuild
    from app.services.vault import unlock
    from app.settings import Settings

    unlocked = unlock(OPTIONS.vault, passphrase(), time=SystemTime())
    report = rebuild(unlocked, second=safekeeping.second_folder(Settings()), progress=_say)
    vault = unlocked.open()
    try:
        if report.damaged and not offline:
            report = fetch_rest(vault, report, _say)
    finally:
        vault.close()
    answer(
        {"damaged": report.damaged, "report": report.as_json(), "words": report.lines()},
        as_json=as_json,
        text="\n".join(report.lines()),
    )
    if report.losses or report.lost_documents or report.enrol_again:
        raise typer.Exit(1)


def _say(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
