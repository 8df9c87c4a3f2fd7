"""Facts of a shot that the artist may change: a click on one opens its editor beneath."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QToolButton, QWidget

from ocio.errors import InvalidFrameRange
from ocio.frame_range import FrameRange
from ui.presenters.fields import Choice
from ui.presenters.shot import ShotPresenter
from ui.presenters.shot_facts import Origin
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import IconButton, tight_size
from ui.widgets.editors import ChoiceBox
from ui.widgets.field import FieldRow
from ui.widgets.theme import UNIT

RATES = ("23.976", "24", "25", "29.97", "30", "48", "50", "59.94", "60")
EXACT_RATES = {"23.976": "24000/1001", "29.97": "30000/1001", "59.94": "60000/1001"}

SAID_BY: dict[Origin, str] = {
    "header": "The header of the files says it.",
    "node": "The node in the host says it.",
    "you": "You chose it.",
    "": "Nobody says it; this is the default.",
}


class FactButton(QToolButton):
    """A fact with who says it; pressed, it is being changed."""

    def __init__(self, name: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._hint = name, hint
        self._text = ""
        self.setCheckable(True)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        """Ask for no more than the text and a narrow edge."""
        return tight_size(self)

    def minimumSizeHint(self) -> QSize:
        """Need a few letters."""
        return QSize(min(16 * UNIT, self.sizeHint().width()), self.sizeHint().height())

    def show_fact(self, text: str, origin: Origin, *, wrong: str = "") -> None:
        """Show a value; `wrong` says why there is none."""
        source = f" ({origin})" if origin else ""
        self._text = f"{text}{source}"
        self.setText(self._text)
        self.setToolTip(f"{self._name}: {text}\n{wrong or SAID_BY[origin]}\n{self._hint}")
        self.setAccessibleName(f"{self._name}: {self._text}")


class RangeEditor(FieldRow):
    """First and last frame of what is edited."""

    def __init__(self, shot: ShotPresenter, parent: QWidget) -> None:
        self._line = QLineEdit()
        whole = IconButton("undo", "Take the whole shot", clicked=shot.reset_range)
        hint = "The frames to edit, for example 1010-1030; I and O set them in the viewer."
        super().__init__("Frames", self._line, hint, whole, parent=parent)
        self._shot = shot
        self._line.textEdited.connect(self._read)
        self._line.editingFinished.connect(self._take)
        self.bonds = Bonds(self)
        self.bonds.bind(shot.frames, self._show)

    def _show(self, frames: FrameRange) -> None:
        text = f"{frames[0]}-{frames[-1]}" if frames else ""
        if not self._line.isModified() and self._line.text() != text:
            self._line.setText(text)
            self.set_problem("")

    def _take(self) -> None:
        """Take what was typed when it is finished: half a number is another frame."""
        frames = self._read(self._line.text())
        if frames is not None:
            self._line.setModified(False)
            self._shot.set_range(frames[0], frames[-1])
            self._show(self._shot.frames.value)

    def _read(self, text: str) -> FrameRange | None:
        """Say what is wrong with what is typed; return the frames if nothing is."""
        facts = self._shot.facts.value
        try:
            frames = FrameRange.parse(text)
        except InvalidFrameRange as error:
            self.set_problem(f"{error.message}; {error.hint}.")
            return None
        if facts is None or not set(frames) & set(facts.frames):
            self.set_problem("The shot has none of these frames.")
            return None
        self.set_problem("")
        return frames


class RateEditor(FieldRow):
    """Frames per second."""

    def __init__(self, shot: ShotPresenter, parent: QWidget) -> None:
        self._box = ChoiceBox(editable=True)
        self._box.set_choices(tuple(Choice(rate, rate) for rate in RATES))
        back = IconButton("undo", "Take the rate of the files", clicked=lambda: shot.set_rate(None))
        hint = "Frames per second at which the viewer plays; files and edit do not change."
        super().__init__("Rate", self._box, hint, back, parent=parent)
        self._shot = shot
        self._typing = False
        self._box.editTextChanged.connect(self._typed)
        self.bonds = Bonds(self)
        self.bonds.bind(shot.rate, self._show)

    def _show(self, rate: Fraction) -> None:
        if not self._typing:
            with QSignalBlocker(self._box):
                self._box.setEditText(rate_text(rate))

    def _typed(self, text: str) -> None:
        self._typing = True
        self._take(text)
        self._typing = False

    def _take(self, text: str) -> None:
        try:
            rate = Fraction(EXACT_RATES.get(text.strip(), text.strip()))
        except (ValueError, ZeroDivisionError):
            self.set_problem("Write a number such as 24 or 24000/1001.")
            return
        if not 0 < rate <= 1000:
            self.set_problem("A rate lies between 0 and 1000.")
            return
        self.set_problem("")
        self._shot.set_rate(rate)


class ColourEditor(FieldRow):
    """The plate's colour space, from the list of the config."""

    def __init__(self, shot: ShotPresenter, parent: QWidget) -> None:
        self._box = ChoiceBox(editable=True)
        back = IconButton(
            "undo", "Leave it to node and header", clicked=lambda: shot.set_colorspace(None)
        )
        hint = "The colour space in which the plate's numbers are; type a part of its name."
        super().__init__("Colour space", self._box, hint, back, parent=parent)
        self._shot = shot
        self._box.activated.connect(lambda _: shot.set_colorspace(self._box.value()))
        self._box.line.editingFinished.connect(self._typed)
        self.bonds = Bonds(self)
        self.bonds.bind(shot.facts, lambda _: self._show())
        self.bonds.bind(shot.colorspace, lambda _: self._show())

    def _show(self) -> None:
        facts, space = self._shot.facts.value, self._shot.colorspace.value
        with QSignalBlocker(self._box):
            self._box.set_choices(tuple(Choice(n, n) for n in facts.colorspaces) if facts else ())
            self._box.set_value(space.text)
        self.set_problem(_sentence(space.problem) if facts else "")

    def _typed(self) -> None:
        facts, text = self._shot.facts.value, self._box.currentText().strip()
        if facts is None or text == self._shot.colorspace.value.text:
            return
        if text and facts.colorspaces and text not in facts.colorspaces:
            self.set_problem(f"The config has no colour space {text!r}; choose one of the list.")
            return
        self._shot.set_colorspace(text or None)


def rate_text(rate: Fraction) -> str:
    """Write a rate as people say it: 24, 23.976."""
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}. Choose one." if text else ""


class FactEditors:
    """The editors of the facts; at most one is open, beneath the button that opened it.

    Parameters
    ----------
    pairs
        Each fact's button and what makes its editor.
    """

    def __init__(self, pairs: list[tuple[FactButton, QWidget]]) -> None:
        self._pairs = pairs
        for button, editor in pairs:
            editor.hide()
            button.toggled.connect(self._open_of(button, editor))

    def open(self, wanted: FactButton) -> None:
        """Open one."""
        wanted.setChecked(True)

    def close(self) -> None:
        """Close whichever is open."""
        for button, _ in self._pairs:
            button.setChecked(False)

    def _open_of(self, button: FactButton, editor: QWidget) -> Callable[[bool], None]:
        def show(pressed: bool) -> None:
            if pressed:
                for other, _ in self._pairs:
                    other.setChecked(other is button)
            editor.setVisible(pressed)

        return show
