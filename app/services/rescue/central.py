"""The last source of a rebuild: what the central store has, where it can be reached."""

from collections.abc import Callable

import msgspec

from app.errors import EnvironmentFault
from app.services.rescue import documents
from app.services.rescue.report import RebuildReport, Source, remember
from app.services.sync.enrolment import enrolled, first_pull
from app.services.sync.telling import SyncProgress
from app.services.vault import Unlocked, Vault

LATER = "What was sent to the central store since then comes as soon as this laptop is connected."


def fetch_rest_into(
    unlocked: Unlocked, report: RebuildReport, progress: Callable[[str], None] | None = None
) -> RebuildReport:
    """Open a rebuilt vault, do what :func:`fetch_rest` does, and close it again."""
    vault = unlocked.open()
    try:
        return fetch_rest(vault, report, progress)
    finally:
        vault.close()


def fetch_rest(vault: Vault, report: RebuildReport, progress: Callable[[str], None] | None = None) -> RebuildReport:
    """Sync a rebuilt vault once and return the report with what came; without a connection it says what will.

    Args:
        vault: open.
        report: of the rebuild; the new one takes its place in the vault.
        progress: told in words how far it is.
    """
    if report.enrol_again or vault.device_id is None or not enrolled(vault.system_workspace()):
        return report

    def tell(at: SyncProgress) -> None:
        if progress is not None:
            progress(f"{at.phase}: {at.done:,} of {at.total:,}" if at.total else at.phase)

    try:
        came = first_pull(vault, tell)
    except EnvironmentFault as fault:
        later = msgspec.structs.replace(report, awaiting=f"{report.awaiting or LATER} {fault.message}".strip())
        remember(vault.engine, later)
        return later
    source = Source(
        "central", records=came.rows + came.received, change_sets=came.own, documents=came.documents_fetched
    )
    lost = documents.missing(vault.engine, vault.system_workspace().documents).nowhere
    whole = msgspec.structs.replace(
        report,
        sources=[*report.sources, source],
        awaiting="",
        lost_documents=[each for each in report.lost_documents if each in lost],
    )
    remember(vault.engine, whole)
    return whole
