"""Importing GIAS-like rows against ``csv.DictReader`` plus a bare ``executemany`` into the same SQLCipher table.

Both sides run in the same process, one after the other, in fresh vaults; the ratio is of the medians.
"""

import argparse
import csv
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.models import School
from app.models.terms import Role
from app.services.exchange import gias
from app.services.exchange.reference import reference_id
from app.services.vault import create_vault
from app.services.vault.keys import KdfParameters
from app.services.workspace import Workspace
from app.timesource import FrozenTime

SAMPLE = Path(__file__).parents[1] / "services" / "exchange" / "samples" / "gias_hampshire_2017_relayout.csv"
ROWS = {"small": 10_000, "full": 50_000}
TARGET = 4.0


def extract(rows: int) -> bytes:
    """Return a GIAS file of so many rows: the sample's own, repeated under new URNs and names."""
    lines = list(csv.reader(io.StringIO(SAMPLE.read_bytes().decode("cp1252"), newline="")))
    header, samples = lines[0], lines[1:]
    at = {name: header.index(name) for name in ("URN", "EstablishmentName", "OpenDate", "LastChangedDate")}
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(header)
    for number in range(rows):
        cells = list(samples[number % len(samples)])
        cells[at["URN"]] = str(200_000 + number)
        cells[at["EstablishmentName"]] += f" {number}"
        cells[at["OpenDate"]] = f"{number % 28 + 1:02}-09-{1950 + number % 70}"
        cells[at["LastChangedDate"]] = "17-11-2026"
        writer.writerow(cells)
    return out.getvalue().encode("cp1252")


def workspace(folder: Path) -> Workspace:
    """Return a fresh vault's workspace."""
    clock = FrozenTime(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))
    quick = KdfParameters(memory_kib=1024, passes=1, lanes=1)
    vault = create_vault(folder, "seven blue kettles sing", time=clock, label="Bench", kdf=quick)
    vault.add_device("Bench")
    from app.models import User

    with vault.system_workspace().write("Set up") as session:
        session.add(User(id=reference_id("bench", "user"), username="bench", name="Bench", role=Role.CASEWORKER))
    vault.set_user(reference_id("bench", "user"))
    return vault.workspace()


def rival(ws: Workspace, content: bytes) -> None:
    """Read with DictReader and insert the texts as they are with the driver's own executemany, in one transaction."""
    bound = [(column.name, column.heading) for column in gias.COLUMNS]
    rest = sorted({column.key for column in School.__table__.columns} - {name for name, _ in bound} - {"created_by"})
    columns = [name for name, _ in bound] + rest
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO school ({', '.join(columns)}) VALUES ({marks})"
    headings = [heading for _, heading in bound]

    def rows() -> Iterator[list[str]]:
        for row in csv.DictReader(io.StringIO(content.decode("cp1252"), newline="")):
            yield [row[heading] for heading in headings] + [row["URN"]] * len(rest)

    with ws.write("Bench") as session:
        raw: Any = session.connection().connection.dbapi_connection
        raw.executemany(statement, rows())


def ours(ws: Workspace, content: bytes) -> None:
    """Import as Rollcall does, with outbox, history and audit."""
    gias.import_schools(ws, content)


def measure(scale: str = "full", rounds: int = 3) -> dict[str, Any]:
    """Return the benchmark's line: medians of interleaved rounds and their ratio."""
    content = extract(ROWS[scale])
    taken: dict[str, list[float]] = {"ours": [], "rival": []}
    sides: list[tuple[str, Callable[[Workspace, bytes], None]]] = [("rival", rival), ("ours", ours)]
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(rounds):
            for name, act in sides:
                ws = workspace(Path(scratch) / f"{name}{number}")
                started = time.perf_counter()
                act(ws, content)
                taken[name].append(time.perf_counter() - started)
                ws.close()
    value, floor = statistics.median(taken["ours"]), statistics.median(taken["rival"])
    return {
        "name": "gias_import",
        "value": round(value, 3),
        "unit": "s",
        "floor": round(floor, 3),
        "ratio": round(value / floor, 2),
        "target": TARGET,
        "ok": value / floor <= TARGET,
        "rows": ROWS[scale],
        "rounds": taken,
    }


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", choices=sorted(ROWS), default="full")
    print(json.dumps(measure(parser.parse_args().scale)))


if __name__ == "__main__":
    main()
