"""Mode released against tensors recorded from the released code, in the order of computation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.tokenflow.diffusion.recording import Case, Recording, case_names, recording_folder
from tests.tokenflow.diffusion.shot import levels_of, relative
from tokenflow.diffusion.attention import PassState, Site
from tokenflow.diffusion.editor import edit, edit_levels, rules_for
from tokenflow.diffusion.host_memory import HostMemory
from tokenflow.diffusion.injection import installed
from tokenflow.diffusion.inversion import invert
from tokenflow.diffusion.keyframe_tokens import KeyframeTokens
from tokenflow.diffusion.latents import LatentStack, Trajectory
from tokenflow.diffusion.propagation import FeatureMatches
from tokenflow.diffusion.released import block_neighbours
from tokenflow.diffusion.text import encode_prompt
from tokenflow.diffusion.vae import encode_frames

INPUT_GATE = 1e-5
TEXT_GATE = 1e-6
BLOCK_GATE = 5e-6
STEP_GATE = 5e-5
STEP_GATE_FLOAT64 = 1e-6


@pytest.fixture(scope="module")
def recording() -> Recording:
    """The recorded tensors."""
    folder = recording_folder()
    if not (folder / "settings.json").is_file():
        pytest.skip(f"no recorded tensors in {folder}")
    return Recording(folder)


def test_released_recording_is_there_if_it_was_asked_for() -> None:
    """A skip would pass for agreement with tensors that nobody compared."""
    asked = os.environ.get("TOKENFLOW_GOLDEN")
    if asked and not (recording_folder() / "settings.json").is_file():
        pytest.fail(f"TOKENFLOW_GOLDEN={asked} holds no recording's settings.json", pytrace=False)


@pytest.fixture(params=case_names() or ["no recording"])
def case(recording: Recording, request: pytest.FixtureRequest) -> Case:
    """Every recorded edit after the other."""
    return Case(recording, request.param)


def test_released_clean_latents(recording: Recording, tmp_path: Path) -> None:
    recorded = recording.inversion["x0"]
    stack = LatentStack(tmp_path / "x0", range(len(recorded)), recorded.shape[1:])
    encode_frames(recording.model(torch.float32), recording.images(), stack)
    assert relative(stack.read(stack.frames), recorded) < INPUT_GATE


def test_released_inversion(recording: Recording, tmp_path: Path) -> None:
    recorded = recording.inversion
    frames, shape = range(len(recorded["x0"])), recorded["x0"].shape[1:]
    x0 = LatentStack(tmp_path / "x0", frames, shape)
    x0.write(frames, recorded["x0"])
    x0.finish()
    out = Trajectory(tmp_path / "inversion", recording.levels, frames, shape)
    prompt = recording.settings["inversion"]["prompt"]
    invert(recording.model(torch.float32), x0, out, recording.inversion_settings, prompt)
    errors = {t: relative(out.at(t).read(frames), recorded[f"t_{t:04d}"]) for t in out.timesteps}
    assert max(errors.values()) < INPUT_GATE, errors


def test_released_text_states(case: Case) -> None:
    model, settings = case.recording.model(torch.float32), case.settings
    for name, prompt in (
        ("source", settings.source_prompt),
        ("negative", settings.negative_prompt),
        ("prompt", settings.prompt),
    ):
        states = encode_prompt(model, prompt)
        assert float((states - case.tensors[f"text.{name}"]).abs().max()) < TEXT_GATE


def test_released_timesteps_and_keyframes(case: Case) -> None:
    described = case.described
    model = case.recording.model(torch.float32)
    rules = rules_for(case.settings, model.schedule, case.frames, described["eps_from_timestep"])
    assert list(rules.timesteps) == described["timesteps"] == case.tensors["t"].tolist()
    keyframes = [list(rules.plan(step).keyframes) for step in range(len(rules.timesteps))]
    assert keyframes == case.tensors["keyframes"].tolist()


def test_released_start_latents(case: Case, tmp_path: Path) -> None:
    model = case.recording.model(torch.float32)
    rules = rules_for(
        case.settings, model.schedule, case.frames, case.described["eps_from_timestep"]
    )
    source = case.source(tmp_path, torch.float32)
    x0 = case.clean(tmp_path, case.recording.inversion["x0"])
    start = torch.stack([rules.start(source, x0, frame) for frame in case.frames])
    assert relative(start, case.tensors["x_in"][0]) < INPUT_GATE


def recorded_blocks(case: Case) -> Iterator[tuple[str, int, dict[str, torch.Tensor]]]:
    """Name of a transformer, number of the step, and what was recorded there."""
    tensors = case.optional("_blocks") or {}
    for place in sorted({name.rsplit(".", 2)[0] for name in tensors}):
        block, step = place.rsplit(".step", 1)
        prefix = f"{place}."
        found = {n.removeprefix(prefix): x for n, x in tensors.items() if n.startswith(prefix)}
        yield block, int(step), found


def test_released_attention_of_recorded_tokens(case: Case, tmp_path: Path) -> None:
    blocks = list(recorded_blocks(case))
    if not blocks:
        pytest.skip(f"no attention was recorded for {case.name}")
    unet, settings = case.recording.model(torch.float32).unet, case.settings
    state = PassState(parts=3, source_propagated=True)
    errors = {}
    with (
        torch.inference_mode(),
        HostMemory(tmp_path, unet.device) as memory,
        installed(unet, state) as sites,
    ):
        for block, step, recorded in blocks:
            site = next(site for site in sites if site.name.startswith(f"{block}."))
            state.inject_qk = step < settings.qk_steps
            keyframes = recorded["keyframes.tokens"].shape[1]
            state.tokens = KeyframeTokens(memory, keyframes, 3, source_results=True)
            state.mode = "keyframes"
            ours = attend(site, recorded["keyframes.tokens"])
            errors[block, step, "keyframes"] = relative(ours, recorded["keyframes.attn"])
            state.mode = "propagate"
            interval = settings.keyframe_interval
            parts: list[torch.Tensor] = []
            for tokens in recorded["frames.tokens"].split(interval, dim=1):
                positions = range(len(parts) * interval, len(parts) * interval + tokens.shape[1])
                around = [block_neighbours(position, interval) for position in positions]
                state.matches = FeatureMatches(state.tokens, around, tokens)
                parts.append(attend(site, tokens))
            ours = torch.cat(parts, dim=1)
            errors[block, step, "frames"] = relative(ours, recorded["frames.attn"])
    assert max(errors.values()) < BLOCK_GATE, errors


def attend(site: Site, tokens: torch.Tensor) -> torch.Tensor:
    """Run one self-attention: `(parts, frames, tokens, channels)` in and out."""
    result: torch.Tensor = site.attention(tokens.flatten(0, 1))
    return result.view(tokens.shape)


def test_released_single_steps(case: Case, tmp_path: Path) -> None:
    model, settings = case.recording.model(torch.float32), case.settings
    source = case.source(tmp_path, torch.float32)
    x0 = case.clean(tmp_path, case.recording.inversion["x0"])
    recorded = [*case.tensors["x_in"], case.tensors["x_out"][-1]]
    errors = {}
    for step, expected in enumerate(case.tensors["x_out"]):
        levels = edit_levels(model.schedule, settings)
        out = Trajectory(tmp_path / f"step {step}", levels, case.frames, case.shape)
        for number, level in enumerate(levels):
            if number != step + 1:
                out.at(level).write(case.frames, recorded[number])
                out.at(level).finish()
        edit(model, source, x0, out, settings)
        errors[step] = relative(out.at(levels[step + 1]).read(case.frames), expected)
    assert max(errors.values()) < STEP_GATE, errors


def test_released_whole_edit(case: Case, tmp_path: Path) -> None:
    x0 = case.recording.inversion["x0"]
    recorded = torch.stack([case.tensors["x_in"][0], *case.tensors["x_out"]])
    errors = errors_of_whole_edit(case, tmp_path, x0, recorded)
    assert max(errors) < STEP_GATE, errors


def test_released_whole_edit_in_float64(case: Case, tmp_path: Path) -> None:
    recorded = case.optional("_f64")
    if recorded is None:
        pytest.skip(f"{case.name} was not recorded in float64")
    errors = errors_of_whole_edit(case, tmp_path, recorded["x0"], recorded["x"])
    assert max(errors) < STEP_GATE_FLOAT64, errors


def errors_of_whole_edit(
    case: Case, folder: Path, x0: torch.Tensor, recorded: torch.Tensor
) -> list[float]:
    """Run a case in the number type of `recorded`: relative error before and after every step."""
    model = case.recording.model(recorded.dtype)
    levels = edit_levels(model.schedule, case.settings)
    out = Trajectory(folder / "edit", levels, case.frames, case.shape, recorded.dtype)
    source = case.source(folder, recorded.dtype)
    edit(model, source, case.clean(folder, x0), out, case.settings)
    return [relative(ours, its) for ours, its in zip(levels_of(out), recorded, strict=True)]
