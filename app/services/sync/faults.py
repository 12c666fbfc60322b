"""What can go wrong between laptop and central store, in words.

::

    EnvironmentFault
    ├── CentralUnreachable   down, slow, cut off, or something else answered
    ├── NotLetIn             the central store knows better than to let this laptop in
    └── TooManyDeletions     the fuse
"""

from app.errors import EnvironmentFault


class CentralUnreachable(EnvironmentFault):
    """The central store did not answer, or what answered was not a central store.

    Attributes:
        slow: whether it took too long, so that a smaller piece may go through.
        offline: whether there was nothing to talk to at all.
    """

    def __init__(self, message: str, *, slow: bool = False, offline: bool = False) -> None:
        super().__init__(message)
        self.slow = slow
        self.offline = offline


class NotLetIn(EnvironmentFault):
    """The central store refused the laptop, the code or the sign-in.

    Attributes:
        code: for the program, such as ``code-expired``.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class TooManyDeletions(EnvironmentFault):
    """A pull would have deleted a large share of a table; nothing of it was applied."""


def unreachable() -> CentralUnreachable:
    """Return the fault for no answer at all."""
    return CentralUnreachable("Could not reach the central store. Your work is kept.", offline=True)


def too_slow() -> CentralUnreachable:
    """Return the fault for an answer that did not come in time."""
    return CentralUnreachable("The central store took too long to answer. Your work is kept.", slow=True)


def nonsense() -> CentralUnreachable:
    """Return the fault for an answer that is not a central store's."""
    return CentralUnreachable(
        "Something other than the central store answered. Check the network, for example a sign-in page of a "
        "public Wi-Fi. Your work is kept."
    )
