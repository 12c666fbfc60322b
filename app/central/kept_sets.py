"""Work that laptops kept sealed for this store and hand back after it was put back: opened and known for its own."""

from collections.abc import Sequence

from app.central.epochs import EpochBook
from app.central.signing_key import Identity
from app.services.sync.kept_sets import UnopenedSetError, is_sealed, opened_set, sealing_statement, was_taken
from app.services.sync.protocol import ProtocolError, SignedSet
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.store_protocol import Epochs, EpochsRequest


def lives(epochs: EpochBook, identity: Identity, request: EpochsRequest) -> Epochs:
    """Return the lives of the store, and the key that laptops seal what they can no longer read to.

    A new life begins with it where the laptop that asks proves that the store was put back.
    """
    agreed = epochs.compare(request.life, request.known, ReceiptChecker(identity.signer.public_key))
    answer = epochs.answer()
    answer.agreed = agreed
    answer.sealing_key = identity.sealing_key.public_key().public_bytes_raw()
    answer.signature = identity.signer.sign(sealing_statement(answer.sealing_key))
    return answer


def opened(identity: Identity, sets: Sequence[SignedSet]) -> tuple[list[SignedSet], set[int]]:
    """Return change sets as they were signed, and the places of those that this store had taken before.

    A set is known for one that was taken by the store's own receipt on it, which is sealed with it.

    Args:
        identity: the store's.
        sets: some of them sealed.

    Raises:
        ProtocolError: one does not open.
    """
    plain, taken = list(sets), set()
    for place, signed in enumerate(sets):
        if not is_sealed(signed):
            continue
        try:
            kept = opened_set(signed, identity.sealing_key)
        except UnopenedSetError as error:
            raise ProtocolError("a kept change set does not open") from error
        plain[place] = SignedSet(kept.body, kept.signature)
        if was_taken(kept, identity.signer.public_key):
            taken.add(place)
    return plain, taken
