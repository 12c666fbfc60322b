"""The last contact of a laptop that may not sync any more: its unsent work is handed in, and only then is it ended.

The central store's word that it is so is signed, and every change set needs a receipt, before anything is destroyed.
Whatever is missing (a connection, a key to seal to) leaves the laptop as it is, with its work, until the next contact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from app.errors import EnvironmentFault
from app.ids import new_id
from app.logs import get_logger
from app.models import ChangeSetRow, DeviceKey, Draft
from app.models.terms import ChangeState, HandInReason
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.capture import line_rows, unit_of
from app.services.changes import Change, ChangeSet, encode
from app.services.journal import passage_of
from app.services.signing import Signer, verified
from app.services.sync import facts, trust_protocol
from app.services.sync.authority import is_good
from app.services.sync.countersigning import countersign
from app.services.sync.faults import CentralUnreachable, NotLetIn, nonsense
from app.services.sync.rescue import hand_in
from app.services.sync.rescue_protocol import (
    RescueSession,
    RescueToken,
    ended_statement,
    rescue_session_statement,
)
from app.services.sync.telling import Answer, SyncReport
from app.services.sync.transport import HttpTransport
from app.services.vault import ending
from app.services.workspace import Workspace

if TYPE_CHECKING:
    from app.services.vault import Vault

REVOKED = "device-revoked"
"""The code with which the central store turns such a laptop away."""
KEPT_HERE = (ChangeState.PENDING, ChangeState.REFUSED)
_TAKEN = (ChangeState.ACCEPTED, ChangeState.CONFLICTED)
_ENDED_TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS vault_ended_{table} BEFORE INSERT ON {table}"
    " BEGIN SELECT RAISE(ABORT, 'this vault was ended'); END"
    for table in ("change_set", "draft")
)
_MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class LastContact:
    """What the last contact came to.

    Attributes:
        ended: the mark is written: close the vault and call :func:`app.services.vault.ending.finish`.
        handed_in: change sets that the team has now.
        kept: change sets that could not be handed in yet; the laptop stays as it is.
        words: for the person.
    """

    ended: bool
    handed_in: int
    kept: int
    words: str


class _RescueOnly:
    """A transport of a rescue-only session: what little it may do has addresses of its own."""

    def __init__(self, transport: HttpTransport) -> None:
        self._transport = transport

    def call(self, path: str, message: object, kind: type[Answer]) -> Answer:
        """Send a message and return the answer."""
        own = {"/audit": "/rescue/audit", "/audit/entries": "/rescue/audit/entries"}
        return self._transport.call(own.get(path, path), message, kind)


def last_contact(ws: Workspace, label: str = "") -> LastContact:
    """Hand in what this laptop has not sent and end it, when the central store's signed word says that it must.

    Args:
        ws: of a laptop that was just turned away as revoked.
        label: the laptop's name, for the page that says what happened; the vault's own by default.

    Raises:
        CentralUnreachable: it can be tried again; what has a receipt is done, and nothing was destroyed.
        NotLetIn: the laptop may sync after all, or is not known; nothing was destroyed.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        server, server_key = facts.get(session, facts.SERVER), facts.get(session, facts.SERVER_KEY) or ""
        device = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).one()
    if server is None:
        raise NotLetIn("This laptop is not enrolled with a central store. Your work is kept.", "not-enrolled")
    token = _ask(server, server_key, device.device_id, Signer(device.private_key))
    _note_authority(ws, token, server_key)
    transport = HttpTransport(server, token=token.token)
    try:
        handed_in = 0
        while True:
            now, kept = _hand_in_everything(ws, _RescueOnly(transport))
            handed_in += now
            if kept:
                return LastContact(False, handed_in, kept, _KEPT_WORDS)
            if _shut(ws):
                break
            # Something was saved in this very moment: it goes the same way at once.
        ws.audit(Action.ENDED, detail={"handed_in": handed_in})
        _send_audit(ws, _RescueOnly(transport))
    finally:
        transport.close()
    total = _handed_in_count(ws)
    from app.services.vault import vault_file

    header = vault_file.candidates(ws.folder)[0].header
    ending.begin(ws.folder, header.vault, label or header.label, at=ws.time.now(), handed_in=total, lost=token.lost)
    get_logger().info("this laptop was ended", count=total)
    return LastContact(True, total, 0, words_of(total))


_KEPT_WORDS = (
    "This laptop may no longer sync, and its work cannot be handed in yet because your team has no key. "
    "Your work is kept on it. Ask your administrator."
)


def words_when_ended(ws: Workspace, turned_away: NotLetIn) -> str:
    """Return what happened, once a laptop that was turned away for good has handed in everything; empty until then."""
    if turned_away.code != REVOKED:
        return ""
    try:
        came_to = last_contact(ws)
    except (CentralUnreachable, NotLetIn):
        return ""
    return came_to.words if came_to.ended else ""


def words_of(handed_in: int) -> str:
    """Return what happened, for the person."""
    work = (
        "Everything you had recorded was in the central store already."
        if handed_in == 0
        else "1 change that had not been sent is with your team."
        if handed_in == 1
        else f"{handed_in} changes that had not been sent are with your team."
    )
    return f"This laptop may no longer be used for Rollcall. {work} The records on this laptop were removed."


def end(vault: "Vault", also: Sequence[Any] = ()) -> ending.Removal:
    """Close a vault that has the mark, destroy its keys and remove its files."""
    keyring, folder = vault.keyring, vault.folder
    vault.close()
    return ending.finish(folder, keyring=keyring, also=also)


def _ask(server: str, server_key: str, device_id: str, signer: Signer) -> RescueToken:
    """Return a rescue-only session, once the central store has signed that this laptop may not sync any more."""
    transport = HttpTransport(server)
    try:
        asked = trust_protocol.ChallengeRequest(device_id)
        challenge = transport.call("/challenge", asked, trust_protocol.Challenge, open_to_all=True).challenge
        request = RescueSession(challenge, signer.sign(rescue_session_statement(challenge)))
        token = transport.call("/rescue/session", request, RescueToken, open_to_all=True)
    finally:
        transport.close()
    if not verified(server_key, ended_statement(device_id, challenge), token.word):
        raise nonsense()
    return token


def _note_authority(ws: Workspace, token: RescueToken, server_key: str) -> None:
    """Keep the authority's key as one to seal to, where this laptop has none."""
    notice = token.authority
    if notice is None or not is_good(notice, server_key):
        return
    with ws.local_session() as session:
        if facts.get(session, facts.AUTHORITY_KEY) is None:
            facts.put(session, facts.AUTHORITY_KEY, f"{notice.serial}:{notice.public_key.hex()}")


def _hand_in_everything(ws: Workspace, transport: _RescueOnly) -> tuple[int, int]:
    """Hand in until nothing waits here; returns how much was handed in now, and how much could not be."""
    _drafts_as_work(ws)
    done = 0
    # A store that was put back lacks what came before what waits, and says so. Where nothing waits, the newest that it
    # took is shown to it once more.
    newest: list[str] = []
    if not _own(ws, ChangeSetRow.state == ChangeState.PENDING):
        newest = _own(ws, ChangeSetRow.state.in_(_TAKEN) & (ChangeSetRow.signature != b""))[-1:]
    for _ in range(_MOST_ROUNDS):
        waiting = _own(ws, ChangeSetRow.state.in_(KEPT_HERE) | ChangeSetRow.id.in_(newest))
        newest = []
        if not waiting:
            return done, 0
        report = hand_in(ws, transport, waiting, HandInReason.REVOKED)
        if report.behind is not None:
            # The central store was put back and lacks what it once took: that goes in as well, in its place.
            lacking = _own(ws, ChangeSetRow.sequence > report.behind)
            report = hand_in(ws, transport, lacking, HandInReason.REVOKED)
        done += len(report.handed_in)
        if not report.handed_in and not report.merged:
            break
    return done, len(_own(ws, ChangeSetRow.state.in_(KEPT_HERE)))


def _own(ws: Workspace, condition: Any) -> list[str]:
    with ws.read() as session:
        query = select(ChangeSetRow.id).where(ChangeSetRow.device_id == ws.actor.device_id, condition)
        return list(session.scalars(query.order_by(ChangeSetRow.sequence)))


def _handed_in_count(ws: Workspace) -> int:
    with ws.read() as session:
        query = select(func.count()).select_from(ChangeSetRow).where(ChangeSetRow.state == ChangeState.RESCUED)
        return int(session.execute(query.where(ChangeSetRow.device_id == ws.actor.device_id)).scalar_one())


def _drafts_as_work(ws: Workspace) -> None:
    """Make what was typed and not saved a change set of its own, so that it is handed in like the rest."""
    with ws.local_session() as session:
        drafts = session.scalars(select(Draft).order_by(Draft.saved_at)).all()
        unit = unit_of(session)
        if not drafts or unit.signer is None:
            return
        changes = [_draft_change(draft) for draft in drafts]
        made_at = unit.time.now()
        own = select(func.max(ChangeSetRow.sequence)).where(ChangeSetRow.device_id == unit.device_id)
        change_set = ChangeSet(
            id=new_id(),
            device=unit.device_id,
            sequence=(session.execute(own).scalar() or 0) + 1,
            actor=drafts[0].user_id,
            made_at=made_at.isoformat(),
            reason="Words that were typed and not saved",
            base=facts.cursor(session),
            changes=changes,
        )
        _keep_set(session, change_set, unit.signer, ws.actor.name)
        session.execute(delete(Draft))


def _draft_change(draft: Draft) -> Change:
    values = {"key": draft.key, "text": draft.text, "saved_at": draft.saved_at.isoformat(), "user_id": draft.user_id}
    return Change("draft", new_id(), "insert", {name: [None, value] for name, value in values.items()})


def _keep_set(session: Session, change_set: ChangeSet, signer: Signer, author: str) -> None:
    from datetime import datetime

    from app.models import ChangeLine
    from app.services.rows import connection_of, insert_into

    body = encode(change_set)
    row = {
        "id": change_set.id,
        "device_id": change_set.device,
        "sequence": change_set.sequence,
        "actor_id": change_set.actor,
        "actor_name": author,
        "made_at": datetime.fromisoformat(change_set.made_at),
        "reason": change_set.reason,
        "base_revision": change_set.base,
        "body": body,
        "signature": signer.sign(body),
        "state": ChangeState.PENDING,
        "revision": None,
        "receipt": None,
        "refusal": "",
    }
    connection = connection_of(session)
    tables: Any = ChangeSetRow.__table__
    lines: Any = ChangeLine.__table__
    insert_into(tables)(connection, [row])
    insert_into(lines)(connection, line_rows(change_set.id, change_set.changes, [None] * len(change_set.changes)))
    if (passage := passage_of(session)) is not None:
        passage.add_change_set(row)


def _send_audit(ws: Workspace, transport: _RescueOnly) -> None:
    """Send the end of this laptop's audit chain; where that fails the ending goes on, for the work is safe."""
    try:
        countersign(ws, transport, SyncReport())
    except (CentralUnreachable, NotLetIn, EnvironmentFault):
        get_logger().warning("the last of the audit was not countersigned")


def _shut(ws: Workspace) -> bool:
    """Let no change set be written any more, if none waits here; both in one transaction."""
    with ws.local_session() as session:
        waits = select(ChangeSetRow.id).where(
            ChangeSetRow.device_id == ws.actor.device_id, ChangeSetRow.state.in_(KEPT_HERE)
        )
        if session.execute(waits.limit(1)).first() is not None or session.execute(select(Draft.key).limit(1)).first():
            return False
        for trigger in _ENDED_TRIGGERS:
            session.execute(text(trigger))
    return True
