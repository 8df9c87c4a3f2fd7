"""Both modes against the plain second implementation, and what happens when a rule is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.tokenflow.diffusion.naive import Job, naive_edit
from tests.tokenflow.diffusion.shot import Shot, relative
from tokenflow.diffusion import attention, injection, paper, propagation, released
from tokenflow.diffusion.editor import edit_levels
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.propagation import Neighbours
from tokenflow.diffusion.settings import EditSettings
from tokenflow.diffusion.text import encode_prompt

MakeShot = Callable[..., Shot]

FRAMES = range(1001, 1008)
NOISIEST = 801
SIZE = (16, 8)

#: What passes as rounding is 1e-9.
NOTICED = 1e-6

PAPER = EditSettings(
    prompt="a red ball",
    negative_prompt="ugly",
    source_prompt="a ball",
    steps=3,
    keyframe_interval=3,
    keyframes_per_batch=2,
    frames_per_batch=4,
    qk_threshold=0.4,
    conv_threshold=0.7,
)
RELEASED = replace(PAPER, mode="released")
SDEDIT: dict[str, Any] = {"technique": "sdedit", "start": 0.7}


def start_latents(shot: Shot, settings: EditSettings) -> torch.Tensor:
    """Latents at the first step: the inverted ones, or x0 with the noise of the noisiest level."""
    first = edit_levels(shot.model.schedule, settings)[0]
    if settings.mode == "paper":
        return shot.source(first)
    alphas = shot.model.scheduler.alphas_cumprod
    clean = shot.x0.read(shot.frames)
    mu, sigma = float(alphas[NOISIEST].sqrt()), float((1 - alphas[NOISIEST]).sqrt())
    noise = (shot.source(NOISIEST) - mu * clean) / sigma
    alpha = alphas[first].double()
    start: torch.Tensor = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
    return start


def naive(shot: Shot, settings: EditSettings, keyframes: Any) -> torch.Tensor:
    """Run the plain implementation on a shot: `(levels, frames, channels, h, w)`."""
    model = shot.model
    frames = shot.frames
    if settings.mode == "released":
        frames = frames[: len(frames) // settings.keyframe_interval * settings.keyframe_interval]
    trajectory = shot.trajectory(settings)
    timesteps = edit_levels(model.schedule, settings)[:-1]
    injects = settings.technique == "pnp"
    prompts = (settings.source_prompt, settings.negative_prompt, settings.prompt)
    job = Job(
        unet=model.unet,
        alphas=model.scheduler.alphas_cumprod,
        text=torch.stack([encode_prompt(model, prompt) for prompt in prompts]),
        frames=frames,
        timesteps=timesteps,
        source={t: trajectory.at(t).read(frames) for t in timesteps},
        start=start_latents(shot, settings)[: len(frames)],
        keyframes=keyframes,
        released=settings.mode == "released",
        guidance=settings.guidance,
        interval=settings.keyframe_interval,
        qk_steps=1 if injects else 0,
        conv_steps=2 if injects else 0,
    )
    return torch.stack(naive_edit(job))


@pytest.mark.parametrize(
    "settings",
    [PAPER, RELEASED, replace(PAPER, **SDEDIT), replace(RELEASED, **SDEDIT)],
    ids=["paper", "released", "paper sdedit", "released sdedit"],
)
def test_the_edit_is_what_the_rules_say(
    model: Model, make_shot: MakeShot, settings: EditSettings
) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    ours, report = shot.edit(settings, None, NOISIEST)
    theirs = naive(shot, settings, report.keyframes)
    assert ours.shape == theirs.shape
    assert [relative(a, b) for a, b in zip(ours, theirs, strict=True)] == pytest.approx(
        [0] * len(theirs), abs=1e-9
    )


Patch = Callable[[pytest.MonkeyPatch], None]


def weight(change: Callable[[Neighbours], Neighbours]) -> Patch:
    """Change what frames are made from."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        for module, name in ((released, "block_neighbours"), (paper, "neighbours")):
            real = getattr(module, name)
            changed = lambda *args, real=real: change(real(*args))  # noqa: E731
            monkeypatch.setattr(module, name, changed)

    return patch


def same_position(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Match every token with the one at its own place."""
    return torch.arange(len(keys)).expand(len(queries), -1)


def unnormalised(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Match by the inner product alone."""
    return (queries @ keys.T).argmax(-1)


def not_extended(x: torch.Tensor, parts: int, frames: int) -> torch.Tensor:
    """Let every keyframe attend to itself."""
    return x


def injected_everywhere(unet: Any) -> Any:
    """Inject queries and keys in all blocks."""
    return tuple(replace(site, injected=True) for site in injection_sites(unet))


injection_sites = injection.self_attentions

BROKEN_IN_CODE: dict[str, Patch] = {
    "weight one half": weight(lambda n: replace(n, weight=0.5)),
    "weights swapped": weight(lambda n: replace(n, weight=1 - n.weight)),
    "only the later keyframe": weight(lambda n: replace(n, weight=1.0)),
    "same position instead of match": lambda m: m.setattr(propagation, "match", same_position),
    "match not normalised": lambda m: m.setattr(propagation, "match", unnormalised),
    "keyframes not extended": lambda m: m.setattr(attention, "as_one_sample", not_extended),
    "injection in all blocks": lambda m: m.setattr(
        injection, "self_attentions", injected_everywhere
    ),
    "injection after the shortcut": lambda m: m.setattr(
        injection, "injected_convolution", lambda unet: unet.up_blocks[1].resnets[1]
    ),
}

BROKEN_IN_SETTINGS: dict[str, dict[str, Any]] = {
    "no injection": {"qk_threshold": 0.0, "conv_threshold": 0.0},
    "no query and key injection": {"qk_threshold": 0.0},
    "query and key injection one step more": {"qk_threshold": 0.7},
    "no convolution injection": {"conv_threshold": 0.0},
    "convolution injection at all steps": {"conv_threshold": 1.0},
    "another seed": {"seed": 2},
    "fixed keyframes": {"keyframes": "fixed"},
}


@pytest.fixture(scope="module")
def expected(model: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """What both modes give."""
    shot = Shot(model, tmp_path_factory.mktemp("expected"), tuple(FRAMES), SIZE)
    return {s.mode: shot.edit(s, None, NOISIEST)[0] for s in (PAPER, RELEASED)}


@pytest.mark.parametrize("mode", ["paper", "released"])
@pytest.mark.parametrize("rule", BROKEN_IN_CODE)
def test_a_rule_that_is_broken_in_the_code_shows(
    model: Model,
    make_shot: MakeShot,
    expected: dict[str, torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
    rule: str,
    mode: str,
) -> None:
    # All keyframes in one pass, so that one place holds the rule.
    settings = replace(PAPER if mode == "paper" else RELEASED, keyframes_per_batch=9)
    BROKEN_IN_CODE[rule](monkeypatch)
    broken, _ = make_shot(model, FRAMES, SIZE).edit(settings, None, NOISIEST)
    assert relative(broken[-1], expected[mode][-1]) > NOTICED


@pytest.mark.parametrize("mode", ["paper", "released"])
@pytest.mark.parametrize("rule", BROKEN_IN_SETTINGS)
def test_a_setting_that_is_changed_shows(
    model: Model, make_shot: MakeShot, expected: dict[str, torch.Tensor], rule: str, mode: str
) -> None:
    if (rule, mode) == ("fixed keyframes", "released"):
        pytest.skip("mode released has no fixed keyframes")
    settings = replace(PAPER if mode == "paper" else RELEASED, **BROKEN_IN_SETTINGS[rule])
    changed, _ = make_shot(model, FRAMES, SIZE).edit(settings, None, NOISIEST)
    assert relative(changed[-1], expected[mode][-1]) > NOTICED


@pytest.mark.parametrize(("mode", "kept"), [("paper", False), ("released", True)])
def test_overwriting_the_source_the_wrong_way_shows(
    model: Model,
    make_shot: MakeShot,
    expected: dict[str, torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    kept: bool,
) -> None:
    rules = {"paper": paper.Paper, "released": released.Released}[mode]
    monkeypatch.setattr(rules, "source_propagated", not kept)
    settings = PAPER if mode == "paper" else RELEASED
    changed, _ = make_shot(model, FRAMES, SIZE).edit(settings, None, NOISIEST)
    assert relative(changed[-1], expected[mode][-1]) > NOTICED
