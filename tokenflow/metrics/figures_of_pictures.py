"""Figures of the pictures themselves: structure, sharpness, what stays, what the words ask for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ocio.exr import read_frame
from tokenflow.metrics import clip_score, fidelity, motion_fidelity, sharpness
from tokenflow.metrics.clip import Clip
from tokenflow.metrics.clip_score import ImageText
from tokenflow.metrics.figure import Figure
from tokenflow.metrics.lpips import Lpips
from tokenflow.metrics.measured import Measured
from tokenflow.metrics.self_similarity import SelfSimilarity

Float32 = npt.NDArray[np.float32]

_GROUP = "Picture"
_WORDS = "Words"

_STRUCTURE = Figure(
    "structure_distance", "Structure distance (gradients)", "", "low", "fidelity", _GROUP
)
_SHARPNESS = Figure("sharpness", "Sharpness against the plate", "", "1", "sharpness", _GROUP)
_PSNR = Figure("psnr", "PSNR to the plate", "dB", "", "fidelity", _GROUP)
_KEYS = Figure(
    "structure_distance_vit",
    "Structure distance (self-similarity)",
    "",
    "low",
    "self_similarity",
    _GROUP,
)
_LPIPS = Figure("lpips", "LPIPS to the plate", "", "", "lpips", _GROUP)
_MOTION = Figure(
    "motion_fidelity", "Motion fidelity (DIS tracks)", "", "1", "motion_fidelity", _GROUP
)
_CHANGED = Figure(
    "changed_outside", "Samples changed outside the matte", "", "0", "fidelity", _GROUP
)
_LARGEST = Figure(
    "largest_outside", "Largest change outside the matte", "linear", "0", "fidelity", _GROUP
)
_PSNR_OUTSIDE = Figure("psnr_outside", "PSNR outside the matte", "dB", "high", "fidelity", _GROUP)
_TEXT = Figure("clip_text", "CLIP text score", "", "high", "clip_score", _WORDS)
_FRAMES = Figure("clip_frames", "CLIP frame consistency", "", "high", "clip_score", _WORDS)


def structures(
    measured: Measured, vit: SelfSimilarity | None, perceptual: Lpips | None
) -> list[Figure]:
    """Return how far the edit's structure, motion and detail are from the plate's."""
    numbers, plate = measured.numbers, measured.plate

    def mean(distance: Callable[[Float32, Float32], float]) -> dict[str, float | None]:
        return measured.each(
            lambda edit: float(
                np.mean([distance(edit.display(n), plate.display(n)) for n in numbers])
            )
        )

    return [
        _STRUCTURE.measured(
            measured.each(lambda edit: fidelity.structure_distance(edit, plate, numbers))
        ),
        _KEYS.measured(mean(vit.distance))
        if vit
        else _KEYS.missing("needs the weights of a vision transformer (--vit)"),
        _LPIPS.measured(mean(perceptual))
        if perceptual
        else _LPIPS.missing("needs its weights (--lpips)"),
        _motion(measured),
        _SHARPNESS.measured(
            measured.each(lambda edit: sharpness.sharpness_ratio(edit, plate, numbers)),
            otherwise="the plate is flat",
        ),
        _PSNR.measured(measured.each(lambda edit: fidelity.psnr(edit, plate, numbers))),
    ]


def outside(measured: Measured) -> list[Figure]:
    """Return what changed outside the matte: samples of the files at full size."""
    subject, rows = measured.subject, (_CHANGED, _LARGEST, _PSNR_OUTSIDE)
    matte, viewing = subject.matte, subject.viewing
    if matte is None:
        return [row.missing("needs a matte (--matte)") for row in rows]
    found: dict[str, list[tuple[int, float]]] = {edit.name: [] for edit in measured.edits}
    for number in measured.numbers:
        frame = read_frame(subject.plate.path(number), number)
        mask = matte.read(number, frame, frame.select(*viewing.choice).part)
        before = frame.rgb(*viewing.choice)
        for name, edit in subject.edits.items():
            after = read_frame(edit.path(number), number).rgb(*viewing.choice)
            found[name].append(fidelity.changed_outside(after, before, mask))
    elsewhere = {number: small == 0 for number, small in measured.small(matte).items()}

    def psnr(edit: Clip) -> float | None:
        return fidelity.psnr(edit, measured.plate, measured.numbers, elsewhere)

    return [
        _CHANGED.measured({n: float(sum(count for count, _ in one)) for n, one in found.items()}),
        _LARGEST.measured({n: max(largest for _, largest in one) for n, one in found.items()}),
        _PSNR_OUTSIDE.measured(measured.each(psnr), otherwise="the matte covers everything"),
    ]


def words(measured: Measured, judge: ImageText | None, prompt: str) -> list[Figure]:
    """Return the scores of an image-text model; the plate's own beside them."""
    if judge is None:
        return [row.missing("needs a CLIP folder (--clip)") for row in (_TEXT, _FRAMES)]
    embedded = {
        clip.name: [judge.of_picture(clip.display(number)) for number in measured.numbers]
        for clip in (measured.plate, *measured.edits)
    }
    steady = {name: clip_score.frame_consistency(each) for name, each in embedded.items()}
    base = steady.pop("plate")
    frames = _FRAMES.measured(steady, plate=base, otherwise="there is one frame only")
    if not prompt.strip():
        return [_TEXT.missing("needs the words that were asked for (--prompt)"), frames]
    text = judge.of_text(prompt)
    scores = {name: clip_score.text_score(each, text) for name, each in embedded.items()}
    shown = scores.pop("plate")
    return [_TEXT.measured({**scores}, plate=shown), frames]


def _motion(measured: Measured) -> Figure:
    numbers = measured.numbers
    if len(numbers) < 2:
        return _MOTION.missing("there is one frame only")
    base = motion_fidelity.tracks(measured.plate, numbers)
    return _MOTION.measured(
        measured.each(
            lambda edit: motion_fidelity.fidelity(motion_fidelity.tracks(edit, numbers), base)
        )
    )
