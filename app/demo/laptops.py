"""Making the two laptops: everybody's past work on one, a first pull on the other, and what two people both changed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from app.central.embedded import RunningCentral
from app.demo import papers, people, spec
from app.demo.days import Days
from app.demo.world import Deed, World
from app.models import Address, Case, Child, Clock, ContactPoint, Person, ReferenceLease, Relationship
from app.paths import RESOURCES
from app.services.exchange import gias, gias_links, la_codes
from app.services.sync import enrolment
from app.services.vault import Vault, create_vault
from app.services.vault.keys import KdfParameters
from app.services.workspace import Workspace
from app.timesource import FrozenTime, SystemTime

PASSPHRASE = "three quiet herons"
LAPTOPS = {"dawn": "Dawn’s laptop", "ruth": "Ruth’s laptop"}
Say = Callable[[str], None]
_TOLD = {
    "dawn": "Grandmother in Saltenby says the family moved to Pennyford on Friday. Mother starts work on Thursday.",
    "samir": "Pennyford Primary rang: place confirmed. The head will ring us on the day if he does not arrive.",
}
"""What two officers wrote about one child while one of them was offline."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Something one person does at one moment, with a workspace of their own."""

    at: datetime
    by: str
    act: Callable[[Workspace, World], None]


def note_on_unlocking(name: str) -> str:
    """Return what the unlock page says of a laptop of the demonstration."""
    return f"{name} (demonstration). Passphrase: {PASSPHRASE}"


def add_people(central: RunningCentral) -> dict[str, str]:
    """Add the council and its people to the central store; return user ids by key."""
    marlshire, directory = spec.marlshire(), central.services.people
    council = marlshire.authority
    directory.ensure_authority(
        council.name,
        service_name=council.service_name,
        la_code=council.la_code,
        office_address=council.office_address,
        phone=council.phone,
        email=council.email,
        privacy_notice_link=council.privacy_notice_link,
        duty_number=council.duty_number,
    )
    for team in marlshire.teams.values():
        directory.ensure_team(team)
    return {
        person.key: directory.add_user(
            person.username,
            person.name,
            person.role.value,
            marlshire.teams["west"],
            job_title=person.job_title,
            phone=person.phone,
            email=f"{person.username}@marlshire.example",
            case_limit=person.case_limit,
            areas=person.areas,
            working_pattern=person.working_pattern,
        )
        for person in marlshire.person
    }


def make_both(central: RunningCentral, folder: Path, say: Say) -> World:
    """Make Dawn's and Ruth's vaults under a folder, enrolled by code and in step with the central store."""
    users = add_people(central)
    kdf = KdfParameters.tuned(0.3)
    clock = FrozenTime(SystemTime().now())
    days = Days(clock)
    say("Making Dawn’s laptop")
    dawn = _enrolled(central, folder / "dawn", "dawn", users, clock, kdf)
    try:
        world = World(days, with_papers=True)
        _fill(central, dawn, world, clock, say)
        clock.move_to(days.now)
        say("Sending it to the central store")
        enrolment.first_pull(dawn)
        say("Making Ruth’s laptop")
        ruth = _enrolled(central, folder / "ruth", "ruth", users, clock, kdf)
        try:
            _disagree(central, dawn, ruth, world, clock)
        finally:
            ruth.close()
    finally:
        dawn.close()
    return world


def _enrolled(
    central: RunningCentral, folder: Path, key: str, users: dict[str, str], clock: FrozenTime, kdf: KdfParameters
) -> Vault:
    code = central.services.trust.make_code(users[key])
    name = LAPTOPS[key]
    vault = create_vault(folder, PASSPHRASE, time=clock, label=note_on_unlocking(name), kdf=kdf)
    try:
        enrolment.enrol(vault, central.url, code, device_name=name)
    except BaseException:
        vault.close()
        raise
    return vault


def _fill(central: RunningCentral, vault: Vault, world: World, clock: FrozenTime, say: Say) -> None:
    """Do everything that was ever done, each by its own person at its own time."""
    assert vault.device_id is not None
    central.services.trust.allow_import(vault.device_id)
    steps = [*_deeds(world), *_reference(world), *_papers(world)]
    workspaces: dict[str, Workspace] = {}
    for number, step in enumerate(sorted(steps, key=lambda step: step.at)):
        if number % 100 == 0:
            say(f"Writing the past, {number} of {len(steps)}")
        clock.move_to(step.at)
        if step.by not in workspaces:
            workspaces[step.by] = vault.workspace(world.users[step.by]) if step.by else vault.system_workspace()
        step.act(workspaces[step.by], world)
    with vault.system_workspace().local_session() as session:
        for lease in session.scalars(select(ReferenceLease)):
            # The pictures' numbers were written by hand; the next case takes a number after them.
            lease.next = lease.last + 1


def _deeds(world: World) -> list[_Step]:
    def step(at: datetime, by: str, reason: str, deeds: list[Deed]) -> _Step:
        def act(ws: Workspace, world: World) -> None:
            with ws.write(reason) as session:
                for deed in deeds:
                    deed.act(session, world)

        return _Step(at, by, act)

    return [step(*commit) for commit in people.in_commits(people.all_deeds(world))]


def _reference(world: World) -> list[_Step]:
    """The real files of the Department for Education, imported as anybody would."""
    at = world.days.moment(world.days.working(-420), "08:00")

    def act(ws: Workspace, _world: World) -> None:
        gias.import_schools(ws, (spec.FOLDER / "gias_hampshire.csv").read_bytes(), file_name="gias_hampshire.csv")
        links = (spec.FOLDER / "gias_links_hampshire.csv").read_bytes()
        gias_links.import_links(ws, links, file_name="gias_links_hampshire.csv")
        codes = (RESOURCES / "codes" / "la_codes.csv").read_bytes()
        la_codes.import_la_codes(ws, codes, file_name="la_codes.csv")

    return [_Step(at, "ruth", act)]


def _papers(world: World) -> list[_Step]:
    """The letters that went out and the documents that came, by the services an officer uses."""
    days = world.days

    def letter(template: str, case: str) -> Callable[[Workspace, World], None]:
        def act(ws: Workspace, world: World) -> None:
            from app.services.letters import facts, letters

            letters.issue(ws, letters.new(facts.read(ws, world.cases[case]), template))

        return act

    def answered(ws: Workspace, world: World) -> None:
        with ws.write("Noted a reply") as session:
            query = select(Clock).where(Clock.case_id == world.cases["isla"], Clock.rule == "local_school_letter_reply")
            session.scalars(query).one().met_on = ws.time.today()

    def housing(ws: Workspace, world: World) -> None:
        from app.services.documents import intake, tray

        data = papers.housing_letter(days)
        added = intake.add_bytes(ws, "Letter from Saltenby Housing.pdf", data, source="scan")
        received = days.working(-3)
        tray.link(
            ws,
            added.document_id,
            world.cases["isla"],
            kind="housing",
            sender="Saltenby Housing",
            received_on=received,
        )

    def arrive(paper: papers.Paper) -> Callable[[Workspace, World], None]:
        def act(ws: Workspace, _world: World) -> None:
            from app.services.documents import intake

            intake.add_bytes(ws, paper.name, paper.data, source=paper.source)

        return act

    born = {child.key: days.born(child.born) for child in spec.children()}
    steps = [
        _Step(days.moment(days.working(-10), "11:40"), "dawn", letter("L05", "isla")),
        _Step(days.moment(days.working(-4), "09:15"), "dawn", letter("L01", "isla")),
        _Step(days.moment(days.working(-7), "09:50"), "dawn", answered),
        _Step(days.moment(days.working(-2), "11:04"), "dawn", housing),
    ]
    for paper in papers.tray(days, born["zofia"], born["noor"]):
        at = days.moment(days.working(paper.working_day), paper.at)
        steps.append(_Step(at, "dawn", arrive(paper)))
    return steps


def _disagree(central: RunningCentral, dawn: Vault, ruth: Vault, world: World, clock: FrozenTime) -> None:
    """Two officers change the same field while one is offline, so that there is something to review."""
    assert ruth.device_id is not None
    for key in ("samir", "tom"):
        central.services.trust.allow_person(ruth.device_id, world.users[key])
    days = world.days
    yesterday = days.working(-1)
    clock.move_to(days.moment(yesterday, "14:20"))
    hers = dawn.workspace(world.users["dawn"])
    _move_home(hers, world, "3 Orchard Mews", "Told to me by grandmother on visit")
    _say_why(hers, world, _TOLD["dawn"])
    _change_phone(hers, world, "07700 900731")
    clock.move_to(days.moment(yesterday, "16:05"))
    his = ruth.workspace(world.users["samir"])
    _move_home(his, world, "3a Orchard Mews", "From school’s admission form")
    _say_why(his, world, _TOLD["samir"])
    _change_phone(ruth.workspace(world.users["tom"]), world, "07700 900713")
    clock.move_to(days.now)
    for vault in (ruth, dawn, ruth):
        enrolment.first_pull(vault)


def _move_home(ws: Workspace, world: World, lines: str, source: str) -> None:
    with ws.write("Changed an address") as session:
        query = select(Address).where(Address.child_id == world.children["caleb"])
        home = session.scalars(query).one()
        home.lines, home.town, home.postcode, home.source = lines, "Pennyford", "MH6 8RA", source


def _say_why(ws: Workspace, world: World, words: str) -> None:
    with ws.write("Changed the reason for the referral") as session:
        session.get_one(Case, world.cases["caleb"]).reason = words


def _change_phone(ws: Workspace, world: World, value: str) -> None:
    with ws.write("Changed a telephone number") as session:
        query = (
            select(ContactPoint)
            .join(Person, Person.id == ContactPoint.person_id)
            .join(Relationship, Relationship.person_id == Person.id)
            .join(Child, Child.id == Relationship.child_id)
            .where(Child.id == world.children["noor"])
        )
        session.scalars(query).one().value = value
