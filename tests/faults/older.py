"""A vault as an earlier version of Rollcall left it: the first schema, with the same records."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from app.services.vault.database import open_engine

FIRST = "0001"
_SAID = ("at", "actor_id", "actor_name", "action", "subject_table", "subject_id", "detail")


def make_older(folder: Path, key: bytes) -> None:
    """Write ``cases.db`` again in the first schema."""
    path, old = folder / "cases.db", folder / "older.db"
    engine = open_engine(old, key, create=True)
    config = Config()
    config.set_main_option("script_location", "app/models/migrations")
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        config.attributes["store"] = "vault"
        command.upgrade(config, FIRST)
        connection.commit()
    raw = engine.raw_connection()
    bare = raw.dbapi_connection
    assert bare is not None
    bare.execute("PRAGMA foreign_keys = OFF")
    bare.execute("ATTACH DATABASE ? AS new KEY ?", (str(path), f"x'{key.hex()}'"))
    names = [row[0] for row in bare.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
    for name in names:
        if name.startswith("search_index_") or name in (
            "alembic_version",
            "audit_entry",
            "sqlite_stat1",
            "sqlite_stat4",
        ):
            continue
        columns = [row[1] for row in bare.execute(f'PRAGMA main.table_info("{name}")')]
        newer = {row[1] for row in bare.execute(f'PRAGMA new.table_info("{name}")')}
        shared = ", ".join(f'"{column}"' for column in columns if column in newer)
        if name == "search_index":
            shared = f"rowid, {shared}"
        bare.execute(f'INSERT INTO main."{name}" ({shared}) SELECT {shared} FROM new."{name}"')
    said = {name: f"json_extract(CAST(body AS TEXT), '$.{name}')" for name in _SAID}
    said["at"] = f"replace(substr({said['at']}, 1, 26), 'T', ' ')"
    said |= {name: f"replace({said[name]}, '-', '')" for name in ("actor_id", "subject_id")}
    bare.execute(
        f"INSERT INTO main.audit_entry (sequence, {', '.join(said)}, previous, hash) SELECT sequence,"
        f" {', '.join(said.values())}, lag(hash, 1, zeroblob(32)) OVER (ORDER BY sequence), hash FROM new.audit_entry"
    )
    bare.execute("DETACH DATABASE new")
    bare.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    engine.dispose()
    for tail in ("-wal", "-shm"):
        (folder / f"older.db{tail}").unlink(missing_ok=True)
    old.replace(path)
