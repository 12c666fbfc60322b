"""Settings: how Rollcall looks and when it locks, on this laptop. Each applies at once."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.policy import policy
from app.settings import SETTINGS, most_permitted
from app.views.context import AppContext
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import Card, PageHeader
from app.views.kit.chips import SegmentedControl
from app.views.kit.fields import Check, FormField, Select
from app.views.kit.text import Text
from app.views.laptop_card import MANAGED, LaptopCard
from app.views.pages import Crumb
from app.views.tokens import px

THEMES = [("system", "Same as system"), ("light", "Light"), ("dark", "Dark"), ("contrast", "High contrast")]
SHOWN = ("theme", "text_size", "reduce_motion", "lock_minutes", "sync_minutes", "documents_days", "documents_metered")
LOCK_CHOICES = (1, 2, 3, 5, 10, 15)
SYNC_CHOICES = (1, 5, 10, 15, 30, 60)
DAYS_CHOICES = {30: "The last 30 days", 90: "The last 90 days", 365: "The last year", 3650: "The last 10 years"}


class SettingsPage(QWidget):
    """The page."""

    title = "Settings"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("settings_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Settings", None)]
        self.theme = SegmentedControl(THEMES, "Theme")
        self.theme.setObjectName("theme")
        sizes = [(str(size), f"{size} %") for size in SETTINGS["text_size"].choices]
        self.text_size = SegmentedControl(sizes, "Text size")
        self.text_size.setObjectName("text_size")
        self.reduce_motion = Check("Reduce motion")
        self.lock_minutes = Select("Lock after")
        self.lock_minutes.setObjectName("lock_minutes")
        most = most_permitted("lock_minutes")
        for minutes in LOCK_CHOICES:
            if most is None or minutes <= most:
                self.lock_minutes.addItem(_minutes(minutes), minutes)
        self.sync_minutes = Select("Sync every")
        for minutes in SYNC_CHOICES:
            self.sync_minutes.addItem(_minutes(minutes), minutes)
        self.documents_days = Select("Documents that come by themselves")
        self.documents_days.setObjectName("documents_days")
        for days, words in DAYS_CHOICES.items():
            self.documents_days.addItem(words, days)
        self.documents_metered = Check("Move documents on a metered network too")
        self.documents_metered.setObjectName("documents_metered")
        self.reset = QuietButton("Reset to the usual settings", "rotate-ccw", compact=True)
        self._lay_out()
        self._show()
        self.theme.chosen.connect(lambda value: self._set("theme", value))
        self.text_size.chosen.connect(lambda value: self._set("text_size", int(value)))
        self.reduce_motion.toggled.connect(lambda on: self._set("reduce_motion", on))
        self.lock_minutes.activated.connect(lambda _i: self._set("lock_minutes", self.lock_minutes.currentData()))
        self.sync_minutes.activated.connect(lambda _i: self._set("sync_minutes", self.sync_minutes.currentData()))
        self.documents_days.activated.connect(lambda _i: self._set("documents_days", self.documents_days.currentData()))
        self.documents_metered.toggled.connect(lambda on: self._set("documents_metered", on))
        self.reset.clicked.connect(self._reset)
        self.setFocusProxy(self.theme)

    def _lay_out(self) -> None:
        look = Card("Appearance")
        column = look.padded()
        column.setSpacing(px(16))
        column.addWidget(_field("Theme", self.theme, ""))
        column.addWidget(_field("Text size", self.text_size, "Everything grows with the text."))
        column.addWidget(self.reduce_motion)
        lock = Card("Lock and sync")
        column = lock.padded()
        column.setSpacing(px(16))
        hint = "Rollcall locks when nobody uses it for this long. What you are typing is kept."
        managed = MANAGED if "lock_minutes_most" in policy().managed else ""
        if managed:
            hint = f"{hint} Your organisation permits {_minutes(policy().lock_minutes_most)} at most."
        column.addWidget(_field("Lock after", self.lock_minutes, hint, managed))
        hint = "When there is a connection. You can always sync from the pill at the top."
        column.addWidget(_field("Sync every", self.sync_minutes, hint))
        hint = "Those of open cases always come. Older ones come when you open them."
        column.addWidget(_field("Documents that come by themselves", self.documents_days, hint))
        column.addWidget(self.documents_metered)
        inner = QWidget()
        inner.setProperty("fill", "canvas")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        page = QVBoxLayout(inner)
        page.setContentsMargins(px(20), px(14), px(20), px(16))
        page.setSpacing(px(14))
        page.addWidget(PageHeader("Settings", "Each applies at once, on this laptop"))
        cards = QWidget()
        cards.setMaximumWidth(px(720))
        column = QVBoxLayout(cards)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(14))
        column.addWidget(look)
        column.addWidget(lock)
        column.addWidget(self._sign_in_card())
        column.addWidget(self._security_card())
        column.addWidget(self._backups_card())
        column.addWidget(LaptopCard())
        row = QHBoxLayout()  # not an alignment: see unlock_page.centred
        row.addWidget(cards, 1)
        row.addStretch(0)
        page.addLayout(row)
        page.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignLeft)
        page.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _sign_in_card(self) -> Card:
        """Return the card that says who is signed in to the central store, and leads to signing in and out."""
        card = Card("Signed in")
        column = card.padded()
        self.signed_in = Text("Looking up who is signed in.", "secondary", ink="ink2", wrap=True)
        column.addWidget(self.signed_in)
        self.sign_in = QuietButton("Sign in or out", "log-in", compact=True)
        self.sign_in.setObjectName("open_sign_in")
        self.sign_in.clicked.connect(lambda: self.context.navigate("sign_in"))
        column.addWidget(self.sign_in, 0, Qt.AlignmentFlag.AlignLeft)
        return card

    def _show_signed_in(self) -> None:
        from app.services.sign_in import sessions

        ws = self.context.ws
        self.context.runner.run(self, lambda: sessions.state(ws), lambda state: self.signed_in.setText(state.words))

    def _security_card(self) -> Card:
        """Return the card that leads to the security page."""
        card = Card("Security")
        column = card.padded()
        words = "How this laptop is protected; passphrase, recovery key and encryption keys."
        column.addWidget(Text(words, "secondary", ink="ink2", wrap=True))
        self.security = QuietButton("Open Security", "shield-check", compact=True)
        self.security.setObjectName("open_security")
        self.security.clicked.connect(lambda: self.context.navigate("security"))
        column.addWidget(self.security, 0, Qt.AlignmentFlag.AlignLeft)
        return card

    def _backups_card(self) -> Card:
        """Return the card that leads to the page about backups."""
        card = Card("Backups")
        column = card.padded()
        words = "When the newest backup was made, when one was last proven, and a second folder for copies."
        column.addWidget(Text(words, "secondary", ink="ink2", wrap=True))
        self.backups = QuietButton("Open Backups", "archive", compact=True)
        self.backups.setObjectName("open_backups")
        self.backups.clicked.connect(lambda: self.context.navigate("backups"))
        column.addWidget(self.backups, 0, Qt.AlignmentFlag.AlignLeft)
        return card

    def open(self) -> None:
        """Show the settings as they are."""
        self._show()
        self._show_signed_in()

    def _show(self) -> None:
        settings = self.context.settings
        self.theme.set_value(settings.get("theme"))
        self.text_size.set_value(str(settings.get("text_size")))
        days = self.documents_days.findData(settings.get("documents_days"))
        self.documents_days.setCurrentIndex(days)
        for control, key in ((self.lock_minutes, "lock_minutes"), (self.sync_minutes, "sync_minutes")):
            place = control.findData(settings.get(key))
            if place < 0:
                control.addItem(_minutes(settings.get(key)), settings.get(key))
                place = control.count() - 1
            control.setCurrentIndex(place)
        for check, key in ((self.reduce_motion, "reduce_motion"), (self.documents_metered, "documents_metered")):
            check.blockSignals(True)
            check.setChecked(settings.get(key))
            check.blockSignals(False)

    def _set(self, key: str, value: Any) -> None:
        try:
            self.context.settings.set(key, value)
        except OSError as error:
            self.context.report_error(error)
        self.context.appearance_changed.emit()

    def _reset(self) -> None:
        for key in SHOWN:
            most, usual = most_permitted(key), SETTINGS[key].default
            self._set(key, usual if most is None else min(usual, most))
        self._show()


def _field(label: str, control: QWidget, hint: str, source: str = "") -> FormField:
    field = FormField(label, control, hint, source=source)
    layout = field.layout()
    if layout is not None:
        layout.setAlignment(control, Qt.AlignmentFlag.AlignLeft)
    return field


def _minutes(minutes: int) -> str:
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
