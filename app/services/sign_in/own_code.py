"""A code to enrol a laptop of one's own, for somebody who signs in instead of asking an administrator for one."""

from app.services.sign_in.browser import BrowserSignIn
from app.services.sign_in.door import Door, as_person
from app.services.signing import Signer, new_seed
from app.services.sync import sign_in_protocol as people
from app.services.sync import trust_protocol
from app.services.sync.transport import checked_address
from app.timesource import TimeSource


def door_before_enrolment(server: str) -> Door:
    """Return the door of a central store for a laptop that has no vault yet; its key is used for this once.

    Raises:
        UserError: it is not an address.
    """
    return Door(checked_address(server), "", Signer(new_seed()))


def begin_in_browser(server: str, time: TimeSource) -> BrowserSignIn:
    """Prepare signing in with the browser before there is a vault.

    Raises:
        As :class:`BrowserSignIn`.
    """
    return BrowserSignIn(door_before_enrolment(server), time, fresh=True)


def code_of(server: str, session: people.PersonSession) -> str:
    """Return a one-time code for the person who just signed in.

    Raises:
        CentralUnreachable, NotLetIn: the central store.
    """
    with as_person(door_before_enrolment(server), session.token) as transport:
        return transport.call("/my-code", trust_protocol.MyCodeRequest(), trust_protocol.MyCode).code


def code_with_account(server: str, username: str, password: str, code: str = "") -> str:
    """Sign in with a local account and return a one-time code.

    Raises:
        CentralUnreachable, NotLetIn: the central store.
    """
    session = door_before_enrolment(server).by_account(username.strip(), password, code.strip())
    return code_of(server, session)
