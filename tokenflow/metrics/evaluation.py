"""All figures of all edits of a plate, measured on the same frames, motion and masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tokenflow.metrics import (
    clip_score,
    consistency,
    decodings,
    fidelity,
    figures_of_pictures,
    figures_of_time,
    flicker,
    light,
    lpips,
    motion_fidelity,
    self_similarity,
    sharpness,
    silhouette,
)
from tokenflow.metrics.clip import Clip
from tokenflow.metrics.clip_score import ImageText
from tokenflow.metrics.consistency import Pair, PairErrors
from tokenflow.metrics.figure import Figure, recipe
from tokenflow.metrics.flicker import Spectrum
from tokenflow.metrics.lpips import Lpips
from tokenflow.metrics.measured import Measured
from tokenflow.metrics.plate_motion import PlateMotion
from tokenflow.metrics.self_similarity import SelfSimilarity
from tokenflow.metrics.subject import Subject
from tokenflow.metrics.warp_error import Mask, Motion

Tell = Callable[[int, int], None]

SCHEMA = "tokenflow.metrics/1"
_MODULES: tuple[ModuleType, ...] = (
    consistency,
    flicker,
    decodings,
    light,
    silhouette,
    sharpness,
    fidelity,
    self_similarity,
    motion_fidelity,
    lpips,
    clip_score,
)
RECIPES: dict[str, str] = dict(map(recipe, _MODULES))
"""The words of every recipe by its name."""


@dataclass(frozen=True)
class Judges:
    """What measures need that is not in the pictures.

    Attributes
    ----------
    prompt
        What was asked for.
    clip, vit
        Folders of a CLIP and of a vision transformer.
    lpips
        File of LPIPS weights.
    own_vectors
        Whether the plate's own motion vectors are used where it has them.
    """

    prompt: str = ""
    clip: Path | None = None
    vit: Path | None = None
    lpips: Path | None = None
    own_vectors: bool = True


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes
    ----------
    plate, edits
        As pictures, while the folder of the evaluation lasts.
    figures
        In the order of the report.
    pairs
        Pairs of frames by kind, as in `consistency.pairs_of`.
    errors
        Warp errors by clip, the plate's included.
    spectra
        Spectra by clip, the plate's included; empty where no block could be followed.
    """

    subject: Subject
    judges: Judges
    plate: Clip
    edits: tuple[Clip, ...]
    motion: PlateMotion
    figures: tuple[Figure, ...]
    pairs: Mapping[str, list[Pair]]
    errors: Mapping[str, PairErrors]
    spectra: Mapping[str, Spectrum]

    def to_json(self) -> dict[str, Any]:
        """Return what `metrics.json` holds."""
        subject = self.subject
        return {
            "schema": SCHEMA,
            "plate": str(subject.plate.pattern),
            "edits": {name: str(edit.pattern) for name, edit in subject.edits.items()},
            "frames": str(subject.range),
            "frames_per_second": subject.rate,
            "size": list(subject.viewing.size),
            "view": subject.viewing.view_name,
            "colorspace": subject.space,
            "flow": self.motion.name,
            "prompt": self.judges.prompt,
            "models": {
                name: str(path)
                for name in ("clip", "vit", "lpips")
                if (path := getattr(self.judges, name))
            },
            "figures": {figure.key: figure.to_json() for figure in self.figures},
            "warp_error_per_pair": {
                name: {
                    f"{first}-{second}": float(f"{errors.display[first, second]:.6g}")
                    for first, second in self.pairs.get("short", [])
                }
                for name, errors in self.errors.items()
            },
            "spectra": {name: one.to_json() for name, one in self.spectra.items()},
            "recipes": RECIPES,
        }


def evaluate(subject: Subject, judges: Judges, folder: Path, tell: Tell) -> Evaluation:
    """Measure all edits of a subject.

    Parameters
    ----------
    folder
        Where pictures and motion are kept; the caller removes it.
    tell
        Told of frames and pairs that are done, and how many there are in all.

    Raises
    ------
    OcioError, TokenFlowError
        What cannot be read, with frame and file.
    """
    pairs = consistency.pairs_of(subject.numbers)
    every = list(dict.fromkeys(pair for kind in pairs.values() for pair in kind))
    done, total = 0, len(subject.numbers) * (len(subject.edits) + 1) + len(every)

    def step() -> None:
        nonlocal done
        done += 1
        tell(done, total)

    image_text = ImageText(judges.clip) if judges.clip else None
    vit = SelfSimilarity(judges.vit) if judges.vit else None
    perceptual = Lpips(judges.lpips) if judges.lpips else None
    measured = Measured(subject, folder, step, own_vectors=judges.own_vectors)

    def followed(first: int, second: int) -> tuple[Motion, Mask]:
        step()
        return measured.followed(first, second)

    errors = consistency.pair_errors((measured.plate, *measured.edits), every, followed)
    spectra = figures_of_time.spectra(measured)
    figures = (
        *figures_of_time.warp_errors(measured, errors, pairs),
        *figures_of_time.flickers(measured, spectra),
        decodings.alike(subject.edits),
        *figures_of_time.lights(measured),
        *figures_of_time.silhouettes(measured),
        *figures_of_pictures.structures(measured, vit, perceptual),
        *figures_of_pictures.outside(measured),
        *figures_of_pictures.words(measured, image_text, judges.prompt),
    )
    return Evaluation(
        subject,
        judges,
        measured.plate,
        measured.edits,
        measured.motion,
        figures,
        pairs,
        errors,
        spectra,
    )
