"""What the case page is handed: frozen values, in words where words are shown."""

from dataclasses import dataclass
from datetime import date, datetime

from app.models.terms import CaseStatus, EventKind, LetterState, Stage
from app.services.enquiries import EnquiryView
from app.services.households import HouseholdView, MemberView
from app.services.tasks import NextItem


@dataclass(frozen=True, slots=True)
class FlagView:
    """A safety flag in force."""

    id: str
    words: str
    grave: bool
    detail: str
    evidence: str
    review_on: date


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the case is about and where it stands."""

    case_id: str
    child_id: str
    reference: str
    name: str
    first_name: str
    born: str
    age: str
    last_seen: str
    upn: str
    officer_id: str | None
    officer: str
    stage: Stage
    stage_words: str
    status: CaseStatus
    opened_on: date
    closed_on: date | None
    school: str
    source_name: str
    reason: str
    flags: tuple[FlagView, ...]
    expected_on: date | None
    born_on: date | None
    last_seen_on: date | None
    last_seen_where: str


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document linked to the case."""

    id: str
    sha256: str
    title: str
    kind: str
    sender: str
    received_on: date | None
    arrived_at: datetime
    page_count: int
    media_type: str
    sensitivity: str
    letter_id: str | None


@dataclass(frozen=True, slots=True)
class LetterView:
    """A letter of the case."""

    id: str
    reference: str
    title: str
    recipient: str
    state: LetterState
    state_words: str
    dated_on: date | None
    reply_by: date | None
    document_id: str | None


@dataclass(frozen=True, slots=True)
class ConflictView:
    """Two values for one field, both kept until somebody chooses."""

    id: str
    table: str
    row_id: str
    record: str
    field: str
    kept: str
    kept_by: str
    offered: str
    offered_by: str


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """A line on the timeline.

    Attributes:
        day: London date it happened on.
        time: London wall time.
        document: the card under it, when a document was linked.
        waiting: True while it is only on this laptop.
        corrects: title of the earlier line it corrects, or an empty text.
    """

    id: str
    kind: EventKind
    happened_at: datetime
    day: date
    time: str
    title: str
    body: str
    actor: str
    document: DocumentView | None
    letter_id: str | None
    waiting: bool
    corrects: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """What the page shows beside the timeline.

    Attributes:
        editable: whether this person may change it now; ``read_only_reason`` says why not.
        unsynced: change sets of this laptop about this case or child without a receipt.
        sync_words: whether all this laptop recorded here is safe in the central store; empty without one.
        restricted: only people on its list may open it; ``can_restrict`` says whether this person may change that.
        emergency_until: when it closes to this person, who is not on the list and opened it in an emergency.
    """

    identity: Identity
    households: tuple[HouseholdView, ...]
    enquiries: tuple[EnquiryView, ...]
    documents: tuple[DocumentView, ...]
    letters: tuple[LetterView, ...]
    next_items: tuple[NextItem, ...]
    conflicts: tuple[ConflictView, ...]
    event_count: int
    unsynced: int
    editable: bool
    read_only_reason: str
    can_close: bool
    restricted: bool = False
    can_restrict: bool = False
    can_declare: bool = False
    emergency_until: datetime | None = None
    sync_words: str = ""

    @property
    def linked(self) -> tuple[MemberView, ...]:
        """The people of the right-hand card: carers first, then brothers and sisters."""
        everyone = [member for house in self.households for member in house.members if member.relationship_id]
        return tuple(sorted(everyone, key=lambda member: member.child_id is not None))
