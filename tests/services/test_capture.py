"""Nothing that is written escapes the outbox."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Date, inspect, select, update
from sqlalchemy import Enum as EnumType

from app.errors import BugError
from app.ids import new_id
from app.models import SYNCED_TABLES, AuditEntry, CaseEvent, ChangeLine, ChangeSetRow, Child
from app.models.base import UtcDateTime
from app.models.terms import EventKind
from app.services import audit
from app.services.audit import Action
from app.services.bulk import BulkRecorder
from app.services.changes import Change, collapse, decode
from app.services.signing import Signer, verified
from app.services.vault import Vault
from app.services.wire import row_from_wire
from app.services.workspace import Workspace

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


def strategy_for(column: Any) -> st.SearchStrategy[Any]:
    kind = column.type
    if column.primary_key or type(kind).__name__ == "Uuid":
        return st.builds(new_id)
    if isinstance(kind, UtcDateTime):
        return st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))
    if isinstance(kind, Date):
        return st.dates(date(1990, 1, 1), date(2090, 1, 1))
    if isinstance(kind, EnumType):
        return st.sampled_from(list(kind.enum_class))
    name = type(kind).__name__
    if name == "Boolean":
        return st.booleans()
    if name == "Integer":
        return st.integers(0, 2**31 - 1)
    if name == "JSON":
        return st.dictionaries(st.text(st.characters(codec="ascii", categories=["L"]), max_size=8), TEXT, max_size=3)
    return TEXT


@st.composite
def a_row(draw: st.DrawFn, table: str) -> dict[str, Any]:
    model = SYNCED_TABLES[table]
    row = {}
    for column in inspect(model).columns:
        if column.key in model.derived_fields:
            continue
        if column.nullable and draw(st.booleans()):
            row[column.key] = None
        else:
            row[column.key] = draw(strategy_for(column))
    if model.__tablename__ in ("user", "school", "case"):
        unique = {"user": "username", "school": "urn", "case": "reference"}[table]
        row[unique] = new_id()
    return row


def outbox(workspace: Workspace) -> list[ChangeSetRow]:
    with workspace.read() as session:
        return list(session.scalars(select(ChangeSetRow).order_by(ChangeSetRow.sequence)))


@pytest.mark.parametrize("table", list(SYNCED_TABLES))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_insert_update_and_delete_of_every_table_is_in_the_outbox_and_rebuilds_the_row(
    workspace: Workspace, table: str, data: st.DataObject
) -> None:
    model = SYNCED_TABLES[table]
    first, second = data.draw(a_row(table)), data.draw(a_row(table))
    before = len(outbox(workspace))
    with workspace.write("Made") as session:
        session.add(model(**first))
    with workspace.write("Changed") as session:
        record = session.get_one(model, first["id"])
        for name, value in second.items():
            if name != "id":
                setattr(record, name, value)
    with workspace.read() as session:
        stored = dict(inspect(session.get_one(model, first["id"])).dict)
    rebuilt: dict[str, Any] = {}
    for row in outbox(workspace)[before:]:
        for change in decode(row.body).changes:
            if change.row == first["id"]:
                assert all(rebuilt.get(name) == old for name, (old, _) in change.fields.items() if name in rebuilt)
                rebuilt.update({name: new for name, (_, new) in change.fields.items()})
    from app.services.wire import complete

    again = complete(model, row_from_wire(model, {"id": first["id"], **rebuilt}))
    for name, value in stored.items():
        if not name.startswith("_") and name not in ("created_at", "created_by"):
            assert again[name] == value, name
    with workspace.write("Removed") as session:
        session.delete(session.get_one(model, first["id"]))
    assert decode(outbox(workspace)[-1].body).changes[-1].op == "delete"


def test_a_change_set_is_signed_in_sequence_and_indexed(workspace: Workspace, vault: Vault) -> None:
    with workspace.write("Met a child") as session:
        child = Child(forename="Zoë", surname="O’Samplez-Nguyễn", born_on=date(2012, 2, 29))
        session.add(child)
    rows = outbox(workspace)
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    last = rows[-1]
    assert last.reason == "Met a child"
    assert last.actor_name == "Dawn Ellery"
    signer: Signer = workspace._signer
    assert verified(signer.public_key, last.body, last.signature)
    assert not verified(signer.public_key, last.body + b" ", last.signature)
    with workspace.read() as session:
        line = session.scalars(select(ChangeLine).where(ChangeLine.change_set_id == last.id)).one()
        assert (line.table_name, line.row_id, line.subject_id) == ("child", child.id, child.id)
        stored = session.get_one(Child, child.id)
    assert stored.surname_folded == "osamplez nguyen"
    assert "surname_folded" not in decode(last.body).changes[0].fields


def test_a_failed_write_leaves_neither_record_nor_change_set_nor_audit(workspace: Workspace) -> None:
    before = len(outbox(workspace))
    with workspace.read() as session:
        audited = session.query(AuditEntry).count()
    with pytest.raises(RuntimeError), workspace.write("Half done") as session:
        session.add(Child(forename="Test", surname="Halfway"))
        session.flush()
        raise RuntimeError
    assert len(outbox(workspace)) == before
    with workspace.read() as session:
        assert session.query(AuditEntry).count() == audited
        assert session.scalars(select(Child).where(Child.surname == "Halfway")).first() is None


def test_statements_that_go_round_capture_are_refused(workspace: Workspace) -> None:
    with pytest.raises(BugError), workspace.write("Round it") as session:
        session.execute(update(Child).values(forename="X"))
    with pytest.raises(BugError), workspace.write("Round it") as session:
        session.execute(Child.__table__.insert(), {"id": new_id(), "forename": "X", "surname": "Y"})


def test_changing_a_record_in_a_reading_session_is_refused(workspace: Workspace) -> None:
    with workspace.read() as session:
        session.add(Child(forename="Test", surname="Reader"))
        with pytest.raises(BugError):
            session.flush()


def test_several_flushes_of_one_write_become_one_change(workspace: Workspace) -> None:
    with workspace.write("Made and changed") as session:
        child = Child(forename="One", surname="Flush")
        session.add(child)
        session.flush()
        child.forename = "Two"
        session.flush()
        child.forename = "Three"
    (change,) = decode(outbox(workspace)[-1].body).changes
    assert change.op == "insert"
    assert change.fields["forename"] == [None, "Three"]


def test_setting_a_field_to_what_it_was_is_no_change(workspace: Workspace) -> None:
    with workspace.write("Made") as session:
        child = Child(forename="Same", surname="Same")
        session.add(child)
    before = len(outbox(workspace))
    with workspace.write("Nothing") as session:
        again = session.get_one(Child, child.id)
        again.forename = "Other"
        session.flush()
        again.forename = "Same"
    assert len(outbox(workspace)) == before


def test_the_bulk_recorder_records_what_it_writes(workspace: Workspace) -> None:
    with workspace.write("Imported") as session:
        made = BulkRecorder(session).insert(
            Child, ({"forename": f"Test {number}", "surname": "Bulk"} for number in range(2500))
        )
    assert made == 2500
    sets = [decode(row.body) for row in outbox(workspace) if row.reason == "Imported"]
    assert [len(change_set.changes) for change_set in sets] == [1000, 1000, 500]
    with workspace.read() as session:
        ids = list(session.scalars(select(Child.id).where(Child.surname == "Bulk").limit(5)))
    with workspace.write("Corrected") as session:
        changed = BulkRecorder(session).update(
            Child, [(key, {"surname": ("Bulk", "Bülk"), "sex": ("", "")}) for key in ids]
        )
    assert changed == 5
    with workspace.read() as session:
        assert session.get_one(Child, ids[0]).surname_folded == "bulk"
    assert decode(outbox(workspace)[-1].body).changes[0].fields == {"surname": ["Bulk", "Bülk"]}


def test_the_audit_chain_verifies_and_shows_an_edit_a_removal_and_a_reordering(workspace: Workspace) -> None:
    for number in range(5):
        workspace.audit(Action.READ, "case", new_id(), {"number": number})
    with workspace.read() as session:
        result = audit.verify(session)
    assert result.finding is None
    assert result.entries >= 5
    for spoil in (
        "UPDATE audit_entry SET body = replace(body, 'case', 'file') WHERE sequence = 3",
        "DELETE FROM audit_entry WHERE sequence = 3",
        "UPDATE audit_entry SET hash = zeroblob(32) WHERE sequence = 3",
    ):
        with workspace.local_session() as session:
            session.connection().exec_driver_sql("SAVEPOINT spoiled")
            session.connection().exec_driver_sql(spoil)
            found = audit.verify(session).finding
            session.connection().exec_driver_sql("ROLLBACK TO spoiled")
        assert found is not None
        assert found.sequence == 3


def test_listeners_hear_which_tables_a_commit_touched(workspace: Workspace) -> None:
    heard: list[frozenset[str]] = []
    stop = workspace.on_change(heard.append)
    with workspace.write("Noted") as session:
        session.add(CaseEvent(case_id=new_id(), kind=EventKind.NOTE, happened_at=workspace.time.now()))
    stop()
    with workspace.write("Noted") as session:
        session.add(CaseEvent(case_id=new_id(), kind=EventKind.NOTE, happened_at=workspace.time.now()))
    assert heard == [frozenset({"case_event"})]


OPS = st.lists(st.sampled_from(["insert", "update", "delete"]), min_size=1, max_size=6)


@given(ops=OPS, values=st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_collapsing_changes_keeps_their_sum(ops: list[str], values: list[int]) -> None:
    state: dict[str, int] | None = None
    start: dict[str, int] | None = None
    changes: list[Change] = []
    for number, (op, value) in enumerate(zip(ops, values, strict=False)):
        exists = state is not None
        if op == "insert" and exists:
            continue
        if op != "insert" and not exists:
            if number or op == "insert":
                continue
            state = start = {"a": 9}
        if op == "insert":
            changes.append(Change("t", "r", "insert", {"a": [None, value]}))
            state = {"a": value}
        elif op == "update":
            assert state is not None
            changes.append(Change("t", "r", "update", {"a": [state["a"], value]}))
            state = {"a": value}
        else:
            assert state is not None
            changes.append(Change("t", "r", "delete", {"a": [state["a"], None]}))
            state = None
    replayed = dict(start) if start is not None else None
    for change in collapse(changes):
        if change.op == "delete":
            replayed = None
        else:
            replayed = {**(replayed or {}), **{name: new for name, (_, new) in change.fields.items()}}
    assert replayed == state


def test_two_vaults_do_not_share_a_sequence(make_vault: Callable[..., Vault]) -> None:
    one, two = make_vault("one").workspace(), make_vault("two").workspace()
    assert outbox(one)[0].sequence == outbox(two)[0].sequence == 1
    assert outbox(one)[0].device_id != outbox(two)[0].device_id
