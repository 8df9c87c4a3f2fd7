"""The Qt binding itself.

PySide6 6.12.0 gives up a reference to None with each call that returns nothing. Python 3.12 and
later do not count those; on 3.11 and earlier the process aborts after some thousand calls, anywhere
(``none_dealloc: deallocating None``). 6.11 is sound.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject

CALLS = 200


def test_calls_that_return_nothing_leave_the_references_to_none_alone() -> None:
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        thing.setObjectName("plate")
    lost = before - sys.getrefcount(None)
    assert lost < CALLS / 2, "this PySide6 will abort the process on this Python; use 6.11"
