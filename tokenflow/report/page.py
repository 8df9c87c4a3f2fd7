"""The report: one page that opens without a network and shows what was measured.

Pictures and figures are of one evaluation. Whatever an artist wants to see first stands first: the
pictures, then how they change over time, then the numbers, then how it was made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from ocio.exr import read_frame
from tokenflow.metrics.evaluation import RECIPES, Evaluation
from tokenflow.metrics.figure import Figure
from tokenflow.metrics.subject import PLATE
from tokenflow.pipeline.record import write_text
from tokenflow.report.curves import flicker_charts, warp_chart
from tokenflow.report.job_notes import IN_ALL, JobNotes
from tokenflow.report.pictures import (
    DIFFERENCE_GAIN,
    Float32,
    at_most,
    data_uri,
    difference,
    slice_over_time,
)
from tokenflow.report.worst import WorstPair, flickering_row, worst_pairs

WIDTH = 480  # of the pictures on the page
SHOWN = 5  # frames of the contact sheet
PLAYED = 60  # pictures of the wipe, of all sequences together
SLICE_HEIGHT = 160  # pixels of a slice over time, about
_FOLDER = Path(__file__).parent

_DISTANCES: dict[str, Callable[[float], float]] = {
    "0": abs,
    "1": lambda value: abs(value - 1),
    "low": lambda value: value,
    "high": lambda value: -value,
}
"""How far a figure is from its ideal; other ideals choose nobody."""


def write_page(
    path: Path,
    title: str,
    evaluation: Evaluation,
    notes: Mapping[str, JobNotes],
    *,
    line: float | None = None,
    hints: tuple[str, ...] = (),
) -> None:
    """Write the report of an evaluation.

    Parameters
    ----------
    notes
        How each edit was made, by its name.
    line
        Height of the line that is shown over time, 0 top to 1 bottom; None is where it flickers
        most.
    hints
        What the reader should know before the figures.

    Raises
    ------
    DiskFull, NoPermission, WriteFailed
    """
    numbers = evaluation.subject.numbers
    names = [PLATE, *(edit.name for edit in evaluation.edits)]
    height = evaluation.plate.display(numbers[0]).shape[0]
    row = flickering_row(evaluation) if line is None else min(height - 1, int(line * height))
    worst = worst_pairs(evaluation)
    known = [note for note in notes.values() if note.prompt]
    page = _template().render(
        title=title,
        prompt=evaluation.judges.prompt or (known[0].prompt if known else ""),
        source_prompt=known[0].source_prompt if known else "",
        hints=hints,
        warnings={name: note.warnings for name, note in notes.items() if note.warnings},
        evaluation=evaluation,
        names=names,
        gain=f"{DIFFERENCE_GAIN:g}",
        sheets=_sheets(evaluation),
        player=_player(evaluation, worst),
        line=row,
        height=height,
        slices=_slices(evaluation, row),
        warp_chart=warp_chart(evaluation, worst),
        flicker_charts=flicker_charts(evaluation),
        worst=[_shown_pair(one) for one in worst],
        groups=_groups(evaluation, notes),
        absent=[figure for figure in evaluation.figures if figure.absent],
        recipes={name: words.split("\n\n") for name, words in RECIPES.items()},
        made=_made(notes),
    )
    write_text(path, page)


def _sheets(evaluation: Evaluation) -> list[list[dict[str, Any]]]:
    """Return frames that all edits have, then some of the whole shot with those that have them."""
    subject = evaluation.subject
    elsewhere = set(_spread(subject.shown, SHOWN)) - set(subject.numbers)
    return [
        _sheet(evaluation, sorted(chosen))
        for chosen in (set(_spread(subject.numbers, SHOWN)), elsewhere)
        if chosen
    ]


def _sheet(evaluation: Evaluation, chosen: list[int]) -> list[dict[str, Any]]:
    """Return frames of the plate, of every edit that has them, and a single edit's difference."""
    edits = evaluation.subject.edits
    names = [name for name, edit in edits.items() if set(chosen) <= set(edit.frames)]
    rows = []
    for number in chosen:
        pictures = {name: _picture(evaluation, name, number) for name in (PLATE, *names)}
        if len(names) == 1:
            pictures["difference"] = difference(pictures[names[0]], pictures[PLATE])
        shown = {name: _photo(one) for name, one in pictures.items()}
        rows.append({"frame": number, "pictures": shown})
    return rows


def _spread(numbers: tuple[int, ...], count: int) -> list[int]:
    """Return so many frames over a whole range, the first and the last among them."""
    return [numbers[i] for i in np.linspace(0, len(numbers) - 1, count).round().astype(int)]


def _picture(evaluation: Evaluation, name: str, number: int) -> Float32:
    """Return a frame of the plate or of an edit, also one that is not measured."""
    subject = evaluation.subject
    clip = next(one for one in (evaluation.plate, *evaluation.edits) if one.name == name)
    if number in clip.numbers:
        return at_most(clip.display(number), WIDTH)
    sequence = subject.plate if name == PLATE else subject.edits[name]
    linear = subject.viewing.linear(read_frame(sequence.path(number), number))
    return at_most(subject.viewing.display(linear), WIDTH)


def _player(evaluation: Evaluation, worst: list[WorstPair]) -> dict[str, Any]:
    """Return what the wipe plays: neighbouring frames, as many as a page can carry."""
    numbers = evaluation.subject.numbers
    clips = (evaluation.plate, *evaluation.edits)
    count = min(len(numbers), max(2, PLAYED // len(clips)))
    middle = numbers.index(worst[0].pair[0]) if worst else len(numbers) // 2
    start = min(max(0, middle - count // 2), len(numbers) - count)
    frames = numbers[start : start + count]
    return {
        "frames": frames,
        "rate": evaluation.subject.rate,
        "names": [clip.name for clip in clips],
        "pictures": [
            [_photo(at_most(clip.display(n), evaluation.subject.viewing.size[0])) for n in frames]
            for clip in clips
        ],
    }


def _slices(evaluation: Evaluation, row: int) -> list[dict[str, str]]:
    numbers = evaluation.subject.numbers
    repeats = max(1, round(SLICE_HEIGHT / len(numbers)))
    return [
        {
            "name": clip.name,
            "picture": data_uri(
                slice_over_time((clip.display(number) for number in numbers), row, repeats)
            ),
        }
        for clip in (evaluation.plate, *evaluation.edits)
    ]


def _shown_pair(worst: WorstPair) -> dict[str, Any]:
    return {
        "id": worst.anchor,
        "name": worst.name,
        "first": worst.pair[0],
        "second": worst.pair[1],
        "error": f"{abs(worst.error) * 1000:.3g}",
        "than": "above" if worst.error >= 0 else "below",
        "pictures": [
            (f"frame {worst.pair[0]}", _photo(at_most(worst.before, WIDTH))),
            (f"frame {worst.pair[1]}", _photo(at_most(worst.after, WIDTH))),
            ("where they differ", _photo(at_most(worst.where, WIDTH))),
        ],
    }


def _groups(
    evaluation: Evaluation, notes: Mapping[str, JobNotes]
) -> dict[str, list[dict[str, Any]]]:
    """Return the table's rows under their headings, the best edit of each marked."""
    groups: dict[str, list[dict[str, Any]]] = {}
    calibration = {name for name, note in notes.items() if note.method == "ldm-recon"}
    for figure in evaluation.figures:
        if figure.absent:
            continue
        best = _best(figure, calibration)
        cells = [
            {
                "text": _number(figure.values.get(edit.name), signed=bool(figure.raw)),
                "raw": _number(figure.raw.get(edit.name)) if figure.raw else "",
                "best": edit.name == best,
            }
            for edit in evaluation.edits
        ]
        plate = "" if figure.plate is None else _number(figure.plate)
        rows = groups.setdefault(figure.group, [])
        rows.append({"figure": figure, "plate": plate, "cells": cells})
    return groups


def _made(notes: Mapping[str, JobNotes]) -> dict[str, Any]:
    """Return settings and seconds of all edits that say how they were made, side by side."""
    told = {name: note for name, note in notes.items() if note.settings}
    settings = dict.fromkeys(key for note in told.values() for key in note.settings)
    stages = dict.fromkeys(key for note in told.values() for key in note.seconds)
    # What is said of all comes last, whatever stages each of them took.
    ordered = sorted(stages, key=lambda stage: stage == IN_ALL)
    return {
        "names": [*told],
        "settings": {
            key: [note.settings.get(key, "–") for note in told.values()] for key in settings
        },
        "seconds": {
            key: [
                f"{note.seconds[key]:.1f}" if key in note.seconds else "–" for note in told.values()
            ]
            for key in ordered
        },
        "again": [note.again for note in told.values() if note.again],
    }


def _best(figure: Figure, calibration: set[str]) -> str | None:
    """Return the edit nearest to the ideal; None where there is nothing to choose."""
    found = {
        name: value
        for name, value in figure.values.items()
        if value is not None and name not in calibration
    }
    if len(found) < 2 or figure.ideal not in _DISTANCES or len(set(found.values())) == 1:
        return None
    distance = _DISTANCES[figure.ideal]
    return min(found, key=lambda name: distance(found[name]))


def _number(value: float | None, *, signed: bool = False) -> str:
    """Write a figure with three digits that mean something."""
    if value is None:
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if "e" in text:
        text = f"{value:.1e}"
    return ("+" if signed and value > 0 else "") + text.replace("-", "−")


def _photo(picture: Float32) -> str:
    return data_uri(picture, lossless=False)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
