"""What an earlier run left in the workspace is not computed again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tokenflow.frames import exr_files
from tests.tokenflow.program import Ran
from tokenflow.checkpoints.load import load_model
from tokenflow.diffusion.model import Model


@pytest.fixture
def stages(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> Callable[..., dict[str, bool]]:
    """Return a function that edits and tells for every stage whether it was reused."""
    made = 0

    def run(*arguments: object) -> dict[str, bool]:
        nonlocal made
        made += 1
        out = tmp_path / f"out {made}"
        own = ("--workspace", tmp_path / "ws", "--progress", "json")
        ran = edit(demo_plate, out, *own, *arguments)
        assert ran.code == 0, ran.err
        events: list[dict[str, Any]] = [json.loads(line) for line in ran.out.splitlines()]
        ended = [event for event in events if event["event"] == "stage_finished"]
        return {event["stage"]: event["reused"] for event in ended}

    return run


def test_the_same_edit_again_only_merges(
    stages: Callable[..., dict[str, bool]], tmp_path: Path
) -> None:
    assert not any(stages().values())
    assert stages() == {
        **dict.fromkeys(("read", "encode", "invert", "edit", "decode", "delta"), True),
        "merge": False,
    }
    assert exr_files(tmp_path / "out 1") == exr_files(tmp_path / "out 2")


def test_an_edit_that_is_there_is_merged_again_without_loading_the_model(
    stages: Callable[..., dict[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[object] = []

    def counted(*arguments: Any) -> Model:
        loaded.append(arguments)
        return load_model(*arguments)

    monkeypatch.setattr("tokenflow.pipeline.run.load_model", counted)
    stages()
    assert len(loaded) == 1
    stages("--strength", "0.5", "--matte", ":matte.a")
    assert len(loaded) == 1


def test_another_prompt_pays_for_no_second_inversion(
    stages: Callable[..., dict[str, bool]], tmp_path: Path
) -> None:
    stages()
    second = stages("--prompt", "a red floor")
    assert second["read"] and second["encode"] and second["invert"]
    assert not second["edit"] and not second["delta"]
    assert exr_files(tmp_path / "out 1") != exr_files(tmp_path / "out 2")


@pytest.mark.parametrize(
    ("option", "first_new"),
    [
        (("--seed", "5"), "edit"),
        (("--source-prompt", "a ball"), "invert"),
        (("--inversion-steps", "4"), "invert"),
        (("--size", "64x32"), "read"),
        (("--encoding", "log"), "read"),
        (("--strength", "0.5"), "merge"),
    ],
)
def test_a_setting_makes_new_what_depends_on_it_and_no_more(
    stages: Callable[..., dict[str, bool]], option: tuple[str, str], first_new: str
) -> None:
    stages()
    again = stages(*option)
    order = [*again]
    assert order.index(first_new) == next(
        index for index, stage in enumerate(order) if not again[stage]
    )
