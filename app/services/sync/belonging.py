"""To which question an answer belongs: a proxy that mixes two up must not make one laptop take another's answer.

A packed answer ends with a mark: a frame of the kind that every reader of zstandard skips, holding the hash of the
question and of the session it was asked in. A laptop drops what belongs to another question. An answer without a mark
comes from a store of the version before.
"""

import hashlib
from typing import Final

_SKIPPED: Final = (0x184D2A5A).to_bytes(4, "little")
"""One of zstandard's sixteen magic numbers for frames that readers skip (RFC 8878, section 3.1.2)."""
_DIGEST_BYTES: Final = 32
_HEAD: Final = _SKIPPED + _DIGEST_BYTES.to_bytes(4, "little")
_MARK_BYTES: Final = len(_HEAD) + _DIGEST_BYTES


def mark(token: str, question: bytes) -> bytes:
    """Return what goes at the end of a packed answer.

    Args:
        token: of the session in which it was asked; empty where there is none yet.
        question: the packed message, as it arrived.
    """
    return _HEAD + hashlib.sha256(b"%s\n%s" % (token.encode(), question)).digest()


def belongs(answer: bytes, token: str, question: bytes) -> bool:
    """Return whether a packed answer is to this very question, or does not say.

    Args:
        answer: as it arrived.
        token, question: as for :func:`mark`.
    """
    end = answer[-_MARK_BYTES:]
    return not end.startswith(_HEAD) or end == mark(token, question)
