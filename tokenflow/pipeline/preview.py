"""A small picture of a frame while it is being denoised."""

from __future__ import annotations

import base64
import io
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

from tokenflow.diffusion.latents import LatentStack, Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.schedule import NoiseSchedule
from tokenflow.diffusion.vae import decode_frame
from tokenflow.dreammotion.bend import Bending
from tokenflow.events import Emit, Preview
from tokenflow.pipeline.device import is_out_of_memory

WIDTH = 192  # pixels
EVERY = 2.0  # seconds
SHARE = 0.03  # of the time of the denoising that all pictures may take


class Looks(ABC):
    """Shows the middle frame of an edit now and then.

    Nothing of the edit is touched, and its bits do not depend on whether anybody looks.

    Parameters
    ----------
    frame, steps
        Which one is shown, and how many steps there are.
    emit
        Told of each picture.
    every
        Seconds between two pictures at least.
    share
        The part of the time that they may take.
    """

    def __init__(
        self,
        model: Model,
        frame: int,
        steps: int,
        emit: Emit,
        *,
        every: float = EVERY,
        share: float = SHARE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model, self.frame, self.steps, self.emit = model, frame, steps, emit
        self.every, self.share, self.clock = every, share, clock
        self.began = self.last = clock()
        self.looks = 0
        self.spent = self.cost = 0.0
        self.shown = 0
        self.possible = True

    def look(self) -> None:
        """Show a picture if it is time, there is a new one, and it is cheap enough."""
        now = self.clock()
        self.looks += 1
        elapsed = now - self.began
        # Before the first one is decoded: a UNet batch takes longer than one frame's picture.
        cost = self.cost or elapsed / self.looks
        if now - self.last < self.every or self.spent + cost > self.share * elapsed:
            return
        step = self._newest()
        if self.possible and step > self.shown:
            self._show(step)
            self.shown, self.last = step, self.clock()
            self.cost = self.last - now
            self.spent += self.cost

    @abstractmethod
    def _newest(self) -> int:
        """Number of whole steps on disk."""

    @abstractmethod
    def _latent(self, step: int) -> torch.Tensor:
        """The clean latent `(channels, h, w)` as it looks after a step."""

    def _show(self, step: int) -> None:
        try:
            picture = decode_frame(self.model, self._latent(step))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self.possible = False  # the edit needs the memory more
            torch.cuda.empty_cache()
            return
        self.emit(Preview("edit", self.frame, step, self.steps, small_png(picture)))


class Previews(Looks):
    """Shows a frame from the levels that a denoising leaves on disk.

    Parameters
    ----------
    levels
        The edit's trajectory, growing.
    """

    def __init__(self, model: Model, levels: Trajectory, emit: Emit, **how: Any) -> None:
        self.levels = levels
        frame, steps = levels.frames[len(levels.frames) // 2], len(levels.timesteps) - 1
        super().__init__(model, frame, steps, emit, **how)

    def _newest(self) -> int:
        step = self.shown
        while (
            step + 1 < len(self.levels.timesteps)
            and self.levels.at(self.levels.timesteps[step + 1]).complete
        ):
            step += 1
        return step

    def _latent(self, step: int) -> torch.Tensor:
        return clean_latent(self.model.schedule, self.levels, step, self.frame)


class BentPreviews(Looks):
    """Shows a frame of the latents that are being bent.

    Parameters
    ----------
    bending
        The optimisation.
    """

    def __init__(self, model: Model, bending: Bending, steps: int, emit: Emit, **how: Any) -> None:
        self.bending = bending
        frames = bending.source.frames
        super().__init__(model, frames[len(frames) // 2], steps, emit, **how)

    def _newest(self) -> int:
        # Independent windows come one after the other: only one of them has the frame.
        stack = self.bending.current
        return self.bending.step if stack and self.frame in stack.frames else 0

    def _latent(self, step: int) -> torch.Tensor:
        assert self.bending.current is not None  # there is a step
        return self.bending.current.read([self.frame])[0]


def clean_latent(
    schedule: NoiseSchedule, levels: Trajectory, step: int, frame: int
) -> torch.Tensor:
    """Predict a frame's clean latent `(channels, h, w)` from the two levels around a DDIM step.

    With x = μ x0 + σ ε at both (DDIM, arXiv 2010.02502, eq. 4 and 12, the same ε and x0 in both),
    x0 = (σ' x − σ x')/(σ' μ − σ μ').

    Parameters
    ----------
    step
        The step that leads to the second level, counted from 1.
    """
    before, after = levels.timesteps[step - 1 : step + 1]
    mu, sigma = schedule.signal_and_noise(before)
    mu_after, sigma_after = schedule.signal_and_noise(after)
    noisy, less = (_read(levels.at(level), frame) for level in (before, after))
    return (sigma_after * noisy - sigma * less) / (sigma_after * mu - sigma * mu_after)


def _read(stack: LatentStack, frame: int) -> torch.Tensor:
    """Read with a mapping of our own: the edit opens and closes its own when it wants to."""
    own = LatentStack(stack.folder, stack.frames, stack.shape, stack.dtype)
    return own.read([frame])[0]


def small_png(picture: np.typing.NDArray[np.float32]) -> str:
    """Return a display-referred picture `(h, w, 3)` as base64 of a PNG, `WIDTH` wide at most."""
    pixels = np.rint(np.clip(np.nan_to_num(picture), 0.0, 1.0) * 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    if image.width > WIDTH:
        height = max(1, round(image.height * WIDTH / image.width))
        image = image.resize((WIDTH, height), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "png")
    return base64.b64encode(file.getvalue()).decode("ascii")
