from __future__ import annotations

import pytest

import tokenflow.errors
from tokenflow.errors import (
    Cancelled,
    CheckpointDamaged,
    CheckpointMissing,
    CheckpointRejected,
    InvalidJob,
    NonFiniteResult,
    NoPermission,
    OutOfMemory,
    Terminated,
    TokenFlowError,
    UnreadableJob,
    WorkspaceUnusable,
)


def test_an_error_is_one_line_with_frame_file_and_remedy() -> None:
    error = NonFiniteResult("NaN at\nstep 3", hint="Use float32.", frame=7, path="a/b.exr")
    assert str(error) == "NaN at step 3 (frame 7) (a/b.exr). Use float32."


def test_an_error_does_not_repeat_a_frame_and_file_that_its_message_names() -> None:
    assert str(NonFiniteResult("frame 7 of b.exr is black", frame=7, path="b.exr")) == (
        "frame 7 of b.exr is black"
    )


def test_a_frame_number_inside_a_longer_number_does_not_count_as_named() -> None:
    assert str(NonFiniteResult("1007 is black", frame=7)) == "1007 is black (frame 7)"


def test_a_negative_frame_is_named_with_its_sign() -> None:
    assert str(NonFiniteResult("black at 5", frame=-5)) == "black at 5 (frame -5)"


def test_the_code_is_the_name_in_snake_case() -> None:
    assert OutOfMemory("x").code == "out_of_memory"


@pytest.mark.parametrize(
    ("leaf", "exit_code"),
    [
        (InvalidJob, 65),
        (CheckpointRejected, 65),
        (UnreadableJob, 66),
        (NonFiniteResult, 70),
        (WorkspaceUnusable, 73),
        (OutOfMemory, 75),
        (NoPermission, 77),
        (CheckpointMissing, 78),
        (CheckpointDamaged, 78),
        (Cancelled, 130),
        (Terminated, 143),
    ],
)
def test_exit_codes_are_those_of_the_contract(leaf: type[TokenFlowError], exit_code: int) -> None:
    assert leaf.exit_code == exit_code


def test_only_temporary_failures_may_be_retried() -> None:
    leaves = [
        each
        for each in vars(tokenflow.errors).values()
        if isinstance(each, type) and issubclass(each, TokenFlowError)
    ]
    assert {each for each in leaves if each.retryable} == {
        each for each in leaves if each.exit_code == 75
    }
