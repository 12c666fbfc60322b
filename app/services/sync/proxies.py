"""Which proxy leads to the central store: as the environment says, then as the system is set.

The environment's ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` come first; Windows and macOS add their own settings
through :func:`urllib.request.getproxies`, and on Linux the desktop's are asked (GNOME, and those that share its
settings). A proxy may hold a name and password: no proxy's address is ever logged or shown.
"""

import os
import shutil
import subprocess
import sys
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_SCHEMA = "org.gnome.system.proxy"
_ASKING_SECONDS = 3.0


def proxy_for(server: str) -> str | None:
    """Return the address of the proxy that leads to a server, or None when there is none.

    Args:
        server: an address that starts with ``https://`` or ``http://``.
    """
    parts = urlsplit(server)
    host, scheme = parts.hostname or "", parts.scheme
    found = getproxies()
    chosen = found.get(scheme) or found.get("all")
    if chosen:
        left_out = _listed(host, found.get("no", "")) or proxy_bypass(host)
        return None if left_out else _whole(chosen)
    if sys.platform == "linux" and not any(name.lower().endswith("_proxy") and os.environ[name] for name in os.environ):
        return _of_desktop(host, scheme)
    return None


def _whole(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _of_desktop(host: str, scheme: str) -> str | None:
    program = shutil.which("gsettings")
    if program is None or _asked(program, _SCHEMA, "mode") != "manual":
        return None
    ignored = _asked(program, _SCHEMA, "ignore-hosts").strip("[]@as ").replace("'", "")
    if _listed(host, ignored):
        return None
    for kind in (scheme, "http"):
        named = _asked(program, f"{_SCHEMA}.{kind}", "host")
        port = _asked(program, f"{_SCHEMA}.{kind}", "port")
        if named and port.isdigit() and int(port):
            return f"http://{named}:{port}"
    return None


def _asked(program: str, schema: str, key: str) -> str:
    try:
        done = subprocess.run(
            [program, "get", schema, key],
            capture_output=True,
            text=True,
            timeout=_ASKING_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().strip("'") if done.returncode == 0 else ""


def _listed(host: str, hosts: str) -> bool:
    """Return whether a host is among those that are reached without a proxy: names, endings and networks."""
    for entry in (part.strip().lower() for part in hosts.split(",")):
        if not entry:
            continue
        ending = entry.lstrip("*").lstrip(".")
        if entry == "*" or host == ending or host.endswith(f".{ending}"):
            return True
        if _within(host, entry):
            return True
    return False


def _within(host: str, entry: str) -> bool:
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        return False
