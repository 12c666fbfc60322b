"""An independent verifier of a vault's audit chain: written from the description below, sharing no code with Rollcall.

It needs Python and ``sqlcipher3`` only, the vault's ``cases.db`` and its raw key. Run it on a copy of the vault::

    python audit_verifier.py cases.db < key-as-64-hexadecimal-digits

**The chain.** Table ``audit_entry``: ``sequence`` (from 1, no gaps), ``body`` (canonical JSON) and ``hash``
(SHA-256 of the hash before, 32 zero bytes before the first, followed by the body). The body names its own sequence.

**Its length.** Table ``audit_anchor``: a ``device`` seal and ``central`` receipts, each an Ed25519 signature on a
statement of device, sequence, hash and time. The seal reaches at least to the newest entry that is not about a change.
Every change set of this device (``change_set``) has an entry, so the newest one has.

The verdict is the first entry that does not fit, and what was done: edited, removed, reordered, added, truncated (this
one and all after it are gone), rewritten (consistent in itself, yet not what was signed), unproven (a proof is missing
or does not fit).
"""

import base64
import hashlib
import json
import sys
from datetime import datetime
from typing import Any, NamedTuple

import sqlcipher3

# -- Ed25519 verification, RFC 8032 section 5.1.7 and 6 --------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]


def _add(a: Point, b: Point) -> Point:
    """Add two points in extended coordinates."""
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    t, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = n - m, z - t, z + t, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _x_of(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def _point(data: bytes) -> Point | None:
    if len(data) != 32:
        return None
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = _x_of(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _x_of(_BASE_Y, 0)
assert _BASE_X is not None
BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def _compressed(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def public_key_of(seed: bytes) -> bytes:
    """Return the public half of an Ed25519 seed."""
    number = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    number = number & ((1 << 254) - 8) | 1 << 254
    return _compressed(_times(number, BASE))


def signature_fits(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether an Ed25519 signature is a key's on a message."""
    key, commitment = _point(public), _point(signature[:32])
    if key is None or commitment is None or len(signature) != 64:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = _times(scalar, BASE), _add(commitment, _times(challenge, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# -- the chain -------------------------------------------------------------------------------------------------------


class Finding(NamedTuple):
    """The first entry that does not fit, and what was done."""

    sequence: int
    kind: str


class Verdict(NamedTuple):
    """What was found; no findings when everything fits."""

    entries: int
    findings: list[Finding]
    proven_to: int


def open_database(path: str, key: bytes) -> Any:
    """Return a connection on an encrypted database under its raw key."""
    connection = sqlcipher3.dbapi2.connect(path)
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    connection.execute("PRAGMA query_only = ON")
    return connection


def verify(connection: Any) -> Verdict:
    """Verify the whole chain and the proofs of its length."""
    rows = [
        (int(sequence), bytes(body), bytes(hashed))
        for sequence, body, hashed in connection.execute(
            "SELECT sequence, CAST(body AS BLOB), CAST(hash AS BLOB) FROM audit_entry ORDER BY sequence"
        )
    ]
    intact, broken = _walk(rows)
    findings = [broken] if broken else []
    last = rows[-1][0] if rows else 0
    problems, proven_to = _anchors(connection, rows, intact, last)
    findings += problems
    if not broken:
        findings += _newest_change(connection, rows, last)
    findings.sort(key=lambda finding: finding.sequence)
    return Verdict(intact, findings, proven_to)


def _walk(rows: list[tuple[int, bytes, bytes]]) -> tuple[int, Finding | None]:
    previous = bytes(32)
    for place, (sequence, body, hashed) in enumerate(rows, start=1):
        if sequence < 1:
            return 0, Finding(sequence, "added")
        if sequence != place:
            return place - 1, Finding(place, "removed")
        previous = hashlib.sha256(previous + body).digest()
        if previous != hashed:
            return place - 1, Finding(place, _what_happened(rows, place, body))
    return len(rows), None


def _what_happened(rows: list[tuple[int, bytes, bytes]], place: int, body: bytes) -> str:
    said = _said(body).get("sequence")
    if not isinstance(said, int) or isinstance(said, bool) or said == place:
        return "edited"
    if any(_said(other).get("sequence") == place for sequence, other, _hash in rows if sequence > place):
        return "reordered"
    return "removed" if said > place else "added"


def _said(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


# -- how long it was -------------------------------------------------------------------------------------------------


def _anchors(
    connection: Any, rows: list[tuple[int, bytes, bytes]], intact: int, last: int
) -> tuple[list[Finding], int]:
    device = connection.execute("SELECT device_id, private_key FROM device_key").fetchone()
    server = connection.execute("SELECT value FROM sync_state WHERE name = 'server_key'").fetchone()
    keys = {
        "device": public_key_of(bytes(device[1])) if device else b"",
        "central": base64.b64decode(server[0]) if server else b"",
    }
    titles = {"device": "rollcall audit seal 1", "central": "rollcall audit receipt 1"}
    found, good, proven_to, sealed = [], 0, 0, 0
    anchors = connection.execute("SELECT kind, sequence, hash, at, signature FROM audit_anchor ORDER BY sequence, kind")
    for kind, sequence, hashed, at, signature in anchors:
        sealed = max(sealed, sequence if kind == "device" else 0)
        lines = (titles.get(kind, ""), _dashed(device[0]) if device else "", str(sequence), bytes(hashed).hex(), at)
        statement = "\n".join(lines).encode()
        if not _is_time(at) or not signature_fits(keys.get(kind, b""), statement, bytes(signature)):
            found.append(Finding(min(sequence, last), "unproven"))
        elif sequence > last:
            found.append(Finding(last + 1, "truncated"))
        elif sequence > intact:
            continue
        elif rows[sequence - 1][2] != bytes(hashed):
            found.append(Finding(good + 1, "rewritten"))
        else:
            good = sequence
            proven_to = sequence if kind == "central" else proven_to
    others = [sequence for sequence, body, _hash in rows if not body.startswith(b'{"action":"changed"')]
    if device and intact == last and not found and others and others[-1] > sealed:
        found.append(Finding(others[-1], "unproven"))
    return found, proven_to


def _newest_change(connection: Any, rows: list[tuple[int, bytes, bytes]], last: int) -> list[Finding]:
    """Look for the entry of this device's newest change set."""
    newest = connection.execute(
        "SELECT id FROM change_set WHERE device_id = (SELECT device_id FROM device_key) ORDER BY sequence DESC LIMIT 1"
    ).fetchone()
    if newest is None:
        return []
    name = _dashed(newest[0]).encode()
    return [] if any(name in body for _sequence, body, _hash in rows) else [Finding(last + 1, "truncated")]


def _dashed(key: str) -> str:
    return "-".join((key[:8], key[8:12], key[12:16], key[16:20], key[20:]))


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def main() -> int:
    """Verify one vault and say what was found."""
    if len(sys.argv) != 2:
        sys.stderr.write(__doc__ or "")
        return 2
    verdict = verify(open_database(sys.argv[1], bytes.fromhex(sys.stdin.read().strip())))
    lines = [f"{verdict.entries} entries fit; countersigned by the central store up to {verdict.proven_to}."]
    lines += [f"Entry {finding.sequence}: {finding.kind}." for finding in verdict.findings]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if verdict.findings else 0


if __name__ == "__main__":
    sys.exit(main())
