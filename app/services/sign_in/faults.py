"""How signing in can end without anybody signed in."""

from app.errors import EnvironmentFault


class SignInFailed(EnvironmentFault):
    """Signing in did not work; it can be tried again."""


class SignInEnded(SignInFailed):
    """The wait for the browser ended.

    Attributes:
        code: ``cancelled``, ``time`` or ``refused``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(_WORDS[code])
        self.code = code


_WORDS = {
    "cancelled": "Signing in was cancelled. Your work is kept.",
    "time": "Nobody signed in within the time. Try again when you are ready. Your work is kept.",
    "refused": "Your organisation's sign-in did not let you in. Try again, or ask your administrator.",
}
