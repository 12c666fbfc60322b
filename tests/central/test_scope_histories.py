"""Whatever happens, in whatever order: after a pull a laptop holds exactly what the rule says, and was sent no more."""

import copy
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.central.services import CentralServices
from tests.central.scope_world import Mirror, World

Pick = st.integers(0, 10_000)


class History:
    """Plays steps on a world; each step is a name and numbers that choose among what there is."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.earlier: dict[int, Mirror] = {}

    def step(self, name: str, a: int, b: int) -> None:
        getattr(self, name)(a, b)

    # -- people work ---------------------------------------------------------------------------------------------

    def open_case(self, a: int, b: int) -> None:
        teams = [*self.world.teams, None]
        self.world.record(*self.world.family(teams[a % 3], parent=b % 2 == 0))

    def open_case_in_two_sets(self, a: int, b: int) -> None:
        changes = self.world.family([*self.world.teams, None][a % 3])
        for change in changes:
            self.world.record(change)

    def open_case_on_a_laptop(self, a: int, b: int) -> None:
        mirror = self.world.mirrors[0]
        result = mirror.push(*self.world.family([*self.world.teams, None][a % 3]))
        if result.state != "accepted":
            self.world.children.pop()
            self.world.cases.pop()

    def second_case(self, a: int, b: int) -> None:
        child = _one(self.world.children, a)
        if child:
            team = [*self.world.teams, None][b % 3]
            case = self.world.insert(
                "case",
                reference=f"Y-{child}-{len(self.world.cases)}",
                child_id=child,
                team_id=team,
                opened_on="2026-11-03",
                reason=self.world.text(child),
            )
            self.world.cases.append(case.row)
            self.world.record(case)

    def note(self, a: int, b: int) -> None:
        case = _one(self.world.of("case"), a)
        if case:
            self.world.record(
                self.world.insert("task", case_id=case["id"], text=self.world.text(case["child_id"])),
                *([self.world.insert("task", text="of no case", created_by=self.world.users[0])] if b % 3 == 0 else []),
            )

    def note_on_a_laptop(self, a: int, b: int) -> None:
        mirror = self.world.mirrors[(0, 2)[b % 2]]
        cases = [row for (table, _), row in mirror.rows.items() if table == "case" and row["id"] in self.world.cases]
        case = _one(cases, a)
        if case:
            change = self.world.insert("task", case_id=case["id"], text=self.world.text(case["child_id"]))
            mirror.push(change)

    def edit_on_a_laptop(self, a: int, b: int) -> None:
        """Edit what the laptop holds, perhaps overtaken meanwhile: a conflict."""
        mirror = self.world.mirrors[(0, 2)[b % 2]]
        cases = [row for (table, _), row in mirror.rows.items() if table == "case" and row["id"] in self.world.cases]
        case = _one(cases, a)
        if case:
            from app.services.changes import Change

            fields = {"reason": [case["reason"], self.world.text(case["child_id"])]}
            result = mirror.push(Change("case", case["id"], "update", fields))
            if result.state in ("accepted", "conflicted"):
                mirror.rows["case", case["id"]] = {**case, "reason": fields["reason"][1]}

    # -- who may see what changes --------------------------------------------------------------------------------

    def move_team(self, a: int, b: int) -> None:
        case = _one(self.world.of("case"), a)
        if case:
            self.world.record(self.world.update("case", case["id"], team_id=[*self.world.teams, None][b % 3]))

    def restrict(self, a: int, b: int) -> None:
        case = _one(self.world.of("case"), a)
        if case:
            self.world.record(self.world.update("case", case["id"], restricted=b % 3 != 0))

    def put_on_list(self, a: int, b: int) -> None:
        case = _one(self.world.of("case"), a)
        if case:
            user = _one(self.world.users, b)
            now = self.world.now().isoformat()
            self.world.record(self.world.insert("case_access", case_id=case["id"], user_id=user, granted_at=now))

    def take_off_list(self, a: int, b: int) -> None:
        listed = _one(self.world.of("case_access"), a)
        if listed:
            self.world.record(self.world.update("case_access", listed["id"], ended_at=self.world.now().isoformat()))

    def emergency(self, a: int, b: int) -> None:
        case = _one(self.world.of("case"), a)
        if case:
            now = self.world.now()
            until = (now + timedelta(hours=1 + b % 3)).isoformat()
            user = _one(self.world.users, b)
            self.world.record(
                self.world.insert(
                    "break_glass", case_id=case["id"], user_id=user, reason="x", from_at=now.isoformat(), until_at=until
                )
            )

    def wait(self, a: int, b: int) -> None:
        self.world.time.advance(minutes=30 + 45 * (a % 3))

    def declare_interest(self, a: int, b: int) -> None:
        case = _one(self.world.of("case"), a)
        if case:
            user = _one(self.world.users, b)
            about = {"case_id": case["id"]} if a % 2 else {"child_id": case["child_id"]}
            now = self.world.now().isoformat()
            self.world.record(self.world.insert("interest_declared", user_id=user, declared_at=now, **about))

    def end_interest(self, a: int, b: int) -> None:
        declared = _one(self.world.of("interest_declared"), a)
        if declared:
            now = self.world.now().isoformat()
            self.world.record(self.world.update("interest_declared", declared["id"], ended_at=now))

    def change_person(self, a: int, b: int) -> None:
        user = _one(self.world.users[:5], a)
        role = ["caseworker", "business_support", "administrator", "supervisor"][b % 4]
        team = [*self.world.teams, None][(a + b) % 3]
        self.world.record(self.world.update("user", user, role=role, team_id=team, active=b % 7 != 0))

    def share_laptop(self, a: int, b: int) -> None:
        mirror, user = _one(self.world.mirrors, a), _one(self.world.users, b)
        if user not in mirror.people:
            self.world.services.trust.allow_person(mirror.device, user)
            mirror.people.append(user)

    # -- what is linked ------------------------------------------------------------------------------------------

    def link_parent(self, a: int, b: int) -> None:
        person, child = _one(self.world.of("person"), a), _one(self.world.children, b)
        if person and child:
            self.world.record(self.world.insert("relationship", child_id=child, person_id=person["id"], kind="PAM"))

    def unlink_parent(self, a: int, b: int) -> None:
        tie = _one(self.world.of("relationship"), a)
        if tie:
            self.world.record(self.world.delete("relationship", tie["id"]))

    def correct_parent(self, a: int, b: int) -> None:
        person = _one(self.world.of("person"), a)
        if person:
            self.world.record(self.world.update("person", person["id"], note=f"note {a} {b}"))

    def arrive_document(self, a: int, b: int) -> None:
        case = _one(self.world.of("case"), a)
        linked = {"case_id": case["id"]} if case and b % 3 == 0 else {}
        self.world.record(
            self.world.insert(
                "document",
                sha256="0" * 64,
                size=1,
                media_type="x",
                page_count=1,
                reading={},
                rotation={},
                arrived_at=self.world.now().isoformat(),
                created_by=self.world.users[0],
                **linked,
            )
        )

    def link_document(self, a: int, b: int) -> None:
        document, case = _one(self.world.of("document"), a), _one([*self.world.of("case"), None], b)
        if document:
            self.world.record(self.world.update("document", document["id"], case_id=case["id"] if case else None))

    def move_case(self, a: int, b: int) -> None:
        case, child = _one(self.world.of("case"), a), _one(self.world.children, b)
        if case and child and a % 4 == 0:
            self.world.marks = {w: u for w, u in self.world.marks.items() if u not in (case["child_id"], child)}
            self.world.record(self.world.update("case", case["id"], child_id=child))

    def delete_task(self, a: int, b: int) -> None:
        task = _one(self.world.of("task"), a)
        if task:
            self.world.record(self.world.delete("task", task["id"]))

    # -- laptops sync --------------------------------------------------------------------------------------------

    def pull(self, a: int, b: int) -> None:
        self.check(_one(self.world.mirrors, a), 1 + b % 7)

    def pull_without_answer(self, a: int, b: int) -> None:
        mirror = _one(self.world.mirrors, a)
        if mirror.started:
            self.world.services.reader.pull(mirror.device, mirror.cursor, 1 + b % 5)

    def keep_copy(self, a: int, b: int) -> None:
        place = a % len(self.world.mirrors)
        mirror = self.world.mirrors[place]
        self.earlier[place] = Mirror(
            mirror.services,
            mirror.laptop,
            mirror.people,
            mirror.version,
            copy.deepcopy(mirror.rows),
            set(mirror.held),
            mirror.cursor,
            mirror.started,
            mirror.own,
        )

    def put_back(self, a: int, b: int) -> None:
        place = a % len(self.world.mirrors)
        if place in self.earlier:
            self.world.mirrors[place] = self.earlier.pop(place)

    def check(self, mirror: Mirror, limit: int) -> None:
        mirror.received.clear()
        mirror.pull(limit)
        state, now = self.world.state, self.world.now()
        mirror.check(state, now)
        assert not self.world.leaks(mirror, mirror.visible(state, now))


def _one(some: list[Any], number: int) -> Any:
    return some[number % len(some)] if some else None


STEPS = [name for name in vars(History) if not name.startswith("_") and name not in ("step", "check")]


@settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), Pick, Pick), min_size=5, max_size=40))
def test_after_each_pull_a_laptop_holds_what_the_rule_says_and_was_sent_no_more(
    central: Any, frozen_time: Any, steps: list[tuple[str, int, int]]
) -> None:
    services: CentralServices = central.services
    history = History(World(services, frozen_time))
    history.open_case(0, 0)
    history.open_case(1, 0)
    for name, a, b in steps:
        history.step(name, a, b)
    for mirror in history.world.mirrors:
        history.check(mirror, 2000)
