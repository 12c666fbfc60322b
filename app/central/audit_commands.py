"""``rollcall-central audit``: how far each laptop's audit is countersigned, what did not fit, whether it holds."""

from dataclasses import asdict

import typer

from app.central.command import Data, Dsn, Json, answer, services_on


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(audit)


def audit(dsn: Dsn = "", data: Data = None, as_json: Json = False) -> None:
    """List the laptops' audit chains, and verify what is kept of them; exit status 1 when something does not fit."""
    with services_on(dsn, data) as services:
        names = {str(each["id"]): str(each["name"]) for each in services.people.devices()}
        heads, alarms = services.audit.heads(), services.audit.alarms()
        broken = {head.device_id: services.audit.broken_at(head.device_id) for head in heads}
    lines = []
    for head in heads:
        place = broken[head.device_id]
        state = "in order" if place is None else f"does not fit from entry {place:,}"
        name = names.get(head.device_id, "")
        lines.append(f"{head.device_id}  {name}  {head.sequence:,} entries  {head.at[:16]}  {state}")
    for alarm in alarms:
        lines.append(
            f"{alarm.noticed_at:%Y-%m-%d %H:%M}  {names.get(alarm.device_id, alarm.device_id)}  {alarm.what} "
            f"Countersigned up to entry {alarm.known_sequence:,}; the laptop said {alarm.stated_sequence:,}."
        )
    found = {
        "chains": [{**asdict(head), "hash": head.hash.hex(), "broken_at": broken[head.device_id]} for head in heads],
        "alarms": [{**asdict(alarm), "noticed_at": alarm.noticed_at.isoformat()} for alarm in alarms],
    }
    answer(found, as_json, "\n".join(lines) or "No laptop has sent its audit yet.")
    if alarms or any(place is not None for place in broken.values()):
        raise typer.Exit(1)
