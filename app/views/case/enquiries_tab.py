"""The enquiries of a case: outstanding first, each recorded beside the list."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QVBoxLayout, QWidget

from app.models.terms import EnquiryState
from app.timesource import format_date
from app.views.case.form_drafts import FormDraft
from app.views.case.inline_form import Field, InlineForm
from app.views.case.master_detail import DetailPane, MasterDetail
from app.views.cases.columns import due_words
from app.views.icons import paint_icon
from app.views.kit.buttons import PlainButton
from app.views.kit.cards import EmptyState
from app.views.kit.delegates import RowDelegate, inks, two_lines
from app.views.kit.feedback import Banner
from app.views.kit.paint import paint_text
from app.views.kit.rows import RowModel
from app.views.kit.text import Text
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.case_views import CaseView
    from app.services.enquiries import EnquiryView
    from app.views.context import AppContext

STATES: tuple[tuple[EnquiryState, str], ...] = (
    (EnquiryState.SENT, "Asked"),
    (EnquiryState.PLANNED, "Planned"),
    (EnquiryState.CHASED, "Chased"),
    (EnquiryState.ANSWERED, "Answered"),
    (EnquiryState.NO_TRACE, "No trace"),
    (EnquiryState.REFUSED, "Refused"),
    (EnquiryState.EXPIRED, "No reply"),
    (EnquiryState.NOT_NEEDED, "Not needed"),
)
_RESULTS = tuple(state.value for state, _words in STATES if state not in (EnquiryState.NOT_NEEDED,))


def next_state(state: EnquiryState) -> EnquiryState:
    """Return the state the form offers first: after asking comes the answer."""
    if state in (EnquiryState.SENT, EnquiryState.CHASED, EnquiryState.EXPIRED):
        return EnquiryState.ANSWERED
    return EnquiryState.SENT if state in (EnquiryState.NOT_STARTED, EnquiryState.PLANNED) else state


def line_words(line: "EnquiryView", today: date) -> str:
    """Return the second line: when it was asked and answered, and what was found."""
    parts = []
    if line.asked_on:
        parts.append(f"asked {line.asked_on.day} {line.asked_on:%b}")
    if line.answered_on:
        parts.append(f"answered {line.answered_on.day} {line.answered_on:%b}")
    if not line.done and line.due_on:
        parts.append(due_words(line.due_on, today)[1] if line.due_on < today else f"due {format_date(line.due_on)}")
    found = line.reason or line.outcome
    text = " · ".join(parts) or ("By the school" if line.by_school else line.detail)
    return f"{text}: {found}" if found and parts else found or text


class _LineDelegate(RowDelegate):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, height=54, marker=True)
        self.today = date.min

    def paint_row(self, painter: QPainter, rect: QRect, row: Any, selected: bool) -> None:
        ink, ink2 = inks(selected)
        room = rect.adjusted(px(16), 0, -px(14), 0)
        name, mark = ("circle-check-big", "ok") if row.done else ("circle", ink2)
        paint_icon(painter, QRect(room.left(), room.top(), px(18), room.height()), name, mark, px(17))
        late = not row.done and row.due_on is not None and row.due_on < self.today
        state_ink = "danger" if late else ink2
        align = Qt.AlignmentFlag.AlignRight
        taken = paint_text(painter, room, row.state_words, "meta", "strong" if late else "medium", state_ink, align)
        words = room.adjusted(px(30), 0, -taken - px(12), 0)
        two_lines(painter, words, row.label, line_words(row, self.today), ink=ink, ink2=ink2, weight="medium")


class EnquiriesTab(Themed, QWidget):
    """The checklist and the form of the chosen line.

    Signals:
        changed: something was recorded.
        document_asked: a document's id.
    """

    changed = Signal()
    document_asked = Signal(str)

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self._context = context
        self._view: CaseView | None = None
        self._chosen = ""
        self.rows: RowModel[EnquiryView] = RowModel(lambda line: f"{line.label}, {line.state_words}", self)
        self.list = QListView()
        self.list.setObjectName("enquiry_list")
        self.list.setAccessibleName("Enquiries")
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setModel(self.rows)
        self._delegate = _LineDelegate(self.list)
        self.list.setItemDelegate(self._delegate)
        self.list.selectionModel().currentChanged.connect(lambda now, _before: self._show_line(now.row()))
        self.pane = DetailPane("Enquiry")
        add = PlainButton("Add an enquiry", "plus", compact=True)
        add.setObjectName("add_enquiry")
        add.clicked.connect(self._add)
        self.add_button = add
        self.summary = Text("", "card", weight="strong")
        head = QHBoxLayout()
        head.setContentsMargins(px(16), px(8), px(8), px(8))
        head.addWidget(self.summary, 1)
        head.addWidget(add)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.list, 1)
        self.parts = MasterDetail(left, self.pane)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.parts)

    def show_case(self, view: "CaseView", today: date) -> None:
        """Show a case's checklist, keeping the chosen line."""
        same_case = self._view is not None and self._view.identity.case_id == view.identity.case_id
        before = {line.id: line for line in self._view.enquiries} if self._view and same_case else {}
        self._view = view
        self._delegate.today = today
        self.add_button.setVisible(view.editable)
        done = sum(1 for line in view.enquiries if line.done)
        self.summary.setText(f"{done} of {len(view.enquiries)} done")
        wanted = self._chosen
        typing = same_case and self.pane.isAncestorOf(self.focusWidget() or self)
        unchanged = any(line.id == wanted and before.get(wanted) == line for line in view.enquiries)
        self.list.selectionModel().blockSignals(True)
        self.rows.set_rows(view.enquiries)
        ids = [line.id for line in view.enquiries]
        place = ids.index(wanted) if wanted in ids else 0
        if ids:
            self.list.setCurrentIndex(self.rows.index(place))
        self.list.selectionModel().blockSignals(False)
        if not (typing and unchanged):
            self._show_line(place)

    def _show_line(self, place: int) -> None:
        rows = self.rows.rows()
        if self._view is None or not 0 <= place < len(rows):
            self.pane.show_widget(EmptyState("This case has no enquiries."))
            return
        line = rows[place]
        self._chosen = line.id
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(10))
        if line.caution:
            column.addWidget(Banner("warn", line.caution))
        if self._view.editable:
            form = self._form(line)
            column.addWidget(form)
        else:
            column.addWidget(Text(line.label, "card", weight="strong"))
            column.addWidget(Text(f"{line.state_words}. {line.reason or line.outcome}", wrap=True, ink="ink2"))
        if line.document_id:
            evidence = PlainButton("Open the evidence", "file-text", compact=True)
            evidence.clicked.connect(lambda: self.document_asked.emit(line.document_id or ""))
            column.addWidget(evidence, 0, Qt.AlignmentFlag.AlignLeft)
        self.pane.show_widget(box)

    def _form(self, line: "EnquiryView") -> InlineForm:
        from app.services import enquiries

        ws, documents = self._context.ws, self._view.documents if self._view else ()
        evidence = (("", "No document"), *((each.id, each.title) for each in documents))
        not_needed = (EnquiryState.NOT_NEEDED.value,)
        fields = [
            Field("state", "Where it stands", "choice", tuple((s.value, w) for s, w in STATES), next_state(line.state)),
            Field("on", "Date", "date", value=ws.time.today(), only_for=("state", _RESULTS)),
            Field("outcome", "What was found", "text", value=line.outcome, only_for=("state", _RESULTS)),
            Field("reason", "Why it is not needed", "text", value=line.reason, only_for=("state", not_needed)),
            Field("document_id", "Evidence", "choice", evidence, line.document_id or "", only_for=("state", _RESULTS)),
        ]

        def work(values: Mapping[str, Any]) -> None:
            enquiries.record(
                ws,
                line.id,
                EnquiryState(values["state"]),
                outcome=values.get("outcome") or "",
                reason=values.get("reason") or "",
                on=values.get("on"),
                document_id=values.get("document_id") or None,
            )

        form = InlineForm(self._context, line.label, fields, "Record", work, explain=line.detail)
        FormDraft(self._context, form, line.id)
        form.done.connect(lambda _none: self.changed.emit())
        form.cancelled.connect(lambda: self._show_line(self.list.currentIndex().row()))
        return form

    def _add(self) -> None:
        from app.services import enquiries

        if self._view is None:
            return
        ws, case_id = self._context.ws, self._view.identity.case_id
        here = {line.kind for line in self._view.enquiries}
        lines = [(each.kind, each.label) for each in enquiries.checklist() if each.kind not in here]
        choices = (("other", "Something else"), *lines)
        fields = [
            Field("kind", "Enquiry", "choice", choices, choices[-1][0] if lines else "other", wide=True),
            Field("label", "Who or what to ask", only_for=("kind", ("other", "other_authorities")), wide=True),
        ]

        def work(values: Mapping[str, Any]) -> str:
            return enquiries.add_enquiry(ws, case_id, values["kind"], values.get("label") or "")

        form = InlineForm(self._context, "Add an enquiry", fields, "Add enquiry", work)
        form.done.connect(self._added)
        form.cancelled.connect(lambda: self._show_line(self.list.currentIndex().row()))
        self.pane.show_widget(form)
        form.focus_first()

    def _added(self, enquiry_id: object) -> None:
        self._chosen = str(enquiry_id)
        self.changed.emit()
