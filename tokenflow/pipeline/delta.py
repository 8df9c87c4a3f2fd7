"""The edit as a difference: the decoded edit against what it is compared with, in a log space."""

from __future__ import annotations

from dataclasses import asdict

import torch

from ocio.merge import delta
from tokenflow.diffusion.latents import LatentStack
from tokenflow.events import Stage
from tokenflow.pipeline.early import EarlyFrames
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.running import Running
from tokenflow.workspace import content_key


def delta_key(plan: Plan, key: str) -> str:
    """Hash of what the difference depends on: the decoded pictures, and the way to the log space.

    Parameters
    ----------
    key
        Hash of the pictures.
    """
    encoding = plan.encoding
    return content_key(
        key,
        # Only where it is so, so that what earlier versions left is found.
        *(["uncompensated"] if plan.job.deflicker.uncompensated else []),
        # The pictures tell what the model saw, and not by which curves it goes back.
        [plan.config.cache_id, plan.config.sha256, plan.plate_space],
        [encoding.kind, encoding.view, encoding.gamut_compression, encoding.log.name],
        asdict(encoding.guard) if encoding.guard else None,
    )


def delta_shot(
    run: Running,
    edited: LatentStack,
    reference: LatentStack,
    key: str,
    early: EarlyFrames | None,
) -> LatentStack:
    """Give the difference of every frame.

    Parameters
    ----------
    key
        From `delta_key`.
    early
        Whoever has made it while frames were decoded.
    """
    stack = LatentStack(run.folder("delta", key), edited.frames, edited.shape)
    during: Stage | None = "decode" if early else None
    reused, total = stack.complete and not early, len(stack.frames)
    with run.stage("delta", total, reused=reused, during=during) as progress:
        if early:
            progress(total, total)
        elif not reused:
            for done, frame in enumerate(stack.frames, 1):
                sides = [side.read([frame])[0].numpy() for side in (edited, reference)]
                stack.write([frame], torch.from_numpy(delta(run.plan.encoding, *sides))[None])
                progress(done, total)
            stack.finish()
    return stack
