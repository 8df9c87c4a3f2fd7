import inspect
from pathlib import Path

import pytest

from ocio import errors
from ocio.errors import OcioError, UnknownColourSpace, UnreadableFrame

LEAVES = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, OcioError) and value is not OcioError
]


def test_an_error_is_one_line_with_frame_file_and_remedy() -> None:
    error = UnreadableFrame(
        "it is\ndamaged", hint="render it again", frame=12, path=Path("/a/b.exr")
    )
    assert str(error) == "it is damaged (frame 12) (/a/b.exr) - render it again"


def test_frame_and_file_are_not_said_twice() -> None:
    error = UnreadableFrame("'b.0012.exr' is damaged", frame=12, path="/a/b.0012.exr")
    assert str(error) == "'b.0012.exr' is damaged"


def test_a_frame_number_inside_another_number_is_not_the_frame() -> None:
    assert "(frame 1)" in str(UnreadableFrame("b.0012.exr is damaged", frame=1))


def test_the_code_is_the_class_name_for_machines() -> None:
    assert UnknownColourSpace("x").code == "unknown_colour_space"


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_leaf_has_an_exit_code_of_the_contract(leaf: type[OcioError]) -> None:
    assert leaf.exit_code in {65, 66, 70, 73, 77, 78}
    assert not leaf.retryable
