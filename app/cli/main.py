"""The command line: one group a kind of work. Exit status 0 done, 1 refused with a reason, 2 wrong use."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from app import __version__
from app.cli import context
from app.errors import RollcallError

GROUPS = {
    "vault": ("app.cli.vault", "Make, open and check the encrypted store on this laptop."),
    "case": ("app.cli.case", "List, read and write cases."),
    "import": ("app.cli.imports", "Bring in schools, codes, CTF files and lists of deletion returns."),
    "document": ("app.cli.documents", "Add, link and export documents."),
    "letter": ("app.cli.letters", "Draft, preview and issue letters."),
    "team": ("app.cli.team", "See the team queue and allocate cases."),
    "conflicts": ("app.cli.conflicts", "See two values for one field, and decide between them."),
    "sync": ("app.cli.sync", "Sync with the central store."),
    "handed-in": ("app.cli.handed_in", "Open work that was handed in to your team, take it over or set it aside."),
    "audit": ("app.cli.audit", "Read and verify the audit chain."),
}


def build() -> typer.Typer:
    """Return the whole command line; groups are imported here, not when the window starts."""
    app = typer.Typer(
        name="rollcall",
        help="Rollcall without its window. With no command, the window opens.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )

    @app.callback()
    def top(
        vault: Annotated[Path | None, typer.Option(help="The vault's folder.")] = None,
        passphrase_file: Annotated[Path | None, typer.Option(help="A file whose first line is the passphrase.")] = None,
    ) -> None:
        """Choose the vault."""
        context.choose(vault, passphrase_file)

    @app.command()
    def version() -> None:
        """Print the version."""
        print(__version__)

    for name, (module, words) in GROUPS.items():
        app.add_typer(importlib.import_module(module).app, name=name, help=words, no_args_is_help=True)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run a command line.

    Returns:
        0 done, 1 refused with a reason, 2 wrong use.
    """
    try:
        result = build()(list(arguments), standalone_mode=False)
    except RollcallError as error:
        print(error.message, file=sys.stderr)
        return 1
    except TyperException as error:
        # Wrong use is shown with its usage; typer's other errors have words only.
        show = getattr(error, "show", None)
        if show is not None:
            show()
        else:
            print(error.format_message(), file=sys.stderr)
        return 2
    except (typer.Abort, KeyboardInterrupt):
        print("Stopped. Nothing more was changed.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"A file could not be read or written: {error.strerror}. Nothing was changed.", file=sys.stderr)
        return 1
    return result if isinstance(result, int) else 0
