"""Every public action of the services: what it needs, what it is about, and one call of it that works.

A service function whose first parameter is ``ws`` and that is not here fails the test of the matrix.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from app.ids import new_id
from app.models import Conflict, School
from app.models.terms import DocumentState, EnquiryState, RelationshipKind, Role, Stage
from app.services import (
    access_alerts,
    allocation,
    break_glass,
    case_list,
    case_page,
    case_timeline,
    cases,
    children,
    drafts,
    enquiries,
    history,
    interests,
    match_details,
    named_list,
    referral_form,
    referral_opening,
    referrals,
    schools,
    search,
    tasks,
    team_queue,
    today,
)
from app.services.access import Permission
from app.services.audit_trail import exporting
from app.services.audit_trail import listing as listing_of_audit
from app.services.conflicts import deciding, undoing
from app.services.conflicts import listing as listing_of_conflicts
from app.services.conflicts import reading as reading_conflicts
from app.services.conflicts.raw import choices_of
from app.services.documents import export, intake, listing, reading, suggest, tray
from app.services.exchange import ctf, deletion_returns, detect, gias, gias_links, la_codes, reference
from app.services.exchange.report import ImportReport
from app.services.letters import export as letters_export
from app.services.letters import facts, letters
from app.services.letters import listing as letters_listing
from app.services.matching import Subject
from app.services.rescued import listing as rescued
from app.services.rescued import opening as rescued_opening
from app.services.rescued import settling as rescued_settling
from app.services.sync import (
    case_receipts,
    centre,
    deletions,
    fetching,
    it_details,
    refused,
    run_history,
    stale,
    storage,
)
from app.services.sync.status import SyncState, SyncStatus
from tests.services.access_scene import Family, Scene, TrialWorkspace
from tests.services.exchange.test_deletion_returns import GOOD, HEADER

P = Permission
Call = Callable[[TrialWorkspace, Family, Scene], Any]
Answer = Literal["yes", "no"]


@dataclass(frozen=True)
class Action:
    """One action.

    Attributes:
        needs: what the role must have.
        call: one call that works in the plain family.
        about_case: closed with its case; otherwise it answers for many and must leave closed cases out.
        answers: by scope, for actions about access itself; ``yes`` may still be refused in words that are no refusal
            of access.
        overseer: information governance may, although it is not on the list.
        writes: whether it changes something in the plain family.
        references: it shows references, to people who may read nothing of a case too.
        fails: whether the plain family is in no state for it, so that its own words refuse it.
    """

    needs: Permission
    call: Call
    about_case: bool = True
    answers: Mapping[str, Answer] = field(default_factory=dict)
    overseer: bool = False
    writes: bool = False
    fails: bool = False
    references: bool = False

    def allowed(self, scope: str, role: Role) -> bool:
        """Return whether somebody whose role may do this may do it to a family."""
        if scope in self.answers:
            return self.answers[scope] == "yes"
        if not self.about_case or scope in ("plain", "listed"):
            return True
        return scope == "restricted" and self.overseer and role is Role.INFORMATION_GOVERNANCE


EVERYBODY = frozenset(
    {
        "audit_trail.checking.check",
        "audit_trail.checking.refusal",
        "audit_trail.checking.report_text",
        "audit_trail.checking.save_report",
        "audit_trail.index.rebuild",
        "audit_trail.index.refresh",
        "conflicts.listing.count",
        "drafts.kept_keys",
        "drafts.load_draft",
        "drafts.save_draft",
        "offline_limit.notices",
        "rescue.report.report_of",
        "today.counts",
        "access_alerts.waiting",
        "sign_in.door.door_of",
        "sign_in.second_step.begin",
        "sign_in.second_step.confirm",
        "sign_in.sessions.begin_in_browser",
        "sign_in.sessions.finish_in_browser",
        "sign_in.sessions.person_token",
        "sign_in.sessions.sign_in_with_account",
        "sign_in.sessions.sign_out",
        "sign_in.sessions.signed_in_within",
        "sign_in.sessions.state",
        "sign_in.sessions.way",
        "sync.centre.sync_view",
        "sync.client.keep_lease",
        "sync.countersigning.countersign",
        "sync.countersigning.rejoin",
        "sync.document_mending.mend",
        "sync.documents.move_documents",
        "sync.connecting.enrolled",
        "sync.connecting.open_transport",
        "sync.arrivals.fetch",
        "sync.first_pull.fetch",
        "sync.letting_go.drop_bytes",
        "sync.proving.prove_after_sync",
        "sync.proving.prove_all",
        "sync.scope.let_go_what_may_go",
        "sync.keeping.forget_old",
        "sync.keeping.learn_key",
        "sync.unit_history.fetch",
        "sync.recovery.fetch_own_sets",
        "sync.restored.take_up",
        "sync.restored.known_life",
        "sync.restored.hand_back",
        "offline_gate.shut",
        "offline_gate.prove",
        "offline_gate.let_in",
        "sync.deletions.applied",
        "sync.deletions.tripped",
        "sync.rescue.hand_in",
        "sync.revocation.last_contact",
        "sync.revocation.words_when_ended",
        "sync.team_keys.tend",
        "sync.refused.refused_sets",
        "sync.refused.cleared_sets",
        "sync.refused.details_for_it",
        "sync.case_receipts.receipts_by_case",
        "sync.it_details.details_for_it",
        "sync.run_history.last_runs",
        "sync.run_history.note_run",
        "sync.storage.let_documents_go",
        "sync.storage.storage_view",
    }
)
"""Actions on one's own laptop: every role may, and nothing of a case is shown."""


def _reads(needs: Permission, call: Call, **more: Any) -> Action:
    return Action(needs, call, **more)


def _writes(needs: Permission, call: Call, **more: Any) -> Action:
    return Action(needs, call, writes=True, **more)


def _list(needs: Permission, call: Call, **more: Any) -> Action:
    return Action(needs, call, about_case=False, **more)


def _trail(call: Call) -> Action:
    return Action(P.READ_AUDIT, call, about_case=False, references=True)


def _export_audit(ws: TrialWorkspace) -> None:
    exporting.export(ws, listing_of_audit.AuditQuery(), ws.folder / f"{new_id()}.csv")


def _decide_conflict(ws: TrialWorkspace, k: Family) -> deciding.DecisionResult:
    with ws.read() as session:
        (choice,), _ = choices_of(session, [session.get_one(Conflict, k.ids["area_conflict"])])
    decision = deciding.Decision(choice.key, (choice.key,), choice.shown, choice.candidates[-1].key)
    return deciding.decide(ws, k.case_id, [decision])


def _undo_decision(ws: TrialWorkspace, k: Family) -> int:
    conflict_id = k.ids["area_conflict"]
    settled = deciding.Settled(conflict_id, "Area", (conflict_id,), (), k.case_id)
    return undoing.undo(ws, deciding.DecisionResult((settled,), ()))


_FATHER = children.NewPerson(RelationshipKind.FATHER, "Ed", "Merrow")
_ASKS: dict[str, Answer] = {"restricted": "yes", "interest": "no"}
"""What people who are not on a list may do."""


def _link(ws: TrialWorkspace, k: Family, s: Scene) -> Any:
    return tray.link(
        ws, s.waiting_document, k.case_id, kind="school_not_on_roll", sender="", received_on=date(2026, 11, 16)
    )


def _write_rows(ws: TrialWorkspace, _k: Family, _s: Scene) -> None:
    report = ImportReport("Schools", "", "UTF-8")
    values = {"urn": "990099", "name": "New School", "la_code": "999", "establishment_number": "4099"}
    reference.write_changes(ws, School, [("990099", values)], report, reason="Imported schools")


def _ctf(ws: TrialWorkspace, k: Family, decide: bool) -> Any:
    pupil = f"<Surname>Merrow{k.key}</Surname><Forename>Isla{k.key}</Forename><DOB>2017-03-14</DOB>"
    header = "<DocumentName>Common Transfer File</DocumentName><CTFversion>25.0</CTFversion>"
    content = (
        f"<CTfile><Header>{header}<DateTime>2026-10-12T09:14:33</DateTime></Header>"
        f"<CTFpupilData><Pupil>{pupil}</Pupil></CTFpupilData></CTfile>"
    ).encode()
    plan = ctf.plan(ws, ctf.read(content))
    return ctf.apply(ws, plan, {1: ctf.Decision(ctf.SAME, k.child_id)}) if decide else plan


def _export_letter(ws: TrialWorkspace, k: Family) -> Path:
    path = ws.folder / f"{new_id()}.pdf"
    letters_export.write(ws, k.ids["sent"], b"%PDF", path)
    return path


def _export_document(ws: TrialWorkspace, k: Family) -> Path:
    path = ws.folder / f"{new_id()}.pdf"
    export.export_document(ws, k.ids["document"], path)
    return path


def _work(s: Scene) -> rescued_opening.OpenedWork:
    now = s.vault.time.now()
    return rescued_opening.OpenedWork(new_id(), "Dawn", now, "Added a note", (), 0, (), ())


def _decide(ws: TrialWorkspace, k: Family) -> Any:
    return referrals.decide(ws, k.ids["referral"], referrals.NOBODY_FOUND, [])


ACTIONS: dict[str, Action] = {
    # A case and what is on it.
    "case_page.load_case": _reads(P.READ_CASES, lambda ws, k, s: case_page.load_case(ws, k.case_id)),
    "case_page.find_case_id": _list(
        P.READ_CASES, lambda ws, k, s: case_page.find_case_id(ws, s.families["plain"].reference)
    ),
    "case_timeline.timeline": _reads(P.READ_CASES, lambda ws, k, s: case_timeline.timeline(ws, k.case_id)),
    "history.of_case": _reads(P.READ_CASES, lambda ws, k, s: history.of_case(ws, k.case_id)),
    "cases.add_note": _writes(P.EDIT_CASES, lambda ws, k, s: cases.add_note(ws, k.case_id, text="Called")),
    "cases.change_stage": _writes(
        P.EDIT_CASES, lambda ws, k, s: cases.change_stage(ws, k.case_id, Stage.ENQUIRIES, reason="x")
    ),
    "cases.close_case": _writes(P.CLOSE_CASES, lambda ws, k, s: cases.close_case(ws, k.case_id, outcome="R1")),
    "cases.reopen_case": _reads(
        P.CLOSE_CASES, lambda ws, k, s: cases.reopen_case(ws, k.case_id, reason="x"), fails=True
    ),
    "cases.open_case": _reads(P.TAKE_REFERRALS, lambda ws, k, s: cases.open_case(ws, k.child_id), fails=True),
    "enquiries.add_enquiry": _writes(
        P.EDIT_CASES, lambda ws, k, s: enquiries.add_enquiry(ws, k.case_id, "other", "GP")
    ),
    "enquiries.record": _writes(
        P.EDIT_CASES, lambda ws, k, s: enquiries.record(ws, k.ids["enquiry"], EnquiryState.SENT)
    ),
    "tasks.add_task": _writes(P.EDIT_CASES, lambda ws, k, s: tasks.add_task(ws, k.case_id, "Visit")),
    "tasks.set_task_done": _writes(P.EDIT_CASES, lambda ws, k, s: tasks.set_task_done(ws, k.ids["task"])),
    "tasks.add_clock": _writes(
        P.EDIT_CASES, lambda ws, k, s: tasks.add_clock(ws, k.case_id, "local_letter_reply", date(2026, 11, 16))
    ),
    "tasks.meet_clock": _writes(P.EDIT_CASES, lambda ws, k, s: tasks.meet_clock(ws, k.ids["clock"])),
    "tasks.stop_clock": _writes(P.EDIT_CASES, lambda ws, k, s: tasks.stop_clock(ws, k.ids["clock"], reason="x")),
    # The child and the family.
    "children.add_person": _writes(
        P.EDIT_CASES,
        lambda ws, k, s: children.add_person(
            ws, k.child_id, children.NewPerson(RelationshipKind.FATHER, "Ed", "Merrow")
        ),
    ),
    "children.add_address": _writes(
        P.EDIT_CASES, lambda ws, k, s: children.add_address(ws, lines="2 Road", child_id=k.child_id)
    ),
    "children.add_contact": _writes(
        P.EDIT_CASES,
        lambda ws, k, s: children.add_contact(ws, kind="mobile", value="07700 900413", person_id=k.ids["person"]),
    ),
    "children.edit": _writes(
        P.EDIT_CASES, lambda ws, k, s: children.edit(ws, "address", k.ids["address"], {"town": "Saltenby"})
    ),
    "children.link_sibling": _writes(
        P.EDIT_CASES, lambda ws, k, s: children.link_sibling(ws, k.ids["brother"], k.child_id)
    ),
    # Lists.
    "case_list.count": _list(
        P.READ_CASES, lambda ws, k, s: case_list.count(ws, case_list.CaseQuery("all", text=k.upn))
    ),
    "case_list.ids": _list(P.READ_CASES, lambda ws, k, s: case_list.ids(ws, case_list.CaseQuery("all", sort="area"))),
    "case_list.rows": _list(P.READ_CASES, lambda ws, k, s: case_list.rows(ws, [k.case_id])),
    "case_list.first_page": _list(P.READ_CASES, lambda ws, k, s: case_list.first_page(ws, case_list.CaseQuery("all"))),
    "case_list.filter_counts": _list(
        P.READ_CASES, lambda ws, k, s: case_list.filter_counts(ws, case_list.CaseQuery("all"))
    ),
    "case_list.officers": _list(P.READ_CASES, lambda ws, k, s: case_list.officers(ws)),
    "search.find": _list(P.SEARCH_CASES, lambda ws, k, s: [search.find(ws, words) for words in (k.name, k.upn)]),
    "search.recent": _list(P.READ_CASES, lambda ws, k, s: search.recent(ws)),
    "today.read": _list(P.READ_CASES, lambda ws, k, s: today.read(ws)),
    "today.likely_matches": _list(P.LINK_DOCUMENTS, lambda ws, k, s: today.likely_matches(ws, [s.waiting_document])),
    "team_queue.read_queue": _list(P.ALLOCATE_CASES, lambda ws, k, s: team_queue.read_queue(ws)),
    "team_queue.waiting_count": _list(P.ALLOCATE_CASES, lambda ws, k, s: team_queue.waiting_count(ws)),
    "sync.stale.stale_allocations": _list(P.ALLOCATE_CASES, lambda ws, k, s: stale.stale_allocations(ws)),
    "sync.refused.send_again": _list(
        P.USE_LAPTOP, lambda ws, k, s: refused.send_again(ws, new_id()), fails=True, references=True
    ),
    "sync.refused.clear": _list(
        P.USE_LAPTOP, lambda ws, k, s: refused.clear(ws, new_id(), reason="x"), fails=True, references=True
    ),
    "sync.refused.hand_to_supervisor": _list(
        P.USE_LAPTOP, lambda ws, k, s: refused.hand_to_supervisor(ws, new_id()), fails=True, references=True
    ),
    # Conflicts.
    "conflicts.listing.list_cases": _list(P.READ_CASES, lambda ws, k, s: listing_of_conflicts.list_cases(ws)),
    "conflicts.reading.read_case": _reads(P.READ_CASES, lambda ws, k, s: reading_conflicts.read_case(ws, k.case_id)),
    "conflicts.deciding.decide": _writes(P.EDIT_CASES, lambda ws, k, s: _decide_conflict(ws, k)),
    "conflicts.undoing.undo": _writes(P.EDIT_CASES, lambda ws, k, s: _undo_decision(ws, k), fails=True),
    "sync.deletions.decline": _list(P.TAKE_OVER_WORK, lambda ws, k, s: deletions.decline(ws, 1), fails=True),
    "sync.deletions.confirm": _list(P.TAKE_OVER_WORK, lambda ws, k, s: deletions.confirm(ws, 1), fails=True),
    # Work that was handed in.
    "rescued.listing.handed_in": _list(P.TAKE_OVER_WORK, lambda ws, k, s: rescued.handed_in(ws)),
    "rescued.listing.waiting_count": _list(P.TAKE_OVER_WORK, lambda ws, k, s: rescued.waiting_count(ws)),
    "rescued.opening.open_work": _list(
        P.TAKE_OVER_WORK, lambda ws, k, s: rescued_opening.open_work(ws, new_id()), fails=True
    ),
    "rescued.opening.require_sight": _list(
        P.TAKE_OVER_WORK, lambda ws, k, s: rescued_opening.require_sight(ws, _work(s))
    ),
    "rescued.settling.take_over": _list(
        P.TAKE_OVER_WORK, lambda ws, k, s: rescued_settling.take_over(ws, _work(s)), fails=True
    ),
    "rescued.settling.set_aside": _list(
        P.TAKE_OVER_WORK, lambda ws, k, s: rescued_settling.set_aside(ws, new_id(), reason="x"), fails=True
    ),
    # Allocation.
    "allocation.allocate": _writes(
        P.ALLOCATE_CASES,
        lambda ws, k, s: allocation.allocate(ws, [k.case_id], _taker(ws, s), "x", expected={k.case_id: 1}),
    ),
    "allocation.undo": _writes(
        P.ALLOCATE_CASES,
        lambda ws, k, s: allocation.undo(
            ws,
            allocation.AllocationResult(
                s.officer, "Olga", (allocation.Allocated(k.case_id, k.reference, k.name, 1, None, None),), ()
            ),
        ),
    ),
    "allocation.keep_allocation": _writes(
        P.ALLOCATE_CASES, lambda ws, k, s: allocation.keep_allocation(ws, k.ids["conflict"])
    ),
    "allocation.look_up": _list(
        P.ALLOCATE_CASES, lambda ws, k, s: allocation.look_up(ws, "olga", [s.families["plain"].reference])
    ),
    # Correspondence.
    "documents.listing.of_case": _reads(P.READ_CASES, lambda ws, k, s: listing.of_case(ws, k.case_id)),
    "documents.listing.document": _reads(P.READ_CASES, lambda ws, k, s: listing.document(ws, k.ids["document"])),
    "sync.fetching.fetch_document": _reads(
        P.READ_CASES, lambda ws, k, s: fetching.fetch_document(ws, k.ids["document"])
    ),
    "documents.listing.counts": _list(P.READ_CASES, lambda ws, k, s: listing.counts(ws)),
    "documents.listing.list_documents": _list(
        P.READ_CASES, lambda ws, k, s: listing.list_documents(ws, DocumentState.LINKED)
    ),
    "documents.listing.document_called": _list(
        P.READ_CASES, lambda ws, k, s: listing.document_called(ws, s.waiting_document)
    ),
    "documents.listing.case_called": _list(
        P.READ_CASES, lambda ws, k, s: listing.case_called(ws, s.families["plain"].reference)
    ),
    "documents.suggest.suggest": _list(P.LINK_DOCUMENTS, lambda ws, k, s: suggest.suggest(ws, s.waiting_document)),
    "documents.suggest.summaries": _list(
        P.LINK_DOCUMENTS, lambda ws, k, s: suggest.summaries(ws, [s.waiting_document])
    ),
    "documents.suggest.describe_case": _reads(P.LINK_DOCUMENTS, lambda ws, k, s: suggest.describe_case(ws, k.case_id)),
    "documents.reading.marks_of": _list(
        P.LINK_DOCUMENTS,
        lambda ws, k, s: reading.marks_of(
            ws, "0" * 64, suggest.Candidate(k.case_id, k.child_id, "", "", "", "", suggest.Strength.WEAK, ())
        ),
    ),
    "documents.tray.note_opened": _reads(P.READ_CASES, lambda ws, k, s: tray.note_opened(ws, k.ids["document"])),
    "documents.tray.link": _writes(P.LINK_DOCUMENTS, _link),
    "documents.tray.unlink": _writes(P.LINK_DOCUMENTS, lambda ws, k, s: tray.unlink(ws, k.ids["document"])),
    "documents.tray.undo_link": _writes(
        P.LINK_DOCUMENTS,
        lambda ws, k, s: tray.undo_link(
            ws, tray.LinkDone(k.ids["document"], k.case_id, new_id(), None, DocumentState.TO_LINK)
        ),
    ),
    "documents.tray.rotate": _writes(P.LINK_DOCUMENTS, lambda ws, k, s: tray.rotate(ws, k.ids["document"], 0, 90)),
    "documents.tray.set_aside": _list(
        P.LINK_DOCUMENTS, lambda ws, k, s: tray.set_aside(ws, s.waiting_document, reason="x"), writes=True
    ),
    "documents.tray.not_for_us": _list(
        P.LINK_DOCUMENTS, lambda ws, k, s: tray.not_for_us(ws, s.waiting_document, reason="x"), writes=True
    ),
    "documents.tray.put_back": _list(
        P.LINK_DOCUMENTS, lambda ws, k, s: tray.put_back(ws, s.free_document), writes=True
    ),
    "documents.export.export_document": _reads(P.EXPORT_RECORDS, lambda ws, k, s: _export_document(ws, k)),
    "documents.intake.add_files": _list(P.LINK_DOCUMENTS, lambda ws, k, s: intake.add_files(ws, [])),
    "documents.intake.add_bytes": _list(
        P.LINK_DOCUMENTS, lambda ws, k, s: intake.add_bytes(ws, "x", f"Doc{k.key} document".encode())
    ),
    # Letters.
    "letters.facts.read": _reads(P.WRITE_LETTERS, lambda ws, k, s: facts.read(ws, k.case_id)),
    "letters.letters.load": _reads(P.WRITE_LETTERS, lambda ws, k, s: letters.load(ws, k.ids["draft"])),
    "letters.letters.keep": _reads(P.WRITE_LETTERS, lambda ws, k, s: letters.keep(ws, k.draft)),
    "letters.letters.save": _writes(P.WRITE_LETTERS, lambda ws, k, s: letters.save(ws, k.draft)),
    "letters.letters.issue": _reads(P.WRITE_LETTERS, lambda ws, k, s: letters.issue(ws, k.draft), fails=True),
    "letters.letters.discard": _writes(P.WRITE_LETTERS, lambda ws, k, s: letters.discard(ws, k.ids["draft"])),
    "letters.letters.correct": _reads(P.WRITE_LETTERS, lambda ws, k, s: letters.correct(ws, k.ids["sent"])),
    "letters.letters.issued_bytes": _reads(P.READ_CASES, lambda ws, k, s: letters.issued_bytes(ws, k.ids["sent"])),
    "letters.listing.letters": _list(P.READ_CASES, lambda ws, k, s: letters_listing.letters(ws)),
    "letters.listing.letter": _reads(P.READ_CASES, lambda ws, k, s: letters_listing.letter(ws, k.ids["sent"])),
    "letters.listing.find_case": _list(
        P.READ_CASES, lambda ws, k, s: letters_listing.find_case(ws, s.families["plain"].reference)
    ),
    "letters.listing.find_letter": _list(
        P.READ_CASES, lambda ws, k, s: letters_listing.find_letter(ws, s.families["plain"].ids["sent"])
    ),
    "letters.export.write": _reads(P.EXPORT_RECORDS, lambda ws, k, s: _export_letter(ws, k)),
    # Referrals and imports.
    "referrals.save": _writes(
        P.TAKE_REFERRALS, lambda ws, k, s: referrals.save(ws, k.ids["referral"], referral_form.Answers(step="child"))
    ),
    "referrals.load": _reads(P.TAKE_REFERRALS, lambda ws, k, s: referrals.load(ws, k.ids["referral"])),
    "referrals.waiting": _list(P.TAKE_REFERRALS, lambda ws, k, s: referrals.waiting(ws)),
    "referrals.candidates": _list(P.TAKE_REFERRALS, lambda ws, k, s: referrals.candidates(ws, _answers(k))),
    "referrals.decide": _writes(P.TAKE_REFERRALS, lambda ws, k, s: _decide(ws, k)),
    "referrals.discard": _writes(
        P.TAKE_REFERRALS, lambda ws, k, s: referrals.discard(ws, k.ids["referral"], reason="x")
    ),
    "referral_opening.open_case": _reads(
        P.TAKE_REFERRALS, lambda ws, k, s: referral_opening.open_case(ws, k.ids["referral"]), fails=True
    ),
    "referral_opening.separate": _writes(
        P.TAKE_REFERRALS, lambda ws, k, s: referral_opening.separate(ws, k.ids["joined"], reason="x")
    ),
    "referral_opening.lately_joined": _list(P.TAKE_REFERRALS, lambda ws, k, s: referral_opening.lately_joined(ws)),
    "match_details.find_candidates": _list(
        P.TAKE_REFERRALS,
        lambda ws, k, s: match_details.find_candidates(
            ws, Subject(forename=f"Isla{k.key}", surname=f"Merrow{k.key}", born_on=date(2017, 3, 14))
        ),
    ),
    "exchange.ctf_plan.plan": _list(P.TAKE_REFERRALS, lambda ws, k, s: _without_file(_ctf(ws, k, decide=False))),
    "exchange.ctf_apply.apply": _writes(P.TAKE_REFERRALS, lambda ws, k, s: _ctf(ws, k, decide=True)),
    "exchange.deletion_returns.import_returns": _list(
        P.TAKE_REFERRALS,
        lambda ws, k, s: deletion_returns.import_returns(ws, f"{HEADER}\n{GOOD}\n".encode()),
        writes=True,
    ),
    "exchange.detect.run_list": _list(
        P.TAKE_REFERRALS,
        lambda ws, k, s: detect.run_list(ws, "deletions", f"{HEADER}\n{GOOD}\n".encode()),
        writes=True,
    ),
    "exchange.gias.import_schools": _list(
        P.IMPORT_REFERENCE, lambda ws, k, s: _ignore_format(gias.import_schools, ws), fails=True
    ),
    "exchange.gias_links.import_links": _list(
        P.IMPORT_REFERENCE, lambda ws, k, s: _ignore_format(gias_links.import_links, ws), fails=True
    ),
    "exchange.la_codes.import_la_codes": _list(
        P.IMPORT_REFERENCE, lambda ws, k, s: _ignore_format(la_codes.import_la_codes, ws), fails=True
    ),
    "exchange.reference.write_changes": _list(P.IMPORT_REFERENCE, _write_rows, writes=True),
    "schools.find_school": _list(P.READ_REFERENCE, lambda ws, k, s: schools.find_school(ws, "990012")),
    "schools.search_schools": _list(P.READ_REFERENCE, lambda ws, k, s: schools.search_schools(ws, "open")),
    # Access itself.
    "named_list.named_list": _reads(P.READ_CASES, lambda ws, k, s: named_list.named_list(ws, k.case_id), overseer=True),
    "named_list.closed_case": _reads(
        P.READ_CASES, lambda ws, k, s: named_list.closed_case(ws, k.case_id), answers=_ASKS, fails=True
    ),
    "named_list.ask_for_access": _reads(
        P.ASK_FOR_ACCESS,
        lambda ws, k, s: named_list.ask_for_access(ws, k.case_id, reason="Covering"),
        answers=_ASKS,
        fails=True,
    ),
    "named_list.restrict": _writes(P.RESTRICT_CASES, lambda ws, k, s: named_list.restrict(ws, k.case_id, reason="x")),
    "named_list.unrestrict": _reads(
        P.RESTRICT_CASES, lambda ws, k, s: named_list.unrestrict(ws, k.case_id, reason="x"), overseer=True, fails=True
    ),
    "named_list.add_person": _reads(
        P.RESTRICT_CASES,
        lambda ws, k, s: named_list.add_person(ws, k.case_id, s.officer, reason="x"),
        overseer=True,
        fails=True,
    ),
    "named_list.remove_person": _reads(
        P.RESTRICT_CASES,
        lambda ws, k, s: named_list.remove_person(ws, k.case_id, s.users[Role.DUTY]),
        overseer=True,
        fails=True,
    ),
    "named_list.answer_request": _writes(
        P.RESTRICT_CASES,
        lambda ws, k, s: named_list.answer_request(ws, k.ids["request"], granted=True),
        overseer=True,
    ),
    "break_glass.open_in_emergency": _reads(
        P.BREAK_GLASS,
        lambda ws, k, s: break_glass.open_in_emergency(ws, k.case_id, reason="The child is at the door"),
        answers=_ASKS,
        fails=True,
    ),
    "break_glass.running": _reads(P.READ_CASES, lambda ws, k, s: break_glass.running(ws, k.case_id)),
    "break_glass.review": _writes(
        P.REVIEW_ACCESS,
        lambda ws, k, s: break_glass.review(ws, k.ids["emergency"], words="Rightly opened"),
        answers=_ASKS,
    ),
    "interests.declare": _writes(
        P.DECLARE_INTEREST,
        lambda ws, k, s: interests.declare(ws, k.case_id),
        answers={"restricted": "yes", "interest": "yes"},
    ),
    "interests.declare_about_child": _writes(
        P.DECLARE_INTEREST, lambda ws, k, s: interests.declare_about_child(ws, k.child_id)
    ),
    "interests.end": _writes(
        P.REVIEW_ACCESS, lambda ws, k, s: interests.end(ws, k.ids["declared"], reason="Moved away"), answers=_ASKS
    ),
    # The audit: references, and nothing else of a case.
    "audit_trail.exporting.export": _trail(lambda ws, k, s: _export_audit(ws)),
    "audit_trail.listing.find_case": _trail(lambda ws, k, s: listing_of_audit.find_case(ws, k.reference)),
    "audit_trail.listing.note_reading": _trail(lambda ws, k, s: listing_of_audit.note_reading(ws)),
    "audit_trail.listing.people": _trail(lambda ws, k, s: listing_of_audit.people(ws)),
    "audit_trail.listing.reference_of": _trail(lambda ws, k, s: listing_of_audit.reference_of(ws, k.case_id)),
    "audit_trail.listing.rows": _trail(
        lambda ws, k, s: listing_of_audit.rows(ws, listing_of_audit.sequences(ws, listing_of_audit.AuditQuery())[:50])
    ),
    "audit_trail.listing.searches_for": _trail(lambda ws, k, s: listing_of_audit.searches_for(ws, k.name)),
    "audit_trail.listing.sequences": _trail(
        lambda ws, k, s: listing_of_audit.sequences(ws, listing_of_audit.AuditQuery())
    ),
    "access_alerts.alerts": _list(P.REVIEW_ACCESS, lambda ws, k, s: access_alerts.alerts(ws)),
}
"""By module below ``app.services`` and name."""

OWN_LAPTOP: dict[str, Call] = {
    "drafts.save_draft": lambda ws, k, s: drafts.save_draft(ws, "note:x", "words"),
    "drafts.kept_keys": lambda ws, k, s: drafts.kept_keys(ws, "note:"),
    "drafts.load_draft": lambda ws, k, s: drafts.load_draft(ws, "note:x"),
    "today.counts": lambda ws, k, s: today.counts(ws),
    "access_alerts.waiting": lambda ws, k, s: access_alerts.waiting(ws),
    "sync.centre.sync_view": lambda ws, k, s: centre.sync_view(ws),
    "sync.case_receipts.receipts_by_case": lambda ws, k, s: case_receipts.receipts_by_case(ws),
    "sync.it_details.details_for_it": lambda ws, k, s: it_details.details_for_it(ws, SyncStatus(SyncState.UP_TO_DATE)),
    "sync.run_history.last_runs": lambda ws, k, s: run_history.last_runs(ws),
    "sync.storage.storage_view": lambda ws, k, s: storage.storage_view(ws),
}
"""Those of ``EVERYBODY`` that need no central store, to see that they show nothing of a closed case."""


def _taker(ws: TrialWorkspace, s: Scene) -> str:
    return next(
        user for role, user in s.users.items() if role in (Role.CASEWORKER, Role.DUTY) and user != ws.actor.user_id
    )


def _answers(k: Family) -> referral_form.Answers:
    answers = referral_form.Answers()
    answers.child.forename, answers.child.surname = f"Isla{k.key}", f"Merrow{k.key}"
    answers.child.born, answers.child.born_on = "known", "2017-03-14"
    return answers


def _without_file(plan: Any) -> Any:
    """Return what a plan says of known children; the file's own words are the sender's."""
    return [(pupil.candidates, pupil.changes, pupil.suggestion) for pupil in plan.pupils]


def _ignore_format(run: Callable[..., Any], ws: TrialWorkspace) -> Any:
    return run(ws, b"URN,LA (code)\n1,2\n")
