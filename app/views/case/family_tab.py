"""The family of a case by household, and the details of whoever is chosen."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QTreeView, QVBoxLayout, QWidget

from app.models.terms import Known
from app.timesource import format_date
from app.views.case import family_forms
from app.views.case.family_rows import PR_WORDS, FamilyDelegate, FamilyModel, HouseRow, MemberRow, member_words
from app.views.case.form_drafts import FormDraft
from app.views.case.inline_form import InlineForm
from app.views.case.master_detail import DetailPane, MasterDetail
from app.views.kit.buttons import PlainButton, QuietButton
from app.views.kit.cards import EmptyState, rule
from app.views.kit.tags import StateTag
from app.views.kit.text import Link, Text
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.case_views import CaseView
    from app.services.households import AddressView, ContactView, MemberView
    from app.views.context import AppContext


class FamilyTab(Themed, QWidget):
    """Tree and details.

    Signals:
        changed: something was added or corrected.
        case_asked: a sibling's case.
    """

    changed = Signal()
    case_asked = Signal(str)

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self._context = context
        self._view: CaseView | None = None
        self._chosen = ""
        self._form_open = False
        self.model = FamilyModel(self)
        self.tree = QTreeView()
        self.tree.setObjectName("family_tree")
        self.tree.setAccessibleName("Family by household")
        self.tree.setHeaderHidden(True)
        self.tree.setRootIsDecorated(False)
        self.tree.setIndentation(px(18))
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setModel(self.model)
        self.tree.setItemDelegate(FamilyDelegate(self.tree))
        self.tree.setItemsExpandable(False)
        self.tree.setUniformRowHeights(True)
        self.tree.selectionModel().currentChanged.connect(lambda *_: self._show_current())
        self.pane = DetailPane("Details")
        self.add_button = PlainButton("Add a person", "user-plus", compact=True)
        self.add_button.setObjectName("add_person")
        self.add_button.clicked.connect(self._add_person)
        head = QHBoxLayout()
        head.setContentsMargins(px(16), px(8), px(8), px(8))
        head.addWidget(Text("Households", "card", weight="strong"), 1)
        head.addWidget(self.add_button)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(rule())
        column.addWidget(self.tree, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(MasterDetail(left, self.pane, share=(6, 5)))

    def show_case(self, view: "CaseView") -> None:
        """Show a case's family, keeping the chosen row; an open form is left alone."""
        same = self._view is not None and self._view.identity.case_id == view.identity.case_id
        if not same:
            self._form_open, self._chosen = False, ""
        self._view = view
        self.add_button.setVisible(view.editable)
        self.tree.selectionModel().blockSignals(True)
        self.model.show_households(view.households)
        self.tree.expandAll()
        index = self._find(self._chosen)
        if index is None and self.model.rowCount():
            top = self.model.index(0, 0)
            index = self.model.index(0, 0, top) if self.model.rowCount(top) else top
        if index is not None:
            self.tree.setCurrentIndex(index)
        self.tree.selectionModel().blockSignals(False)
        if not self._form_open:
            self._show_current()

    def choose(self, key: str) -> None:
        """Choose a person, child or address by id."""
        index = self._find(key)
        if index is not None:
            self.tree.setCurrentIndex(index)

    def _find(self, key: str) -> QModelIndex | None:
        for place in range(self.model.rowCount()):
            top = self.model.index(place, 0)
            if key and _key(self.model.row_at(top)) == key:
                return top
            for row in range(self.model.rowCount(top)):
                index = self.model.index(row, 0, top)
                if key and _key(self.model.row_at(index)) == key:
                    return index
        return None

    def _show_current(self) -> None:
        row = self.model.row_at(self.tree.currentIndex())
        self._form_open = False
        self._chosen = _key(row)
        if isinstance(row, MemberRow):
            self.pane.show_widget(self._member_details(row.member, row.address))
        elif isinstance(row, HouseRow) and row.house.address is not None:
            self.pane.show_widget(self._address_details(row.house.address))
        else:
            self.pane.show_widget(EmptyState("Choose a person or an address."))

    # Details

    def _member_details(self, member: "MemberView", address: "AddressView | None") -> QWidget:
        box, column = _column()
        column.addWidget(Text(member.name, "pane", weight="strong", wrap=True))
        column.addWidget(Text(member_words(member), "secondary", ink="ink2", wrap=True))
        if member.contact_words == "Do not contact":
            column.addWidget(StateTag("danger", "Do not contact"))
        self._add_conflicts(column, {member.person_id, member.child_id, member.relationship_id})
        facts = [
            ("Parental responsibility", PR_WORDS[member.parental_responsibility] if member.person_id else ""),
            ("Contact", member.contact_words),
            ("Language", member.language),
            ("Format", member.format_needs),
            ("Organisation", member.organisation),
            ("Address", address.text if address else "No address recorded"),
            ("Source", member.source),
            ("Confirmed on", format_date(member.confirmed_on) if member.confirmed_on else ""),
            ("Note", member.note),
        ]
        column.addLayout(_facts(facts))
        if address is not None and address.protected:
            column.addWidget(StateTag("danger", "Protected address"))
        for contact in member.contacts:
            column.addWidget(self._contact_line(contact))
        if self._view is not None and self._view.editable:
            column.addLayout(self._member_actions(member, address))
        if member.case_id:
            other = PlainButton(f"Open {member.case_reference}", "folder-open", compact=True)
            other.clicked.connect(lambda: self.case_asked.emit(member.case_id or ""))
            column.addWidget(other, 0, Qt.AlignmentFlag.AlignLeft)
        return box

    def _contact_line(self, contact: "ContactView") -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        words = {"mobile": "Mobile", "phone": "Telephone", "email": "E-mail"}.get(contact.kind, contact.kind)
        row.addWidget(Text(words, "secondary", ink="ink3"))
        row.addWidget(Text(contact.value, "body", weight="medium", selectable=True, tabular=True))
        if contact.safe_to_leave_message is Known.REFUSED:
            row.addWidget(StateTag("danger", "No messages"))
        row.addStretch(1)
        if self._view is not None and self._view.editable:
            edit = PlainButton("Correct", compact=True)
            edit.setAccessibleName(f"Correct {contact.value}")
            edit.clicked.connect(lambda: self._show_form(family_forms.edit_contact_form(self._context, contact)))
            row.addWidget(edit)
        return line

    def _member_actions(self, member: "MemberView", address: "AddressView | None") -> QGridLayout:
        context = self._context
        actions: list[tuple[str, str, Callable[[], InlineForm]]] = []
        if member.person_id:
            actions.append(("Correct details", "pencil", lambda: family_forms.edit_member_form(context, member)))
        elif member.relationship_id is None and self._view is not None:
            who = self._view.identity
            actions.append(("Correct details", "pencil", lambda: family_forms.child_form(context, who, member)))
        actions.append(("Add a contact", "phone", lambda: family_forms.contact_form(context, member)))
        actions.append(
            ("New address", "house", lambda: family_forms.address_form(
                context, child_id=member.child_id, person_id=member.person_id, whose=member.name,
                replaces=address is not None))
        )  # fmt: skip
        return self._action_grid(actions)

    def _address_details(self, address: "AddressView") -> QWidget:
        box, column = _column()
        column.addWidget(Text(address.text, "card", weight="strong", wrap=True, selectable=True))
        if address.protected:
            column.addWidget(StateTag("danger", "Protected address"))
            words = "It is never printed, exported or shown to another parent."
            column.addWidget(Text(words, "secondary", ink="ink2", wrap=True))
        self._add_conflicts(column, {address.id})
        facts = [
            ("From", format_date(address.from_on) if address.from_on else "Not known"),
            ("Until", format_date(address.to_on) if address.to_on else ""),
            ("Source", address.source),
            ("Confirmed on", format_date(address.confirmed_on) if address.confirmed_on else ""),
        ]
        column.addLayout(_facts(facts))
        if self._view is not None and self._view.editable:
            form = ("Correct address", "pencil", lambda: family_forms.edit_address_form(self._context, address))
            column.addLayout(self._action_grid([form]))
        return box

    def _action_grid(self, actions: list[tuple[str, str, Callable[[], InlineForm]]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(8))
        grid.setVerticalSpacing(px(8))
        for place, (words, name, make) in enumerate(actions):
            button = QuietButton(words, name, compact=True)
            button.setObjectName(f"family_{words.lower().replace(' ', '_')}")
            button.clicked.connect(lambda _on=False, make=make: self._show_form(make()))
            grid.addWidget(button, place // 2, place % 2, Qt.AlignmentFlag.AlignLeft)
        grid.setColumnStretch(2, 1)
        return grid

    def _add_conflicts(self, column: QVBoxLayout, rows: set[str | None]) -> None:
        """Show both values of a field that two people changed."""
        for conflict in self._view.conflicts if self._view else ():
            if conflict.row_id in rows:
                column.addWidget(StateTag("conflict", f"{conflict.field}: two values"))
                both = f"Shown: {conflict.kept}. {conflict.offered_by or 'Somebody else'} entered: {conflict.offered}."
                column.addWidget(Text(both, "secondary", ink="conflict", wrap=True))
                review = Link("Choose which to show")
                review.setAccessibleName(f"{conflict.field}: choose which to show")
                review.activated.connect(self._review)
                column.addWidget(review)

    def _review(self) -> None:
        if self._view is not None:
            self._context.navigate("conflicts", case_id=self._view.identity.case_id)

    # Forms

    def _add_person(self) -> None:
        if self._view is not None:
            self._show_form(family_forms.person_form(self._context, self._view.identity.child_id))

    def _show_form(self, form: InlineForm) -> None:
        self._form_open = True
        form.done.connect(self._form_done)
        form.cancelled.connect(self._form_closed)
        self.pane.show_widget(form)
        if self._view is not None:
            FormDraft(self._context, form, self._view.identity.case_id)
        form.focus_first()

    def _form_done(self, result: object) -> None:
        self._form_open = False
        if isinstance(result, str):
            self._chosen = result
        self.changed.emit()

    def _form_closed(self) -> None:
        self._show_current()
        self.tree.setFocus()


def _key(row: HouseRow | MemberRow | None) -> str:
    if isinstance(row, MemberRow):
        return row.member.person_id or row.member.child_id or ""
    if isinstance(row, HouseRow):
        return row.house.address.id if row.house.address else ""
    return ""


def _column() -> tuple[QWidget, QVBoxLayout]:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(px(8))
    return box, column


def _facts(pairs: list[tuple[str, str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(px(14))
    grid.setVerticalSpacing(px(4))
    grid.setColumnStretch(1, 1)
    for row, (label, value) in enumerate((label, value) for label, value in pairs if value):
        grid.addWidget(Text(label, "secondary", ink="ink3"), row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(Text(value, "secondary", wrap=True, selectable=True), row, 1)
    return grid
