"""Two hundred documents of 200 KB up and down, beside plain chunk upload and download with fsync."""

import hashlib
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine

from app.central import embedded
from app.ids import new_id
from app.models import Document
from tests.bench.sync_scene import Laptop, enrolled, fresh_central, line, plain_server

COUNT = {"small": 40, "full": 200}
ROUNDS = {"small": 1, "full": 3}
BYTES = 200_000
TARGET = 1.5


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return the benchmark's lines."""
    count = COUNT[scale]
    taken: dict[str, list[float]] = {name: [] for name in ("push", "pull", "up", "down")}
    with tempfile.TemporaryDirectory() as folder:
        postgres = embedded.start_postgres(Path(folder) / "postgres")
        for number in range(ROUNDS[scale]):
            _round(postgres, Path(folder) / str(number), count, taken)
        postgres.cleanup()
    median = {name: statistics.median(values) for name, values in taken.items()}
    return [
        line(f"push_{count}_documents", median["push"], median["up"], TARGET),
        line(f"pull_{count}_documents", median["pull"], median["down"], TARGET),
    ]


def _round(postgres: Any, scratch: Path, count: int, taken: dict[str, list[float]]) -> None:
    central = fresh_central(postgres)
    here = Laptop(enrolled(central, scratch / "first"))
    there = Laptop(enrolled(central, scratch / "second", "omar"))
    contents = [os.urandom(BYTES) for _ in range(count)]
    _store(here, contents)
    sent, report = here.sync()
    assert report.documents_sent == count
    received, told = there.sync()
    assert told.documents_fetched == count
    taken["push"].append(sent)
    taken["pull"].append(received)
    engine = create_engine(central.services.engine.url)
    with plain_server(engine) as url, httpx.Client(trust_env=False) as client:
        contents = [os.urandom(BYTES) for _ in range(count)]
        started = time.perf_counter()
        for data in contents:
            client.post(f"{url}/chunk", content=data).raise_for_status()
        middle = time.perf_counter()
        scratch.joinpath("plain").mkdir()
        for data in contents:
            name = hashlib.sha256(data).hexdigest()
            _write(scratch / "plain" / name, client.get(f"{url}/chunk/{name}").content)
        taken["up"].append(middle - started)
        taken["down"].append(time.perf_counter() - middle)
    engine.dispose()
    here.close()
    there.close()
    central.stop()


def _store(laptop: Laptop, contents: list[bytes]) -> None:
    now = laptop.ws.time.now()
    with laptop.ws.write("Filed letters") as session:
        for data in contents:
            sha256 = laptop.ws.documents.put(data, "application/pdf")
            session.add(
                Document(
                    id=new_id(),
                    sha256=sha256,
                    title="Letter",
                    media_type="application/pdf",
                    size=len(data),
                    arrived_at=now,
                    page_count=1,
                    reading={},
                    rotation={},
                )
            )


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


if __name__ == "__main__":
    for each in run("small"):
        print(each)
