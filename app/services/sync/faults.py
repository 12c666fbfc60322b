"""What can go wrong between laptop and central store, in words.

::

    EnvironmentFault
    ├── CentralUnreachable   down, slow, cut off, or something else answered
    ├── NotLetIn             the central store knows better than to let this laptop in
    └── TooManyDeletions     the fuse
"""

from enum import StrEnum

from app.errors import EnvironmentFault


class Trouble(StrEnum):
    """What stands between laptop and central store: the code that goes into the details for IT."""

    NO_ANSWER = "no-answer"
    SLOW = "slow"
    NOT_OURS = "not-ours"
    """Something answered that is not a central store."""
    PORTAL = "network-sign-in"
    """The network shows a page of its own, as a public Wi-Fi does, until somebody signs in on it."""
    BUSY = "central-busy"
    """The central store itself said that it cannot do it now."""
    PROXY = "proxy-refused"
    PROXY_PASSWORD = "proxy-password"
    PROXY_UNUSABLE = "proxy-unusable"
    PROXY_SOCKS = "proxy-socks"
    CERTIFICATE_DATE = "certificate-date"
    CERTIFICATE_NAME = "certificate-name"
    CERTIFICATE_ISSUER = "certificate-issuer"


WORDS = {
    Trouble.NO_ANSWER: "Could not reach the central store.",
    Trouble.SLOW: "The central store took too long to answer.",
    Trouble.NOT_OURS: (
        "Something other than the central store answered. Check the network, for example a sign-in page of a "
        "public Wi-Fi."
    ),
    Trouble.PORTAL: (
        "This network asks you to sign in on its own page first. Open a web browser, sign in there, then sync again."
    ),
    Trouble.BUSY: "The central store is busy.",
    Trouble.PROXY: "The proxy of this network did not let Rollcall through to the central store. Tell IT.",
    Trouble.PROXY_PASSWORD: (
        "The proxy of this network asks for a name and password. Use another network, or ask IT to let Rollcall "
        "through."
    ),
    Trouble.PROXY_UNUSABLE: "The proxy that this laptop is set to use cannot be used. Tell IT.",
    Trouble.PROXY_SOCKS: (
        "This laptop is set to use a SOCKS proxy, and Rollcall goes through HTTP proxies only. Ask IT for the address "
        "of one, or to let Rollcall reach the central store without."
    ),
    Trouble.CERTIFICATE_DATE: (
        "The certificate of the central store is out of date, or the date of this laptop is wrong. Check the date, "
        "then tell IT. Nothing was sent."
    ),
    Trouble.CERTIFICATE_NAME: (
        "What answered is not the central store: its certificate is for another address. A public Wi-Fi does this "
        "until you sign in on its own page. If you have, tell IT. Nothing was sent."
    ),
    Trouble.CERTIFICATE_ISSUER: (
        "This laptop does not trust the certificate of what answered. A public Wi-Fi or a filter may stand between. "
        "Use another network, or tell IT. Nothing was sent."
    ),
}
"""What happened and what to do; that the work is kept is always added."""
KEPT = "Your work is kept."
_OFFLINE = frozenset({Trouble.NO_ANSWER, Trouble.PORTAL})


class CentralUnreachable(EnvironmentFault):
    """The central store did not answer, or what answered was not a central store.

    Attributes:
        slow: whether it took too long, so that a smaller piece may go through.
        offline: whether there was nothing to talk to at all.
        trouble: what stands between.
        wait_seconds: the central store asks not to be asked again before that; None where it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        slow: bool = False,
        offline: bool = False,
        trouble: Trouble = Trouble.NOT_OURS,
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.slow = slow
        self.offline = offline
        self.trouble = trouble
        self.wait_seconds = wait_seconds


class NotLetIn(EnvironmentFault):
    """The central store refused the laptop, the code or the sign-in.

    Attributes:
        code: for the program, such as ``code-expired``.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class TooManyDeletions(EnvironmentFault):
    """A pull would have deleted a large share of a table; nothing of it was applied.

    Attributes:
        rows: which rows of which tables would have gone, by id.
    """

    def __init__(self, message: str, rows: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.rows = rows or {}


def troubled(trouble: Trouble) -> CentralUnreachable:
    """Return the fault for what stands between, in its usual words."""
    return CentralUnreachable(
        f"{WORDS[trouble]} {KEPT}", slow=trouble is Trouble.SLOW, offline=trouble in _OFFLINE, trouble=trouble
    )


def unreachable() -> CentralUnreachable:
    """Return the fault for no answer at all."""
    return troubled(Trouble.NO_ANSWER)


def too_slow() -> CentralUnreachable:
    """Return the fault for an answer that did not come in time."""
    return troubled(Trouble.SLOW)


def nonsense() -> CentralUnreachable:
    """Return the fault for an answer that is not a central store's."""
    return troubled(Trouble.NOT_OURS)
