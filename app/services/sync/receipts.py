"""Receipts: one signature of the central store over a whole batch, and for each change set the path that leads to it.

The statements of a batch are the leaves of a hash tree whose root is signed. A receipt is that signature with the
hashes beside the way from its leaf to the root, so every receipt can be checked alone, years later, and a thousand
cost one signature. Form: 64 bytes of signature, then for each step a side byte (``L`` or ``R``, where the other hash
stands) and its 32 bytes.
"""

import hashlib
from collections.abc import Sequence

from app.services.signing import Signer, verified

_SIGNATURE_BYTES = 64
_STEP_BYTES = 33
_MOST_STEPS = 32
_ROOT = b"rollcall receipts root 1\n"


def issue(signer: Signer, statements: Sequence[bytes]) -> list[bytes]:
    """Return a receipt for each statement."""
    if not statements:
        return []
    level = [_leaf(statement) for statement in statements]
    paths: list[list[bytes]] = [[] for _ in statements]
    members = [[place] for place in range(len(statements))]
    while len(level) > 1:
        above, joined = [], []
        for left in range(0, len(level) - 1, 2):
            for member in members[left]:
                paths[member].append(b"R" + level[left + 1])
            for member in members[left + 1]:
                paths[member].append(b"L" + level[left])
            above.append(_node(level[left], level[left + 1]))
            joined.append(members[left] + members[left + 1])
        if len(level) % 2:
            above.append(level[-1])
            joined.append(members[-1])
        level, members = above, joined
    signature = signer.sign(_ROOT + level[0])
    return [signature + b"".join(path) for path in paths]


class ReceiptChecker:
    """Checks receipts of one central store; a root is verified once however many receipts lead to it."""

    def __init__(self, public_key: str) -> None:
        self._public_key = public_key
        self._good: set[bytes] = set()

    def fits(self, statement: bytes, receipt: bytes) -> bool:
        """Return whether a receipt is the store's on this statement."""
        signature, path = receipt[:_SIGNATURE_BYTES], receipt[_SIGNATURE_BYTES:]
        if len(signature) != _SIGNATURE_BYTES or len(path) % _STEP_BYTES or len(path) > _MOST_STEPS * _STEP_BYTES:
            return False
        root = _leaf(statement)
        for start in range(0, len(path), _STEP_BYTES):
            side, other = path[start : start + 1], path[start + 1 : start + _STEP_BYTES]
            if side == b"L":
                root = _node(other, root)
            elif side == b"R":
                root = _node(root, other)
            else:
                return False
        known = root + signature
        if known not in self._good:
            if not verified(self._public_key, _ROOT + root, signature):
                return False
            self._good = {known}
        return True


def _leaf(statement: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + statement).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
