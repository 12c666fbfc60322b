"""Keeps one referral while it is typed: saved at each step, drafted a second after typing stops, flushed at a lock."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.ids import new_id
from app.services import drafts, referral_form, referrals
from app.services.referral_form import Answers

if TYPE_CHECKING:
    from app.services.matching import Candidate
    from app.services.referral_opening import Opened
    from app.services.referrals import ReferralView
    from app.views.context import AppContext

AUTOSAVE_MS = 1000


class ReferralKeeper(QObject):
    """The referral behind the pages.

    Attributes:
        answers: what is typed so far; the steps read and fill it.
        view: the stored referral with its match decision, or None before the first save.
        stored: whether it is in the vault.
        busy: a decision or the opening is under way.

    Signals:
        loaded: (step to show, whether typing was recovered).
        dealt_with: the case that the referral has become.
        saved: the stored referral changed.
        decided: a match decision is kept.
        opened: the case is open.
        failed: what went wrong; nothing typed is lost.
    """

    loaded = Signal(str, bool)
    dealt_with = Signal(str)
    saved = Signal()
    decided = Signal()
    opened = Signal(object)
    failed = Signal(object)

    def __init__(self, context: "AppContext", collect: Callable[[Answers], None], parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._collect = context, collect
        self.referral_id = ""
        self.answers = Answers()
        self.view: ReferralView | None = None
        self.stored = self.busy = self._dirty = False
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(AUTOSAVE_MS)
        self._later.timeout.connect(self._autosave)
        context.flush_drafts.connect(self.flush)

    @property
    def unfinished(self) -> str:
        """The name of the child of a stored referral that still waits, or an empty text."""
        return self.answers.child_name if self.waiting_id else ""

    @property
    def waiting_id(self) -> str:
        """The id of a stored referral that still waits, or an empty text."""
        waits = self.view is None or self.view.state in referrals.WAITING
        return self.referral_id if self.stored and waits else ""

    def start_new(self) -> None:
        """Begin an empty referral; it is stored when something is typed."""
        self.referral_id, self.answers, self.view = new_id(), Answers(), None
        self.stored = self._dirty = False

    def load(self, referral_id: str, step: str) -> None:
        """Go on with a referral.

        Args:
            referral_id: which.
            step: the step to show; where the person was when empty.
        """
        ws = self._context.ws

        def work() -> "tuple[ReferralView, str]":
            return referrals.load(ws, referral_id), drafts.load_draft(ws, referrals.draft_key(referral_id))

        self._context.runner.run(self, work, lambda found: self._loaded(*found, step), self.failed.emit)

    def _loaded(self, view: "ReferralView", typed: str, step: str) -> None:
        if view.case_id and view.state not in referrals.WAITING:
            self.dealt_with.emit(view.case_id)
            return
        self.referral_id, self.view, self.answers = view.id, view, view.answers
        self.stored, self._dirty = True, False
        if typed:  # typed after the last save: the window locked, or something stopped it
            self.answers = referral_form.from_json(json.loads(typed))
            self._dirty = True
        self.loaded.emit(step or self.answers.step, bool(typed))

    # Keeping

    def edited(self) -> None:
        """Something was typed: keep it when the typing stops."""
        self._dirty = True
        self._later.start()

    def _autosave(self) -> None:
        if not self._dirty:
            return
        self._collect(self.answers)
        if not self.stored:
            self._save()
            return
        ws, key, typed = self._context.ws, referrals.draft_key(self.referral_id), self._typed()
        self._context.runner.run(self, lambda: drafts.save_draft(ws, key, typed), lambda _done: None)

    def keep(self) -> None:
        """Save what is typed, if anything is new."""
        self._later.stop()
        if self._dirty:
            self._collect(self.answers)
            self._save()

    def flush(self) -> None:
        """Keep what is typed at once and on this thread, before the window locks."""
        self._later.stop()
        if not self._dirty:
            return
        self._collect(self.answers)
        if self.stored:
            drafts.save_draft(self._context.ws, referrals.draft_key(self.referral_id), self._typed())
        else:
            referrals.save(self._context.ws, self.referral_id, self.answers)
            self.stored = True
        self._dirty = False

    def _typed(self) -> str:
        return json.dumps(referral_form.to_json(self.answers))

    def _copy(self) -> Answers:
        return referral_form.from_json(referral_form.to_json(self.answers))

    def _save(self) -> None:
        ws, referral_id, answers = self._context.ws, self.referral_id, self._copy()
        self._dirty, self.stored = False, True

        def work() -> "ReferralView":
            referrals.save(ws, referral_id, answers)
            return referrals.load(ws, referral_id)

        self._context.runner.run(self, work, self._saved, self._not_saved)

    def _saved(self, view: "ReferralView") -> None:
        if view.id == self.referral_id:
            self.view = view
            self.saved.emit()

    def _not_saved(self, error: Exception) -> None:
        self._dirty = True
        self.failed.emit(error)

    # Deciding and opening

    def decide(self, choice: str, shown: "Sequence[Candidate]", child_id: str, why: str) -> None:
        """Keep the answers and the decision on a match with what was shown."""
        if self.busy:
            return
        self.busy = True
        ws, referral_id, answers = self._context.ws, self.referral_id, self._copy()

        def work() -> "ReferralView":
            referrals.save(ws, referral_id, answers)
            return referrals.decide(ws, referral_id, choice, shown, child_id=child_id or None, why=why)

        self._context.runner.run(self, work, self._decided, self._fail)

    def _decided(self, view: "ReferralView") -> None:
        self.busy, self.stored, self._dirty = False, True, False
        self.view = view
        self.decided.emit()

    def open_case(self) -> None:
        """Open the case; a second asking while it opens is ignored."""
        if self.busy:
            return
        self.keep()
        self.busy = True
        ws, referral_id = self._context.ws, self.referral_id

        def work() -> "Opened":
            from app.services import referral_opening

            return referral_opening.open_case(ws, referral_id)

        self._context.runner.run(self, work, self._opened, self._fail)

    def _opened(self, opened: "Opened") -> None:
        self.busy = self._dirty = False
        self.opened.emit(opened)

    def separate(self, referral_id: str, reason: str) -> None:
        """Take a referral out of the case it joined, then show it at its match check."""

        def work() -> None:
            from app.services import referral_opening

            referral_opening.separate(self._context.ws, referral_id, reason=reason)

        self._context.runner.run(
            self,
            work,
            lambda _done: self._context.navigate("referral", referral_id=referral_id, step="match"),
            self.failed.emit,
        )

    def set_aside(self, referral_id: str, reason: str) -> None:
        """Set a waiting referral aside; it is kept with the reason."""
        ws = self._context.ws
        self._context.runner.run(
            self, lambda: referrals.discard(ws, referral_id, reason=reason), lambda _done: None, self.failed.emit
        )

    def _fail(self, error: Exception) -> None:
        self.busy = False
        self.failed.emit(error)
