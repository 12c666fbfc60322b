"""The tree of the family tab: households with the people in them, and what each row says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from app.models.terms import Known
from app.timesource import format_date
from app.views.icons import paint_icon
from app.views.kit.delegates import RowDelegate, inks, two_lines
from app.views.kit.paint import paint_avatar, paint_tag, paint_text, tag_size
from app.views.kit.rows import ROW_ROLE
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.households import AddressView, HouseholdView, MemberView

Index = QModelIndex | QPersistentModelIndex
PR_WORDS = {
    Known.KNOWN: "Has parental responsibility",
    Known.NOT_KNOWN: "Parental responsibility not known",
    Known.NOT_ASKED: "Parental responsibility not asked",
    Known.REFUSED: "No parental responsibility",
    Known.WITHHELD: "Parental responsibility not recorded",
}


@dataclass(frozen=True, slots=True)
class HouseRow:
    """A household in the tree."""

    house: "HouseholdView"


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A person in a household; ``address`` is where they are shown."""

    member: "MemberView"
    address: "AddressView | None"


Row = HouseRow | MemberRow


def house_words(house: "HouseholdView") -> str:
    """Return the second line of a household: the period it applied."""
    address = house.address
    if address is None:
        return "Add an address when one is known"
    start = f"from {format_date(address.from_on)}" if address.from_on else ""
    end = f"until {format_date(address.to_on)}" if address.to_on else ""
    source = f"source: {address.source}" if address.source else ""
    first = "Earlier address" if house.earlier else "Current address"
    return ", ".join(part for part in (first, start, end, source) if part)


def member_words(member: "MemberView") -> str:
    """Return the second line of a person."""
    if member.relationship_id is None:
        return " · ".join(part for part in ("The child", member.age) if part)
    parts = [member.role.capitalize()]
    if member.expected_on:
        parts.append(f"expected {format_date(member.expected_on)}")
    if member.age and member.child_id:
        parts.append(member.age)
    if member.parental_responsibility is Known.KNOWN:
        parts.append("parental responsibility")
    if member.case_reference:
        parts.append(f"open case {member.case_reference}")
    elif member.contacts:
        parts.append(member.contacts[0].value)
    return " · ".join(parts)


def sentence(row: Row) -> str:
    """Return a row as a screen reader says it."""
    if isinstance(row, HouseRow):
        protected = ". Protected address" if row.house.address and row.house.address.protected else ""
        return f"{row.house.title}. {house_words(row.house)}{protected}"
    stops = ". Do not contact" if row.member.contact_words == "Do not contact" else ""
    return f"{row.member.name}. {member_words(row.member)}{stops}"


class FamilyModel(QAbstractItemModel):
    """Households at the top, people under them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tops: list[HouseRow] = []
        self._members: list[list[MemberRow]] = []

    def show_households(self, houses: "tuple[HouseholdView, ...]") -> None:
        """Show other households."""
        self.beginResetModel()
        self._tops = [HouseRow(house) for house in houses]
        self._members = [[MemberRow(member, house.address) for member in house.members] for house in houses]
        self.endResetModel()

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        """Return the index of a household, or of a person in one (whose internal id is the household's place + 1)."""
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: Index = QModelIndex()) -> Any:  # noqa: B008
        """Return a person's household."""
        if not index.isValid() or index.internalId() == 0:
            return QModelIndex()
        return self.createIndex(int(index.internalId()) - 1, 0, 0)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many households, or people in one."""
        if not parent.isValid():
            return len(self._tops)
        return len(self._members[parent.row()]) if parent.internalId() == 0 and parent.column() == 0 else 0

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return one."""
        return 1

    def row_at(self, index: Index) -> Row | None:
        """Return what stands behind an index."""
        if not index.isValid():
            return None
        if index.internalId() == 0:
            return self._tops[index.row()] if index.row() < len(self._tops) else None
        members = self._members[int(index.internalId()) - 1]
        return members[index.row()] if index.row() < len(members) else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the row or its sentence."""
        row = self.row_at(index)
        if role == ROW_ROLE:
            return row
        if row is not None and role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return sentence(row)
        return None


class FamilyDelegate(RowDelegate):
    """Draws households and people."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, height=54, marker=True)

    def paint_row(self, painter: QPainter, rect: QRect, row: Any, selected: bool) -> None:
        """Draw one row."""
        ink, ink2 = inks(selected)
        if isinstance(row, HouseRow):
            self._paint_house(painter, rect.adjusted(px(12), 0, -px(12), 0), row, ink, ink2)
        elif isinstance(row, MemberRow):
            self._paint_member(painter, rect.adjusted(px(12), 0, -px(12), 0), row, ink, ink2)

    def _paint_house(self, painter: QPainter, room: QRect, row: HouseRow, ink: str, ink2: str) -> None:
        address = row.house.address
        name = "house" if address else "map-pin"
        paint_icon(painter, QRect(room.left(), room.top(), px(18), room.height()), name, ink2, px(17))
        words = room.adjusted(px(28), 0, 0, 0)
        if address is not None and address.protected:
            width = tag_size("danger", "Protected").width()
            paint_tag(painter, QRect(room.right() - width, room.top(), width, room.height()), "danger", "Protected")
            words.setRight(room.right() - width - px(10))
        two_lines(painter, words, row.house.title, house_words(row.house), ink=ink, ink2=ink2)

    def _paint_member(self, painter: QPainter, room: QRect, row: MemberRow, ink: str, ink2: str) -> None:
        member = row.member
        disc = QRect(room.left(), room.top() + (room.height() - px(28)) // 2, px(28), px(28))
        paint_avatar(painter, disc, member.initials)
        words = room.adjusted(px(40), 0, 0, 0)
        if member.contact_words == "Do not contact":
            width = tag_size("danger", "Do not contact").width()
            tag = QRect(room.right() - width, room.top(), width, room.height())
            paint_tag(painter, tag, "danger", "Do not contact")
            words.setRight(room.right() - width - px(10))
        elif member.format_needs or member.language:
            need = member.format_needs or member.language
            align = Qt.AlignmentFlag.AlignRight
            taken = paint_text(painter, words, need, "meta", "medium", ink2, align)
            words.setRight(words.right() - taken - px(10))
        weight = "strong" if member.relationship_id is None else "regular"
        two_lines(painter, words, member.name, member_words(member), ink=ink, ink2=ink2, weight=weight)
