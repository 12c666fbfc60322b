"""Setting up six-digit codes for one's own local account."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from app.errors import UserError
from app.services.access import Permission, require
from app.services.sign_in.door import as_person, door_of
from app.services.sign_in.sessions import person_token
from app.services.sync import sign_in_protocol as people
from app.services.sync.faults import NotLetIn
from app.services.workspace import Workspace

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class NewSecondStep:
    """A second step that counts once a code of it was typed back.

    Attributes:
        modules: dark modules of the QR code, row by row, without quiet zone.
        secret: the same in letters, in groups of four, for typing.
    """

    modules: tuple[tuple[bool, ...], ...]
    secret: str


def begin(ws: Workspace) -> NewSecondStep:
    """Ask for a second step; the person signed in a moment ago.

    Raises:
        NotLetIn: ``sign-in-needed``.
        UserError: there is one already, or the store does not want one.
        CentralUnreachable: no answer.
    """
    from app.services.letters.qr import modules

    require(ws.actor, Permission.USE_LAPTOP)
    with as_person(door_of(ws), person_token(ws)) as transport:
        made = _told(lambda: transport.call("/second-step", people.SecondStepRequest(), people.SecondStep))
    groups = " ".join(made.secret[start : start + 4] for start in range(0, min(len(made.secret), 64), 4))
    return NewSecondStep(modules(made.uri[:500]), groups)


def confirm(ws: Workspace, code: str) -> tuple[str, ...]:
    """Turn the second step on with a code of it; return the recovery codes, shown once.

    Raises:
        UserError: the code does not fit.
        As :func:`begin`.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    if not code.strip():
        raise UserError("Type the code that your telephone shows.", "code")
    with as_person(door_of(ws), person_token(ws)) as transport:
        proof = people.SecondStepProof(code.strip()[:20])
        return tuple(_told(lambda: transport.call("/second-step/confirm", proof, people.RecoveryCodes)).codes)


def _told(ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except NotLetIn as fault:
        if fault.code == "second-step":
            raise UserError(fault.message, "code") from fault
        raise
