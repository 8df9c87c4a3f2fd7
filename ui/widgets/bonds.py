"""What ties a widget to the values that it shows, for as long as it lives."""

from __future__ import annotations

from PySide6.QtCore import QObject

from ui.observable import Subscriptions


class Bonds(Subscriptions):
    """The subscriptions of a widget; given up when Qt destroys it, whoever does that and when.

    A host that restores its layout destroys and builds widgets as it likes, while the presenters
    live on: a value must never call a widget that is gone.
    """

    def __init__(self, widget: QObject) -> None:
        super().__init__()
        widget.destroyed.connect(self.cancel)
