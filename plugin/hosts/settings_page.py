"""A page for where the service's own environment is; every host has it behind the panel's menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from plugin.settings import keep_service_settings
from tokenflow.user_settings import service_settings, settings_file
from ui.background import Runner

ENTRY = "Where the service is …"


class SettingsPage(QWidget):
    """Two fields of the user's settings: the service's Python, and folders that it may use.

    Parameters
    ----------
    runner
        Reads and writes the file elsewhere.
    parent
        The panel; the page is a window of its own and goes with it.
    """

    def __init__(self, runner: Runner, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("TokenFlow: where the service is")
        self._runner = runner
        self.python = QLineEdit(self)
        self.python.setPlaceholderText("Found by itself")
        self.python.setAccessibleName("Python of the service's environment")
        self.python.setToolTip(
            "The interpreter of the environment that TokenFlow is installed in. Empty: where the "
            "installer found it."
        )
        self.choose = QPushButton("Choose …", self)
        self.choose.clicked.connect(self._choose)
        self.roots = QPlainTextEdit(self)
        self.roots.setPlaceholderText("Your home folder alone")
        self.roots.setAccessibleName("Folders that the service may use")
        self.roots.setToolTip("One in each line: where plates, configs and results lie.")
        self.said = QLabel(f"Kept in {settings_file()}. A service that runs keeps to what it has.")
        self.said.setWordWrap(True)
        self.keep = QPushButton("Keep", self)
        self.keep.setEnabled(False)
        self.keep.clicked.connect(self._keep)
        self._lay_out()
        runner.run(service_settings, self._show, self._failed, lane="files")

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.python, 1)
        line.addWidget(self.choose)
        form = QFormLayout()
        form.addRow("Python of the service", line)
        form.addRow("Folders it may use", self.roots)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.said)
        column.addWidget(self.keep, 0, Qt.AlignmentFlag.AlignRight)
        self.resize(520, 260)

    def _show(self, settings: dict[str, Any]) -> None:
        self.python.setText(str(settings.get("python", "")))
        self.roots.setPlainText("\n".join(map(str, settings.get("roots", []))))
        self.keep.setEnabled(True)

    def _choose(self) -> None:
        """Open the file dialog beside the page; it blocks nothing."""
        dialog = QFileDialog(self, "Choose the Python of the service's environment")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.python.setText)
        dialog.setModal(False)
        dialog.show()

    def _keep(self) -> None:
        python = self.python.text().strip()
        lines = self.roots.toPlainText().splitlines()
        roots = [line.strip() for line in lines if line.strip()]
        strangers = [each for each in roots if not Path(each).is_absolute()]
        if strangers:
            self.said.setText(f"{strangers[0]} is not a full path.")
            return
        changes = {"python": python or None, "roots": roots or None}
        self._runner.run(
            lambda: keep_service_settings(changes), self._kept, self._failed, lane="files"
        )

    def _kept(self, _: None) -> None:
        self.said.setText("Kept. It counts from the next start of the service on.")

    def _failed(self, error: Exception) -> None:
        self.said.setText(str(error))


def add_settings_entry(panel: Any) -> None:
    """Add the page to the menu behind a panel's wheel."""

    def show() -> None:
        page = SettingsPage(panel.presenter.runner, panel)
        page.show()

    panel.header.menu_button.menu().addAction(ENTRY, show)
