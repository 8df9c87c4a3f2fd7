from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from ocio.errors import DeepImage, UnknownLayer, UnreadableFrame, UnsupportedSamples
from ocio.exr import inspect, read_frame
from ocio.window import Window
from tests.ocio.plates import bits, rgb, write_parts, write_plate


def test_half_float_and_integer_channels_of_one_part_keep_their_bits(tmp_path: Path) -> None:
    every_half = np.arange(65536, dtype=np.uint16).reshape(256, 256).view(np.float16)
    random = np.random.default_rng(0)
    identifiers = random.integers(0, 2**32, (256, 256), dtype=np.uint32).view(np.float32)
    channels = {**dict.fromkeys("RGB", every_half), "id": identifiers}
    frame = read_frame(write_plate(tmp_path / "a.exr", channels))
    for name, expected in channels.items():
        assert np.array_equal(bits(frame.parts[0].channels[name]), bits(expected)), name


def test_windows_tiles_and_attributes_are_read_with_their_types(tmp_path: Path) -> None:
    path = write_plate(
        tmp_path / "a.exr",
        rgb(32, 40),
        data=(-3, 5),
        display=(0, 0, 64, 48),
        attributes={
            "smpte:TimeCode": ("timecode", (0x10203040, 7)),
            "framesPerSecond": ("rational", (24000, 1001)),
            "PixelAspectRatio": 2.0,
        },
    )
    part = inspect(path).parts[0]
    assert part.data_window == Window(-3, 5, 40, 32)
    assert part.display_window == Window(0, 0, 64, 48)
    assert part.pixel_aspect == 2.0
    assert part.attributes["framesPerSecond"].type == "rational"
    assert part.attributes["smpte:TimeCode"].value == (0x10203040, 7)


def test_a_missing_file_names_itself_and_its_frame(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFrame, match=r"a\.exr.*frame 70007") as caught:
        read_frame(tmp_path / "a.exr", 70007)
    assert caught.value.exit_code == 66


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = write_plate(tmp_path / "a.exr", rgb(64, 64))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UnreadableFrame) as caught:
        read_frame(path, 3)
    assert "\n" not in str(caught.value)
    assert caught.value.frame == 3


def test_a_truncated_file_opens_so_that_only_reading_pixels_finds_it(tmp_path: Path) -> None:
    """A trap of the library: if this fails, `inspect` has become able to tell."""
    path = write_plate(tmp_path / "a.exr", rgb(64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert inspect(path).parts[0].data_window.width == 64


def test_damage_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = write_plate(tmp_path / "a.exr", rgb(64, 64))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :][:200] = b""
    content[len(content) // 2 : len(content) // 2 + 200] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises(UnreadableFrame, match="damaged"):
        read_frame(path)


def test_another_format_under_the_name_of_an_exr_is_refused(tmp_path: Path) -> None:
    picture = oiio.ImageBuf(np.zeros((4, 4, 3), np.uint8))
    picture.write(str(tmp_path / "a.png"))
    (tmp_path / "a.png").rename(tmp_path / "a.exr")
    with pytest.raises(UnreadableFrame, match="cannot be read as EXR"):
        read_frame(tmp_path / "a.exr")


def write_deep(path: Path) -> Path:
    spec = oiio.ImageSpec(4, 4, 2, "float")
    spec.deep = True
    spec.channelnames = ("A", "Z")
    pixels = oiio.DeepData()
    pixels.init(spec)
    output: Any = oiio.ImageOutput.create("exr")
    assert output.open(str(path), spec)
    assert output.write_deep_image(pixels)
    output.close()
    return path


@pytest.mark.parametrize("read", [inspect, read_frame])
def test_a_deep_image_is_refused_from_its_header(tmp_path: Path, read: Any) -> None:
    with pytest.raises(DeepImage, match="flatten") as caught:
        read(write_deep(tmp_path / "deep.exr"), 9)
    assert (caught.value.exit_code, caught.value.frame) == (65, 9)


def stereo(tmp_path: Path) -> Path:
    right, left = rgb(seed=1), rgb(seed=2)
    channels = {**right, **{f"left.{name}": array for name, array in left.items()}}
    names = ("string[2]", ("right", "left"))
    return write_plate(tmp_path / "s.exr", channels, attributes={"multiView": names})


def test_the_first_parts_rgb_is_edited_unless_a_layer_is_named(tmp_path: Path) -> None:
    frame = read_frame(stereo(tmp_path))
    assert frame.select().rgb == ("R", "G", "B")
    assert np.array_equal(frame.rgb("left")[..., 0], rgb(seed=2)["R"].astype(np.float32))


def test_a_part_is_chosen_by_name_or_number(tmp_path: Path) -> None:
    parts = [
        (rgb(seed=1), {"attributes": {"name": "beauty"}}),
        (rgb(seed=2), {"attributes": {"name": "spec", "view": "left"}}),
    ]
    frame = read_frame(write_parts(tmp_path / "m.exr", parts))
    for choice in ("spec", 1, "1"):
        assert frame.select(part=choice).part == 1


def test_an_unknown_layer_is_refused_and_the_hint_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UnknownLayer, match="layer 'middle'.*left") as caught:
        read_frame(stereo(tmp_path)).rgb("middle")
    assert caught.value.exit_code == 65


def test_a_frame_without_colour_is_refused(tmp_path: Path) -> None:
    depth = {"Z": np.ones((4, 4), np.float32)}
    with pytest.raises(UnknownLayer):
        read_frame(write_plate(tmp_path / "z.exr", depth)).select()


def test_integer_colour_is_refused(tmp_path: Path) -> None:
    channels = dict.fromkeys("RGB", np.ones((4, 4), np.uint32))
    with pytest.raises(UnsupportedSamples):
        read_frame(write_plate(tmp_path / "i.exr", channels)).select()


def test_new_samples_leave_all_others_bit_for_bit(tmp_path: Path) -> None:
    channels = {**rgb(nasty=True), "Z": np.full((16, 24), 1e9, np.float32)}
    frame = read_frame(write_plate(tmp_path / "a.exr", channels))
    touched = np.zeros((16, 24), bool)
    touched[10:12, 3:7] = True
    edited = frame.with_rgb(np.full((16, 24, 3), 0.5, np.float32), touched)
    for name, old in frame.parts[0].channels.items():
        new = edited.parts[0].channels[name]
        assert np.array_equal(bits(new)[~touched], bits(old)[~touched])
        assert (new[touched] == (0.5 if name in "RGB" else 1e9)).all()


def test_what_half_cannot_hold_is_clamped_and_counted(tmp_path: Path) -> None:
    frame = read_frame(write_plate(tmp_path / "a.exr", rgb()))
    light = np.full((16, 24, 3), 1.0, np.float32)
    light[0, 0] = (65504.0, 65520.0, -1e6)
    edited = frame.with_rgb(light, np.ones((16, 24), bool))
    assert edited.rgb()[0, 0].tolist() == [65504.0, 65504.0, -65504.0]
    assert edited.clamped == 2


def test_float_channels_keep_light_beyond_half(tmp_path: Path) -> None:
    frame = read_frame(write_plate(tmp_path / "a.exr", rgb(dtype="float32")))
    edited = frame.with_rgb(np.full((16, 24, 3), 1e6, np.float32), np.ones((16, 24), bool))
    assert edited.clamped == 0
    assert (edited.rgb() == 1e6).all()
