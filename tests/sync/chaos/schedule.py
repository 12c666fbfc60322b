"""One schedule: steps drawn from a seed, done one after the other, then everything heals and is looked at."""

import random
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from app.errors import RollcallError
from app.models.terms import Role
from app.services.changes import Change
from app.services.sync.faults import CentralUnreachable
from tests.sync.chaos import invariants
from tests.sync.chaos.baton import LaptopKilled
from tests.sync.chaos.central import Central
from tests.sync.chaos.determinism import Ids
from tests.sync.chaos.laptop import Kill, Laptop
from tests.sync.chaos.operations import Hands, draw
from tests.sync.chaos.template import NEW, ROSTER, STARTS_AT, Template
from tests.sync.chaos.world import World, skew_for

RATES = (0.0, 0.05, 0.15, 0.3)
ROUNDS = 5
"""Syncs of every laptop that must be enough for all to agree once the network is good."""


class Broken(Exception):
    """A promise that a schedule broke."""


@dataclass(frozen=True)
class Step:
    """Something to do; what exactly is drawn from its own seed, so that leaving one out changes no other."""

    kind: str
    laptop: int
    seed: str


@dataclass
class Outcome:
    """What a schedule came to."""

    seed: int
    failures: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


KINDS: tuple[tuple[int, str], ...] = (
    (46, "do"),
    (22, "sync"),
    (14, "go on"),
    (3, "late"),
    (3, "die"),
    (2, "keep the vault"),
    (1, "put the vault back"),
    (3, "time"),
    (1, "person moves"),
    (1, "migrate"),
    (1, "keep the store"),
    (1, "put the store back"),
    (1, "revoke"),
)


def plan(seed: int, laptops: int) -> tuple[list[str], list[Step], random.Random]:
    """Return who takes part and what happens, from a seed alone."""
    chance = random.Random(f"plan {seed}")
    names = list(ROSTER[:2]) + chance.sample(ROSTER[2:], min(len(ROSTER) - 2, max(0, laptops - 2)))
    if chance.random() < 0.25:
        names.append(chance.choice(NEW))
    kinds = chance.choices([kind for _, kind in KINDS], [weight for weight, _ in KINDS], k=chance.randint(18, 40))
    steps = [Step(kind, chance.randrange(len(names)), f"{seed} {place}") for place, kind in enumerate(kinds)]
    return names, steps, chance


class Schedule:
    """Runs the steps of one seed in a fresh world."""

    def __init__(self, template: Template, central: Central, folder: Path, ids: Ids, seed: int, laptops: int) -> None:
        self.names, self.steps, chance = plan(seed, laptops)
        ids.start(seed)
        central.reset()
        central.time.move_to(STARTS_AT + (skew_for(chance) if chance.random() < 0.3 else timedelta(0)))
        self.world = World(template, central, folder, ids, seed)
        World.current = self.world
        self.world.network.rate = chance.choice(RATES)
        for name in self.names:
            self.world.add(name, skew_for(chance) if chance.random() < 0.4 else timedelta(0))
        self.kills = chance.random() < 0.6

    @staticmethod
    def steps_of(seed: int, laptops: int) -> list[Step]:
        """Return what a seed's schedule does."""
        return plan(seed, laptops)[1]

    def run(self, steps: list[Step] | None = None) -> Outcome:
        """Do the steps, heal, and look at everything."""
        outcome = Outcome(self.world.seed, trace=self.world.trace, counts=self.world.counts)
        outcome.faults = self.world.network.counts
        try:
            self._go_through(self.steps if steps is None else steps)
            self._heal()
            outcome.failures += invariants.check(self.world)
        except Broken as broken:
            outcome.failures.append(str(broken))
        except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
            outcome.failures.append(f"unexpected {type(error).__name__}: {error}\n{traceback.format_exc()[-3000:]}")
        finally:
            try:
                self.world.close()
            finally:
                World.current = None
        return outcome

    def _go_through(self, steps: list[Step]) -> None:
        for place, step in enumerate(steps):
            self.world.counts["steps"] += 1
            self.world.say(f"{place:3} {step.kind}")
            self._do(step)

    def _do(self, step: Step) -> None:
        chance = random.Random(step.seed)
        laptop = self.world.laptops[step.laptop]
        self.world.pass_time(seconds=chance.randint(1, 90))
        work = self._work if step.kind == "do" else getattr(self, "_" + step.kind.replace(" ", "_"))
        work(laptop, chance)

    # -- people --------------------------------------------------------------------------------------------------

    def _work(self, laptop: Laptop, chance: random.Random) -> None:
        operation = draw(chance)
        kill = self.kills and chance.random() < 0.04
        laptop.kill = Kill(chance.choice(("before commit", "after commit")), chance.randrange(2)) if kill else None
        done = ""
        try:
            with self.world.as_(laptop):
                done = operation(Hands(laptop, chance, self.world.word))
            self.world.counts["operations"] += 1
        except RollcallError as refused:
            done = f"refused: {refused.message}"
        except LaptopKilled:
            done = "killed"
            laptop.die()
        laptop.kill = None
        self.world.say(f"    {laptop.name} {operation.__name__}: {done}")
        laptop.note_commits()

    # -- syncs ---------------------------------------------------------------------------------------------------

    def _sync(self, laptop: Laptop, chance: random.Random) -> None:
        if laptop.task is not None:
            return self._go_on(laptop, chance)
        whole = chance.random() < 0.45
        kill = None
        if self.kills and chance.random() < 0.15:
            at = chance.choice(("call", "before commit", "after commit"))
            kill = Kill(at, chance.randrange(10))
        laptop.start_sync(random.Random(chance.random()), None if whole else chance.randint(0, 25), kill)
        return self._advance(laptop)

    def _go_on(self, laptop: Laptop, chance: random.Random) -> None:
        waiting = [each for each in self.world.laptops if each.task is not None]
        if not waiting:
            return
        laptop = chance.choice(waiting)
        laptop.pauses = None if chance.random() < 0.3 else chance.randint(0, 20)
        self._advance(laptop)

    def _advance(self, laptop: Laptop) -> None:
        self.world.run(laptop)
        task = laptop.task
        assert task is not None
        if not task.done:
            self.world.say(f"    {laptop.name} is overtaken {task.where}")
            return
        laptop.task = None
        laptop.depth = 0
        if isinstance(task.error, LaptopKilled):
            self.world.say(f"    {laptop.name} was killed in its sync")
            laptop.die()
        elif isinstance(task.error, RollcallError):
            self._fault(laptop, task.error)
        elif task.error is not None:
            words = "".join(traceback.format_exception(task.error))[-3000:]
            raise Broken(f"a sync ended with {type(task.error).__name__}\n{words}")
        else:
            laptop.reports.append(task.result)
            self.world.say(f"    {laptop.name} synced: {_told(task.result)}")
        self._look(laptop)

    def _fault(self, laptop: Laptop, error: RollcallError) -> None:
        self.world.say(f"    {laptop.name}: {type(error).__name__}: {error.message}")
        self.world.counts["syncs cut off"] += 1

    def _look(self, laptop: Laptop) -> None:
        self.world.counts["syncs"] += 1
        broken = invariants.check_after_sync(self.world, laptop)
        if broken:
            raise Broken(broken)

    # -- disasters -----------------------------------------------------------------------------------------------

    def _late(self, _laptop: Laptop, chance: random.Random) -> None:
        try:
            words = self.world.network.deliver_late(chance)
        except CentralUnreachable:
            words = "the server was killed"
        self.world.say(f"    {words}")

    def _die(self, laptop: Laptop, _chance: random.Random) -> None:
        if not self.kills:
            return
        self.world.say(f"    {laptop.name} is killed where it stands")
        laptop.die()
        laptop.depth = 0

    def _keep_the_vault(self, laptop: Laptop, _chance: random.Random) -> None:
        if laptop.task is None:
            laptop.keep()
            self.world.say(f"    {laptop.name} is backed up")

    def _put_the_vault_back(self, laptop: Laptop, _chance: random.Random) -> None:
        if laptop.kept is None:
            return
        laptop.put_back()
        laptop.depth = 0
        self.world.say(f"    {laptop.name} is put back to its backup")
        self.world.counts["vault put back"] += 1

    def _time(self, _laptop: Laptop, chance: random.Random) -> None:
        hours = chance.choice((0.1, 1, 13, 30))
        self.world.pass_time(hours=hours)
        self.world.say(f"    {hours} hours pass")

    def _person_moves(self, laptop: Laptop, chance: random.Random) -> None:
        """Somebody changes team or role, or leaves and comes back."""
        services = self.world.central.services
        user_id = self.world.template.people[laptop.username]
        row = self.world.central.rows('SELECT team_id::text, role, active FROM "user" WHERE id = %s', user_id)[0]
        what = chance.choice(("team", "team", "role"))
        if what == "team":
            new: object = chance.choice([*self.world.template.teams.values(), None])
            fields = {"team_id": [row[0], new]}
        else:
            new = chance.choice((Role.CASEWORKER, Role.SUPERVISOR, Role.ADMINISTRATOR)).value
            fields = {"role": [row[1], new]}
        if fields and next(iter(fields.values()))[0] != new:
            services.store.record([Change("user", user_id, "update", fields)], "Moved a person")
            self.world.counts["person moved"] += 1
            self.world.say(f"    {laptop.username}: {what} is now {new}")

    def _migrate(self, _laptop: Laptop, chance: random.Random) -> None:
        """A migration that only adds, while laptops are in the middle of their syncs."""
        if chance.random() < 0.15 and self.world.central.migrate(chance.randrange(4)):
            self.world.counts["migration"] += 1
            self.world.say("    the central store is migrated")

    def _keep_the_store(self, _laptop: Laptop, _chance: random.Random) -> None:
        self.world.central.keep()
        self.world.store_kept = True
        self.world.say("    the central store is backed up")

    def _put_the_store_back(self, _laptop: Laptop, _chance: random.Random) -> None:
        if not self.world.store_kept or self.world.restored:
            return
        self.world.central.put_back()
        self.world.restored += 1
        self.world.counts["store put back"] += 1
        self.world.say("    the central store is put back to its backup")

    def _revoke(self, laptop: Laptop, chance: random.Random) -> None:
        if chance.random() < 0.3 and not any(each.revoked for each in self.world.laptops):
            self.world.central.services.trust.revoke(laptop.device_id)
            laptop.revoked = True
            self.world.counts["laptop revoked"] += 1
            self.world.say(f"    {laptop.name} is revoked")

    # -- the end -------------------------------------------------------------------------------------------------

    def _heal(self) -> None:
        """The network is good, nobody is killed: every laptop syncs until nothing moves any more."""
        world = self.world
        world.say("    -- the network is good from here on")
        world.network.rate = 0
        for laptop in world.laptops:
            laptop.kill, laptop.pauses = None, None
            while laptop.task is not None:
                self._advance(laptop)
        world.healing, quiet = True, 0
        for turn in range(ROUNDS * len(world.laptops)):
            laptop = world.laptops[turn % len(world.laptops)]
            before, cut_off = invariants.fingerprint(world, laptop), world.counts["syncs cut off"]
            laptop.start_sync(random.Random(f"heal {turn}"), None, None)
            self._advance(laptop)
            still = world.counts["syncs cut off"] == cut_off or laptop.revoked
            quiet = quiet + 1 if still and invariants.fingerprint(world, laptop) == before else 0
            if quiet == len(world.laptops):
                return
        raise Broken(f"did not come to rest after {ROUNDS} rounds: {world.trace[-1].strip()}")


def _told(report: object) -> str:
    names = ("pushed", "conflicted", "refused", "received", "rows", "own", "revision")
    return ", ".join(f"{getattr(report, name)} {name}" for name in names if getattr(report, name, 0))
