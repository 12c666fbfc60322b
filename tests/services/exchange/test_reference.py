"""GIAS, school links and authority codes from the real samples."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.errors import AccessRefused, UserError
from app.models import ChangeSetRow, LocalAuthority, School, SchoolLink
from app.models.terms import Role
from app.services.exchange import gias, gias_links, la_codes
from app.services.exchange.reference import parse_day, reference_id
from app.services.exchange.report import ImportReport
from app.services.exchange.tabular import read_csv
from app.services.vault import Vault
from app.services.workspace import Workspace

SAMPLES = Path(__file__).parent / "samples"
GIAS = SAMPLES / "gias_hampshire_2017_relayout.csv"
SMALL_HEADER = "URN,LA (code),EstablishmentName,EstablishmentStatus (code),OpenDate,LastChangedDate"


def csv_bytes(*lines: str, encoding: str = "utf-8") -> bytes:
    return "\r\n".join((SMALL_HEADER, *lines, "")).encode(encoding)


def school(ws: Workspace, urn: str) -> School:
    with ws.read() as session:
        return session.scalars(select(School).where(School.urn == urn)).one()


def school_count(ws: Workspace) -> int:
    with ws.read() as session:
        return session.scalar(select(func.count()).select_from(School)) or 0


def test_the_hampshire_sample_goes_in_whole_and_right_to_the_field(workspace: Workspace) -> None:
    report = gias.import_schools(workspace, GIAS.read_bytes(), file_name=GIAS.name)
    assert (report.rows_read, report.added, report.refused) == (173, 173, 0)
    nursery = school(workspace, "115830")
    assert nursery.name == "Haven Early Years Centre"
    assert (nursery.la_code, nursery.establishment_number) == ("850", "1001")
    assert (nursery.type_code, nursery.type_name) == ("15", "Local authority nursery school")
    assert (nursery.status_code, nursery.low_age, nursery.high_age) == ("1", 3, 5)
    assert (nursery.town, nursery.postcode, nursery.phone) == ("Gosport", "PO13 0UY", "01329232095")
    assert nursery.name_folded == "haven early years centre"
    assert nursery.id == reference_id("school", "115830")


def test_a_second_import_changes_nothing_and_writes_no_change_set(workspace: Workspace) -> None:
    gias.import_schools(workspace, GIAS.read_bytes())
    with workspace.read() as session:
        sets = session.scalar(select(func.count()).select_from(ChangeSetRow))
    report = gias.import_schools(workspace, GIAS.read_bytes())
    assert (report.added, report.changed, report.unchanged) == (0, 0, 173)
    with workspace.read() as session:
        assert session.scalar(select(func.count()).select_from(ChangeSetRow)) == sets


def test_only_the_changed_row_is_updated_and_a_school_left_out_stays(workspace: Workspace) -> None:
    gias.import_schools(workspace, csv_bytes("100001,201,Invented Hill,1,,", "100002,201,Invented Dale,1,,"))
    report = gias.import_schools(workspace, csv_bytes("100002,201,Invented Dale Academy,1,01-09-2026,"))
    assert (report.added, report.changed, report.unchanged) == (0, 1, 0)
    assert school(workspace, "100002").name_folded == "invented dale academy"
    assert school(workspace, "100002").opened_on == date(2026, 9, 1)
    assert school(workspace, "100001").name == "Invented Hill"


def test_two_laptops_importing_one_file_make_the_same_rows(make_vault: Callable[..., Vault]) -> None:
    ids = []
    for name in ("one", "two"):
        ws = make_vault(name).workspace()
        gias.import_schools(ws, GIAS.read_bytes())
        with ws.read() as session:
            ids.append(set(session.scalars(select(School.id))))
    assert ids[0] == ids[1]


def test_ragged_rows_are_refused_by_line_and_the_good_ones_go_in(workspace: Workspace) -> None:
    content = (SAMPLES / "gias_real_rows_mixed_layouts.csv").read_bytes()
    report = gias.import_schools(workspace, content)
    assert report.rows_read == 19
    assert report.added == school_count(workspace) == 19 - report.refused
    assert report.refused in (9, 10)
    ragged = [issue for issue in report.issues if "values where the headings need" in issue.why]
    assert len(ragged) == report.refused
    assert len({issue.line for issue in ragged}) == len(ragged)
    assert all(issue.line >= 2 for issue in ragged)


def test_a_missing_required_column_refuses_the_whole_file_by_name(workspace: Workspace) -> None:
    content = GIAS.read_bytes().replace(b'"LA (code)"', b'"LA (kode)"', 1)
    with pytest.raises(UserError, match=r'the column "LA \(code\)" is missing. Nothing was imported.'):
        gias.import_schools(workspace, content)
    assert school_count(workspace) == 0


def test_columns_are_bound_by_name_whatever_their_order(workspace: Workspace) -> None:
    content = b"EstablishmentName,Extra,LA (code),URN\r\nInvented Hill,x,201,100001\r\n"
    assert gias.import_schools(workspace, content).added == 1
    assert school(workspace, "100001").name == "Invented Hill"


@pytest.mark.parametrize(
    ("encoding", "mark"), [("cp1252", b""), ("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16", b"")]
)
def test_accents_survive_every_encoding(workspace: Workspace, encoding: str, mark: bytes) -> None:
    content = mark + csv_bytes("100001,201,École Zoë – St Brontë’s,1,,", encoding=encoding)
    report = gias.import_schools(workspace, content)
    assert school(workspace, "100001").name == "École Zoë – St Brontë’s"
    assert report.encoding in ("Windows-1252", "UTF-8", "UTF-16")


def test_a_byte_that_no_encoding_knows_refuses_only_its_row(workspace: Workspace) -> None:
    content = csv_bytes("100001,201,Invented \x81 Hill,1,,", "100002,201,Invented Dale,1,,", encoding="latin-1")
    report = gias.import_schools(workspace, content)
    assert (report.added, report.refused) == (1, 1)
    assert (report.issues[0].line, report.issues[0].column) == (2, "EstablishmentName")


@pytest.mark.parametrize(
    ("line", "column", "why"),
    [
        ("12x,201,A,1,,", "URN", "is not a URN"),
        (",201,A,1,,", "URN", "is not a URN"),
        ("100001,,A,1,,", "LA (code)", "3 digits"),
        ("100001,201,,1,,", "EstablishmentName", "Is empty"),
        ("100001,201,A,1,31-02-2020,", "OpenDate", "is not a date"),
        ("100001,201,A,1,2020,", "OpenDate", "is not a date"),
        ("100001,201,A\x00B,1,,", "EstablishmentName", "null character"),
        ("100001,201,A,1,", "", "5 values where the headings need 6"),
        ('100001,201,A"B"C,1,,x,"', "", ""),
        ("100009,201,A,1,,", "URN", "already"),
    ],
)
def test_each_bad_row_says_where_and_why(workspace: Workspace, line: str, column: str, why: str) -> None:
    report = gias.import_schools(workspace, csv_bytes("100009,201,Good,1,,", line))
    assert (report.added, report.refused) == (1, 1)
    issue = report.issues[0]
    assert issue.line == 3
    assert issue.column == column
    assert why in issue.why


def test_dates_and_codes_are_read_in_both_forms(workspace: Workspace) -> None:
    gias.import_schools(workspace, csv_bytes("100001,201,A,01,05-11-2019,05/11/2019", "100002,201,B,1,2019-11-05,"))
    one, two = school(workspace, "100001"), school(workspace, "100002")
    assert one.status_code == two.status_code == "1"
    assert one.opened_on == one.changed_on == two.opened_on == date(2019, 11, 5)
    assert parse_day("29-02-2012") == date(2012, 2, 29)


def test_a_dry_run_reports_and_writes_nothing(workspace: Workspace) -> None:
    report = gias.import_schools(workspace, GIAS.read_bytes(), dry_run=True)
    assert report.added == 173
    assert "would be added" in report.summary
    assert school_count(workspace) == 0


def test_cancelling_leaves_whole_commits_and_says_what_was_kept(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.exchange.reference.ROWS_A_COMMIT", 50)
    seen: list[tuple[int, int]] = []
    report = gias.import_schools(
        workspace,
        GIAS.read_bytes(),
        progress=lambda done, total: seen.append((done, total)),
        cancelled=lambda: len(seen) >= 2,
    )
    assert report.cancelled
    assert school_count(workspace) == report.added == 100
    assert "The 100 rows already saved are kept." in report.summary
    assert seen == [(50, 174), (100, 174)]
    assert gias.import_schools(workspace, GIAS.read_bytes()).added == 73


def test_an_auditor_may_not_import(make_vault: Callable[..., Vault]) -> None:
    ws = make_vault(role=Role.AUDITOR).workspace()
    with pytest.raises(AccessRefused):
        gias.import_schools(ws, GIAS.read_bytes())


def test_links_and_codes_go_in_and_meet_themselves_again(workspace: Workspace) -> None:
    links = (SAMPLES / "gias_links_hampshire_20250422.csv").read_bytes()
    codes = (SAMPLES / "la_codes.csv").read_bytes()
    first = gias_links.import_links(workspace, links)
    assert first.added == 290 - first.warnings
    assert first.refused == 0
    assert gias_links.import_links(workspace, links).unchanged == first.added
    assert la_codes.import_la_codes(workspace, codes).added == 155
    with workspace.read() as session:
        link = session.scalars(select(SchoolLink).where(SchoolLink.urn == "115878")).one()
        assert (link.linked_urn, link.kind, link.established_on) == ("150155", "Successor", date(2024, 2, 29))
        hampshire = session.scalars(select(LocalAuthority).where(LocalAuthority.code == "850")).one()
        assert hampshire.name == "Hampshire"


def test_a_wrong_kind_of_file_is_refused_whole(workspace: Workspace) -> None:
    links = (SAMPLES / "gias_links_hampshire_20250422.csv").read_bytes()
    with pytest.raises(UserError, match="is missing"):
        gias.import_schools(workspace, links)
    for content in (b"", b"\x00\x00", b"\xef\xbb\xbf", b"URN,LA (code),EstablishmentName\r\n"):
        with pytest.raises(UserError, match="Nothing was imported"):
            gias.import_schools(workspace, content)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300), st.sampled_from([b"", (SMALL_HEADER + "\r\n").encode(), b"\xff\xfe"]))
def test_any_bytes_are_schools_or_refused_in_words(content: bytes, start: bytes) -> None:
    message = ""
    try:
        table = read_csv(start + content, delimiters=",")
        report = ImportReport("x", header=table.header)
        good = list(gias._schools(table, report))
        assert len(good) + report.refused == report.rows_read
    except UserError as refused:
        message = refused.message
    assert message == "" or message.endswith("Nothing was imported.")
