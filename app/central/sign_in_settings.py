"""How people sign in at this authority, as it was configured; kept in the database for all worker processes."""

from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from app.central.tables import fact
from app.errors import UserError
from app.services.oidc.web import acceptable
from app.services.sync.sign_in_protocol import LOCAL, PROVIDER

_FACT = "sign_in"
LONGEST_AGE_MINUTES = 30 * 24 * 60


class SignInSettings(msgspec.Struct, frozen=True):
    """How people sign in.

    Attributes:
        way: ``local`` or ``provider``.
        issuer: the provider's name, an https address, to the letter as it stands in its tokens.
        client_id: what this application is called there. It is a public client: there is no secret on laptops.
        also_for: audiences that a token may have beside the client id.
        claim: which claim names the person the first time; afterwards the subject does.
        scopes: what the claim needs.
        provider_name: as people call it.
        every_days: a laptop syncs only when its person signed in within so many days; 0 for never asked.
        session_days: after how many days a person signs in again to do what needs a person.
        needs_code: local accounts without six-digit codes are not let in.
        skew_seconds: how far the clocks may be apart.
        most_age_minutes: how long ago a person may have proved who they are at the provider; 0 where any session that
            the browser has there will do. The provider's tokens must then hold ``auth_time``.
    """

    way: str = LOCAL
    issuer: str = ""
    client_id: str = ""
    also_for: tuple[str, ...] = ()
    claim: str = "preferred_username"
    scopes: str = "openid profile email"
    provider_name: str = ""
    every_days: int = 0
    session_days: int = 30
    needs_code: bool = False
    skew_seconds: int = 180
    most_age_minutes: int = 0

    @property
    def skew(self) -> timedelta:
        """How far the clocks may be apart."""
        return timedelta(seconds=self.skew_seconds)

    @property
    def most_age(self) -> timedelta | None:
        """How old a person's session at the provider may be; None for any age."""
        return timedelta(minutes=self.most_age_minutes) if self.most_age_minutes else None


_decoder = msgspec.json.Decoder(SignInSettings)


@dataclass(frozen=True, slots=True)
class SignInConfiguration:
    """Reads and writes the settings."""

    engine: Engine

    def read(self) -> SignInSettings:
        """Return what holds."""
        with self.engine.connect() as connection:
            value = connection.execute(select(fact.c.value).where(fact.c.name == _FACT)).scalar()
        return _decoder.decode(value) if value else SignInSettings()

    def check(self, settings: SignInSettings) -> None:
        """Refuse settings that do not fit.

        Raises:
            UserError: says which.
        """
        _check(settings)

    def write(self, settings: SignInSettings) -> None:
        """Keep settings; every worker process goes by them at once.

        Raises:
            UserError: something does not fit; nothing was changed.
        """
        _check(settings)
        value = msgspec.json.encode(settings).decode()
        statement = insert(fact).values(name=_FACT, value=value)
        with self.engine.begin() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=[fact.c.name], set_={"value": statement.excluded.value})
            )


def _check(settings: SignInSettings) -> None:
    if settings.way not in (LOCAL, PROVIDER):
        raise UserError("People sign in by provider or by local account. Nothing was changed.", "way")
    if settings.way == PROVIDER:
        if not acceptable(settings.issuer):
            raise UserError("The issuer is an address that starts with https://. Nothing was changed.", "issuer")
        if not settings.client_id:
            raise UserError("Give the client id that the provider knows Rollcall by. Nothing was changed.", "client_id")
        if "openid" not in settings.scopes.split():
            raise UserError("The scopes must hold openid. Nothing was changed.", "scopes")
    if not 0 <= settings.every_days <= 365 or not 1 <= settings.session_days <= 365:
        raise UserError("Use a number of days from 1 to 365. Nothing was changed.", "every_days")
    if not 0 <= settings.most_age_minutes <= LONGEST_AGE_MINUTES:
        raise UserError("A sign-in at the provider may be up to 30 days old. Nothing was changed.", "most_age_minutes")
    if not 0 <= settings.skew_seconds <= 600:
        raise UserError("Clocks may be at most 10 minutes apart. Nothing was changed.", "skew_seconds")
