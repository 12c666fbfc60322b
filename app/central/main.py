"""``rollcall-central``: serve, migrate, people, laptops and health. Exit status 0 done, 1 refused, 2 wrong use."""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from app.central import audit_commands, operating_commands, recovery_commands, rescue_commands, sign_in_commands
from app.central.command import Data, Dsn, Json, Username, answer, services_on
from app.errors import RollcallError

if TYPE_CHECKING:
    from app.central.services import CentralServices

app = typer.Typer(
    name="rollcall-central",
    help="Rollcall's central store.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command("add-user")
def add_user(
    username: Username,
    name: Annotated[str, typer.Option(help="As colleagues and letters show it.")],
    role: Annotated[str, typer.Option(help="caseworker, supervisor, administrator, ...")] = "caseworker",
    team: Annotated[str, typer.Option(help="Added when there is none of this name.")] = "",
    authority: Annotated[str, typer.Option(help="The council's name, for the first person.")] = "",
    job_title: Annotated[str, typer.Option(help="As letters show it.")] = "",
    dsn: Dsn = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a person."""
    with services_on(dsn, data) as services:
        if authority:
            services.people.ensure_authority(authority)
        user_id = services.people.add_user(username, name, role, team, job_title=job_title)
    answer({"user_id": user_id}, as_json, f"Added {name}.")


@app.command("set-password")
def set_password(username: Username, dsn: Dsn = "", data: Data = None) -> None:
    """Give a person a local account, or a new password (read from standard input or asked for)."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    with services_on(dsn, data) as services:
        services.trust.set_password(services.people.user_id(username), password)
    sys.stdout.write("The password is set.\n")


@app.command()
def enrol(
    username: Username,
    hours: Annotated[int, typer.Option(min=1, max=336, help="How long the code works.")] = 48,
    dsn: Dsn = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a one-time code with which a person enrols a laptop."""
    with services_on(dsn, data) as services:
        code = services.trust.make_code(services.people.user_id(username), timedelta(hours=hours))
    answer({"code": code, "hours": hours}, as_json, f"{code}\nIt works once, within {hours} hours.")


@app.command()
def devices(dsn: Dsn = "", data: Data = None, as_json: Json = False) -> None:
    """List the enrolled laptops."""
    with services_on(dsn, data) as services:
        found = services.people.devices()
    lines = [
        f"{each['id']}  {each['name']}  {each['person']}{'  revoked' if each['revoked_at'] else ''}" for each in found
    ]
    answer({"devices": found}, as_json, "\n".join(lines) or "No laptop is enrolled.")


def _on_device(word: str, act: Callable[["CentralServices", str], None], dsn: str, data: Path | None) -> None:
    with services_on(dsn, data) as services:
        act(services, word)


Device = Annotated[str, typer.Argument(help="The laptop's id, as the devices command shows it.")]


@app.command("allow-import")
def allow_import(
    device: Device,
    hours: Annotated[int, typer.Option(min=1, max=168, help="For how long.")] = 24,
    dsn: Dsn = "",
    data: Data = None,
) -> None:
    """Let a laptop bring in existing records in the names of those who made them, for a while."""
    life = timedelta(hours=hours)
    _on_device(device, lambda services, device_id: services.trust.allow_import(device_id, life), dsn, data)
    sys.stdout.write(f"Allowed for {hours} hours.\n")


operating_commands.add_to(app)
recovery_commands.add_to(app)
audit_commands.add_to(app)
rescue_commands.add_to(app)
sign_in_commands.add_to(app)


def run(arguments: list[str]) -> int:
    """Run a command line.

    Returns:
        0 done, 1 refused with a reason, 2 wrong use.
    """
    try:
        result = app(arguments, standalone_mode=False)
    except RollcallError as error:
        sys.stderr.write(error.message + "\n")
        return 1
    except TyperException as error:
        show = getattr(error, "show", None)
        if show is not None:
            show()
        else:
            sys.stderr.write(error.format_message() + "\n")
        return 2
    except (typer.Abort, KeyboardInterrupt):
        return 1
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of ``rollcall-central``."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
