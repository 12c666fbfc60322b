"""The style sheet for the plain Qt widgets; what it cannot reach is painted in ``kit``."""

from app.views.tokens import RADIUS_CARD, RADIUS_CONTROL, Tokens, px

_SHEET = """
QMainWindow, QDialog, QMessageBox {{ background: {t.canvas}; color: {t.ink}; }}
QToolTip {{ background: {t.strong}; color: {t.on_strong}; border: {b}px solid {t.edge}; padding: {p4}px {p8}px; }}
QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox {{
  background: {t.surface}; color: {t.ink}; border: {b}px solid {t.edge}; border-radius: {rc}px;
  placeholder-text-color: {t.ink3};
  padding: {pv}px {p10}px; selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
QLineEdit, QAbstractSpinBox {{ min-height: {control}px; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QAbstractSpinBox:focus {{
  border: {f}px solid {t.focus}; padding: {pvf}px {p10f}px; }}
QLineEdit[invalid="true"], QPlainTextEdit[invalid="true"] {{
  border: {f}px solid {t.danger}; padding: {pvf}px {p10f}px; }}
QLineEdit:disabled, QPlainTextEdit:disabled, QLineEdit:read-only {{
  background: {t.canvas}; color: {t.ink2}; border-color: {t.hairline}; }}
QLineEdit[bare="true"], QPlainTextEdit[bare="true"] {{
  border: none; background: transparent; padding: 0; min-height: 0; }}
QFrame[kind="card"] {{ background: {t.surface}; border: {b}px solid {t.hairline}; border-radius: {rk}px; }}
QFrame[kind="popup"] {{ background: {t.surface}; border: {b}px solid {t.edge}; border-radius: {rk}px; }}
QFrame[kind="rule"] {{ background: {t.hairline}; border: none; max-height: {b}px; min-height: {b}px; }}
QFrame[kind="vrule"] {{ background: {t.hairline}; border: none; max-width: {b}px; min-width: {b}px; }}
QWidget[fill="surface"] {{ background: {t.surface}; }}
QWidget[fill="sunken"] {{ background: {t.sunken}; }}
QWidget[fill="canvas"] {{ background: {t.canvas}; }}
QWidget[fill="band"] {{ background: {t.band}; }}
QWidget[fill="desk"] {{ background: {t.desk}; }}
QScrollArea {{ background: transparent; border: none; }}
QScrollArea > QWidget > QWidget[fill="none"] {{ background: transparent; }}
QAbstractItemView {{ background: {t.surface}; color: {t.ink}; border: none; outline: none;
  selection-background-color: {t.selection}; selection-color: {t.on_selection}; gridline-color: {t.hairline}; }}
QAbstractItemView[fill="none"] {{ background: transparent; }}
QTableView::item, QTreeView::item, QListView::item {{ border: none; padding: 0; }}
QHeaderView {{ background: {t.canvas}; border: none; }}
QHeaderView::section {{ background: {t.canvas}; color: {t.ink2}; border: none;
  border-bottom: {b}px solid {t.hairline}; padding: {p8}px {p8}px; font-weight: 600; font-size: {meta}px; }}
QTableCornerButton::section {{ background: {t.canvas}; border: none; }}
QComboBox QAbstractItemView {{ border: {b}px solid {t.edge}; padding: {p4}px; }}
QComboBox QAbstractItemView::item {{ min-height: {row}px; padding: 0 {p8}px; }}
QTabBar {{ background: transparent; }}
QTabBar::tab {{ background: transparent; color: {t.ink2}; border: none; border-bottom: {p3}px solid transparent;
  padding: {p10}px {p4}px; margin-right: {p16}px; font-weight: 500; }}
QTabBar::tab:selected {{ color: {t.ink}; border-bottom-color: {t.accent}; font-weight: 600; }}
QTabBar::tab:hover {{ color: {t.ink}; }}
QTabBar::tab:focus {{ border: {f}px solid {t.focus}; }}
QTabWidget::pane {{ border: none; }}
QSplitter::handle {{ background: {t.hairline}; }}
QSplitter::handle:horizontal {{ width: {b}px; }}
QSplitter::handle:vertical {{ height: {b}px; }}
QMenu {{ background: {t.surface}; color: {t.ink}; border: {b}px solid {t.edge}; padding: {p4}px; }}
QMenu::item {{ padding: {p6}px {p24}px {p6}px {p12}px; border-radius: {rt}px; }}
QMenu::item:selected {{ background: {t.selection}; color: {t.on_selection}; }}
QMenu::item:disabled {{ color: {t.ink3}; }}
QMenu::separator {{ height: {b}px; background: {t.hairline}; margin: {p4}px 0; }}
QProgressBar {{
  background: {t.hairline}; border: none; border-radius: {p3}px; max-height: {p6}px; min-height: {p6}px; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: {p3}px; }}
QTextBrowser {{ border: none; background: {t.surface}; padding: 0; }}
QGraphicsView {{ background: {t.desk}; border: none; padding: 0; }}
QScrollBar:vertical {{ background: transparent; width: {bar}px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: {bar}px; margin: 0; }}
QScrollBar::handle {{ background: {t.edge}; border-radius: {p3}px; margin: {p3}px; }}
QScrollBar::handle:vertical {{ min-height: {p32}px; }}
QScrollBar::handle:horizontal {{ min-width: {p32}px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QPushButton {{ background: {t.surface}; color: {t.ink}; border: {b}px solid {t.edge}; border-radius: {rc}px;
  padding: {p6}px {p16}px; font-weight: 600; }}
QPushButton:default {{ background: {t.accent}; color: {t.on_accent}; border-color: {t.accent}; }}
QPushButton:focus {{ border: {f}px solid {t.focus}; }}
"""


def style_sheet(tokens: Tokens) -> str:
    """Return the style sheet of a theme at the text size in use."""
    border, focus = px(tokens.border_width), px(tokens.focus_width)
    extra = focus - border
    return _SHEET.format(
        t=tokens,
        b=border,
        f=focus,
        rc=px(RADIUS_CONTROL),
        rk=px(RADIUS_CARD),
        rt=px(4),
        # The border grows inwards on focus, so that nothing moves.
        pv=px(6),
        pvf=max(0, px(6) - extra),
        p10=px(10),
        p10f=max(0, px(10) - extra),
        control=px(20),
        row=px(32),
        meta=px(12),
        bar=px(12),
        **{f"p{n}": px(n) for n in (3, 4, 6, 8, 12, 16, 24, 32)},
    )
