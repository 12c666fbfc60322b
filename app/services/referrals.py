"""Referrals as drafts: kept at every step, resumed on any laptop of the team, and the decision on a match."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.errors import UserError
from app.models import Case, Referral
from app.models.terms import ReferralSource, ReferralState
from app.services import drafts, match_details, referral_form
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.matching import Candidate, Strength
from app.services.referral_form import SOURCE_WORDS, STEP_WORDS, Answers
from app.services.restriction import require_case, require_child, sight_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.services.workspace import Workspace

WAITING = (ReferralState.DRAFT, ReferralState.AWAITING_MANAGER)
SAME_CHILD = "same_child"
NEW_CHILD = "new_child"
NOBODY_FOUND = "nobody_found"
ASKED_MANAGER = "asked_manager"


@dataclass(frozen=True, slots=True)
class ReferralView:
    """A referral as its pages show it.

    Attributes:
        decision: one of this module's choices, or empty.
        decided_child_id: the child chosen as the same.
        decided_with: that child's name and record in words, as they were shown.
        decided_case: ``open``, ``closed`` or empty: the case that child had then.
        decision_current: False when the child's details changed since the decision.
        why: what the person wrote with the decision.
        asked_by: who asked a manager to check.
    """

    id: str
    state: ReferralState
    answers: Answers
    decision: str = ""
    decided_child_id: str | None = None
    decided_with: str = ""
    decided_case: str = ""
    decision_current: bool = False
    why: str = ""
    asked_by: str = ""
    child_id: str | None = None
    case_id: str | None = None
    import_batch: str = ""

    @property
    def match_done(self) -> bool:
        """Return whether the match check allows opening."""
        return self.decision in {SAME_CHILD, NEW_CHILD, NOBODY_FOUND} and self.decision_current


@dataclass(frozen=True, slots=True)
class ReferralLine:
    """A waiting referral in a list."""

    id: str
    child_name: str
    source: str
    step: str
    state: ReferralState
    started_at: datetime
    queries: int
    import_batch: str
    mine: bool


def draft_key(referral_id: str) -> str:
    """Return the key of what is being typed into a referral."""
    return f"referral:{referral_id}"


def save(ws: "Workspace", referral_id: str, answers: Answers) -> None:
    """Keep a referral's answers as they are typed, making the draft at the first time.

    Raises:
        AccessRefused: the role may not take referrals.
        UserError: it has become a case meanwhile.
    """
    require(ws.actor, Permission.TAKE_REFERRALS)
    stored = referral_form.to_json(answers)
    with ws.write("Saved a referral") as session:
        record = session.get(Referral, referral_id)
        _require_its_case(session, ws, record)
        if record is None:
            record = Referral(id=referral_id, answers=stored, match_decision={})
            session.add(record)
        elif record.state not in WAITING:
            raise UserError("This referral has been dealt with. Open its case to see it. Nothing was changed.")
        put_answers(record, answers, stored)
        drafts.drop(session, draft_key(referral_id))


def put_answers(record: Referral, answers: Answers, stored: dict[str, Any] | None = None) -> None:
    """Set a referral's answers and the columns that follow from them."""
    who = answers.who
    record.answers = stored if stored is not None else referral_form.to_json(answers)
    record.source = ReferralSource(who.source) if who.source in set(ReferralSource) else None
    record.referrer_name = who.name.strip()
    record.referrer_organisation = who.organisation.strip()
    record.referrer_contact = who.contact.strip()
    record.school_urn = who.school_urn
    record.received_on = referral_form.day(who.received_on)
    record.reason = who.reason.strip()


def load(ws: "Workspace", referral_id: str) -> ReferralView:
    """Return a referral.

    Raises:
        UserError: it is not on this laptop.
    """
    require(ws.actor, Permission.TAKE_REFERRALS)
    with ws.read() as session:
        record = session.get(Referral, referral_id)
        if record is None:
            raise UserError("This referral is not on this laptop. Sync, then open it again.")
        _require_its_case(session, ws, record)
        return _view(record)


def waiting(ws: "Workspace") -> list[ReferralLine]:
    """Return the referrals that are not dealt with, newest first."""
    require(ws.actor, Permission.TAKE_REFERRALS)
    with ws.read() as session:
        closed = sight_of(session, ws.actor).closed_children
        records = session.scalars(
            select(Referral).where(Referral.state.in_(WAITING)).order_by(Referral.created_at.desc(), Referral.id.desc())
        ).all()
        return [_line(ws, record) for record in records if record.child_id not in closed]


def candidates(ws: "Workspace", answers: Answers) -> list[Candidate]:
    """Return the known children who may be the referred one, strongest first. The search is audited."""
    require(ws.actor, Permission.TAKE_REFERRALS)
    found = match_details.find_candidates(ws, referral_form.subject_of(answers))
    ws.audit(Action.SEARCHED, "referral", detail={"for": "match", "shown": [candidate.child_id for candidate in found]})
    return found


def decide(
    ws: "Workspace",
    referral_id: str,
    choice: str,
    shown: Sequence[Candidate],
    *,
    child_id: str | None = None,
    why: str = "",
) -> ReferralView:
    """Record a person's decision on a match with the evidence that was shown.

    Args:
        ws: the workspace.
        referral_id: a saved draft.
        choice: ``same_child`` (with ``child_id``), ``new_child``, ``nobody_found`` or ``asked_manager``.
        shown: the candidates as they were shown.
        child_id: which of them.
        why: required for ``new_child`` when one of them is a strong match.

    Raises:
        UserError: the choice does not fit what was shown, or the reason is missing.
    """
    require(ws.actor, Permission.TAKE_REFERRALS)
    _check_choice(choice, shown, child_id, why)
    with ws.write("Checked a referral for a match") as session:
        record = session.get(Referral, referral_id)
        _require_its_case(session, ws, record)
        if child_id is not None:
            require_child(session, ws.actor, child_id, Permission.TAKE_REFERRALS)
        if record is None or record.state not in WAITING:
            raise UserError("This referral has been dealt with. Nothing was changed.")
        answers = referral_form.from_json(record.answers)
        record.match_decision = {
            "choice": choice,
            "child_id": child_id,
            "why": why.strip(),
            "by": ws.actor.user_id,
            "by_name": ws.actor.name,
            "at": ws.time.now().isoformat(),
            "shown": [candidate.evidence() for candidate in shown],
            "about": fingerprint(answers),
        }
        record.state = ReferralState.AWAITING_MANAGER if choice == ASKED_MANAGER else ReferralState.DRAFT
        record.child_id = child_id
        return _view(record)


def _require_its_case(session: "Session", ws: "Workspace", record: Referral | None) -> None:
    """Refuse a referral that led to a case, or was matched to a child, this person may not open."""
    if record is not None and record.case_id is not None:
        require_case(session, ws.actor, record.case_id, Permission.TAKE_REFERRALS)
    elif record is not None and record.child_id is not None:
        require_child(session, ws.actor, record.child_id, Permission.TAKE_REFERRALS)


def _check_choice(choice: str, shown: Sequence[Candidate], child_id: str | None, why: str) -> None:
    if choice not in {SAME_CHILD, NEW_CHILD, NOBODY_FOUND, ASKED_MANAGER}:
        raise UserError("Choose one of the answers.", "match")
    if choice == SAME_CHILD and child_id not in {candidate.child_id for candidate in shown}:
        raise UserError("Choose which record is the same child.", "match")
    if choice == SAME_CHILD and any(one.restricted for one in shown if one.child_id == child_id):
        raise UserError("This record is restricted. Ask a manager to check. Nothing was changed.", "match")
    if choice == NOBODY_FOUND and shown:
        raise UserError("Records that look similar were found. Compare them first.", "match")
    strong = any(candidate.strength is Strength.STRONG for candidate in shown)
    if choice == NEW_CHILD and strong and not why.strip():
        raise UserError("Say why this is not the same child. The match is strong.", "why")


def discard(ws: "Workspace", referral_id: str, *, reason: str) -> None:
    """Set a waiting referral aside with a reason; it is kept.

    Raises:
        UserError: no reason was given, or it has become a case.
    """
    require(ws.actor, Permission.TAKE_REFERRALS)
    if not reason.strip():
        raise UserError("Say why this referral is set aside.", "reason")
    with ws.write("Set a referral aside") as session:
        record = session.get(Referral, referral_id)
        _require_its_case(session, ws, record)
        if record is None or record.state not in WAITING:
            raise UserError("This referral has been dealt with. Nothing was changed.")
        record.state = ReferralState.DECLINED
        record.match_decision = {**record.match_decision, "declined": reason.strip(), "declined_by": ws.actor.name}
        drafts.drop(session, draft_key(referral_id))


def fingerprint(answers: Answers) -> str:
    """Return a hash of what matching looked at; when it changes, the check must be made again."""
    subject = asdict(referral_form.subject_of(answers))
    identity = [subject[name] for name in ("forename", "surname", "born_on", "upn", "former_upn", "other_names")]
    return hashlib.sha256(repr(identity).encode()).hexdigest()[:24]


def decision_for(answers: Answers, choice: str, *, child_id: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a decision record made outside the pages (an import that a person previewed)."""
    return {"choice": choice, "child_id": child_id, "about": fingerprint(answers), "shown": [], **more}


def _view(record: Referral) -> ReferralView:
    answers = referral_form.from_json(record.answers)
    decision = record.match_decision
    chosen = _chosen(decision)
    return ReferralView(
        id=record.id,
        state=record.state,
        answers=answers,
        decision=str(decision.get("choice", "")),
        decided_child_id=decision.get("child_id"),
        decided_with=f"{chosen.get('name', '')} ({chosen.get('heading', '')})" if chosen else "",
        decided_case=str(chosen.get("case", "")),
        decision_current=decision.get("about") == fingerprint(answers),
        why=str(decision.get("why", "")),
        asked_by=str(decision.get("by_name", "")) if decision.get("choice") == ASKED_MANAGER else "",
        child_id=record.child_id,
        case_id=record.case_id,
        import_batch=record.import_batch,
    )


def _chosen(decision: dict[str, Any]) -> dict[str, Any]:
    """Return what was shown of the child that was chosen, or nothing."""
    shown = decision.get("shown", [])
    found = (one for one in shown if isinstance(one, dict) and one.get("child_id") == decision.get("child_id"))
    return next(found, {})


def _line(ws: "Workspace", record: Referral) -> ReferralLine:
    answers = referral_form.from_json(record.answers)
    source = SOURCE_WORDS[record.source] if record.source else "Source not given yet"
    organisation = record.referrer_organisation or answers.who.school_name
    return ReferralLine(
        id=record.id,
        child_name=answers.child_name,
        source=organisation or source,
        step=STEP_WORDS[answers.step],
        state=record.state,
        started_at=record.created_at,
        queries=len(answers.queries),
        import_batch=record.import_batch,
        mine=record.created_by == ws.actor.user_id,
    )


def of_case(session: "Session", case: Case) -> list[Referral]:
    """Return the referrals that led to a case, oldest first."""
    return list(session.scalars(select(Referral).where(Referral.case_id == case.id).order_by(Referral.created_at)))
