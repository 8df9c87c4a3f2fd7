"""Several processes edit one shot: the same bits as one, and one that dies ends the others."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from benchmarks.random_model import random_model
from tests.tokenflow.diffusion.shot import Shot, levels_of
from tokenflow.diffusion.editor import edit
from tokenflow.diffusion.injection import self_attentions
from tokenflow.diffusion.inversion import invert
from tokenflow.diffusion.latents import Trajectory
from tokenflow.diffusion.ranks import Ranks, joined
from tokenflow.diffusion.settings import EditSettings, InversionSettings
from tokenflow.diffusion.source_features import SourceFeatures
from tokenflow.errors import WorkerDied

LONG = 300.0  # seconds; a busy machine loads libraries slowly
FRAMES = range(-3, 15)
SIZE = (8, 8)
SMALL = EditSettings(
    prompt="a red ball", steps=2, keyframe_interval=2, frames_per_batch=3, keyframes_per_batch=2
)

Work = Callable[[Ranks, Any], object]


def _member(work: Work, folder: str, rank: int, size: int, given: Any) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    place = Path(folder)
    with joined(place / "meeting", rank, size, torch.device("cpu")) as ranks:
        try:
            found = work(ranks, given)
        except WorkerDied as error:
            found = error.message
    (place / f"found {rank}").write_bytes(pickle.dumps(found))


def together(work: Work, folder: Path, size: int, given: Any = None) -> list[Any]:
    """Run something in several ranks; give what each returned, None for one that died."""
    folder.mkdir()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tokenflow.cli.door", "tokenflow.pipeline"])
    members = [
        context.Process(target=_member, args=(work, str(folder), rank, size, given))
        for rank in range(size)
    ]
    for member in members:
        member.start()
    for member in members:
        member.join(LONG)
        assert member.exitcode is not None, "it did not end"
    files = [folder / f"found {rank}" for rank in range(size)]
    return [pickle.loads(file.read_bytes()) if file.exists() else None for file in files]


def _edited(ranks: Ranks, given: Sequence[Any]) -> list[tuple[int, int]]:
    """Edit several times; UNet samples and bytes received of each."""
    model, found = random_model(), []
    for trajectory, x0, out, settings, features in given:
        before = ranks.received
        report = edit(model, trajectory, x0, out, settings, features=features, ranks=ranks)
        found.append((report.samples, ranks.received - before))
    return found


def _inverted(ranks: Ranks, given: Any) -> Any:
    x0, out, settings = given
    return invert(random_model(), x0, out, settings, "a ball", ranks=ranks)


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    """A small shot in float32, with negative frame numbers."""
    return Shot(random_model(), tmp_path_factory.mktemp("shot"), tuple(FRAMES), SIZE)


METHODS = {
    "one micro-batch of keyframes": replace(SMALL, keyframes_per_batch=16),
    "micro-batches in step": SMALL,
    "released": replace(SMALL, mode="released"),
    "sdedit": replace(SMALL, technique="sdedit"),
    "per-frame": replace(SMALL, method="per-frame"),
    "joint-attention": replace(SMALL, method="joint-attention"),
}


class Compared(NamedTuple):
    """One edit by one process, and by several."""

    one: torch.Tensor
    several: torch.Tensor
    samples: int
    of_ranks: list[tuple[int, int]]


def compared(shot: Shot, folder: Path, size: int, asked: Sequence[EditSettings]) -> list[Compared]:
    """Edit in one process and in several, which are started once for all edits."""
    given, alone = [], []
    for settings in asked:
        extra: Sequence[int] = (999,) if settings.mode == "released" else ()
        source = shot.trajectory(settings, *extra)
        one, several = shot.output(settings), shot.output(settings)
        report = edit(shot.model, source, shot.x0, one, settings)
        given.append((source, shot.x0, several, settings, None))
        alone.append((one, several, report.samples))
    found = together(_edited, folder, size, given)
    return [
        Compared(levels_of(one), levels_of(several), samples, [rank[number] for rank in found])
        for number, (one, several, samples) in enumerate(alone)
    ]


@pytest.fixture(scope="module")
def two_ranks(shot: Shot, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Compared]:
    """All methods by two ranks."""
    folder = tmp_path_factory.mktemp("two") / "ranks"
    return dict(zip(METHODS, compared(shot, folder, 2, [*METHODS.values()]), strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_two_ranks_edit_as_one_process_to_the_bit(
    two_ranks: dict[str, Compared], method: str
) -> None:
    found = two_ranks[method]
    assert torch.equal(found.several, found.one)
    assert [samples for samples, _ in found.of_ranks] == [found.samples] * 2


def test_four_ranks_edit_as_one_process_to_the_bit_though_some_have_no_keyframes(
    shot: Shot, tmp_path: Path
) -> None:
    few = replace(SMALL, keyframe_interval=5)
    for found in compared(shot, tmp_path / "ranks", 4, [few, SMALL]):
        assert torch.equal(found.several, found.one)


def test_ranks_keep_and_read_what_another_prompt_on_the_shot_needs(
    shot: Shot, tmp_path: Path, two_ranks: dict[str, Compared]
) -> None:
    trajectory, features = shot.trajectory(SMALL), SourceFeatures(tmp_path / "kept", shot.frames)
    outs = [shot.output(SMALL) for _ in range(2)]
    given = [(trajectory, shot.x0, out, SMALL, features) for out in outs]
    (first, _), (second, _) = together(_edited, tmp_path / "ranks", 2, given)[0]
    assert second < first
    for out in outs:
        assert torch.equal(levels_of(out), two_ranks["micro-batches in step"].one)


def test_ranks_invert_as_one_process_to_the_bit(shot: Shot, tmp_path: Path) -> None:
    settings = InversionSettings(steps=3, frames_per_batch=4)
    one, alone = shot.invert(settings)
    several = Trajectory(tmp_path / "several", one.timesteps, one.frames, one.shape, one.dtype)
    found = together(_inverted, tmp_path / "ranks", 2, (shot.x0, several, settings))
    assert torch.equal(levels_of(several), levels_of(one))
    assert found == [alone, alone]


def test_each_rank_receives_what_the_formula_says(
    shot: Shot, two_ranks: dict[str, Compared]
) -> None:
    """Per step 7 · K · Σ(tokens · width) numbers, of which each rank has a share already."""
    keyframes = len({frame // SMALL.keyframe_interval for frame in FRAMES})
    received = sum(of for _, of in two_ranks["micro-batches in step"].of_ranks)
    assert received == SMALL.steps * 7 * keyframes * _numbers_per_keyframe(shot) * 4


def _numbers_per_keyframe(shot: Shot) -> int:
    numbers = 0

    def count(module: Any, inputs: Any, options: Any) -> None:
        nonlocal numbers
        features = inputs[0] if inputs else options["hidden_states"]
        numbers += features.shape[1] * features.shape[2]

    unet = shot.model.unet
    hooks = [
        site.attention.register_forward_pre_hook(count, with_kwargs=True)
        for site in self_attentions(unet)
    ]
    width = unet.config.cross_attention_dim
    with torch.inference_mode():
        unet(shot.x0.read(shot.frames[:1]), 1, torch.zeros(1, 4, width))
    for hook in hooks:
        hook.remove()
    return numbers


def _dying(ranks: Ranks, given: Any) -> None:
    if ranks.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    ranks.handed_round(None, 1)


def test_a_rank_that_dies_is_an_error_of_the_others_that_may_be_tried_again(tmp_path: Path) -> None:
    left, died = together(_dying, tmp_path / "ranks", 2)
    assert died is None
    assert "has gone" in left
    assert WorkerDied.exit_code == 75
