"""The edit form in the artist's words; the field's exact terms stand in the tooltips."""

from __future__ import annotations

from tokenflow.job import Color, Deflicker, DreamMotion, Edit, Matte, Model, Output
from ui.presenters.fields import Choice, Field, field_of

METHODS = (
    Choice("tokenflow", "Consistent edit", "TokenFlow: what is drawn follows the shot's motion."),
    Choice("dreammotion", "DreamMotion", "The shot itself is bent; needs a model that sees time."),
    Choice("joint-attention", "Frames together", "Attention over keyframes, no propagation."),
    Choice("first-frame", "As the first frame", "Attention to the first frame, for comparison."),
    Choice("per-frame", "Each frame alone", "For comparison: this flickers."),
    Choice("ldm-recon", "Model's copy", "The plate through the model, without an edit."),
    Choice("passthrough", "No change", "The whole road with an edit that changes nothing."),
)

TECHNIQUES = (
    Choice("pnp", "Keep structure", "Plug-and-Play: the plate's attention and features are kept."),
    Choice("sdedit", "Paint over", "SDEdit: noise is added to the plate and taken out again."),
    Choice("controlnet", "Follow depth or edges", "ControlNet: the plate's depth or edges hold."),
)

MODES = (
    Choice("paper", "As the paper", "The rules of the TokenFlow paper."),
    Choice("released", "As the released code", "Number by number what the authors' code does."),
)

STRENGTHS = (
    Choice("off", "Off"),
    Choice("light", "Light"),
    Choice("normal", "Normal"),
    Choice("strong", "Strong"),
)

MERGES = (
    Choice("delta", "Into the plate", "The edit alone is added: highlights and grain stay."),
    Choice("replace", "Model's picture", "The model's picture takes the plate's place."),
)

COMPRESSIONS = (
    Choice("lossless", "Lossless", "The source's if it is lossless, else zip."),
    Choice("source", "Like the source", "Repeats a lossy compression too."),
)

ENCODINGS = (
    Choice("view", "Through the view", "As it looks on a display."),
    Choice("log", "Log"),
    Choice("logc3", "LogC3"),
    Choice("logc4", "LogC4"),
    Choice("reinhard", "Reinhard"),
)


def edit_fields() -> dict[str, Field]:
    """Make the fields of the edit form, by key and in their order."""
    fields = {
        "source_prompt": field_of(
            Edit, "source_prompt", "The plate shows", tooltip="What is in the plate, in a sentence."
        ),
        "prompt": field_of(
            Edit, "prompt", "Make it", tooltip="What the shot is to show, in a sentence."
        ),
        "negative_prompt": field_of(
            Edit, "negative_prompt", "Avoid", tooltip="What is not to appear (negative prompt)."
        ),
        "method": field_of(Edit, "method", "Method", METHODS),
        "technique": field_of(Edit, "technique", "Technique", TECHNIQUES),
        "mode": field_of(Edit, "mode", "Rules", MODES),
        "steps": field_of(Edit, "steps", "Steps"),
        "inversion_steps": field_of(Edit, "inversion_steps", "Inversion steps"),
        "inversion_evaluations": field_of(Edit, "inversion_evaluations", "Inversion care"),
        "how_far": field_of(
            DreamMotion,
            "steps",
            "How far to go",
            tooltip="How often the shot is pushed towards the words; more takes longer (steps).",
        ),
        "hold_shape": field_of(
            DreamMotion,
            "structure",
            "Hold the shape",
            tooltip="How firmly shapes stay where they are; 1 is usual, 0 lets them go (λ_s).",
        ),
        "hold_motion": field_of(
            DreamMotion,
            "motion",
            "Hold the motion",
            tooltip="How firmly the shot's motion is kept; 1 is usual, 0 lets it go (λ_t).",
        ),
        "guidance": field_of(Edit, "guidance", "Guidance"),
        "qk_threshold": field_of(Edit, "qk_threshold", "Attention kept"),
        "conv_threshold": field_of(Edit, "conv_threshold", "Features kept"),
        "start": field_of(Edit, "start", "Share repainted"),
        "controls": field_of(
            Edit,
            "controls",
            "Held by",
            tooltip="PICTURE=FOLDER@WEIGHT, with ; between several: depth, canny, soft-edges or "
            ":CHANNEL, and a ControlNet's folder; empty takes the bundled depth.",
        ),
        "keyframe_interval": field_of(Edit, "keyframe_interval", "Keyframe every"),
        "keyframes": field_of(
            Edit,
            "keyframes",
            "Keyframes",
            (Choice("random", "Drawn anew"), Choice("fixed", "Fixed")),
        ),
        "weights": field_of(
            Edit,
            "weights",
            "Blend between",
            (Choice("sigmoid", "As the paper"), Choice("linear", "Without a jump")),
        ),
        "seed": field_of(Edit, "seed", "Seed"),
        "size": field_of(Edit, "size", "Model's size"),
        "encoding": field_of(Color, "encoding", "Model sees", ENCODINGS),
        "checkpoint": field_of(Model, "checkpoint", "Checkpoint"),
        "motion_adapter": field_of(
            Model,
            "motion",
            "Motion adapter",
            tooltip="Folder of what lets a checkpoint of still pictures see time; the demo's is "
            "bundled.",
        ),
        "noise_schedule": field_of(
            DreamMotion,
            "schedule",
            "Noise schedule",
            (Choice("checkpoint", "The checkpoint's"), Choice("linear", "AnimateDiff's")),
            tooltip="The one that the model was trained with; AnimateDiff has its own.",
        ),
        "dtype": field_of(Model, "dtype", "Precision", (Choice("auto", "Automatic"),)),
        "matte": field_of(
            Matte,
            "source",
            "Matte",
            tooltip="SEQUENCE:CHANNEL, or :CHANNEL of the plate; outside it nothing changes.",
        ),
        "matte_invert": field_of(Matte, "invert", "Invert matte"),
        "matte_feather": field_of(Matte, "feather", "Feather"),
        "deflicker": field_of(Deflicker, "strength", "Deflicker", STRENGTHS),
    }
    return fields


def output_fields() -> dict[str, Field]:
    """Make the fields of the output, by key and in their order."""
    return {
        "path": field_of(Output, "path", "Output"),
        "merge": field_of(Output, "merge", "Merge", MERGES),
        "strength": field_of(Output, "strength", "Strength"),
        "compression": field_of(Output, "compression", "Compression", COMPRESSIONS),
    }
