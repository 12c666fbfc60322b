"""Common Transfer Files: the samples field by field, what is tolerated, and what is refused."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.errors import UserError
from app.models import (
    Address,
    Case,
    CaseEvent,
    ChangeSetRow,
    Child,
    ChildName,
    ContactPoint,
    Document,
    Enrolment,
    Person,
    Referral,
    Relationship,
)
from app.models.terms import DocumentState, Known, ReferralState, RelationshipKind
from app.services import cases, referral_opening, referrals
from app.services.exchange import ctf, gias
from app.services.exchange.ctf import Decision
from app.services.referral_form import SAFETY_QUESTIONS, SafetyAnswer
from app.services.workspace import Workspace
from app.timesource import FrozenTime

SAMPLES = Path(__file__).parent / "samples"
SIBLINGS = SAMPLES / "8500000_CTF_850LLLL_001.xml"
LOST = SAMPLES / "8500000_CTF_XXXXXXX_001.xml"


def file_of(pupil: str, *, version: str = "25.0", header: str = "") -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?><CTfile><Header><DocumentName>Common Transfer File</DocumentName>'
        f"<CTFversion>{version}</CTFversion><DateTime>2026-10-12T09:14:33</DateTime>{header}</Header>"
        f"<CTFpupilData><Pupil>{pupil}</Pupil></CTFpupilData></CTfile>"
    ).encode()


BASIC = "<Surname>Testerton</Surname><Forename>Ayla</Forename><DOB>2015-11-03</DOB>"


def imported(ws: Workspace, path: Path, decisions: dict[int, Decision] | None = None) -> None:
    ctf.apply(ws, ctf.plan(ws, ctf.read(path.read_bytes()), file_name=path.name), decisions)


def count(ws: Workspace, model: type) -> int:
    with ws.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_the_lost_pupil_goes_in_right_to_the_field(workspace: Workspace) -> None:
    file = ctf.read(LOST.read_bytes())
    assert (file.version, file.lost_pupil, file.made_at) == ("25.0", True, datetime(2026, 11, 2, 16, 40))
    imported(workspace, LOST)
    with workspace.read() as session:
        child = session.scalars(select(Child)).one()
        assert (child.forename, child.surname) == ("Zoë", "O'Samplez-Nguyễn")
        assert (child.born_on, child.born_on_known, child.sex) == (date(2012, 2, 29), Known.KNOWN, "F")
        assert (child.upn, child.year_group) == ("Q850000015003", "9")
        assert (child.surname_folded, child.forename_folded) == ("osamplez nguyen", "zoe")
        address = session.scalars(select(Address)).one()
        assert (address.lines, address.town, address.postcode) == ("3 Nowhere Close", "Fictionbourne", "ZZ99 3WZ")
        school = session.scalars(select(Enrolment)).one()
        assert (school.school_name, school.from_on, school.to_on) == (
            "Invented Meadow Primary School",
            date(2023, 9, 4),
            date(2026, 10, 16),
        )
        referral = session.scalars(select(Referral)).one()
        assert referral.state is ReferralState.DRAFT
        assert referral.child_id == child.id
        assert referral.import_batch == f"{LOST.name}, pupil 1"
        assert "not known to the sender" in referral.reason


def test_the_siblings_file_goes_in_right_to_the_field(workspace: Workspace) -> None:
    plan = ctf.plan(workspace, ctf.read(SIBLINGS.read_bytes()), file_name=SIBLINGS.name)
    assert [len(pupil.candidates) for pupil in plan.pupils] == [0, 0]
    assert "Same last name and postcode as pupil 2: may be family." not in plan.pupils[1].warnings
    assert "Same last name and postcode as pupil 2: may be family." in plan.pupils[0].warnings
    report = ctf.apply(workspace, plan)
    assert (report.added, report.changed, report.refused) == (2, 0, 0)
    with workspace.read() as session:
        ayla = session.scalars(select(Child).where(Child.forename == "Ayla")).one()
        assert (ayla.middle_names, ayla.upn, ayla.former_upn) == ("Rose", "D850000016014", "U85000001900K")
        assert (ayla.ethnicity, ayla.first_language, ayla.sen_provision) == ("MOTH", "ENG", "K")
        assert (ayla.preferred_name, ayla.source) == ("", "Invented Meadow Primary School")
        people = session.execute(
            select(Person, Relationship)
            .join(Relationship, Relationship.person_id == Person.id)
            .order_by(Relationship.contact_order)
        ).all()
        (mother, first), (father, second) = people
        assert (mother.title, mother.forename, mother.surname) == ("Ms", "Morgan", "Testerton")
        assert (first.kind, first.parental_responsibility, first.lives_with) == (
            RelationshipKind.MOTHER,
            Known.KNOWN,
            True,
        )
        assert (father.forename, second.kind, second.lives_with) == ("Idris", RelationshipKind.FATHER, False)
        fathers = session.scalars(select(Address).where(Address.person_id == father.id)).one()
        assert (fathers.lines, fathers.postcode) == ("Rose Cottage\nImaginary Lane", "ZZ99 4WZ")
        values = set(session.scalars(select(ContactPoint.value)))
        assert values == {"01632960011", "07700900123", "morgan.testerton@example.org"}
        joss = session.scalars(select(Child).where(Child.forename == "Joss")).one()
        flat = session.scalars(select(Address).where(Address.child_id == joss.id)).one()
        assert flat.lines == "Flat 2, 14 Pretend Street\nFictionbourne"
        kept = session.scalars(select(Referral).where(Referral.child_id == ayla.id)).one().answers["kept"]["ctf"]
        assert kept["unknown"]["Attendance"]["YearData"]["SessionsUnauthorised"] == "38"
        assert kept["unknown"]["BasicDetails"]["MedicalFlag"] == "true"


def test_the_file_itself_is_kept_by_hash(workspace: Workspace) -> None:
    imported(workspace, LOST)
    file = ctf.read(LOST.read_bytes())
    assert workspace.documents.get(file.sha256) == LOST.read_bytes()
    with workspace.read() as session:
        document = session.scalars(select(Document)).one()
        assert (document.sha256, document.state, document.kind) == (file.sha256, DocumentState.LINKED, "ctf")


def test_everything_is_one_change_set_and_a_second_import_changes_nothing(workspace: Workspace) -> None:
    before = count(workspace, ChangeSetRow)
    imported(workspace, SIBLINGS)
    assert count(workspace, ChangeSetRow) == before + 1
    plan = ctf.plan(workspace, ctf.read(SIBLINGS.read_bytes()))
    assert all(pupil.already for pupil in plan.pupils)
    report = ctf.apply(workspace, plan)
    assert (report.added, report.changed, report.unchanged) == (0, 0, 2)
    assert count(workspace, Child) == 2


def test_an_imported_child_opens_as_a_case(workspace: Workspace) -> None:
    imported(workspace, LOST)
    line = referrals.waiting(workspace)[0]
    view = referrals.load(workspace, line.id)
    assert view.match_done
    view.answers.safety = {kind.value: SafetyAnswer("not_known") for kind in SAFETY_QUESTIONS}
    referrals.save(workspace, line.id, view.answers)
    opened = referral_opening.open_case(workspace, line.id)
    assert not opened.joined
    assert count(workspace, Child) == 1
    with workspace.read() as session:
        assert session.get_one(Case, opened.case_id).source_name == "Invented Meadow Primary School"


def known_child(ws: Workspace, frozen_time: FrozenTime, when: datetime, **values: object) -> str:
    frozen_time.move_to(when)
    with ws.write("Recorded") as session:
        child = Child(forename="Ayla", surname="Testerton", born_on=date(2015, 11, 3), upn="D850000016014", **values)
        session.add(child)
        session.flush()
        child_id = child.id
    frozen_time.move_to(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))
    return child_id


def test_a_known_child_is_suggested_and_older_values_are_updated_newer_ones_kept(
    workspace: Workspace, frozen_time: FrozenTime
) -> None:
    child_id = known_child(workspace, frozen_time, datetime(2026, 9, 1, tzinfo=UTC), year_group="5", ethnicity="WBRI")
    frozen_time.move_to(datetime(2026, 11, 1, tzinfo=UTC))
    with workspace.write("Corrected") as session:
        session.get_one(Child, child_id).ethnicity = "MWBC"
    frozen_time.move_to(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))
    plan = ctf.plan(workspace, ctf.read(SIBLINGS.read_bytes()))
    pupil = plan.pupils[0]
    assert pupil.candidates[0].strength.value == "Strong match"
    assert pupil.suggestion == Decision(ctf.SAME, child_id)
    actions = {change.name: change.action for change in pupil.changes[child_id]}
    assert actions["year_group"] == "update"
    assert actions["ethnicity"] == "keep"
    assert actions["sex"] == "fill"
    report = ctf.apply(workspace, plan, {1: Decision(ctf.SAME, child_id), 2: Decision(ctf.SKIP)})
    assert (report.added, report.changed, report.unchanged) == (0, 1, 1)
    with workspace.read() as session:
        child = session.get_one(Child, child_id)
        assert (child.year_group, child.ethnicity, child.sex) == ("6", "MWBC", "F")
        assert session.scalars(select(Referral)).one().state is ReferralState.DRAFT


def test_a_file_about_a_child_with_an_open_case_lands_on_its_timeline(
    workspace: Workspace, frozen_time: FrozenTime
) -> None:
    child_id = known_child(workspace, frozen_time, datetime(2026, 9, 1, tzinfo=UTC))
    case_id = cases.open_case(workspace, child_id)
    plan = ctf.plan(workspace, ctf.read(SIBLINGS.read_bytes()))
    ctf.apply(workspace, plan, {1: Decision(ctf.SAME, child_id), 2: Decision(ctf.SKIP)})
    with workspace.read() as session:
        referral = session.scalars(select(Referral)).one()
        assert (referral.state, referral.case_id) == (ReferralState.ADDED_TO_CASE, case_id)
        titles = set(session.scalars(select(CaseEvent.title).where(CaseEvent.case_id == case_id)))
        assert "Common Transfer File received from Invented Meadow Primary School" in titles


def test_another_name_becomes_an_alias_and_a_twin_is_never_taken_for_the_same(
    workspace: Workspace, frozen_time: FrozenTime
) -> None:
    child_id = known_child(workspace, frozen_time, datetime(2026, 9, 1, tzinfo=UTC))
    content = file_of("<Surname>Testerton-Vale</Surname><Forename>Ayla</Forename><UPN>D850000016014</UPN>")
    ctf.apply(workspace, ctf.plan(workspace, ctf.read(content)), {1: Decision(ctf.SAME, child_id)})
    with workspace.read() as session:
        assert session.get_one(Child, child_id).surname == "Testerton"
        assert session.scalars(select(ChildName)).one().surname == "Testerton-Vale"
    twin = file_of("<Surname>Testerton</Surname><Forename>Mira</Forename><DOB>2015-11-03</DOB>")
    plan = ctf.plan(workspace, ctf.read(twin))
    assert plan.pupils[0].candidates[0].strength.value == "Weak match"
    assert plan.pupils[0].suggestion is None
    report = ctf.apply(workspace, plan)
    assert (report.added, report.refused) == (0, 1)
    assert "Compare the records and choose" in report.issues[0].why


def test_a_school_that_gias_knows_gets_its_name_from_there(workspace: Workspace) -> None:
    gias.import_schools(workspace, (SAMPLES / "gias_hampshire_2017_relayout.csv").read_bytes())
    school = "<School><LEA>850</LEA><Estab>1001</Estab><SchoolName>HAVEN</SchoolName></School>"
    history = f"<SchoolHistory>{school}</SchoolHistory>"
    ctf.apply(workspace, ctf.plan(workspace, ctf.read(file_of(BASIC + history))))
    with workspace.read() as session:
        enrolment = session.scalars(select(Enrolment)).one()
        assert (enrolment.school_urn, enrolment.school_name) == ("115830", "Haven Early Years Centre")


def test_the_quirks_of_real_files_are_tolerated() -> None:
    pupil = (
        "<UPN></UPN><Surname>  TESTERTON </Surname><Forename>AYLA</Forename><DOB>2015-11-03</DOB><Gender>f</Gender>"
        "<BasicDetails><FormerUPN>U85000001900K</FormerUPN></BasicDetails>"
        "<Address><BS7666Address><PAON>   14   </PAON><Street>Pretend Street</Street></BS7666Address>"
        "<ZIP>10115</ZIP><Country>Germany</Country></Address>"
        "<Phones><Phone><PhoneNo>01632 960 011</PhoneNo></Phone><Phone><PhoneNo/></Phone></Phones>"
        "<Contacts><Contact><Order>2</Order><Surname>B</Surname><Forename>Ben</Forename></Contact>"
        "<Contact><Order>1</Order><Surname>A</Surname><Forename>Ann</Forename><Gender>M</Gender>"
        "<Relationship>PAM</Relationship></Contact></Contacts><Invented><Deep>kept</Deep></Invented>"
    )
    header = "<DestSchool><LEA>MMM</LEA><Estab>MMMM</Estab><URN>XXXXXX</URN></DestSchool>"
    read = ctf.read(file_of(pupil, version="12", header=header)).pupils[0]
    assert (read.name, read.sex, read.refusal) == ("AYLA TESTERTON", "F", "")
    assert (read.address.lines, read.address.postcode) == ("14 Pretend Street", "10115")
    assert read.phones == ("01632960011",)
    assert [contact.forename for contact in read.contacts] == ["Ann", "Ben"]
    assert read.unknown["Invented"] == {"Deep": "kept"}
    assert any("capitals" in warning for warning in read.warnings)


def test_a_plan_can_be_stopped(workspace: Workspace) -> None:
    seen: list[tuple[int, int]] = []
    with pytest.raises(UserError, match="Stopped. Nothing was imported."):
        ctf.plan(
            workspace,
            ctf.read(SIBLINGS.read_bytes()),
            progress=lambda done, total: seen.append((done, total)),
            cancelled=lambda: bool(seen),
        )
    assert seen == [(1, 2)]


def test_a_wrong_check_letter_is_a_warning_not_a_refusal(workspace: Workspace) -> None:
    plan = ctf.plan(workspace, ctf.read(file_of(BASIC + "<UPN>A850000016014</UPN>")))
    report = ctf.apply(workspace, plan)
    assert (report.added, report.warnings) == (1, 1)
    assert "should be D" in report.issues[0].why
    with workspace.read() as session:
        assert session.scalars(select(Child)).one().upn == "A850000016014"


def test_a_ground_outside_the_regime_of_its_day_is_a_question_to_the_school(workspace: Workspace) -> None:
    for ground, left, regime in (("9(1)(h)", "2026-10-09", "PR2024"), ("9(1)(h)", "2024-08-18", "")):
        history = (
            f"<SchoolHistory><School><SchoolName>A</SchoolName><LeavingDate>{left}</LeavingDate>"
            f"<RemovalGrounds>{ground}</RemovalGrounds></School></SchoolHistory>"
        )
        plan = ctf.plan(workspace, ctf.read(file_of(BASIC + history)))
        answers = plan.pupils[0].answers
        assert answers.known.ground_regime == regime
        assert answers.known.ground_as_given == ground
        assert bool(answers.queries) == (regime == "")


def test_a_pupil_without_a_name_or_with_a_broken_date_is_listed_and_the_others_go_in(workspace: Workspace) -> None:
    content = (
        file_of(BASIC)
        .replace(b"</Pupil>", b"</Pupil><Pupil><DOB>2015-11-03</DOB></Pupil>")
        .replace(b"</CTFpupilData>", b"<Pupil><Surname>X</Surname><DOB>2015-02-30</DOB></Pupil></CTFpupilData>")
    )
    report = ctf.apply(workspace, ctf.plan(workspace, ctf.read(content)))
    assert (report.added, report.refused) == (1, 2)
    assert [issue.line for issue in report.issues] == [2, 3]


BAD = {
    "document type": b"<!DOCTYPE CTfile><CTfile><Header/></CTfile>",
    "document type or entities": (
        b'<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
        b"<CTfile><Header>&c;&c;&c;</Header></CTfile>"
    ),
    "declares a document type": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><CTfile>&e;</CTfile>',
    "or entities, which": b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><CTfile/>',
    "damaged or cut short": SIBLINGS.read_bytes()[:3000],
    "damaged": b"<CTfile>&undefined;</CTfile>",
    "nested far deeper": b"<CTfile>" + b"<a>" * 5000,
    "value in the file is far too long": b"<CTfile>" + b"x" * 300_000 + b"</CTfile>",
    "far more parts": b"<CTfile>" + b"<a/>" * 700_000 + b"</CTfile>",
    "larger than 20 MB": b" " * (20 * 1024 * 1024 + 1),
    "empty": b"  \n",
    "not a Common Transfer File": b"<html/>",
    "layout of its own": b'<CTfile CTFversion="25"><Pupils><Pupil/></Pupils></CTfile>',
    'has no "CTFpupilData" part': b"<CTfile><Header><CTFversion>25</CTFversion></Header></CTfile>",
    "holds no pupils": file_of("").replace(b"<Pupil></Pupil>", b""),
    'version is "31.0"': file_of(BASIC, version="31.0"),
    'version is "11"': file_of(BASIC, version="11"),
    "version is missing": file_of(BASIC, version=""),
}


@pytest.mark.parametrize("words", BAD)
def test_each_bad_file_gives_its_message_and_is_refused_whole(words: str) -> None:
    with pytest.raises(UserError, match="Nothing was imported") as refused:
        ctf.read(BAD[words])
    assert words in refused.value.message
    assert "hostname" not in refused.value.message


def test_an_external_entity_reads_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("QUOKKA")
    content = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><CTfile><Header>&e;</Header></CTfile>'
    with pytest.raises(UserError) as refused:
        ctf.read(content.encode())
    assert "QUOKKA" not in refused.value.message


def refusal_of(content: bytes) -> str | None:
    """Return the words a file is refused with, or None when it is read; any other error fails the test."""
    try:
        ctf.read(content)
    except UserError as refused:
        return refused.message
    return None


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400))
@example(b"<CTfile><Header/>")
@example(b"\xff\xfe<\x00")
@example(b"<?xml version='1.0' encoding='cp037'?>")
def test_any_bytes_are_read_or_refused_in_words(content: bytes) -> None:
    message = refusal_of(content)
    assert message is None or message.endswith("Nothing was imported.")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_spoilt_sample_is_read_or_refused_in_words(data: st.DataObject) -> None:
    content = bytearray(SIBLINGS.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=12))
    message = refusal_of(bytes(content))
    assert message is None or message.endswith("Nothing was imported.")


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["UPN", "Surname", "Forename", "DOB", "Sex", "Extra", "Phones", "Address", "SchoolHistory"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40),
)
def test_any_text_in_any_element_is_tolerated(name: str, text: str) -> None:
    from xml.sax.saxutils import escape

    content = file_of(f"{BASIC}<{name}>{escape(text)}</{name}>")
    try:
        pupil = ctf.read(content).pupils[0]
    except UserError:
        return
    assert "\n" not in pupil.name
