"""Image sequences as Blender's sequencer has them: a strip with one file name per frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ocio.frame_range import FrameRange
from plugin.hosts.blender.images import DATA_SPACES, MARK, absolute, frame_numbers
from plugin.hosts.file_names import file_of, frame_of, pattern_of, same_sequence
from ui.host import HostPlate, HostResult

CHANNELS = 128


def strips_of(scene: Any) -> list[Any]:
    """Return the sequencer's image strips, those in meta strips too."""
    return [strip for strip in _all(scene) if strip.type == "IMAGE" and strip.elements]


def selected_strips(scene: Any) -> Iterator[HostPlate]:
    """Yield what the selected strips show, the active one first."""
    active = scene.sequence_editor.active_strip if scene.sequence_editor else None
    chosen = [strip for strip in strips_of(scene) if strip.select]
    for strip in sorted(chosen, key=lambda strip: strip != active):
        yield plate_of_strip(strip)


def plate_of_strip(strip: Any) -> HostPlate:
    """Describe a strip: the files between its trimmed ends."""
    names = [element.filename for element in strip.elements]
    cut = int(strip.frame_offset_start)
    used = names[cut : cut + strip.frame_final_duration] or names
    path = absolute(strip.directory).rstrip("/") + "/" + names[0]
    single = len(names) == 1
    space = strip.colorspace_settings.name
    return HostPlate(
        path if single else pattern_of(path),
        strip.name,
        None if single else frame_numbers(used),
        colorspace=space,
        explicit=space not in DATA_SPACES,
        raw=space in DATA_SPACES,
        premultiplied=strip.alpha_mode == "PREMUL",
    )


def strip_of_plate(scene: Any, pattern: str) -> Any | None:
    """Return the strip that shows a sequence; None without one."""
    found = [
        strip
        for strip in strips_of(scene)
        if MARK not in strip and same_sequence(plate_of_strip(strip).path, pattern)
    ]
    return next(iter(sorted(found, key=lambda strip: not strip.select)), None)


def strip_of_job(scene: Any, job_id: str) -> Any | None:
    """Return the strip that a job's result was placed in."""
    return next((strip for strip in strips_of(scene) if strip.get(MARK) == job_id), None)


def place_strip(scene: Any, result: HostResult, plate: Any) -> Any:
    """Show a result above its plate, each frame at the moment of the plate's frame of its number.

    A strip that the job has already is replaced: Blender's strips cannot change their length.
    """
    editor = scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    before = strip_of_job(scene, result.job_id)
    channel = before.channel if before is not None else None
    if before is not None:
        strips.remove(before)
    files = [file_of(result.path, frame) for frame in _every(result.frames)]
    first = frame_of(plate.elements[0].filename)
    start = plate.frame_start + result.frames[0] - (first if first is not None else 0)
    span = (start, start + len(files))
    strip = strips.new_image(
        name=pattern_of(files[0]).rpartition("/")[2],
        filepath=files[0],
        channel=channel or _free_channel(scene, plate.channel, span),
        frame_start=round(start),
    )
    for file in files[1:]:
        strip.elements.append(file.rpartition("/")[2])
    strip[MARK] = result.job_id
    strip.alpha_mode = plate.alpha_mode
    return strip


def _all(scene: Any) -> list[Any]:
    """Return strips of every kind; Blender 4.4 renamed them."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    return [*(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)]


def _every(frames: FrameRange) -> range:
    """Return the frames from first to last: a strip has one file per frame, there or not."""
    return range(frames[0], frames[-1] + 1)


def _free_channel(scene: Any, above: int, span: tuple[float, float]) -> int:
    taken = {
        strip.channel
        for strip in _all(scene)
        if strip.frame_final_start < span[1] and strip.frame_final_end > span[0]
    }
    return next(channel for channel in range(above + 1, CHANNELS + 1) if channel not in taken)
