"""What all trainings share: optimizer, running average of the weights, saving and going on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from tokenflow.demo.training.muon import Muon

SAVE_EVERY = 120.0  # seconds
SEED = 7
"""Of the weights that a training begins with, so that it can be repeated."""


def cosine(step: int, steps: int, *, warm_up: int) -> float:
    """Learning rate factor: a linear warm-up, then half a cosine down to 2 %."""
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps)))


class Run:
    """One training run that can be stopped at any moment and goes on from its last save.

    Parameters
    ----------
    path : Path
        Where weights, their average and the optimizer's state are kept.
    matrix_rate, rate : float
        Highest learning rates: of Muon for weights inside the network, of AdamW for all others
        (biases, norms, embeddings, first and last layer).
    outside : tuple of str
        Name parts of the weights that AdamW trains although they are matrices.
    decay : float
        Decay per step of the running average of the weights, which is what gets exported.
    """

    def __init__(
        self,
        path: Path,
        model: nn.Module,
        *,
        matrix_rate: float = 0.02,
        rate: float = 2e-3,
        decay: float,
        outside: tuple[str, ...] = ("conv_in", "conv_out", "embed"),
    ) -> None:
        self.path, self.model, self.decay = path, model, decay
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        inside = [
            p for name, p in trained.items() if p.ndim >= 2 and not any(o in name for o in outside)
        ]
        chosen = {id(p) for p in inside}
        others = [p for p in trained.values() if id(p) not in chosen]
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = [
            (Muon(inside, lr=matrix_rate), matrix_rate),
            (torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0), rate),
        ]
        self.average = {name: p.detach().clone() for name, p in model.state_dict().items()}
        self.step, self.seconds = 0, 0.0
        self._saved = self._ticked = time.monotonic()
        if path.exists():
            state = torch.load(path, weights_only=True)
            model.load_state_dict(state["weights"])
            for (optimizer, _), saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.average, self.step = state["average"], state["step"]
            self.seconds = state["seconds"]

    def train(
        self, name: str, steps: int, loss: Callable[[], Tensor], *, warm_up: int, every: int
    ) -> None:
        """Train for `steps` in all, and save.

        Parameters
        ----------
        name
            What is trained, in the lines that tell how it goes.
        loss
            Gives that of the next batch.
        warm_up
            Steps until the learning rates are at their highest.
        every
            Steps between two lines.
        """
        smooth: float | None = None
        while self.step < steps:
            found = loss()
            self.advance(found, cosine(self.step, steps, warm_up=warm_up))
            smooth = found.item() if smooth is None else 0.98 * smooth + 0.02 * found.item()
            if self.step % every == 0:
                self.log(f"{name} {self.step}/{steps} loss {smooth:.4f}")
        self.save()

    def advance(self, loss: Tensor, rate_factor: float) -> None:
        """One optimizer step down `loss`; saves now and then."""
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer, rate in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * rate_factor
            optimizer.step()
        self.step += 1
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)
        now = time.monotonic()
        self.seconds, self._ticked = self.seconds + now - self._ticked, now
        if now - self._saved > SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write the whole state; the file is replaced in one move."""
        state = {
            "weights": self.model.state_dict(),
            "average": self.average,
            "optimizers": [optimizer.state_dict() for optimizer, _ in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
        }
        partial = self.path.with_suffix(".tmp")
        torch.save(state, partial)
        partial.replace(self.path)
        self._saved = time.monotonic()

    def log(self, line: str) -> None:
        """Print a line with the hours trained so far."""
        print(f"{self.seconds / 3600:6.3f} h  {line}", flush=True)
