"""Line charts as inline SVG: axes a person can read, a name at the end of each line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 600, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 132, 14, 44  # margins round the lines
_LABEL_GAP = 15  # pixels between two names

PLATE_COLOR = "#a8a8ae"
COLORS = ("#5aa9ff", "#ffa94d", "#56d0a0", "#ee8fc2", "#d8c75a", "#b79bff")
"""For the edits in turn; each also has its own dash, for eyes that see colours otherwise."""
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")


@dataclass(frozen=True)
class Line:
    """One line of a chart; `index` is None for the plate, else the number of the edit."""

    name: str
    index: int | None
    xs: Sequence[float]
    ys: Sequence[float]

    @property
    def color(self) -> str:
        """Its colour."""
        return PLATE_COLOR if self.index is None else COLORS[self.index % len(COLORS)]

    @property
    def dash(self) -> str:
        """Its dashes, as SVG wants them."""
        return "" if self.index is None else _DASHES[self.index % len(_DASHES)]


@dataclass(frozen=True)
class Mark:
    """A point of a chart that leads somewhere."""

    x: float
    y: float
    href: str
    label: str
    color: str


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round numbers in steps of 1, 2 or 5 times a power of ten that cover `low` to `high`.

    The first is not above `low`, the last not below `high`.
    """
    if not high > low:
        low, high = low - 0.5, low + 0.5
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next((m for m in (1, 2, 5) if m * power >= rough), 10)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{n * step:.12g}") for n in range(first, last + 1)]


def chart(
    lines: Sequence[Line],
    x_label: str,
    y_label: str,
    *,
    marks: Sequence[Mark] = (),
    shaded: tuple[float, str] | None = None,
    whole: bool = False,
) -> Markup:
    """Draw lines over common axes.

    Parameters
    ----------
    marks
        Points that are links.
    shaded
        From where on the background is lighter, and what it says there.
    whole
        Whether x are whole numbers, as frames are.
    """
    points = [
        (x, y)
        for line in lines
        for x, y in zip(line.xs, line.ys, strict=True)
        if math.isfinite(x) and math.isfinite(y)
    ]
    xs, ys = [x for x, _ in points] or [0.0], [y for _, y in points] or [0.0]
    place = _Place(min(xs), max(xs), ticks(min(ys), max(ys)))
    across = [t for t in ticks(min(xs), max(xs), 6) if place.left <= t <= place.right]
    if whole:
        across = [t for t in across if t == int(t)]
    parts = [
        Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            WIDTH, HEIGHT, f"{y_label} over {x_label}: {', '.join(line.name for line in lines)}"
        ),
        *(_shade(place, shaded) if shaded else ()),
        *_axes(place, across, x_label, y_label),
        *(_path(place, line) for line in lines),
        *_names(place, lines),
        *(_mark(place, mark) for mark in marks),
        Markup("</svg>"),
    ]
    return Markup("\n").join(parts)


@dataclass(frozen=True)
class _Place:
    """From values to the picture."""

    left: float
    right: float
    levels: Sequence[float]

    def x(self, value: float) -> float:
        span = (self.right - self.left) or 1.0
        return _LEFT + (value - self.left) / span * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self.levels[0], self.levels[-1]
        return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)


def _axes(place: _Place, across: Sequence[float], x_label: str, y_label: str) -> Iterator[Markup]:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    for level in place.levels:
        y = place.y(level)
        yield Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
            _LEFT, right, y, y
        )
        yield Markup('<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
            _LEFT - 7, y + 4, _number(level)
        )
    for value in across:
        yield Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            place.x(value), bottom + 16, _number(value)
        )
    yield Markup('<text class="label" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
        (_LEFT + right) / 2, HEIGHT - 6, x_label
    )
    middle = (_TOP + bottom) / 2
    yield Markup(
        '<text class="label" x="14" y="{:.1f}" text-anchor="middle" '
        'transform="rotate(-90 14 {:.1f})">{}</text>'
    ).format(middle, middle, y_label)


def _path(place: _Place, line: Line) -> Markup:
    points = " ".join(
        f"{place.x(x):.1f},{place.y(y):.1f}"
        for x, y in zip(line.xs, line.ys, strict=True)
        if math.isfinite(y)
    )
    return Markup(
        '<polyline points="{}" fill="none" stroke="{}" stroke-width="2" stroke-dasharray="{}">'
        "<title>{}</title></polyline>"
    ).format(points, line.color, line.dash or "none", line.name)


def _names(place: _Place, lines: Sequence[Line]) -> Iterator[Markup]:
    """Put each name beside the end of its line, apart from one another."""
    ends = sorted(
        ((place.y(line.ys[-1]), line.name, line) for line in lines if len(line.ys)),
        key=lambda end: end[:2],
    )
    lowest = HEIGHT - _BOTTOM + 4.0
    heights: list[float] = []
    for y, _, _ in ends:
        heights.append(max(y + 4, heights[-1] + _LABEL_GAP) if heights else y + 4)
    # Pushed up again where the last ones have left the picture.
    for index in range(len(heights) - 1, -1, -1):
        heights[index] = min(heights[index], lowest - _LABEL_GAP * (len(heights) - 1 - index))
    for (_, name, line), y in zip(ends, heights, strict=True):
        short = name if len(name) <= 18 else name[:17] + "…"
        yield Markup('<text class="name" x="{}" y="{:.1f}" fill="{}">{}</text>').format(
            WIDTH - _RIGHT + 8, y, line.color, short
        )


def _mark(place: _Place, mark: Mark) -> Markup:
    return Markup(
        '<a href="{}"><circle cx="{:.1f}" cy="{:.1f}" r="6" fill="#1c1c1e" stroke="{}" '
        'stroke-width="2"><title>{}</title></circle></a>'
    ).format(mark.href, place.x(mark.x), place.y(mark.y), mark.color, mark.label)


def _shade(place: _Place, shaded: tuple[float, str]) -> Iterator[Markup]:
    start, words = shaded
    if not place.left <= start < place.right:
        return
    x = place.x(start)
    yield Markup('<rect class="shade" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>').format(
        x, _TOP, WIDTH - _RIGHT - x, HEIGHT - _TOP - _BOTTOM
    )
    yield Markup('<text class="tick" x="{:.1f}" y="{}">{}</text>').format(x + 6, _TOP + 14, words)


def _number(value: float) -> str:
    return f"{value:.10g}".replace("-", "−")
