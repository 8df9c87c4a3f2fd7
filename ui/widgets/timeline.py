"""The timeline with what can be done to a selected stretch of it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ocio.frame_range import FrameRange
from ui.presenters.edit import EditPresenter
from ui.presenters.timeline import Marks, Stretch, TimelinePresenter
from ui.presenters.trouble import Trouble
from ui.presenters.viewer import ViewerPresenter
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import FlowRow, IconButton, TextButton
from ui.widgets.field import Problem
from ui.widgets.labels import Sentence
from ui.widgets.theme import UNIT, State
from ui.widgets.timeline_bar import TimelineBar
from ui.widgets.viewer_keys import ViewerKeys

AGAIN = (
    "Edits these frames with the words as they stand now, into the next version; the version "
    "before stays."
)


class TimelineWidget(QWidget):
    """The bar of frames; under it, while a stretch is selected, the way to edit it again.

    Parameters
    ----------
    timeline, viewer, edit
        What became of the frames, where the playhead is, and the words for editing them again.
    """

    def __init__(
        self,
        timeline: TimelinePresenter,
        viewer: ViewerPresenter,
        edit: EditPresenter,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._timeline, self._viewer, self._edit = timeline, viewer, edit
        self.bar = TimelineBar()
        self.says = Sentence()
        self.again = TextButton(
            "Edit again",
            AGAIN,
            primary=True,
            clicked=timeline.re_edit,
        )
        self.as_range = TextButton(
            "Set as range", "Try and render these frames only.", clicked=timeline.use_as_range
        )
        self.drop = IconButton("cancel", "Select nothing", hint="Escape.", clicked=timeline.clear)
        self.problem = Problem()
        self.problem.sign.set_state("failed")
        self._actions = QWidget()
        self._lay_out()
        self.keys = ViewerKeys(viewer, self)
        self.keys.watch(self, self.bar)
        self._bind()

    def _lay_out(self) -> None:
        inner = QVBoxLayout(self._actions)
        inner.setContentsMargins(2 * UNIT, 0, 2 * UNIT, UNIT)
        inner.setSpacing(UNIT)
        inner.addWidget(self.says)
        inner.addWidget(FlowRow(self.again, self.as_range, self.drop))
        inner.addWidget(self.problem)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, UNIT, 0, 0)
        column.setSpacing(UNIT)
        column.addWidget(self.bar)
        column.addWidget(self._actions)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)

    def _bind(self) -> None:
        self.bar.scrubbed.connect(self._viewer.go_to)
        self.bar.selected.connect(self._select)
        self.bonds = bonds = Bonds(self)
        bonds.bind(self._timeline.marks, self._show_marks)
        bonds.bind(self._timeline.stretch, self._show_stretch)
        bonds.bind(self._timeline.trouble, self._show_trouble)
        bonds.bind(self._viewer.frame, self.bar.set_frame)
        bonds.add(self._edit.problems.subscribe(lambda _: self._allow()))

    def _select(self, ends: tuple[int, int] | None) -> None:
        if ends is None:
            self._timeline.clear()
        else:
            self._timeline.select(*ends)

    def _show_marks(self, marks: Marks) -> None:
        self.setVisible(marks.last > marks.first)
        self.bar.set_ends(marks.first, marks.last)
        inside = marks.inside
        whole = not inside or (inside[0] <= marks.first and inside[-1] >= marks.last)
        self.bar.set_marks(None if whole else (inside[0], inside[-1]))
        self.bar.set_states(states_of(marks), marks.keyframes)

    def _show_stretch(self, stretch: Stretch | None) -> None:
        self._actions.setVisible(stretch is not None)
        if stretch is None:
            self.bar.set_stretch(None)
            return
        self.bar.set_stretch((stretch.first, stretch.last), stretch.pins)
        self.again.setText(f"Edit {stretch.text} again")
        self.says.setText(says_of(stretch))
        self._allow()

    def _allow(self) -> None:
        problems = self._edit.problems.value
        self.again.setEnabled(self._timeline.can_re_edit)
        self.again.setToolTip(f"Not yet: {problems[0]}" if problems else AGAIN)

    def _show_trouble(self, trouble: Trouble | None) -> None:
        text = f"{trouble.sentence} {trouble.remedy}".strip() if trouble is not None else ""
        self.problem.set_sentence(text)


def states_of(marks: Marks) -> dict[int, State]:
    """Return what is drawn of each frame; a hole is a hole whatever a job says."""
    ranges: dict[State, FrameRange] = {
        "done": marks.done,
        "running": marks.running,
        "failed": marks.failed,
        "missing": marks.missing,
    }
    return {frame: state for state, frames in ranges.items() for frame in frames}


def says_of(stretch: Stretch) -> str:
    """Say what editing a stretch again leaves alone."""
    count = stretch.last - stretch.first + 1
    frames = "1 frame" if count == 1 else f"{count} frames"
    if not stretch.pins:
        return f"{frames} selected: the whole range."
    beside = " and ".join(str(pin) for pin in stretch.pins)
    return f"{frames} selected; {beside} stay{'s' * (len(stretch.pins) == 1)}."
