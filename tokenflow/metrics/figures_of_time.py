"""Figures of what happens over time: warp errors, flicker, light, silhouettes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tokenflow.metrics import consistency, flicker, light, silhouette
from tokenflow.metrics.consistency import Pair, PairErrors
from tokenflow.metrics.figure import Figure
from tokenflow.metrics.flicker import Spectrum
from tokenflow.metrics.measured import Measured

_GROUP = "Over time"

_WARP = Figure("warp_error_short", "Warp error, next frame", "×10³", "0", "consistency", _GROUP)
_WARP_ROWS = {
    "short": _WARP,
    **{
        str(step): replace(_WARP, key=f"warp_error_{step}", title=f"Warp error, {step} frames on")
        for step in consistency.LONG
    },
    "first": replace(_WARP, key="warp_error_first", title="Warp error, against the first frame"),
}
_WARP_STOPS = replace(
    _WARP, key="warp_error_stops", title="Warp error of light, next frame", unit="stops² ×10³"
)
_ADDED = Figure("flicker_added", "Added flicker", "stops", "0", "flicker", _GROUP)
_POWERS = (
    (Figure("flicker_luma", "Fast changes of luma", "dB", "0", "flicker", _GROUP), "luma", "high"),
    (
        Figure("flicker_chroma", "Fast changes of chroma", "dB", "0", "flicker", _GROUP),
        "chroma",
        "high",
    ),
    (Figure("slow_luma", "Slow changes of luma", "dB", "0", "flicker", _GROUP), "luma", "low"),
)
_FLASH = Figure("flash_kept", "Flash kept", "", "1", "light", _GROUP)
_LIGHT = Figure("light_kept", "Slow light changes kept", "", "1", "light", _GROUP)
_SILHOUETTE = Figure(
    "silhouette_error", "Flicker at silhouettes", "stops", "0", "silhouette", _GROUP
)
_RATIO = Figure("silhouette_ratio", "Silhouettes against interior", "", "1", "silhouette", _GROUP)


def warp_errors(
    measured: Measured, errors: Mapping[str, PairErrors], pairs: Mapping[str, list[Pair]]
) -> list[Figure]:
    """Return the excess over the plate for every kind of pair, with the raw errors."""
    figures = []
    for row, kind, unit in [
        (_WARP, "short", "display"),
        (_WARP_STOPS, "short", "stops"),
        *((row, kind, "display") for kind, row in _WARP_ROWS.items() if kind != "short"),
    ]:
        chosen = pairs.get(kind)
        if not chosen:
            figures.append(row.missing("the shot is too short"))
            continue
        base = 1000 * errors["plate"].mean(chosen, unit)
        raw = {edit.name: 1000 * errors[edit.name].mean(chosen, unit) for edit in measured.edits}
        excess = {name: value - base for name, value in raw.items()}
        figures.append(row.measured(excess, plate=base, raw=raw))
    return figures


def spectra(measured: Measured) -> dict[str, Spectrum]:
    """Return the spectrum of every clip by its name; none where no block could be followed."""
    tracks = flicker.follow(measured.numbers, measured.subject.viewing.size, measured.followed)
    if not tracks:
        return {}
    clips = (measured.plate, *measured.edits)
    return {clip.name: flicker.spectrum(clip, measured.plate, tracks) for clip in clips}


def flickers(measured: Measured, found: Mapping[str, Spectrum]) -> list[Figure]:
    """Return the added flicker, and powers in decibels against the plate."""
    if not found:
        why = "no block of the plate could be followed through four frames"
        return [row.missing(why) for row in (_ADDED, *(row for row, *_ in _POWERS))]
    slowest = min(1 / measured.subject.rate, 0.2)  # 1 Hz in cycles per frame
    bands = {"high": (0.25, 0.5), "low": (slowest, 0.25)}

    def power(name: str, kind: str, band: str) -> float:
        one = found[name]
        return flicker.band(getattr(one, kind), one.frequencies, *bands[band])

    added = measured.each(lambda edit: float(np.sqrt(power(edit.name, "added", "high"))))
    return [
        _ADDED.measured(added),
        *(
            row.measured(
                {
                    edit.name: _decibels(power(edit.name, kind, band), power("plate", kind, band))
                    for edit in measured.edits
                },
                otherwise="the plate stands still",
            )
            for row, kind, band in _POWERS
        ),
    ]


def lights(measured: Measured) -> list[Figure]:
    """Return the shares of the plate's flash and slow changes of light that are kept."""
    base = light.mean_light(measured.plate, measured.numbers)
    means = {edit.name: light.mean_light(edit, measured.numbers) for edit in measured.edits}
    flashes = {name: light.flash_kept(mean, base) for name, mean in means.items()}
    changes = {name: light.slow_light_kept(mean, base) for name, mean in means.items()}
    return [
        _FLASH.measured(flashes, otherwise="the plate has no flash"),
        _LIGHT.measured(changes, otherwise="the light of the plate does not change"),
    ]


def silhouettes(measured: Measured) -> list[Figure]:
    """Return flicker round the matte's outline, and its ratio to the interior's."""
    if measured.subject.object is None:
        why = "needs a matte of the object (--object or --matte)"
        return [row.missing(why) for row in (_SILHOUETTE, _RATIO)]
    mattes = measured.small(measured.subject.object)
    found = {
        edit.name: silhouette.silhouette_error(
            edit, measured.plate, mattes, measured.numbers, measured.followed
        )
        for edit in measured.edits
    }
    why = "the matte has no outline, or there is one frame only"
    return [
        row.measured({name: pair and pair[index] for name, pair in found.items()}, otherwise=why)
        for index, row in enumerate((_SILHOUETTE, _RATIO))
    ]


def _decibels(power: float, base: float) -> float | None:
    """Return 10 log10 of a ratio of powers; None where there is nothing to compare with."""
    return float(10 * np.log10(power / base)) if power > 0 and base > 0 else None
