"""What the central store does with pushes: order, idempotence, signatures, roles, bad values, gap-free revisions."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from app.central import records
from app.central.checks import DeviceIdentity
from app.central.services import CentralServices
from app.central.tables import change_log
from app.ids import new_id
from app.models import Case, Child, Task
from app.services.changes import Change, ChangeSet, encode
from app.services.signing import Signer, new_seed
from app.services.sync.protocol import ProtocolError, PushResult, SignedSet, receipt_statement
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.trust_protocol import EnrolRequest, enrolment_statement

NOW = datetime(2026, 11, 17, 9, tzinfo=UTC).isoformat()


class Laptop:
    """A laptop without a vault: signs change sets by hand."""

    def __init__(self, services: CentralServices, user_id: str) -> None:
        self.services = services
        self.signer = Signer(new_seed())
        self.device_id, self.user_id = new_id(), user_id
        code = services.trust.make_code(user_id)
        services.trust.enrol(
            EnrolRequest(
                code,
                self.device_id,
                "Test",
                self.signer.public_key,
                self.signer.sign(enrolment_statement(code, self.device_id, self.signer.public_key)),
                2026,
            )
        )
        self.identity = DeviceIdentity(self.device_id, user_id, self.signer.public_key)
        self.sequence = 0

    def change_set(self, *changes: Change, **values: Any) -> ChangeSet:
        self.sequence = values.pop("sequence", self.sequence + 1)
        plain = ChangeSet(new_id(), self.device_id, self.sequence, self.user_id, NOW, "Test", 0, list(changes))
        return msgspec.structs.replace(plain, **values)

    def signed(self, change_set: ChangeSet) -> SignedSet:
        body = encode(change_set)
        return SignedSet(body, self.signer.sign(body))

    def push(self, *sets: ChangeSet) -> list[PushResult]:
        return self.services.store.push(self.identity, [self.signed(each) for each in sets]).results


@pytest.fixture
def services(central: Any) -> CentralServices:
    return central.services


@pytest.fixture
def laptop(central: Any) -> Laptop:
    return Laptop(central.services, central.people["dawn"])


def insert(table: str, **values: Any) -> Change:
    row = {"id": new_id(), "created_at": NOW, **values}
    return Change(table, row["id"], "insert", {name: [None, value] for name, value in row.items()})


def task(text: str = "Ring the school") -> Change:
    return insert("task", text=text)


def rows(services: CentralServices, model: Any) -> list[Any]:
    with services.engine.connect() as connection:
        return list(connection.execute(select(model.__table__)).mappings())


def test_a_push_is_applied_in_order_and_answered_with_true_receipts(laptop: Laptop, services: CentralServices) -> None:
    sets = [laptop.change_set(task(f"Task {number}")) for number in range(5)]
    head = services.reader.head()
    results = laptop.push(*sets)
    assert [result.revision for result in results] == list(range(head + 1, head + 6))
    checker = ReceiptChecker(services.identity.signer.public_key)
    for each, result in zip(sets, results, strict=True):
        assert checker.fits(receipt_statement(encode(each), result.revision or 0, "accepted"), result.receipt)
        assert not checker.fits(receipt_statement(encode(each), 0, "accepted"), result.receipt)
    assert len(rows(services, Task)) == 5


def test_the_same_push_twice_changes_nothing_and_gives_the_same_answer(
    laptop: Laptop, services: CentralServices
) -> None:
    sets = [laptop.change_set(task()), laptop.change_set(task())]
    first, head = laptop.push(*sets), services.reader.head()
    assert laptop.push(*sets) == first
    assert laptop.push(sets[1]) == first[1:]
    assert services.reader.head() == head
    assert len(rows(services, Task)) == 2


def test_a_gap_is_held_and_never_skipped(laptop: Laptop, services: CentralServices) -> None:
    one, two, three = (laptop.change_set(task(f"Task {number}")) for number in (1, 2, 3))
    answer = services.store.push(laptop.identity, [laptop.signed(each) for each in (one, three)])
    assert [result.state for result in answer.results] == ["accepted", "held"]
    assert answer.last_sequence == 1
    assert [result.state for result in laptop.push(three)] == ["held"]
    assert [result.state for result in laptop.push(two, three)] == ["accepted", "accepted"]
    assert [row["text"] for row in rows(services, Task)] == ["Task 1", "Task 2", "Task 3"]


def test_a_number_used_by_another_change_set_is_refused(laptop: Laptop, services: CentralServices) -> None:
    laptop.push(laptop.change_set(task("first")))
    (result,) = laptop.push(laptop.change_set(task("other"), sequence=1))
    assert result.state == "refused"
    assert "restored from a backup" in result.reason
    assert [row["text"] for row in rows(services, Task)] == ["first"]


def test_a_wrong_signature_is_refused_and_writes_nothing(laptop: Laptop, services: CentralServices) -> None:
    change_set = laptop.change_set(task())
    forged = SignedSet(encode(change_set), Signer(new_seed()).sign(encode(change_set)))
    (result,) = services.store.push(laptop.identity, [forged]).results
    assert (result.state, result.revision) == ("refused", None)
    assert "signature" in result.reason
    assert not rows(services, Task)
    assert laptop.push(laptop.change_set(task("next")))[0].state == "accepted"


def test_another_laptops_change_set_is_not_even_read(laptop: Laptop, central: Any) -> None:
    other = Laptop(central.services, central.people["ruth"])
    with pytest.raises(ProtocolError):
        central.services.store.push(laptop.identity, [other.signed(other.change_set(task()))])


@pytest.mark.parametrize(
    "change",
    [
        Change("task", new_id(), "insert", {"id": [None, new_id()], "text": [None, "under another id"]}),
        insert("task", text=7),
        insert("task", text="x", due_on="17/11/2026"),
        insert("task", text="x", colour="red"),
        insert("no_such_table", text="x"),
        insert("case", reference="X", child_id="not an id", opened_on="2026-11-02"),
        insert("case_event", case_id=new_id(), kind="joke", happened_at=NOW),
        insert("case_event", case_id=new_id(), kind="note", happened_at="2026-11-17T09:00:00"),
        Change("task", "x" * 36, "insert", {"id": [None, "x" * 36], "text": [None, "x"]}),
        Change("task", new_id(), "explode", {}),
        Change("task", new_id(), "update", {"text": ["x"]}),
    ],
)
def test_what_does_not_fit_its_table_is_refused_whole(
    laptop: Laptop, services: CentralServices, change: Change
) -> None:
    results = laptop.push(laptop.change_set(task("good"), change), laptop.change_set(task("after")))
    assert [result.state for result in results] == ["refused", "accepted"]
    assert [row["text"] for row in rows(services, Task)] == ["after"]


@pytest.mark.parametrize("text", ["nul \x00 inside", "half \ud83d of a pair"])
def test_a_character_that_postgresql_cannot_hold_refuses_only_its_own_change_set(
    laptop: Laptop, services: CentralServices, text: str
) -> None:
    try:
        bad = laptop.change_set(task(text))
        laptop.signed(bad)
    except UnicodeEncodeError:
        return  # it cannot even be written down, so it cannot arrive
    results = laptop.push(
        laptop.change_set(task("before"), sequence=1),
        replace_sequence(bad, 2),
        laptop.change_set(task("after"), sequence=3),
    )
    assert [result.state for result in results] == ["accepted", "refused", "accepted"]
    assert sorted(row["text"] for row in rows(services, Task)) == ["after", "before"]


def replace_sequence(change_set: ChangeSet, sequence: int) -> ChangeSet:
    return msgspec.structs.replace(change_set, sequence=sequence)


def test_a_change_set_is_applied_whole_or_not_at_all(laptop: Laptop, services: CentralServices) -> None:
    child = insert("child", forename="Isla", surname="Merrow")
    case = insert("case", reference="CME-2026-00001", child_id=child.row, opened_on="2026-11-02")
    laptop.push(laptop.change_set(child, case))
    other = insert("child", forename="Rhys", surname="Pendleford")
    taken = insert("case", reference="CME-2026-00001", child_id=other.row, opened_on="2026-11-02")
    (result,) = laptop.push(laptop.change_set(other, taken))
    assert result.state == "refused"
    assert [row["forename"] for row in rows(services, Child)] == ["Isla"]
    assert len(rows(services, Case)) == 1


def test_derived_columns_are_made_here_and_defaults_are_filled_in(laptop: Laptop, services: CentralServices) -> None:
    laptop.push(laptop.change_set(insert("child", forename="Zoë", surname="Ødegård")))
    (child,) = rows(services, Child)
    assert (child["surname_folded"], child["forename_folded"]) == ("odegard", "zoe")
    assert child["middle_names"] == ""
    change = Change("child", str(child["id"]), "update", {"surname": ["Ødegård", "Łyko"]})
    laptop.push(laptop.change_set(change))
    assert rows(services, Child)[0]["surname_folded"] == "lyko"


def test_somebody_else_on_the_laptop_is_refused_until_an_administrator_says_so(
    laptop: Laptop, services: CentralServices, central: Any
) -> None:
    ruth = central.people["ruth"]
    assert laptop.push(laptop.change_set(task(), actor=ruth))[0].state == "refused"
    services.trust.allow_person(laptop.device_id, ruth)
    assert laptop.push(laptop.change_set(task(), actor=ruth))[0].state == "accepted"


def test_a_laptop_allowed_to_import_brings_in_records_in_anybodys_name(
    laptop: Laptop, services: CentralServices, central: Any, frozen_time: Any
) -> None:
    person = insert("user", username="gone", name="Left Long Ago", role="supervisor", active=False)
    assert laptop.push(laptop.change_set(person, actor=None))[0].state == "refused"
    services.trust.allow_import(laptop.device_id)
    importing = replace(laptop.identity, importing=True)
    change_set = laptop.change_set(person, actor=new_id())
    assert services.store.push(importing, [laptop.signed(change_set)]).results[0].state == "accepted"


def test_revisions_are_gap_free_to_readers_under_concurrent_pushes(central: Any) -> None:
    """A reader that follows the log while four laptops push never misses a revision."""
    services = central.services
    laptops = [Laptop(services, central.people["dawn"]) for _ in range(4)]
    follower = Laptop(services, central.people["dawn"]).device_id
    start = services.reader.snapshot_start(follower).revision
    done = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        cursor = start
        while not done.is_set() or cursor < services.reader.head():
            for entry in services.reader.pull(follower, cursor, 50).entries:
                seen.append(entry.revision)
                cursor = entry.revision

    def work(laptop: Laptop) -> None:
        for _ in range(15):
            laptop.push(laptop.change_set(task()), laptop.change_set(task()))

    reader = threading.Thread(target=follow)
    reader.start()
    writers = [threading.Thread(target=work, args=(laptop,)) for laptop in laptops]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join(20)
    assert seen == list(range(start + 1, start + 1 + 120))


def test_a_laptop_does_not_get_its_own_bodies_back(laptop: Laptop, services: CentralServices) -> None:
    another = Laptop(services, laptop.user_id).device_id
    head = max(services.reader.snapshot_start(each).revision for each in (laptop.device_id, another))
    laptop.push(laptop.change_set(task()))
    (own,) = services.reader.pull(laptop.device_id, head, 10).entries
    (other,) = services.reader.pull(another, head, 10).entries
    assert (own.body, own.revision) == (b"", other.revision)
    assert msgspec.json.decode(other.body)["device"] == laptop.device_id


def test_a_pull_is_bounded_in_bytes_and_still_moves(
    laptop: Laptop, services: CentralServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.central import pulling

    another = Laptop(services, laptop.user_id).device_id
    head = services.reader.snapshot_start(another).revision
    laptop.push(*(laptop.change_set(task("x" * 3000)) for _ in range(5)))
    monkeypatch.setattr(pulling, "PAGE_BYTES", 4000)
    got, cursor = [], head
    while entries := services.reader.pull(another, cursor, 100).entries:
        got.append(len(entries))
        cursor = entries[-1].revision
    assert got == [1, 1, 1, 1, 1]


def test_a_snapshot_is_the_store_page_by_page(laptop: Laptop, services: CentralServices) -> None:
    laptop.push(*(laptop.change_set(task(f"Task {number}")) for number in range(25)))
    table, after, texts, asked = "authority", None, [], 0
    while table is not None:
        answer = services.reader.snapshot(laptop.device_id, table, after, 10)
        asked += 1
        for page in answer.pages:
            if page.table == "task":
                place = page.columns.index("text")
                texts += [row[place] for row in msgspec.json.decode(page.rows)]
        table, after = answer.next_table, answer.next_after
    assert texts == [f"Task {number}" for number in range(25)]
    assert asked >= 3


def test_rows_come_back_in_the_form_they_were_sent(laptop: Laptop, services: CentralServices) -> None:
    at = "2026-11-17T09:00:00.120000+00:00"
    event = insert("case_event", case_id=new_id(), kind="note", happened_at=at, body='line\n"quoted" é 漢')
    laptop.push(laptop.change_set(event))
    with services.engine.connect() as connection:
        row = records.load(connection, "case_event", [event.row])[event.row]
    assert {name: row[name] for name in event.fields} == {name: new for name, (_, new) in event.fields.items()}


def test_refused_change_sets_are_kept_in_the_log_with_their_reason(laptop: Laptop, services: CentralServices) -> None:
    laptop.push(laptop.change_set(insert("user", username="x", name="X", role="supervisor")))
    with services.engine.connect() as connection:
        row = connection.execute(select(change_log).where(change_log.c.device_id == laptop.device_id)).one()
    assert (row.state, row.revision) == ("refused", None)
    assert row.refusal.startswith("Your role")


def test_postgresql_keeps_no_values_in_its_own_log(laptop: Laptop, services: CentralServices, postgres: Any) -> None:
    child = insert("child", forename="Sentinel", surname="Quixworthy")
    case = insert("case", reference="SENTINEL-77", child_id=child.row, opened_on="2026-11-02")
    again = insert("case", reference="SENTINEL-77", child_id=child.row, opened_on="2026-11-02")
    hidden = task("Quixworthy \x00")
    results = laptop.push(laptop.change_set(child, case), laptop.change_set(again), laptop.change_set(hidden))
    assert [result.state for result in results] == ["accepted", "refused", "refused"]
    written = postgres.log.read_text()
    assert "ERROR" in written
    assert "SENTINEL-77" not in written
    assert "Quixworthy" not in written


def test_who_opens_a_case_may_take_it_and_only_a_supervisor_gives_it_away(
    laptop: Laptop, services: CentralServices, central: Any
) -> None:
    dawn, ruth = central.people["dawn"], central.people["ruth"]
    child = insert("child", forename="Isla", surname="Merrow")
    case = insert("case", reference="CME-2026-00001", child_id=child.row, opened_on="2026-11-02", officer_id=dawn)
    mine = insert("assignment", case_id=case.row, officer_id=dawn, number=1, assigned_at=NOW)
    assert laptop.push(laptop.change_set(child, case, mine))[0].state == "accepted"
    given = Change("case", case.row, "update", {"officer_id": [dawn, ruth]})
    other = insert("assignment", case_id=case.row, officer_id=ruth, number=2, assigned_at=NOW)
    closed = insert("closure", case_id=case.row, outcome="P")
    for change in (given, other, closed):
        assert laptop.push(laptop.change_set(change))[0].state == "refused"
    supervisor = Laptop(services, ruth)
    assert supervisor.push(supervisor.change_set(given, other, closed))[0].state == "accepted"


def test_every_synced_table_has_somebody_who_may_write_it() -> None:
    from app.central.checks import needed_permissions
    from app.models import SYNCED_TABLES
    from app.models.terms import Role
    from app.services.access import allowed

    for table in SYNCED_TABLES:
        needed = needed_permissions([Change(table, new_id(), "insert", {})])
        assert any(all(any(allowed(role, each) for each in some) for some in needed) for role in Role), table
