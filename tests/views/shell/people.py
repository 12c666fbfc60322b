"""The people of the pictures: invented children, their clocks, tasks and post, in a real vault."""

from datetime import date, timedelta

from app.models import Case, CaseEvent, Child, Clock, Document, SafetyFlag, Task
from app.models.terms import DocumentState, EventKind, SafetyKind, Stage
from app.services.workspace import Workspace

CHILDREN = (
    ("Isla", "Merrow", date(2017, 3, 14), "CME-2026-0412", Stage.ENQUIRIES),
    ("Zofia", "Halewicz", date(2014, 2, 2), "CME-2026-0398", Stage.LEGAL_NOTICE),
    ("Rhys", "Pendleford", date(2012, 6, 21), "CME-2026-0377", Stage.ENQUIRIES),
    ("Noor", "Salvani", date(2018, 9, 3), "CME-2026-0405", Stage.JOINT_ENQUIRIES),
    ("Caleb", "Ostwick", date(2016, 5, 9), "CME-2026-0381", Stage.PLACE_OFFERED),
    ("Mina", "Torabel", date(2021, 1, 30), "CME-2026-0409", Stage.PLACE_OFFERED),
    ("Tobias", "Fenwright", date(2010, 10, 12), "CME-2026-0362", Stage.ENQUIRIES),
)


def populate(ws: Workspace) -> dict[str, str]:
    """Fill a vault so that Today has something in every group; return case ids by surname."""
    today = ws.time.today()
    cases: dict[str, str] = {}
    with ws.write("Set up") as session:
        for forename, surname, born_on, reference, stage in CHILDREN:
            child = Child(forename=forename, surname=surname, born_on=born_on, upn="")
            session.add(child)
            session.flush()
            case = Case(
                reference=reference,
                child_id=child.id,
                team_id=ws.actor.team_id,
                officer_id=ws.actor.user_id,
                stage=stage,
                opened_on=today - timedelta(days=30),
                stage_since=today - timedelta(days=11),
            )
            session.add(case)
            session.flush()
            cases[surname] = case.id
            session.add(
                CaseEvent(
                    case_id=case.id,
                    kind=EventKind.NOTE,
                    happened_at=ws.time.now(),
                    title="Note",
                    body="Invented.",
                    actor_name=ws.actor.name,
                )
            )
            if surname == "Merrow":
                session.add(
                    SafetyFlag(
                        child_id=child.id,
                        kind=SafetyKind.VISIT_IN_PAIRS,
                        set_at=ws.time.now(),
                        review_on=today + timedelta(days=90),
                    )
                )
        _clocks(session, cases, today)
        _tasks(session, ws, cases, today)
        for title, sender, pages in (
            ("Thornwick Academy: admitted", "Thornwick Academy", 2),
            ("Handwritten letter, no address", "", 1),
            ("Kingsholt Council: reply to enquiry", "Kingsholt Council", 3),
        ):
            session.add(
                Document(
                    sha256=title.encode().hex()[:64].ljust(64, "0"),
                    size=1,
                    media_type="application/pdf",
                    page_count=pages,
                    state=DocumentState.TO_LINK,
                    title=title,
                    sender=sender,
                    text="Your reference: CME-2026-0398" if "admitted" in title else "",
                    arrived_at=ws.time.now(),
                    reading={},
                    rotation={},
                )
            )
    return cases


def _clocks(session, cases, today):
    from app.services import clocks

    wanted = (
        ("Merrow", "local_second_home_visit", today - timedelta(days=1), "Second home visit"),
        ("Halewicz", "s437_notice", today, "Parent’s reply to section 437 notice"),
        ("Pendleford", "local_school_reply", today, "Saltenby Academy to name destination school"),
        (
            "Salvani",
            "ground_i_continuous_absence",
            today + timedelta(days=1),
            "Joint enquiries with school reach 20 days",
        ),
        ("Ostwick", "local_start_date", today + timedelta(days=2), "Confirm start date at Pennyford Primary"),
        ("Torabel", "local_offer_reply", today + timedelta(days=3), "Admissions offer: family to reply"),
        ("Fenwright", "local_supervisor_review", today + timedelta(days=3), "Case review with Ruth Okonjo"),
    )
    for surname, rule, due, label in wanted:
        started = due
        for back in range(60):
            started = due - timedelta(days=back)
            if clocks.last_day(rule, started) == due:
                break
        session.add(Clock(case_id=cases[surname], rule=rule, started_on=started, label=label))


def _tasks(session, ws, cases, today):
    for surname, text, due in (
        ("Merrow", "Ring Aldermere GP surgery about registration", today),
        ("Ostwick", "Write up sighting from Harrow Lane visit", today),
        ("Salvani", "Check school-to-school transfer for a new entry", today + timedelta(days=2)),
        ("Torabel", "Send large-print copy of first enquiry letter", today + timedelta(days=6)),
    ):
        session.add(Task(case_id=cases[surname], user_id=ws.actor.user_id, text=text, due_on=due))
    for surname, at, place in (
        ("Merrow", "10:15", "Flat 2, 41 Tanner’s Row, Aldermere"),
        ("Salvani", "11:30", "8 Chapel Rise, Saltenby"),
    ):
        session.add(
            Task(
                case_id=cases[surname],
                user_id=ws.actor.user_id,
                text="Home visit",
                due_on=today,
                kind="visit",
                at_time=at,
                place=place,
            )
        )
