"""Checking the proofs of a chain's length: the device's seal, the store's receipts, change sets, the lifeboat."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.services.audit.anchors import CENTRAL, DEVICE, Anchor, anchors, receipt_statement, seal_statement
from app.services.audit.chain import Link
from app.services.audit.reading import read_entry
from app.services.rows import connection_of, driver
from app.services.signing import Signer, verified
from app.timesource import format_date, format_time, to_london

TRUNCATED, REWRITTEN, UNPROVEN = "truncated", "rewritten", "unproven"
_CHANGE = b'{"action":"changed"'
_HASH = "SELECT CAST(hash AS BLOB) FROM audit_entry WHERE sequence = ?"
_DEVICE = "SELECT device_id, private_key FROM device_key LIMIT 1"
_SERVER = "SELECT value FROM sync_state WHERE name = 'server_key'"
_NEWEST_SET = "SELECT id, sequence FROM change_set WHERE device_id = ? ORDER BY sequence DESC LIMIT 1"
_NEWEST_CHANGE = f"""
SELECT CAST(body AS BLOB) FROM audit_entry WHERE substr(CAST(body AS BLOB), 1, {len(_CHANGE)}) = ?
ORDER BY sequence DESC LIMIT 1
"""
_NEWEST_OTHER = f"""
SELECT sequence FROM audit_entry WHERE substr(CAST(body AS BLOB), 1, {len(_CHANGE)}) IS NOT ?
ORDER BY sequence DESC LIMIT 1
"""
_NAMED = "SELECT 1 FROM audit_entry WHERE instr(CAST(body AS TEXT), ?) > 0 LIMIT 1"


@dataclass(slots=True)
class ProofReport:
    """What the proofs say.

    Attributes:
        problems: (entry, kind, what shows it) for each that does not fit.
        receipts: (entry, when) of every genuine receipt of the central store, by entry.
        proven_to, proven_at: the newest of them that the chain fits.
    """

    problems: list[tuple[int, str, str]] = field(default_factory=list)
    receipts: list[tuple[int, datetime]] = field(default_factory=list)
    proven_to: int = 0
    proven_at: datetime | None = None

    def proven_since(self, sequence: int) -> datetime | None:
        """Return when the central store countersigned an entry as it was, or None."""
        return next((at for reached, at in self.receipts if reached >= sequence), None)


def check_proofs(session: Session, last: int, intact: int, lifeboat: Iterable[Link]) -> ProofReport:
    """Hold a chain against every proof there is.

    Args:
        session: the reading session that the chain is verified in.
        last: the number of the newest entry.
        intact: how many entries follow from one another, from the first; what a proof says of others is no news.
        lifeboat: entries held outside the database.
    """
    connection = driver(connection_of(session))
    report = ProofReport()
    device = connection.execute(_DEVICE).fetchone()
    _check_anchors(session, report, last, intact, device)
    if device is not None and intact == last:
        _check_newest_change(connection, report, last, device[0])
    for link in lifeboat:
        proof = f"the lifeboat holds entry {link.sequence}"
        if link.sequence > last:
            report.problems.append((last + 1, TRUNCATED, proof))
        elif link.sequence <= intact and _hash_at(connection, link.sequence) != link.hash:
            report.problems.append((link.sequence, REWRITTEN, f"{proof} as it was"))
    return report


def _check_anchors(session: Session, report: ProofReport, last: int, intact: int, device: Any) -> None:
    connection = driver(connection_of(session))
    device_id = _dashed(device[0]) if device else ""
    server = connection.execute(_SERVER).fetchone()
    keys = {
        DEVICE: Signer(bytes(device[1])).public_key if device else "",
        CENTRAL: str(server[0]) if server else "",
    }
    found, good = anchors(session), 0
    for anchor in found:
        if not _genuine(anchor, device_id, keys):
            report.problems.append(
                (min(anchor.sequence, last), UNPROVEN, f"{_who(anchor)} a proof that is not its own")
            )
            continue
        if anchor.kind == CENTRAL:
            report.receipts.append((anchor.sequence, datetime.fromisoformat(anchor.at)))
        proof = f"{_who(anchor)} entry {anchor.sequence} on {_when(anchor.at)}"
        if anchor.sequence > last:
            report.problems.append((last + 1, TRUNCATED, proof))
        elif anchor.sequence > intact:
            continue
        elif _hash_at(connection, anchor.sequence) != anchor.hash:
            report.problems.append((good + 1, REWRITTEN, proof))
        else:
            good = anchor.sequence
            if anchor.kind == CENTRAL:
                report.proven_to, report.proven_at = report.receipts[-1]
    if report.problems or device is None or intact != last:
        return  # what follows would only say the same once more
    sealed = max((anchor.sequence for anchor in found if anchor.kind == DEVICE), default=0)
    other = connection.execute(_NEWEST_OTHER, (_CHANGE,)).fetchone()
    if other is not None and other[0] > sealed:
        report.problems.append((other[0], UNPROVEN, "this laptop's own seal does not reach so far"))


def _genuine(anchor: Anchor, device_id: str, keys: dict[str, str]) -> bool:
    statement = seal_statement if anchor.kind == DEVICE else receipt_statement
    try:
        datetime.fromisoformat(anchor.at)
    except ValueError:
        return False
    said = statement(device_id, anchor.sequence, anchor.hash, anchor.at)
    return verified(keys.get(anchor.kind, ""), said, anchor.signature)


def _check_newest_change(connection: Any, report: ProofReport, last: int, device: str) -> None:
    """Every change set of this laptop has its entry, so the newest has."""
    newest = connection.execute(_NEWEST_SET, (device,)).fetchone()
    if newest is None:
        return
    set_id = _dashed(newest[0])
    change = connection.execute(_NEWEST_CHANGE, (_CHANGE,)).fetchone()
    if change is not None and _change_set_of(change[0]) == set_id:
        return
    # Rarely the newest set has not the newest entry (a vault that was put back); then it has another.
    if connection.execute(_NAMED, (set_id,)).fetchone() is None:
        report.problems.append((last + 1, TRUNCATED, f"change {newest[1]} of this laptop has no entry"))


def _change_set_of(body: bytes) -> str | None:
    entry = read_entry(body)
    try:
        return str(json.loads(entry.detail)["change_set"]) if entry else None
    except (ValueError, KeyError, TypeError):
        return None


def _hash_at(connection: Any, sequence: int) -> bytes | None:
    found = connection.execute(_HASH, (sequence,)).fetchone()
    return bytes(found[0]) if found else None


def _who(anchor: Anchor) -> str:
    return "the central store countersigned" if anchor.kind == CENTRAL else "this laptop sealed"


def _when(at: str) -> str:
    moment = to_london(datetime.fromisoformat(at))
    return f"{format_date(moment.date())} at {format_time(moment)}"


def _dashed(key: str) -> str:
    return f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"
