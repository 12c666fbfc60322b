"""The conflict page: cases at the left; before, yours and theirs at the right; a person chooses."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from app.errors import RollcallError, UserError
from app.services.conflicts.shown import TYPED
from app.views.conflicts import keeping
from app.views.conflicts.choice_row import ChoiceRow
from app.views.conflicts.choice_table import ChoiceTable
from app.views.conflicts.page_frame import PageFrame
from app.views.kit.announce import announce
from app.views.pages import Crumb

if TYPE_CHECKING:
    from app.services.conflicts.deciding import Decision, DecisionResult
    from app.services.conflicts.shown import CaseConflicts, ConflictCase, ConflictList
    from app.views.context import AppContext

SETTLE_MS, KEEP_MS = 200, 1000
_TABLES = frozenset({"conflict", "case", "child", "person", "address", "contact_point", "relationship", "case_access"})


class ConflictsPage(PageFrame):
    """Two values for one field, side by side, until somebody has chosen.

    Signals:
        heading_changed: title and breadcrumb are the same for every case; the window's own never holds a name.
    """

    heading_changed = Signal()
    title = "Review changes"

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self.setObjectName("conflicts_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Sync centre", "sync"), ("Review changes", None)]
        self.table: ChoiceTable | None = None
        self._key = self._wanted = ""
        self._busy = False
        self._kept: dict[str, str] = {}
        self._connect()

    # Making

    def _connect(self) -> None:
        self._later = self._timer(SETTLE_MS, self.reread)
        self._keep_later = self._timer(KEEP_MS, self._keep)
        self.cases.chosen.connect(self._chosen)
        self.foot.later_asked.connect(self.decide_later)
        self.foot.save_asked.connect(self.save)
        self.pane.case_asked.connect(self._open_case)
        self.pane.list_asked.connect(self._show_list)
        self.context.records_changed.connect(self._records_changed)
        self.context.flush_drafts.connect(self.flush)
        for place in (1, 2, 3):
            QShortcut(QKeySequence(f"Alt+{place}"), self, lambda place=place: self.choose_place(place))

    def _timer(self, interval: int, act: Any) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval)
        timer.timeout.connect(act)
        return timer

    # The window's side

    def open(self, case_id: str = "", key: str = "", **_more: Any) -> None:
        """Show what there is to decide.

        Args:
            case_id: a case to begin with; the one that waits longest when left out.
            key: the same, for a record that belongs to no case.
        """
        wanted = key or case_id
        if wanted and wanted != self._key:
            self._keep()
            self._wanted, self._listed = wanted, False
        self.reread(audited=True)

    def primary_action(self) -> None:
        """Ctrl+Enter: save everything that is chosen."""
        self.save()

    def panes(self) -> list[QWidget]:
        """Return where F6 stops."""
        return [self.cases, *([self.table] if self.table is not None else []), self.foot.save]

    def close_panel(self) -> bool:
        """Esc goes back to the list where it stands alone."""
        if self._alone and not self._listed and self._list is not None and self._list.cases:
            self._show_list()
            return True
        return False

    def here(self) -> dict[str, str]:
        """Return what brings somebody back to this case after a lock."""
        return {"key": self._key} if self._key else {}

    def setFocus(self, *_reason: Any) -> None:
        """Put the keyboard on the first choice that is left."""
        row = self.table.current() if self.table is not None else None
        if row is not None and self._right.isVisible():
            row.focus()
        else:
            self.cases.setFocus()

    # Reading

    def reread(self, *, audited: bool = False) -> None:
        """Read the list, and the case shown, again."""
        ws = self.context.ws

        def work() -> "ConflictList":
            from app.services.conflicts import listing

            return listing.list_cases(ws)

        self.context.runner.run(self, work, lambda found: self._show_cases(found, audited=audited))

    def _records_changed(self, tables: frozenset[str]) -> None:
        if self.isVisible() and tables & _TABLES:
            self._later.start()

    def _show_cases(self, found: "ConflictList", *, audited: bool) -> None:
        self._list = found
        keys = [each.key for each in found.cases]
        self.cases.forget_left(set(keys))
        wanted = self._wanted or self._key
        before, key = self._key, wanted if wanted in keys else keys[0] if keys else ""
        if before and before not in keys and self.table is not None:
            self._say_gone([row for row in self.table.rows if row.decided or row.typed_something()])
        self._wanted = ""
        self.cases.set_cases(found.cases, key)
        self.joined.show_counts(found.joined_changes, found.joined_cases)
        self._body.setCurrentWidget(self._right if keys else self.empty)
        self._left.setVisible(bool(keys) and (not self._alone or self._listed))
        if not keys:
            self._key, self.table = "", None
            self.pane.clear()
            self._fit()
            return
        self._read_case(key, audited=audited or key != before)

    def _read_case(self, key: str, *, audited: bool) -> None:
        from app.services.conflicts.deciding import draft_key

        ws, known = self.context.ws, self._kept.get(key)

        def work() -> "tuple[CaseConflicts, str]":
            from app.services import drafts
            from app.services.conflicts import reading

            draft = drafts.load_draft(ws, draft_key(key)) if known is None else known
            return reading.read_case(ws, key, audited=audited), draft

        self.context.runner.run(
            self, work, lambda found: self._show_case(*found), lambda error: self._could_not_read(key, error)
        )

    def _could_not_read(self, key: str, error: Exception) -> None:
        if isinstance(error, UserError):
            self._kept.pop(key, None)
            self._later.start()
        else:
            self.context.report_error(error)

    def _show_case(self, case: "CaseConflicts", draft: str) -> None:
        same = case.key == self._key
        if same and self.table is not None:
            if self.table.case == case:
                return
            draft = keeping.as_draft(self.table) or draft
            self._say_gone(_gone(self.table, case), told=bool(case.choices))
        elif not same:
            self.pane.say_nothing()
        had_focus = self.table is not None and self.table.isAncestorOf(self.focusWidget() or self)
        self._key = case.key
        table = ChoiceTable(case)
        keeping.restore(table, draft)
        table.changed.connect(self._changed)
        self.table = table
        self.pane.show_case(case, table)
        self.cases.light(case.key)
        self._changed(keep=False)
        self._fit()
        if had_focus or not same:
            self._scroll.verticalScrollBar().setValue(0)
            if self.isVisible() and not self.cases.hasFocus():
                self.setFocus()

    def _chosen(self, row: "ConflictCase") -> None:
        self._listed = False
        if row.key == self._key:
            self._fit()
            return
        self._keep()
        self._read_case(row.key, audited=True)

    # Choosing

    def choose_place(self, place: int) -> None:
        """Alt+1 yours, Alt+2 theirs, Alt+3 both: in the row with the keyboard; then on to the next that is left."""
        row = self.table.current() if self.table is not None else None
        if row is None or self.table is None or not row.choose_place(place):
            return
        side = {1: self.table.case.left.title, 2: self.table.case.right.title, 3: "both"}[place]
        waiting = self.table.undecided()
        after = self.table.rows.index(row)
        following = next((each for each in waiting if self.table.rows.index(each) > after), None)
        target = following or (waiting[0] if waiting else None)
        words = f"{row.choice.title}: {side} chosen."
        if target is not None:
            target.focus()
            self._scroll.ensureWidgetVisible(target)
            words += f" Next: {target.choice.title}."
        else:
            row.focus()
        announce(row, words)

    def _changed(self, *, keep: bool = True) -> None:
        if self.table is None:
            return
        waiting = self.table.undecided()
        mine = [row for row in self.table.rows if row.choice.may_decide]
        self.cases.set_left(self._key, len(waiting) + len(self.table.rows) - len(mine))
        last = self._list is None or len(self._list.cases) < 2
        self.foot.show_state([row.choice.title for row in waiting], len(mine) - len(waiting), last=last)
        if keep:
            self._keep_later.start()

    def decide_later(self) -> None:
        """Leave this case as it is, with what is chosen kept, and go on."""
        self._keep()
        following = self._next_key()
        if following:
            self._read_case(following, audited=True)
        else:
            self.context.navigate("sync")

    def _next_key(self) -> str:
        keys = [each.key for each in self._list.cases] if self._list is not None else []
        if self._key not in keys or len(keys) < 2:
            return ""
        return keys[(keys.index(self._key) + 1) % len(keys)]

    # Keeping what is not saved

    def _keep(self) -> None:
        self._keep_later.stop()
        if self.table is None or not self._key:
            return
        from app.services import drafts
        from app.services.conflicts.deciding import draft_key

        ws, key, text = self.context.ws, self._key, keeping.as_draft(self.table)
        if self._kept.get(key, "") == text:
            return
        self._kept[key] = text
        self.context.runner.run(self, lambda: drafts.save_draft(ws, draft_key(key), text), lambda _none: None)

    def flush(self) -> None:
        """Save what is chosen and typed, at once: the window locks."""
        self._keep_later.stop()
        if self.table is not None and self._key:
            from app.services import drafts
            from app.services.conflicts.deciding import draft_key

            drafts.save_draft(self.context.ws, draft_key(self._key), keeping.as_draft(self.table))

    # Saving

    def save(self) -> None:
        """Save everything that is chosen on this case."""
        if self._busy or self.table is None:
            return
        decisions = [_decision(row) for row in self.table.rows if row.choice.may_decide and row.decided]
        if not decisions:
            self.foot.say("Choose at least one value, or decide later.")
            return
        ws, key, following = self.context.ws, self._key, self._next_key()
        self._busy = True
        self.foot.set_busy(busy=True)

        def work() -> "DecisionResult":
            from app.services.conflicts import deciding

            return deciding.decide(ws, key, decisions)

        self.context.runner.run(self, work, lambda result: self._saved(key, following, result), self._refused)

    def _saved(self, key: str, following: str, result: "DecisionResult") -> None:
        self._busy = False
        self.foot.set_busy(busy=False)
        self._keep_later.stop()
        if result.left:
            self.pane.say("conflict", "\n".join(each.words for each in result.left), self._typed_words(result))
        else:
            self._kept[key] = ""
            self._wanted = following
            if self.table is not None and not self.table.undecided():
                self.table = None
                self._key = ""
        if result.settled:
            self.context.toast(result.words, lambda: self._undo(key, result) if result.settled else None)
        self.context.counts_changed.emit()
        self.reread()

    def _typed_words(self, result: "DecisionResult") -> str:
        """Return what was typed for choices that were left: it is not lost."""
        left = {each.key for each in result.left}
        rows = [row for row in self.table.rows if row.choice.key in left] if self.table is not None else []
        return _typed_text(rows)

    def _refused(self, error: Exception) -> None:
        self._busy = False
        self.foot.set_busy(busy=False)
        if not isinstance(error, RollcallError):
            self.context.report_error(error)
            return
        row = self._row(getattr(error, "field", None))
        if row is not None and row.form is not None and row.pick == TYPED:
            row.form.say(error.message)
            row.form.focus()
            announce(row, error.message)
        else:
            self.pane.say("error", error.message)

    def _row(self, key: str | None) -> ChoiceRow | None:
        rows = self.table.rows if self.table is not None else []
        return next((row for row in rows if row.choice.key == key), None)

    def _undo(self, key: str, result: "DecisionResult") -> None:
        ws = self.context.ws

        def work() -> int:
            from app.services.conflicts import undoing

            return undoing.undo(ws, result)

        def done(count: int) -> None:
            self._wanted = key
            self.context.toast("Decision taken back" if count == 1 else f"{count} decisions taken back")
            self.context.counts_changed.emit()
            self.reread()

        self.context.runner.run(self, work, done, self._refused)

    def _say_gone(self, rows: list[ChoiceRow], *, told: bool = True) -> None:
        """Say politely that somebody else has decided what was being decided here; what was typed is shown."""
        if rows and told:
            titles = " and ".join(dict.fromkeys(row.choice.title for row in rows))
            self.pane.say("conflict", f"{titles}: somebody else has decided this in the meantime.", _typed_text(rows))

    # Elsewhere, and room

    def _open_case(self) -> None:
        if self.table is not None and self.table.case.case_id is not None:
            self._keep()
            self.context.navigate("case", case_id=self.table.case.case_id)

    def _show_list(self) -> None:
        self._listed = True
        self._fit()
        self.cases.setFocus(Qt.FocusReason.OtherFocusReason)


def _decision(row: ChoiceRow) -> "Decision":
    from app.services.conflicts.deciding import Decision

    choice = row.choice
    typed = row.typed() if row.pick == TYPED else {}
    return Decision(choice.key, choice.conflict_ids, choice.shown, row.pick, typed)


def _gone(table: ChoiceTable, case: "CaseConflicts") -> list[ChoiceRow]:
    """Return the rows with something chosen or typed in them that are not there any more."""
    keys = {choice.key for choice in case.choices}
    return [row for row in table.rows if row.choice.key not in keys and (row.decided or row.typed_something())]


def _typed_text(rows: list[ChoiceRow]) -> str:
    return "\n".join(text for row in rows if row.typed_something() for text in row.typed().values() if text.strip())
