"""The sync pill: its words in every state, amber at worst, and changes announced politely."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.services.sync.status import SyncState, SyncStatus
from app.views.start import make_application
from app.views.sync_pill import LOOKS, SyncPill, SyncPopover
from app.views.sync_words import SYNC_TAGS, offline_words, size_words
from tests.views.clipping import clipped

AT = datetime(2026, 11, 17, 9, 12, tzinfo=UTC)
S = SyncState
STATES = [
    (SyncStatus(S.UP_TO_DATE, 0, AT), "Up to date · 09:12"),
    (SyncStatus(S.SYNCING, 3, AT, "Sending your changes", 14, 31), "Syncing 14 of 31"),
    (SyncStatus(S.WAITING, 3, AT), "Waiting · 3 changes"),
    (SyncStatus(S.OFFLINE, 7, AT), "Offline · 7 changes kept"),
    (SyncStatus(S.REVIEW, 0, AT, review_count=2), "2 changes to review"),
    (SyncStatus(S.SIGN_IN, 3, AT), "Sign in to sync"),
    (SyncStatus(S.FAILED, 3, AT), "Could not sync"),
    (SyncStatus(S.READ_ONLY, 0, AT), "Read only"),
    (SyncStatus(S.ENDED, 0, AT, "This laptop may not sync any more."), "Access ended"),
]


@pytest.fixture(scope="session")
def qapp() -> Any:
    return make_application()


@pytest.mark.parametrize(("status", "words"), STATES, ids=[str(status.state) for status, _ in STATES])
def test_every_state_has_its_words_and_none_is_red(qapp: Any, qtbot: QtBot, status: SyncStatus, words: str) -> None:
    pill = SyncPill()
    qtbot.addWidget(pill)
    pill.show_status(status)
    assert pill.words() == words
    assert pill.accessibleName() == f"Sync: {words}"
    assert pill.toolTip() == status.sentence()
    icon, ink, fill = LOOKS[str(status.state)]
    assert icon
    assert not {"danger", "danger_tint"} & {ink, fill}
    assert SYNC_TAGS[str(status.state)][0] not in ("danger", "overdue")


def test_changes_are_announced_politely_and_each_step_of_a_sync_is_not(
    qapp: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, Any]] = []

    def heard(event: QAccessibleAnnouncementEvent) -> None:
        told.append((event.message(), event.politeness()))

    monkeypatch.setattr(QAccessible, "updateAccessibility", heard)
    pill = SyncPill()
    qtbot.addWidget(pill)
    pill.show()
    told.clear()
    pill.show_status(SyncStatus(S.SYNCING, 3, AT, "", 1, 31))
    pill.show_status(SyncStatus(S.SYNCING, 3, AT, "", 2, 31))
    pill.show_status(SyncStatus(S.UP_TO_DATE, 0, AT))
    polite = QAccessible.AnnouncementPoliteness.Polite
    assert told == [("Syncing 1 of 31", polite), ("Up to date · 09:12", polite)]


def test_the_popover_says_what_is_known(qapp: Any, qtbot: QtBot) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    owner.show()
    note = "This network is metered. Records sync, and 2 documents wait for another network."
    popover = SyncPopover(SyncStatus(S.UP_TO_DATE, 0, AT, note=note, metered=True), owner)
    qtbot.addWidget(popover)
    popover.show_under(owner)
    words = [label.text() for label in popover.findChildren(QLabel)]
    for expected in (note, "Up to date · 09:12", "Works offline until", "Thursday 17 December"):
        assert expected in words
    assert clipped(popover) == []
    popover.close()


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 KB"), (1, "1 KB"), (240 * 1024, "240 KB"), (3_400_000, "3.2 MB"), (1_500_000_000, "1.4 GB")],
)
def test_sizes_in_words(size: int, words: str) -> None:
    assert size_words(size) == words


def test_before_the_first_sync_there_is_no_limit_to_name() -> None:
    assert offline_words(None) == "Not set yet"


def test_the_words_fit_a_narrow_window(qapp: Any, qtbot: QtBot) -> None:
    shorter: Callable[[SyncStatus], str] = SyncStatus.short_words
    assert shorter(SyncStatus(S.OFFLINE, 7, AT)) == "Offline · 7 kept"
    assert shorter(SyncStatus(S.WAITING, 3, AT)) == "3 waiting"


def test_what_is_to_be_reviewed_is_said_in_its_own_words() -> None:
    choice = "Someone else changed the same thing. Both are kept. Choose which to show."
    refused = "1 change is not in the central store, and kept here. The Sync centre says why and what to do."
    assert SyncStatus(S.REVIEW, review_count=2).sentence() == choice
    assert SyncStatus(S.REVIEW, review_count=1, refused_count=1).sentence() == refused
    assert SyncStatus(S.REVIEW, review_count=3, refused_count=1).sentence() == f"{choice} {refused}"
    assert SyncStatus(S.SIGN_IN).sentence() == "Sign in to sync. Everything you have recorded is in the central store."
