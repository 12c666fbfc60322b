"""What IT needs to know about the sync of one laptop: versions, ids, counts, codes; nothing about anybody."""

import platform
from datetime import timedelta

from sqlalchemy import select

from app import __version__
from app.models import DeviceKey
from app.policy import policy
from app.services.access import Permission, require
from app.services.sync import facts, protocol
from app.services.sync.centre import sync_view
from app.services.sync.run_history import last_runs
from app.services.sync.status import SyncStatus
from app.services.sync.storage import storage_view
from app.services.workspace import Workspace

RUNS = 20


def details_for_it(ws: Workspace, status: SyncStatus) -> str:
    """Return a text to paste into a call to IT.

    It names the central store's address, which no page shows. What people typed (reasons, titles, names, references)
    never comes in: only codes, counts, instants and ids of laptop and store.

    Args:
        ws: the workspace.
        status: what the pill shows.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    view, storage = sync_view(ws), storage_view(ws)
    with ws.read() as session:
        server = facts.get(session, facts.SERVER) or "none"
        device = session.scalar(select(DeviceKey.device_id)) or "none"
        first_pull = "done" if facts.get(session, facts.FIRST_PULL) in ("done", None) else "not finished"
    ends = view.last_synced_at + timedelta(days=policy().offline_days) if view.last_synced_at else None
    lines = [
        ("Rollcall", __version__),
        ("System", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
        ("Protocol", f"{protocol.VERSION}, understands {protocol.OLDEST_UNDERSTOOD} and later"),
        ("Laptop", device),
        ("Central store", server),
        ("State", status.state.value),
        ("Trouble", status.trouble or "none"),
        ("Metered network", _yes(status.metered)),
        ("Enrolled", _yes(view.enrolled)),
        ("First pull", first_pull),
        ("Revision", view.revision),
        ("Waiting", view.pending_count),
        ("Refused", view.refused_count),
        ("Conflicts", view.conflict_count),
        ("Receipts", view.receipts),
        ("Documents on their way", f"{view.document_count}, {view.document_bytes} bytes"),
        ("Last synced", view.last_synced_at.isoformat() if view.last_synced_at else "never"),
        ("Offline limit", ends.isoformat() if ends else "not set yet"),
        ("Last compared", view.proven_at.isoformat() if view.proven_at else "never"),
        ("Compared, put right, unequal", f"{view.proven_count}, {view.proven_healed}, {view.proven_unequal}"),
        ("Records on disk", f"{storage.records_bytes} bytes"),
        ("Documents on disk", f"{storage.documents_bytes} bytes, {storage.here} here, {storage.elsewhere} elsewhere"),
        ("Room left", f"{storage.free_bytes} bytes"),
    ]
    runs = [
        f"  {run.ended_at.isoformat(timespec='seconds')} {run.outcome} x{run.times} {run.trouble or '-'}"
        f" sent {run.sent} received {run.received} refused {run.refused} documents {run.documents}"
        f" bytes {run.bytes_sent} up {run.bytes_fetched} down"
        for run in last_runs(ws, RUNS)
    ]
    return "\n".join([*(f"{name}: {value}" for name, value in lines), "Last syncs:", *(runs or ["  none"])])


def _yes(value: bool) -> str:
    return "yes" if value else "no"
