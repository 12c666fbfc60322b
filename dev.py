#!/usr/bin/env python3
"""The project's commands; needs nothing but Python 3.11 and sets up the rest.

python3 dev.py run [--fresh] [--out FOLDER]     open Rollcall on the demonstration authority
python3 dev.py test [PYTEST ARGUMENT ...]       every check and test
python3 dev.py bench [NAME ...] [--scale small|full] [--json]
python3 dev.py kills [--runs N] [--seed N]      kill a writing Rollcall at random points and look at what is left
python3 dev.py chaos [--schedules N] [--seed N] [--laptops N] [--jobs N]     sync that goes wrong in every way at random
python3 dev.py setup                            only set up
python3 dev.py lock                             resolve pyproject.toml into requirements.lock again (needs uv)
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

DEBIAN_PACKAGES = {
    # package: a library file that shows it is there
    "libgl1": "libGL.so.1",
    "libegl1": "libEGL.so.1",
    "libglib2.0-0": "libglib-2.0.so.0",
    "libfontconfig1": "libfontconfig.so.1",
    "libdbus-1-3": "libdbus-1.so.3",
    "libxkbcommon0": "libxkbcommon.so.0",
    "libxkbcommon-x11-0": "libxkbcommon-x11.so.0",
    "libxcb-cursor0": "libxcb-cursor.so.0",
    "libxcb-icccm4": "libxcb-icccm.so.4",
    "libxcb-image0": "libxcb-image.so.0",
    "libxcb-keysyms1": "libxcb-keysyms.so.1",
    "libxcb-randr0": "libxcb-randr.so.0",
    "libxcb-render-util0": "libxcb-render-util.so.0",
    "libxcb-shape0": "libxcb-shape.so.0",
    "libxcb-xinerama0": "libxcb-xinerama.so.0",
    "libxcb-xkb1": "libxcb-xkb.so.1",
}
"""What Qt needs of a Debian 12 that has only Python; elsewhere the desktop brings it."""

TEST_PROGRAMS = {
    # package: a program that shows it is there
    "gnome-keyring": "gnome-keyring-daemon",  # a real Secret Service
    "dbus-daemon": "dbus-run-session",
    "strace": "strace",  # every file that the journey writes
}
"""Real programs that the tests run against, where the machine is a Debian that can install them."""


def say(words: str) -> None:
    """Print a line of progress."""
    print(words, flush=True)


def run(*command: str | Path, **options: object) -> int:
    """Run a command in the project's folder and return its exit status."""
    return subprocess.call([str(part) for part in command], cwd=ROOT, **options)  # type: ignore[arg-type]


def from_here(arguments: list[str]) -> list[str]:
    """Return arguments with the folder of ``--out`` made absolute: commands run in the project's folder."""
    found = list(arguments)
    for place, argument in enumerate(found):
        if argument == "--out" and place + 1 < len(found):
            found[place + 1] = str(Path(found[place + 1]).absolute())
        elif argument.startswith("--out="):
            found[place] = f"--out={Path(argument.removeprefix('--out=')).absolute()}"
    return found


def missing_libraries() -> list[str]:
    """Return the Debian packages whose libraries this Linux does not have."""
    if not sys.platform.startswith("linux") or shutil.which("ldconfig", path="/sbin:/usr/sbin:/bin:/usr/bin") is None:
        return []
    ldconfig = shutil.which("ldconfig", path="/sbin:/usr/sbin:/bin:/usr/bin") or "ldconfig"
    known = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=False).stdout
    return [package for package, library in DEBIAN_PACKAGES.items() if f"{library} " not in known]


def install_system_packages(packages: list[str], *, why: str) -> None:
    """Install Debian packages as root; anybody else is told what to install."""
    if not packages:
        return
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        sys.exit(
            f"Rollcall needs system libraries for {why}. Ask an administrator to install them, then run this again:\n"
            f"  sudo apt-get install --no-install-recommends {' '.join(packages)}"
        )
    say(f"Installing system libraries for {why}: {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = {"env": environment, "stdout": subprocess.DEVNULL}
    run(apt, "update", "-qq", **quiet)
    if run(apt, "install", "-y", "-qq", "--no-install-recommends", *packages, **quiet) != 0:
        sys.exit("The system libraries could not be installed. Check the network and run this again.")


def set_up() -> None:
    """Make the virtual environment from the hashed lock, unless it is there already."""
    if sys.version_info < (3, 11):  # noqa: UP036  (whoever runs this may have an older Python)
        sys.exit("Rollcall needs Python 3.11 or later.")
    install_system_packages(missing_libraries(), why="the window")
    wanted = hashlib.sha256(
        LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes() + sys.version.encode()
    ).hexdigest()
    stamp = VENV / "rollcall.stamp"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    say("Setting up Rollcall's Python packages. This takes a minute or two the first time.")
    try:
        venv.create(VENV, with_pip=True, clear=not PYTHON.exists())
    except (subprocess.CalledProcessError, OSError):
        install_system_packages(["python3-venv"], why="Python's virtual environments")
        venv.create(VENV, with_pip=True, clear=True)
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    if run(*pip, "--require-hashes", "-r", LOCK) != 0:
        sys.exit("The packages could not be installed. Check the network and run this again; what came stays.")
    # A plain path entry instead of an import hook: the window starts sooner.
    plain = ("--config-settings", "editable_mode=compat")
    if run(*pip, "--no-deps", "--no-build-isolation", *plain, "--editable", ROOT) != 0:
        sys.exit("Rollcall itself could not be installed into its environment.")
    stamp.write_text(wanted)


def test(arguments: list[str]) -> int:
    """Run every check, then every test; return the exit status."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    if shutil.which("apt-get") is not None and os.geteuid() == 0:
        missing = [package for package, program in TEST_PROGRAMS.items() if shutil.which(program) is None]
        install_system_packages(missing, why="the tests")
    if arguments:
        return run(PYTHON, "-m", "pytest", *arguments, env=environment)
    checks: dict[str, tuple[str | Path, ...]] = {
        "ruff (lint)": (BIN / "ruff", "check", "."),
        "ruff (format)": (BIN / "ruff", "format", "--check", "--quiet", "."),
        "imports": (BIN / "lint-imports", "--no-cache"),
        "mypy": (PYTHON, "-m", "mypy"),
    }
    failed = []
    for name, command in checks.items():
        say(f"== {name}")
        if run(*command) != 0:
            failed.append(name)
    say("== pytest")
    workers = str(min(os.cpu_count() or 1, 4))
    if run(PYTHON, "-m", "pytest", "-n", workers, "--dist", "loadfile", "--no-loadscope-reorder", env=environment) != 0:
        failed.append("pytest")
    if failed:
        say(f"Failed: {', '.join(failed)}")
        return 1
    say("Everything passed.")
    return 0


def lock() -> int:
    """Resolve the dependencies again; the lock holds hashes and names no index."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("Install uv to resolve the lock again.")
    return run(
        uv, "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--extra", "dev",
        "--no-annotate", "--no-header", "--quiet", "pyproject.toml", "-o", LOCK,
    )  # fmt: skip


def main(arguments: list[str]) -> int:
    """Do what was asked."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command not in ("run", "test", "bench", "kills", "chaos", "setup", "lock"):
        print(__doc__)
        return 2
    if command == "lock":
        return lock()
    set_up()
    if command == "run":
        return run(PYTHON, "-m", "app.demo", "run", *from_here(rest))
    if command == "test":
        return test(rest)
    if command == "bench":
        return run(PYTHON, "-m", "tests.bench", *rest, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"})
    if command == "kills":
        return run(PYTHON, "-m", "tests.kills", *rest)
    if command == "chaos":
        # The order of sets is part of what a seed replays.
        return run(PYTHON, "-m", "tests.sync.chaos", *rest, env={**os.environ, "PYTHONHASHSEED": "0"})
    say("Rollcall is set up.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
