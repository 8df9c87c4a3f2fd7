"""The first stage: every frame decoded once, and the picture that the model sees of it kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ocio.errors import UnreadableFrame
from ocio.exr import read_frame
from ocio.exr_write import check_writable
from ocio.resample import proxy
from tokenflow.checkpoints.weights import sha256_of
from tokenflow.diffusion.latents import LatentStack
from tokenflow.errors import WorkspaceUnusable
from tokenflow.pipeline.at_once import FramesAtOnce
from tokenflow.pipeline.plan import Plan, replan
from tokenflow.workspace import content_key

NOTES = "frames-read.json"

Float32 = npt.NDArray[np.float32]
Seen = Callable[[int, Float32], None]
"""Takes a frame's picture (h, w, 3) as soon as it is read."""


@dataclass(frozen=True)
class FrameFacts:
    """What reading found out about a frame of the plate.

    Attributes
    ----------
    sha256
        Of its file.
    outside_percent
        Share of the model's picture whose colour the encoding cannot hold.
    nan, infinite
        Samples of the edited channels that are so.
    """

    sha256: str
    outside_percent: float
    nan: int
    infinite: int


@dataclass(frozen=True)
class Pictures:
    """Result of the stage: pictures `(h, w, 3)`, display-referred 0 to 1, and facts by frame."""

    stack: LatentStack
    facts: dict[int, FrameFacts]

    @property
    def key(self) -> str:
        """Hash of the pictures and of the version that works on them; all later keys begin here."""
        numbers = self.stack.frames
        pixels = hashlib.sha256(np.load(self.stack.folder / "latents.npy", mmap_mode="r"))
        return content_key(metadata.version("tokenflow"), numbers, pixels.hexdigest())


def already_read(folder: Path) -> bool:
    """Whether an earlier run left the whole result of the stage in its folder."""
    # The notes are written before the pictures get their final name.
    return (folder / "latents.npy").is_file()


def read_key(plan: Plan) -> str:
    """Hash of what the pictures depend on; files count by place, size and time of change."""
    files: list[list[object]] = []
    for planned in plan.frames:
        if planned.source is None or not planned.source.exists():
            files.append([planned.frame, None])
            continue
        state = planned.source.stat()
        name = str(planned.source.resolve())
        files.append([planned.frame, name, state.st_size, state.st_mtime_ns])
    encoding = plan.encoding
    return content_key(
        # Another version may make another picture of the same frame.
        metadata.version("tokenflow"),
        files,
        plan.job.range.missing,
        [plan.config.cache_id, plan.config.sha256, plan.plate_space],
        [encoding.kind, encoding.view, encoding.gamut_compression],
        [plan.selection.part, plan.selection.rgb],
        asdict(plan.rectangle),
        plan.size,
    )


def read_pictures(
    plan: Plan, folder: Path, progress: Callable[[int, int], None], seen: Seen
) -> tuple[Plan, Pictures]:
    """Decode all frames and make the model's pictures of them.

    Parameters
    ----------
    seen
        Shown each picture in the order of the frames, unless an earlier run left all of them; not
        those that stand in for broken frames.

    Returns
    -------
    The plan, changed where frames did not decode and the job lets others stand in for them.

    Raises
    ------
    MissingFrames
        Naming every frame that does not decode, unless the job holds or blackens them.
    """
    width, height = plan.size
    stack = LatentStack(folder, plan.numbers, (height, width, 3))
    if already_read(folder):
        stored = json.loads((folder / NOTES).read_text(encoding="utf-8"))
        facts = {int(frame): FrameFacts(**found) for frame, found in stored["facts"].items()}
        broken = set(stored["broken"])
        return (replan(plan, broken) if broken else plan), Pictures(stack, facts)
    facts, broken = _read_all(plan, stack, progress, seen)
    if broken:
        plan = replan(plan, broken)
        for planned in plan.frames:
            if planned.frame in broken:
                facts[planned.frame], picture = _read_one(plan, planned.frame, planned.source)
                stack.write([planned.frame], torch.from_numpy(picture)[None])
    record = {
        "broken": sorted(broken),
        "facts": {str(frame): asdict(found) for frame, found in facts.items()},
    }
    try:
        (folder / NOTES).write_text(json.dumps(record), encoding="utf-8")
    except OSError as error:
        raise WorkspaceUnusable(
            f"cannot keep what was read: {error.strerror}",
            hint="Free some space or name another folder with --workspace.",
            path=folder,
        ) from error
    stack.finish()
    return plan, Pictures(stack, facts)


def _read_all(
    plan: Plan, stack: LatentStack, progress: Callable[[int, int], None], seen: Seen
) -> tuple[dict[int, FrameFacts], set[int]]:
    """Read all frames, a few at a time; return what is known of them and which are broken."""
    facts: dict[int, FrameFacts] = {}
    broken: set[int] = set()
    sources = {planned.frame: planned.source for planned in plan.frames}
    with FramesAtOnce[tuple[FrameFacts, Float32]]() as frames:
        read = frames.each(sources, lambda number: _read_one(plan, number, sources[number]))
        for done, (number, frame) in enumerate(read, 1):
            try:
                facts[number], picture = frame.result()
            except UnreadableFrame:
                broken.add(number)
            else:
                stack.write([number], torch.from_numpy(picture)[None])
                seen(number, picture)
            progress(done, len(plan.frames))
    return facts, broken


def check_mattes(plan: Plan) -> None:
    """Read the matte of every frame once, so that a bad one is found before the long work.

    Raises
    ------
    MatteMismatch, UnreadableFrame
        Naming the first frame whose matte cannot be used.
    """
    if plan.matte is None:
        return
    numbers = plan.written if plan.matte.sequence is not None else plan.written[:1]
    for number in numbers:
        frame = read_frame(plan.sequence.path(number), number)
        plan.matte.read(number, frame, plan.selection.part)


def _read_one(plan: Plan, number: int, source: Path | None) -> tuple[FrameFacts, Float32]:
    """Return what is known of a frame and its picture; black where there is no file."""
    width, height = plan.size
    if source is None:
        black = np.zeros((height, width, 3), np.float32)
        return FrameFacts("", 0.0, 0, 0), plan.encoding.encode(black)
    frame = read_frame(source, number)
    check_writable(frame)
    rgb = frame.rgb(*plan.job.plate.choice)
    window = frame.parts[plan.selection.part].data_window
    linear = proxy(rgb, plan.rectangle, plan.size, data_window=window)
    picture, outside = plan.encoding.encode_counted(linear)
    broken = rgb[~np.isfinite(rgb)]
    nan = int(np.count_nonzero(np.isnan(broken)))
    return FrameFacts(sha256_of(source), outside, nan, broken.size - nan), picture
