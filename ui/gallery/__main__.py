"""``python -m ui.gallery OUT [NAME ...]``: draw the states of the panel to PNG, with an index."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from ui.gallery.pages import index_page
from ui.gallery.stage import Stage, process_events
from ui.gallery.states import STATES, State
from ui.widgets.panel import TokenFlowPanel
from ui.widgets.theme import dark_palette, light_palette

SIZES = ((340, 960), (800, 900), (1500, 900))
PALETTES = {"dark": dark_palette, "light": light_palette}


def main(arguments: Sequence[str]) -> int:
    """Draw all states, or those that are named; return the exit code."""
    if not arguments:
        print("usage: python -m ui.gallery OUT [NAME ...]", file=sys.stderr)
        return 2
    out, names = Path(arguments[0]), set(arguments[1:])
    unknown = names - {state.name for state in STATES}
    if unknown:
        known = ", ".join(state.name for state in STATES)
        print(
            f"no state is called {', '.join(sorted(unknown))}; there are: {known}", file=sys.stderr
        )
        return 2
    out.mkdir(parents=True, exist_ok=True)
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setStyle("Fusion")
    chosen = [state for state in STATES if not names or state.name in names]
    for state in chosen:
        for picture in draw(application, state, out):
            print(picture)
    (out / "index.html").write_text(index_page(chosen, SIZES, [*PALETTES]), "utf-8")
    return 0


def draw(application: QApplication, state: State, out: Path) -> Iterator[Path]:
    """Draw a state at every width in both palettes, and yield the files."""
    for name, palette in PALETTES.items():
        application.setPalette(palette())
        with tempfile.TemporaryDirectory() as folder:
            stage = Stage(Path(folder))
            state.prepare(stage)
            panel = TokenFlowPanel(stage.panel)
            for width, height in SIZES:
                panel.resize(width, height)
                panel.show()
                state.touch(panel)
                settle(application, stage, state.works)
                panel.viewer.slice.measure()  # as it does when no frame has come for a while
                path = out / f"{state.name}.{width}.{name}.png"
                panel.grab().save(str(path))
                yield path
            panel.close()
            panel.deleteLater()
            stage.close()
            # Outside a running event loop nothing else deletes it, and its pictures with it.
            application.sendPostedEvents(panel, QEvent.Type.DeferredDelete.value)


def settle(application: QApplication, stage: Stage, works: int) -> None:
    """Let pictures that are asked for come, and what that lays out anew."""
    for _ in range(4):
        process_events(application)
        for _ in range(works):
            if stage.runner.waiting:
                stage.runner.run_one()
    process_events(application)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
