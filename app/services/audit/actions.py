"""What is audited: a fixed vocabulary, with its kinds and its words for people.

The value of an action is what stands in the chain for good, so a value is never changed and never used again for
something else. Words for people may change at any time.
"""

from enum import StrEnum


class ActionKind(StrEnum):
    """Groups of actions, for filters."""

    READING = "reading"
    SEARCHING = "searching"
    CHANGING = "changing"
    EXPORTING = "exporting"
    PRINTING = "printing"
    UNLOCKING = "unlocking"
    REFUSAL = "refusal"
    RESTRICTION = "restriction"
    SAFEKEEPING = "safekeeping"
    SYNC = "sync"
    AUDIT = "audit"


KIND_WORDS: dict[ActionKind, str] = {
    ActionKind.READING: "Reading",
    ActionKind.SEARCHING: "Searches",
    ActionKind.CHANGING: "Changes",
    ActionKind.EXPORTING: "Exports and lists",
    ActionKind.PRINTING: "Printing",
    ActionKind.UNLOCKING: "Unlocking and locking",
    ActionKind.REFUSAL: "Refusals",
    ActionKind.RESTRICTION: "Restricted cases and emergencies",
    ActionKind.SAFEKEEPING: "Keys, backups and restores",
    ActionKind.SYNC: "Sync",
    ActionKind.AUDIT: "Audit",
}


class Action(StrEnum):
    """What was done."""

    READ = "read"
    READ_LETTER = "opened a letter"
    READ_HISTORY = "read history"
    SEARCHED = "searched"
    CHANGED = "changed"
    IMPORTED = "imported"
    LISTED = "listed"
    EXPORTED = "exported"
    EXPORTED_LETTER = "exported a letter"
    EXPORTED_DRAFT = "exported a draft letter"
    PRINTED = "printed"
    PRINTED_LETTER = "printed a letter"
    UNLOCKED = "unlocked"
    LOCKED = "locked"
    WRONG_PASSPHRASES = "wrong passphrases"
    REFUSED = "refused"
    RESTRICTED = "restricted"
    OPENED_IN_EMERGENCY = "opened in an emergency"
    REVIEWED_EMERGENCY = "reviewed an emergency"
    ASKED_ACCESS = "asked for access"
    DECIDED_ACCESS = "decided on access"
    DECLARED_INTEREST = "declared an interest"
    PASSPHRASE_CHANGED = "changed the passphrase"
    RECOVERY_KEY_MADE = "made a recovery key"
    AUTHORITY_KEY_SET = "set the authority key"
    RECOVERED = "recovered"
    KEYS_ROTATED = "rotated the keys"
    BACKED_UP = "backed up"
    DRILLED = "proved a backup"
    RESTORED = "restored"
    REBUILT = "rebuilt"
    PUT_BACK = "put back from the lifeboat"
    CHECKED = "checked the vault"
    SYNCED = "synced"
    NOT_COUNTERSIGNED = "not countersigned"
    REJOINED = "rejoined the chain"
    LET_GO = "let records go"
    PUT_RIGHT = "put records right"
    HANDED_IN = "handed in"
    OPENED_HANDED_IN = "opened handed-in work"
    TOOK_OVER = "took over"
    SET_ASIDE = "set aside handed-in work"
    SENT_AGAIN = "sent again"
    CLEARED = "cleared refused work"
    DELETIONS_CONFIRMED = "confirmed deletions"
    DELETIONS_DECLINED = "declined deletions"
    ENDED = "ended this laptop"
    SHOWN_AGAIN = "reached the central store after a long time"
    READ_AUDIT = "read the audit"
    VERIFIED = "verified the audit"
    EXPORTED_AUDIT = "exported the audit"

    @property
    def kind(self) -> ActionKind:
        """Return the group an action belongs to."""
        return _KINDS[self]

    @property
    def words(self) -> str:
        """Return the words for people."""
        return ACTION_WORDS[self]


A, K = Action, ActionKind
_GROUPS: dict[ActionKind, tuple[Action, ...]] = {
    K.READING: (A.READ, A.READ_LETTER, A.READ_HISTORY),
    K.SEARCHING: (A.SEARCHED,),
    K.CHANGING: (A.CHANGED, A.IMPORTED),
    K.EXPORTING: (A.LISTED, A.EXPORTED, A.EXPORTED_LETTER, A.EXPORTED_DRAFT),
    K.PRINTING: (A.PRINTED, A.PRINTED_LETTER),
    K.UNLOCKING: (A.UNLOCKED, A.LOCKED, A.WRONG_PASSPHRASES),
    K.REFUSAL: (A.REFUSED,),
    K.RESTRICTION: (
        A.RESTRICTED,
        A.OPENED_IN_EMERGENCY,
        A.REVIEWED_EMERGENCY,
        A.ASKED_ACCESS,
        A.DECIDED_ACCESS,
        A.DECLARED_INTEREST,
    ),
    K.SAFEKEEPING: (
        A.PASSPHRASE_CHANGED,
        A.RECOVERY_KEY_MADE,
        A.AUTHORITY_KEY_SET,
        A.RECOVERED,
        A.KEYS_ROTATED,
        A.BACKED_UP,
        A.DRILLED,
        A.RESTORED,
        A.REBUILT,
        A.PUT_BACK,
        A.CHECKED,
    ),
    K.SYNC: (
        A.SYNCED,
        A.LET_GO,
        A.PUT_RIGHT,
        A.HANDED_IN,
        A.OPENED_HANDED_IN,
        A.TOOK_OVER,
        A.SET_ASIDE,
        A.SENT_AGAIN,
        A.CLEARED,
        A.DELETIONS_CONFIRMED,
        A.DELETIONS_DECLINED,
        A.ENDED,
        A.SHOWN_AGAIN,
    ),
    K.AUDIT: (A.NOT_COUNTERSIGNED, A.REJOINED, A.READ_AUDIT, A.VERIFIED, A.EXPORTED_AUDIT),
}
_KINDS: dict[Action, ActionKind] = {action: kind for kind, actions in _GROUPS.items() for action in actions}
ACTION_WORDS: dict[Action, str] = {
    A.READ: "Opened",
    A.READ_LETTER: "Opened",
    A.READ_HISTORY: "Read the history",
    A.SEARCHED: "Searched",
    A.CHANGED: "Changed",
    A.IMPORTED: "Imported a file",
    A.LISTED: "Made a list",
    A.EXPORTED: "Exported",
    A.EXPORTED_LETTER: "Exported",
    A.EXPORTED_DRAFT: "Exported a draft",
    A.PRINTED: "Printed",
    A.PRINTED_LETTER: "Printed",
    A.UNLOCKED: "Unlocked",
    A.LOCKED: "Locked",
    A.WRONG_PASSPHRASES: "Wrong passphrases",
    A.REFUSED: "Refused",
    A.RESTRICTED: "Changed who may see a case",
    A.OPENED_IN_EMERGENCY: "Opened in an emergency",
    A.REVIEWED_EMERGENCY: "Reviewed an emergency",
    A.ASKED_ACCESS: "Asked for access",
    A.DECIDED_ACCESS: "Decided on access",
    A.DECLARED_INTEREST: "Declared an interest",
    A.PASSPHRASE_CHANGED: "Changed the passphrase",
    A.RECOVERY_KEY_MADE: "Made a recovery key",
    A.AUTHORITY_KEY_SET: "Added the authority's recovery",
    A.RECOVERED: "Unlocked by recovery",
    A.KEYS_ROTATED: "Changed the encryption keys",
    A.BACKED_UP: "Backed up",
    A.DRILLED: "Proved a backup",
    A.RESTORED: "Restored a backup",
    A.REBUILT: "Rebuilt the vault",
    A.PUT_BACK: "Put back what a crash had lost",
    A.CHECKED: "Checked the vault",
    A.SYNCED: "Synced",
    A.NOT_COUNTERSIGNED: "Audit not countersigned",
    A.REJOINED: "Audit joined to the central store's",
    A.LET_GO: "Let records go that left this laptop's teams",
    A.PUT_RIGHT: "Put records right that differed from the central store",
    A.HANDED_IN: "Handed in work to the team",
    A.OPENED_HANDED_IN: "Opened work that was handed in",
    A.TOOK_OVER: "Took over work that was handed in",
    A.SET_ASIDE: "Set aside work that was handed in",
    A.SENT_AGAIN: "Sent refused work again",
    A.CLEARED: "Cleared refused work",
    A.DELETIONS_CONFIRMED: "Confirmed that many records are deleted",
    A.DELETIONS_DECLINED: "Said that many records are not to be deleted",
    A.ENDED: "Ended this laptop's access",
    A.SHOWN_AGAIN: "Proved this laptop after a long time away",
    A.READ_AUDIT: "Read the audit",
    A.VERIFIED: "Verified the audit",
    A.EXPORTED_AUDIT: "Exported the audit",
}
_EARLIER = {"unlock": Action.UNLOCKED, "case read": Action.READ}
"""Values that earlier versions wrote."""


def action_of(value: str) -> Action | None:
    """Return the action a value in the chain stands for, or None for one this version does not know."""
    try:
        return Action(value)
    except ValueError:
        return _EARLIER.get(value)


def values_of(kind: ActionKind) -> tuple[str, ...]:
    """Return every value in the chain that belongs to a kind, those of earlier versions too."""
    return (*_GROUPS[kind], *(value for value, action in _EARLIER.items() if action.kind is kind))
