import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocio.errors import InvalidFrameRange
from ocio.frame_range import FrameRange

frames = st.sets(st.integers(-2000, 2000), max_size=40)


@given(frames)
def test_the_canonical_text_reads_back_as_the_same_frames(numbers: set[int]) -> None:
    if numbers:
        assert FrameRange.parse(str(FrameRange.of(numbers))) == FrameRange.of(numbers)


@given(st.integers(-300, 300), st.integers(0, 300), st.integers(1, 9))
def test_the_text_of_one_range_with_a_step_is_one_chunk(first: int, length: int, step: int) -> None:
    wanted = FrameRange.of(range(first, first + length + 1, step))
    assert len(wanted) < 3 or str(wanted).count(",") == 0


@pytest.mark.parametrize(
    ("text", "numbers", "canonical"),
    [
        ("1001-1005x2,1010", [1001, 1003, 1005, 1010], "1001-1005x2,1010"),
        ("1001-1006x2", [1001, 1003, 1005], "1001-1005x2"),
        ("1-5:2", [1, 3, 5], "1-5x2"),
        ("-8--5", [-8, -7, -6, -5], "-8--5"),
        ("-2-1", [-2, -1, 0, 1], "-2-1"),
        ("5, 3,3,4", [3, 4, 5], "3-5"),
        ("1,3", [1, 3], "1,3"),
        ("7", [7], "7"),
    ],
)
def test_ranges_read_and_print_in_canonical_form(
    text: str, numbers: list[int], canonical: str
) -> None:
    parsed = FrameRange.parse(text)
    assert list(parsed) == numbers
    assert str(parsed) == canonical


@pytest.mark.parametrize(
    "text", ["", "a", "10-1", "1-5x0", "1..5", "1-", "1,,2", "1-5x-1", "١-٥", "1-999999999"]
)
def test_what_is_no_range_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidFrameRange) as caught:
        FrameRange.parse(text)
    assert caught.value.hint
    assert caught.value.exit_code == 65


def test_a_descending_range_is_refused_and_the_message_shows_the_right_order() -> None:
    with pytest.raises(InvalidFrameRange, match="write 1-10"):
        FrameRange.parse("10-1")


def test_a_slice_of_a_range_is_a_range() -> None:
    assert str(FrameRange.parse("1-10")[2:4]) == "3-4"
