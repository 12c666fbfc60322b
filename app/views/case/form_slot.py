"""Where a form stands over the tabs of a case: as tall as it needs, and scrolled where there is no room for that."""

from PySide6.QtCore import QEvent, QObject, QSize
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.views.case.inline_form import InlineForm
from app.views.kit.cards import Card
from app.views.theme import Themed
from app.views.tokens import px

LEAST = 190


class FormSlot(Themed, QScrollArea):
    """Holds one form, or none and is hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("case_form")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.card = Card()
        self.form: InlineForm | None = None
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.card)
        column.addStretch(1)
        self._inside = inside
        self.setWidget(inside)
        inside.installEventFilter(self)
        self.hide()
        self.start_theming()

    def restyle(self) -> None:
        """Follow the text size."""
        self.updateGeometry()

    def show_form(self, form: InlineForm) -> None:
        """Show a form in place of the one before."""
        self.drop()
        form.setContentsMargins(px(16), px(12), px(16), px(14))
        self.form = form
        self.card.body.addWidget(form)
        self.show()
        self.updateGeometry()

    def drop(self) -> None:
        """Take the form away."""
        if self.form is not None:
            self.card.body.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask for another height when the form has grown or shrunk."""
        if watched is self._inside and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def _wanted(self) -> int:
        layout = self._inside.layout()
        if layout is not None and layout.hasHeightForWidth() and self.width() > 0:
            return layout.heightForWidth(max(self.viewport().width(), px(200)))
        return self._inside.sizeHint().height()

    def sizeHint(self) -> QSize:
        """Return the form's own height."""
        return QSize(px(320), self._wanted())

    def minimumSizeHint(self) -> QSize:
        """Return a height in which a field and a button can still be reached."""
        return QSize(px(200), min(self._wanted(), px(LEAST)))
