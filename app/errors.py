"""What can go wrong, by who can put it right.

::

    RollcallError
    ├── UserError            the person can put it right; shown beside the field
    │   └── AccessRefused    this role may not do this
    ├── EnvironmentFault     the network, the disk or a lock; calm banner, tried again
    └── BugError             our fault; shown with a reference, never closes the window

``message`` is written for the person in front of the screen: what happened, what to do, what was kept.
It never holds personal data beyond what that person just typed.
"""


class RollcallError(Exception):
    """Base of every error that Rollcall raises on purpose.

    Attributes:
        message: words for the screen.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UserError(RollcallError):
    """Input or a request that the person can correct.

    Attributes:
        field: the name of the form field it belongs to, when there is one.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class AccessRefused(UserError):
    """The signed-in person may not do this (see ``app.services.access`` and ``app.services.restriction``).

    Attributes:
        permission: the name of what was missing, for the audit.
        subject: the case, child or record it was about, by id, when it was about one.
        noted: whether it is on its way into the audit.
    """

    def __init__(
        self, message: str, field: str | None = None, *, permission: str = "", subject: str | None = None
    ) -> None:
        super().__init__(message, field)
        self.permission = permission
        self.subject = subject
        self.noted = False


class EnvironmentFault(RollcallError):
    """The machine, disk or network is in the way; nothing typed is lost."""


class BugError(RollcallError):
    """A rule of the program itself was broken."""
