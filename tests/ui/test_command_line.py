"""The line on the clipboard does what the panel would have done."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest
import typer.main

from ocio.frame_range import FrameRange
from tokenflow.cli.door import app
from tokenflow.job import (
    Color,
    Control,
    Deflicker,
    DreamMotion,
    Edit,
    EditJob,
    Matte,
    Model,
    Output,
    Plate,
    Range,
    Size,
)
from ui.command_line import command_of

PLAIN = EditJob(
    plate=Plate("/p/it's a plate.####.exr"), edit=Edit(prompt="a ball"), output=Output("/o/a.#.exr")
)

RICH = EditJob(
    plate=Plate("/p/a.####.exr", part="rgba", layer="beauty", stereo_view="left"),
    color=Color("/c/config.ocio", "ACEScg", "sRGB/ACES", "log"),
    edit=Edit(
        prompt='a "quoted" $HOME ball',
        source_prompt="x",
        technique="sdedit",
        steps=7,
        guidance=2.5,
        start=0.4,
        seed=99,
        size=Size(320, 192),
        keyframes="fixed",
    ),
    model=Model("/m/sd15", dtype="float16"),
    matte=Matte("/m/a.####.exr:A", True, 2.5),
    output=Output("/o/a.####.exr", "replace", 0.5, regrain=True, compression="source"),
    deflicker=Deflicker("strong", "raft", "/m/raft.safetensors", "0" * 64),
    range=Range(FrameRange.parse("-8--5,1"), "hold"),
)


def parsed(line: str) -> dict[str, Any]:
    """Read a line as the command itself does."""
    words = shlex.split(line)
    assert words[:2] == ["tokenflow", "edit"]
    group: Any = typer.main.get_command(app)
    command = group.commands["edit"]
    context = command.make_context("edit", words[2:])
    return dict(context.params)


def test_what_stands_at_its_default_is_left_out() -> None:
    line = command_of(PLAIN)
    assert shlex.split(line)[2:] == [
        *("/p/it's a plate.####.exr", "-o", "/o/a.#.exr", "--prompt", "a ball")
    ]


HELD = replace(
    PLAIN,
    edit=Edit(
        prompt="a ball",
        technique="controlnet",
        controls=(Control("depth", "/m/it's depth", 0.75), Control(":matte.a", "/m/a@b")),
    ),
)


BENT = replace(
    PLAIN,
    edit=Edit(prompt="a ball", method="dreammotion", guidance=3.0),
    model=Model("/m/sd15", motion="/m/it's motion"),
    dreammotion=DreamMotion(steps=120, structure=2.0, windows="independent", deterministic=True),
)


def test_the_command_of_a_bent_shot_says_how() -> None:
    found = parsed(command_of(BENT))
    assert found["steps"] == 120 and found["motion_adapter"] == "/m/it's motion"
    for name in set(vars(BENT.dreammotion)) - {"steps"}:
        assert found[name] == getattr(BENT.dreammotion, name), name
    assert "--windows" not in command_of(replace(BENT, edit=Edit(prompt="a ball")))


@pytest.mark.parametrize("job", [PLAIN, RICH, HELD], ids=["plain", "rich", "held"])
def test_the_command_reads_back_every_field(job: EditJob) -> None:
    found = parsed(command_of(job, overwrite=True))
    assert found["overwrite"] is True
    assert (found["plate"], found["out"]) == (job.plate.path, job.output.path)
    assert (found["layer"], found["part"], found["stereo_view"]) == job.plate.choice
    assert found["frames"] == (str(job.range.frames) if job.range.frames else None)
    assert found["missing"] == job.range.missing
    assert found["model"] == job.model.checkpoint
    assert found["dtype"] == job.model.dtype
    assert found["regrain"] is job.output.regrain
    assert (found["flow"], found["flow_weights"]) == (
        job.deflicker.flow,
        job.deflicker.flow_weights,
    )
    assert found["matte"] == (job.matte.source if job.matte else None)
    assert found["matte_invert"] is (job.matte.invert if job.matte else False)
    assert found["matte_feather"] == (job.matte.feather if job.matte else 0.0)
    for part in (job.edit, job.color, job.output):
        for name in set(vars(part)) & set(found):
            value = getattr(part, name)
            if name == "controls":
                assert [*found[name]] == [str(each) for each in value]
                continue
            assert found[name] == (str(value) if isinstance(value, Size) else value), name
