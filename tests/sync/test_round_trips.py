"""Any row of any synced table goes out, through PostgreSQL, and into another vault, and is the same row."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Boolean, Date, Float, Integer, Uuid, inspect, select
from sqlalchemy import Enum as EnumType

from app.ids import new_id
from app.models import SYNCED_TABLES
from app.models.base import UtcDateTime
from app.services.bulk import BulkRecorder
from app.services.signing import Signer, new_seed
from app.services.sync.receipts import ReceiptChecker, issue
from app.services.sync.shapes import columns_of, convert_rows, stored_columns, stored_rows
from app.services.wire import to_wire
from app.services.workspace import Workspace

# What may be written: any text without NUL and half surrogate pairs, which no database of the two can hold.
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
instants = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def _values_of(column: Any) -> st.SearchStrategy[Any]:
    kind = column.type
    if isinstance(kind, Uuid):
        plain: st.SearchStrategy[Any] = st.builds(new_id)
    elif isinstance(kind, UtcDateTime):
        plain = instants
    elif isinstance(kind, Date):
        plain = st.dates(date(1900, 1, 1), date(2100, 1, 1))
    elif isinstance(kind, EnumType):
        plain = st.sampled_from(list(kind.enum_class or kind.enums))
    elif isinstance(kind, Boolean):
        plain = st.booleans()
    elif isinstance(kind, Integer):
        plain = st.integers(-(2**31), 2**31 - 1)
    elif isinstance(kind, Float):
        plain = st.floats(allow_nan=False, allow_infinity=False)
    elif isinstance(kind, JSON):
        return st.dictionaries(texts, json_values, max_size=3)
    else:
        plain = texts
    return st.none() | plain if column.nullable else plain


def row_of(model: type) -> st.SearchStrategy[dict[str, Any]]:
    columns = {
        column.key: _values_of(column)
        for column in inspect(model).columns
        if column.key not in model.derived_fields and column.key != "id"  # type: ignore[attr-defined]
    }
    return st.fixed_dictionaries(columns)


def _stored(ws: Workspace, model: Any, row_id: str) -> dict[str, Any]:
    with ws.read() as session:
        return dict(session.execute(select(model.__table__).where(model.id == row_id)).mappings().one())


@pytest.fixture
def laptops(enrol_laptop: Callable[..., Any], central: Any) -> tuple[Workspace, Workspace]:
    one, two = enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()
    # Rows of every table, people included, in one laptop's name: what an import may do.
    central.services.trust.allow_import(one.actor.device_id)
    return one, two


def test_every_synced_table_round_trips_between_two_vaults(
    laptops: tuple[Workspace, Workspace], sync_once: Callable[[Workspace], Any]
) -> None:
    """Many random rows of each table in one sync; then every field changed to another row's value, and back again."""
    one, two = laptops
    made: dict[str, list[str]] = {}

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data())
    def fill(data: st.DataObject) -> None:
        # One family, so that both laptops may hold every row of it.
        ids = {name: new_id() for name in SYNCED_TABLES}
        links = {f"{name}_id": ids[name] for name in ("child", "case", "person", "letter")}
        links["subject_id"] = ids["case"]
        with one.write("Filled") as session:
            for name, model in SYNCED_TABLES.items():
                row = data.draw(row_of(model), label=name)
                row["id"] = ids[name]
                row |= {column: value for column, value in links.items() if column in row}
                if name == "case":
                    row["team_id"] = None
                for column in inspect(model).columns:
                    if column.unique:
                        row[column.key] = f"{row[column.key]} {row['id']}"
                BulkRecorder(session).insert(model, [row])
                made.setdefault(name, []).append(row["id"])

    fill()
    report = sync_once(one)
    assert report.refused == 0, set(report.reasons)
    sync_once(two)
    for name, ids in made.items():
        for row_id in ids:
            assert _stored(one, SYNCED_TABLES[name], row_id) == _stored(two, SYNCED_TABLES[name], row_id)
    with one.write("Swapped") as session:
        for name, ids in made.items():
            model = SYNCED_TABLES[name]
            for target, source in zip(ids, ids[1:] + ids[:1], strict=True):
                old, new = _stored(one, model, target), _stored(one, model, source)
                free = [
                    column.key
                    for column in inspect(model).columns
                    if not column.unique and column.key not in {"id", *model.derived_fields}
                ]
                BulkRecorder(session).update(model, [(target, {key: (old[key], new[key]) for key in free})])
    report = sync_once(one)
    assert (report.refused, report.conflicted) == (0, 0), set(report.reasons)
    sync_once(two)
    for name, ids in made.items():
        for row_id in ids:
            assert _stored(one, SYNCED_TABLES[name], row_id) == _stored(two, SYNCED_TABLES[name], row_id)


@pytest.mark.parametrize("name", list(SYNCED_TABLES))
def test_rows_written_bare_are_stored_as_the_mapping_stores_them(name: str, workspace: Workspace) -> None:
    """The short cut of a pull gives byte for byte what SQLAlchemy's own types give."""
    model = SYNCED_TABLES[name]

    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(row_of(model))
    def check(row: dict[str, Any]) -> None:
        row["id"], row["created_by"] = new_id(), new_id()
        for column in inspect(model).columns:
            if column.unique:
                row[column.key] = row["id"]
        with workspace.write("Filled") as session:
            BulkRecorder(session).insert(model, [row])
        columns = columns_of(name)
        wire = [to_wire(row.get(column)) for column in columns]
        (checked,) = convert_rows(name, columns, [msgspec.json.decode(msgspec.json.encode(wire))])
        (bare,) = stored_rows(name, columns, [checked])
        quoted = ", ".join(f'"{column}"' for column in stored_columns(name, columns))
        with workspace.read() as session:
            by_mapping = (
                session.connection()
                .exec_driver_sql(f'SELECT {quoted} FROM "{name}" WHERE id = ?', (row["id"].replace("-", ""),))
                .one()
            )
        json_places = {
            place for place, column in enumerate(columns) if isinstance(inspect(model).columns[column].type, JSON)
        }
        for place, (ours, theirs) in enumerate(zip(bare, by_mapping, strict=True)):
            if place in json_places:
                assert msgspec.json.decode(ours) == msgspec.json.decode(theirs)
            else:
                assert ours == theirs

    check()


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=40, unique=True), st.data())
@settings(max_examples=40, deadline=None)
def test_every_receipt_of_a_batch_stands_alone_and_fits_nothing_else(
    statements: list[bytes], data: st.DataObject
) -> None:
    signer = Signer(new_seed())
    receipts = issue(signer, statements)
    place = data.draw(st.integers(0, len(statements) - 1))
    other = data.draw(st.integers(0, len(statements) - 1))
    assert ReceiptChecker(signer.public_key).fits(statements[place], receipts[place])
    checker = ReceiptChecker(signer.public_key)
    if other != place:
        assert not checker.fits(statements[other], receipts[place])
    spoiled = bytearray(receipts[place])
    spoiled[data.draw(st.integers(0, len(spoiled) - 1))] ^= 1
    assert not checker.fits(statements[place], bytes(spoiled))
    assert not ReceiptChecker(Signer(new_seed()).public_key).fits(statements[place], receipts[place])
