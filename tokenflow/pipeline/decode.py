"""The edit and what it is compared with: latents to pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import torch

from tokenflow.diffusion.latents import LatentStack
from tokenflow.diffusion.vae import Image, decode_frame
from tokenflow.pipeline.at_once import FramesAtOnce, leaves_cores
from tokenflow.pipeline.decoders import Decode, other_decoder
from tokenflow.pipeline.early import EarlyFrame, EarlyFrames
from tokenflow.pipeline.merge import Merger
from tokenflow.pipeline.read import Pictures
from tokenflow.pipeline.running import Running


class Decoding:
    """The stage `decode` of a run.

    Parameters
    ----------
    edited, clean
        Latents; the same where nothing was edited.
    key, clean_key
        Hashes of the pictures that they become.
    """

    def __init__(
        self,
        run: Running,
        edited: LatentStack,
        clean: LatentStack,
        key: str,
        clean_key: str,
        pictures: Pictures,
    ) -> None:
        self._run, self._pictures = run, pictures
        self._beside = ExitStack()
        self._latents = {"reference": clean}
        keys = {"reference": clean_key}
        if edited is not clean:
            self._latents["edited"], keys["edited"] = edited, key
        width, height = run.plan.size
        self._stacks = {
            name: LatentStack(run.folder("decode", keys[name]), shot.frames, (height, width, 3))
            for name, shot in self._latents.items()
        }
        self._result = self._stacks.get("edited", self._stacks["reference"])
        self._reference = self._stacks["reference"]
        if run.plan.job.edit.method == "ldm-recon" or run.plan.job.deflicker.uncompensated:
            # Of the first: what the autoencoder alone changes, its picture against the one it saw.
            self._reference = pictures.stack

    def begin_frames(self, key: str) -> EarlyFrames | None:
        """Make ready to finish frames while others are decoded, where each goes its way alone.

        Parameters
        ----------
        key
            Hash of the difference between the pictures.
        """
        run, plan = self._run, self._run.plan
        alone = plan.earlier is None and plan.job.deflicker.strength == "off"
        if "edited" not in self._stacks or self._result.complete:
            return None
        if not alone or not leaves_cores(run.device):
            return None
        deltas = LatentStack(run.folder("delta", key), self._result.frames, self._result.shape)
        if deltas.complete:
            return None
        frames = self._beside.enter_context(FramesAtOnce[EarlyFrame](plan.output.folder))
        merger = Merger(plan, self._pictures, key, run.edited)
        return EarlyFrames(plan, frames, merger, self._reference, deltas, run.emit)

    def carry_out(self, early: EarlyFrames | None) -> tuple[LatentStack, LatentStack]:
        """Decode; returns the pictures of the edit, and those that it is compared with.

        Parameters
        ----------
        early
            Takes each picture of the edit as soon as it is there.
        """
        run, stacks = self._run, self._stacks.values()
        total = sum(len(stack.frames) for stack in stacks)
        reused = all(stack.complete for stack in stacks)
        with self._beside, run.stage("decode", total, reused=reused) as progress:
            done = 0
            decode: Decode = self._each_frame
            if run.plan.decoder and not reused:
                decode = other_decoder(run.plan, self._pictures, run.device)
            for name, stack in self._stacks.items():
                if not stack.complete:
                    for number, (frame, picture) in enumerate(decode(self._latents[name]), 1):
                        stack.write([frame], torch.from_numpy(picture)[None])
                        if early and stack is self._result:
                            early(frame, picture)
                        progress(done + number, total)
                    stack.finish()
                done += len(stack.frames)
            if early:
                early.finish()
        return self._result, self._reference

    def _each_frame(self, latents: LatentStack) -> Iterator[tuple[int, Image]]:
        """Decode a shot frame by frame with the checkpoint's own decoder."""
        for frame in latents.frames:
            yield frame, self._picture(latents.read([frame])[0])

    def _picture(self, latent: torch.Tensor) -> Image:
        run = self._run
        return run.room.fitting(run.model, "vae", 1, lambda _: decode_frame(run.model, latent))
