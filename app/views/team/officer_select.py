"""Whom to give cases to: officers with their initials."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from app.views.icons import paint_icon
from app.views.kit.fields import Select
from app.views.kit.paint import focus_ring, frame, paint_avatar, paint_text
from app.views.tokens import RADIUS_CONTROL, current, px

if TYPE_CHECKING:
    from app.services.team_workload import Officer

_INITIALS = int(Qt.ItemDataRole.UserRole) + 1


class OfficerSelect(Select):
    """A list of officers. The words of each say how much they carry; away officers can be chosen, and say so."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Give to", parent)
        self.setObjectName("give_to")
        self.setPlaceholderText("Choose an officer")

    def set_officers(self, officers: Sequence["Officer"]) -> None:
        """Offer these officers; the choice stays when that person is still there."""
        chosen = self.currentData()
        self.blockSignals(True)
        self.clear()
        for officer in officers:
            self.addItem(_avatar(officer.initials), officer.name, officer.user_id)
            place = self.count() - 1
            limit = f" of {officer.limit}" if officer.limit is not None else ""
            note = f", {officer.note}" if officer.note else ""
            words = f"{officer.name}, {officer.open}{limit} open cases{note}"
            self.setItemData(place, words, Qt.ItemDataRole.AccessibleTextRole)
            self.setItemData(place, words, Qt.ItemDataRole.ToolTipRole)
            self.setItemData(place, officer.initials, _INITIALS)
        self.setCurrentIndex(self.findData(chosen) if chosen else -1)
        self.blockSignals(False)
        self.updateGeometry()

    def choose(self, officer_id: str | None) -> None:
        """Choose somebody without counting as a person's own choice."""
        self.blockSignals(True)
        self.setCurrentIndex(self.findData(officer_id) if officer_id else -1)
        self.blockSignals(False)
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for the longest name and the initials."""
        size = super().sizeHint()
        return QSize(size.width() + px(40), size.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box with initials and name."""
        if self.currentIndex() < 0:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        enabled = self.isEnabled()
        fill, edge = ("surface", "edge") if enabled else ("canvas", "hairline")
        frame(painter, self.rect(), fill, edge, px(RADIUS_CONTROL), px(current().border_width))
        size = px(22)
        place = QRect(px(10), (self.height() - size) // 2, size, size)
        paint_avatar(painter, place, str(self.currentData(_INITIALS)))
        room = self.rect().adjusted(px(10) + size + px(8), 0, -px(32), 0)
        paint_text(painter, room, self.currentText(), weight="medium", ink="ink" if enabled else "ink3")
        chevron = QRect(self.width() - px(28), 0, px(18), self.height())
        paint_icon(painter, chevron, "chevron-down", "ink2", px(16))
        if self.hasFocus():
            focus_ring(painter, self.rect())


def _avatar(initials: str) -> QIcon:
    size = px(22)
    picture = QPixmap(size * 2, size * 2)
    picture.setDevicePixelRatio(2)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    paint_avatar(painter, QRect(0, 0, size, size), initials)
    painter.end()
    return QIcon(picture)
