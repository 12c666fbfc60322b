"""The filters at the left of the audit: who, what, when, and which case."""

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.services.audit import ActionKind
from app.services.audit.actions import KIND_WORDS
from app.services.audit_trail import AuditQuery
from app.views.kit.date_field import DateField
from app.views.kit.fields import Check, FormField, SearchField, Select
from app.views.kit.text import Link, Text
from app.views.theme import Themed
from app.views.tokens import px

TYPED_MS = 400
"""After this long without another letter a reference is looked for."""


class AuditFilters(Themed, QFrame):
    """The panel.

    Signals:
        changed: the query that was asked for.
        case_typed: a reference was typed; empty when it was taken away.
    """

    changed = Signal(object)
    case_typed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("fill", "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Filters")
        self._query = AuditQuery()
        self.person = Select("Person")
        self.person.setObjectName("audit_person")
        self.kind = Select("What was done")
        self.kind.setObjectName("audit_kind")
        self.kind.addItem("Everything", None)
        for kind in ActionKind:
            self.kind.addItem(KIND_WORDS[kind], kind)
        self.since, self.until = DateField("From"), DateField("To")
        self.case = SearchField("CME-2026-00001")
        self.case.setObjectName("audit_case")
        self.refusals = Check("Refusals only")
        self.refusals.setObjectName("audit_refusals")
        self.clear = Link("Clear")
        self.clear.setObjectName("audit_clear")
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(TYPED_MS)
        self.show_people(())
        self._lay_out()
        self._connect()
        self.start_theming()

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setProperty("fill", "surface")
        column = QVBoxLayout(inner)
        column.setContentsMargins(px(16), px(12), px(16), px(12))
        column.setSpacing(px(12))
        head = QHBoxLayout()
        head.addWidget(Text("Filters", "body", weight="strong"), 1)
        head.addWidget(self.clear)
        column.addLayout(head)
        self.case_field = FormField("Case reference", self.case)
        fields = (
            FormField("Person", self.person),
            FormField("What was done", self.kind),
            FormField("From", self.since),
            FormField("To", self.until),
            self.case_field,
        )
        for field in fields:
            column.addWidget(field)
        column.addWidget(self.refusals)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def _connect(self) -> None:
        self.person.activated.connect(lambda _at: self._emit(replace(self._query, person=self.person.currentData())))
        self.kind.activated.connect(lambda _at: self._emit(replace(self._query, kind=self.kind.currentData())))
        self.since.date_changed.connect(lambda day: self._emit(replace(self._query, since=day)))
        self.until.date_changed.connect(lambda day: self._emit(replace(self._query, until=day)))
        self.refusals.clicked.connect(lambda on: self._emit(replace(self._query, refusals=on)))
        self.clear.activated.connect(lambda: self._emit(AuditQuery()))
        self.case.textEdited.connect(lambda _text: self._typed.start())
        self.case.returnPressed.connect(self._typed.start)
        self._typed.timeout.connect(lambda: self.case_typed.emit(self.case.text().strip()))

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedWidth(px(240))

    def show_people(self, people: Sequence[tuple[str, str]]) -> None:
        """Offer the people who are in the audit."""
        self.person.clear()
        self.person.addItem("Everybody", None)
        for user_id, name in people:
            self.person.addItem(name, user_id)
        self._choose(self.person, self._query.person)

    def show_query(self, query: AuditQuery, reference: str = "") -> None:
        """Follow a query.

        Args:
            query: what is shown.
            reference: of the query's case.
        """
        self._query = query
        self._choose(self.person, query.person)
        self._choose(self.kind, query.kind)
        for field, day in ((self.since, query.since), (self.until, query.until)):
            if field.value() != day:
                field.set_date(day)
        self.refusals.setChecked(query.refusals)
        self.case_field.set_error("")
        if not self.case.hasFocus() or query.case_id is None:
            self.case.setText(reference)

    def _choose(self, select: Select, value: object) -> None:
        select.setCurrentIndex(max(select.findData(value), 0))

    def _emit(self, query: AuditQuery) -> None:
        self._query = query
        self.changed.emit(query)
