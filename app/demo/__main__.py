"""``python -m app.demo run [--fresh] [--out FOLDER]``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.demo.run import run as run_demonstration

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def top() -> None:
    """Rollcall's demonstration."""


@app.command()
def run(
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, dated from today.")] = False,
    out: Annotated[Path | None, typer.Option(help="Walk the journey off screen and leave its pictures here.")] = None,
) -> None:
    """Open Rollcall on the demonstration authority."""
    raise typer.Exit(run_demonstration(out, fresh=fresh))


if __name__ == "__main__":
    sys.exit(app())
