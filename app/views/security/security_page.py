"""Security: how this laptop is protected, and changing the passphrase, the recovery key and the encryption keys."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.views.context import AppContext
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import PageHeader
from app.views.kit.feedback import Banner
from app.views.pages import SPECS, Crumb
from app.views.security import work
from app.views.security.change_card import ChangeCard
from app.views.security.facts_card import FactsCard
from app.views.security.passphrase_card import PassphraseCard
from app.views.security.recovery_card import RecoveryCard
from app.views.security.rotation_card import UNFINISHED, RotationCard
from app.views.tokens import px
from app.views.unlock_page import FollowingScroll

if TYPE_CHECKING:
    from app.services.protection_report import Protection

BACKUPS = "backups"


class SecurityPage(QWidget):
    """The page."""

    title = "Security"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("security_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Settings", "settings"), ("Security", None)]
        vault = context.vault
        self.facts = FactsCard()
        self.unfinished = Banner("warn", UNFINISHED)
        self.unfinished.hide()
        self.cards: list[ChangeCard] = []
        if vault is not None:
            self.passphrase = PassphraseCard(context, vault)
            self.recovery = RecoveryCard(context, vault)
            self.rotation = RotationCard(context, vault)
            self.cards = [self.passphrase, self.recovery, self.rotation]
        self._lay_out()
        for card in self.cards:
            card.begun.connect(self._close_others)
            card.changed.connect(self._changed)

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setProperty("fill", "canvas")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        page = QVBoxLayout(inner)
        page.setContentsMargins(px(20), px(14), px(20), px(16))
        page.setSpacing(px(14))
        actions: list[QuietButton] = []
        if BACKUPS in SPECS:
            backups = QuietButton("Backups", SPECS[BACKUPS].icon, compact=True)
            backups.clicked.connect(lambda: self.context.navigate(BACKUPS))
            actions.append(backups)
        page.addWidget(PageHeader("Security", actions=actions))
        buttons = [*actions, *(card.start for card in self.cards)]
        if buttons:
            self.setFocusProxy(buttons[0])
        cards = QWidget()
        cards.setMaximumWidth(px(720))
        column = QVBoxLayout(cards)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(14))
        for widget in (self.unfinished, self.facts, *self.cards):
            column.addWidget(widget)
        row = QHBoxLayout()  # not an alignment: see unlock_page.centred
        row.addWidget(cards, 1)
        row.addStretch(0)
        page.addLayout(row)
        page.addStretch(1)
        scroll = FollowingScroll()
        scroll.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def open(self) -> None:
        """Read how the laptop is protected now."""
        vault = self.context.vault
        if vault is not None:
            self.context.runner.run(self, lambda: work.read(vault), self._show, lane="cpu")

    def hideEvent(self, event: QHideEvent) -> None:
        """Forget what was typed and not used."""
        super().hideEvent(event)
        if event.spontaneous():
            return  # the window was minimised: what is typed stays
        for card in self.cards:
            if card.is_open():
                card.close_form()

    def _show(self, found: "Protection") -> None:
        self.facts.show_facts(found)
        self.unfinished.setVisible(found.unfinished_rotation)

    def _close_others(self) -> None:
        for card in self.cards:
            if card is not self.sender() and card.is_open():
                card.close_form()

    def _changed(self, words: str) -> None:
        self.context.toast(words)
        self.open()
