"""Pictures of different data windows on one canvas."""

from __future__ import annotations

import numpy as np

from ocio.window import Window
from tokenflow.deflicker.warp import Float32


def on_canvas(samples: Float32, window: Window, canvas: Window) -> Float32:
    """Place samples (h, w, c) of a data window on a canvas; NaN where there are none.

    What lies outside the canvas is cut off. What is not finite takes part in nothing (`Frame`).
    """
    if window == canvas:
        return samples
    placed = np.full((canvas.height, canvas.width, samples.shape[2]), np.nan, dtype=np.float32)
    shared = window.intersection(canvas)
    placed[shared.slices_in(canvas)] = samples[shared.slices_in(window)]
    return placed
