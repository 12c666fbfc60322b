"""What can go wrong with an identity provider, in words.

::

    EnvironmentFault
    ├── ProviderAway      it does not answer, or what answers is no identity provider
    └── IdTokenRefused    what it answered is not believed
"""

from app.errors import EnvironmentFault


class ProviderAway(EnvironmentFault):
    """The identity provider did not answer, or not as one does."""


class IdTokenRefused(EnvironmentFault):
    """An ID token is not believed.

    Attributes:
        code: which check failed, for the log and for IT: ``issuer``, ``audience``, ``azp``, ``nonce``, ``expired``,
            ``early``, ``algorithm``, ``key``, ``signature``, ``at-hash``, ``subject``, ``auth-time``,
            ``too-old`` or ``shape``.
    """

    def __init__(self, code: str) -> None:
        words = _WORDS.get(
            code, "Your organisation's sign-in answered in a way that Rollcall does not accept. Ask your administrator."
        )
        super().__init__(f"{words} ({code})")
        self.code = code


_WORDS = {
    "expired": "The sign-in came too late. Sign in again. If that does not help, check this laptop's clock.",
    "early": "The sign-in is dated in the future. Check this laptop's clock and time zone, then sign in again.",
    "too-old": "You proved who you are to your organisation too long ago. Sign out there, then sign in again.",
    "auth-time": "Your organisation's sign-in does not say when you last proved who you are. Tell your administrator.",
}


def away() -> ProviderAway:
    """Return the fault for no answer."""
    return ProviderAway(
        "Your organisation's sign-in does not answer. Check the network and try again. Your work is kept."
    )


def nonsense() -> ProviderAway:
    """Return the fault for an answer that is not an identity provider's."""
    return ProviderAway(
        "Something other than your organisation's sign-in answered. Check the network, then ask your administrator. "
        "Your work is kept."
    )
