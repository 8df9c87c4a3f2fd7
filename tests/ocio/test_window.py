from dataclasses import dataclass

import numpy as np
import pytest

from ocio.errors import FramesDiffer
from ocio.exr import inspect
from ocio.sequence import find_sequence
from ocio.window import EditRectangle, Window, edit_rectangle
from tests.ocio.plates import shared_plate

DISPLAY = Window(0, 0, 100, 50)


@dataclass(frozen=True)
class Header:
    data_window: Window
    display_window: Window = DISPLAY
    pixel_aspect: float = 1.0


def test_the_rectangle_is_the_union_of_data_windows() -> None:
    frames = [(1, Header(Window(10, 5, 20, 20))), (2, Header(Window(25, 2, 30, 10)))]
    assert edit_rectangle(frames).window == Window(10, 2, 45, 23)


def test_ten_percent_of_overscan_is_edited_and_fades_where_more_lies_beyond() -> None:
    rectangle = edit_rectangle([(1, Header(Window(-30, 0, 130, 53)))])
    assert rectangle.window == Window(-10, 0, 110, 53)
    assert rectangle.feather == (10, 0, 0, 0)


def test_a_plate_without_overscan_is_edited_to_its_very_border() -> None:
    rectangle = edit_rectangle([(1, Header(Window(0, 0, 100, 50)))])
    assert (rectangle.fade(rectangle.window) == 1.0).all()


def test_the_fade_is_0_at_the_border_and_beyond_and_1_inside_the_display_window() -> None:
    rectangle = EditRectangle(Window(-10, 0, 110, 50), (10, 0, 0, 0))
    fade = rectangle.fade(Window(-30, 0, 130, 50))
    assert (fade[:, :20] == 0.0).all()
    assert (fade[:, 30:] == 1.0).all()
    assert (np.diff(fade[0, 20:30]) > 0).all()


@pytest.mark.parametrize(
    "other",
    [
        Header(Window(0, 0, 100, 50), Window(0, 0, 200, 50)),
        Header(Window(0, 0, 100, 50), Window(1, 0, 100, 50)),
        Header(Window(0, 0, 100, 50), pixel_aspect=2.0),
    ],
)
def test_frames_of_different_sizes_are_refused_naming_the_frame(other: Header) -> None:
    frames = [(7, Header(Window(0, 0, 100, 50))), (8, other)]
    with pytest.raises(FramesDiffer, match="frame 8 .* frame 7") as caught:
        edit_rectangle(frames)
    assert (caught.value.exit_code, caught.value.frame) == (65, 8)


def test_data_windows_may_change_from_frame_to_frame_as_in_a_real_crop() -> None:
    sequence = find_sequence(shared_plate("beachball"))
    headers = [(n, inspect(sequence.path(n)).parts[0]) for n in sequence.frames]
    rectangle = edit_rectangle(headers)
    assert len({header.data_window for _, header in headers}) == len(headers)
    limit = headers[0][1].display_window.grown(205, 156)
    assert rectangle.window.intersection(limit) == rectangle.window


def test_a_plate_outside_its_display_window_is_refused() -> None:
    with pytest.raises(FramesDiffer, match="outside"):
        edit_rectangle([(1, Header(Window(500, 0, 10, 10)))])


def test_the_aspect_counts_the_pixels_own() -> None:
    assert EditRectangle(Window(0, 0, 100, 50)).aspect(2.0) == 4.0


def test_a_window_finds_its_place_in_another() -> None:
    whole = np.arange(20).reshape(4, 5)
    outer, inner = Window(-2, 3, 5, 4), Window(-1, 4, 2, 2)
    assert whole[inner.slices_in(outer)].tolist() == [[6, 7], [11, 12]]
