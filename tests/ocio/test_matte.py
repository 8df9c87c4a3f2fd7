from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from ocio.errors import MatteMismatch, MissingFrames, SequenceNotFound, UnreadableFrame
from ocio.exr import read_frame
from ocio.frame import Frame
from ocio.matte import load_matte
from tests.ocio.plates import rgb, write_plate


@pytest.fixture
def plate(tmp_path: Path) -> Frame:
    channels = {**rgb(16, 24), "matte.a": square(16, 24)}
    path = write_plate(
        tmp_path / "plate" / "p.0001.exr", channels, data=(4, 2), display=(0, 0, 40, 30)
    )
    return read_frame(path, 1)


def square(height: int, width: int) -> np.ndarray:
    matte = np.zeros((height, width), np.float16)
    matte[4:12, 6:18] = 1.0
    return matte


def write_matte(tmp_path: Path, frame: int = 1, name: str = "A", height: int = 30) -> Path:
    samples = np.zeros((height, 40), np.float32)
    samples[6:14, 10:22] = 1.0
    return write_plate(tmp_path / "matte" / f"m.{frame:04}.exr", {name: samples})


def test_a_matte_lands_on_the_plates_data_window(tmp_path: Path, plate: Frame) -> None:
    write_matte(tmp_path)
    matte = load_matte(str(tmp_path / "matte" / "m.####.exr")).read(1, plate)
    assert np.array_equal(matte, square(16, 24).astype(np.float32))


def test_a_channel_of_the_plate_itself_is_a_matte(plate: Frame) -> None:
    assert np.array_equal(load_matte(":matte.a").read(1, plate), square(16, 24))


def test_a_channel_is_named_after_a_colon(tmp_path: Path, plate: Frame) -> None:
    write_matte(tmp_path, name="ball.mask")
    spec = f"{tmp_path}/matte/m.####.exr:ball.mask"
    assert load_matte(spec).read(1, plate).sum() == 96
    with pytest.raises(MatteMismatch, match=r"no channel 'cube'.*ball\.mask") as caught:
        load_matte(spec.replace("ball.mask", "cube")).read(1, plate)
    assert caught.value.exit_code == 65


def test_inverted_it_is_one_beyond_its_own_data(plate: Frame) -> None:
    matte = load_matte(":matte.a", invert=True).read(1, plate)
    assert np.array_equal(matte, 1.0 - square(16, 24).astype(np.float32))


@pytest.mark.parametrize("feather", [1.0, 3.0, 4.5])
def test_a_feather_is_soft_and_ends_in_exact_zero(plate: Frame, feather: float) -> None:
    matte = load_matte(":matte.a", feather=feather).read(1, plate)
    hard = square(16, 24)
    reach = int(np.ceil(1.5 * feather))
    rows, columns = np.nonzero(hard)
    far = np.ones(hard.shape, bool)
    far[
        max(rows.min() - reach, 0) : rows.max() + reach + 1,
        max(columns.min() - reach, 0) : columns.max() + reach + 1,
    ] = False
    assert (matte[far] == 0.0).all()
    assert 0.5 < matte[8, 6] < 0.95
    assert matte.sum() == pytest.approx(96, rel=0.25)


def test_one_file_without_a_number_serves_all_frames(tmp_path: Path, plate: Frame) -> None:
    file = write_matte(tmp_path).rename(tmp_path / "matte" / "still.exr")
    matte = load_matte(str(file))
    matte.check([1, 2, 500])
    assert matte.read(500, plate).sum() == 96


def test_every_missing_frame_of_a_matte_is_named_beforehand(tmp_path: Path) -> None:
    for frame in (1, 4):
        write_matte(tmp_path, frame)
    with pytest.raises(MissingFrames, match="2-3,5"):
        load_matte(str(tmp_path / "matte")).check(range(1, 6))


def test_another_format_than_the_plates_is_refused(tmp_path: Path, plate: Frame) -> None:
    write_matte(tmp_path, height=31)
    with pytest.raises(MatteMismatch, match="40x31.*40x30"):
        load_matte(str(tmp_path / "matte")).read(1, plate)


def test_an_eight_bit_matte_is_read_too(tmp_path: Path, plate: Frame) -> None:
    pixels = np.zeros((30, 40, 1), np.uint8)
    pixels[6:14, 10:22] = 255
    oiio.ImageBuf(pixels).write(str(tmp_path / "m.0001.png"))
    assert load_matte(str(tmp_path / "m.%04d.png")).read(1, plate).sum() == 96


def test_a_damaged_matte_is_named(tmp_path: Path, plate: Frame) -> None:
    path = write_matte(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UnreadableFrame, match=r"m\.0001\.exr"):
        load_matte(str(tmp_path / "matte")).read(1, plate)
    (tmp_path / "m.0001.png").write_text("no picture")
    with pytest.raises(UnreadableFrame, match=r"m\.0001\.png"):
        load_matte(str(tmp_path / "m.0001.png")).read(1, plate)


def test_nan_in_a_matte_edits_nothing(tmp_path: Path, plate: Frame) -> None:
    samples = np.full((30, 40), np.nan, np.float32)
    samples[0, 0] = 5.0
    write_plate(tmp_path / "m.exr", {"A": samples})
    assert not load_matte(str(tmp_path / "m.exr")).read(1, plate).any()


@pytest.mark.parametrize("spec", ["", ":"])
def test_a_matte_without_a_name_is_refused(spec: str) -> None:
    with pytest.raises(MatteMismatch):
        load_matte(spec)


def test_a_drive_letter_is_no_channel() -> None:
    with pytest.raises(SequenceNotFound, match="C:"):
        load_matte("C:/shots/m.####.exr")
