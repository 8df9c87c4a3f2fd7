"""A shot's latents, bent step by step: x ← x − η (g_D + λ_s g_S + λ_t g_T)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from tokenflow.diffusion.latents import LatentStack
from tokenflow.errors import NonFiniteResult, WorkspaceUnusable

from .gradient import Gradient, Losses, Step, Words
from .keys import key_layers
from .noise import draw_noise, draw_timestep
from .reproducible import reproducible
from .settings import BendSettings
from .snapshots import EVERY, Snapshots, copy
from .video_unet import VideoUNet, check_frames
from .windows import Window, cut

#: Gives where frames may change, `(frames, 1, h, w)` bool; None where everything may.
Mask = Callable[[Sequence[int]], torch.Tensor]


class Tell(Protocol):
    """Told of progress in windows times steps, and called between two passes; may raise to stop."""

    def __call__(self, done: int, of: int, losses: Losses | None) -> None:
        """Take it; `losses` are those of the last whole step."""
        ...


@dataclass(frozen=True)
class BendReport:
    """What an optimisation did.

    Attributes
    ----------
    losses
        Of every step, means over windows.
    windows
        First and last frame of each.
    samples
        Frames that went through the UNet.
    """

    losses: tuple[Losses, ...]
    windows: tuple[tuple[int, int], ...]
    samples: int


def untold(done: int, of: int, losses: Losses | None) -> None:
    """Take a progress report and tell nobody."""


@dataclass
class Bending:
    """One optimisation.

    Attributes
    ----------
    video, words, settings
        The model, the text states, and what to do.
    source
        The plate's latents x̂: all frames of the job.
    key
        Hash of everything that the result depends on.
    mask
        Where latents may change.
    tell
        Told how far it is.
    current, step
        The latents as they are after so many steps, while it runs.
    """

    video: VideoUNet
    words: Words
    settings: BendSettings
    source: LatentStack
    key: str = ""
    mask: Mask | None = None
    tell: Tell = untold
    current: LatentStack | None = field(default=None, init=False)
    step: int = field(default=0, init=False)
    _layers: dict[str, torch.nn.Module] = field(default_factory=dict, init=False)
    _done: int = field(default=0, init=False)
    _total: int = field(default=1, init=False)
    _latest: Losses | None = field(default=None, init=False)

    def run(self, out: LatentStack) -> BendReport:
        """Bend the frames of `out`, all of the shot or some, and finish it.

        An optimisation that was interrupted goes on from its last snapshot. With independent
        windows only those are computed that `out` needs; coupled ones need the whole shot.

        Raises
        ------
        InvalidJob
            More frames in a window than the model sees.
        DeviceUnavailable
            The same bits every time are asked for, and the device cannot give them.
        NonFiniteResult
            A gradient is NaN or infinite; names step and frame.
        WorkspaceUnusable
        """
        how = self.settings.how
        windows = cut(self.source.frames, how.window, how.overlap)
        for window in windows:
            check_frames(len(window.frames), self.video.most_frames)
        apart = how.windows == "independent" and len(windows) > 1
        needed = set(out.frames)
        used = [one for one in windows if not apart or needed.intersection(one.frames)]
        if self.settings.held:
            self._layers = key_layers(self.video.unet, how.layers)
        self._done, self._total = 0, how.steps * len(used)
        with reproducible(how.deterministic):
            if apart:
                parts = [self._window_alone(one, out.folder) for one in used]
                histories = [history for _, history in parts]
                _cross_fade(used, [stack for stack, _ in parts], out)
            else:
                current, history = self._descend(windows, self.source.frames, out.folder)
                histories = [history]
                copy(current, out)
        out.finish()
        for place in out.folder.glob("window*"):
            LatentStack(place, (), ()).discard()
        self._forget(out)
        frames = sum(len(one.frames) for one in used)
        return BendReport(
            losses=tuple(_mean(each) for each in zip(*histories, strict=True)),
            windows=tuple((one.frames[0], one.frames[-1]) for one in used),
            samples=how.steps * self.settings.evaluations * frames,
        )

    def _window_alone(self, window: Window, folder: Path) -> tuple[LatentStack, list[Losses]]:
        return self._descend((window,), window.frames, folder / f"window{window.start:+05d}")

    def _descend(
        self, windows: Sequence[Window], frames: Sequence[int], folder: Path
    ) -> tuple[LatentStack, list[Losses]]:
        """Take all steps for windows that share their latents; those after the last step."""
        like = self.source
        current, after = (
            LatentStack(folder / name, frames, like.shape, like.dtype) for name in ("x", "next")
        )
        snapshots = Snapshots(folder, current, self.key)
        begin, history = snapshots.load(current)
        if begin == 0:
            copy(self.source, current)
        self._done += begin * len(windows)
        steps = self.settings.how.steps
        try:
            while len(history) < steps:
                losses = self._step(len(history), windows, current, after)
                current, after = after, current
                history.append(losses)
                self._latest, self.current, self.step = losses, current, len(history)
                self._interrupt()
                if len(history) % EVERY == 0:
                    snapshots.save(len(history), current, history)
        except BaseException:
            # `current` is whole: a step is written beside it. Why we end is more important.
            with suppress(WorkspaceUnusable):
                snapshots.save(len(history), current, history)
            raise
        snapshots.save(steps, current, history)
        return current, history

    def _step(
        self, step: int, windows: Sequence[Window], current: LatentStack, after: LatentStack
    ) -> Losses:
        """Push all frames once; `after` gets where they go."""
        how, seed = self.settings.how, self.settings.seed
        timestep = draw_timestep(seed, step, how.t_min, how.t_max)
        one = Step(self.video, self._layers, self.words, self.settings, self._interrupt)
        sums: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        seen: list[Losses] = []
        for number, window in enumerate(windows):
            self._interrupt()
            noise = draw_noise(seed, step, window.frames, current.shape)
            sides = [stack.read(window.frames) for stack in (current, self.source)]
            latents, plate, drawn = map(self._placed, (*sides, noise))
            gradient = one.gradient(latents, plate, drawn, timestep)
            seen.append(gradient.losses)
            _add(sums, gradient, window, windows)
            later = {frame for other in windows[number + 1 :] for frame in other.frames}
            ready = [frame for frame in sums if frame not in later]
            self._update(step, ready, sums, current, after)
            self._done += 1
        return _mean(seen)

    def _update(
        self,
        step: int,
        frames: Sequence[int],
        sums: dict[int, tuple[torch.Tensor, torch.Tensor]],
        current: LatentStack,
        after: LatentStack,
    ) -> None:
        how = self.settings.how
        for frame in frames:
            edit, held = sums.pop(frame)
            latent = current.read([frame])
            open_ = self.mask([frame]) if self.mask else torch.ones(1, dtype=torch.bool)
            if how.mask == "paper":
                edit, open_ = torch.where(open_, edit, 0.0), torch.ones(1, dtype=torch.bool)
            # Chosen, not multiplied: what is not finite outside must not reach the latents.
            push = torch.where(open_, edit + held, 0.0)
            if not bool(push.isfinite().all()):
                raise NonFiniteResult(
                    f"the gradient became NaN or infinite in step {step + 1}",
                    hint="Use --dtype bfloat16 or float32, or a smaller --step-size.",
                    frame=frame,
                )
            after.write([frame], torch.where(open_, latent - how.step_size * push, latent))

    def _placed(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.video.device, self.source.dtype)

    def _interrupt(self) -> None:
        self.tell(self._done, self._total, self._latest)

    def _forget(self, out: LatentStack) -> None:
        Snapshots(out.folder, out, self.key).clear()
        for name in ("x", "next"):
            LatentStack(out.folder / name, (), ()).discard()


def _add(
    sums: dict[int, tuple[torch.Tensor, torch.Tensor]],
    gradient: Gradient,
    window: Window,
    windows: Sequence[Window],
) -> None:
    """Add a window's share of the gradient of each of its frames: Σ a g / Σ a."""
    for row, frame in enumerate(window.frames):
        all_weights = sum(one.triangle(frame) for one in windows if frame in one.frames)
        share = window.triangle(frame) / all_weights
        ours = [share * side[row][None].cpu() for side in (gradient.edit, gradient.held)]
        if frame in sums:
            ours = [before + own for before, own in zip(sums[frame], ours, strict=True)]
        sums[frame] = (ours[0], ours[1])


def _cross_fade(windows: Sequence[Window], stacks: Sequence[LatentStack], out: LatentStack) -> None:
    """Fade from window to window where they share frames."""
    for frame in out.frames:
        there = [
            (one, stack) for one, stack in zip(windows, stacks, strict=True) if frame in one.frames
        ]
        total = sum(one.ramp(frame) for one, _ in there)
        parts = [one.ramp(frame) / total * stack.read([frame]) for one, stack in there]
        out.write([frame], torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0])


def _mean(several: Sequence[Losses]) -> Losses:
    names = ("edit", "structure", "motion", "held")
    values = [sum(getattr(one, name) for one in several) / len(several) for name in names]
    return Losses(*values)
