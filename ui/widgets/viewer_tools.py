"""The rows of buttons under the picture: what is shown, how it is compared, how bright it is."""

from __future__ import annotations

from collections.abc import Callable
from math import log2

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QToolButton,
    QWidget,
)

from tokenflow.client import What
from ui.observable import Value
from ui.presenters.viewer import EXPOSURES, GAINS, GAMMAS, Compare, ViewerPresenter
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import FlowRow, IconButton
from ui.widgets.theme import UNIT

WHATS: tuple[tuple[What, str, str], ...] = (
    ("plate", "Plate", "The shot as it was read (P)."),
    ("edit", "Edit", "What was made of it (E)."),
    ("difference", "Diff", "Where and how much the edit differs from the plate (D)."),
    ("matte", "Matte", "Where the edit may act (M)."),
)


STEPS = 20
"""Places of a slider per stop."""

WIDEST = 120 * UNIT
"""A longer slider is no finer for the hand."""


class ViewerTools(FlowRow):
    """Plate, edit, difference, matte; wipe, side by side, x-t; brightness.

    Attributes
    ----------
    slice, display
        Switches of what the viewer shows beside the picture.
    """

    def __init__(self, presenter: ViewerPresenter, parent: QWidget | None = None) -> None:
        self._presenter = presenter
        self.whats: dict[What, QToolButton] = {}
        group: list[QWidget] = [self._what(*each) for each in WHATS]
        self.wipe = _switch("wipe", "Wipe", "Plate left of the line, edit right of it (W).")
        self.side = _switch("side-by-side", "Side by side", "Plate and edit together (S).")
        self.slice = _switch("x-t", "x-t slice", "Draw a line and see it over time (X).")
        self.display = _switch("settings", "Exposure and gamma", "For the display only.")
        gap = QWidget()
        gap.setFixedWidth(UNIT)
        comparing = [gap, self.wipe, self.side, self.slice, self.display]
        super().__init__(*group, *comparing, across=UNIT // 2, parent=parent)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._only_one = QButtonGroup(self)
        for button in self.whats.values():
            self._only_one.addButton(button)
        self.wipe.clicked.connect(lambda on: presenter.set_compare("wipe" if on else "single"))
        self.side.clicked.connect(lambda on: presenter.set_compare("side" if on else "single"))
        self.bonds = bonds = Bonds(self)
        bonds.bind(presenter.what, self._show_what)
        bonds.bind(presenter.compare, self._show_compare)
        for side in (presenter.plate, presenter.edit):
            bonds.add(side.subscribe(lambda _: self._offer()))
        self._offer()

    def _what(self, what: What, word: str, hint: str) -> QToolButton:
        button = QToolButton()
        button.setText(word)
        button.setCheckable(True)
        button.setToolTip(hint)
        button.setAccessibleName({"Diff": "Difference"}.get(word, word))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda _=False: self._presenter.show_what(what))
        self.whats[what] = button
        return button

    def _offer(self) -> None:
        there = self._presenter.choices()
        for what, button in self.whats.items():
            button.setEnabled(what in there)
        for button in (self.wipe, self.side):
            button.setEnabled(self._presenter.edit.value is not None)

    def _show_what(self, what: What) -> None:
        self.whats[what].setChecked(True)

    def _show_compare(self, compare: Compare) -> None:
        self.wipe.setChecked(compare == "wipe")
        self.side.setChecked(compare == "side")


class DisplayRow(QWidget):
    """Sliders for exposure and gamma, and for the gain while a difference is shown."""

    def __init__(self, presenter: ViewerPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self.bonds = Bonds(self)
        self.setMaximumWidth(WIDEST)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(2 * UNIT)
        self._grid.setVerticalSpacing(UNIT)
        self.exposure = self._row(
            0,
            "Exposure",
            presenter.exposure,
            EXPOSURES,
            stops=float,
            choose=presenter.set_exposure,
            text=lambda stops: f"{stops:+.2f}",
        )
        self.gamma = self._row(
            1,
            "Gamma",
            presenter.gamma,
            GAMMAS,
            stops=log2,
            choose=lambda stops: presenter.set_gamma(2.0**stops),
            text=lambda gamma: f"{gamma:.2f}",
        )
        self.gain = self._row(
            2,
            "Gain",
            presenter.gain,
            GAINS,
            stops=log2,
            choose=lambda stops: presenter.set_gain(2.0**stops),
            text=lambda gain: f"× {gain:.0f}",
            whole=True,
        )
        self.reset = IconButton(
            "undo", "As it came", hint="No exposure, no gamma.", clicked=presenter.reset_display
        )
        self._grid.addWidget(self.reset, 0, 3, 2, 1)
        self.bonds.bind(presenter.what, self._show_what)

    def _row(
        self,
        row: int,
        name: str,
        value: Value[float],
        bounds: tuple[float, float],
        *,
        stops: Callable[[float], float],
        choose: Callable[[float], None],
        text: Callable[[float], str],
        whole: bool = False,
    ) -> QSlider:
        """Build a row.

        Parameters
        ----------
        bounds
            Of the value.
        stops, choose
            Where a value stands on the slider, and what a place of the slider does.
        whole
            Whether to stop at whole stops only: a gain has its pictures fetched anew.
        """
        per_stop = 1 if whole else STEPS
        slider = _HomeSlider(round(stops(value.value) * per_stop))
        low, high = (round(stops(bound) * per_stop) for bound in bounds)
        slider.setRange(low, high)
        slider.setPageStep(per_stop)
        slider.setAccessibleName(name)
        slider.setToolTip(f"{name}, for the display only. A double click resets it.")
        number = QLabel()
        number.setMinimumWidth(number.fontMetrics().horizontalAdvance(text(bounds[0]) + "0"))
        word = QLabel(name)
        word.setBuddy(slider)

        def show(now: float) -> None:
            with QSignalBlocker(slider):
                slider.setValue(round(stops(now) * per_stop))
            number.setText(text(now))

        slider.valueChanged.connect(lambda place: choose(place / per_stop))
        for column, widget in enumerate((word, slider, number)):
            self._grid.addWidget(widget, row, column)
        self._grid.setColumnStretch(1, 1)
        self.bonds.bind(value, show)
        return slider

    def _show_what(self, what: What) -> None:
        for column in range(3):
            item = self._grid.itemAtPosition(2, column)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.setVisible(what == "difference")


class _HomeSlider(QSlider):
    """A slider that a double click puts back."""

    def __init__(self, home: int) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._home = home

    def mouseDoubleClickEvent(self, event: object) -> None:
        """Go home."""
        self.setValue(self._home)


def _switch(icon: str, label: str, hint: str) -> IconButton:
    button = IconButton(icon, label, hint=hint)
    button.setCheckable(True)
    return button
