"""Stereo: one eye is edited, the other comes back bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ocio.errors import UnknownLayer
from ocio.exr import inspect, read_frame
from ocio.exr_write import write_frame
from ocio.selection import select_channels
from ocio.stereo import unedited_views
from tests.ocio.plates import rgb, write_parts, write_plate
from tests.ocio.zoo import Channels


def prefixed(prefix: str, channels: Channels) -> Channels:
    return {f"{prefix}.{name}": array for name, array in channels.items()}


@pytest.fixture
def in_one_part(tmp_path: Path) -> Path:
    """Two eyes, of which the right one comes first, with a beauty and a layer each."""
    channels = {
        **rgb(seed=1),
        **prefixed("left", rgb(seed=2)),
        **prefixed("spec", rgb(seed=3)),
        **prefixed("spec.left", rgb(seed=4)),
    }
    names = ("string[2]", ("right", "left"))
    return write_plate(tmp_path / "one.exr", channels, attributes={"multiView": names})


@pytest.fixture
def in_two_parts(tmp_path: Path) -> Path:
    parts = [
        (rgb(seed=number), {"attributes": {"name": f"rgba.{eye}", "view": eye}})
        for number, eye in enumerate(("left", "right"))
    ]
    return write_parts(tmp_path / "two.exr", parts)


@pytest.mark.parametrize(
    ("layer", "view", "channel", "left"),
    [
        (None, None, "R", ("left",)),
        (None, "right", "R", ("left",)),
        (None, "left", "left.R", ("right",)),
        ("spec", "right", "spec.R", ("left",)),
        ("spec", "left", "spec.left.R", ("right",)),
    ],
)
def test_views_in_one_part(
    in_one_part: Path, layer: str | None, view: str | None, channel: str, left: tuple[str, ...]
) -> None:
    header = inspect(in_one_part)
    selection = select_channels(header, layer, None, view)
    assert selection.rgb[0] == channel
    assert unedited_views(header, selection) == left


@pytest.mark.parametrize(("view", "part"), [(None, 0), ("left", 0), ("right", 1)])
def test_views_in_parts_of_their_own(in_two_parts: Path, view: str | None, part: int) -> None:
    header = inspect(in_two_parts)
    selection = select_channels(header, view=view)
    assert selection.part == part
    assert unedited_views(header, selection) == (("right", "left")[part],)


def test_the_other_eye_keeps_its_bits(in_one_part: Path, tmp_path: Path) -> None:
    frame = read_frame(in_one_part)
    darker = frame.rgb(view="left") / np.float32(2)
    touched = np.ones(darker.shape, np.bool_)
    write_frame(tmp_path / "o.exr", frame.with_rgb(darker, touched, view="left"))
    back = read_frame(tmp_path / "o.exr")
    assert np.array_equal(back.rgb(view="left"), darker.astype(np.float16))
    for name, samples in frame.parts[0].channels.items():
        if not name.startswith("left."):
            assert np.array_equal(back.parts[0].channels[name], samples)


@pytest.mark.parametrize("part", [None, 0])
def test_a_view_that_is_not_there_is_refused_and_the_hint_lists_those_that_are(
    in_two_parts: Path, part: int | None
) -> None:
    with pytest.raises(UnknownLayer, match=r"stereo view 'middle'.*left.*right"):
        select_channels(inspect(in_two_parts), part=part, view="middle")


def test_a_part_of_one_eye_is_not_the_other(in_two_parts: Path) -> None:
    with pytest.raises(UnknownLayer, match=r"part '0' the stereo view 'right'"):
        select_channels(inspect(in_two_parts), part=0, view="right")
