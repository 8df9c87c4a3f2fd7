"""Blender as the module `bpy`: what is told of plates, and what a placed result really shows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import pytest

from ocio.frame_range import FrameRange
from plugin.hosts.blender.images import MARK, make_compositor_tree
from plugin.install.generate import LOADED
from plugin.install.place import place
from tests.plugin.host_cases import HostCase
from tests.plugin.hosts.blender_scene import add_image_node, blender_case, placed
from ui.host import HostResult

FRAMES = range(1001, 1006)


def value_of(frame: int) -> float:
    """The value that all pixels of a numbered frame have, exact in half floats."""
    return (frame - 1000) / 16


@pytest.fixture
def numbered(tmp_path: Path) -> str:
    """A sequence on disk in which every frame holds its own number."""
    return write_numbered(tmp_path / "plate" / "plate")


def write_numbered(stem: Path, factor: float = 1.0) -> str:
    """Write frames 1001 to 1005; returns their pattern."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new("numbered", 4, 4, float_buffer=True)
    image.file_format = "OPEN_EXR"
    for frame in FRAMES:
        image.pixels = [value_of(frame) * factor] * 64
        image.filepath_raw = f"{stem}.{frame}.exr"
        image.save()
    bpy.data.images.remove(image)
    return f"{stem}.####.exr"


@pytest.fixture
def case(tmp_path: Path, numbered: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostCase]:
    """Blender with the numbered plate in its compositor."""
    monkeypatch.delenv("OCIO", raising=False)
    with blender_case(tmp_path, numbered) as case:
        yield case


def result(case: HostCase, pattern: str, frames: str = "1001-1005", **changes: Any) -> HostResult:
    """Return a result that is on disk."""
    known = {"job_id": "job-1", "colorspace": "Linear Rec.709", "plate_path": case.plate}
    return HostResult(path=pattern, frames=FrameRange.parse(frames), **{**known, **changes})


def shown(node: Any, moment: int, tmp_path: Path) -> float:
    """Render the compositor with this node as its output; returns the value of a pixel."""
    scene, tree = bpy.context.scene, node.id_data
    for each in [each for each in tree.nodes if each.type in ("GROUP_OUTPUT", "COMPOSITE")]:
        tree.nodes.remove(each)
    if not tree.interface.items_tree:
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    output = tree.nodes.new("NodeGroupOutput")
    tree.links.new(node.outputs["Image"], output.inputs["Image"])
    if scene.camera is None:
        scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        scene.collection.objects.link(scene.camera)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.device = "CPU"
    scene.render.resolution_x = scene.render.resolution_y = 4
    scene.render.use_compositing = True
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGB"
    scene.render.filepath = str(tmp_path / f"rendered{moment}.exr")
    scene.frame_set(moment)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    value = float(image.pixels[0])
    bpy.data.images.remove(image)
    return value


@pytest.mark.parametrize("start", [1, 101])
def test_a_result_stands_at_the_moments_of_its_plate(
    case: HostCase, tmp_path: Path, start: int
) -> None:
    edit = write_numbered(tmp_path / "edit" / "edit_v001", 0.5)
    (plate,) = (n for n in make_compositor_tree(bpy.context.scene).nodes if n.type == "IMAGE")
    plate.frame_start = start
    space = plate.image.colorspace_settings.name  # which Blender writes into what it saves
    case.host.place_result(result(case, edit, "1002-1004", colorspace=space))
    tree = make_compositor_tree(bpy.context.scene)
    (node,) = (each for each in tree.nodes if MARK in each)
    for frame in (1002, 1004):
        moment = start + frame - 1001
        # Not to the last bit: what is rendered went through Blender's colour spaces and back.
        assert shown(plate, moment, tmp_path) == pytest.approx(value_of(frame), rel=1e-3)
        assert shown(node, moment, tmp_path) == pytest.approx(value_of(frame) / 2, rel=1e-3)


def test_the_frames_told_are_those_that_the_node_shows(case: HostCase, numbered: str) -> None:
    add_image_node(numbered, 1002, 1004, start=50, name="Cut")
    plates = case.host.plates()
    assert [(plate.name, str(plate.frames)) for plate in plates] == [("Cut", "1002-1004")]


def test_a_still_is_told_as_the_file_that_it_is(case: HostCase, numbered: str) -> None:
    node = add_image_node(numbered, name="Still")
    node.image.source = "FILE"
    (plate,) = case.host.plates()
    assert plate.path.endswith("plate.1001.exr")
    assert plate.frames is None


def test_a_path_beside_the_project_is_told_in_full(case: HostCase, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "comp.blend"))
    (node,) = (n for n in make_compositor_tree(bpy.context.scene).nodes if n.type == "IMAGE")
    node.image.filepath = "//plate/plate.1001.exr"
    assert [plate.path for plate in case.host.plates()] == [case.plate]


def test_a_plate_in_data_space_is_told_as_raw(case: HostCase) -> None:
    (node,) = (n for n in make_compositor_tree(bpy.context.scene).nodes if n.type == "IMAGE")
    node.image.colorspace_settings.name = "Non-Color"
    (plate,) = case.host.plates()
    assert (plate.raw, plate.explicit) == (True, False)


def test_colours_are_blenders_own_config_space_and_view(case: HostCase) -> None:
    colour = case.host.colour()
    assert colour is not None
    assert Path(str(colour.config)).name == "config.ocio"
    assert (colour.chosen_by, len(colour.config_sha256)) == ("built-in", 64)
    assert (colour.working_space, colour.interop_id) == ("Linear Rec.709", "lin_rec709_scene")
    assert colour.display_view == "sRGB/AgX"


def test_a_rate_with_a_base_is_a_fraction(case: HostCase) -> None:
    bpy.context.scene.render.fps_base = 1.001
    timeline = case.host.timeline()
    assert timeline is not None
    assert timeline.fps == Fraction(24000, 1001)


def test_a_result_gets_the_space_of_its_plate(case: HostCase, numbered: str) -> None:
    case.host.place_result(result(case, numbered, colorspace="ACEScg"))
    assert [space for _, _, space in placed()] == ["ACEScg"]


# The sequencer.


@pytest.fixture
def strip(case: HostCase, numbered: str) -> Any:
    """The plate in the sequencer alone, its first two frames trimmed away, standing at 100."""
    tree = make_compositor_tree(bpy.context.scene)
    tree.nodes.clear()
    strips = bpy.context.scene.sequence_editor_create().strips
    folder = Path(numbered).parent
    made = strips.new_image("Plate", str(folder / "plate.1001.exr"), 1, 100)
    for frame in FRAMES[1:]:
        made.elements.append(f"plate.{frame}.exr")
    made.frame_offset_start = 2
    bpy.context.scene.sequence_editor.active_strip = made
    made.select = True
    return made


def test_a_strip_is_a_plate_between_its_trimmed_ends(case: HostCase, strip: Any) -> None:
    (plate,) = case.host.plates()
    assert (plate.path, plate.name, str(plate.frames)) == (case.plate, "Plate", "1003-1005")


def test_the_result_of_a_strip_is_a_strip_above_it_at_the_same_moments(
    case: HostCase, strip: Any, tmp_path: Path
) -> None:
    edit = write_numbered(tmp_path / "edit" / "edit_v001", 0.5)
    handle = case.host.place_result(result(case, edit, "1003-1004"))
    strips = bpy.context.scene.sequence_editor.strips
    above = next(each for each in strips if each != strip)
    assert (above.channel, above.frame_final_start) == (2, strip.frame_final_start)
    assert [each.filename for each in above.elements] == [
        "edit_v001.1003.exr",
        "edit_v001.1004.exr",
    ]
    assert case.host.place_result(result(case, edit, "1003-1005")) == handle
    assert [frames for _, frames, _ in placed()] == ["1003-1005"]
    case.host.reload(str(handle))


def test_a_channel_that_is_taken_is_left_alone(case: HostCase, strip: Any, tmp_path: Path) -> None:
    strips = bpy.context.scene.sequence_editor.strips
    strips.new_effect("Grade", "COLOR", 2, frame_start=100, **_length(10))
    edit = write_numbered(tmp_path / "edit" / "edit_v001")
    case.host.place_result(result(case, edit))
    above = next(each for each in strips if MARK in each)
    assert above.channel == 3


def _length(frames: int) -> dict[str, int]:
    """Return how an effect's length is told; Blender 5 calls it otherwise."""
    return {"length": frames} if bpy.app.version >= (5, 0, 0) else {"frame_end": 100 + frames}


# The extension.


def test_blenders_own_check_finds_nothing_wrong_with_the_extension(tmp_path: Path) -> None:
    tool = Path(bpy.utils.resource_path("LOCAL")) / "scripts/addons_core/bl_pkg/cli/blender_ext.py"
    ran = subprocess.run(
        [sys.executable, str(tool), "validate", str(LOADED / "blender")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_it_is_enabled_and_disabled_as_an_extension(tmp_path: Path, repository: Path) -> None:
    folder = tmp_path / "user/extensions/user_default/tokenflow_panel"
    folder.mkdir(parents=True)
    for name in ("__init__.py", "blender_manifest.toml"):
        (folder / name).write_text((LOADED / "blender" / name).read_text())
    (folder / "place.json").write_text(place(with_qt=True))
    program = (
        "import bpy, addon_utils\n"
        "addon_utils.extensions_refresh()\n"
        "name = 'bl_ext.user_default.tokenflow_panel'\n"
        "assert addon_utils.enable(name, persistent=True) is not None\n"
        "print(hasattr(bpy.types, 'TOKENFLOW_OT_panel'), bpy.ops.tokenflow.panel.poll())\n"
        "addon_utils.disable(name)\n"
        "print(hasattr(bpy.types, 'TOKENFLOW_OT_panel'))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "user"), "PYTHONPATH": ""},
    )
    assert ran.stdout.split() == ["True", "False", "False"], ran.stdout + ran.stderr
