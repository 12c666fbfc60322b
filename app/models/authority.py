"""The council, its teams and people, and the laptops it trusts."""

from datetime import date, datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import OptionalRef
from app.models.synced import Synced
from app.models.terms import Role


class Authority(Synced):
    """The council: what a letter's head needs and how it is known nationally."""

    __tablename__ = "authority"

    name: Mapped[str]
    service_name: Mapped[str]
    la_code: Mapped[str]
    office_address: Mapped[str]
    """Lines separated by newlines."""
    phone: Mapped[str]
    email: Mapped[str]
    privacy_notice_link: Mapped[str] = mapped_column(default="")
    duty_number: Mapped[str] = mapped_column(default="")


class Team(Synced):
    """A team that cases belong to."""

    __tablename__ = "team"

    name: Mapped[str]


class User(Synced):
    """A named person who may sign in. Secrets stay in the central store and in each vault's key file."""

    __tablename__ = "user"

    username: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[Role]
    job_title: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    team_id: Mapped[OptionalRef]
    case_limit: Mapped[int | None]
    """Agreed number of open cases; None where none was agreed."""
    working_pattern: Mapped[str] = mapped_column(default="")
    """What a supervisor should see beside the name, such as "3 days a week"."""
    away_until: Mapped[date | None]
    """First day back, for somebody who is away now: not suggested for new cases until then."""
    areas: Mapped[str] = mapped_column(default="")
    """Towns this officer covers, separated by commas."""
    active: Mapped[bool] = mapped_column(default=True)


class Device(Synced):
    """A laptop that may push, with the public half of its signing key."""

    __tablename__ = "device"

    name: Mapped[str]
    public_key: Mapped[str]
    """Ed25519, base64."""
    user_id: Mapped[OptionalRef]
    enrolled_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
