"""The Qt binding must keep its references: PySide6 6.12.0 lost one to None at every void call on Python 3.11."""

import sys

from PySide6.QtCore import QObject

CALLS = 2_000


def test_void_calls_keep_none_alive():
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        thing.setObjectName("x")
    assert sys.getrefcount(None) > before - CALLS // 10
