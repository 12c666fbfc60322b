"""Importing GIAS-like rows against ``csv.DictReader`` plus a bare ``executemany`` into the same SQLCipher table.

Both sides run in the same process, one after the other, in fresh vaults; the ratio is of the medians.
"""

import csv
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from app.models import School
from app.services.exchange import gias
from app.services.exchange.reference import reference_id
from app.services.workspace import Workspace
from tests.bench.vaults import workspace

SAMPLE = Path(__file__).parents[1] / "services" / "exchange" / "samples" / "gias_hampshire_2017_relayout.csv"
ROWS = {"small": 10_000, "full": 50_000}
ROUNDS = 3
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


def rival(ws: Workspace, content: bytes, keys: dict[str, str]) -> None:
    """Read with DictReader and insert the texts as they are with the driver's own executemany, in one transaction.

    Keys are given, as random as ours and made beforehand, so that both sides fill the same indexes alike.
    """
    bound = [(column.name, column.heading) for column in gias.COLUMNS]
    rest = sorted(
        {column.key for column in School.__table__.columns} - {name for name, _ in bound} - {"created_by", "id"}
    )
    columns = ["id", *(name for name, _ in bound), *rest]
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO school ({', '.join(columns)}) VALUES ({marks})"
    headings = [heading for _, heading in bound]

    def rows() -> Iterator[list[str]]:
        for row in csv.DictReader(io.StringIO(content.decode("cp1252"), newline="")):
            urn = row["URN"]
            yield [keys[urn], *(row[heading] for heading in headings), *([urn] * len(rest))]

    with ws.write("Bench") as session:
        raw: Any = session.connection().connection.dbapi_connection
        raw.executemany(statement, rows())


def ours(ws: Workspace, content: bytes, _keys: dict[str, str]) -> None:
    """Import as Rollcall does, with outbox, history and audit."""
    gias.import_schools(ws, content)


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return one line: medians of interleaved rounds."""
    content = extract(ROWS[scale])
    keys = {str(200_000 + number): reference_id("school", str(200_000 + number)) for number in range(ROWS[scale])}
    keys = {urn: key.replace("-", "") for urn, key in keys.items()}
    taken: dict[str, list[float]] = {"rival": [], "ours": []}
    sides: list[tuple[str, Callable[[Workspace, bytes, dict[str, str]], None]]] = [("rival", rival), ("ours", ours)]
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(ROUNDS):
            for name, act in sides:
                ws, vault = workspace(Path(scratch) / f"{name}{number}")
                started = time.perf_counter()
                act(ws, content, keys)
                taken[name].append(time.perf_counter() - started)
                vault.close()
    value, floor = statistics.median(taken["ours"]), statistics.median(taken["rival"])
    return [
        {
            "name": f"import: {ROWS[scale]:,} GIAS-like rows",
            "value": value,
            "unit": "s",
            "floor": floor,
            "ratio": value / floor,
            "target": TARGET,
            "ok": value / floor <= TARGET,
        }
    ]
