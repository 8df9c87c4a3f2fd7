"""Texts that fit: paths give way in the middle, sentences wrap, states carry their sign."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from ui.widgets.theme import State, draw_state

MINIMUM_CHARACTERS = 6


class ElidedLabel(QLabel):
    """One line that is shortened in the middle where it does not fit; whole in its tooltip."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = ""
        self._hint = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show a text."""
        self._whole = " ".join(text.split())
        self.setAccessibleName(self._whole)
        self._fit()
        self.updateGeometry()

    def set_hint(self, hint: str) -> None:
        """Set what the tooltip says besides the whole text."""
        self._hint = hint
        self._fit()

    def whole_text(self) -> str:
        """Return the text as it was given."""
        return self._whole

    def sizeHint(self) -> QSize:
        """Ask for room for the whole text."""
        width = self.fontMetrics().horizontalAdvance(self._whole) + 2
        return QSize(width, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Need room for a few letters."""
        few = self.fontMetrics().averageCharWidth() * MINIMUM_CHARACTERS
        return QSize(min(few, self.sizeHint().width()), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the text anew."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Fit the text anew to another font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        shown = metrics.elidedText(self._whole, Qt.TextElideMode.ElideMiddle, self.width())
        super().setText(shown)
        cut = shown != self._whole
        self.setToolTip("\n".join(filter(None, [self._whole if cut else "", self._hint])))


class Sentence(QLabel):
    """A sentence or two; wraps, may be selected and copied, and takes no room while empty."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setText(text)

    def minimumSizeHint(self) -> QSize:
        """Need one line: how many there are follows from the width, not the other way round."""
        return QSize(0, self.fontMetrics().lineSpacing())

    def setText(self, text: str) -> None:
        """Show a text; an empty one hides the label."""
        super().setText(text)
        self.setAccessibleName(text)
        # Without a parent it would become a window; shown is what a new part of one is anyway.
        if not text or self.parentWidget() is not None:
            self.setVisible(bool(text))


class Heading(QLabel):
    """The name of a part of the panel."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text.upper(), parent)
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 0.85)
        font.setBold(True)
        font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 106)
        self.setFont(font)
        self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.setAccessibleName(text)


class StateSign(QWidget):
    """The sign of a state, as large as a line of text is high."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    @property
    def state(self) -> State:
        """What is shown."""
        return self._state

    def set_state(self, state: State) -> None:
        """Show another state."""
        self._state = state
        self.update()

    def sizeHint(self) -> QSize:
        """Give the height of a line."""
        side = self.fontMetrics().height()
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the sign."""
        painter = QPainter(self)
        draw_state(painter, QRectF(self.rect()), self._state, self.palette())
        painter.end()


def quiet(label: QLabel) -> QLabel:
    """Show a label in the palette's colour for what matters less."""
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label
