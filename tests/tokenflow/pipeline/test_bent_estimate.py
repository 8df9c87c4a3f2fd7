"""What bending a shot is said to cost, against what it costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tokenflow.tiny_motion import write_tiny_adapter
from tokenflow.checkpoints.load import load_model
from tokenflow.checkpoints.motion import video_unet
from tokenflow.checkpoints.source import resolve
from tokenflow.dreammotion.keys import KeyCapture, key_layers
from tokenflow.job import DreamMotion, Edit, EditJob, Model, Output, Plate, RunOptions, Size
from tokenflow.pipeline.bent_estimate import bent_samples, remembered_bytes
from tokenflow.pipeline.plan import Plan, make_plan


@pytest.fixture(scope="module")
def plan(tiny_checkpoint: Path, demo_plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Five frames of the demo shot at the size of small pictures, in one window."""
    adapter = write_tiny_adapter(tmp_path_factory.mktemp("adapter") / "motion")
    job = EditJob(
        plate=Plate(str(demo_plate)),
        edit=Edit(prompt="a blue ball", method="dreammotion", size=Size(256, 128)),
        model=Model(str(tiny_checkpoint), dtype="float32", motion=str(adapter)),
        output=Output(str(tmp_path_factory.mktemp("out"))),
        dreammotion=DreamMotion(steps=3),
    )
    return make_plan(job, RunOptions(device="cpu", dry_run=True))


def asked(plan: Plan, **how: Any) -> Plan:
    return replace(plan, job=replace(plan.job, dreammotion=DreamMotion(steps=3, **how)))


def really_remembered(plan: Plan) -> int:
    """Bytes that torch keeps for the way back, of the same pass with numbers in it."""
    assert plan.motion is not None
    unet: Any = video_unet(
        load_model(resolve(plan.job.model.checkpoint), "cpu", torch.float32).unet, plan.motion
    )
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    channels, rows, columns = plan.latent_shape
    clip = torch.randn(1, channels, len(plan.numbers), rows, columns).requires_grad_()
    text = torch.randn(len(plan.numbers), 77, unet.config.cross_attention_dim)
    capture = KeyCapture(key_layers(unet, plan.job.dreammotion.layers))
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with torch.enable_grad(), hooks, capture.captured(stop=True):
        unet(clip, 1, encoder_hidden_states=text)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("layers", ["inner", "up"])
def test_what_a_window_needs_for_its_gradient_is_foretold(plan: Plan, layers: str) -> None:
    one = asked(plan, layers=layers)
    assert remembered_bytes(one) == pytest.approx(really_remembered(one), rel=0.25)


def test_a_shorter_window_needs_less_at_a_time_and_more_passes(plan: Plan) -> None:
    shorter = asked(plan, window=2, overlap=1)
    assert remembered_bytes(shorter) == pytest.approx(remembered_bytes(plan) * 2 / 5, rel=0.1)
    # Windows 1001-1002 to 1004-1005, four passes, three steps.
    assert bent_samples(plan) == 3 * 4 * 5 and bent_samples(shorter) == 3 * 4 * 8
