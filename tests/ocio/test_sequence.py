from pathlib import Path

import pytest

from ocio.errors import AmbiguousSequence, InvalidSequencePattern, MissingFrames, SequenceNotFound
from ocio.frame_range import FrameRange
from ocio.sequence import MissingPolicy, SequencePattern, find_sequence, plan_frames


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("text", ["shot.####.exr", "shot.%04d.exr", "shot.$F4.exr"])
def test_every_spelling_of_padding_four_names_the_same_file(text: str) -> None:
    assert SequencePattern.parse(text).name(7) == "shot.0007.exr"


@pytest.mark.parametrize("text", ["shot.%d.exr", "shot.#.exr", "shot.$F.exr"])
def test_a_pattern_without_padding_writes_the_bare_number(text: str) -> None:
    assert SequencePattern.parse(text).name(-12) == "shot.-12.exr"


def test_a_negative_frame_is_written_as_c_formats_it() -> None:
    assert SequencePattern.parse("shot.####.exr").name(-8) == "shot.-008.exr"


@pytest.mark.parametrize("text", ["a.####.####.exr", "####/a.####.exr"])
def test_a_pattern_with_two_numbers_is_refused(text: str) -> None:
    with pytest.raises(InvalidSequencePattern):
        SequencePattern.parse(text)


@pytest.mark.parametrize("given", ["", "a.####.exr", "a.$F4.exr", "a.0002.exr"])
def test_a_folder_a_pattern_and_a_file_lead_to_the_same_sequence(
    tmp_path: Path, given: str
) -> None:
    folder = touch(tmp_path / "s", "a.0001.exr", "a.0002.exr", "a.0004.exr", "notes.txt")
    found = find_sequence(folder / given)
    assert found.frames == (1, 2, 4)
    assert found.missing == (3,)
    assert found.path(2) == folder / "a.0002.exr"


@pytest.mark.parametrize("names", [("a.-008.exr", "a.0001.exr"), ("a.-0008.exr", "a.0001.exr")])
def test_both_styles_of_negative_frames_are_read_and_written_back_alike(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    found = find_sequence(touch(tmp_path / "s", *names) / "a.####.exr")
    assert found.frames == (-8, 1)
    assert found.path(-8).name == names[0]
    assert found.pattern.name(-8) == names[0]


def test_a_version_is_not_a_frame(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", "shot_v003.1001.exr", "shot_v003.1002.exr")
    assert find_sequence(folder).frames == (1001, 1002)
    single = touch(tmp_path / "t", "plate_v002.exr")
    assert find_sequence(single / "plate_v002.exr").path(5).name == "plate_v002.exr"


def test_a_hyphen_after_a_letter_is_no_minus_sign(tmp_path: Path) -> None:
    assert find_sequence(touch(tmp_path / "s", "shot-1001.exr") / "shot-1001.exr").frames == (1001,)


def test_frames_that_grow_beyond_their_padding_belong_to_the_sequence(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", "a.0999.exr", "a.9999.exr", "a.10000.exr", "a.00012.exr")
    assert find_sequence(folder / "a.####.exr").frames == (999, 9999, 10000)


def test_unpadded_files_are_found_from_any_of_them(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", "a.9.exr", "a.10.exr", "a.11.exr")
    assert find_sequence(folder / "a.10.exr").frames == (9, 10, 11)


def test_a_shot_on_twos_misses_nothing_between_its_frames(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", "a.1.exr", "a.3.exr", "a.5.exr", "a.9.exr")
    assert find_sequence(folder).missing == (7,)


def test_hidden_temporary_files_are_no_frames(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", "a.0001.exr", ".a.0002.exr.host@12.tmp", ".b.0001.exr")
    assert find_sequence(folder).frames == (1,)


def test_a_folder_with_two_sequences_is_refused_naming_them(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", "a.0001.exr", "b.0001.exr")
    with pytest.raises(AmbiguousSequence, match=r"a\.####\.exr, b\.####\.exr"):
        find_sequence(folder)


def test_nothing_found_is_an_error_that_names_the_path(tmp_path: Path) -> None:
    with pytest.raises(SequenceNotFound, match="nothing") as caught:
        find_sequence(tmp_path / "nothing.####.exr")
    assert caught.value.exit_code == 66


def test_a_path_that_leads_nowhere_is_answered_with_what_is_there(tmp_path: Path) -> None:
    touch(tmp_path / "s", "wolf.0001.exr", "wolf.0002.exr", "notes.0001.txt")
    with pytest.raises(SequenceNotFound, match="there is no folder '.*t'"):
        find_sequence(tmp_path / "t" / "wolf.####.exr")
    with pytest.raises(SequenceNotFound, match=r"the folder holds wolf\.####\.exr$"):
        find_sequence(tmp_path / "s" / "wulf.####.exr")


def test_every_missing_frame_is_named_before_any_work(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", *(f"a.{n:04}.exr" for n in (1, 2, 5, 6, 8)))
    with pytest.raises(MissingFrames, match="3-4,7") as caught:
        plan_frames(find_sequence(folder))
    assert caught.value.frames == (3, 4, 7)


def test_hold_shows_the_nearest_frame_and_never_writes_it(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", *(f"a.{n:04}.exr" for n in (1, 2, 5, 6)))
    plan = plan_frames(find_sequence(folder), FrameRange.parse("2-5"), "hold")
    assert [one.source.name for one in plan if one.source] == [
        "a.0002.exr",
        "a.0002.exr",
        "a.0005.exr",
        "a.0005.exr",
    ]
    assert [one.frame for one in plan if one.written] == [2, 5]


def test_hold_uses_a_frame_outside_the_range_and_takes_the_earlier_of_two(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", *(f"a.{n:04}.exr" for n in (1, 3, 6)))
    plan = plan_frames(find_sequence(folder), FrameRange.parse("2-3"), "hold")
    assert plan[0].source == folder / "a.0001.exr"


def test_skip_goes_on_without_what_is_missing_or_broken(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", *(f"a.{n:04}.exr" for n in (1, 2, 5, 6)))
    plan = plan_frames(find_sequence(folder), FrameRange.parse("1-5"), "skip", broken=[2])
    assert [(one.frame, one.source, one.written) for one in plan] == [
        (1, folder / "a.0001.exr", True),
        (5, folder / "a.0005.exr", True),
    ]


def test_black_leaves_a_missing_frame_without_a_source(tmp_path: Path) -> None:
    folder = touch(tmp_path / "s", "a.0001.exr", "a.0003.exr", "a.0004.exr")
    plan = plan_frames(find_sequence(folder), None, "black")
    assert [(one.frame, one.source is None) for one in plan][1] == (2, True)


def test_broken_frames_count_as_missing(tmp_path: Path) -> None:
    sequence = find_sequence(touch(tmp_path / "s", *(f"a.{n}.exr" for n in (1, 2, 3))))
    with pytest.raises(MissingFrames, match="broken: 2"):
        plan_frames(sequence, broken=[2])
    assert plan_frames(sequence, policy="hold", broken=[2])[1].source == sequence.path(1)


@pytest.mark.parametrize("policy", ["hold", "skip"])
def test_a_range_without_any_frame_on_disk_is_an_error_whatever_the_policy(
    tmp_path: Path, policy: MissingPolicy
) -> None:
    sequence = find_sequence(touch(tmp_path / "s", "a.1.exr"))
    with pytest.raises(MissingFrames):
        plan_frames(sequence, FrameRange.parse("50-51"), policy)
