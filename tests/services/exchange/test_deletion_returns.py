"""Lists of deletion returns: CSV and Excel, tolerant headings, every bad row with its reason, hostile files refused."""

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.errors import UserError
from app.models import ChangeSetRow, Referral
from app.models.terms import ReferralSource, ReferralState
from app.services import grounds, referrals
from app.services.exchange import deletion_returns, gias, tables
from app.services.exchange.report import ImportReport, Severity, neutralise, restore
from app.services.exchange.return_columns import bind_headings, field_of
from app.services.exchange.return_rows import parse_date
from app.services.workspace import Workspace

SAMPLES = Path(__file__).parent / "samples"
HEADER = (
    "School,URN,Pupil Surname,Pupil First Name,Date of Birth,UPN,Home Address,Postcode,Parent/Carer Name,"
    "Emergency Contact Number,Date Removed from Roll,Ground for Deletion,Destination School,Head's remarks"
)
GOOD = (
    "Invented Meadow Primary School,999901,Testerton,Ayla,03/11/2015,D850000016014,"
    '"Flat 2, 14 Pretend Street",ZZ99 3VZ,'
    "Morgan Testerton,07700 900123,17/11/2026,9(1)(i),,quiet child"
)


def with_value(heading: str, value: str) -> str:
    cells = dict(zip(HEADER.split(","), next(iter(csv.reader([GOOD]))), strict=True))
    cells[heading] = value
    out = io.StringIO()
    csv.writer(out).writerow(cells.values())
    return out.getvalue().strip()


def listing(*rows: str, header: str = HEADER, encoding: str = "utf-8") -> bytes:
    return "\r\n".join((header, *rows, "")).encode(encoding)


def run(ws: Workspace, *rows: str) -> ImportReport:
    return deletion_returns.import_returns(ws, listing(*rows), file_name="returns.csv")


def only(ws: Workspace) -> referrals.ReferralView:
    return referrals.load(ws, referrals.waiting(ws)[0].id)


def count(ws: Workspace, model: type) -> int:
    with ws.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def workbook(rows: list[list[object]], **options: object) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_good_row_becomes_a_draft_referral_right_to_the_field(workspace: Workspace) -> None:
    report = run(workspace, GOOD)
    assert (report.rows_read, report.added, report.refused) == (1, 1, 0)
    view = only(workspace)
    child, known, who = view.answers.child, view.answers.known, view.answers.who
    assert (child.forename, child.surname, child.born_on, child.upn) == (
        "Ayla",
        "Testerton",
        "2015-11-03",
        "D850000016014",
    )
    assert (child.address, child.postcode) == ("Flat 2, 14 Pretend Street", "ZZ99 3VZ")
    carer = view.answers.family.carers[0]
    assert (carer.forename, carer.surname, carer.phone) == ("Morgan", "Testerton", "07700 900123")
    assert (known.ground_regime, known.ground_code, known.on_roll_until) == ("PR2024", "9(1)(i)", "2026-11-17")
    assert (who.source, who.school_name, who.received_on) == (
        "school_deletion",
        "Invented Meadow Primary School",
        "2026-11-17",
    )
    assert view.answers.kept["columns"] == {"Head's remarks": "quiet child"}
    assert view.answers.queries == []
    assert (view.state, view.import_batch) == (ReferralState.DRAFT, "returns.csv, line 2")
    with workspace.read() as session:
        record = session.scalars(select(Referral)).one()
        assert (record.source, record.received_on) == (ReferralSource.SCHOOL_DELETION, date(2026, 11, 17))


def test_the_regime_follows_the_deletion_date(workspace: Workspace) -> None:
    report = run(workspace, with_value("Date Removed from Roll", "18/08/2024"))
    assert (report.added, report.refused) == (1, 0)
    query = next(issue for issue in report.issues if issue.severity is Severity.QUERY)
    assert query.column == "Ground for Deletion"
    assert "9(1)(i) is a ground of the 2024 Regulations, which did not apply on 18 August 2024" in query.why
    view = only(workspace)
    assert (view.answers.known.ground_code, view.answers.known.ground_as_given) == ("", "9(1)(i)")
    assert view.answers.queries == [query.why]


@pytest.mark.parametrize("code", ["left", "other", "9(1)(z)", "8(1)(h)", "h", "OTHER - moved away", ""])
def test_a_code_outside_the_regime_is_a_question_and_never_other(workspace: Workspace, code: str) -> None:
    report = run(workspace, with_value("Ground for Deletion", code))
    assert (report.added, report.queries) == (1, 1)
    known = only(workspace).answers.known
    assert (known.ground_regime, known.ground_code, known.ground_as_given) == ("", "", code)


def test_what_the_regulations_want_and_is_missing_is_asked_for_by_name(workspace: Workspace) -> None:
    row = "Invented Meadow Primary School,999901,Testerton,Ayla,03/11/2015,,,,,,17/11/2026,9(1)(i),,"
    report = run(workspace, row)
    query = next(issue for issue in report.issues if issue.severity is Severity.QUERY)
    assert query.why == (
        "Missing from the return (reg 13(4)): the pupil's address, the full name of each parent, "
        "the parent's address, a telephone number of a parent."
    )
    older = row.replace("17/11/2026,9(1)(i)", "01/06/2024,8(1)(h)")
    report = run(workspace, older)
    assert "reg 12(7)" in next(issue.why for issue in report.issues if issue.severity is Severity.QUERY)


@pytest.mark.parametrize(
    ("heading", "value", "why"),
    [
        ("Date of Birth", "31/02/2015", "This is not a date"),
        ("Date of Birth", "03/11/15", "four digits"),
        ("Date of Birth", "42311", "This is not a date"),
        ("Date of Birth", "03/11/1915", "last 25 years"),
        ("Date of Birth", "03/11/2027", "last 25 years"),
        ("Date Removed from Roll", "", "The date of deletion is missing"),
        ("Date Removed from Roll", "soon", "This is not a date"),
        ("Date Removed from Roll", "01/09/2005", "must be 1 September 2006 or later"),
        ("Date Removed from Roll", "01/12/2027", "more than a year away"),
        ("Pupil Surname", "=cmd|' /C calc'!A0", "Holds a formula"),
        ("Pupil Surname", "...", "This is not a name"),
        ("Pupil Surname", "A" * 200, "This is not a name"),
        ("Pupil First Name", "ZoÃ«", "spoilt accents"),
        ("Pupil First Name", "A\x00B", "null character"),
        ("Home Address", "x" * 30_000, "far too long"),
        ("Home Address", "Lost \ufffd letter", "could not be read"),
    ],
)
def test_each_bad_row_says_line_column_and_why_and_the_good_row_goes_in(
    workspace: Workspace, heading: str, value: str, why: str
) -> None:
    report = run(workspace, with_value(heading, value), GOOD)
    assert (report.rows_read, report.added, report.refused) == (2, 1, 1)
    issue = next(issue for issue in report.issues if issue.severity is Severity.REFUSED)
    assert (issue.line, issue.column) == (2, heading)
    assert why in issue.why
    assert count(workspace, Referral) == 1


def test_a_row_without_any_name_is_refused(workspace: Workspace) -> None:
    row = with_value("Pupil Surname", "").replace("Ayla", "")
    report = run(workspace, row)
    assert (report.added, report.refused) == (0, 1)
    assert "has no name" in report.issues[0].why


def test_ragged_rows_and_open_quotes_are_listed_by_line(workspace: Workspace) -> None:
    report = run(workspace, "too,few", GOOD, 'A,"B')
    assert report.added == 1
    lines = {issue.line: issue.why for issue in report.issues if issue.severity is Severity.REFUSED}
    assert "2 values where the headings need 14" in lines[2]
    assert "never closed" in lines[4]


def test_saved_bad_rows_can_be_put_right_and_tried_again(workspace: Workspace) -> None:
    bad = with_value("Date of Birth", "31/02/2015").replace("quiet child", "=HYPERLINK(x)")
    report = run(workspace, bad)
    assert report.refused == 1
    saved = report.bad_rows_csv()
    assert saved.startswith(b"\xef\xbb\xbf")
    assert b'"\'=HYPERLINK(x)"' in saved
    mended = saved.replace(b"31/02/2015", b"03/11/2015").replace(b"'=HYPERLINK(x)", b"quiet")
    again = deletion_returns.import_returns(workspace, mended, file_name="again.csv")
    assert (again.added, again.refused) == (1, 0)
    assert only(workspace).answers.child.born_on == "2015-11-03"


@pytest.mark.parametrize("cell", ["=1+1", "+44 7700", "-2", "@sum", "\tx", "\rx"])
def test_no_cell_of_a_report_is_a_formula(cell: str) -> None:
    assert neutralise(cell) == "'" + cell
    assert restore(neutralise(cell)) == cell
    assert neutralise("plain") == restore("plain") == "plain"
    assert restore("'quoted") == "'quoted"


def test_a_list_sent_twice_makes_nothing_twice(workspace: Workspace) -> None:
    run(workspace, GOOD)
    before = count(workspace, ChangeSetRow)
    report = run(workspace, GOOD, GOOD)
    assert (report.added, report.unchanged) == (0, 2)
    assert count(workspace, ChangeSetRow) == before


def test_a_dry_run_writes_nothing_and_says_the_same(workspace: Workspace) -> None:
    content = listing(GOOD, with_value("Date of Birth", "x"))
    dry = deletion_returns.import_returns(workspace, content, dry_run=True)
    assert count(workspace, Referral) == 0
    real = deletion_returns.import_returns(workspace, content)
    assert (dry.added, dry.refused, dry.queries) == (real.added, real.refused, real.queries)
    assert dry.issues == real.issues


def test_cancelling_keeps_whole_commits(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion_returns, "ROWS_A_COMMIT", 2)
    rows = [with_value("Pupil First Name", f"Child{letter}") for letter in "ABCDE"]
    done: list[int] = []
    report = deletion_returns.import_returns(
        workspace, listing(*rows), progress=lambda n, _: done.append(n), cancelled=lambda: bool(done)
    )
    assert report.cancelled
    assert count(workspace, Referral) == 2
    assert "The 2 rows already saved are kept." in report.summary


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_separators_are_found_out(workspace: Workspace, encoding: str, delimiter: str) -> None:
    text = "\r\n".join(
        (
            delimiter.join(("Name", "DOB", "Date of deletion", "Ground")),
            delimiter.join(("Zoë Brontë", "03/05/2013", "17/11/2026", "9(1)(i)")),
        )
    )
    assert deletion_returns.import_returns(workspace, text.encode(encoding)).added == 1
    child = only(workspace).answers.child
    assert (child.forename, child.surname) == ("Zoë", "Brontë")


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("DOB", "born_on"),
        ("D.O.B.", "born_on"),
        ("Date of birth (DD/MM/YYYY)*", "born_on"),
        ("  PUPIL   SURNAME ", "surname"),
        ("Parent/Carer name", "parent_name"),
        ("Ground code", "ground"),
        ("Off-roll date", "deleted_on"),
        ("Favourite colour", None),
        ("", None),
    ],
)
def test_headings_are_matched_tolerantly(heading: str, name: str | None) -> None:
    assert field_of(heading) == name


def test_a_column_of_codes_wins_over_one_of_reasons_and_both_are_kept() -> None:
    mapping = bind_headings(("Reason", "Name", "Deletion date", "Ground code", "Address 1", "Address 2"))
    cells = ["moved", "A B", "17/11/2026", "9(1)(g)", "1 Road", "Town"]
    assert mapping.value(cells, "ground") == "9(1)(g)"
    assert mapping.value(cells, "address") == "1 Road\nTown"
    assert mapping.other == {0: "Reason"}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("29/02/2012", date(2012, 2, 29)),
        ("2012-02-29", date(2012, 2, 29)),
        ("2012-02-29 00:00", date(2012, 2, 29)),
        ("29.02.2012", date(2012, 2, 29)),
        ("29 February 2012", date(2012, 2, 29)),
        ("29th Feb 2012", date(2012, 2, 29)),
        ("29-Feb-2012", date(2012, 2, 29)),
        ("", None),
    ],
)
def test_dates_are_read_day_first(text: str, day: date | None) -> None:
    assert parse_date(text) == day


def test_the_school_is_found_by_its_number(workspace: Workspace) -> None:
    gias.import_schools(workspace, (SAMPLES / "gias_hampshire_2017_relayout.csv").read_bytes())
    header = "Name,DfE Number,Date of deletion,Ground"
    content = listing("Ayla Testerton,850/1001,17/11/2026,9(1)(i)", header=header)
    deletion_returns.import_returns(workspace, content)
    who = only(workspace).answers.who
    assert (who.school_urn, who.school_name) == ("115830", "Haven Early Years Centre")


BAD_FILES: dict[str, Callable[[], bytes]] = {
    "The file is empty": lambda: b"\xef\xbb\xbf \r\n",
    "larger than 20 MB": lambda: b"Name," * 5_000_000,
    'no columns for "date of deletion", "ground for deletion"': lambda: b"Name,DOB\r\nA B,\r\n",
    'no column for "last name"': lambda: b"First name,Deletion date,Ground\r\nA,,\r\n",
    "has headings and no rows": lambda: listing(),
    "says it is UTF-8 but is not": lambda: b"\xef\xbb\xbf" + listing(GOOD) + b"\xff",
    "says it is UTF-16 but is not": lambda: b"\xff\xfe" + listing(GOOD, encoding="utf-16-le") + b"\x00",
    "mixes two encodings": lambda: listing(GOOD, encoding="utf-8") + "Zoë".encode() + "Zoë".encode("cp1252"),
    "not a CSV or Excel file": lambda: b"%PDF-1.7 nonsense",
    "old Excel file": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100,
    "damaged or is not a workbook": lambda: b"PK\x03\x04" + b"\0" * 100,
    "not an Excel workbook": lambda: _zip({"word/document.xml": b"<w/>"}),
    "unpacks to far more": lambda: _zip({"xl/workbook.xml": b"<w/>", "xl/big.xml": b"\0" * (130 * 1024 * 1024)}),
    "too many parts": lambda: _zip({"xl/workbook.xml": b"", **{f"x{n}": b"" for n in range(600)}}),
    "entity declarations": lambda: _zip({"xl/workbook.xml": b"<!DOCTYPE x [<!ENTITY a 'b'>]><w/>"}),
    "The workbook is empty": lambda: workbook([]),
    "not a line of headings": lambda: (",".join(f"c{n}" for n in range(500)) + "\r\n").encode(),
}


def _zip(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in parts.items():
            bundle.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("words", BAD_FILES)
def test_each_bad_file_gives_its_message_and_changes_nothing(workspace: Workspace, words: str) -> None:
    with pytest.raises(UserError) as refused:
        deletion_returns.import_returns(workspace, BAD_FILES[words]())
    assert words in refused.value.message
    assert refused.value.message.endswith("Nothing was imported.")
    assert count(workspace, Referral) == 0


def test_an_excel_list_is_read_like_a_csv(workspace: Workspace) -> None:
    content = workbook(
        [
            ["Name", "DOB", "UPN", "Phone", "Date of deletion", "Ground"],
            ["Zoë Brontë", date(2012, 2, 29), "D850000016014", 7700900123, date(2026, 11, 17), "9(1)(i)"],
            [None] * 6,
            ["Second Child", "03/05/2013", None, None, "17/11/2026", "9(1)(g)"],
        ]
    )
    report = deletion_returns.import_returns(workspace, content, file_name="list.xlsx")
    assert (report.rows_read, report.added, report.encoding) == (2, 2, "Excel")
    children = {referrals.load(workspace, line.id).answers.child.born_on for line in referrals.waiting(workspace)}
    assert children == {"2012-02-29", "2013-05-03"}


def test_a_formula_cell_refuses_its_row_only(workspace: Workspace) -> None:
    content = workbook(
        [
            ["Name", "Date of deletion", "Ground"],
            ['=HYPERLINK("http://127.0.0.1","A B")', "17/11/2026", "9(1)(i)"],
            ["Good Child", "17/11/2026", "9(1)(i)"],
        ]
    )
    report = deletion_returns.import_returns(workspace, content)
    assert (report.added, report.refused) == (1, 1)
    assert (report.issues[0].line, report.issues[0].column) == (2, "Name")
    assert "formula" in report.issues[0].why


def test_a_sheet_that_claims_huge_dimensions_is_read_to_its_real_end(workspace: Workspace) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Name", "Date of deletion", "Ground"])
    sheet.append(["Good Child", "17/11/2026", "9(1)(i)"])
    sheet.cell(row=1_048_576, column=16_384, value="x")
    out = io.BytesIO()
    book.save(out)
    report = deletion_returns.import_returns(workspace, out.getvalue())
    assert report.added == 1


def test_too_many_rows_in_a_sheet_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.exchange.workbook.MAX_ROWS", 3)
    table = tables.read_table(workbook([["Name"], ["a"], ["b"], ["c"]]))
    with pytest.raises(UserError, match="more than 3 rows"):
        list(table.rows)


def test_too_many_cells_in_a_sheet_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.exchange.workbook.MAX_CELLS", 3)
    with pytest.raises(UserError, match="far more cells"):
        list(tables.read_table(workbook([["Name", "x"], ["a", "b"]])).rows)


def test_grounds_of_both_regimes_are_whole() -> None:
    assert grounds.regime_for(date(2024, 8, 18)).id == "PR2006"
    assert grounds.regime_for(date(2024, 8, 19)).id == "PR2024"
    assert len(grounds.grounds_for(date(2024, 8, 18))) == 20
    assert len(grounds.grounds_for(date(2026, 11, 17))) == 20


def refusal_of(content: bytes) -> str | None:
    """Return the words a table is refused with, or None when it is read; any other error fails the test."""
    try:
        table = tables.read_table(content)
        assert all(row.line >= 1 for row in table.rows)
        bind_headings(table.header)
    except UserError as refused:
        return refused.message
    return None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_table_or_refused_in_words(content: bytes) -> None:
    for start in (b"", b"Name,Deletion date,Ground\r\n", b"PK\x03\x04", b"\xff\xfe", b"\xef\xbb\xbf"):
        message = refusal_of(start + content)
        assert message is None or message.endswith("Nothing was imported.")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_spoilt_workbook_is_read_or_refused_in_words(data: st.DataObject) -> None:
    content = bytearray(_WORKBOOK)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    message = refusal_of(bytes(content))
    assert message is None or message.endswith("Nothing was imported.")


_WORKBOOK = workbook([["Name", "Date of deletion", "Ground"], ["A B", "17/11/2026", "9(1)(i)"]])
