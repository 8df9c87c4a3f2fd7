"""The correction of one frame from its neighbours (design, section 4; decision 0014)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tokenflow.deflicker.blur import normalised_blur
from tokenflow.deflicker.flow import FlowPair
from tokenflow.deflicker.frame import Frame, radius_scale
from tokenflow.deflicker.settings import (
    GAIN_FILLS,
    GLOBAL_FILL,
    PAIR_SHARE,
    PLATE_TERM_BLUR,
    Settings,
)
from tokenflow.deflicker.stops import expose
from tokenflow.deflicker.visibility import inliers, match, medians, visible
from tokenflow.deflicker.warp import Float32, Kernel, Mask, enlarge, enlarge_motion, warp


@dataclass(frozen=True)
class Request:
    """What a neighbour asks of a frame.

    Attributes
    ----------
    gain : (grid, 3)
        The smooth part, stops; defined everywhere, also where the neighbour does not see.
    weight : (grid)
        How far the neighbour shows the same thing there.
    detail : (h, w, 3), optional
        The whole excess times the weight, stops. None for gain only.
    """

    gain: Float32
    weight: Float32
    detail: Float32 | None


def request(frame: Frame, neighbour: Frame, flow: FlowPair, settings: Settings) -> Request | None:
    """Compare a frame with a neighbour; None if the neighbour belongs to another shot.

    Parameters
    ----------
    flow
        From the frame to the neighbour, on the grid.
    """
    scale = radius_scale(frame, settings)
    seen = _seen(frame, neighbour, flow)
    # A place that is no number would be fetched from anywhere; it is not seen.
    motion = np.where(seen[..., None], flow.forward, np.float32(0))
    plate_change = frame.plate_low - warp(neighbour.plate_low, motion, Kernel.CUBIC)
    matched = match(seen, plate_change, scale)
    if matched.share < PAIR_SHARE:
        return None
    weight = matched.weight
    if settings.guarded:
        weight = weight * frame.calm
    if frame.matte_low is not None:
        weight = weight * frame.matte_low
    whole = frame.size == frame.grid
    kernel = Kernel.LANCZOS if whole else Kernel.CUBIC
    excess = warp(neighbour.signal_low, motion, kernel) - frame.signal_low
    plate_term = None
    if settings.form == "bare":
        plate_term = normalised_blur(plate_change, weight, PLATE_TERM_BLUR * scale)
        excess = excess + plate_term
    gain = _gain(excess, weight, scale, settings)
    if settings.gain_only:
        return Request(_limited(gain, settings), weight, None)
    detail = excess
    if not whole:
        fetched = warp(neighbour.signal, enlarge_motion(motion, frame.size), Kernel.CUBIC)
        detail = np.subtract(fetched, frame.signal, out=fetched)
        if plate_term is not None:
            detail += enlarge(plate_term, frame.size)
    if settings.guarded:
        weight = weight * inliers(excess - gain, scale)
    detail = _limited(detail, settings)
    detail *= enlarge(weight, frame.size)[..., None]
    return Request(_limited(gain, settings), weight, detail)


class Correction:
    """The correction of a frame, gathered from its neighbours one after the other.

    C = Σ g gain / (1 + Σ g) + Σ g w (excess - gain) / (1 + Σ g w): the frame itself takes part in
    both means with weight 1 and correction 0. The second is a mean over those who see the pixel,
    so near a silhouette it is not thinned by those who do not.
    """

    def __init__(self, frame: Frame, settings: Settings) -> None:
        self._frame, self._settings = frame, settings
        self._total = np.float32(1)
        self._gain = np.zeros((*frame.grid, 3), dtype=np.float32)
        self._seen = np.ones(frame.grid, dtype=np.float32)
        self._known = np.zeros_like(self._gain)
        self._detail = np.zeros(0 if settings.gain_only else frame.signal.shape, dtype=np.float32)

    def add(self, share: float, asked: Request) -> None:
        """Take in what a neighbour of weight g asks for. The order is part of the result's bits."""
        g = np.float32(share)
        self._total += g
        self._gain += g * asked.gain
        if asked.detail is None:
            return
        weight = g * asked.weight
        self._seen += weight
        self._known += weight[..., None] * asked.gain
        self._detail += g * asked.detail

    def applied(self) -> Float32:
        """Return the corrected edit, (h, w, 3)."""
        size = self._frame.size
        correction = enlarge(self._gain / self._total, size)
        if not self._settings.gain_only:
            detail = self._detail - enlarge(self._known, size)
            detail /= enlarge(self._seen, size)[..., None]
            correction += detail
        return self._expose(correction)

    def _expose(self, correction: Float32) -> Float32:
        frame = self._frame
        if frame.matte is not None and self._settings.form != "delta":
            correction *= frame.matte[..., None]
        np.copyto(correction, 0, where=frame.fixed)
        if self._settings.form != "delta":
            return expose(frame.edit, correction)
        correction += frame.edit
        np.copyto(correction, frame.edit, where=frame.fixed)
        return correction


def _seen(frame: Frame, neighbour: Frame, flow: FlowPair) -> Mask:
    seen = visible(flow)
    if frame.spoilt is not None:
        seen &= ~frame.spoilt
    if neighbour.spoilt is not None:
        motion = np.where(seen[..., None], flow.forward, np.float32(0))
        seen &= warp(neighbour.spoilt.astype(np.float32), motion, Kernel.LINEAR) == 0
    return seen


def _gain(excess: Float32, weight: Float32, scale: float, settings: Settings) -> Float32:
    """Return the smooth part of an excess, coarse to fine: each blur fills what the last left.

    In pictures pixels that leave the gain found so far by much do not count: at a silhouette they
    are wrong matches, and one of them pulls a mean further than a hundred others.
    """
    gain = np.broadcast_to(medians(excess, weight > 0.5), excess.shape)
    blurs = (GLOBAL_FILL,) if settings.gain_only else (GLOBAL_FILL, *GAIN_FILLS)
    for sigma in blurs:
        residual = excess - gain
        trusted = weight * inliers(residual, scale) if settings.guarded else weight
        gain = gain + normalised_blur(residual, trusted, sigma * scale)
    return np.asarray(gain, dtype=np.float32)


def _limited(stops: Float32, settings: Settings) -> Float32:
    limit = np.float32(settings.limit)
    return np.clip(stops, -limit, limit, out=stops)
