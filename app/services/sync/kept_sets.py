"""A change set that a laptop can no longer read, sealed so that the central store alone opens it again.

The store knew it before: it had accepted it, and its own receipt is inside. So a store that was put back to a backup,
and has forgotten it, takes it again as it was signed, without asking anew whether it may be.
"""

from typing import Final

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from app.services.signing import verified
from app.services.sync.protocol import MAX_CHANGE_SET_BYTES, SignedSet, receipt_statement
from app.services.sync.receipts import ReceiptChecker
from app.services.vault.authority_wrap import is_public_key
from app.services.vault.keys import WrongSecretError
from app.services.vault.sealing import open_sealed, seal_to

_HEAD: Final = b"rollcall kept change set 1\n"
"""What stands in the place of a change set's bytes begins so; canonical JSON never does."""
_MOST_BYTES: Final = MAX_CHANGE_SET_BYTES + 64 * 1024


class KeptSet(msgspec.Struct, array_like=True):
    """What is sealed.

    Attributes:
        body, signature: the change set as it was signed.
        revision, state, receipt: how the central store had taken it, with its signature on that.
    """

    body: bytes
    signature: bytes
    revision: int
    state: str
    receipt: bytes


class UnopenedSetError(Exception):
    """What stands in the place of a change set does not open."""


def sealed_set(kept: KeptSet, public_key: bytes) -> bytes:
    """Return a change set that only the holder of the private half can read.

    Args:
        kept: the change set.
        public_key: of the central store, raw X25519.
    """
    plain = zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(kept))
    return _HEAD + seal_to(public_key, plain, _HEAD)


def is_sealed(signed: SignedSet) -> bool:
    """Return whether a sealed change set stands in the place of a signed one."""
    return not signed.signature and signed.body.startswith(_HEAD)


def opened_set(signed: SignedSet, private_key: X25519PrivateKey) -> KeptSet:
    """Return the change set that :func:`sealed_set` sealed.

    Raises:
        UnopenedSetError: sealed to another key, or damaged.
    """
    try:
        plain = open_sealed(private_key, signed.body[len(_HEAD) :], _HEAD)
        size = zstandard.get_frame_parameters(plain).content_size
        if not 0 < size <= _MOST_BYTES:
            raise UnopenedSetError
        unpacked = zstandard.ZstdDecompressor().decompress(plain, max_output_size=_MOST_BYTES)
        return msgspec.msgpack.decode(unpacked, type=KeptSet)
    except (WrongSecretError, zstandard.ZstdError, msgspec.MsgspecError, RecursionError) as error:
        raise UnopenedSetError from error


def was_taken(kept: KeptSet, store_key: str) -> bool:
    """Return whether the receipt inside is the central store's on this very change set.

    Args:
        kept: opened.
        store_key: the public half of the key that the store signs receipts with, base64.
    """
    statement = receipt_statement(kept.body, kept.revision, kept.state)
    return ReceiptChecker(store_key).fits(statement, kept.receipt)


def sealing_statement(public_key: bytes) -> bytes:
    """Return what the central store signs for the key that change sets are sealed to."""
    return b"rollcall store sealing key 1\n" + public_key.hex().encode()


def is_good_key(public_key: bytes, signature: bytes, store_key: str) -> bool:
    """Return whether a key is a usable one that the central store signed."""
    return is_public_key(public_key) and verified(store_key, sealing_statement(public_key), signature)
