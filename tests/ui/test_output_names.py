"""Names of results: versions, tries, what lies beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocio.frame_range import FrameRange
from ocio.sequence import SequencePattern
from tokenflow.pipeline.record import record_name
from ui.output_names import (
    default_output,
    find_versions,
    frames_on_disk,
    name_of,
    next_try,
    next_version,
    record_of,
    try_output,
    version_of,
    version_root,
    with_version,
)


def write(pattern: Path, *frames: int) -> None:
    pattern.parent.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        Path(str(pattern).replace("####", f"{frame:04d}")).touch()


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("/p/sh010_comp_v012.####.exr", "sh010_comp_v012"),
        ("/p/shot.%04d.exr", "shot"),
        ("/p/shot_$F4.exr", "shot"),
        ("/p/plate/####.exr", "plate"),
        ("/p/shot.1001.exr", "shot"),
        ("/p/plate", "plate"),
    ],
)
def test_a_sequence_is_called_by_what_stands_before_its_number(pattern: str, name: str) -> None:
    assert name_of(pattern) == name


def test_the_first_result_stands_beside_the_plates_folder() -> None:
    path = default_output("/shows/sh010/plate/sh010_comp_v012.####.exr")
    assert path == "/shows/sh010/edit/v001/sh010_comp_v001.####.exr"


def test_the_hosts_root_is_taken_where_there_is_one() -> None:
    path = default_output("/shows/sh010/plate/sh010.####.exr", Path("/renders"))
    assert path == "/renders/v001/sh010_v001.####.exr"


def test_another_version_changes_folder_and_name_and_not_the_plates_version() -> None:
    path = "/shows/comp_v012/edit/v003/sh010_v003.####.exr"
    assert version_of(path) == 3
    assert with_version(path, 13) == "/shows/comp_v012/edit/v013/sh010_v013.####.exr"


def test_the_number_of_digits_stays() -> None:
    assert with_version("/e/v0003/a_v0003.####.exr", 4) == "/e/v0004/a_v0004.####.exr"


def test_a_path_without_a_version_gets_a_folder() -> None:
    assert with_version("/e/a.####.exr", 2) == "/e/v002/a.####.exr"
    assert version_of("/e/a.####.exr") is None


def test_a_word_with_a_v_and_digits_in_it_is_no_version() -> None:
    assert version_of("/shows/mov12/dev3x/a.####.exr") is None


def test_versions_on_disk_are_found_with_their_frames_newest_first(tmp_path: Path) -> None:
    write(tmp_path / "v001" / "a_v001.####.exr", 1001, 1002)
    write(tmp_path / "v003" / "a_v003.####.exr", 1001)
    write(tmp_path / "v004" / "other.####.exr", 1001)
    (tmp_path / "v003" / "a_v003.job.json").write_text("{}")
    found = find_versions(str(tmp_path / "v002" / "a_v002.####.exr"))
    assert [(each.name, str(each.frames)) for each in found] == [
        ("v003", "1001"),
        ("v001", "1001-1002"),
    ]
    assert found[0].record == tmp_path / "v003" / "a_v003.job.json"
    assert found[1].record is None


def test_the_next_version_is_free_even_of_other_files(tmp_path: Path) -> None:
    write(tmp_path / "v004" / "other.####.exr", 1001)
    assert next_version(str(tmp_path / "v001" / "a_v001.####.exr")) == 5
    assert next_version(str(tmp_path / "nowhere" / "v001" / "a_v001.####.exr")) == 1


def test_tries_lie_beside_the_versions_and_are_counted(tmp_path: Path) -> None:
    path = str(tmp_path / "v003" / "a_v003.####.exr")
    assert version_root(path) == tmp_path
    assert next_try(path) == 1
    (tmp_path / "tries" / "007").mkdir(parents=True)
    assert next_try(path) == 8
    assert try_output(path, 8) == str(tmp_path / "tries" / "008" / "a_v003.####.exr")


def test_frames_on_disk_are_those_of_the_pattern_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.####.exr", 1001, 1003, -5)
    write(tmp_path / "ab.####.exr", 1002)
    (tmp_path / "a.1004.exr.tmp").touch()
    assert frames_on_disk(str(tmp_path / "a.####.exr")) == FrameRange.of([-5, 1001, 1003])
    assert frames_on_disk(str(tmp_path / "no" / "a.####.exr")) == FrameRange()


@pytest.mark.parametrize("name", ["sh010_v003.####.exr", "shot_.%04d.exr", "####.exr"])
def test_the_report_is_looked_for_where_the_engine_writes_it(tmp_path: Path, name: str) -> None:
    pattern = SequencePattern.parse(tmp_path / name)
    wanted = tmp_path / f"{record_name(pattern)}.report.json"
    assert record_of(str(tmp_path / name)) == wanted
    part = tmp_path / f"{record_name(pattern)}.report.1001-1012.json"
    assert record_of(str(tmp_path / name), "1001-1012") == part
