"""The plate's motion: its own vectors with their signs and units, or what DIS finds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from ocio.config import resolve_config
from ocio.transfer import build_transfer
from ocio.window import Window
from tests.ocio.plates import write_plate
from tests.tokenflow.metrics.clips import HEIGHT, WIDTH, clip_of
from tokenflow.metrics.clip import Viewing
from tokenflow.metrics.plate_motion import PlateMotion

Float32 = npt.NDArray[np.float32]

FRAMES = 4
RIGHT, DOWN = 2.0, 1.0  # pixels of the file per frame


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Frames whose vectors, upwards as in files, say that all goes right and down."""
    folder = tmp_path_factory.mktemp("plate")
    plane = np.ones((2 * HEIGHT, 2 * WIDTH), np.float32)
    vectors = {
        "forward.u": RIGHT * plane,
        "forward.v": -DOWN * plane,
        "backward.u": -RIGHT * plane,
        "backward.v": DOWN * plane,
    }
    rgb = dict.fromkeys("RGB", 0.2 * plane)
    return {n: write_plate(folder / f"plate.{n}.exr", rgb | vectors) for n in range(1, FRAMES + 1)}


def speckle(shift: int) -> Float32:
    """Return blurred noise, moved to the right by whole pixels: what flow can hold on to."""
    noise = np.random.default_rng(1).random((HEIGHT, WIDTH, 3), np.float32)
    blurred = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.5), np.float32)
    return np.roll(5 * (blurred - 0.3), shift, axis=1)


def motion_of(files: dict[int, Path], folder: Path, *, own_vectors: bool = True) -> PlateMotion:
    """The motion of a plate of half the size of its files."""
    transfer, _, _ = build_transfer(resolve_config(), "ACEScg", "view", None, None)
    viewing = Viewing(transfer, "view", Window(0, 0, 2 * WIDTH, 2 * HEIGHT), (WIDTH, HEIGHT))
    plate = clip_of("plate", [speckle(2 * n) for n in range(len(files))], [*files])
    return PlateMotion(plate, files, viewing, folder, own_vectors=own_vectors)


def test_vectors_of_files_point_up_and_count_their_pixels_those_of_pictures_down(
    files: dict[int, Path], tmp_path: Path
) -> None:
    found = motion_of(files, tmp_path).between(1, 2)
    np.testing.assert_allclose(found.forward[..., 0], RIGHT / 2, atol=1e-6)
    np.testing.assert_allclose(found.forward[..., 1], DOWN / 2, atol=1e-6)
    np.testing.assert_allclose(found.backward, -found.forward, atol=1e-6)


def test_vectors_are_followed_step_by_step_over_longer_pairs(
    files: dict[int, Path], tmp_path: Path
) -> None:
    found = motion_of(files, tmp_path).between(1, 4)
    np.testing.assert_allclose(found.forward[..., 0], 3 * RIGHT / 2, atol=1e-5)
    np.testing.assert_allclose(found.backward[..., 1], -3 * DOWN / 2, atol=1e-5)


def test_the_motion_back_is_that_of_the_pair_turned_round(
    files: dict[int, Path], tmp_path: Path
) -> None:
    motion = motion_of(files, tmp_path)
    there, back = motion.between(2, 3), motion.between(3, 2)
    np.testing.assert_array_equal(there.forward, back.backward)


def test_without_vectors_the_pictures_tell(files: dict[int, Path], tmp_path: Path) -> None:
    """They move 2 to the right; the vectors of the files say something else."""
    motion = motion_of(files, tmp_path, own_vectors=False)
    found = motion.between(1, 2).forward
    assert motion.name.startswith("dis-medium")
    assert np.median(found[..., 0]) == pytest.approx(2, abs=0.2)
    assert abs(np.median(found[..., 1])) < 0.15


def test_over_a_gap_of_frames_the_pictures_tell(files: dict[int, Path], tmp_path: Path) -> None:
    there = {number: files[number] for number in (1, 2, 4)}
    found = motion_of(there, tmp_path).between(2, 4).forward
    assert np.median(found[..., 0]) == pytest.approx(2, abs=0.2)
