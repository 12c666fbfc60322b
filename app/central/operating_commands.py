"""``rollcall-central``: serve, migrate, health, the description of the routes, backup and restore."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.central.command import Data, Dsn, Json, answer, resolve, services_on

if TYPE_CHECKING:
    from app.central.probes import Health


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(serve)
    app.command()(migrate)
    app.command()(health)
    app.command()(openapi)
    app.command()(backup)
    app.command()(restore)
    app.command()(restored)


def serve(
    dsn: Dsn = "",
    data: Data = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8470,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate; needed unless a proxy adds TLS.")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; about one for each core.")] = 2,
    connections: Annotated[int, typer.Option(min=4, max=1000, help="To the database, of all processes.")] = 40,
    metrics_port: Annotated[int | None, typer.Option(help="Port of the Prometheus figures; none by default.")] = None,
    metrics_host: Annotated[str, typer.Option(help="Address of the figures; keep it inside.")] = "127.0.0.1",
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(
            envvar="ROLLCALL_CENTRAL_TRUST_PROXY",
            help="Address or network of a proxy in front, which says who is behind it. Again for each.",
        ),
    ] = None,
    drain: Annotated[int, typer.Option(min=1, max=600, help="Seconds for what is under way when stopped.")] = 30,
    migrate_first: Annotated[
        bool, typer.Option("--migrate/--as-it-is", help="Bring the schema up to date before serving.")
    ] = True,
) -> None:
    """Serve laptops until stopped. The schema is brought up to date first."""
    from app import logs
    from app.central import serving
    from app.central.addresses import trusted_proxies
    from app.central.services import build_services

    logs.set_up_stream()
    proxies = trusted_proxies(trust_proxy or ())
    found = resolve(dsn, data)
    # Also makes sure, before any process starts, that the database answers and the schema is not a newer program's.
    build_services(found, migrate=migrate_first, pool=1).close()
    plan = serving.Plan(
        found, host, port, workers, connections, certificate, key, metrics_host, metrics_port, proxies, drain
    )

    def ready() -> None:
        sys.stdout.write(f"Serving on {'https' if certificate else 'http'}://{host}:{port}\n")
        sys.stdout.flush()

    if (status := serving.serve(plan, ready)) != 0:
        raise typer.Exit(status)


def migrate(
    check: Annotated[bool, typer.Option("--check", help="Say what would be done, and change nothing.")] = False,
    dsn: Dsn = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Bring the database's schema up to date, while processes of this and the last version serve."""
    from app.central.database import bring_up_to_date, open_engine, pending

    engine = open_engine(resolve(dsn, data), pool=1)
    try:
        due = pending(engine)
        if not check:
            bring_up_to_date(engine)
    finally:
        engine.dispose()
    said = {"pending" if check else "done": due}
    if not due:
        answer(said, as_json, "The schema is up to date.")
    elif check:
        answer(said, as_json, f"To be done: {', '.join(due)}.")
        raise typer.Exit(1)
    else:
        answer(said, as_json, f"Done: {', '.join(due)}. The schema is up to date.")


def health(
    quick: Annotated[bool, typer.Option("--ready", help="Ask only what a load balancer asks.")] = False,
    dsn: Dsn = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say whether the database answers, which schema it has and how far the log is; exit status 1 when not ready."""
    from app.central.database import open_engine
    from app.central.probes import health_of

    if quick:
        engine = open_engine(resolve(dsn, data), pool=1)
        try:
            state = health_of(engine)
        finally:
            engine.dispose()
        found: dict[str, Any] = {
            "status": state.status,
            "revision": state.revision,
            "schema": [state.synced_schema, state.own_schema],
        }
    else:
        with services_on(dsn, data) as services:
            state = health_of(services.engine)
            found = {
                **_state(state),
                "documents": services.bytes.complete_count(),
                "laptops": len(services.people.devices()),
            }
    answer(found, as_json, "\n".join(f"{name}: {value}" for name, value in found.items()))
    if state.status != "ok":
        raise typer.Exit(1)


def _state(state: "Health") -> dict[str, Any]:
    schema = f"{state.synced_schema or 'none'} {state.own_schema or 'none'}"
    return {"status": state.status, "revision": state.revision, "schema": schema}


def openapi(
    out: Annotated[Path | None, typer.Option(help="A file to write; standard output otherwise.")] = None,
) -> None:
    """Print the OpenAPI description of every route."""
    from app.central.description import document

    text = json.dumps(document(), indent=2) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")


def backup(
    out: Annotated[Path, typer.Option(help="The file to write; it holds everything, so keep it encrypted.")],
    dsn: Dsn = "",
    data: Data = None,
) -> None:
    """Write a backup with pg_dump while the store serves. It holds the store's signing key: keep it safe."""
    from app.central.backups import dump

    dump(resolve(dsn, data), out)
    sys.stdout.write(f"Backed up to {out}.\n")


def restore(
    file: Annotated[Path, typer.Argument(help="What the backup command wrote.")],
    dsn: Dsn = "",
    data: Data = None,
) -> None:
    """Restore a backup into an empty database. Laptops then send again what it lacks, by themselves."""
    from app.central.backups import load

    revision = load(resolve(dsn, data), file)
    sys.stdout.write(
        f"Restored to revision {revision:,}. Laptops send again what came after it when they next sync.\n"
        "Check the list of laptops: one that was revoked after the backup must be revoked again.\n"
    )


def restored(dsn: Dsn = "", data: Data = None) -> None:
    """Say that the database was restored by other means (a base backup, a snapshot), before laptops reach it."""
    from app.central.backups import mark_restored

    revision = mark_restored(resolve(dsn, data))
    sys.stdout.write(
        f"Noted, at revision {revision:,}. Laptops send again what came after it when they next sync.\n"
        "Check the list of laptops: one that was revoked after the backup must be revoked again.\n"
    )
