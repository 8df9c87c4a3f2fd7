"""The edit form: two sentences, how much may change, and what is rarely touched folded away."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from ui.presenters.edit import MIDDLE, EditPresenter
from ui.presenters.output import OutputPresenter
from ui.widgets.bonds import Bonds
from ui.widgets.editors import field_row
from ui.widgets.field import Fold, Problem
from ui.widgets.labels import Heading, Sentence, quiet
from ui.widgets.more import MoreWidget, prompt_row, summary
from ui.widgets.output import OutputWidget
from ui.widgets.presets import PresetsWidget
from ui.widgets.theme import UNIT

STEPS = 100


class StructureSlider(QWidget):
    """Keep structure ... change more; says "custom" when exact parameters were set by hand."""

    def __init__(self, edit: EditPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        hint = (
            "How long the plate's structure holds the edit: stands for the injection thresholds "
            "and the guidance under More."
        )
        self._edit = edit
        self.slider = _Slider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setSingleStep(5)
        self.slider.setPageStep(10)
        self.slider.setToolTip(hint)
        self.slider.setAccessibleName("Keep structure or change more")
        self.slider.setAccessibleDescription(hint)
        self.keep = QLabel("Keep structure")
        self.change = QLabel("Change more")
        self.custom = quiet(QLabel("custom"))
        self.custom.setToolTip("Exact parameters under More were set by hand; the slider sets them")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(2 * UNIT)
        line.addWidget(self.keep)
        line.addWidget(self.slider, 1)
        line.addWidget(self.custom)
        line.addWidget(self.change)
        self.slider.valueChanged.connect(lambda value: edit.set_structure(value / STEPS))
        self.bonds = Bonds(self)
        self.bonds.bind(edit.structure, self._show)

    def _show(self, place: float | None) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(round((MIDDLE if place is None else place) * STEPS))
        self.custom.setVisible(place is None)


class _Slider(QSlider):
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel."""
        event.ignore()


class EditWidget(QWidget):
    """What to make of the shot.

    Parameters
    ----------
    edit, output
        What is shown.
    presets
        Shown at the right of the heading, and under it while a name is written.
    history
        Shown beside the prompt: earlier ones.
    """

    def __init__(
        self,
        edit: EditPresenter,
        output: OutputPresenter,
        *,
        presets: PresetsWidget | None = None,
        history: QWidget | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._edit, self._output = edit, output
        self.bonds = Bonds(self)
        self.source = prompt_row(edit["source_prompt"], self.bonds, self)
        beside = (history,) if history is not None else ()
        self.prompt = prompt_row(edit["prompt"], self.bonds, self, *beside)
        self.unknown = Problem(self)
        self.notice = quiet(Sentence(parent=self))
        self.structure = StructureSlider(edit, self)
        self.deflicker = field_row(edit["deflicker"], self.bonds, self)
        self.more = Fold("More", MoreWidget(edit), "Method, checkpoint, seed, matte, exact values")
        self.output = Fold("Output", OutputWidget(output), "Path, version, merge, strength")
        self._lay_out(presets)
        self._bind()

    def _lay_out(self, presets: PresetsWidget | None) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        column.setSpacing(UNIT)
        top = QHBoxLayout()
        top.setSpacing(2 * UNIT)
        top.addWidget(Heading("Edit"))
        top.addStretch(1)
        column.addLayout(top)
        if presets is not None:
            top.addWidget(presets.button)
            column.addWidget(presets)
        for widget in (
            self.source,
            self.prompt,
            self.unknown,
            self.notice,
            self.structure,
            self.deflicker,
            self.more,
            self.output,
        ):
            column.addWidget(widget)

    def _bind(self) -> None:
        for field in self._edit.fields.values():
            self.bonds.add(field.value.subscribe(lambda _: self._summarise()))
        self.bonds.bind(self._edit.notice, self._show_notice)
        self.bonds.bind(self._edit.slides, self.structure.setVisible)
        self.bonds.bind(self._output["path"].value, self._show_path)
        self._summarise()

    def _summarise(self) -> None:
        self.more.summary.setText(summary(self._edit))

    def _show_notice(self, sentence: str) -> None:
        """Warn of what cannot work; what a checkpoint says about itself is no warning."""
        model = self._edit.model()
        plain = model is not None and sentence == model.note
        self.notice.setText(sentence if plain else "")
        self.unknown.set_sentence("" if plain else sentence)

    def _show_path(self, path: object) -> None:
        self.output.summary.setText(str(path))
