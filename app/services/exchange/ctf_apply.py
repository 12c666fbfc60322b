"""Importing a Common Transfer File as a person decided pupil by pupil, in one transaction."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.errors import UserError
from app.ids import new_id
from app.models import CaseEvent, Child, Document, Enrolment, Referral
from app.models.folding import fold
from app.models.terms import CaseStatus, Confidence, DocumentState, EventKind, ReferralState
from app.services import referrals
from app.services.access import Permission, require
from app.services.exchange.ctf_answers import last_school, named
from app.services.exchange.ctf_file import CtfPupil
from app.services.exchange.ctf_plan import ASK, NEW, SAME, SKIP, CtfPlan, Decision, PupilPlan, field_changes, values_of
from app.services.exchange.report import ImportReport
from app.services.exchange.tabular import NOTHING_CHANGED
from app.services.match_details import latest_case
from app.services.referral_records import Recorder
from app.services.referral_words import source_name
from app.services.restriction import require_child

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.services.workspace import Workspace

KIND = "Common Transfer File"
MEDIA_TYPE = "application/xml"


def apply(
    ws: "Workspace",
    plan: CtfPlan,
    decisions: Mapping[int, Decision] | None = None,
    *,
    dry_run: bool = False,
) -> ImportReport:
    """Import what was decided. New children get a record and a draft referral; known ones get what they lack.

    A known child's newer values are never overwritten. The file itself is kept, by hash, as a document.

    Args:
        ws: the workspace.
        plan: from :func:`app.services.exchange.ctf_plan.plan`.
        decisions: by pupil number; a pupil without one is taken as suggested, or left out when a person must look.
        dry_run: report without writing.

    Raises:
        UserError: a decision names a child that is not here; nothing was changed.
    """
    require(ws.actor, Permission.TAKE_REFERRALS)
    report = ImportReport(KIND, plan.file_name, "XML", rows_read=len(plan.pupils), dry_run=dry_run)
    chosen = [(made, _decision(made, decisions or {}, report)) for made in plan.pupils]
    if dry_run:
        for made, decision in chosen:
            _count(report, made, decision)
        return report
    ws.require_room()
    document_id = _keep_bytes(ws, plan)
    with ws.write("Imported a Common Transfer File") as session:
        for made, decision in chosen:
            if decision.kind != SKIP:
                _import(session, ws, plan, made, decision)
                report.created_ids.append(made.referral_id)
            _count(report, made, decision)
        if report.created_ids:
            _keep_document(session, ws, plan, document_id)
    return report.audited_in(ws)


def _decision(made: PupilPlan, decisions: Mapping[int, Decision], report: ImportReport) -> Decision:
    number = made.pupil.number
    if made.pupil.refusal:
        report.refuse(number, "", f"Pupil {number} {made.pupil.refusal}.")
        return Decision(SKIP)
    if made.already:
        return Decision(SKIP)
    decision = decisions.get(number, made.suggestion)
    if decision is None or decision.kind == ASK:
        report.refuse(number, "", f"Pupil {number} may be known already. Compare the records and choose.")
        return Decision(SKIP)
    if decision.kind not in (NEW, SAME, SKIP):
        raise UserError(f"Choose what to do with pupil {number}. {NOTHING_CHANGED}")
    return decision


def _count(report: ImportReport, made: PupilPlan, decision: Decision) -> None:
    if decision.kind == NEW:
        report.added += 1
    elif decision.kind == SAME:
        report.changed += 1
    elif not any(issue.line == made.pupil.number for issue in report.issues):
        report.unchanged += 1
    if decision.kind != SKIP:
        for warning in made.warnings:
            report.warn(made.pupil.number, "", warning)


def _import(session: "Session", ws: "Workspace", plan: CtfPlan, made: PupilPlan, decision: Decision) -> None:
    known = decision.child_id if decision.kind == SAME else None
    if known is not None:
        require_child(session, ws.actor, known, Permission.TAKE_REFERRALS)
    if known is not None and session.get(Child, known) is None:
        raise UserError(f"The child chosen for pupil {made.pupil.number} is not on this laptop. {NOTHING_CHANGED}")
    child_before = session.get(Child, known) if known else None
    changes = field_changes(session, plan.file, made.pupil, child_before) if child_before else []
    recorded = Recorder(session, ws, made.answers, known).record()
    child = session.get_one(Child, recorded.child_id)
    if known is None:
        for name, value in values_of(made.pupil).items():
            if value not in ("", None):
                setattr(child, name, value)
        child.confidence = Confidence.REPORTED
    for change in changes:
        if change.action in ("fill", "update"):
            setattr(child, change.name, change.value)
    _schools(session, made.pupil, child.id, source_name(made.answers))
    _referral(session, ws, made, decision, child.id, plan.file_name)


def _schools(session: "Session", pupil: CtfPupil, child_id: str, source: str) -> None:
    """Add the schools of the history that are not recorded; the last one came with the referral's records."""
    held = session.scalars(select(Enrolment).where(Enrolment.child_id == child_id)).all()
    last = last_school(pupil)
    for school in pupil.schools:
        urn, name = named(session, school)
        same = [one for one in held if (urn and one.school_urn == urn) or fold(one.school_name) == fold(name) != ""]
        for one in same:
            one.leaving_reason = one.leaving_reason or school.leaving_reason
        if school is last or any(one.from_on in (None, school.entry_on) for one in same):
            continue
        session.add(
            Enrolment(
                child_id=child_id,
                school_urn=urn,
                school_name=name,
                from_on=school.entry_on,
                to_on=school.leaving_on,
                leaving_reason=school.leaving_reason,
                source=source,
            )
        )


def _referral(
    session: "Session", ws: "Workspace", made: PupilPlan, decision: Decision, child_id: str, file_name: str
) -> None:
    same = decision.kind == SAME
    choice = referrals.SAME_CHILD if same else referrals.NEW_CHILD if made.candidates else referrals.NOBODY_FOUND
    record = Referral(id=made.referral_id, answers={}, match_decision={}, child_id=child_id)
    referrals.put_answers(record, made.answers)
    record.import_batch = f"{file_name}, pupil {made.pupil.number}" if file_name else f"Pupil {made.pupil.number}"
    record.match_decision = referrals.decision_for(
        made.answers,
        choice,
        child_id=child_id if same else None,
        why=decision.why,
        by=ws.actor.user_id,
        by_name=ws.actor.name,
        at=ws.time.now().isoformat(),
        shown=[candidate.evidence() for candidate in made.candidates],
    )
    session.add(record)
    session.flush()
    case = latest_case(session, child_id) if same else None
    if case is not None and case.status is CaseStatus.OPEN:
        record.state, record.case_id = ReferralState.ADDED_TO_CASE, case.id
        title = f"Common Transfer File received from {source_name(made.answers)}".removesuffix(" from ")
        session.add(
            CaseEvent(
                case_id=case.id,
                kind=EventKind.DOCUMENT,
                happened_at=ws.time.now(),
                title=title,
                body="\n".join(made.answers.queries),
                actor_name=ws.actor.name,
            )
        )


def _keep_bytes(ws: "Workspace", plan: CtfPlan) -> str:
    ws.documents.put(plan.file.content, MEDIA_TYPE)
    return new_id()


def _keep_document(session: "Session", ws: "Workspace", plan: CtfPlan, document_id: str) -> None:
    held = session.scalars(select(Document.id).where(Document.sha256 == plan.file.sha256)).first()
    if held is not None:
        return
    values: dict[str, Any] = {"reading": {}, "rotation": {}}
    session.add(
        Document(
            id=document_id,
            sha256=plan.file.sha256,
            size=len(plan.file.content),
            media_type=MEDIA_TYPE,
            page_count=0,
            state=DocumentState.LINKED,
            title="Common Transfer File",
            kind="ctf",
            sender=plan.file.source.name,
            received_on=ws.time.today(),
            arrived_at=ws.time.now(),
            source="import",
            **values,
        )
    )
