"""The widget that hosts dock: the panel, made anew when the host opens another project."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QVBoxLayout, QWidget

from plugin.hosts.base import Adapter
from plugin.hosts.settings_page import add_settings_entry
from plugin.launcher import ensure_service
from tokenflow.client import Client
from ui.host import FolderHost, Host
from ui.observable import Event, Subscriptions
from ui.presenters.panel import PanelPresenter
from ui.qt_runner import QtRunner
from ui.shared import shared
from ui.widgets.bonds import Bonds
from ui.widgets.panel import TokenFlowPanel


class _Residence:
    """Which host the panel of this process lives in; tells its places when the project changes."""

    def __init__(self) -> None:
        self.host: Host = FolderHost()
        self.emptied: Event[None] = Event()
        self.filled: Event[None] = Event()
        self.notices: Event[str] = Event()
        self._heard = Subscriptions()

    def move_in(self, host: Host, connect: Callable[[], Client]) -> None:
        self.move_out()
        self.host = host
        shared.use(lambda: PanelPresenter(connect, QtRunner(), host))
        if isinstance(host, Adapter):
            self._heard.add(host.leaving.subscribe(lambda _: self._clear()))
            self._heard.add(host.arrived.subscribe(lambda _: self.filled.send(None)))
            self._heard.add(host.notices.subscribe(self.notices.send))

    def move_out(self) -> None:
        self._heard.cancel()
        self._clear()
        self.host = FolderHost()

    def _clear(self) -> None:
        """Let go of the presenter while the host still has the project's name: it keeps by it."""
        self.emptied.send(None)
        shared.close()


_residence = _Residence()


def live_in(host: Host, connect: Callable[[], Client] | None = None) -> None:
    """Let every `DockedPanel` from now on be that of this host.

    Parameters
    ----------
    host
        The adapter.
    connect
        Finds the service or starts it, in the background; default: the launcher, with leave to read
        the host's OCIO config.
    """
    _residence.move_in(host, connect or partial(ensure_service, roots=config_folders(host)))


def config_folders(host: Host) -> tuple[str, ...]:
    """Return the folder of the config that a host works with; a built-in one has none."""
    colour = host.colour()
    path = colour.config if colour is not None else None
    return (str(Path(path).parent),) if path and Path(path).is_file() else ()


def move_out() -> None:
    """Close the panel's state; jobs go on."""
    _residence.move_out()


class DockedPanel(QWidget):
    """A place for the panel. Built without arguments, as hosts that restore a layout do.

    Everything that is worth keeping is in the presenter, so a host may destroy and build this
    widget as it likes.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("TokenFlowDockedPanel")
        self.setWindowTitle("TokenFlow")
        self.panel: TokenFlowPanel | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._bonds = Bonds(self)
        self._bonds.add(_residence.emptied.subscribe(lambda _: self._empty()))
        self._bonds.add(_residence.filled.subscribe(lambda _: self._fill()))
        self._bonds.add(_residence.notices.subscribe(self._tell))
        self._fill()

    def sizeHint(self) -> QSize:
        """Ask for what the panel asks for."""
        return self.panel.sizeHint() if self.panel is not None else super().sizeHint()

    def _fill(self) -> None:
        if self.panel is None:
            self.panel = TokenFlowPanel(parent=self)
            add_settings_entry(self.panel)
            self._column.addWidget(self.panel)

    def _empty(self) -> None:
        panel, self.panel = self.panel, None
        if panel is not None:
            self._column.removeWidget(panel)
            panel.hide()
            panel.deleteLater()

    def _tell(self, sentence: str) -> None:
        if self.panel is not None:
            self.panel.show_notice(sentence)
