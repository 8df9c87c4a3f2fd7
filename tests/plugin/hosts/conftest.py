"""The same rules as for the panel: nothing is left behind."""

from tests.ui.conftest import (
    _what_was_there_before_counts_for_nothing,
    event_loop,
    nothing_is_left_behind,
)

__all__ = ["_what_was_there_before_counts_for_nothing", "event_loop", "nothing_is_left_behind"]
