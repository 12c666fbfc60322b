"""The composition root of the central store."""

from dataclasses import dataclass

from sqlalchemy import Engine

from app.central.audit_heads import AuditHeads
from app.central.authority_key import AuthorityKeys
from app.central.checks import DeviceIdentity
from app.central.database import POOL, bring_up_to_date, open_engine
from app.central.deletions import Deletions
from app.central.document_scope import DocumentScope
from app.central.documents import MOST_ASKED, ByteStore
from app.central.epochs import EpochBook
from app.central.handing_back import HandedBack
from app.central.leases import lend
from app.central.live import LiveQueue
from app.central.people import People
from app.central.proofs import Proofs
from app.central.reading import Reader
from app.central.recovery import Recoveries
from app.central.rescue import Rescues
from app.central.signing_key import Identity, identity
from app.central.store import Store
from app.central.trust import Trust
from app.services.sync import protocol, trust_protocol
from app.services.sync.document_protocol import Offered, Taken
from app.timesource import SystemTime, TimeSource


@dataclass(frozen=True, slots=True)
class CentralServices:
    """Everything the routes and the command line work with."""

    engine: Engine
    identity: Identity
    store: Store
    reader: Reader
    trust: Trust
    people: People
    authority: AuthorityKeys
    recoveries: Recoveries
    bytes: ByteStore
    documents: DocumentScope
    audit: AuditHeads
    live: LiveQueue
    epochs: EpochBook
    handed_back: HandedBack
    rescues: Rescues
    deletions: Deletions
    proofs: Proofs
    time: TimeSource

    def lend(self, device: DeviceIdentity, year: int) -> trust_protocol.Lease:
        """Lend a laptop case numbers of a year near this one.

        Raises:
            ProtocolError: another year.
        """
        if abs(year - self.time.today().year) > 1:
            raise protocol.ProtocolError("not a year near this one")
        with self.engine.begin() as connection:
            return lend(connection, device.device_id, year, self.time.now())

    def push(self, device: DeviceIdentity, message: protocol.PushRequest) -> protocol.PushAnswer:
        """Take change sets; nothing is done for a laptop that last spoke with another life of the store.

        What is asked beside them is answered as if it had come after them, alone.
        """
        if self.epochs.other(message.store):
            return protocol.PushAnswer([], 0, self.epochs.current)
        answer = self.store.push(device, message.sets, message.confirmed)
        answer.store = self.epochs.current
        if message.then is not None:
            answer.then = self.pull(device, message.then)
        return answer

    def pull(self, device: DeviceIdentity, message: protocol.PullRequest) -> protocol.PullAnswer:
        """Return the log after a cursor; nothing for a laptop that last spoke with another life of the store.

        Nor for one that knows an entry which is not there: the store was put back in its place.
        """
        if self.epochs.other(message.store):
            return protocol.PullAnswer([], message.cursor, message.cursor, store=self.epochs.current)
        if self.epochs.forgot(message.known):
            return protocol.PullAnswer([], message.cursor, message.cursor, store=protocol.FORGOTTEN)
        answer = self.reader.pull(device.device_id, message.cursor, message.limit, device.protocol, message.prove)
        answer.store = self.epochs.current
        if message.audit is not None:
            answer.audit = self.audit.countersign(device, message.audit)
        return answer

    def find_manifests(self, device: DeviceIdentity, message: protocol.FindManifests) -> protocol.Manifests:
        """Return what makes up those of the contents that a laptop may ask about."""
        asked = message.sha256s[:MOST_ASKED]
        known = self.documents.known_to(device.device_id, asked)
        found = self.bytes.manifests([sha256 for sha256 in asked if sha256 in known.asked])
        self.documents.note_given(device.device_id, {each.sha256 for each in found} & known.given)
        return protocol.Manifests(found)

    def get_chunks(self, device: DeviceIdentity, message: protocol.MissingChunks) -> protocol.Chunks:
        """Return bytes that a laptop may have."""
        wanted = message.hashes[: protocol.CHUNKS_A_REQUEST]
        return protocol.Chunks(self.bytes.get(self.documents.given_to(device.device_id, wanted)))

    def offer_documents(self, device: DeviceIdentity, message: protocol.OfferDocuments) -> Offered:
        """Note what a laptop has, and say what it is to send of it."""
        return self.bytes.offer(device.device_id, message.manifests)

    def put_chunks(self, device: DeviceIdentity, message: protocol.PutChunks) -> Taken:
        """Take chunks, and mark the contents that are now whole."""
        return Taken(self.bytes.take(device.device_id, message.chunks, message.finished))

    def close(self) -> None:
        """End the live streams and close the connections to the database."""
        self.live.close()
        self.engine.dispose()


def build_services(
    dsn: str, *, time: TimeSource | None = None, migrate: bool = True, pool: int = POOL
) -> CentralServices:
    """Return the services on a database.

    Args:
        dsn: ``postgresql://...``.
        time: the clock; the machine's by default.
        migrate: bring the schema to this version first.
        pool: how many connections to keep.

    Raises:
        UserError: the DSN is wrong or the store is newer than this program.
        EnvironmentFault: the database does not answer.
    """
    time = time or SystemTime()
    engine = open_engine(dsn, pool=pool)
    try:
        return _build(engine, time, migrate=migrate)
    except BaseException:
        engine.dispose()
        raise


def _build(engine: Engine, time: TimeSource, *, migrate: bool) -> CentralServices:
    if migrate:
        bring_up_to_date(engine)
    own = identity(engine)
    store = Store(engine, own, time)
    authority = AuthorityKeys(engine, own, time)
    return CentralServices(
        engine=engine,
        identity=own,
        store=store,
        reader=Reader(engine, store, time),
        trust=Trust(engine, own, store, time),
        people=People(engine, store, time),
        authority=authority,
        recoveries=Recoveries(engine, store, authority, time),
        bytes=ByteStore(engine),
        documents=DocumentScope(engine, own.device_id, time),
        audit=AuditHeads(engine, own, time),
        rescues=Rescues(engine, own, store, time),
        deletions=Deletions(engine, time),
        proofs=Proofs(engine, time),
        live=LiveQueue(engine),
        epochs=EpochBook(engine),
        handed_back=HandedBack(engine, store),
        time=time,
    )
