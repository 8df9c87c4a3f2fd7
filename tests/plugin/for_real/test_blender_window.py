"""Blender's own window with the panel in it: one edit, from the plate's node to the result's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.plugin.for_real.blender_play import BLENDER_WIDE, Home, play_in_blender, render_plate
from tests.tokenflow.conftest import tiny_checkpoint

__all__ = ["tiny_checkpoint"]

OURS = (b"tokenflow_panel", b"tokenflow_start")


@pytest.fixture(scope="module")
def seen(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was seen while the play was played."""
    for program in ("blender", "Xvfb"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine")
    folder = tmp_path_factory.mktemp("blender")
    home = Home(folder / "home with a space and an ü")
    before = home.files()
    home.tokenflow("hosts", "install", "blender")
    first = render_plate(home.folder / "shots/plate", 5, 64, 36)
    # Below the home, where the service may look without being told.
    checkpoint = shutil.copytree(tiny_checkpoint, home.folder / "shots/tiny")
    words = {"prompt": "a blue ball", "source_prompt": "a red ball"}
    quick = {"steps": 2, "inversion_steps": 2, "inversion_evaluations": 1}
    play = {
        "project": str(home.folder / "shots/comp.blend"),
        "first_file": first,
        "frames": [5, 1000, 1],
        "edit": {**words, "checkpoint": str(checkpoint), **quick},
    }
    pictures = {name: folder / f"{name}.png" for name in ("edit", "menu")}
    found = play_in_blender(home, folder / "play", play, pictures)
    home.tokenflow("hosts", "uninstall", "blender")
    shutil.rmtree(home.folder / "shots")
    left = {name: text for name, text in home.files().items() if name not in before}
    return {**found, "left": left, "pictures": pictures}


def test_the_play_was_played_to_its_end(seen: dict[str, Any]) -> None:
    assert "error" not in seen, seen["error"] + seen["log"]
    assert seen["code"] == 0, seen["log"]


def test_the_panel_is_on_the_screen_beside_blender(seen: dict[str, Any]) -> None:
    with Image.open(seen["pictures"]["edit"]) as screen:
        panel = screen.crop((BLENDER_WIDE, 0, *screen.size))
        # A screen without it is black, and without the plate in it there are a few greys.
        assert panel.getcolors(maxcolors=1000) is None


def test_the_plate_is_read_from_the_compositors_node(seen: dict[str, Any]) -> None:
    assert seen["shot"] == ["1001-1005", seen["space"]]


def test_the_job_is_done_by_the_service(seen: dict[str, Any]) -> None:
    assert seen["job"] == ["done", "None"]


def test_the_result_is_a_node_with_range_and_colour_space(seen: dict[str, Any]) -> None:
    node = seen["node"]
    assert node["frames"] == [1001, 5]
    assert node["start"][0] == node["start"][1]
    assert (node["space"], node["source"]) == (seen["space"], "SEQUENCE")
    assert node["file"].endswith("/shots/edit/v001/plate_v001.1001.exr")


def test_placing_is_undone_by_one_step_and_redone(seen: dict[str, Any]) -> None:
    assert len(seen["after_undo"]) == 1
    assert seen["after_redo"] is True


def test_the_panel_outlives_that_another_file_is_opened(seen: dict[str, Any]) -> None:
    assert seen["after_new_file"] == {"visible": True, "pumped": True, "project": ""}
    assert seen["prompt_of_the_project"] is True


def test_uninstalling_leaves_nothing_beside_what_blender_and_the_service_keep(
    seen: dict[str, Any],
) -> None:
    assert not [name for name in seen["left"] if "hosts" in name]
    others = {name: text for name, text in seen["left"].items() if not name.startswith("tokenflow")}
    assert any(name.endswith("userpref.blend") for name in others), "Blender keeps its preferences"
    for name, text in others.items():
        assert not [each for each in OURS if each in name.encode() + text], name
