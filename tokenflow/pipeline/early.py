"""What need not wait for the end of a stage: frames go on alone while the model works on others.

Both ways give the same bits as one stage after the other.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TypeAlias

import torch

from ocio.merge import delta
from tokenflow.diffusion.latents import LatentStack
from tokenflow.diffusion.model import Progress
from tokenflow.diffusion.vae import Image, encode_into
from tokenflow.events import Emit, FrameWritten
from tokenflow.pipeline.at_once import FramesAtOnce
from tokenflow.pipeline.merge import Change, FrameResult, Merger
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.running import Running


class EarlyLatents:
    """Encodes frames while others are read.

    What latents are kept under depends on all pictures, which nobody knows yet: they wait beside
    the pictures.

    Attributes
    ----------
    seconds
        Spent on encoding.
    """

    def __init__(self, run: Running, folder: Path) -> None:
        self._stack = LatentStack(folder / "encoded", run.plan.numbers, run.plan.latent_shape)
        self.discard()  # what a run has left that ended here
        self.seconds = 0.0
        self._run = run

    def __call__(self, frame: int, picture: Image) -> None:
        """Encode a frame."""
        started, run = time.perf_counter(), self._run
        run.room.fitting(
            run.model, "vae", 1, lambda _: encode_into(self._stack, run.model, frame, picture)
        )
        self.seconds += time.perf_counter() - started

    def move_to(self, stack: LatentStack, progress: Progress) -> None:
        """Bring all latents to where they are kept."""
        for done, frame in enumerate(stack.frames, 1):
            stack.write([frame], self._stack.read([frame]))
            progress(done, len(stack.frames))
        stack.finish()

    def discard(self) -> None:
        """Delete what lies beside the pictures."""
        self._stack.discard()


EarlyFrame: TypeAlias = tuple[Image, FrameResult | None]
"""The difference of a frame at the model's resolution, and what was written if that is asked."""


class EarlyFrames:
    """Merges and writes frames while others are decoded.

    Parameters
    ----------
    frames
        Does it.
    reference
        What the edit is compared with, complete.
    deltas
        Takes the difference of every frame; complete after `finish`.
    emit
        Told of frames that are written.

    Attributes
    ----------
    results
        The frames that were asked for.
    seconds
        That decoding waited for them.
    """

    def __init__(
        self,
        plan: Plan,
        frames: FramesAtOnce[EarlyFrame],
        merger: Merger,
        reference: LatentStack,
        deltas: LatentStack,
        emit: Emit,
    ) -> None:
        self.results: dict[int, FrameResult] = {}
        self.seconds = 0.0
        self._plan, self._frames, self._merger = plan, frames, merger
        self._reference, self._deltas, self._emit = reference, deltas, emit

    def __call__(self, frame: int, picture: Image) -> None:
        """Begin to merge a frame with the picture that was decoded of it."""
        if self._frames.full:
            self._take()
        before = self._reference.read([frame])[0].numpy()
        self._frames.begin(frame, partial(self._finish, frame, picture, before))

    def finish(self) -> None:
        """Wait for the frames under way."""
        while self._frames:
            self._take()
        self._deltas.finish()

    def _finish(self, frame: int, picture: Image, before: Image) -> EarlyFrame:
        low = delta(self._plan.encoding, picture, before)
        if frame not in self._plan.written:
            return low, None
        change = Change(low, picture)
        return low, self._merger.write(frame, lambda: change, self._frames.stopped)

    def _take(self) -> None:
        started = time.perf_counter()
        frame, made = self._frames.oldest()
        low, result = made.result()
        self.seconds += time.perf_counter() - started
        self._deltas.write([frame], torch.from_numpy(low)[None])
        if result is not None:
            self.results[frame] = result
            self._emit(FrameWritten(frame, str(result.path), skipped=result.kept))
