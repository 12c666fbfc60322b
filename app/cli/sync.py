"""``rollcall sync``: sync now, say what waits, enrol this laptop."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.context import OPTIONS, Json, answer, open_the_vault, open_workspace, passphrase, unlocked_workspace
from app.errors import EnvironmentFault
from app.timesource import SystemTime

if TYPE_CHECKING:
    from app.services.sync.telling import SyncReport
    from app.services.workspace import Workspace

app = typer.Typer()


@app.command()
def now(as_json: Json = False) -> None:
    """Send what waits and fetch what is new."""
    from app.services.safekeeping import second_folders
    from app.services.sync import revocation
    from app.services.sync.authority import keep_authority_key
    from app.services.sync.client import SyncClient
    from app.services.sync.enrolment import open_transport
    from app.services.sync.faults import NotLetIn

    with open_the_vault(however_long_away=True) as vault:
        workspace = unlocked_workspace(vault)
        _sign_in_again(workspace)
        transport = open_transport(workspace)
        try:
            report = SyncClient(workspace, transport).run()
            keep_authority_key(vault, workspace, transport.authority)
        except NotLetIn as turned_away:
            if not (ended := revocation.words_when_ended(workspace, turned_away)):
                raise
            revocation.end(vault, second_folders())
            raise EnvironmentFault(ended) from turned_away
        finally:
            transport.close()
    lines = [
        f"Sent: {report.pushed}. Received: {report.received}.",
        f"Documents sent: {report.documents_sent}. Documents fetched: {report.documents_fetched}.",
    ]
    if report.conflicted:
        lines.append(f"To review because somebody else changed the same thing: {report.conflicted}.")
    if report.handed_in:
        lines.append(f"Handed in to your team, because you may no longer write there: {report.handed_in}.")
    lines += _scope_lines(report)
    lines += [f"Refused and kept on this laptop: {reason}" for reason in report.reasons]
    answer(report, as_json=as_json, text="\n".join(lines))
    if report.refused:
        raise typer.Exit(1)


def _sign_in_again(workspace: "Workspace") -> None:
    """Ask for a fresh sign-in where this laptop was away from its central store for too long."""
    from app.services import offline_gate
    from app.services.sign_in import sessions

    if (shut := offline_gate.shut(workspace)) is None:
        return
    print(shut.words, file=sys.stderr)
    if sessions.way(workspace).way != "local" or not sys.stdin.isatty():
        raise offline_gate.OfflineTooLong(shut)
    username = typer.prompt("Username", err=True)
    sessions.sign_in_with_account(workspace, username, typer.prompt("Password", hide_input=True, err=True))
    offline_gate.let_in(workspace)


def _scope_lines(report: "SyncReport") -> list[str]:
    """Return what became of this laptop's scope, and what comparing found, in words."""
    told = (
        (report.arrived_units, "Children whose records arrived: {}."),
        (report.left_units, "Children whose records left this laptop, for other teams have them now: {}."),
        (report.waiting_units, "Children whose records leave once what waits here is sent: {}."),
        (report.held_back_units, "Children whose records leave once the central store says so again: {}."),
        (report.checked_units, "Children compared with the central store: {}."),
        (report.healed_units, "Of these were put right: {}."),
        (report.unequal_units, "Of these still differ: {}. Copy the details for IT."),
    )
    return [words.format(count) for count, words in told if count]


@app.command()
def prove(as_json: Json = False) -> None:
    """Compare everything on this laptop with the central store, and put right what differs."""
    from app.services.sync.client import SyncClient
    from app.services.sync.enrolment import open_transport

    with open_the_vault() as vault:
        workspace = unlocked_workspace(vault)
        transport = open_transport(workspace)
        try:
            SyncClient(workspace, transport).run()
            report = SyncClient(workspace, transport).prove_all()
        finally:
            transport.close()
    lines = _scope_lines(report) or ["There is nothing to compare."]
    if report.checked_units and not report.healed_units:
        lines.append("Everything is equal.")
    answer(report, as_json=as_json, text="\n".join(lines))
    if report.unequal_units:
        raise typer.Exit(1)


@app.command()
def status(as_json: Json = False) -> None:
    """Say what waits on this laptop. Needs no network."""
    from app.services.sync.centre import sync_view

    with open_workspace() as workspace:
        view = sync_view(workspace)
    lines = [view.headline, *(f"  {row.what}: {row.state_words}" for row in view.waiting)]
    answer(view, as_json=as_json, text="\n".join(lines))


@app.command()
def deletions(
    confirm: Annotated[int, typer.Option(help="The number shown here: these deletions were looked at.")] = 0,
    as_json: Json = False,
) -> None:
    """Say what the fuse stopped on this laptop; a supervisor confirms that it is meant."""
    from app.services.sync import deletions as fuse

    with open_workspace() as workspace:
        if confirm:
            fuse.confirm(workspace, confirm)
        stopped = fuse.tripped(workspace)
    if confirm:
        answer({"confirmed": confirm}, as_json=as_json, text="Confirmed. The next sync applies it, on every laptop.")
        return
    lines = [] if stopped is None else [*stopped.lines, f"A supervisor confirms it with: --confirm {stopped.revision}"]
    answer({"stopped": stopped}, as_json=as_json, text="\n".join(lines) or "Nothing was stopped.")


@app.command()
def enrol(
    server: Annotated[str, typer.Argument(help="The central store's address.")],
    code: Annotated[str, typer.Argument(help="The one-time code from your administrator.")],
    name: Annotated[str, typer.Option(help="What this laptop is called.")] = "Laptop",
    as_json: Json = False,
) -> None:
    """Enrol this laptop: makes the vault when there is none, and fetches the records."""
    from app.services.sync import enrolment
    from app.services.vault import vault_exists

    folder: Path = OPTIONS.vault
    if vault_exists(folder):
        with open_the_vault() as vault:
            complete = enrolment.enrol(vault, server, code, device_name=name)
            device_id = vault.device_id
    else:
        vault = enrolment.create_and_enrol(
            folder, server, code, name, passphrase(confirm=True), time=SystemTime(), use_system_keyring=True
        )
        device_id, complete = vault.device_id, True
        vault.close()
    words = "Enrolled." if complete else "Enrolled. Not everything is fetched yet: sync again."
    answer({"device_id": device_id, "complete": complete}, as_json=as_json, text=words)
