"""The demo's edit: a change of paint that keeps everything else."""

from __future__ import annotations

from tokenflow.job import Edit

STEPS = 10
"""Fewer than for a real shot: the demo has to be done within three minutes on two cores."""


def local_edit(source_prompt: str, prompt: str, steps: int = STEPS) -> Edit:
    """Ask for a change that stays where the words differ.

    What the plate shows is named as what to get away from, so that only where the two sentences
    differ is there anything to push; little guidance and more of the plate's features keep shapes
    and surroundings.
    """
    return Edit(
        prompt=prompt,
        source_prompt=source_prompt,
        negative_prompt=source_prompt,
        guidance=2.0,
        qk_threshold=0.8,
        conv_threshold=1.0,
        steps=steps,
        inversion_steps=steps,
    )
