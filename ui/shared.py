"""The one presenter of a host's panel: made when a widget first wants it, kept while they change.

A host that restores its layout builds the panel's widget without arguments, and may destroy and
build it again at any time. So what a host loads says here how the presenter is made, and closes it
when the host ends.
"""

from __future__ import annotations

from collections.abc import Callable

from tokenflow.client import Client
from tokenflow.errors import ServiceUnreachable
from tokenflow.runtime import find
from ui.presenters.panel import PanelPresenter
from ui.qt_runner import QtRunner


class SharedPresenter:
    """Makes the presenter once and hands it to every widget."""

    def __init__(self, make: Callable[[], PanelPresenter]) -> None:
        self._make = make
        self._presenter: PanelPresenter | None = None

    def use(self, make: Callable[[], PanelPresenter]) -> None:
        """Make it like this from now on; one that is there is closed."""
        self.close()
        self._make = make

    def get(self) -> PanelPresenter:
        """Return the presenter; the first call makes and starts it."""
        if self._presenter is None:
            self._presenter = self._make()
            self._presenter.start()
        return self._presenter

    def close(self) -> None:
        """Close it; jobs go on. The next `get` makes another."""
        presenter, self._presenter = self._presenter, None
        if presenter is not None:
            presenter.close()


def running_service() -> Client:
    """Return a client of the service that runs; starts none.

    Raises
    ------
    ServiceUnreachable, ServiceMismatch
    """
    client = find()
    if client is None:
        raise ServiceUnreachable(
            "no service is running", hint="Start it with `tokenflow serve start`."
        )
    return client


shared = SharedPresenter(lambda: PanelPresenter(running_service, QtRunner()))
"""What `TokenFlowPanel()` shows; without a host that says otherwise, no service is started."""
