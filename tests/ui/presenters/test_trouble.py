"""Errors in the panel's words."""

from __future__ import annotations

from ocio.errors import UnreadableFrame
from tokenflow.errors import OutOfMemory, error_json
from ui.presenters.trouble import of_error, of_json


def test_an_error_of_ours_tells_sentence_frame_remedy_and_whether_to_try_again() -> None:
    trouble = of_error(OutOfMemory("too little memory", hint="Take a smaller size.", frame=1017))
    assert trouble.sentence == "too little memory (frame 1017)"
    assert trouble.remedy == "Take a smaller size."
    assert trouble.retryable
    assert trouble.frame == 1017


def test_a_frame_that_the_sentence_names_is_not_named_twice() -> None:
    error = UnreadableFrame("frame 1017 is cut short", frame=1017, path="/p/a.1017.exr")
    assert of_error(error).sentence == "frame 1017 is cut short"


def test_an_error_says_the_same_here_and_from_the_service() -> None:
    error = OutOfMemory("too little memory", hint="Take less.")
    assert of_json(error_json(error)) == of_error(error)
    assert "code: out_of_memory" in of_error(error).details


def test_any_other_error_is_a_fault_of_ours_with_its_trace_under_details() -> None:
    def fault() -> None:
        raise KeyError("which")

    try:
        fault()
    except KeyError as error:
        trouble = of_error(error)
    assert trouble.code == "internal"
    assert "report" in trouble.remedy
    assert "in fault" in trouble.details
    assert not trouble.retryable
