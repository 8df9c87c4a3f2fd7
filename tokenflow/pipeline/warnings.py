"""What the user should know before the work begins."""

from __future__ import annotations

from typing import Any

from ocio.frame_range import FrameRange
from ocio.header import FrameHeader
from ocio.selection import ChannelSelection
from ocio.sequence import MissingPolicy
from ocio.stereo import unedited_views
from tokenflow.checkpoints.notes import unknown_words
from tokenflow.checkpoints.verify import CheckpointInfo
from tokenflow.diffusion.text import prompt_warnings
from tokenflow.job import EDITING_METHODS, PROMPTED_METHODS, EditJob

WORDS_NAMED = 12
"""Of a prompt, in a warning."""

EDGES = ("canny", "soft-edges")
"""Pictures of edges, as ControlNets take them."""


def _some(words: tuple[str, ...]) -> str:
    """Name words, as many as fit into a line."""
    rest = len(words) - WORDS_NAMED
    return ", ".join(words[:WORDS_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def instead(policy: MissingPolicy) -> str:
    """Say what becomes of frames that are not there."""
    if policy == "skip":
        return "the shot goes on without them (skip)"
    seen = "the nearest frame (hold)" if policy == "hold" else policy
    return f"there the model sees {seen}, and nothing is written"


def prompts_cut(job: EditJob, tokenizer: Any) -> tuple[str, ...]:
    """Name what the text encoder will not see of the prompts, by the checkpoint's tokenizer."""
    if job.edit.method not in PROMPTED_METHODS:
        return ()
    edit = job.edit
    return prompt_warnings(tokenizer, edit.source_prompt, edit.negative_prompt, edit.prompt)


def plan_warnings(
    job: EditJob,
    checkpoint: CheckpointInfo,
    header: FrameHeader,
    selection: ChannelSelection,
    absent: FrameRange,
) -> tuple[str, ...]:
    """Name what is unusual about a job, one sentence each."""
    found = []
    prompts = " ".join([job.edit.prompt, job.edit.source_prompt, job.edit.negative_prompt])
    unknown = unknown_words(prompts, checkpoint.notes.vocabulary)
    if unknown:
        found.append(
            f"the checkpoint {checkpoint.name} never saw these words and will not follow them: "
            + _some(unknown)
        )
    fitting = checkpoint.notes.encodings or ("view",)
    if job.color.encoding not in fitting:
        found.append(
            f"the checkpoint {checkpoint.name} was trained on {' or '.join(fitting)} pictures, not "
            f"on {job.color.encoding}"
        )
    if job.edit.method == "dreammotion" and not job.edit.source_prompt.strip():
        found.append(
            "edit.source_prompt is empty: dreammotion goes from what the plate shows to the "
            "prompt, and does better when both are said"
        )
    found += _unused(job)
    views = unedited_views(header, selection)
    if views:
        found.append(f"the stereo views {', '.join(views)} stay unedited")
    others = [
        name
        for part in header.parts
        for name in part.channel_types
        if name not in (*selection.rgb, selection.alpha)
    ]
    if any(name.rsplit(".", 1)[-1] in "RGB" for name in others):
        found.append("other layers stay as they are, so they no longer add up to the edited one")
    if absent:
        found.append(f"missing frames: {absent}; {instead(job.range.missing)}")
    return tuple(found)


def _unused(job: EditJob) -> list[str]:
    """Name what the job says, and what its method or weights can do nothing with."""
    found, edit = [], job.edit
    if edit.technique != "pnp" and edit.method not in EDITING_METHODS:
        found.append(
            f"the technique {edit.technique} is for methods that denoise, and changes nothing of "
            f"{edit.method}"
        )
    elif strange := [one.image for one in edit.controls if one.bundled and one.image in EDGES]:
        found.append(
            f"the bundled ControlNet was trained on depth, not on {' and '.join(strange)}: it "
            "holds the edit badly"
        )
    if job.model.motion is not None and edit.method != "dreammotion":
        found.append(f"the motion adapter is for dreammotion, and changes nothing of {edit.method}")
    return found


def frames_replaced(frames: FrameRange) -> tuple[str, ...]:
    """Say which frames of an earlier edit are lost by going on."""
    if not frames:
        return ()
    return (f"frames of another edit lie in the output and are made anew: {frames}",)
