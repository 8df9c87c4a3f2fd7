"""To the farm, from the menu beside Render."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QApplication, QFileDialog

from ui.gallery.stage import Stage, process_events
from ui.widgets.panel import TokenFlowPanel


def test_the_first_time_the_farms_folder_is_asked_for_and_then_used(
    stage: Stage, panel: TokenFlowPanel, ready: Callable[[], None], qapp: QApplication
) -> None:
    row = panel.actions_row
    row.to_farm.trigger()
    (dialog,) = row.findChildren(QFileDialog)
    dialog.fileSelected.emit("/mnt/farm")
    dialog.close()
    process_events(qapp)
    ready()
    assert row.to_farm.text() == "To the farm, in /mnt/farm"
    ((_, folder, workspace),) = stage.client.bundles
    assert folder.startswith("/mnt/farm/") and workspace == "/mnt/farm/workspace"
    assert folder in panel.notice.text()
