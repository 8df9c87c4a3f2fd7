from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from ocio.errors import NoPermission, WriteFailed
from ocio.versions import asks_for_version, next_version, reserved_version


@pytest.mark.parametrize(
    ("path", "asks"),
    [
        ("edit/v###", True),
        ("edit/v###/", True),
        ("edit/sh010_v##/sh010_v##.####.exr", True),
        ("edit/shot.####.exr", False),
        ("edit/v####.exr", False),
        ("edit/rev###/x.####.exr", False),
    ],
)
def test_a_version_is_open_where_a_folder_says_v_and_signs(path: str, asks: bool) -> None:
    assert asks_for_version(path) == asks


def test_the_first_version_is_1(tmp_path: Path) -> None:
    assert next_version(f"{tmp_path}/edit/v###") == f"{tmp_path}/edit/v001"


def test_the_next_version_follows_the_highest_and_frames_keep_their_signs(tmp_path: Path) -> None:
    for name in ("v001", "v007", "v9_old", "w012"):
        (tmp_path / name).mkdir()
    path = f"{tmp_path}/v###/shot_v###.####.exr"
    assert next_version(path) == f"{tmp_path}/v008/shot_v008.####.exr"


def test_versions_of_another_shot_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "sh020_v005").mkdir()
    assert next_version(f"{tmp_path}/sh010_v###") == f"{tmp_path}/sh010_v001"


def test_jobs_that_begin_at_once_never_share_a_version(tmp_path: Path) -> None:
    with ExitStack() as held, ThreadPoolExecutor(8) as pool:
        path = f"{tmp_path}/v###/a.####.exr"
        taken = list(pool.map(lambda _: held.enter_context(reserved_version(path)), range(40)))
    assert len(set(taken)) == 40


def test_a_version_in_which_nothing_was_put_is_free_again(tmp_path: Path) -> None:
    with reserved_version(f"{tmp_path}/v###") as first:
        pass
    with reserved_version(f"{tmp_path}/v###") as second:
        (Path(second) / "frame.exr").touch()
    assert first == second
    assert Path(second).is_dir()


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "edit").touch()
    with pytest.raises((WriteFailed, NoPermission)), reserved_version(f"{tmp_path}/edit/v###"):
        pass
