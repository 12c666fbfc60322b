"""The columns of the list of backups."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from app.views.kit.delegates import two_lines
from app.views.kit.paint import paint_tag, paint_text
from app.views.team.columns import Column
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.backup.overview import BackupRow


def _second_line(row: "BackupRow", narrow: bool) -> str:
    return f"{row.why} · {row.size} · {row.holds}" if narrow else row.why


def _paint_when(painter: QPainter, rect: QRect, row: "BackupRow", narrow: bool) -> None:
    two_lines(painter, rect, row.when, _second_line(row, narrow), weight="regular")


def _paint_holds(painter: QPainter, rect: QRect, row: "BackupRow", _narrow: bool) -> None:
    paint_text(painter, rect, row.holds, "secondary", ink="ink2", tabular=True)


def _paint_size(painter: QPainter, rect: QRect, row: "BackupRow", _narrow: bool) -> None:
    paint_text(painter, rect, row.size, "secondary", ink="ink2", tabular=True)


def _paint_state(painter: QPainter, rect: QRect, row: "BackupRow", _narrow: bool) -> None:
    if row.proven:
        paint_tag(painter, rect.adjusted(0, 0, px(4), 0), "done", "Proven")


COLUMNS = (
    Column("Made", 240, 3, _paint_when, lambda row: f"{row.when}, {row.why}"),
    Column("Holds", 220, 2, _paint_holds, lambda row: row.holds, folds=True),
    Column("Size", 90, 0, _paint_size, lambda row: row.size, folds=True),
    Column("State", 120, 0, _paint_state, lambda row: "Proven" if row.proven else ""),
)
