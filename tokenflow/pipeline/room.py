"""Room on the device: what to do when it has too little memory, least harm first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from tokenflow.diffusion.model import Model
from tokenflow.pipeline.device import is_out_of_memory

T = TypeVar("T")

PARTS = ("unet", "vae", "text_encoder")


class Room:
    """Fits work into the memory of a device; the results have the same bits either way.

    Smaller batches come first. When one frame alone does not fit, the parts of the checkpoint that
    the work does not need wait in the host's memory while it runs.

    Parameters
    ----------
    device
        Where the work runs.
    warn
        Told what was done, in a sentence.
    """

    def __init__(self, device: torch.device, warn: Callable[[str], None]) -> None:
        self.device = device
        self.warn = warn

    def fitting(self, model: Model, part: str, frames: int, work: Callable[[int], T]) -> T:
        """Do work with one of `PARTS`.

        Parameters
        ----------
        frames
            How many frames at once `work` is asked for at first.

        Raises
        ------
        RuntimeError, MemoryError
            From `work`; for too little memory only after every fallback.
        """
        alone = False
        while True:
            try:
                self._settle(model, part, alone)
                return work(frames)
            except (RuntimeError, MemoryError) as error:
                spent = frames == 1 and (alone or self.device.type == "cpu")
                if spent or not is_out_of_memory(error):
                    raise
            if frames > 1:
                frames //= 2
                self.warn(
                    f"too little memory on {self.device}: going on with {frames} frames at once"
                )
            else:
                alone = True
                self.warn(
                    f"too little memory on {self.device}: what the {part.replace('_', ' ')} does "
                    "not need waits in the host's memory"
                )
            torch.cuda.empty_cache()

    def settle(self, model: Model) -> None:
        """Put every part onto the device."""
        self._settle(model, PARTS[0], alone=False)

    def _settle(self, model: Model, part: str, alone: bool) -> None:
        """Put the part, or every part, onto the device; the others leave first."""
        for other in PARTS:
            if alone and other != part:
                getattr(model, other).to("cpu")
        if alone and self.device.type == "cuda":
            torch.cuda.empty_cache()
        for each in (part,) if alone else PARTS:
            getattr(model, each).to(self.device)
        for network in model.controls.networks:
            # They work beside the UNet, and with nothing else.
            network.to("cpu" if alone and part != "unet" else self.device)
