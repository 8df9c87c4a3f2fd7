"""The whole road with an edit that changes nothing: the plate must come back bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ocio.exr import inspect, read_frame
from ocio.sequence import find_sequence
from tests.ocio.plates import rgb, shared_plate, write_parts, write_plate
from tests.tokenflow.frames import changed
from tests.tokenflow.program import Ran

Edit = Callable[..., Ran]

# Statements about the file and not about the shot.
OWN = ("tokenflow/", "software", "Software", "openexr:", "oiio:")


def assert_same_shot(plate: Path, result: Path) -> None:
    """Compare all frames: samples, windows, compression, and attributes."""
    before, after = find_sequence(plate), find_sequence(result)
    assert after.frames == before.frames
    for frame in before.frames:
        assert changed(before.path(frame), after.path(frame)) == {}
        old, new = inspect(before.path(frame)), inspect(after.path(frame))
        for mine, theirs in zip(new.parts, old.parts, strict=True):
            kept = {k: a for k, a in theirs.attributes.items() if not k.startswith(OWN)}
            found = {k: a for k, a in mine.attributes.items() if k in kept}
            assert found == kept
            assert (mine.data_window, mine.display_window) == (
                theirs.data_window,
                theirs.display_window,
            )
            assert (mine.name, mine.pixel_aspect, mine.tile, mine.compression) == (
                theirs.name,
                theirs.pixel_aspect,
                theirs.tile,
                theirs.compression,
            )


@pytest.mark.parametrize("encoding", ["view", "log", "reinhard"])
def test_the_demo_shot_comes_back_with_all_its_layers(
    edit: Edit, demo_plate: Path, tmp_path: Path, encoding: str
) -> None:
    ran = edit(demo_plate, tmp_path / "out", "--method", "passthrough", "--encoding", encoding)
    assert ran.code == 0, ran.err
    assert_same_shot(demo_plate, tmp_path / "out")


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_samples_that_tend_to_get_lost_come_back(edit: Edit, tmp_path: Path, dtype: str) -> None:
    for frame in (-1, 0, 1):
        write_plate(
            tmp_path / f"plate/p.{frame:04d}.exr",
            rgb(36, 64, dtype=dtype, seed=frame + 5, nasty=True),
            attributes={
                "colorInteropID": "lin_ap1_scene",
                "framesPerSecond": ("rational", (24, 1)),
            },
        )
    ran = edit(tmp_path / "plate", tmp_path / "out", "--method", "passthrough")
    assert ran.code == 0, ran.err
    assert_same_shot(tmp_path / "plate", tmp_path / "out")
    assert "NaN" in ran.err and "-1-1" in ran.err


def test_other_parts_and_types_come_back(edit: Edit, tmp_path: Path) -> None:
    numbers = np.arange(36 * 64, dtype=np.uint32).reshape(36, 64)
    for frame in (1, 2):
        write_parts(
            tmp_path / f"plate/p.{frame}.exr",
            [
                (
                    rgb(36, 64) | {"A": np.ones((36, 64), np.float16)},
                    {"attributes": {"colorInteropID": "lin_rec709_scene", "name": "beauty"}},
                ),
                (
                    {"id": (numbers / 7).astype(np.float32)},
                    {"attributes": {"name": "crypto", "cryptomatte/abc/name": "uCryptoObject"}},
                ),
            ],
        )
    ran = edit(tmp_path / "plate", tmp_path / "out", "--method", "passthrough")
    assert ran.code == 0, ran.err
    assert_same_shot(tmp_path / "plate", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "options"),
    [("wolf", ()), ("beachball", ("--colorspace", "lin_rec709_scene"))],
)
def test_a_real_plate_comes_back_whole(
    edit: Edit, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    plate = shared_plate(name)
    ran = edit(plate, tmp_path / "out", "--method", "passthrough", *options)
    assert ran.code == 0, ran.err
    assert_same_shot(plate, tmp_path / "out")


def test_an_edit_does_change_the_picture_and_nothing_else(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    """The other tests of this file would pass on an engine that copies files."""
    assert edit(demo_plate, tmp_path / "out").code == 0
    where = changed(demo_plate / "plate.1003.exr", tmp_path / "out/plate.1003.exr")
    assert {name for _, name in where} == {"R", "G", "B"}
    frame = read_frame(tmp_path / "out/plate.1003.exr")
    assert np.isfinite(frame.rgb()).all()
