"""The shot: where it comes from, its facts with who says them, its frames and its holes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.presenters.fields import Choice
from ui.presenters.shot import ShotPresenter
from ui.presenters.shot_facts import Fact, ShotFacts
from ui.presenters.trouble import Trouble
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import FlowRow, IconButton, TextButton
from ui.widgets.editors import ChoiceBox, SteadyLine
from ui.widgets.facts import (
    ColourEditor,
    FactButton,
    FactEditors,
    RangeEditor,
    RateEditor,
    rate_text,
)
from ui.widgets.field import Problem, row
from ui.widgets.jobs import trouble_text
from ui.widgets.labels import ElidedLabel, Heading, Sentence, StateSign, quiet
from ui.widgets.theme import UNIT
from ui.widgets.thumbnails import ThumbnailStrip

POLICIES = (
    Choice("error", "Stop", "A missing frame is an error."),
    Choice("skip", "Skip", "The shot goes on without it."),
    Choice("hold", "Hold", "The model sees the nearest frame; the missing one is never written."),
    Choice("black", "Black", "The model sees black; the missing frame is never written."),
)


class ShotWidget(QWidget):
    """Picks a shot and shows what it is.

    Parameters
    ----------
    shot
        What is shown.
    """

    def __init__(self, shot: ShotPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shot = shot
        self._dialog: QFileDialog | None = None
        self._build_head()
        self._build_facts()
        self._build_holes()
        self.thumbnails = ThumbnailStrip(self)
        self.trouble = Problem(self)
        self.trouble.sign.set_state("failed")
        self.again = TextButton("Look again", "Read the files of the shot again")
        self.again.setParent(self)
        self.again.clicked.connect(lambda _=False: shot.inspect())
        self._lay_out()
        self.setAcceptDrops(False)
        self._bind()

    def choose_file(self) -> None:
        """Open the file dialog beside the panel; it blocks nothing."""
        dialog = QFileDialog(self, "Choose a sequence: any of its frames will do")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["Image sequences (*.exr)", "All files (*)"])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._shot.open)
        dialog.setModal(False)
        dialog.show()
        self._dialog = dialog

    def _build_head(self) -> None:
        self.name = ElidedLabel(parent=self)
        self.path = SteadyLine(self)
        self.path.setPlaceholderText("Drop a sequence here, or write its path")
        self.path.setAccessibleName("Path of the shot")
        self.path.setToolTip("A pattern such as plate.####.exr, a folder, or one of its frames")
        self.path.returnPressed.connect(self._open_typed)
        self.path.setClearButtonEnabled(False)
        self.choose = IconButton("folder", "Choose a sequence", clicked=self.choose_file)
        self.edit_path = IconButton("details", "Write the path", parent=self)
        self.edit_path.setCheckable(True)
        self.edit_path.toggled.connect(self._show_path)
        self.selection = IconButton(
            "selection",
            "Take what is selected in the host",
            text="From selection",
            clicked=self._shot.pick_selection,
        )
        self.selection.setParent(self)
        self.selection.setVisible(self._shot.can_pick_selection)

    def _build_facts(self) -> None:
        change = "Click to change it."
        self.frames = FactButton("Frames", change, self)
        self.size_text = quiet(QLabel(self))
        self.rate = FactButton("Rate", change, self)
        self.colour = FactButton("Colour space", change, self)
        self.channels = ElidedLabel(parent=self)
        quiet(self.channels)
        shown = (self.frames, self.size_text, self.rate, self.colour, self.channels)
        self.facts_row = FlowRow(*shown, parent=self)
        self.range_editor = RangeEditor(self._shot, self)
        self.rate_editor = RateEditor(self._shot, self)
        self.colour_editor = ColourEditor(self._shot, self)
        pairs: list[tuple[FactButton, QWidget]] = [
            (self.frames, self.range_editor),
            (self.rate, self.rate_editor),
            (self.colour, self.colour_editor),
        ]
        self._editors = FactEditors(pairs)

    def _build_holes(self) -> None:
        self.holes_row = QWidget(self)
        self.hole_sign = StateSign("missing", self.holes_row)
        self.holes = Sentence(parent=self.holes_row)
        self.policy = ChoiceBox(parent=self.holes_row)
        self.policy.set_choices(POLICIES)
        self.policy.setAccessibleName("What the model sees where a frame is missing")
        self.policy.setToolTip("What the model sees where a frame is missing; it is never written")
        self.policy.setSizePolicy(
            self.policy.sizePolicy().Policy.Fixed, self.policy.sizePolicy().verticalPolicy()
        )
        self.policy.activated.connect(
            lambda _: self._shot.set_missing(self.policy.value())  # type: ignore[arg-type]
        )
        line = QHBoxLayout(self.holes_row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(UNIT)
        line.addWidget(self.hole_sign)
        line.addWidget(self.holes, 1)
        line.addWidget(self.policy)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        column.setSpacing(UNIT)
        head = row(Heading("Shot"), self.name)
        head.setStretch(1, 1)
        head.setSpacing(2 * UNIT)
        for button in (self.selection, self.edit_path, self.choose):
            head.addWidget(button)
        column.addLayout(head)
        column.addWidget(self.path)
        column.addWidget(self.facts_row)
        for editor in (self.range_editor, self.rate_editor, self.colour_editor):
            column.addWidget(editor)
        column.addWidget(self.thumbnails)
        column.addWidget(self.holes_row)
        column.addWidget(self.trouble)
        column.addWidget(self.again, 0, Qt.AlignmentFlag.AlignLeft)

    def _bind(self) -> None:
        shot = self._shot
        self.bonds = Bonds(self)
        self.bonds.bind(shot.path, self.path.set_text)
        self.bonds.bind(shot.facts, self._show_facts)
        self.bonds.bind(shot.colorspace, self._show_colour)
        self.bonds.bind(shot.rate, lambda _: self._show_rate())
        self.bonds.bind(shot.rate_origin, lambda _: self._show_rate())
        self.bonds.bind(shot.frames, lambda _: self._show_range())
        self.bonds.bind(shot.missing, self.policy.set_value)
        self.bonds.bind(shot.thumbnails, self.thumbnails.set_thumbnails)
        self.bonds.bind(shot.trouble, self._show_trouble)
        self.bonds.bind(shot.condition, lambda _: self._show_condition())

    def _open_typed(self) -> None:
        self._shot.open(self.path.text())
        self.edit_path.setChecked(False)

    def _show_path(self, wanted: bool) -> None:
        self._show_condition()
        if wanted:
            self.path.setFocus()
            self.path.selectAll()

    def _show_condition(self) -> None:
        condition = self._shot.condition.value
        self.path.setVisible(self.edit_path.isChecked() or condition in ("empty", "failed"))
        self.edit_path.setVisible(condition in ("ready", "reading"))
        facts = self._shot.facts.value
        if condition == "reading" and facts is None:
            self.name.setText("Reading the files …")
        elif facts is None:
            self.name.setText("" if condition == "empty" else self._shot.path.value)

    def _show_facts(self, facts: ShotFacts | None) -> None:
        self.facts_row.setVisible(facts is not None)
        self.holes_row.setVisible(facts is not None and bool(facts.missing))
        if facts is None:
            self._editors.close()
            return
        self.name.setText(facts.name)
        self.name.set_hint(facts.pattern)
        pixels = facts.pixel_text
        self.size_text.setText(f"{facts.size_text} · {pixels}" if pixels else facts.size_text)
        wide = " The viewer shows it unsqueezed." if pixels else ""
        self.size_text.setToolTip(f"Width and height of the display window in pixels.{wide}")
        self.channels.setText(" ".join(facts.edited))
        self.channels.set_hint(
            "Edited; carried along: " + ", ".join(facts.channels[len(facts.edited) :])
        )
        self._show_range()
        missing = len(facts.missing)
        frames = "frame" if missing == 1 else "frames"
        self.holes.setText(f"{missing} {frames} missing: {facts.missing}")

    def _show_range(self) -> None:
        facts, frames = self._shot.facts.value, self._shot.frames.value
        if facts is None or not frames:
            return
        if self._shot.whole_range:
            self.frames.show_fact(facts.range_text, "")
        else:
            text = f"{frames[0]}-{frames[-1]} of {facts.range_text}"
            self.frames.show_fact(text, "you")

    def _show_rate(self) -> None:
        shot = self._shot
        self.rate.show_fact(f"{rate_text(shot.rate.value)} fps", shot.rate_origin.value)

    def _show_colour(self, space: Fact) -> None:
        if space.text:
            self.colour.show_fact(space.text, space.origin)
        else:
            self.colour.show_fact("Colour space?", "", wrong=space.problem)
            if self._shot.facts.value is not None:
                self._editors.open(self.colour)

    def _show_trouble(self, trouble: Trouble | None) -> None:
        self.trouble.set_sentence(trouble_text(trouble) if trouble else "")
        self.again.setVisible(trouble is not None and bool(self._shot.path.value))
