"""History as a tree, checked by Qt's own model tester."""

from typing import Any

from PySide6.QtCore import QModelIndex, Qt
from pytestqt.modeltest import ModelTester

from app.views.case.history_model import COLUMNS, HistoryModel

ENTRIES = [
    (
        "17 November 2026 · Dawn Ellery · Changed",
        [("Case: Stage", "Initial checks", "Enquiries"), ("Case: Area", "", "A" * 60)],
    ),
    ("16 November 2026 · Dawn Ellery · Opened", []),
]  # fmt: skip


def test_the_model_is_sound_and_says_what_was_changed(qtmodeltester: ModelTester) -> None:
    model = HistoryModel()
    qtmodeltester.check(model)
    model.set_entries(ENTRIES)
    qtmodeltester.check(model)
    model.add_entries([("15 November 2026 · Ruth Okonjo · Allocated", [("Case: Officer", "Nobody", "Dawn Ellery")])])
    qtmodeltester.check(model)
    assert (model.rowCount(), model.columnCount()) == (3, len(COLUMNS))
    head = model.index(0, 0)
    assert model.rowCount(head) == 2
    assert [words(model, model.index(0, column, head)) for column in range(3)] == [
        "Case: Stage", "Initial checks", "Enquiries",
    ]  # fmt: skip
    assert model.index(1, 2, head).data(Qt.ItemDataRole.ToolTipRole) == "A" * 60
    assert model.index(0, 0, head).parent() == head
    assert not model.index(0, 0, model.index(0, 0, head)).isValid()
    assert not model.index(0, 3).isValid()
    model.set_entries([])
    assert model.rowCount() == 0


def words(model: HistoryModel, index: QModelIndex) -> Any:
    return model.data(index)
