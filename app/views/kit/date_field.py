"""A date typed in words or figures, with a calendar behind a button."""

import re
from datetime import date

from PySide6.QtCore import QDate, QPoint, Qt, Signal
from PySide6.QtWidgets import QCalendarWidget, QFrame, QVBoxLayout, QWidget

from app.timesource import format_date
from app.views.kit.button_line import ButtonLine

_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_FIGURES = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_WORDS = re.compile(r"(?:[a-z]+,? )?(\d{1,2})(?:st|nd|rd|th)? ([a-z]+),? (\d{4})", re.IGNORECASE)


def parse_date(text: str) -> date | None:
    """Return the date a person typed, day before month, or None.

    Takes ``17/11/2026``, ``17.11.2026``, ``2026-11-17``, ``17 Nov 2026`` and ``Tuesday 17 November 2026``.
    """
    text = " ".join(text.split())[:40]
    try:
        if found := _ISO.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _FIGURES.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if (found := _WORDS.fullmatch(text)) and found[2].lower() in _MONTHS:
            return date(int(found[3]), _MONTHS[found[2].lower()], int(found[1]))
    except ValueError:
        return None
    return None


class DateField(ButtonLine):
    """A line for a date; it is shown in words once it is understood.

    Signals:
        date_changed: the date, or None when the line is empty or not a date.
    """

    date_changed = Signal(object)

    def __init__(self, name: str = "", value: date | None = None, parent: QWidget | None = None) -> None:
        super().__init__("calendar", "Choose a date", parent)
        self.setAccessibleName(name)
        self.setPlaceholderText("Day month year")
        self._date = value
        if value is not None:
            self.setText(format_date(value))
        self.button.clicked.connect(self._open_calendar)
        self.editingFinished.connect(self._tidy)
        self.textEdited.connect(self._read)

    def value(self) -> date | None:
        """Return the date, or None when there is none or it is not understood."""
        return self._date

    def set_date(self, value: date | None) -> None:
        """Show a date, without a signal."""
        self._date = value
        self.setText(format_date(value) if value is not None else "")

    def set_words(self, words: str) -> None:
        """Show what was typed, a date or not, as if it had been typed now."""
        self.setText(words)
        self._read(words)

    def is_blank(self) -> bool:
        """Return whether nothing is typed (as against something that is not a date)."""
        return not self.text().strip()

    def _read(self, text: str) -> None:
        found = parse_date(text)
        if found != self._date:
            self._date = found
            self.date_changed.emit(found)

    def _tidy(self) -> None:
        if self._date is not None:
            self.setText(format_date(self._date))

    def _open_calendar(self) -> None:
        popup = QFrame(self, Qt.WindowType.Popup)
        popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        popup.setProperty("kind", "popup")
        column = QVBoxLayout(popup)
        calendar = QCalendarWidget(popup)
        calendar.setFirstDayOfWeek(Qt.DayOfWeek.Monday)
        calendar.setVerticalHeaderFormat(QCalendarWidget.VerticalHeaderFormat.NoVerticalHeader)
        if self._date is not None:
            calendar.setSelectedDate(QDate(self._date.year, self._date.month, self._date.day))
        calendar.clicked.connect(lambda day: self._pick(day, popup))
        calendar.activated.connect(lambda day: self._pick(day, popup))
        column.addWidget(calendar)
        popup.move(self.mapToGlobal(QPoint(0, self.height())))
        popup.show()
        calendar.setFocus()

    def _pick(self, day: QDate, popup: QFrame) -> None:
        self.set_date(date(day.year(), day.month(), day.day()))
        self.date_changed.emit(self._date)
        popup.close()
        self.setFocus()
