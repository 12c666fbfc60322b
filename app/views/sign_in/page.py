"""The page about signing in: who is, the way to do it, and signing out."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.timesource import format_date, format_time, to_london
from app.views.context import AppContext
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import Card, PageHeader
from app.views.kit.text import Text
from app.views.pages import Crumb
from app.views.sign_in.panel import SignInPanel, open_address
from app.views.sign_in.second_step_card import SecondStepCard
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sign_in.sessions import SignedOut, SignInState

WHAT_FOR = (
    "Your records are on this laptop and open with your passphrase. Signing in tells the central store who you are, "
    "so that this laptop may sync when your organisation asks for it."
)
ENDED_HERE = "You are signed out on this laptop. The central store could not be told and ends the session by itself."


class SignInPage(QWidget):
    """The page."""

    title = "Sign in"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("sign_in_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Settings", "settings"), ("Sign in", None)]
        self.who = Text("", "body", weight="strong", wrap=True)
        self.until = Text("", "secondary", ink="ink2", wrap=True)
        self.panel = SignInPanel(context.ws, context.runner)
        self.panel.signed_in.connect(self._signed_in)
        self.leave = QuietButton("Sign out", compact=True)
        self.leave.setObjectName("sign_out")
        self.leave.clicked.connect(self._sign_out)
        self.codes = SecondStepCard(context)
        self._lay_out()
        self.codes.hide()

    def _lay_out(self) -> None:
        card = Card("Signing in to the central store")
        card.setObjectName("sign_in_card")
        column = card.padded()
        column.setSpacing(px(12))
        column.addWidget(Text(WHAT_FOR, "secondary", ink="ink2", wrap=True))
        column.addWidget(self.who)
        column.addWidget(self.until)
        column.addWidget(self.leave, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.panel)
        card.setMaximumWidth(px(720))
        inner = QWidget()
        inner.setProperty("fill", "canvas")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        page = QVBoxLayout(inner)
        page.setContentsMargins(px(20), px(14), px(20), px(16))
        page.setSpacing(px(14))
        page.addWidget(PageHeader("Sign in"))
        row = QHBoxLayout()
        row.addWidget(card, 1)
        row.addStretch(0)
        page.addLayout(row)
        row = QHBoxLayout()
        self.codes.setMaximumWidth(px(720))
        row.addWidget(self.codes, 1)
        row.addStretch(0)
        page.addLayout(row)
        page.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def open(self) -> None:
        """Show who is signed in; ask how to, where nobody is."""
        from app.services.sign_in import sessions

        ws = self.context.ws
        self.context.runner.run(self, lambda: sessions.state(ws), self._show)

    def _show(self, state: "SignInState", *, ask: bool = True) -> None:
        self.who.setText(state.words)
        self.until.setText(_until(state))
        self.until.setVisible(state.signed_in)
        self.leave.setVisible(state.signed_in)
        self.codes.setVisible(state.signed_in and state.way == "local")
        self.codes.start()
        self.panel.setVisible(state.enrolled and not state.signed_in)
        if ask and state.enrolled and not state.signed_in:
            self.panel.start()

    def _signed_in(self, state: "SignInState") -> None:
        self._show(state)
        self.context.toast(f"Signed in as {state.name}")
        self.context.sync.sync_now()

    def _sign_out(self) -> None:
        from app.services.sign_in import sessions

        ws = self.context.ws
        self.leave.setEnabled(False)
        self.context.runner.run(self, lambda: sessions.sign_out(ws), self._signed_out, self._not_out, lane="network")

    def _signed_out(self, left: "SignedOut") -> None:
        self.leave.setEnabled(True)
        self.context.toast("Signed out" if left.told else ENDED_HERE)
        if left.address:
            open_address(left.address)
        self.open()

    def _not_out(self, error: Exception) -> None:
        self.leave.setEnabled(True)
        self.context.report_error(error)
        self.open()


def _until(state: "SignInState") -> str:
    if state.since is None or state.until is None:
        return ""
    since, until = to_london(state.since), to_london(state.until)
    return (
        f"Since {format_time(state.since)} on {format_date(since.date())}. "
        f"You will be asked again by {format_date(until.date())}."
    )
