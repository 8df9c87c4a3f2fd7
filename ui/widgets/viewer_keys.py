"""The keys of viewer and timeline, as the hosts have them.

A host has its own shortcuts on many of these letters. Where viewer or timeline has the focus, the
key is the viewer's: the filter claims it before the host's shortcut hears of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from ui.presenters.viewer import ViewerPresenter

Action: TypeAlias = Callable[[], object]

HOLD = Qt.Key.Key_T
"""Shows the other side for as long as it is held."""

PLAIN = Qt.KeyboardModifier.NoModifier | Qt.KeyboardModifier.KeypadModifier


class ViewerKeys(QObject):
    """Turns keys into what the presenter does, for all widgets that it is installed on.

    Parameters
    ----------
    more
        Further keys, which belong to a widget: zooming about its middle.
    """

    def __init__(
        self,
        presenter: ViewerPresenter,
        parent: QObject,
        more: dict[Qt.Key, Action] | None = None,
    ) -> None:
        super().__init__(parent)
        self._presenter = presenter
        key = Qt.Key
        self._actions: dict[Qt.Key, Action] = {
            key.Key_Left: lambda: presenter.step(-1),
            key.Key_Right: lambda: presenter.step(1),
            key.Key_Home: presenter.first,
            key.Key_End: presenter.last,
            key.Key_J: lambda: presenter.play(-1),
            key.Key_K: presenter.stop,
            key.Key_L: lambda: presenter.play(1),
            key.Key_Space: presenter.toggle_play,
            key.Key_I: presenter.set_in,
            key.Key_O: presenter.set_out,
            key.Key_F: presenter.fit,
            key.Key_W: presenter.toggle_wipe,
            key.Key_S: self._toggle_side,
            key.Key_P: lambda: presenter.show_what("plate"),
            key.Key_E: lambda: presenter.show_what("edit"),
            key.Key_D: lambda: presenter.show_what("difference"),
            key.Key_M: lambda: presenter.show_what("matte"),
            **(more or {}),
        }

    def watch(self, *widgets: QWidget) -> None:
        """Listen to the keys of these widgets and of all within them."""
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Act on a key that is the viewer's."""
        kind = event.type()
        if kind == QEvent.Type.FocusOut or kind == QEvent.Type.Hide:
            self._presenter.hold_toggle(False)
        if not isinstance(event, QKeyEvent) or event.modifiers() & ~PLAIN:
            return False
        key = Qt.Key(event.key())
        if key != HOLD and key not in self._actions:
            return False
        if kind == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if key == HOLD:
            if not event.isAutoRepeat():
                self._presenter.hold_toggle(kind == QEvent.Type.KeyPress)
            return True
        if kind == QEvent.Type.KeyPress:
            steps = key in (Qt.Key.Key_Left, Qt.Key.Key_Right)
            if steps or not event.isAutoRepeat():
                self._actions[key]()
            return True
        return kind == QEvent.Type.KeyRelease

    def _toggle_side(self) -> None:
        side = self._presenter.compare.value == "side"
        self._presenter.set_compare("single" if side else "side")
