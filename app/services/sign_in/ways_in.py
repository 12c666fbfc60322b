"""What signing in is for, as the panel needs it: on a laptop with a vault, or to enrol a new one."""

from typing import TYPE_CHECKING, Any, Protocol

from app.errors import UserError
from app.services.sign_in import own_code, sessions
from app.services.sync.faults import NotLetIn
from app.services.workspace import Workspace
from app.timesource import SystemTime, TimeSource

if TYPE_CHECKING:
    from app.services.sign_in.browser import BrowserSignIn


class WayIn(Protocol):
    """Where somebody signs in. Every call waits for the network, so it belongs on a thread."""

    def way(self) -> sessions.SignInWay:
        """Return how people sign in there."""
        ...

    def begin(self) -> "BrowserSignIn":
        """Prepare signing in with the browser."""
        ...

    def finish(self, asked: "BrowserSignIn") -> Any:
        """Wait for the browser; return what signing in gave."""
        ...

    def with_account(self, username: str, password: str, code: str) -> Any:
        """Sign in with a local account; return what that gave."""
        ...


class OnThisLaptop:
    """Signs in on a laptop that is enrolled; gives a :class:`~app.services.sign_in.sessions.SignInState`."""

    def __init__(self, workspace: Workspace) -> None:
        self._ws = workspace

    def way(self) -> sessions.SignInWay:
        """Return how people sign in there."""
        return sessions.way(self._ws)

    def begin(self) -> "BrowserSignIn":
        """Prepare signing in with the browser."""
        return sessions.begin_in_browser(self._ws)

    def finish(self, asked: "BrowserSignIn") -> sessions.SignInState:
        """Wait for the browser and keep the session."""
        return sessions.finish_in_browser(self._ws, asked)

    def with_account(self, username: str, password: str, code: str) -> sessions.SignInState:
        """Sign in with a local account and keep the session."""
        return sessions.sign_in_with_account(self._ws, username, password, code)


class ToEnrol:
    """Signs in to enrol a new laptop; gives a one-time code."""

    def __init__(self, server: str, time: TimeSource | None = None) -> None:
        self._server, self._time = server, time or SystemTime()

    def way(self) -> sessions.SignInWay:
        """Return how people sign in there."""
        return sessions.way_of(own_code.door_before_enrolment(self._server), self._time)

    def begin(self) -> "BrowserSignIn":
        """Prepare signing in with the browser."""
        return own_code.begin_in_browser(self._server, self._time)

    def finish(self, asked: "BrowserSignIn") -> str:
        """Wait for the browser and return a code."""
        return own_code.code_of(self._server, asked.finish())

    def with_account(self, username: str, password: str, code: str) -> str:
        """Sign in with a local account and return a code."""
        try:
            return own_code.code_with_account(self._server, username, password, code)
        except NotLetIn as fault:
            raise UserError(fault.message, "password") from fault
