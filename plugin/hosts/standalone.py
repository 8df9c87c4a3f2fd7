"""The panel as a program of its own: ``tokenflow-panel [PLATE]``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from plugin.launcher import ensure_service
from tokenflow.client import Client

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from ui.widgets.panel import TokenFlowPanel

NOT_INSTALLED = 78
WIDE = (1360, 860)
AWAKE_MS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    options = _parser().parse_args(arguments)
    if find_spec("PySide6") is None:
        print(
            "tokenflow-panel needs PySide6, which is not installed here. "
            "In the folder of the sources, run pip install '.[panel]'.",
            file=sys.stderr,
        )
        return NOT_INSTALLED
    application = make_application(options.theme)
    panel = open_panel(options.plate, ensure_service)
    panel.show()
    try:
        with _InterruptedByCtrlC(application):
            return application.exec()
    finally:
        close_panel(panel)
        _forget_to_quit(application)


def make_application(theme: str = "dark") -> QApplication:
    """Return the application, in neutral greys by which colours can be judged.

    Parameters
    ----------
    theme
        dark, light, or desktop for what the desktop has.
    """
    from PySide6.QtWidgets import QApplication

    from ui.widgets.theme import dark_palette, light_palette

    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName("tokenflow-panel")
    application.setApplicationDisplayName("TokenFlow")
    if theme != "desktop":
        application.setStyle("Fusion")
        application.setPalette(dark_palette() if theme == "dark" else light_palette())
    return application


def open_panel(plate: str | None, connect: Callable[[], Client]) -> TokenFlowPanel:
    """Make a panel that connects at once, and give it a shot.

    Parameters
    ----------
    plate
        A sequence as the command line takes them; None leaves the choice to the artist.
    connect
        Finds the service or starts it; called in the background.
    """
    from plugin.hosts.file_system import FileSystemHost
    from ui.presenters.panel import PanelPresenter
    from ui.qt_runner import QtRunner
    from ui.widgets.panel import TokenFlowPanel

    presenter = PanelPresenter(connect, QtRunner(), FileSystemHost())
    panel = TokenFlowPanel(presenter)
    panel.resize(*WIDE)
    if plate:
        # The service does not know from which folder the program was started.
        presenter.shot.open(str(Path(plate).absolute()))
    presenter.start()
    return panel


def close_panel(panel: TokenFlowPanel) -> None:
    """Let go of the panel: its state is kept, its jobs go on."""
    presenter = panel.presenter
    panel.close()
    panel.deleteLater()
    presenter.close()


def _forget_to_quit(application: QApplication) -> None:
    """Drop a request to quit that came too late.

    Quitting closes the windows, and the last one to close asks to quit once more. Whoever handles
    events in this process next would find that, and no event loop would turn any more.
    """
    from PySide6.QtCore import QCoreApplication, QEvent

    QCoreApplication.removePostedEvents(application, QEvent.Type.Quit.value)


class _InterruptedByCtrlC:
    """Ends the program on Ctrl-C: Python hears of it only while its own code runs now and then."""

    def __init__(self, application: QApplication) -> None:
        from PySide6.QtCore import QTimer

        self._application = application
        self._awake = QTimer()
        self._awake.timeout.connect(lambda: None)

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGINT, lambda *_: self._application.quit())
        self._awake.start(AWAKE_MS)

    def __exit__(self, *_: object) -> None:
        self._awake.stop()
        signal.signal(signal.SIGINT, self._before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tokenflow-panel",
        description="Edit a shot with a sentence: pick it, describe the edit, try, render, judge.",
        epilog="Example: tokenflow-panel /shots/sq010/plate.####.exr",
    )
    parser.add_argument(
        "plate",
        nargs="?",
        metavar="PLATE",
        help="the shot: a pattern, a folder that holds one sequence, or one of its frames",
    )
    parser.add_argument(
        "--theme",
        choices=("dark", "light", "desktop"),
        default="dark",
        help="the window's greys; desktop takes the desktop's own colours",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
