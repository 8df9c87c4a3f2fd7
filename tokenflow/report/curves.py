"""The charts of an evaluation: warp error by frame, and the spectrum of flicker."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from tokenflow.metrics.evaluation import Evaluation
from tokenflow.report.charts import COLORS, Line, Mark, chart
from tokenflow.report.worst import WorstPair

_SILENCE = 1e-9  # stops² per cycle and frame: -90 dB, far below what half floats keep


def warp_chart(evaluation: Evaluation, worst: list[WorstPair]) -> Markup | None:
    """Draw the raw warp error of each pair of neighbours; None for a single frame."""
    pairs = evaluation.pairs.get("short", [])
    if not pairs:
        return None
    lines = []
    for index, clip in enumerate((evaluation.plate, *evaluation.edits)):
        errors = evaluation.errors[clip.name].display
        lines.append(
            Line(
                clip.name,
                index - 1 if index else None,
                [first for first, _ in pairs],
                [1000 * errors[pair] for pair in pairs],
            )
        )
    marks = [
        Mark(
            one.pair[0],
            1000 * evaluation.errors[one.name].display[one.pair],
            f"#{one.anchor}",
            f"{one.name}, frames {one.pair[0]} and {one.pair[1]}",
            COLORS[one.index % len(COLORS)],
        )
        for one in worst
    ]
    return chart(lines, "frame", "warp error ×10³", marks=marks, whole=True)


def flicker_charts(evaluation: Evaluation) -> list[tuple[str, Markup]]:
    """Draw the spectra of luma, chroma, and of what the edits add; each with its heading."""
    if not evaluation.spectra:
        return []
    rate = evaluation.subject.rate
    charts = []
    for kind, title, with_plate in (
        ("luma", "Luma", True),
        ("chroma", "Chroma", True),
        ("added", "Luma of the difference to the plate", False),
    ):
        lines = []
        for index, clip in enumerate((evaluation.plate, *evaluation.edits)):
            if index == 0 and not with_plate:
                continue
            found = evaluation.spectra[clip.name]
            decibels = 10 * np.log10(np.maximum(getattr(found, kind), _SILENCE))
            lines.append(
                Line(
                    clip.name,
                    index - 1 if index else None,
                    (found.frequencies * rate).tolist(),
                    decibels.tolist(),
                )
            )
        shaded = (rate / 4, "flicker")
        charts.append((title, chart(lines, "Hz", "dB of stops²", shaded=shaded)))
    return charts
