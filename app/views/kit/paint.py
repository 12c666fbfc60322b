"""Small pieces of drawing that widgets and delegates share."""

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen

from app.views.icons import paint_icon
from app.views.theme import colour, font, line_height, metrics
from app.views.tokens import RADIUS_CONTROL, RADIUS_TAG, current, px

# state -> (icon, ink token, background token or None)
STATES: dict[str, tuple[str, str, str | None]] = {
    "overdue": ("octagon-alert", "danger", "danger_tint"),
    "due": ("alarm-clock", "warn", "warn_tint"),
    "later": ("clock", "ink2", None),
    "done": ("circle-check-big", "ok", "ok_tint"),
    "offline": ("laptop", "offline", "offline_tint"),
    "unsynced": ("laptop", "offline", None),
    "synced": ("cloud-check", "ok", "ok_tint"),
    "conflict": ("git-compare-arrows", "conflict", "conflict_tint"),
    "approval": ("stamp", "ink2", None),
    "statutory": ("scale", "ink3", None),
    "safety": ("users-round", "warn", "warn_tint"),
    "danger": ("shield-alert", "danger", "danger_tint"),
    "strong": ("link-2", "ok", "ok_tint"),
    "weak": ("link-2-off", "offline", "offline_tint"),
    "possible": ("git-compare-arrows", "warn", "warn_tint"),
    "warning": ("triangle-alert", "warn", "warn_tint"),
    "info": ("info", "offline", "offline_tint"),
    "none": ("minus", "ink3", None),
}


def rounded(rect: QRect, inset: float) -> QRectF:
    """Return a rectangle shrunk so that a stroke of twice the inset stays inside it."""
    return QRectF(rect).adjusted(inset, inset, -inset, -inset)


def frame(painter: QPainter, rect: QRect, fill: str | None, edge: str | None, radius: float, width: float) -> None:
    """Draw a rounded box with tokens for its fill and edge (either may be None)."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(colour(fill) if fill else Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour(edge), width) if edge else Qt.PenStyle.NoPen)
    painter.drawRoundedRect(rounded(rect, width / 2 if edge else 0), radius, radius)


def focus_ring(painter: QPainter, rect: QRect, radius: float = RADIUS_CONTROL, role: str = "focus") -> None:
    """Draw the focus ring just inside a rectangle."""
    width = px(current().focus_width)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour(role), width))
    painter.drawRoundedRect(rounded(rect, width / 2), px(radius), px(radius))


def key_hint_size(keys: str) -> QSize:
    """Return the size of the box around a key hint such as ``Ctrl N``."""
    return QSize(metrics("meta", "medium").horizontalAdvance(keys) + px(12), px(18))


def key_hint(painter: QPainter, rect: QRect, keys: str, ink: str, edge: str, fill: str | None = None) -> None:
    """Draw a key hint in its box, centred in a rectangle of ``key_hint_size``."""
    frame(painter, rect, fill, edge, px(RADIUS_TAG), px(current().border_width))
    painter.setFont(font("meta", "medium"))
    painter.setPen(colour(ink))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, keys)


def tag_size(state: str, text: str) -> QSize:
    """Return the size a state tag needs."""
    padded = STATES[state][2] is not None
    width = metrics("meta", "strong").horizontalAdvance(text) + px(14) + px(6) + (px(14) if padded else 0)
    return QSize(width, max(px(22), line_height("meta") + px(4)))


def paint_tag(painter: QPainter, rect: QRect, state: str, text: str, ink: str | None = None) -> None:
    """Draw a state tag (icon, word, colour) at the left of a rectangle, centred upright.

    Args:
        painter: where to draw.
        rect: the space there is; the text is shortened to fit.
        state: a key of ``STATES``.
        text: the words.
        ink: a token that replaces the state's own, e.g. on a selected row.
    """
    name, own, tint = STATES[state]
    needed = tag_size(state, text)
    width = min(needed.width(), rect.width())
    box = QRect(rect.left(), rect.top() + (rect.height() - needed.height()) // 2, width, needed.height())
    left = box.left()
    if tint is not None:
        outlined = current().border_width > 1
        frame(painter, box, tint, own if outlined else None, px(RADIUS_TAG), 1)
        left += px(7)
    size = px(14)
    tinted = ink if ink and tint is None else own
    paint_icon(painter, QRect(left, box.top(), size, box.height()), name, tinted, size)
    room = QRect(left + size + px(5), box.top(), box.right() - left - size - px(5), box.height())
    weight = "strong" if tint is not None else "regular" if state == "statutory" else "medium"
    painter.setFont(font("meta", weight))
    painter.setPen(colour(tinted))
    shown = metrics("meta", weight).elidedText(text, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def paint_text(
    painter: QPainter,
    rect: QRect,
    text: str,
    role: str = "body",
    weight: str = "regular",
    ink: str = "ink",
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    *,
    tabular: bool = False,
) -> int:
    """Draw one line of text, shortened to fit and centred upright; return the width it took."""
    chosen = font(role, weight, tabular=tabular)
    painter.setFont(chosen)
    painter.setPen(colour(ink))
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, align | Qt.AlignmentFlag.AlignVCenter, shown)
    return painter.fontMetrics().horizontalAdvance(shown)


def paint_check(painter: QPainter, box: QRect, state: Qt.CheckState, *, enabled: bool = True) -> None:
    """Draw a tick box (empty, ticked or partly ticked) that fills a square."""
    marked = state != Qt.CheckState.Unchecked
    edge = ("accent" if marked else "edge") if enabled else "hairline"
    fill = ("accent" if enabled else "hairline") if marked else "surface"
    frame(painter, box, fill, edge, px(RADIUS_TAG), px(current().border_width))
    if not marked:
        return
    painter.setPen(QPen(colour("on_accent"), px(2), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    side, left, top = box.width(), box.left(), box.top()
    if state == Qt.CheckState.PartiallyChecked:
        painter.drawLine(QPointF(left + side * 0.28, top + side * 0.5), QPointF(left + side * 0.72, top + side * 0.5))
        return
    path = QPainterPath(QPointF(left + side * 0.26, top + side * 0.52))
    path.lineTo(left + side * 0.43, top + side * 0.69)
    path.lineTo(left + side * 0.75, top + side * 0.33)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)


def paint_avatar(painter: QPainter, rect: QRect, initials: str, *, quiet: bool = True) -> None:
    """Draw initials in a disc: pale for others, dark for the person signed in."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    edged = current().border_width > 1
    painter.setBrush(colour("offline_tint" if quiet else "band"))
    painter.setPen(QPen(colour("edge"), 1) if edged else Qt.PenStyle.NoPen)
    painter.drawEllipse(rounded(rect, 0.5))
    painter.setFont(font("meta", "strong"))
    painter.setPen(colour("offline" if quiet else "on_band"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, initials)


def paint_progress(painter: QPainter, rect: QRect, share: float, role: str) -> None:
    """Draw a thin bar filled to a share between 0 and 1 in a token's colour."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    radius = rect.height() / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour("hairline"))
    painter.drawRoundedRect(QRectF(rect), radius, radius)
    filled = QRectF(rect)
    filled.setWidth(max(rect.height(), rect.width() * max(0.0, min(1.0, share))))
    painter.setBrush(colour(role))
    painter.drawRoundedRect(filled, radius, radius)


def paint_badge(painter: QPainter, right: int, middle: int, count: int) -> int:
    """Draw a filled count that ends at ``right``; return its left edge."""
    text = str(count) if count < 100 else "99+"
    width = max(px(20), metrics("meta", "strong").horizontalAdvance(text) + px(10))
    box = QRect(right - width, middle - px(10), width, px(20))
    frame(painter, box, "accent", None, px(10), 0)
    painter.setFont(font("meta", "strong"))
    painter.setPen(colour("on_accent"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    return box.left()
