from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenflow.checkpoints.size import ASPECT_TOLERANCE, check_size, model_size
from tokenflow.errors import InvalidJob


@pytest.mark.parametrize(
    ("native", "factor", "plate", "size"),
    [
        ((512, 512), 8, (512, 512), (512, 512)),
        ((192, 108), 4, (960, 540), (192, 108)),
        ((192, 108), 4, (540, 960), (108, 192)),
        ((768, 768), 8, (1920, 1920), (768, 768)),
        ((144, 144), 4, (416, 411), (144, 144)),  # nearly square: no whole latents come nearer
    ],
)
def test_a_plate_of_the_native_aspect_gets_the_native_size(
    native: tuple[int, int], factor: int, plate: tuple[int, int], size: tuple[int, int]
) -> None:
    assert model_size(native[0] * native[1], factor, *plate) == size


@given(
    st.sampled_from([(512 * 512, 8), (768 * 768, 8), (192 * 108, 4)]),
    st.integers(100, 8192),
    st.integers(100, 8192),
)
def test_a_size_is_whole_latents_near_the_native_area(
    native: tuple[int, int], width: int, height: int
) -> None:
    area, factor = native
    found = model_size(area, factor, width, height)
    assert found[0] % factor == found[1] % factor == 0
    if 1 / 4 <= width / height <= 4:
        assert 0.7 <= found[0] * found[1] / area <= 1.3


@pytest.mark.parametrize(
    ("area", "factor", "tolerance"), [(512 * 512, 8, ASPECT_TOLERANCE), (192 * 108, 4, 0.02)]
)
@given(height=st.integers(500, 8192), aspect=st.floats(0.4, 2.4))
def test_the_aspect_stays_the_plates(
    area: int, factor: int, tolerance: float, height: int, aspect: float
) -> None:
    width = round(height * aspect)
    found = model_size(area, factor, width, height)
    assert abs(found[0] / found[1] / (width / height) - 1) <= tolerance


def test_an_extreme_strip_still_gets_a_size() -> None:
    width, height = model_size(512 * 512, 8, 1, 10_000)
    assert width >= 8 and height >= 8


def test_a_size_of_broken_latents_is_refused_with_the_nearest_that_fits() -> None:
    with pytest.raises(InvalidJob, match="multiples of 8, and 500x500 is none. Nearest is 496x496"):
        check_size(500, 500, 8)


def test_a_size_of_whole_latents_passes() -> None:
    check_size(504, 384, 8)
