"""What is rarely touched: words to avoid, method, checkpoint, seed, matte, exact parameters."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from ui.presenters.edit import EditPresenter
from ui.presenters.fields import Field
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import IconButton
from ui.widgets.editors import PromptEdit, field_row
from ui.widgets.field import FieldRow
from ui.widgets.labels import Heading
from ui.widgets.theme import UNIT

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "",
        (
            *("negative_prompt", "method", "technique", "mode"),
            *("how_far", "hold_shape", "hold_motion"),
        ),
    ),
    (
        "Model",
        ("checkpoint", "motion_adapter", "noise_schedule", "size", "encoding", "dtype", "seed"),
    ),
    ("Matte", ("matte", "matte_feather", "matte_invert")),
    (
        "Exact",
        (
            "guidance",
            "qk_threshold",
            "conv_threshold",
            "start",
            "controls",
            "steps",
            "inversion_steps",
            "inversion_evaluations",
            "keyframe_interval",
            "keyframes",
            "weights",
        ),
    ),
)
"""Headings, and the fields under them."""

PROMPTS = ("source_prompt", "prompt", "negative_prompt")


class MoreWidget(QWidget):
    """The folded fields of the edit form."""

    def __init__(self, edit: EditPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._edit = edit
        self.bonds = Bonds(self)
        self.rows: dict[str, FieldRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, UNIT)
        column.setSpacing(UNIT)
        for heading, keys in GROUPS:
            if heading:
                column.addSpacing(UNIT)
                column.addWidget(Heading(heading))
            for key in keys:
                self.rows[key] = self._row(key)
                column.addWidget(self.rows[key])

    def _row(self, key: str) -> FieldRow:
        field = self._edit[key]
        if key in PROMPTS:
            return prompt_row(field, self.bonds, self)
        beside = list(self._beside(key))
        proposals = key == "checkpoint"
        return field_row(field, self.bonds, self, *beside, path=key == "matte", proposals=proposals)

    def _beside(self, key: str) -> Iterable[QWidget]:
        if key == "seed":
            yield IconButton("die", "Take another seed", clicked=self._edit.roll_seed)
        elif key == "matte":
            yield IconButton("folder", "Choose a matte", clicked=self.choose_matte)
        elif key == "checkpoint":
            yield IconButton("folder", "Choose a checkpoint", clicked=self.choose_checkpoint)

    def choose_matte(self) -> None:
        """Open a file dialog beside the panel; it blocks nothing."""
        dialog = _dialog(self, "Choose a matte: any of its frames will do")
        dialog.setNameFilters(["Image sequences (*.exr)", "All files (*)"])
        dialog.fileSelected.connect(self._edit["matte"].set)
        dialog.show()

    def choose_checkpoint(self) -> None:
        """Open a file dialog beside the panel; it blocks nothing."""
        dialog = _dialog(self, "Choose a checkpoint: a .safetensors file, or a diffusers folder")
        dialog.setNameFilters(["Weights (*.safetensors model_index.json)", "All files (*)"])
        dialog.fileSelected.connect(self._take_checkpoint)
        dialog.show()

    def _take_checkpoint(self, path: str) -> None:
        # The index of a diffusers folder stands for the folder.
        self._edit["checkpoint"].set(path.removesuffix("/model_index.json"))


def _dialog(parent: QWidget, title: str) -> QFileDialog:
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setModal(False)
    return dialog


def prompt_row(field: Field, bonds: Bonds, parent: QWidget, *beside: QWidget) -> FieldRow:
    """Make the row of a prompt: as many lines as its sentence needs."""
    editor = PromptEdit()
    editor.setPlaceholderText(field.tooltip)
    editor.edited.connect(field.set)
    row = FieldRow(field.label, editor, field.tooltip, *beside, parent=parent)
    bonds.bind(field.value, lambda text: editor.set_text(str(text)))
    bonds.bind(field.error, row.set_problem)
    return row


def summary(edit: EditPresenter) -> str:
    """Say what is set under More: checkpoint and seed, and whatever is not at its default."""
    said = [str(edit["checkpoint"].value.value), f"seed {edit['seed'].value.value}"]
    keys = [key for _, keys in GROUPS for key in keys if key not in ("checkpoint", "seed")]
    changed = [
        edit[key].label.lower()
        for key in keys
        if edit[key].shown.value and edit[key].value.value != edit[key].default
    ]
    return " · ".join(said + changed)
