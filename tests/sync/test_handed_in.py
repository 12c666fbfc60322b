"""A supervisor opens work that was handed in, on their own laptop, and makes it again in their own name."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.central.rescue_tables import rescue_event, rescued_piece
from app.errors import AccessRefused, UserError
from app.models import AuditEntry, Case, CaseAccess, CaseEvent, ChangeSetRow, Conflict, Document, HandedIn, Task
from app.models.terms import ChangeState, HandedInState
from app.services.changes import Change
from app.services.drafts import note_key, save_draft
from app.services.rescued.listing import handed_in, waiting_count
from app.services.rescued.opening import MOVED_ON, NOT_YOURS, open_work
from app.services.rescued.settling import set_aside, take_over
from app.services.sync import revocation
from app.services.sync.faults import NotLetIn
from app.services.sync.packages import UnopenedError
from app.services.workspace import Workspace
from tests.sync.test_rescue import SECRET, _document, add_note, dawn, open_case, ruth, set_role  # noqa: F401  (fixtures)

Sync = Callable[[Workspace], Any]


def lose_role(central: Any, ws: Workspace, sync_once: Sync) -> None:
    set_role(central, "dawn", "caseworker", "inclusion")
    sync_once(ws)


def actions(ws: Workspace) -> list[str]:
    with ws.read() as session:
        return list(session.scalars(select(AuditEntry.action)))


def test_a_note_is_opened_looked_at_and_taken_over_with_its_authors_name(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    note = add_note(dawn, case_id)
    lose_role(central, dawn, sync_once)
    sync_once(ruth)
    (row,) = handed_in(ruth)
    assert (row.author, row.laptop, row.change_count, row.is_waiting) == ("Dawn Ellery", "Laptop of dawn", 1, True)
    assert waiting_count(ruth) == 1
    work = open_work(ruth, row.id)
    assert (work.author, work.reason) == ("Dawn Ellery", "Added a note")
    (change,) = work.changes
    assert change.case.startswith("Isla Bräton")
    assert SECRET in {line.after for line in change.lines}
    new = take_over(ruth, work)
    sync_once(ruth), sync_once(dawn)
    for ws in (ruth, dawn):
        with ws.read() as session:
            assert session.scalars(select(CaseEvent.body)).all() == [SECRET]
    with ruth.read() as session:
        made = session.get_one(ChangeSetRow, new)
        assert made.state is ChangeState.ACCEPTED
        assert made.reason.startswith("Taken over from Dawn Ellery, 17 November 2026")
        assert session.get_one(HandedIn, note).state is HandedInState.TAKEN_OVER
    assert {"opened handed-in work", "took over"} <= set(actions(ruth))
    with central.services.engine.connect() as connection:
        said = connection.execute(select(rescue_event.c.what, rescue_event.c.user_id)).all()
    assert [tuple(each) for each in said] == [
        ("handed in", central.people["dawn"]),
        ("opened", central.people["ruth"]),
    ]
    (listed,) = central.services.rescues.listed()
    assert (listed["state"], listed["settled_by"], listed["opened"]) == ("taken_over", "Ruth Okonjo", 1)
    assert waiting_count(ruth) == 0
    with pytest.raises(UserError):
        take_over(ruth, work)


def test_where_the_record_has_moved_on_both_values_are_kept(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn), sync_once(ruth)
    with dawn.write("Changed the area") as session:
        session.get_one(Case, case_id).area = "Saltenby"
    with ruth.write("Changed the area") as session:
        session.get_one(Case, case_id).area = "Aldermere"
    sync_once(ruth)
    lose_role(central, dawn, sync_once)
    sync_once(ruth)
    (row,) = handed_in(ruth)
    work = open_work(ruth, row.id)
    assert work.changes[0].outlook == MOVED_ON
    take_over(ruth, work)
    sync_once(ruth)
    with ruth.read() as session:
        assert session.get_one(Case, case_id).area == "Aldermere"
        conflict = session.scalars(select(Conflict)).one()
        assert (conflict.kept, conflict.offered) == ("Aldermere", "Saltenby")


def test_only_the_changes_that_are_chosen_are_made(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    with dawn.write("Added tasks") as session:
        session.add_all([Task(case_id=case_id, text="Ring the school"), Task(case_id=case_id, text="Ring the aunt")])
    lose_role(central, dawn, sync_once)
    sync_once(ruth)
    work = open_work(ruth, handed_in(ruth)[0].id)
    wanted = next(each for each in work.changes if "Ring the aunt" in {line.after for line in each.lines})
    take_over(ruth, work, {wanted.place})
    with ruth.read() as session:
        assert session.scalars(select(Task.text)).all() == ["Ring the aunt"]
    (row,) = handed_in(ruth)
    assert (row.state_words, row.settled_reason) == ("Taken over", "1 of 2 changes")


def test_setting_aside_needs_a_reason_and_keeps_the_work_at_the_central_store(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    add_note(dawn, case_id)
    lose_role(central, dawn, sync_once)
    sync_once(ruth)
    (row,) = handed_in(ruth)
    with pytest.raises(UserError):
        set_aside(ruth, row.id, reason="")
    set_aside(ruth, row.id, reason="Dawn told me, and I recorded it")
    sync_once(ruth)
    (listed,) = central.services.rescues.listed()
    assert listed["state"] == "set_aside"
    with central.services.engine.connect() as connection:
        assert connection.execute(select(rescued_piece)).first() is not None
    assert "set aside handed-in work" in actions(ruth)
    assert open_work(ruth, row.id).changes, "it can still be looked at"


def test_documents_that_came_with_it_reach_the_case(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    page = b"%JPEG a page that only Dawn has" * 100
    sha256 = dawn.documents.put(page, "image/jpeg")
    with dawn.write("Added a document") as session:
        session.add(_document(dawn, case_id, sha256, len(page)))
    lose_role(central, dawn, sync_once)
    sync_once(ruth)
    work = open_work(ruth, handed_in(ruth)[0].id)
    assert work.document_count == 1
    take_over(ruth, work)
    sync_once(ruth)
    assert ruth.documents.get(sha256) == page
    assert central.services.bytes.complete_count() == 1
    with ruth.read() as session:
        assert session.scalars(select(Document.sha256)).all() == [sha256]


def test_words_of_a_revoked_laptop_that_were_never_saved_can_become_the_note(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    save_draft(dawn, note_key(case_id), "She said she would")
    central.services.trust.revoke(dawn.actor.device_id)
    assert revocation.last_contact(dawn, "Test laptop").handed_in == 1
    sync_once(ruth)
    work = open_work(ruth, handed_in(ruth)[0].id)
    assert work.changes[0].lines[0].after == "She said she would"
    take_over(ruth, work)
    sync_once(ruth)
    with ruth.read() as session:
        assert session.scalars(select(CaseEvent.body)).all() == ["She said she would"]


def test_what_speaks_for_its_author_cannot_be_made_by_another(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
) -> None:
    from app.models import InterestDeclared

    child_id, _ = open_case(dawn)
    sync_once(dawn)
    with dawn.write("Declared an interest") as session:
        values = {"user_id": dawn.actor.user_id, "child_id": child_id, "declared_at": dawn.time.now()}
        session.add(InterestDeclared(**values, reason="My niece"))
    central.services.trust.revoke(dawn.actor.device_id)
    revocation.last_contact(dawn, "Test laptop")
    sync_once(ruth)
    work = open_work(ruth, handed_in(ruth)[0].id)
    assert work.changes[0].outlook == NOT_YOURS
    with pytest.raises(UserError):
        take_over(ruth, work)


def test_work_on_a_restricted_case_is_shown_only_to_those_on_its_list(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn), sync_once(ruth)
    changes = [
        Change("case", case_id, "update", {"restricted": [False, True]}),
    ]
    central.services.store.record(changes, "Restricted a case")
    central.services.people.add_records(
        [
            (
                CaseAccess,
                {"case_id": case_id, "user_id": central.people["dawn"], "granted_at": dawn.time.now(), "reason": "x"},
            )
        ],
        "Put on the list",
    )
    sync_once(dawn)
    add_note(dawn, case_id)
    central.services.trust.revoke(dawn.actor.device_id)
    revocation.last_contact(dawn, "Test laptop")
    sync_once(ruth)
    (row,) = handed_in(ruth)
    with pytest.raises(AccessRefused) as refused:
        open_work(ruth, row.id)
    assert SECRET not in refused.value.message
    assert "opened handed-in work" not in actions(ruth)


def test_nobody_but_the_teams_supervisors_is_given_the_sealed_work(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    enrol_laptop: Callable[..., Any],
    sync_once: Sync,
) -> None:
    from app.services.sync.enrolment import open_transport
    from app.services.sync.rescue_protocol import FetchedPiece, FetchPiece

    central.people["eve"] = central.services.people.add_user("eve", "Eve Marsh", "supervisor", "East team")
    eve = enrol_laptop("eve").workspace()
    _, case_id = open_case(dawn)
    sync_once(dawn)
    note = add_note(dawn, case_id)
    lose_role(central, dawn, sync_once)
    sync_once(eve)
    for ws, named in ((eve, "eve"), (eve, "ruth"), (dawn, "dawn")):
        transport = open_transport(ws)
        with pytest.raises(NotLetIn) as no:
            transport.call("/handed-in", FetchPiece(note, 0, central.people[named]), FetchedPiece)
        transport.close()
        assert no.value.code == "not-yours"
    assert handed_in(eve) == []
    with pytest.raises(AccessRefused):
        handed_in(dawn)


def test_a_piece_that_was_changed_at_the_central_store_does_not_open(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    add_note(dawn, case_id)
    lose_role(central, dawn, sync_once)
    sync_once(ruth)
    with central.services.engine.begin() as connection:
        sealed = bytes(connection.execute(select(rescued_piece.c.sealed)).scalar_one())
        connection.execute(rescued_piece.update().values(sealed=sealed[:-1] + bytes([sealed[-1] ^ 1])))
    with pytest.raises(UnopenedError):
        open_work(ruth, handed_in(ruth)[0].id)
