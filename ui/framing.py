"""Where a picture lies in the viewer: zoom and pan as plain arithmetic, without a widget.

Two coordinates: *plate* is pixels of the plate with its top left corner at (0, 0); *view* is the
widget's own units. Anamorphic plates are shown unsqueezed: one plate pixel is `pixel_aspect` times
as wide as it is high.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]

SMALLEST, LARGEST = 0.01, 64.0
"""Bounds of the zoom, in view units per plate pixel."""


@dataclass(frozen=True)
class Framing:
    """How a plate of `plate` pixels is seen through a view of `view` units.

    Attributes
    ----------
    plate, view
        Width and height.
    pixel_aspect
        Width of a plate pixel over its height.
    zoom
        View units per plate pixel, along the height. None fits the whole plate into the view, and
        goes on doing so when the view changes its size.
    centre
        The plate's point in the middle of the view; None is the plate's own middle.
    """

    plate: tuple[int, int] = (16, 9)
    view: tuple[float, float] = (1.0, 1.0)
    pixel_aspect: float = 1.0
    zoom: float | None = None
    centre: Point | None = None

    @property
    def scale(self) -> float:
        """View units per plate pixel along the height."""
        if self.zoom is not None:
            return self.zoom
        width, height = self.plate[0] * self.pixel_aspect, self.plate[1]
        return max(min(self.view[0] / width, self.view[1] / height), 1e-6)

    @property
    def middle(self) -> Point:
        """The plate's point in the middle of the view."""
        if self.zoom is None or self.centre is None:
            return self.plate[0] / 2, self.plate[1] / 2
        return self.centre

    def to_view(self, point: Point) -> Point:
        """Return where a point of the plate is seen."""
        across, down = self._steps
        x, y = self.middle
        return (
            self.view[0] / 2 + (point[0] - x) * across,
            self.view[1] / 2 + (point[1] - y) * down,
        )

    def to_plate(self, point: Point) -> Point:
        """Return the point of the plate that is seen there."""
        across, down = self._steps
        x, y = self.middle
        return (
            x + (point[0] - self.view[0] / 2) / across,
            y + (point[1] - self.view[1] / 2) / down,
        )

    def fitted(self) -> Framing:
        """Show the whole plate."""
        return replace(self, zoom=None, centre=None)

    def zoomed_to(self, zoom: float, about: Point) -> Framing:
        """Zoom so that the plate's point under `about`, a point of the view, stays under it."""
        zoom = min(max(zoom, SMALLEST), LARGEST)
        held = self.to_plate(about)
        away = (about[0] - self.view[0] / 2, about[1] - self.view[1] / 2)
        centre = (held[0] - away[0] / (zoom * self.pixel_aspect), held[1] - away[1] / zoom)
        return replace(self, zoom=zoom, centre=self._held(centre))

    def zoomed(self, factor: float, about: Point) -> Framing:
        """Zoom by a factor about a point of the view."""
        return self.zoomed_to(self.scale * factor, about)

    def panned(self, across: float, down: float) -> Framing:
        """Move the picture by view units; some of it always stays in sight."""
        per_x, per_y = self._steps
        x, y = self.middle
        moved = self._held((x - across / per_x, y - down / per_y))
        return replace(self, zoom=self.scale, centre=moved)

    @property
    def _steps(self) -> Point:
        return self.scale * self.pixel_aspect, self.scale

    def _held(self, centre: Point) -> Point:
        width, height = self.plate
        return min(max(centre[0], 0.0), float(width)), min(max(centre[1], 0.0), float(height))
