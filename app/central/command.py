"""What every command of ``rollcall-central`` needs: its options, the services, and how it answers."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.central.services import CentralServices

Dsn = Annotated[
    str, typer.Option(envvar="ROLLCALL_CENTRAL_DSN", help="postgresql://... of any PostgreSQL 15 or later.")
]
Data = Annotated[Path | None, typer.Option(help="A folder for an embedded PostgreSQL, instead of --dsn.")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for machines.")]
By = Annotated[str, typer.Option("--by", help="Your username; you must be allowed to manage people and laptops.")]
PassphraseFile = Annotated[
    Path | None, typer.Option(help="A file whose first line is the key's passphrase; else standard input, or asked.")
]
Username = Annotated[str, typer.Argument(help="The person's username.")]


def default_data_folder() -> Path:
    """Return where the embedded database lives when nothing else is said."""
    import platformdirs

    return Path(platformdirs.user_data_dir("rollcall-central", appauthor=False)) / "postgres"


def resolve(dsn: str, data: Path | None) -> str:
    """Return a DSN: the one given, else that of an embedded PostgreSQL, which is started."""
    if dsn:
        return dsn
    from app.central.embedded import database_dsn, start_postgres

    return database_dsn(start_postgres(data or default_data_folder()))


@contextmanager
def services_on(dsn: str, data: Path | None) -> Iterator["CentralServices"]:
    """Yield the central store's services, and close them afterwards."""
    from app.central.services import build_services

    services = build_services(resolve(dsn, data))
    try:
        yield services
    finally:
        services.close()


def answer(value: dict[str, Any], as_json: bool, words: str) -> None:
    """Print a result: JSON for machines, else the words."""
    sys.stdout.write((json.dumps(value, default=str) if as_json else words) + "\n")


def passphrase_of(file: Path | None, *, confirm: bool = False) -> str:
    """Return the passphrase of the authority's key: from a file, from standard input, or asked for."""
    if file is not None:
        with file.open(encoding="utf-8") as stream:
            return stream.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("The key's passphrase", hide_input=True, confirmation_prompt=confirm))
