"""Pictures to latents."""

from __future__ import annotations

from tokenflow.diffusion.latents import LatentStack
from tokenflow.diffusion.vae import encode_frames
from tokenflow.events import Stage
from tokenflow.pipeline.early import EarlyLatents
from tokenflow.pipeline.read import Pictures
from tokenflow.pipeline.running import Running


def encode_shot(
    run: Running, pictures: Pictures, key: str, early: EarlyLatents | None
) -> LatentStack:
    """Encode a shot, unless the workspace has its latents.

    Parameters
    ----------
    key
        Hash of pictures, checkpoint and device.
    early
        The latents, where they were made while frames were read.
    """
    folder = run.folder("encode", key)
    stack = LatentStack(folder, run.plan.numbers, run.plan.latent_shape)
    moving = early is not None and not stack.complete
    during: Stage | None = "read" if moving else None
    total, reused = len(stack.frames), stack.complete
    with run.stage("encode", total, reused=reused, during=during) as progress:
        if early and moving:
            early.move_to(stack, progress)
        elif not reused:
            read = pictures.stack.read
            run.room.fitting(
                run.model,
                "vae",
                1,
                lambda _: encode_frames(
                    run.model,
                    ((frame, read([frame])[0].numpy()) for frame in stack.frames),
                    stack,
                    progress,
                ),
            )
    if early:
        early.discard()
        run.count("encode", early.seconds, while_="read")
    return stack
