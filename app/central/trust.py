"""Who is let in: the parts that decide it, under one name."""

from typing import Any

from sqlalchemy import Engine

from app.central.accounts import Accounts
from app.central.authority_key import AuthorityKeys
from app.central.codes import Codes
from app.central.devices import Devices
from app.central.limits import Limits
from app.central.person_sessions import PersonSessions
from app.central.second_step import SecondSteps
from app.central.sign_in import SignIn
from app.central.sign_in_settings import SignInConfiguration
from app.central.signing_key import Identity
from app.central.store import Store
from app.central.tokens import Tokens, TrustError
from app.services.sync.trust_protocol import Token
from app.timesource import TimeSource

__all__ = ["Trust", "TrustError"]


class Trust:
    """Decides who is let in.

    Attributes:
        tokens: what is signed for those who are.
        codes: one-time codes and what they are spent on.
        configuration: how people sign in here.
        sessions: people's sessions on laptops.
        limits: how much anybody may ask.
        devices: laptops and their keys.
        second_steps: six-digit codes.
        accounts: local names and passwords.
        people: people who sign in, one way or the other.
    """

    def __init__(self, engine: Engine, identity: Identity, store: Store, time: TimeSource) -> None:
        self.tokens = Tokens(identity, time)
        self.codes = Codes(engine, identity, store, time)
        self.configuration = SignInConfiguration(engine)
        self.sessions = PersonSessions(engine, identity, self.tokens, self.configuration, time)
        self.limits = Limits(engine)
        authority = AuthorityKeys(engine, identity, time)
        self.devices = Devices(engine, self.tokens, store, authority, self.sessions, self.limits, time)
        self.second_steps = SecondSteps(engine, identity, time)
        self.accounts = Accounts(engine, self.tokens, self.second_steps, time)
        self.people = SignIn(engine, self.tokens, self.configuration, self.sessions, self.accounts, time)
        self.make_code, self.check_code, self.enrol = self.codes.make_code, self.codes.check_code, self.codes.enrol
        self.allow_person, self.allow_import = self.devices.allow_person, self.devices.allow_import
        self.revoke, self.challenge = self.devices.revoke, self.devices.challenge
        self.start_session, self.device_of = self.devices.start_session, self.devices.device_of
        self.start_rescue, self.rescuer_of = self.devices.start_rescue, self.devices.rescuer_of
        self.set_password, self.sign_in = self.accounts.set_password, self.accounts.sign_in
        self.user_of = self.sessions.user_of

    def _life_token(self, claims: dict[str, Any]) -> Token:
        return self.tokens.short_lived(claims)
