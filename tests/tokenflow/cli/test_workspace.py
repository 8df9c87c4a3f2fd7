"""What earlier jobs left: listed, and pruned without harm to a job that runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tokenflow.program import Ran
from tokenflow.workspace import GONE, OWNER, Workspace, content_key

Command = Callable[..., Ran]

DAY = 86400


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    """A workspace with an inversion used today and features used a month ago."""
    workspace = Workspace(tmp_path / "ws")
    for name, size, days in (("invert", 1 << 20, 0), ("features", 3 << 20, 30)):
        with workspace.stage(name, content_key(name)) as folder:
            (folder / "latents.npy").write_bytes(bytes(size))
        used = (folder / OWNER).stat().st_mtime - days * DAY
        os.utime(folder / OWNER, (used, used))
    (workspace.root / "notes-of-somebody").mkdir()
    return workspace


def stages(ran: Ran) -> list[str]:
    assert ran.code == 0, ran.err
    return [line.split()[2] for line in ran.out.splitlines()]


def test_results_are_listed_with_size_and_age_the_largest_first(
    tokenflow: Command, space: Workspace
) -> None:
    ran = tokenflow("workspace", "list", "--workspace", space.root)
    assert stages(ran) == ["features", "invert"]
    size, days = map(float, ran.out.split()[:2])
    assert size == pytest.approx(3, abs=0.1)
    assert days == pytest.approx(30, abs=0.1)


def test_a_result_is_listed_with_the_plate_that_it_was_made_of(
    tokenflow: Command, space: Workspace
) -> None:
    with space.stage("invert", content_key("invert")) as folder:
        space.name_shot(folder, "/shows/a b/sh010.####.exr")
    ran = tokenflow("workspace", "list", "--workspace", space.root)
    (line,) = [line for line in ran.out.splitlines() if "invert" in line]
    assert line.endswith(f"{content_key('invert')}  /shows/a b/sh010.####.exr")


def test_what_nobody_used_for_two_weeks_goes(tokenflow: Command, space: Workspace) -> None:
    prune = ("workspace", "prune", "--workspace", space.root)
    assert stages(tokenflow(*prune, "--dry-run")) == ["features"]
    assert len(space.kept()) == 2
    assert stages(tokenflow(*prune)) == ["features"]
    assert [one.stage for one in space.kept()] == ["invert"]
    assert (space.root / "notes-of-somebody").is_dir()


def test_a_stage_can_be_pruned_by_itself(tokenflow: Command, space: Workspace) -> None:
    chosen = ("--stage", "invert", "--older-than", "0")
    assert stages(tokenflow("workspace", "prune", "--workspace", space.root, *chosen)) == ["invert"]
    assert [one.stage for one in space.kept()] == ["features"]


def test_a_stage_that_is_not_kept_is_named_beside_those_that_are(
    tokenflow: Command, space: Workspace
) -> None:
    chosen = ("--stage", "feature", "--stage", "invert", "--dry-run")
    ran = tokenflow("workspace", "prune", "--workspace", space.root, *chosen)
    assert ran.code == 0
    assert "nothing of feature is kept here; there are: features, invert" in ran.err


def test_what_a_job_works_on_stays(tokenflow: Command, space: Workspace) -> None:
    with space.stage("features", content_key("features")):
        listed = tokenflow("workspace", "list", "--workspace", space.root)
        assert "in use" in listed.out.splitlines()[0]
        gone = tokenflow("workspace", "prune", "--workspace", space.root, "--older-than", "0")
        assert stages(gone) == ["invert"]
    assert [one.stage for one in space.kept()] == ["features"]


def test_a_workspace_that_is_not_there_is_empty(tokenflow: Command, tmp_path: Path) -> None:
    ran = tokenflow("workspace", "list", "--workspace", tmp_path / "none")
    assert (ran.code, ran.out) == (0, "")


def test_what_an_interrupted_prune_left_goes_with_the_next(
    tokenflow: Command, space: Workspace
) -> None:
    for stage in ("features", "decode"):
        left = space.root / f"{GONE}{stage}-{content_key('features')}"
        left.mkdir()
        (left / "latents.npy").write_bytes(b"old")
    prune = ("workspace", "prune", "--workspace", space.root)
    tokenflow(*prune, "--dry-run")
    assert len([*space.root.glob(f"{GONE}*")]) == 2
    assert stages(tokenflow(*prune)) == ["features"]
    assert not [*space.root.glob(f"{GONE}*")]


def test_a_result_that_was_removed_half_before_is_removed_all_the_same(space: Workspace) -> None:
    largest = space.kept()[0]
    left = space.root / f"{GONE}{largest.folder.name}"
    left.mkdir()
    (left / "latents.npy").write_bytes(b"old")
    assert space.remove(largest)
    assert not left.exists() and not largest.folder.exists()
