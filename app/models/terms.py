"""The field's own words, as enumerations. Values are stored and synced, so they are never renamed."""

from enum import StrEnum


class Role(StrEnum):
    """What a person does in the service (domain governance, access model)."""

    BUSINESS_SUPPORT = "business_support"
    CASEWORKER = "caseworker"
    DUTY = "duty"
    SUPERVISOR = "supervisor"
    COURT_OFFICER = "court_officer"
    INCLUSION = "inclusion"
    INFORMATION_GOVERNANCE = "information_governance"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class CaseStatus(StrEnum):
    """Whether a case is open."""

    OPEN = "open"
    CLOSED = "closed"


class Stage(StrEnum):
    """Where a case stands."""

    INITIAL_CHECKS = "initial_checks"
    ENQUIRIES = "enquiries"
    JOINT_ENQUIRIES = "joint_enquiries"
    LOCATED = "located"
    PLACE_OFFERED = "place_offered"
    LEGAL_NOTICE = "legal_notice"
    LEGAL_ORDER = "legal_order"
    CLOSED = "closed"


STAGE_WORDS = {
    Stage.INITIAL_CHECKS: "Initial checks",
    Stage.ENQUIRIES: "Enquiries",
    Stage.JOINT_ENQUIRIES: "Joint enquiries",
    Stage.LOCATED: "Located",
    Stage.PLACE_OFFERED: "Place offered",
    Stage.LEGAL_NOTICE: "Legal: 437 notice",
    Stage.LEGAL_ORDER: "Legal: order",
    Stage.CLOSED: "Closed",
}


class ReferralState(StrEnum):
    """How far a referral has come."""

    DRAFT = "draft"
    AWAITING_MANAGER = "awaiting_manager"
    OPENED = "opened"
    ADDED_TO_CASE = "added_to_case"
    DECLINED = "declined"


class ReferralSource(StrEnum):
    """Who told us (domain process, section 2)."""

    SCHOOL_DELETION = "school_deletion"
    SCHOOL_UNTRACED = "school_untraced"
    OTHER_AUTHORITY = "other_authority"
    HEALTH = "health"
    POLICE = "police"
    SOCIAL_CARE = "social_care"
    HOUSING = "housing"
    YOUTH_OFFENDING = "youth_offending"
    ADMISSIONS = "admissions"
    HOME_EDUCATION_TEAM = "home_education_team"
    PARENT = "parent"
    PUBLIC = "public"
    DATA_MATCH = "data_match"


class EventKind(StrEnum):
    """What a line on the timeline records."""

    NOTE = "note"
    CALL = "call"
    VISIT = "visit"
    SIGHTING = "sighting"
    CONTACT = "contact"
    EMAIL = "email"
    DOCUMENT = "document"
    LETTER = "letter"
    DECISION = "decision"
    STAGE = "stage"
    REFERRAL = "referral"
    ALLOCATION = "allocation"
    LINK = "link"


class EnquiryState(StrEnum):
    """The states of one reasonable enquiry. "No trace" is a result; "no reply" is not."""

    NOT_STARTED = "not_started"
    NOT_NEEDED = "not_needed"
    PLANNED = "planned"
    SENT = "sent"
    CHASED = "chased"
    ANSWERED = "answered"
    NO_TRACE = "no_trace"
    REFUSED = "refused"
    EXPIRED = "expired"


class Known(StrEnum):
    """Four different ways of not having a value, and having it."""

    KNOWN = "known"
    NOT_KNOWN = "not_known"
    NOT_ASKED = "not_asked"
    REFUSED = "refused"
    WITHHELD = "withheld"


class Confidence(StrEnum):
    """How sure we are of a value."""

    CONFIRMED = "confirmed"
    REPORTED = "reported"
    INFERRED = "inferred"


class RelationshipKind(StrEnum):
    """How a person stands to a child (CBDS codes where they exist)."""

    MOTHER = "PAM"
    FATHER = "PAF"
    PARENT = "PAR"
    STEP_MOTHER = "STM"
    STEP_FATHER = "STF"
    STEP_PARENT = "STP"
    FOSTER_MOTHER = "FOM"
    FOSTER_FATHER = "FOF"
    CARER = "CAR"
    GRANDPARENT = "GPR"
    RELATIVE = "REL"
    SOCIAL_WORKER = "SWR"
    DOCTOR = "DOC"
    SIBLING = "SIB"
    OTHER = "OTH"


RELATIONSHIP_WORDS = {
    RelationshipKind.MOTHER: "mother",
    RelationshipKind.FATHER: "father",
    RelationshipKind.PARENT: "parent",
    RelationshipKind.STEP_MOTHER: "step-mother",
    RelationshipKind.STEP_FATHER: "step-father",
    RelationshipKind.STEP_PARENT: "step-parent",
    RelationshipKind.FOSTER_MOTHER: "foster mother",
    RelationshipKind.FOSTER_FATHER: "foster father",
    RelationshipKind.CARER: "carer",
    RelationshipKind.GRANDPARENT: "grandparent",
    RelationshipKind.RELATIVE: "relative",
    RelationshipKind.SOCIAL_WORKER: "social worker",
    RelationshipKind.DOCTOR: "doctor",
    RelationshipKind.SIBLING: "brother or sister",
    RelationshipKind.OTHER: "other",
}


class SafetyKind(StrEnum):
    """Flags an officer sees before the address (domain governance, section 8)."""

    VISIT_IN_PAIRS = "visit_in_pairs"
    VIOLENCE = "violence"
    DOGS = "dogs"
    HAZARDOUS_PREMISES = "hazardous_premises"
    THREAT_TO_STAFF = "threat_to_staff"
    RESTRICTED_ADDRESS = "restricted_address"
    SAFE_CONTACT_ONLY = "safe_contact_only"
    CHILD_PROTECTION_PLAN = "child_protection_plan"
    LOOKED_AFTER = "looked_after"
    INTERPRETER = "interpreter"
    TEMPORARY_HOUSING = "temporary_housing"
    VISITOR_PREFERENCE = "visitor_preference"


SAFETY_WORDS = {
    SafetyKind.VISIT_IN_PAIRS: "Visit in pairs",
    SafetyKind.VIOLENCE: "Known violence",
    SafetyKind.DOGS: "Dogs",
    SafetyKind.HAZARDOUS_PREMISES: "Hazardous premises",
    SafetyKind.THREAT_TO_STAFF: "Threat to staff",
    SafetyKind.RESTRICTED_ADDRESS: "Restricted address",
    SafetyKind.SAFE_CONTACT_ONLY: "Safe contact only",
    SafetyKind.CHILD_PROTECTION_PLAN: "Child protection plan",
    SafetyKind.LOOKED_AFTER: "Looked after",
    SafetyKind.INTERPRETER: "Interpreter",
    SafetyKind.TEMPORARY_HOUSING: "Temporary housing",
    SafetyKind.VISITOR_PREFERENCE: "Visitor preference",
}


class DocumentState(StrEnum):
    """Where a document is on its way to a case."""

    TO_LINK = "to_link"
    LINKED = "linked"
    SET_ASIDE = "set_aside"
    NOT_FOR_US = "not_for_us"
    ISSUED = "issued"
    """An outgoing letter as it was sent."""


class LetterState(StrEnum):
    """The life of a letter."""

    DRAFT = "draft"
    WAITING_APPROVAL = "waiting_approval"
    APPROVED = "approved"
    ISSUED = "issued"
    RETURNED = "returned"
    SUPERSEDED = "superseded"


class ConflictState(StrEnum):
    """Whether somebody has chosen between two values yet."""

    OPEN = "open"
    RESOLVED = "resolved"


class ChangeState(StrEnum):
    """What has become of a change set on this laptop."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    CONFLICTED = "conflicted"
    """Accepted, with at least one field kept as a Conflict."""
    REFUSED = "refused"
    RESCUED = "rescued"
    """Handed in, sealed to the team: the central store keeps it with a receipt, and a supervisor deals with it."""
    CLEARED = "cleared"
    """It was refused, and a person dealt with it: sent again as another change set, or set aside with a reason."""
    RECEIVED = "received"
    """Made elsewhere and pulled."""


class HandInReason(StrEnum):
    """Why work was handed in sealed instead of being merged."""

    NO_ACCESS = "no_access"
    """The person may no longer write there: the case left the laptop's scope, or their role changed."""
    REVOKED = "revoked"
    """The laptop or the person may not sync any more."""
    REFUSED = "refused"
    """The central store refused it, and the person asked a supervisor to look."""


class HandedInState(StrEnum):
    """What became of work that was handed in."""

    WAITING = "waiting"
    TAKEN_OVER = "taken_over"
    SET_ASIDE = "set_aside"
