"""``rollcall-central``: how people sign in, and local accounts with their second step."""

import sys
from typing import Annotated

import msgspec
import typer

from app.central.command import Data, Dsn, Json, Username, answer, services_on

sign_in = typer.Typer(no_args_is_help=True)
account = typer.Typer(no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(sign_in, name="sign-in", help="How people sign in: the identity provider, or local accounts.")
    app.add_typer(account, name="account", help="Local accounts, where there is no identity provider.")


@sign_in.command("configure")
def configure(
    issuer: Annotated[str, typer.Option(help="The provider's issuer, an https address, to the letter.")] = "",
    client_id: Annotated[str, typer.Option(help="What the provider calls Rollcall: a public client, PKCE.")] = "",
    audience: Annotated[list[str] | None, typer.Option(help="Further audiences a token may have.")] = None,
    claim: Annotated[
        str, typer.Option(help="The claim that names the person the first time: a username, or email.")
    ] = "preferred_username",
    scopes: Annotated[str, typer.Option(help="What is asked of the provider.")] = "openid profile email",
    name: Annotated[str, typer.Option(help="What people call the provider.")] = "",
    local: Annotated[bool, typer.Option("--local", help="Local accounts instead of a provider.")] = False,
    needs_code: Annotated[bool, typer.Option("--needs-code", help="Local accounts need six-digit codes.")] = False,
    every_days: Annotated[int, typer.Option(min=0, max=365, help="Laptops sync only so long after a sign-in.")] = 0,
    session_days: Annotated[int, typer.Option(min=1, max=365, help="How long somebody stays signed in.")] = 30,
    skew_minutes: Annotated[int, typer.Option(min=0, max=10, help="How far clocks may be apart.")] = 3,
    max_age_minutes: Annotated[
        int,
        typer.Option(min=0, max=43200, help="How old a sign-in at the provider may be; its tokens need auth_time."),
    ] = 0,
    dsn: Dsn = "",
    data: Data = None,
) -> None:
    """Say how people sign in. A provider is asked once whether it answers as it should."""
    from app.central.sign_in_settings import SignInSettings
    from app.services.oidc.provider import Provider

    settings = SignInSettings(
        way="local" if local else "provider",
        issuer="" if local else issuer,
        client_id="" if local else client_id,
        also_for=tuple(audience or ()),
        claim=claim,
        scopes=scopes,
        provider_name=name,
        every_days=every_days,
        session_days=session_days,
        needs_code=needs_code,
        skew_seconds=skew_minutes * 60,
        most_age_minutes=0 if local else max_age_minutes,
    )
    with services_on(dsn, data) as services:
        services.trust.configuration.check(settings)
        if not local:
            Provider(issuer, services.time).description()
        services.trust.configuration.write(settings)
    sys.stdout.write("People sign in with local accounts.\n" if local else "People sign in with the provider.\n")


@sign_in.command("show")
def show(dsn: Dsn = "", data: Data = None, as_json: Json = False) -> None:
    """Show how people sign in."""
    with services_on(dsn, data) as services:
        found = msgspec.to_builtins(services.trust.configuration.read())
    answer(found, as_json, "\n".join(f"{name}: {value}" for name, value in found.items()))


@sign_in.command("end")
def end(username: Username, dsn: Dsn = "", data: Data = None) -> None:
    """Sign a person out on every laptop."""
    with services_on(dsn, data) as services:
        user_id = services.people.user_id(username)
        count = services.trust.sessions.end_all(user_id=user_id, why="ended by an administrator")
    sys.stdout.write(f"Ended {count} session{'' if count == 1 else 's'}.\n")


@sign_in.command("unlink")
def unlink(username: Username, dsn: Dsn = "", data: Data = None) -> None:
    """Forget which subject of the provider a person is; the next sign-in by that name links anew."""
    with services_on(dsn, data) as services:
        user_id = services.people.user_id(username)
        services.trust.people.unlink(user_id)
        services.trust.sessions.end_all(user_id=user_id, why="unlinked")
    sys.stdout.write("Unlinked.\n")


@account.command("add")
@account.command("reset")
def set_account(username: Username, dsn: Dsn = "", data: Data = None) -> None:
    """Give a person a local account, or a new password (read from standard input or asked for)."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    with services_on(dsn, data) as services:
        user_id = services.people.user_id(username)
        services.trust.set_password(user_id, password)
        services.trust.sessions.end_all(user_id=user_id, why="a new password")
    sys.stdout.write("The password is set.\n")


@account.command("list")
def accounts(dsn: Dsn = "", data: Data = None, as_json: Json = False) -> None:
    """List the local accounts."""
    with services_on(dsn, data) as services:
        found = services.trust.accounts.all()
    rows = [
        {"username": each.username, "name": each.name, "second_step": each.second_step, "active": each.active}
        for each in found
    ]
    lines = [f"{each.username}  {each.name}{'  with codes' if each.second_step else ''}" for each in found]
    answer({"accounts": rows}, as_json, "\n".join(lines) or "There are no local accounts.")


@account.command("unlock")
def unlock(username: Username, dsn: Dsn = "", data: Data = None) -> None:
    """Let a person who failed too often try again at once."""
    with services_on(dsn, data) as services:
        services.trust.accounts.unlock(services.people.user_id(username))
    sys.stdout.write("Unlocked.\n")


@account.command("remove")
def remove(username: Username, dsn: Dsn = "", data: Data = None) -> None:
    """Take a person's local account away, and sign them out."""
    with services_on(dsn, data) as services:
        user_id = services.people.user_id(username)
        services.trust.accounts.remove(user_id)
        services.trust.sessions.end_all(user_id=user_id, why="the account was removed")
    sys.stdout.write("Removed.\n")


@account.command("totp")
def totp(
    username: Username,
    off: Annotated[bool, typer.Option("--off", help="Turn six-digit codes off: the telephone is lost.")] = False,
    dsn: Dsn = "",
    data: Data = None,
) -> None:
    """Set up six-digit codes for a person: shows a QR code, and asks for a code to prove that it was read."""
    from app.central.second_step import rows_of

    with services_on(dsn, data) as services:
        user_id = services.people.user_id(username)
        steps = services.trust.second_steps
        if off:
            sys.stdout.write("Turned off.\n" if steps.remove(user_id) else "It was off already.\n")
            return
        made = steps.begin(user_id)
        sys.stdout.write(qr_text(made.uri))
        sys.stdout.write(f"Scan this with an authenticator, or type {made.secret}\n")
        codes = steps.confirm(user_id, typer.prompt("Code shown"))
        sys.stdout.write(f"Six-digit codes are on. Recovery codes, shown once, each works once:\n{rows_of(codes)}\n")


def qr_text(text: str) -> str:
    """Return a QR code in half blocks, two rows of modules a line, light on dark with its quiet zone."""
    from app.services.letters.qr import modules

    rows = [list(row) for row in modules(text)]
    empty = [False] * (len(rows[0]) + 4)
    framed = [empty, empty, *([False, False, *row, False, False] for row in rows), empty, empty]
    if len(framed) % 2:
        framed.append(empty)
    signs = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
    lines = (
        "".join(signs[upper, lower] for upper, lower in zip(framed[at], framed[at + 1], strict=True))
        for at in range(0, len(framed), 2)
    )
    return "\n".join(lines) + "\n"
