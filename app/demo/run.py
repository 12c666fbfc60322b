"""``python -m app.demo run``: with a display the window opens; without one the journey is walked off screen."""

import os
import platform
import sys
from pathlib import Path

import typer

from app import logs
from app.demo import state
from app.demo.laptops import PASSPHRASE
from app.demo.state import Demonstration
from app.errors import RollcallError


def has_display() -> bool:
    """Return whether there is a screen to open a window on."""
    if os.environ.get("QT_QPA_PLATFORM") in {"offscreen", "minimal"}:
        return False
    return (
        os.name == "nt"
        or platform.system() == "Darwin"
        or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    )


def run(out: Path | None, *, fresh: bool) -> int:
    """Set up what is missing, then open the window or walk the journey.

    Args:
        out: where the journey's pictures, letter and summary go; naming it walks the journey even with a display.
        fresh: start over.

    Returns:
        Exit status: 0, or 1 with the reason said.
    """
    off_screen = out is not None or not has_display()
    if off_screen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        why = "There is no display here." if out is None else "The journey is walked off screen."
        typer.echo(f"{why} Rollcall walks the whole journey through its real windows and keeps pictures of them.")
    folder = state.default_folder()
    try:
        with state.held(folder) as free:
            if not free:
                return _already_open(folder, off_screen=off_screen)
            logs.set_up(folder.with_name(f"{folder.name}-logs"))
            demonstration = state.prepare(folder, typer.echo, fresh=fresh)
            try:
                return _walk(demonstration, out or folder.with_name("journey")) if off_screen else _open(demonstration)
            finally:
                demonstration.central.stop()
    except RollcallError as error:
        typer.echo(error.message, err=True)
        return 1


def _walk(demonstration: Demonstration, out: Path) -> int:
    from app.demo.journey import walk

    summary = walk(demonstration, out.absolute(), typer.echo)
    typer.echo(
        f"{summary['case']['reference']} was opened, written to while offline, synced, and allocated to "
        f"{summary['case']['allocated_to']} on the second laptop. Nothing waits to be sent."
    )
    typer.echo(f"{len(summary['screenshots'])} pictures, the letter and summary.json are in this folder:")
    typer.echo(str(out.absolute()))
    return 0


def _open(demonstration: Demonstration) -> int:
    from app.views.start import run_window

    typer.echo("")
    typer.echo("Rollcall opens on the laptop of Dawn Ellery, caseworker of Marlshire, an invented council.")
    typer.echo(f"The passphrase is: {PASSPHRASE}")
    typer.echo("While it is open, the laptop of Ruth Okonjo, her supervisor, opens from another terminal with:")
    typer.echo(f'  "{sys.executable}" -m app.main window --vault "{demonstration.ruth}"')
    if demonstration.was_there:
        typer.echo(f"It was set up on {demonstration.built_on}. With --fresh it starts over, dated from today.")
    typer.echo("")
    return run_window(["--vault", str(demonstration.dawn)])


def _already_open(folder: Path, *, off_screen: bool) -> int:
    if off_screen:
        typer.echo("The demonstration is open already. Close its window, then start this again.", err=True)
        return 1
    from app.views.start import run_window

    return run_window(["--vault", str(folder / "dawn")])
