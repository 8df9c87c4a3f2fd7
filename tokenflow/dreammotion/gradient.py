"""The gradient of one step for one window of frames.

Latents are `(frames, channels, h, w)`: x̂ of the plate, x being optimised; ŷ, y and ∅ are the text
states of the plate's prompt, the edit's and none. One noise ε and one timestep t serve all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .keys import KeyCapture
from .losses import spatial_loss, temporal_loss, weights
from .settings import BendSettings
from .video_unet import VideoUNet

Keys = dict[str, torch.Tensor]


def nothing() -> None:
    """Let the work go on."""


@dataclass(frozen=True)
class Words:
    """Text states `(tokens, width)` of the edit's prompt, the plate's, and the unguided one."""

    target: torch.Tensor
    source: torch.Tensor
    empty: torch.Tensor


@dataclass(frozen=True)
class Losses:
    """What a step saw.

    Attributes
    ----------
    edit
        Root mean square of the edit's gradient, which has no loss of its own.
    structure, motion
        The self-similarity losses as they are weighed, before λ; means over layers.
    held
        Root mean square of their gradient.
    """

    edit: float
    structure: float = 0.0
    motion: float = 0.0
    held: float = 0.0


@dataclass(frozen=True)
class Gradient:
    """Where a window is pushed: each `(frames, channels, h, w)`.

    Attributes
    ----------
    edit
        Of the edit, g_D.
    held
        Of what holds it, λ_s g_S + λ_t g_T.
    """

    edit: torch.Tensor
    held: torch.Tensor
    losses: Losses


class Step:
    """One step's branches for one window.

    Every branch is a forward pass of its own, so that plate and edit go through the same kernels:
    an edit that asks for nothing has a gradient of exactly 0.

    Parameters
    ----------
    video
        The model.
    layers
        Where keys are compared; see `keys.key_layers`. None where nothing is held.
    words
        Text states.
    settings
        Of the optimisation.
    interrupt
        Called between two passes; may raise to end the work.
    """

    def __init__(
        self,
        video: VideoUNet,
        layers: dict[str, torch.nn.Module],
        words: Words,
        settings: BendSettings,
        interrupt: Callable[[], None] = nothing,
    ) -> None:
        self.video, self.words, self.settings = video, words, settings
        self.interrupt = interrupt
        self.capture = KeyCapture(layers) if layers else None

    def gradient(
        self, latents: torch.Tensor, source: torch.Tensor, noise: torch.Tensor, timestep: int
    ) -> Gradient:
        """Find the gradient at `latents`, x.

        Parameters
        ----------
        latents, source, noise
            x, x̂ and ε, on the model's device, float32 or wider.
        timestep
            t.
        """
        features = self.settings.how.features if self.capture else None
        guided = self.settings.guidance != 1
        before = _Branch(self, source, noise, timestep)
        after = _Branch(self, latents, noise, timestep)
        words = self.words
        ours: tuple[torch.Tensor, Keys] | None = None
        theirs: Keys = {}
        # Noise of the four branches; keys where the features are compared.
        empty_before = empty_after = None
        if guided or features == "null":
            empty_before, keys = before.ask(words.empty, keys=features == "null")
            theirs = keys or theirs
            empty_after, keys = after.ask(words.empty, keys=features == "null", grad=True)
            ours = (after.latents, keys) if keys else ours
        source_before, keys = before.ask(words.source, keys=features in ("source", "cond"))
        theirs = keys or theirs
        if features == "source":
            _, keys = after.ask(words.source, keys=True, grad=True)
            ours = after.latents, keys
        target_after, keys = after.ask(words.target, keys=features == "cond", grad=True)
        if features == "cond":
            ours = after.latents, keys
        edit = guided_noise(target_after, empty_after, self.settings.guidance) - guided_noise(
            source_before, empty_before, self.settings.guidance
        )
        strength = float(edit.square().mean().sqrt())
        if ours is None:
            return Gradient(edit, torch.zeros_like(edit), Losses(strength))
        self.interrupt()
        held, structure, motion = self._held(*ours, theirs)
        losses = Losses(strength, structure, motion, float(held.square().mean().sqrt()))
        return Gradient(edit, held, losses)

    def _held(
        self, latents: torch.Tensor, ours: Keys, theirs: Keys
    ) -> tuple[torch.Tensor, float, float]:
        """Return λ_s g_S + λ_t g_T and the two losses, as means over layers."""
        how, (of_space, of_time) = self.settings.how, self.settings.weights
        leaves, values = [], torch.zeros(2, dtype=torch.float64)
        for name, keys in ours.items():
            frames, tokens, _ = keys.shape
            per_space, per_time = weights(how.loss, frames, tokens)
            wide = torch.promote_types(torch.float32, keys.dtype)
            leaf = keys.detach().to(wide).requires_grad_()
            with torch.enable_grad():
                space = per_space * spatial_loss(leaf, theirs[name]) / len(ours)
                time = per_time * temporal_loss(leaf, theirs[name]) / len(ours)
                total = how.structure * of_space * space + how.motion * of_time * time
            leaves.append(torch.autograd.grad(total, leaf)[0])
            values += torch.stack([space.detach(), time.detach()]).cpu().double()
        # Half precision underflows below 6e-8: a power of two keeps the bits and lifts them.
        scale = _lift(leaves) if self.video.dtype == torch.float16 else 1.0
        above = [(leaf * scale).to(self.video.dtype) for leaf in leaves]
        (held,) = torch.autograd.grad([*ours.values()], latents, above)
        return held / scale, float(values[0]), float(values[1])


class _Branch:
    """x_t of the plate or of the edit, asked with several prompts."""

    def __init__(
        self, step: Step, latents: torch.Tensor, noise: torch.Tensor, timestep: int
    ) -> None:
        self.step, self.timestep, self._noise = step, timestep, noise
        self.latents = latents.detach()

    def ask(
        self, text: torch.Tensor, *, keys: bool, grad: bool = False
    ) -> tuple[torch.Tensor, Keys]:
        """Predict the noise; with `keys` take those too, and with `grad` as well their graph."""
        step = self.step
        step.interrupt()
        video, capture, record = step.video, step.capture, keys and grad
        if record:
            self.latents = self.latents.detach().requires_grad_()
        with torch.set_grad_enabled(record):
            noisy = video.noisy(self.latents, self._noise, self.timestep)
            if not keys or capture is None:
                return video.noise(noisy, self.timestep, text), {}
            # Blocks that are computed again must be recorded as they were.
            stop = record and not video.checkpointed
            with capture.captured(stop=stop) as taken:
                predicted = video.noise(noisy, self.timestep, text)
        return predicted.detach(), taken


def guided_noise(
    prompted: torch.Tensor, empty: torch.Tensor | None, guidance: float
) -> torch.Tensor:
    """ε^w = ε_∅ + w (ε_y − ε_∅): classifier-free guidance; at w = 1 it is ε_y."""
    if guidance == 1 or empty is None:
        return prompted
    return empty + guidance * (prompted - empty)


def _lift(gradients: list[torch.Tensor]) -> float:
    """Give the power of two that brings the largest gradient to about 1."""
    largest = max(float(each.abs().max()) for each in gradients)
    if not 0 < largest < float("inf"):
        return 1.0
    return float(2.0 ** -round(torch.tensor(largest).log2().item()))
