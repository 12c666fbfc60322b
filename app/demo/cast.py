"""The council, its people and its invented schools."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.demo import spec
from app.demo.world import Deed, World
from app.ids import new_id
from app.models import Authority, School, Team, User
from app.timesource import format_short

WEST = "west"


def deeds(world: World) -> list[Deed]:
    """Return what sets the authority up, long before the first case."""
    start = world.days.now - timedelta(days=900)
    return [Deed(start, "", "Set up the demonstration authority", set_up)]


def set_up(session: Session, world: World) -> None:
    """Add the authority, teams, people and schools that are not there yet, and note their ids."""
    marlshire = spec.marlshire()
    if session.scalar(select(Authority.id).limit(1)) is None:
        council = marlshire.authority
        session.add(
            Authority(
                name=council.name,
                service_name=council.service_name,
                la_code=council.la_code,
                office_address=council.office_address,
                phone=council.phone,
                email=council.email,
                privacy_notice_link=council.privacy_notice_link,
                duty_number=council.duty_number,
            )
        )
    known_teams = {row.name: row.id for row in session.execute(select(Team.name, Team.id))}
    for key, name in marlshire.teams.items():
        world.teams[key] = known_teams.get(name) or new_id()
        if name not in known_teams:
            session.add(Team(id=world.teams[key], name=name))
    _add_people(session, world)
    known_schools = set(session.scalars(select(School.urn)))
    session.add_all(_school(school) for school in marlshire.school if school.urn not in known_schools)


def _add_people(session: Session, world: World) -> None:
    known = {user.name: user for user in session.scalars(select(User))}
    for person in spec.marlshire().person:
        back = world.days.working(person.away) if person.away is not None else None
        user = known.get(person.name)
        if user is None:
            user = User(id=new_id(), username=person.username, name=person.name, role=person.role)
            session.add(user)
        user.job_title, user.phone = person.job_title, person.phone
        user.email = f"{person.username}@marlshire.example"
        user.team_id = world.teams[WEST]
        user.case_limit, user.areas = person.case_limit, person.areas
        user.away_until = back
        user.working_pattern = f"Back {format_short(back).split(' ', 1)[1]}" if back else person.working_pattern
        world.users[person.key], world.names[person.key] = user.id, person.name


def _school(school: spec.SchoolSpec) -> School:
    primary = school.phase == "Primary"
    return School(
        urn=school.urn,
        la_code="999",
        la_name="Marlshire",
        establishment_number=school.estab,
        name=school.name,
        type_code="01",
        type_name="Community school",
        phase_code="2" if primary else "4",
        phase_name=school.phase,
        status_code="1",
        status_name="Open",
        low_age=4 if primary else 11,
        high_age=11 if primary else 16,
        gender="Mixed",
        street=school.street,
        town=school.town,
        county="Marlshire",
        postcode=school.postcode,
        phone=school.phone,
        email=f"office@{school.key}.example",
        head_title="The",
        head_last_name="Headteacher",
        invented=True,
    )
