import subprocess
import sys
from pathlib import Path

import pytest

from ocio.attributes import JOB_HASH
from ocio.errors import DiskFull, OutputExists, OutputIsInput, WriteFailed
from ocio.exr import read_frame
from ocio.exr_write import write_frame
from ocio.frame_range import FrameRange
from ocio.output import check_output
from ocio.sequence import Sequence, SequencePattern, find_sequence
from tests.ocio.plates import rgb, write_plate


@pytest.fixture
def plate(tmp_path: Path) -> Sequence:
    for frame in (1, 2, 3):
        write_plate(tmp_path / "plate" / f"p.{frame:04}.exr", rgb(8, 8))
    return find_sequence(tmp_path / "plate")


def pattern(tmp_path: Path, text: str = "out/o.####.exr") -> SequencePattern:
    return SequencePattern.parse(tmp_path / text)


def snapshot(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_a_free_folder_passes_and_nothing_is_created(tmp_path: Path, plate: Sequence) -> None:
    before = snapshot(tmp_path)
    check_output(pattern(tmp_path, "new/v001/o.####.exr"), [1, 2, 3], plate)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("how", ["same", "symbolic", "hard", "folder"])
def test_the_plate_is_never_the_output_whatever_the_link(
    tmp_path: Path, plate: Sequence, how: str
) -> None:
    out = tmp_path / "out"
    if how == "folder":
        out.symlink_to(tmp_path / "plate")
    elif how != "same":
        out.mkdir()
        make = Path.symlink_to if how == "symbolic" else Path.hardlink_to
        make(out / "p.0002.exr", plate.path(2))
    folder = "plate" if how == "same" else "out"
    with pytest.raises(OutputIsInput, match=r"p\.000[12]\.exr") as caught:
        check_output(pattern(tmp_path, f"{folder}/p.####.exr"), [1, 2], plate, overwrite=True)
    assert caught.value.exit_code == 73


def test_existing_frames_are_all_named_unless_overwriting_or_resuming(
    tmp_path: Path, plate: Sequence
) -> None:
    for frame in (1, 3):
        made = read_frame(plate.path(frame))
        write_frame(
            tmp_path / "out" / f"o.{frame:04}.exr", made, attributes={JOB_HASH: "any of ours"}
        )
    with pytest.raises(OutputExists, match=r"already there: 1,3"):
        check_output(pattern(tmp_path), [1, 2, 3], plate)
    check_output(pattern(tmp_path), [1, 2, 3], plate, overwrite=True)
    again = check_output(pattern(tmp_path), [1, 2, 3], plate, resume=True, job_hash="ours now")
    assert again == FrameRange.of([1, 3])


def test_a_resumed_job_replaces_no_frame_that_somebody_else_made(
    tmp_path: Path, plate: Sequence
) -> None:
    out = pattern(tmp_path)
    write_plate(out.path(2), rgb(8, 8))
    with pytest.raises(OutputExists, match=r"in the way: 2 "):
        check_output(out, [1, 2, 3], plate, resume=True)
    out.path(2).write_bytes(out.path(2).read_bytes()[:50])
    check_output(out, [1, 2, 3], plate, resume=True)


def test_frames_of_other_work_beside_ours_are_refused_and_those_of_our_job_are_not(
    tmp_path: Path, plate: Sequence
) -> None:
    write_frame(
        tmp_path / "out" / "o.0003.exr", read_frame(plate.path(3)), attributes={JOB_HASH: "j"}
    )
    check_output(pattern(tmp_path), [1, 2], plate, job_hash="j")
    with pytest.raises(OutputExists, match="other frames of that name: 3"):
        check_output(pattern(tmp_path), [1, 2], plate, job_hash="another")


def test_many_frames_need_a_place_for_their_number(tmp_path: Path, plate: Sequence) -> None:
    with pytest.raises(WriteFailed, match="no place for the frame number"):
        check_output(pattern(tmp_path, "out.exr"), [1, 2], plate)
    check_output(pattern(tmp_path, "out.exr"), [1], plate)


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path, plate: Sequence) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(WriteFailed, match="not a folder"):
        check_output(pattern(tmp_path), [1], plate)


LOCKED = """
import os, sys
from ocio.errors import NoPermission
from ocio.output import check_output
from ocio.sequence import Sequence, SequencePattern
if os.geteuid() == 0:  # root may write anywhere
    os.setuid(65534)
try:
    check_output(SequencePattern.parse(sys.argv[1]), [1], Sequence(SequencePattern.parse("p"), ()))
except NoPermission as error:
    print(error.exit_code, error)
"""


def test_a_folder_without_permission_is_found_beforehand(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o555)
    target = str(tmp_path / "out" / "v001" / "o.####.exr")
    done = subprocess.run(
        [sys.executable, "-c", LOCKED, target], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("77 not allowed to")


def test_too_little_space_for_the_whole_range_is_found_beforehand(
    tmp_path: Path, plate: Sequence
) -> None:
    size = 2**50
    with plate.path(1).open("r+b") as file:
        try:
            file.truncate(size)  # a hole: it only looks big
        except OSError:
            size = 2**40
            file.truncate(size)
    with pytest.raises(DiskFull, match="3 frames need about") as caught:
        check_output(pattern(tmp_path), [1, 2, 3], plate)
    assert caught.value.exit_code == 73
